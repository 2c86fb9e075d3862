"""All parameters of a program together: from their constrained values to an unbounded space and back.

Bounds may name other arguments (`low` lies below `high`). If that argument is learned too, it is mapped first and its
current value is the bound, so that the map stays one-to-one and 0 < low < high < Nyquist holds after any step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.constraints import Constraint, Interval
from pydra_diffconn.program.run import Run
from pydra_diffconn.program.wires import FromArray
from pydra_diffconn.workflow.graph import Graph, Learned


@dataclass(frozen=True)
class Use:
    """One place where a parameter is used, in runs that share the block's other arguments."""

    constraint: Constraint
    arguments: Mapping[str, Any]
    learned: Mapping[str, str]
    """Argument of the same block to the name of the learned parameter that stands there."""

    def resolved(self, values: Mapping[str, Any]) -> Constraint:
        here = {argument: values[name] for argument, name in self.learned.items() if name in values}
        return self.constraint.resolved({**self.arguments, **here})


@dataclass(frozen=True)
class Rule:
    """How one parameter is mapped, given the parameters mapped before it: legal in every place and every run."""

    name: str
    uses: tuple[Use, ...]

    def resolved(self, values: Mapping[str, Any]) -> Constraint:
        return constraints.intersection([use.resolved(values) for use in self.uses])

    @property
    def needs(self) -> set[str]:
        """The parameters that bounds of this one name."""
        return {name for use in self.uses for name in use.learned.values()}


class FreeSpace:
    """The bijection between the constrained parameters of a program and the space in which steps are taken."""

    def __init__(self, graph: Graph, runs: Sequence[Run]) -> None:
        self.rules = _ordered(graph, runs)

    def to_free(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Map constrained values to the free space; values on a bound enter from just inside."""
        return {rule.name: rule.resolved(values).to_free(values[rule.name]) for rule in self.rules}

    def from_free(self, free: Mapping[str, Any]) -> dict[str, Any]:
        """Map back; every result satisfies its constraint."""
        values: dict[str, Any] = {}
        for rule in self.rules:
            values[rule.name] = rule.resolved(values).from_free(free[rule.name])
        return values


def _ordered(graph: Graph, runs: Sequence[Run]) -> list[Rule]:
    waiting: dict[str, Rule] = {name: _rule(graph, runs, name) for name in reversed(list(graph.learnables))}
    done: list[Rule] = []
    while waiting:
        ready = next((r for r in waiting.values() if not r.needs & set(waiting)), None)
        if ready is None:
            # two bounds that name each other (low < high): free the one declared last by the other's own far bound
            first = next(iter(waiting.values()))
            ready = Rule(first.name, tuple(_loosened(use, waiting) for use in first.uses))
        del waiting[ready.name]
        done.append(ready)
    return done


def _rule(graph: Graph, runs: Sequence[Run], name: str) -> Rule:
    learnable = graph.learnables[name]
    uses: dict[Any, Use] = {}
    for path, argument in learnable.targets:
        step = graph.step(path)
        constraint: Constraint = step.declaration.parameters[argument].constraint
        bounds = (getattr(constraint, "lower", None), getattr(constraint, "upper", None))
        named = set(filter(None, map(constraints.named, bounds)))
        sources = step.inputs
        learned = {a: sources[a].name for a in named if isinstance(sources.get(a), Learned)}  # type: ignore[union-attr]
        if learnable.mark.within is not None:
            constraint = constraint.narrowed(learnable.mark.within)
        for run in runs:
            for arguments in _numbers(run, path, [a for a in step.declaration.arguments if a not in learned]):
                uses.setdefault((path, argument, *arguments.items()), Use(constraint, arguments, learned))
    return Rule(name, tuple(uses.values()))


def _numbers(run: Run, path: str, names: Sequence[str]) -> Iterator[dict[str, float]]:
    """Yield the numbers among the arguments of each instance of a block."""
    single: dict[str, float] = {}
    several: dict[str, np.ndarray] = {}
    for name in names:
        wire = run.wires[path].get(name)
        if not isinstance(wire, FromArray) or wire.name not in run.arrays:  # a series that was used up before
            continue
        numbers = run.arrays[wire.name]
        if np.ndim(numbers) == 0:
            single[name] = float(numbers)
        elif np.ndim(numbers) == 1 and wire.index is not None:
            several[name] = np.asarray(numbers)[wire.index]
    for number in range(run.counts[path] or 1 if several else 1):
        yield {**single, **{name: float(values[number]) for name, values in several.items()}}


def _loosened(use: Use, waiting: Mapping[str, Rule]) -> Use:
    """Replace bounds that wait for this very parameter by those parameters' own outer bounds."""
    arguments = dict(use.arguments)
    for argument, name in use.learned.items():
        other = waiting[name].uses[0].constraint if name in waiting else None
        if isinstance(other, Interval) and isinstance(use.constraint, Interval):
            bound = other.upper if constraints.named(use.constraint.upper) == argument else other.lower
            arguments[argument] = bound(use.arguments) if callable(bound) else bound
    return Use(use.constraint, arguments, {a: n for a, n in use.learned.items() if n not in waiting})
