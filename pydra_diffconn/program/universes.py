"""Many pipelines of one program, each with some mixtures decided: what several of them share is computed once.

A program that mixes computes all options of a choice. Here each step is a compiled function by itself, and is called
for each of its inputs that differ, so that two hundred pipelines of three choices compile no more than one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
    compiled: dict[Any, Any] = {}
    for number, run in enumerate(padded.runs):
        template = padded.runs[padded.group_of(number)[0]]
        yield _OfRun(padded, run, template, compiled).outputs(universes, names)


@dataclass
class _OfRun:
    """What one run has been computed to, as long as another universe needs it."""

    program: Program
    run: Run
    template: Run
    """The first run of the same signature, whose compiled steps this one shares."""
    compiled: dict[Any, Any]
    numbers: dict[Any, int] = field(default_factory=dict)
    """What was computed from what, and its number."""
    done: dict[int, tuple[Any, ...]] = field(default_factory=dict)

    def outputs(self, universes: Sequence[Universe], names: Sequence[str]) -> list[dict[str, np.ndarray]]:
        made = self.program.plan_of(self.template)
        wires = {name: made.outputs[name] for name in names}
        numbered = [self._numbered(made.planned, universe, list(wires.values())) for universe in universes]
        left = Counter(number for one in numbered for number in set(one.values()))
        found = []
        for universe, steps in zip(universes, numbered, strict=True):
            values: dict[Key, Any] = {}
            for one in (one for one in made.planned if one.path in steps):
                number = steps[one.path]
                if number not in self.done:
                    self.done[number] = self._computed(one, universe, values)
                values |= zip(((one.path, o) for o in one.step.declaration.outputs), self.done[number], strict=True)
            lookup = Lookup(universe.parameters, self.run.arrays, values)
            found.append({name: self._own_frames(name, lookup(wire)) for name, wire in wires.items()})
            for number in set(steps.values()):
                left[number] -= 1
                if not left[number]:
                    del self.done[number]
        return found

    def _own_frames(self, name: str, value: Any) -> np.ndarray:
        return np.asarray(value)[: self.run.length] if name in self.run.timed else np.asarray(value)

    def _numbered(self, planned: Sequence[Planned], universe: Universe, outputs: Sequence[Wire]) -> dict[str, int]:
        """Return what a universe computes, by path: the number of the result, which others may share."""
        if missing := sorted(set(universe.options) - {one.path for one in planned}):
            raise ValueError(f"{missing[0]} is no step of the plan by itself")
        wanted = {wire.path for wire in outputs if isinstance(wire, FromStep)}
        for one in reversed(planned):
            if one.path in wanted:
                wanted |= {wire.path for wire in _inputs_of(one, universe) if isinstance(wire, FromStep)}
        found: dict[str, int] = {}
        for one in (one for one in planned if one.path in wanted):
            key: list[Any] = [one.path, universe.options.get(one.path)]
            for wire in _inputs_of(one, universe):
                if isinstance(wire, FromStep):
                    key.append(found[wire.path])
                elif isinstance(wire, FromParameter):
                    key.append(np.asarray(universe.parameters[wire.name]).tobytes())
            found[one.path] = self.numbers.setdefault(tuple(key), len(self.numbers))
        return found

    def _computed(self, one: Planned, universe: Universe, done: Mapping[Key, Any]) -> tuple[Any, ...]:
        """Return the outputs of what is planned."""
        import jax

        option = universe.options.get(one.path)
        if option is not None and self.run.counts[one.path] is None:
            return (Lookup(universe.parameters, self.run.arrays, done)(one.wires[option]),)
        alone = one if option is None else _alone(one, option)
        wires = list(_inputs_of(one, universe))
        arrays = {name: self.run.arrays[name] for wire in wires for name in arrays_of(wire)}
        named = {wire.name: universe.parameters[wire.name] for wire in wires if isinstance(wire, FromParameter)}
        taken = {wire.key: done[wire.key] for wire in wires if isinstance(wire, FromStep)}
        key = (one.path, option, id(self.template))
        if key not in self.compiled:

            def call(named: Any, arrays: Any, taken: Any) -> tuple[Any, ...]:
                found = self.program.computed(named, arrays, self.template, [alone], taken)
                return tuple(found[one.path, output] for output in one.step.declaration.outputs)

            self.compiled[key] = jax.jit(call)
        return self.compiled[key](named, arrays, taken)


def _inputs_of(one: Planned, universe: Universe) -> Iterator[Wire]:
    """Yield the wires by which values come to what is planned, where it may be decided."""
    option = universe.options.get(one.path)
    yield from inputs_of(one if option is None else _alone(one, option))


def _alone(one: Planned, option: str) -> Planned:
    """Return a mixture of one option alone."""
    declaration = one.step.declaration
    values = {name: wire.value if isinstance(wire, Static) else wire for name, wire in one.wires.items()}
    wires = dict(one.wires)
    for name in declaration.options(values):
        wires[name] = Static(None) if declaration.arguments[name].optional else one.wires[option]
    return replace(one, wires={**wires, str(declaration.mixes): Static(None)})
