"""Runs of many lengths in few programs: each is filled up at its end with frames that leave no trace.

A program is compiled anew for every shape. Where each block of a workflow declares how it computes a run that was
filled up (`declare.padding`), runs whose lengths are near each other share one: it takes the true length as a number,
and the values and gradients are those of each run alone, to rounding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pydra_diffconn.declare.argument import Argument
from pydra_diffconn.declare.declaration import Declaration
from pydra_diffconn.declare.padding import EACH, Rule
from pydra_diffconn.program.plan import Plan, Planned, main_argument
from pydra_diffconn.program.run import Run
from pydra_diffconn.program.spool import Spool
from pydra_diffconn.program.wires import LENGTH, FromArray, FromParameter, FromStep, Key, Static, Wire
from pydra_diffconn.workflow.graph import Step

FEWEST = 4  # different lengths from which compiling fewer programs is worth the work on frames without data
NEAR = 2  # how much longer than its shortest run the longest of a program may be
TIME = "time"


@dataclass(frozen=True)
class Timed:
    """What of a plan has an axis of frames, always the first, and how its steps are computed when filled up."""

    arrays: frozenset[str]
    outputs: frozenset[str]
    """Outputs of the workflow."""
    rules: Mapping[str, Rule]
    """By the path of a step."""


def padded(runs: list[Run], groups: Mapping[Any, list[int]], plans: Mapping[int, Plan], spool: Spool) -> list[Run]:
    """Return the runs, those filled up that can share a program with others of near lengths.

    Parameters
    ----------
    runs : list of Run
    groups : mapping
        The numbers of the runs that are alike.
    plans : mapping
        The plan of the first run of each group, by its number.
    spool : Spool
        Where arrays are kept that wait on disk.
    """
    alike: dict[Any, dict[int, list[int]]] = {}
    timed: dict[Any, Timed] = {}
    for signature, numbers in groups.items():
        first = runs[numbers[0]]
        found = timed_of(plans[numbers[0]], first)
        length = None if found is None else _length(first, found)
        if found is None or length is None:
            continue
        key = _without_length(signature, first, found)
        timed[key] = found
        alike.setdefault(key, {}).setdefault(length, []).extend(numbers)
    made = list(runs)
    for key, by_length in alike.items():
        if len(by_length) < FEWEST:
            continue
        for bucket in _buckets(sorted(by_length)):
            if len(bucket) == 1:
                continue
            longest = bucket[-1]
            plan = _plan(plans[by_length[longest][0]], timed[key])
            for length in bucket:
                for number in by_length[length]:
                    made[number] = _filled(runs[number], length, longest, plan, timed[key], spool)
    return made


def _buckets(lengths: list[int]) -> list[list[int]]:
    """Share out ascending lengths so that in each bucket none is much longer than another."""
    buckets: list[list[int]] = [[]]
    for length in reversed(lengths):
        if buckets[-1] and buckets[-1][0] > NEAR * length:
            buckets.append([])
        buckets[-1].append(length)
    return [bucket[::-1] for bucket in buckets]


def _length(run: Run, timed: Timed) -> int | None:
    """Return the number of frames of a run; None if its arrays do not agree on one."""
    lengths = {np.shape(run.arrays[name])[0] for name in timed.arrays}
    return lengths.pop() if len(lengths) == 1 else None


def _without_length(signature: Any, run: Run, timed: Timed) -> Any:
    """Return the signature of a run without its number of frames."""
    shapes, *rest = signature
    reduced = tuple((name, shape[1:] if name in timed.arrays else shape, kind) for name, shape, kind in shapes)
    return reduced, tuple(rest), timed.arrays, tuple(sorted(timed.rules))


def _filled(run: Run, length: int, longest: int, plan: Plan, timed: Timed, spool: Spool) -> Run:
    arrays: dict[str, Any] = dict(run.arrays)
    for name in timed.arrays:
        array = arrays[name]
        wider = filled(array, longest, np)
        arrays[name] = spool.keep(wider) if isinstance(array, np.memmap) else wider
    arrays[LENGTH] = np.asarray(length, np.int32)
    return replace(run, arrays=arrays, plan=plan, length=length, timed=timed.outputs)


def filled(array: Any, longest: int, numpy: Any) -> Any:
    """Return an array with zeros at the end of its first axis."""
    missing = longest - np.shape(array)[0]
    return numpy.pad(array, [(0, missing)] + [(0, 0)] * (np.ndim(array) - 1)) if missing else array


# --- what has an axis of frames ----------------------------------------------------------------------------------


def timed_of(plan: Plan, run: Run) -> Timed | None:
    """Return what of a plan has an axis of frames; None if it cannot be filled up."""
    arrays = _timed_arrays(plan)
    keys: set[Key] = set()
    rules: dict[str, Rule] = {}
    for one in plan.planned:
        steps = [*one.chain, (one.step, one.wires)]
        handed = False
        for number, (step, wires) in enumerate(steps):
            if run.counts[step.path] is not None:
                return None
            given = wires if number == 0 else {n: w for n, w in wires.items() if n != main_argument(step)}
            found = [_is_timed(step, name, wire, arrays, keys) for name, wire in given.items()]
            if None in found:
                return None
            if not (handed or any(found)):
                continue
            rule, dims = rule_of(step, wires), [dims.split() for dims in step.declaration.outputs.values()]
            if rule is None or any(TIME in more[1:] for more in dims):
                return None
            rules[step.path], handed = rule, True
            keys |= {(step.path, n) for n, d in step.declaration.outputs.items() if _has_frames(d)}
    outputs = {n for n, w in plan.outputs.items() if _comes_timed(w, arrays, keys)}
    return Timed(frozenset(arrays), frozenset(outputs), rules) if arrays else None


def _has_frames(dims: str) -> bool:
    """Say whether an output of a step that sees frames has an axis of them: declared, or that of its input."""
    return dims.split()[:1] in ([TIME], ["..."])


def _timed_arrays(plan: Plan) -> set[str]:
    return {
        wire.name
        for one in plan.planned
        for step, wires in [*one.chain, (one.step, one.wires)]
        for name, wire in wires.items()
        if isinstance(wire, FromArray) and _dims(step, name)[:1] == [TIME]
    }


def _dims(step: Step, name: str) -> list[str]:
    argument = step.declaration.arguments.get(name)  # none for a mask, which an image has read by now
    return [] if argument is None else argument.dims.split()


def _comes_timed(wire: Wire, arrays: set[str], keys: set[Key]) -> bool:
    return (isinstance(wire, FromArray) and wire.name in arrays) or (isinstance(wire, FromStep) and wire.key in keys)


def _is_timed(step: Step, name: str, wire: Wire, arrays: set[str], keys: set[Key]) -> bool | None:
    """Say whether a value has an axis of frames; None if the run cannot be filled up then."""
    dims = _dims(step, name)
    if isinstance(wire, Static):
        return False if TIME not in dims or wire.value is None else None
    if isinstance(wire, FromParameter):
        return None if TIME in dims else False
    plain = isinstance(wire, FromArray | FromStep) and wire.index is None and wire.spaces is None
    timed = _comes_timed(wire, arrays, keys)
    if not plain or TIME in dims[1:] or timed != (dims[:1] == [TIME] or (timed and dims[:1] == ["..."])):
        return None
    return timed


def rule_of(step: Step, wires: Mapping[str, Wire]) -> Rule | None:
    """Return how a step is computed when its series is filled up; None if it cannot be."""
    declared: Any = step.declaration.padding
    if not callable(declared):
        return declared
    given = {name: argument.default for name, argument in step.declaration.arguments.items()}
    return declared(given | {n: w.value if isinstance(w, Static) else ... for n, w in wires.items()})


# --- computing ---------------------------------------------------------------------------------------------------


def _plan(plan: Plan, timed: Timed) -> Plan:
    """Return the plan with every step that sees frames told how many there are."""
    planned = [_told(one, timed) for one in plan.planned]
    return Plan(planned, plan.outputs, [*plan.notes, "runs of near lengths are filled up, and share one program"])


def _told(one: Planned, timed: Timed) -> Planned:
    step, wires = _step(one.step, one.wires, timed)
    return replace(one, step=step, wires=wires, chain=tuple(_step(s, w, timed) for s, w in one.chain))


def _step(step: Step, wires: Mapping[str, Wire], timed: Timed) -> tuple[Step, Mapping[str, Wire]]:
    rule, declared = timed.rules.get(step.path), step.declaration
    if rule is None or (rule == EACH and declared.linear_in == declared.main_input):  # then zeros stay zeros
        return step, wires
    block: Any = Filled(step.block, rule)
    return replace(step, block=block), {**wires, LENGTH: FromArray(LENGTH)}


class Filled:
    """A block on a run that was filled up: it takes the true length, too, and gives zeros beyond it."""

    def __init__(self, block: Any, rule: Rule) -> None:
        self.block, self.rule = block, rule
        length = Argument(LENGTH, "static")
        given = block.declaration
        self.declaration: Declaration = replace(given, arguments={**given.arguments, LENGTH: length})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Filled) and (self.block, self.rule) == (other.block, other.rule)

    def __hash__(self) -> int:
        return hash((self.block, self.rule))

    def pure(self, **values: Any) -> Any:
        """Return what the block returns, zero beyond the length."""
        import jax.numpy as jnp

        length = values.pop(LENGTH)
        series = values[self.declaration.main_input]
        inside = jnp.arange(len(series)) < length
        if callable(self.rule):
            results = self.rule(length, **values)
        else:
            if self.rule != EACH:
                weights = values.get(self.rule)
                kept = inside.astype(jnp.result_type(float))
                values[self.rule] = kept if weights is None else weights * kept
            results = self.block.pure(**values)
        results = results if isinstance(results, tuple) else (results,)
        dims = self.declaration.outputs.values()
        cut = tuple(_cut(result, inside) if _has_frames(d) else result for result, d in zip(results, dims, strict=True))
        return cut[0] if len(cut) == 1 else cut


def _cut(result: Any, inside: Any) -> Any:
    import jax.numpy as jnp

    return jnp.where(inside.reshape(-1, *[1] * (result.ndim - 1)), result, jnp.zeros((), result.dtype))
