"""What a program is called with: converted and checked as when it was fused, where it is known before it is traced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pydra_diffconn.declare.argument import Argument
from pydra_diffconn.program.diagnosis import of_each_instance, refusal
from pydra_diffconn.program.execution import Lookup
from pydra_diffconn.program.wires import FromArray, FromParameter, FromStep, OnePerInstance, Static, Wire, arrays_of

NEAR = 1e-5  # how far rounding may have taken a value beyond its bound
Program = Any
"""`program.program.Program`, which calls these."""


def converted(program: Program, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return inputs as the steps take them: numbers of this process's precision, labels as integers."""
    takers = _takers(program)
    own = program.inputs
    return {
        n: _converted(takers[n], value) if n in takers and value is not own[n] else value for n, value in inputs.items()
    }


def _takers(program: Program) -> dict[str, Argument]:
    """Return the argument that takes each array."""
    found: dict[str, Argument] = {}
    for run in program.runs:
        for step in program.graph.steps:
            for name, wire in run.wires[step.path].items():
                for array in arrays_of(wire):
                    found.setdefault(array, step.declaration.arguments[name])
    return found


def _converted(argument: Argument, value: Any) -> Any:
    import jax

    if isinstance(value, list):
        return [_converted(argument, one) for one in value]
    if isinstance(value, jax.Array):  # whose numbers may not be known, or lie on another device
        real = argument.whole or jax.numpy.issubdtype(value.dtype, jax.numpy.floating)
        return value if real else value.astype(jax.numpy.result_type(float))
    return argument.converted(np.asanyarray(value))


def require_names(program: Program, parameters: Mapping[str, Any]) -> None:
    """Refuse parameters of which some are missing or unknown."""
    if set(parameters) != set(program.parameters):
        raise TypeError(f"parameters are {sorted(parameters)}; the program takes {sorted(program.parameters)}")


def require_legal(program: Program, parameters: Mapping[str, Any], free: Mapping[str, Any]) -> None:
    """Refuse values outside their bounds, beyond rounding: the way to the unbounded space would move them inside."""
    if not all(map(_is_known, [*parameters.values(), *free.values()])):
        return
    moved = program.free_space.from_free(free)
    for rule in program.free_space.rules:
        given, bounds = np.asarray(parameters[rule.name], dtype=float), rule.resolved(parameters)
        if not bounds.contains(given) and not np.allclose(given, np.asarray(moved[rule.name]), rtol=NEAR, atol=NEAR):
            shown = ", ".join(f"{one:g}" for one in np.ravel(given)[:8])
            raise ValueError(f"{rule.name} = {shown} is outside {bounds.describe()}")


def check(program: Program, parameters: Mapping[str, Any], inputs: Mapping[str, Any]) -> None:
    """Refuse parameters and inputs, other than those known when the program was made, as a job refuses them."""
    import jax

    changed = {n: v for n, v in parameters.items() if _is_known(v) and not np.array_equal(v, program.parameters[n])}
    given = {name: value for name, value in inputs.items() if value is not program.inputs[name]}
    if not changed and not any(map(_is_known, given.values())):
        return
    for number, run in enumerate(program.runs):
        arrays = of_run(program, given, number)
        lookup = Lookup(parameters, {**run.arrays, **arrays}, {})
        for step in program.graph.steps:
            wires = run.wires[step.path]
            if step.path not in run.streamed and any(_touched(wire, changed, arrays) for wire in wires.values()):
                at_hand = {name: wire for name, wire in wires.items() if _is_at_hand(wire, lookup)}
                with jax.ensure_compile_time_eval():  # numbers, also while somebody compiles what calls the program
                    several = list(of_each_instance(at_hand, run.counts[step.path], lookup))
                for known in several:
                    step.declaration.checked(known, f"{step.path}{where(program, number)}")


def refuse_nan(
    program: Program, parameters: Mapping[str, Any], inputs: Mapping[str, Any], outputs: Mapping[str, Any]
) -> None:
    """Refuse what a job would refuse after earlier steps, such as frames that are all censored, in place of NaN."""
    import jax

    values = jax.tree.leaves(dict(outputs))
    if all(map(_is_known, values)) and not all(jax.numpy.all(jax.numpy.isfinite(value)) for value in values):
        found = first_refusal(program, parameters, inputs)
        if found is not None:
            raise found


def first_refusal(program: Program, parameters: Mapping[str, Any], inputs: Mapping[str, Any]) -> ValueError | None:
    """Return the error that the first of the runs would end with if it were run step by step, if there is one."""
    for number, run in enumerate(program.runs):
        arrays = {**run.arrays, **of_run(program, inputs, number)}
        found = refusal(program.graph, run, Lookup(parameters, arrays, {}), where(program, number))
        if found is not None:
            return found
    return None


def of_run(program: Program, inputs: Mapping[str, Any], number: int) -> dict[str, Any]:
    """Return the inputs of one run, of those of all."""
    here = program.runs[number].arrays
    return {n: v[number] if program.split and n in program.varying else v for n, v in inputs.items() if n in here}


def where(program: Program, number: int) -> str:
    """Name a run, in an error."""
    return f" (run {number})" if program.split else ""


def _is_known(value: Any) -> bool:
    import jax

    return not any(isinstance(one, jax.core.Tracer) for one in jax.tree.leaves(value))


def _touched(wire: Wire, parameters: Mapping[str, Any], arrays: Mapping[str, Any]) -> bool:
    if isinstance(wire, FromParameter):
        return wire.name in parameters
    return any(name in arrays and _is_known(arrays[name]) for name in arrays_of(wire))


def _is_at_hand(wire: Wire, lookup: Lookup) -> bool:
    match wire:
        case Static():
            return True
        case FromParameter(name=name):
            return _is_known(lookup.parameters[name])
        case FromArray(name=name):  # none, where what was made of it was computed before
            return name in lookup.arrays and _is_known(lookup.arrays[name])
        case OnePerInstance(items=items):
            return all(_is_at_hand(item, lookup) for item in items)
        case FromStep():
            return False
