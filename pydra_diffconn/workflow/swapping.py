"""Other steps, or learned values, in somebody's workflow: the result is a workflow with the same interface."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import attrs
from pydra.compose.base import Task
from pydra.utils.typing import is_lazy

from pydra_diffconn import pydra_compat
from pydra_diffconn.workflow import deriving
from pydra_diffconn.workflow.construction import used_outputs
from pydra_diffconn.workflow.known_steps import Equivalents, equivalent_step, registered
from pydra_diffconn.workflow.replacing import Replacements
from pydra_diffconn.workflow.splits import names_of


def swap(
    their: Any,
    steps: Mapping[str | type, Any] | None = None,
    fields: Mapping[str | type, Mapping[str, str | None]] | None = None,
) -> Any:
    """Return a workflow with the same inputs and outputs and other steps in the place of some.

    Parameters
    ----------
    their : workflow class or workflow task
        It is not changed.
    steps : mapping, optional
        Name of a node (in nested workflows with dots), or a task class for all nodes of that class, to the task that
        stands in its place: `{"clean": BandPass(low=Learn(0.01))}`. It takes over the node's connections, its split and
        those values that it was not given itself. Without `steps`, all steps with a registered equivalent are
        swapped, see `proposals`.
    fields : mapping, optional
        Where names differ, for each node or task class: their input or output to ours,
        `{"clean": {"in_file": "timeseries", "out_file": "timeseries"}}`. None leaves an input out.

    Returns
    -------
    workflow class or task
        What was given: a class, or a task with the same inputs and split.

    Raises
    ------
    ValueError
        When the workflow is constructed: if a node is unknown, or a connection has no counterpart; both fields are
        named. At once: if `steps` is empty.
    """
    if steps is None:
        change: Any = Equivalents(tuple(registered()))
    elif not isinstance(steps, Mapping) or not isinstance(fields or {}, Mapping):
        raise ValueError(
            f"swap: steps is {steps!r}; expected tasks by name of the node, as in {{'f': BandPass(low=0.01)}}"
        )
    elif not steps:
        raise ValueError("swap: no steps were given; leave `steps` out to swap all that have a registered equivalent")
    else:
        change = Replacements(
            tuple((which, task, dict((fields or {}).get(which, {}))) for which, task in steps.items())
        )
        wrong = [f"{which}: {task!r}" for which, task in steps.items() if not isinstance(task, Task)]
        if wrong:
            raise ValueError(f"swap: {', '.join(wrong)} is no task; give one with its values, as in BandPass(low=0.01)")
        unknown = [str(which) for which in fields or {} if which not in steps]
        if unknown:
            raise ValueError(f"swap: fields were given for {', '.join(unknown)}, which is not to be swapped")
    return deriving.derive(their, change) if isinstance(their, type) else deriving.derive_task(their, change=change)


@dataclass(frozen=True)
class Proposal:
    """What stands, or why nothing does, for one step of a workflow."""

    path: str
    theirs: str
    ours: Any = None
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.path} ({self.theirs}): {type(self.ours).__name__ if self.ours else self.reason}"


def proposals(their: Any) -> list[Proposal]:
    """Return, for each step of a workflow task (nested ones included), what `swap` would put in its place, or why not.

    Parameters
    ----------
    their : workflow task
        With the inputs that its construction depends on; those it is split over need not be there.
    """
    if isinstance(their, type):
        raise ValueError(f"{their.__name__} is a class; give it the inputs that are known: {their.__name__}(...)")
    pydra_compat.require_workflow(their)
    split = tuple(names_of(pydra_compat.splitter(their)))
    missing = tuple(name for name, value in deriving.inputs_of(their).items() if value is attrs.NOTHING)
    graph = pydra_compat.construct(pydra_compat.without_split(their), (*split, *missing), check=False)
    outputs = tuple(getattr(graph.outputs, name) for name in pydra_compat.field_names(type(their).Outputs))
    found: list[Proposal] = []
    for node in graph.nodes:
        task = pydra_compat.node_task(node)
        step, reason = equivalent_step(task, registered(), used_outputs(graph, node.name, outputs))
        if step is None and pydra_compat.is_workflow(task):
            found += [replace(one, path=f"{node.name}.{one.path}") for one in proposals(_symbolic(task))]
        else:
            found.append(Proposal(node.name, type(task).__name__, step[0] if step else None, reason))
    return found


def _symbolic(task: Any) -> Any:
    """Return a nested workflow with what is not known before it runs left out."""
    unknown = [name for name, value in deriving.inputs_of(task).items() if is_lazy(value)]
    return attrs.evolve(pydra_compat.without_split(task), **dict.fromkeys(unknown, attrs.NOTHING))
