"""A plan as data: what is computed, in which order, and where the workflow's outputs come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from pydra_diffconn.program.wires import Wire
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


@dataclass
class Plan:
    """What is computed, in this order, and where the workflow's outputs come from."""

    planned: list[Planned]
    outputs: dict[str, Wire]
    notes: list[str] = field(default_factory=list)
    """What was changed, and why that is allowed."""

    def consumers(self, key: tuple[str, str]) -> Iterator[tuple[Planned, str]]:
        for one in self.planned:
            for name, wire in one.wires.items():
                if wire.kind == "step" and wire.value == key:
                    yield one, name

    def is_output(self, path: str) -> bool:
        return any(wire.kind == "step" and wire.value[0] == path for wire in self.outputs.values())


def redirect(made: Plan, old: tuple[str, str], new: Wire) -> None:
    """Let everything that takes an output take another one, with its own index and space."""

    def moved(wire: Wire) -> Wire:
        taken = wire.kind == "step" and wire.value == old
        return replace(wire, kind=new.kind, value=new.value) if taken else wire

    def all_moved(wires: Mapping[str, Wire]) -> dict[str, Wire]:
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
        yield from (wire for name, wire in wires.items() if number == 0 or name != _main(step))


def arrays_of(wire: Wire) -> Iterator[str]:
    """Yield the arrays of the run that a wire takes."""
    if wire.kind == "array":
        yield wire.value
    elif wire.kind == "ragged":
        assert wire.index is not None  # says which of the values are names of arrays
        yield from (name for name, is_array in zip(wire.value, wire.index, strict=True) if is_array)


def _main(step: Step) -> str:
    return step.declaration.linear_in or step.declaration.main_input


def _output(one: Planned) -> tuple[str, str]:
    return one.path, next(iter(one.step.declaration.outputs))
