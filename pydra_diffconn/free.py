"""All parameters of a program together: from their constrained values to an unbounded space and back.

Bounds may name other arguments (`low` lies below `high`). If that argument is learned too, it is mapped first and its
current value is the bound, so that the map stays one-to-one and 0 < low < high < Nyquist holds after any step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pydra_diffconn import constraints
from pydra_diffconn.constraints import Constraint, Interval
from pydra_diffconn.graph import Learned
from pydra_diffconn.program import Program


@dataclass(frozen=True)
class Rule:
    """How one parameter is mapped, given the parameters mapped before it."""

    name: str
    constraint: Constraint
    arguments: Mapping[str, Any]
    learned: Mapping[str, str]
    """Argument of the same block to the name of the learned parameter that stands there."""

    def resolved(self, values: Mapping[str, Any]) -> Constraint:
        here = {argument: values[name] for argument, name in self.learned.items() if name in values}
        return self.constraint.resolved({**self.arguments, **here})


class FreeSpace:
    """The bijection between the constrained parameters of a program and the space in which steps are taken."""

    def __init__(self, program: Program) -> None:
        self.rules = _ordered(program)

    def to_free(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Map constrained values to the free space; values on a bound enter from just inside."""
        return {rule.name: rule.resolved(values).to_free(values[rule.name]) for rule in self.rules}

    def from_free(self, free: Mapping[str, Any]) -> dict[str, Any]:
        """Map back; every result satisfies its constraint."""
        values: dict[str, Any] = {}
        for rule in self.rules:
            values[rule.name] = rule.resolved(values).from_free(free[rule.name])
        return values


def _ordered(program: Program) -> list[Rule]:
    waiting: dict[str, Rule] = {name: _rule(program, name) for name in reversed(list(program.graph.learnables))}
    done: list[Rule] = []
    while waiting:
        ready = next((r for r in waiting.values() if not _needs(r) & set(waiting)), None)
        if ready is None:
            # two bounds that name each other (low < high): free the one declared last by the other's own far bound
            ready = _loosened(next(iter(waiting.values())), waiting)
        del waiting[ready.name]
        done.append(ready)
    return done


def _rule(program: Program, name: str) -> Rule:
    learnable = program.graph.learnables[name]
    path, argument = learnable.targets[0]
    step = program.graph.step(path)
    constraint: Constraint = step.declaration.parameters[argument].constraint
    bounds = (getattr(constraint, "lower", None), getattr(constraint, "upper", None))
    named = set(filter(None, map(constraints.named, bounds)))
    sources = step.inputs
    learned = {a: sources[a].name for a in named if isinstance(sources.get(a), Learned)}  # type: ignore[union-attr]
    if learnable.mark.within is not None:
        constraint = constraint.narrowed(learnable.mark.within)
    arguments = {a: _most_restrictive(program, path, a) for a in step.declaration.arguments if a not in learned}
    return Rule(name, constraint, {a: v for a, v in arguments.items() if v is not None}, learned)


def _most_restrictive(program: Program, path: str, argument: str) -> Any:
    """Return a number of the block over all runs: of several repetition times the longest, whose Nyquist is lowest."""
    values = []
    for run in program.runs:
        wire = run.wires[path].get(argument)
        if wire is None or wire.kind != "array" or wire.value not in run.arrays:  # a series that was used up before
            continue
        numbers = np.asarray(run.arrays[wire.value])
        if numbers.ndim == (0 if wire.index is None else 1):
            values.append(float(numbers.max()))
    return max(values) if values else None


def _needs(rule: Rule) -> set[str]:
    return set(rule.learned.values())


def _loosened(rule: Rule, waiting: Mapping[str, Rule]) -> Rule:
    """Replace bounds that wait for this very rule by those parameters' own outer bounds."""
    arguments = dict(rule.arguments)
    for argument, name in rule.learned.items():
        other = waiting[name].constraint if name in waiting else None
        if isinstance(other, Interval) and isinstance(rule.constraint, Interval):
            bound = other.upper if constraints.named(rule.constraint.upper) == argument else other.lower
            arguments[argument] = bound(rule.arguments) if callable(bound) else bound
    return Rule(rule.name, rule.constraint, arguments, {a: n for a, n in rule.learned.items() if n not in waiting})
