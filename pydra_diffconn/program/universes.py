"""Many pipelines of one program, each with some mixtures decided: what several of them share is computed once.

A program that mixes computes all options of a choice. Here each step is a compiled function by itself, and is called
for each of its inputs that differ, so that two hundred pipelines of three choices compile no more than one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pydra_diffconn.program.execution import Lookup
from pydra_diffconn.program.plan import Planned, inputs_of
from pydra_diffconn.program.program import Program
from pydra_diffconn.program.run import Run
from pydra_diffconn.program.wires import FromParameter, FromStep, Key, Static, Wire, arrays_of


@dataclass(frozen=True)
class Universe:
    """One pipeline: the option of each mixture that is decided, by the path of its node, and the parameters."""

    options: Mapping[str, str]
    parameters: Mapping[str, Any]


def outputs_of_each(
    program: Program, universes: Sequence[Universe], names: Sequence[str]
) -> Iterator[list[dict[str, np.ndarray]]]:
    """Yield, for each run of a program, these outputs of each universe.

    Raises
    ------
    ValueError
        If a mixture is not a step of the program's plan by itself.
    """
    padded = program.padded
    groups = {
        numbers[0]: _Group(padded, padded.runs[numbers[0]], universes, names) for numbers in padded.groups.values()
    }
    for number, run in enumerate(padded.runs):
        yield groups[padded.group_of(number)[0]].outputs(run)


class _Group:
    """The pipelines of runs of one signature, of which the first stands for all: what is computed, and compiled."""

    def __init__(self, program: Program, template: Run, universes: Sequence[Universe], names: Sequence[str]) -> None:
        self.program, self.template, self.universes = program, template, universes
        made = program.plan_of(template)
        self.planned, self.outputs_by = made.planned, {name: made.outputs[name] for name in names}
        self.numbers: dict[Any, int] = {}
        """What is computed from what, and its number."""
        self.steps = [self._numbered(universe) for universe in universes]
        """Of each universe what it computes, by path: the number of the result, which others may share."""
        self.compiled: dict[Any, Any] = {}

    def outputs(self, run: Run) -> list[dict[str, np.ndarray]]:
        """Return the outputs of each universe; a result is held as long as another universe needs it."""
        left = Counter(number for steps in self.steps for number in set(steps.values()))
        done: dict[int, tuple[Any, ...]] = {}
        found = []
        for universe, steps in zip(self.universes, self.steps, strict=True):
            values: dict[Key, Any] = {}
            for one in (one for one in self.planned if one.path in steps):
                number = steps[one.path]
                if number not in done:
                    done[number] = self._computed(one, run, universe, values)
                values |= zip(((one.path, o) for o in one.step.declaration.outputs), done[number], strict=True)
            lookup = Lookup(universe.parameters, run.arrays, values)
            found.append({name: _own_frames(name, lookup(wire), run) for name, wire in self.outputs_by.items()})
            for number in set(steps.values()):
                left[number] -= 1
                if not left[number]:
                    del done[number]
        return found

    def _numbered(self, universe: Universe) -> dict[str, int]:
        if missing := sorted(set(universe.options) - {one.path for one in self.planned}):
            raise ValueError(f"{missing[0]} is no step of the plan by itself")
        wires = {one.path: list(_inputs_of(one, universe)) for one in self.planned}
        wanted = {wire.path for wire in self.outputs_by.values() if isinstance(wire, FromStep)}
        for one in reversed(self.planned):
            if one.path in wanted:
                wanted |= {wire.path for wire in wires[one.path] if isinstance(wire, FromStep)}
        found: dict[str, int] = {}
        for one in (one for one in self.planned if one.path in wanted):
            key: list[Any] = [one.path, universe.options.get(one.path)]
            for wire in wires[one.path]:
                if isinstance(wire, FromStep):
                    key.append(found[wire.path])
                elif isinstance(wire, FromParameter):
                    key.append(np.asarray(universe.parameters[wire.name]).tobytes())
            found[one.path] = self.numbers.setdefault(tuple(key), len(self.numbers))
        return found

    def _computed(self, one: Planned, run: Run, universe: Universe, done: Mapping[Key, Any]) -> tuple[Any, ...]:
        """Return the outputs of what is planned."""
        import jax

        option = universe.options.get(one.path)
        if option is not None and run.counts[one.path] is None:
            return (Lookup(universe.parameters, run.arrays, done)(one.wires[option]),)
        wires = list(_inputs_of(one, universe))
        arrays = {name: run.arrays[name] for wire in wires for name in arrays_of(wire)}
        named = {wire.name: universe.parameters[wire.name] for wire in wires if isinstance(wire, FromParameter)}
        taken = {wire.key: done[wire.key] for wire in wires if isinstance(wire, FromStep)}
        if (one.path, option) not in self.compiled:
            alone = one if option is None else _alone(one, option)

            def call(named: Any, arrays: Any, taken: Any) -> tuple[Any, ...]:
                found = self.program.computed(named, arrays, self.template, [alone], taken)
                return tuple(found[one.path, output] for output in one.step.declaration.outputs)

            self.compiled[one.path, option] = jax.jit(call)
        return self.compiled[one.path, option](named, arrays, taken)


def _own_frames(name: str, value: Any, run: Run) -> np.ndarray:
    return np.asarray(value)[: run.length] if name in run.timed else np.asarray(value)


def _inputs_of(one: Planned, universe: Universe) -> Iterator[Wire]:
    """Yield the wires by which values come to what is planned, where it may be decided."""
    option = universe.options.get(one.path)
    yield from inputs_of(one if option is None else _alone(one, option))


def _alone(one: Planned, option: str) -> Planned:
    """Return a mixture of one option alone."""
    declaration = one.step.declaration
    values = {name: wire.value if isinstance(wire, Static) else wire for name, wire in one.wires.items()}
    only = declaration.alone(declaration.options(values), one.wires[option])
    return replace(one, wires={**one.wires, **{n: Static(None) if wire is None else wire for n, wire in only.items()}})
