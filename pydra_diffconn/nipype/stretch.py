"""The blocks of a workflow of Nipype as one Pydra workflow, whose nodes keep their dotted names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydra.compose import workflow

from pydra_diffconn import pydra_compat


@dataclass(frozen=True)
class Step:
    """One block (or workflow of blocks), and where its inputs come from."""

    path: str
    kind: Any
    constants: Mapping[str, Any]
    """Numbers, marks and options that stand in the node."""
    given: Mapping[str, str]
    """Inputs that are inputs of the whole, by their names there."""
    links: Mapping[str, tuple[str, str]]
    """Inputs that are outputs of other steps: (path, field)."""
    iterfield: tuple[str, ...] = ()
    """What a MapNode runs over."""


@dataclass(frozen=True)
class Stretch:
    """All blocks that are fused, what they are given, and how many runs there are."""

    name: str
    steps: tuple[Step, ...]
    shared: Mapping[str, Any]
    """Inputs that are the same in all runs."""
    varying: Mapping[str, list[Any]]
    """Inputs with a value for each run; empty if the workflow has no iterables."""
    labels: tuple[str, ...] = field(default=())
    """What tells the runs apart, in Nipype's words, such as `_run_1`."""

    @property
    def outputs(self) -> dict[str, tuple[str, str]]:
        """Every output field of every block, by `node.field`."""
        pairs = [(step.path, name) for step in self.steps for name in pydra_compat.field_names(step.kind.Outputs)]
        return {f"{path}.{name}": (path, name) for path, name in pairs}

    @property
    def ends(self) -> list[str]:
        """The outputs of the blocks from which no other block takes anything."""
        taken = {path for step in self.steps for path, _ in step.links.values()}
        return [name for name, (path, _) in self.outputs.items() if path not in taken]

    def task(self, outputs: list[str]) -> Any:
        """Return a Pydra task with these outputs, split over the runs."""
        recipe = (self.steps, tuple(self.outputs[name] for name in outputs))
        inputs: dict[str, Any] = {
            n: workflow.arg(name=n, type=Any, default=None) for n in (*self.shared, *self.varying)
        }
        inputs["diffconn_stretch"] = workflow.arg(name="diffconn_stretch", type=Any, default=recipe)
        names = {f"output_{number}": name for number, name in enumerate(outputs)}
        made: Any = workflow.define(
            build, inputs=inputs, outputs=dict.fromkeys(names, Any), name=as_identifier(self.name)
        )
        made.diffconn_outputs = names
        task = made(**self.shared)
        return task.split(tuple(self.varying), **self.varying) if self.varying else task


def as_identifier(name: str) -> str:
    """Return a name of Nipype's, which may have points, hyphens and a first digit, as one that Python allows."""
    made = re.sub(r"\W", "_", name)
    return made if made.isidentifier() and not made.startswith("_") else f"n{made}"


def build(**inputs: Any) -> Any:
    """Build the workflow of a stretch."""
    steps, outputs = inputs.pop("diffconn_stretch")
    made: dict[str, Any] = {}
    for step in steps:
        values = {name: inputs[given] for name, given in step.given.items()}
        values |= {name: getattr(made[path], output) for name, (path, output) in step.links.items()}
        each = {name: values.pop(name) for name in step.iterfield}
        task = step.kind(**step.constants, **values)
        if each:
            over: Any = tuple(each) if len(each) > 1 else next(iter(each))
            task = task.split(over, **each).combine(list(each))
        made[step.path] = workflow.add(task, name=step.path)
    found = tuple(getattr(made[path], output) for path, output in outputs)
    return found if len(found) > 1 else found[0]
