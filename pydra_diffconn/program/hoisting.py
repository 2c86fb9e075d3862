"""Before learning: computing once, for each run, what no learned parameter changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from pydra_diffconn.program.plan import Plan, Planned, inputs_of, redirect
from pydra_diffconn.program.planning.shared import independent
from pydra_diffconn.program.program import Program
from pydra_diffconn.program.run import Run
from pydra_diffconn.program.spool import Spool
from pydra_diffconn.program.wires import FromArray, FromStep, Key, arrays_of

GROWTH = 2  # how much larger than what it is computed from a kept result may be


def with_constants_computed(program: Program) -> Program:
    """Return a program of the same outputs, parameters and runs, without the steps that no parameter changes.

    Their results stand among its inputs. Where these would take much more memory than what they are computed from, the
    program is returned as it is.
    """
    runs = list(program.runs)
    shared: dict[Any, np.ndarray] = {}
    for numbers in program.groups.values():
        plan = program.plan_of(runs[numbers[0]])
        constant = independent(plan, parameters=program.parameters)
        kept = _kept(plan, constant)
        if not kept or not _worth_keeping(program, runs[numbers[0]], constant, kept):
            return program
        shorter = _without(plan, constant, kept)
        compute = _computation(program, runs[numbers[0]], constant)
        for number in numbers:
            runs[number] = _made(runs[number], shorter, constant, kept, compute, shared, program.spool)
    return replace(program, runs=runs)


def _kept(plan: Plan, constant: list[Planned]) -> list[Key]:
    """Return those of their outputs that a step with parameters, or the workflow's outputs, need."""
    paths = {one.path for one in constant}
    rest = [wire for one in plan.planned if one.path not in paths for wire in inputs_of(one)]
    used = [w.key for w in [*rest, *plan.outputs.values()] if isinstance(w, FromStep) and w.path in paths]
    return list(dict.fromkeys(used))


def _arrays_below(constant: list[Planned]) -> dict[str, set[str]]:
    """Return, for each of these steps, the names of the arrays that its outputs depend on."""
    found: dict[str, set[str]] = {}
    for one in constant:
        found[one.path] = set()
        for wire in inputs_of(one):
            found[one.path] |= set(arrays_of(wire)) | (found[wire.path] if isinstance(wire, FromStep) else set())
    return found


def _computation(program: Program, run: Run, constant: list[Planned]) -> Any:
    import jax

    return jax.jit(partial(program.computed, {}, run=run, planned=constant))


def _worth_keeping(program: Program, run: Run, constant: list[Planned], kept: list[Key]) -> bool:
    """Say whether the results are plain arrays of about the size of what they are made from."""
    import jax

    used = sorted(set().union(*_arrays_below(constant).values()))
    arrays = {
        name: jax.ShapeDtypeStruct(np.shape(run.arrays[name]), np.asarray(run.arrays[name]).dtype) for name in used
    }
    shapes = jax.eval_shape(partial(program.computed, {}, run=run, planned=constant), arrays)
    if any(isinstance(shapes[key], list) for key in kept):
        return False
    size = sum(shapes[key].size for key in kept)
    return size <= GROWTH * sum(np.size(run.arrays[name]) for name in used)


def _without(plan: Plan, constant: list[Planned], kept: list[Key]) -> Plan:
    """Return the plan without these steps; what is kept of them comes from arrays."""
    paths = {one.path for one in constant}
    shorter = Plan([one for one in plan.planned if one.path not in paths], dict(plan.outputs), list(plan.notes))
    for key in kept:
        redirect(shorter, key, FromArray(_label(key)))
    return shorter


def _label(key: Key) -> str:
    return f"{key[0]}.{key[1]} (computed once)"


def _made(
    run: Run,
    plan: Plan,
    constant: list[Planned],
    kept: list[Key],
    compute: Any,
    shared: dict[Any, np.ndarray],
    spool: Spool,
) -> Run:
    """Return one run with the results among its arrays; runs that share what they are made from share them."""
    below = _arrays_below(constant)
    ids: Mapping[Key, tuple[Any, ...]] = {
        key: (key, *(id(run.arrays[name]) for name in sorted(below[key[0]]))) for key in kept
    }
    if any(ids[key] not in shared for key in kept):
        done = compute({name: run.arrays[name] for name in sorted(set().union(*below.values()))})
        for key in kept:
            if ids[key] not in shared:
                shared[ids[key]] = spool.keep(np.asarray(done[key]))
    used = {name for one in plan.planned for wire in inputs_of(one) for name in arrays_of(wire)}
    used |= {name for wire in plan.outputs.values() for name in arrays_of(wire)}
    results = {_label(key): shared[ids[key]] for key in kept}
    return replace(run, arrays={n: v for n, v in run.arrays.items() if n in used} | results, plan=plan)
