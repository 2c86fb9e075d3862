"""Random draws within a program: fresh ones at every step of learning, none where values are scored."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from pydra_diffconn.program.plan import Plan
from pydra_diffconn.program.program import Program
from pydra_diffconn.program.wires import FromArray, Static

KEY = "key"
"""Name of the argument by which a block takes a random key; without one it draws nothing."""


def keys_of(program: Program) -> set[str]:
    """Return the names of the inputs of a program that are random keys."""
    plans = [program.plan_of(program.runs[numbers[0]]) for numbers in program.groups.values()]
    wires = [one.wires[KEY] for plan in plans for one in plan.planned if KEY in one.wires]
    return {wire.name for wire in wires if isinstance(wire, FromArray)}


def with_fresh_keys(program: Program, inputs: Mapping[str, Any], keys: Collection[str], step: Any) -> dict[str, Any]:
    """Return the inputs with the keys of a step, which follow from those given and the number of the step."""
    import jax
    import jax.numpy as jnp

    def fresh(key: Any) -> Any:
        key = jnp.asarray(key)
        made = jax.random.key(key) if key.ndim == 0 else jax.random.wrap_key_data(key.astype(jnp.uint32))
        return jax.random.key_data(jax.random.fold_in(made, step))

    return {
        name: value if name not in keys else jax.vmap(fresh)(value) if name in program.varying else fresh(value)
        for name, value in inputs.items()
    }


def without_draws(program: Program) -> Program:
    """Return a program of the same parameters, inputs and runs in which nothing is drawn."""
    runs = list(program.runs)
    for numbers in program.groups.values():
        plan = program.plan_of(runs[numbers[0]])
        planned = [
            replace(one, wires={**one.wires, KEY: Static(None)}) if KEY in one.wires else one for one in plan.planned
        ]
        runs[numbers[0]] = replace(runs[numbers[0]], plan=Plan(planned, plan.outputs, plan.notes))
    return replace(program, runs=runs)
