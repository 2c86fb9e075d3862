"""A plan as data: what is computed, in which order, and where the workflow's outputs come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydra_diffconn.program.wires import FromArray, FromParameter, FromStep, Key, Wire
from pydra_diffconn.report import notebook
from pydra_diffconn.workflow.graph import Step


@dataclass(frozen=True)
class Planned:
    """One thing to compute: a step, or several steps over time as one matrix (`chain`)."""

    step: Step
    wires: Mapping[str, Wire]
    chain: tuple[tuple[Step, Mapping[str, Wire]], ...] = ()
    """The steps before `step` that are applied together with it; the first one's main wire is the input."""

    @property
    def path(self) -> str:
        return self.step.path

    @property
    def paths(self) -> str:
        """The paths of all steps that are applied together, as they are shown."""
        return ", ".join([*(step.path for step, _ in self.chain), self.path])


@dataclass
class Plan:
    """What is computed, in this order, and where the workflow's outputs come from."""

    planned: list[Planned]
    outputs: dict[str, FromArray | FromStep | FromParameter]
    notes: list[str] = field(default_factory=list)
    """What was changed, and why that is allowed."""

    def _repr_html_(self) -> str:
        """Show the order of the steps, and why it differs from what was written, in a notebook."""
        rows = [[number, one.paths, one.step.declaration.id] for number, one in enumerate(self.planned, start=1)]
        return notebook.card("Plan", "", [{"head": ["", "step", "block"], "rows": rows}], self.notes)

    def consumers(self, key: Key) -> Iterator[tuple[Planned, str]]:
        """Yield what takes an output, and by which argument."""
        for one in self.planned:
            for name, wire in one.wires.items():
                if isinstance(wire, FromStep) and wire.key == key:
                    yield one, name

    def maker(self, wire: Wire) -> Planned | None:
        """Return what makes the value that comes by a wire, if a step does."""
        path = wire.path if isinstance(wire, FromStep) else None
        return next((one for one in self.planned if one.path == path), None)

    def is_output(self, path: str) -> bool:
        """Say whether an output of a step is one of the workflow."""
        return any(isinstance(wire, FromStep) and wire.path == path for wire in self.outputs.values())


def redirect(made: Plan, old: Key, new: FromArray | FromStep) -> None:
    """Let everything that takes an output take another one, with its own index and space."""

    def moved(wire: Any) -> Any:
        if not (isinstance(wire, FromStep) and wire.key == old):
            return wire
        return replace(new, index=wire.index, spaces=wire.spaces)

    def all_moved(wires: Mapping[str, Any]) -> dict[str, Any]:
        return {name: moved(wire) for name, wire in wires.items()}

    made.planned[:] = [
        replace(one, wires=all_moved(one.wires), chain=tuple((s, all_moved(w)) for s, w in one.chain))
        for one in made.planned
    ]
    made.outputs = all_moved(made.outputs)


def inputs_of(one: Planned) -> Iterator[Wire]:
    """Yield the wires by which values come to what is planned: within a chain, the series is handed on."""
    steps = [*one.chain, (one.step, one.wires)]
    for number, (step, wires) in enumerate(steps):
        yield from (wire for name, wire in wires.items() if number == 0 or name != main_argument(step))


def main_argument(step: Step) -> str:
    """Return the argument in which a step is linear, or its main input."""
    return step.declaration.linear_in or step.declaration.main_input


def output_of(one: Planned) -> Key:
    """Return the first output of what is planned."""
    return one.path, next(iter(one.step.declaration.outputs))
