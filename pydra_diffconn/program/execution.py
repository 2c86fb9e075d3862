"""Computing the steps of a fused program on arrays: lookups, loops over instances, several steps as one matrix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pydra_diffconn import files
from pydra_diffconn.numerics.linalg import apply_over_time
from pydra_diffconn.program.plan import Planned
from pydra_diffconn.program.wires import LENGTH, FromArray, FromParameter, FromStep, OnePerInstance, Static, Wire
from pydra_diffconn.workflow.graph import Step


@dataclass(frozen=True)
class Lookup:
    """Where the wires of a step end: parameters, arrays of the run, outputs of earlier steps."""

    parameters: Mapping[str, Any]
    arrays: Mapping[str, Any]
    done: Mapping[tuple[str, str], Any]

    def __call__(self, wire: Wire) -> Any:
        match wire:
            case Static(value=value):
                return value
            case FromParameter(name=name):
                return _as_real(self.parameters[name])
            case OnePerInstance(items=items):
                return [self(item) for item in items]
            case FromArray(name=name):
                return _converted(taken(_as_real(self.arrays[name]), wire.index), wire.spaces)
            case FromStep(key=key):
                return _converted(taken(self.done[key], wire.index), wire.spaces)


def one_step(
    step: Step, wires: Mapping[str, Wire], count: int | None, lookup: Lookup, known: Mapping[str, Any] | None = None
) -> tuple[Any, ...]:
    """Compute one step, for all its instances if it is split; its check sees what is known of its arguments."""
    joins = sum(isinstance(wire, FromStep) for wire in wires.values()) > 1
    shared: dict[str, Any] = {}
    mapped: dict[str, Any] = {}
    for name, wire in wires.items():
        (mapped if wire.varies and count is not None else shared)[name] = lookup(wire)

    def call(varying: Mapping[str, Any]) -> tuple[Any, ...]:
        values = {**shared, **varying}
        _check_shapes(step, values, known or {})
        if joins:
            return seen(step, values, apart(lambda given: _as_tuple(step.block.pure(**given)), values))
        return seen(step, values, _as_tuple(step.block.pure(**values)))

    return call({}) if count is None else _over_instances(call, mapped, count)


def seen(step: Step, values: Mapping[str, Any], results: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the results of a step, or NaN where too few of its weights are above 0, which is known only now.

    A job refuses such weights. Blocks give finite numbers then, so that gradients stay finite; as a result these would
    be a connectome of nothing, and a fit could choose it.
    """
    import jax.numpy as jnp

    for name, argument in step.declaration.arguments.items():
        weights = values.get(name)
        if argument.weighs and weights is not None:
            enough = jnp.count_nonzero(weights) >= _least(step, name, len(weights))
            results = tuple(
                jnp.where(enough, r, jnp.nan) if jnp.issubdtype(r.dtype, jnp.floating) else r for r in results
            )
    return results


def _least(step: Step, name: str, count: int) -> int:
    """Ask the check of a block how many weights must be above 0: one, or two where something must vary."""
    first = np.arange(count) < 1
    try:
        step.declaration.checked({name: first.astype(float)})
    except ValueError:
        return 2
    except Exception:  # another's check, which needs more than it is promised
        return 1
    return 1


def apart(function: Any, values: Mapping[str, Any]) -> Any:
    """Call a function so that the compiler neither merges it with what comes before nor with what follows.

    Where branches meet, XLA on CPUs would compute all of them again for the derivative of each, which takes quadratic
    time to compile; it removes its own barriers before it merges, but never looks into a branch not known to be taken.
    """
    import jax
    import jax.numpy as jnp

    arrays = {name: value for name, value in values.items() if isinstance(value, jax.Array) and value.size}
    real = [value for value in arrays.values() if jnp.issubdtype(value.dtype, jnp.floating)]
    if not real or jax.default_backend() != "cpu":
        return function(values)
    rest = {name: value for name, value in values.items() if name not in arrays}
    first = jax.lax.stop_gradient(real[0]).ravel()[0]
    always = jnp.isnan(first) | (first < jnp.inf) | (first > 0)

    def taken_branch(given: Mapping[str, Any]) -> Any:
        return function({**rest, **given})

    def other(given: Mapping[str, Any]) -> Any:
        return jax.tree.map(lambda one: jnp.zeros(one.shape, one.dtype), jax.eval_shape(taken_branch, given))

    return jax.lax.cond(always, taken_branch, other, arrays)


def chained(one: Planned, lookup: Lookup, known: Any) -> tuple[Any, ...]:
    """Apply several linear steps over time as one matrix, to deviations from the mean.

    The operator's effect on a constant is computed by itself: the mean of an image, large against its fluctuations,
    would cost the product its digits in float32.
    """
    import jax
    import jax.numpy as jnp

    steps = [*one.chain, (one.step, one.wires)]
    series = lookup(steps[0][1][_main(steps[0][0])])
    length = lookup(steps[0][1][LENGTH]) if LENGTH in steps[0][1] else len(series)
    probe = jnp.concatenate([jnp.eye(len(series), dtype=series.dtype), jnp.ones_like(series[:, :1])], axis=1)
    given = []
    for step, wires in steps:
        others = {name: lookup(wire) for name, wire in wires.items() if name != _main(step)}
        reached = jax.ShapeDtypeStruct((len(probe), series.shape[1]), series.dtype)  # a step may leave frames out
        _check_shapes(step, {_main(step): reached, **others}, known(wires))
        probe = step.block.pure(**{_main(step): probe}, **others)
        given.append((step, others))
    results: tuple[Any, ...] = (apply_over_time(probe[:, :-1], probe[:, -1], series, length),)
    for step, others in given:
        results = seen(step, others, results)
    return results


def _check_shapes(step: Step, values: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    """Refuse shapes that do not agree, which are known only now where a value is the output of another step."""
    shapes = {name: value.shape for name, value in values.items() if hasattr(value, "shape")}
    step.declaration.check_shapes(shapes)
    step.declaration.check_lengths(known, shapes)


def _main(step: Step) -> str:
    return step.declaration.main_input


def _as_real(value: Any) -> Any:
    import jax.numpy as jnp

    value = jnp.asarray(value)
    return value.astype(jnp.result_type(float)) if jnp.issubdtype(value.dtype, jnp.floating) else value


def _as_tuple(returned: Any) -> tuple[Any, ...]:
    return returned if isinstance(returned, tuple) else (returned,)


def taken(value: Any, index: np.ndarray | None) -> Any:
    """Pick entries along the leading axis; a list holds entries of different shape."""
    import jax.numpy as jnp

    if index is None:
        return value
    if isinstance(value, list):
        if index.ndim == 0:
            return value[int(index)]
        parts = [taken(value, one) for one in index]
        return parts if any(isinstance(p, list) or p.shape != parts[0].shape for p in parts) else jnp.stack(parts)
    if index.ndim == 1 and np.array_equal(index, np.arange(len(value))):
        return value
    return value[index]


def _converted(value: Any, spaces: Any) -> Any:
    """Bring a series from the locations where it lies to those where it is wanted."""
    import jax
    import jax.numpy as jnp

    if spaces is None:
        return value
    if isinstance(spaces, list):
        parts = [value[n] if pair is None else _convert(value[n], pair) for n, pair in enumerate(spaces)]
        return parts if len({part.shape for part in parts}) > 1 else jnp.stack(parts)
    if isinstance(value, list):
        return [_convert(series, spaces) for series in value]
    return _convert(value, spaces) if value.ndim == 2 else jax.lax.map(lambda one: _convert(one, spaces), value)


def _convert(series: Any, spaces: tuple[Any, ...]) -> Any:
    import jax.numpy as jnp

    return files.convert(series, spaces[0], spaces[1], jnp)


def _over_instances(call: Any, mapped: Mapping[str, Any], count: int) -> tuple[Any, ...]:
    """Call a step for each of its instances: in one loop where shapes agree, else one loop for each shape."""
    import jax
    import jax.numpy as jnp

    if not mapped:
        return tuple(jnp.broadcast_to(one, (count, *one.shape)) for one in call({}))
    if not any(isinstance(value, list) for value in mapped.values()):
        return mapping()(call, dict(mapped))
    groups: dict[tuple[Any, ...], list[int]] = {}
    for number in range(count):
        one = {name: value[number] for name, value in mapped.items()}
        key = tuple((v.shape, str(v.dtype)) if isinstance(v, jax.Array) else repr(v) for v in one.values())
        groups.setdefault(key, []).append(number)
    results: list[Any] = [None] * count
    for numbers in groups.values():
        first = {name: value[numbers[0]] for name, value in mapped.items()}
        fixed = {name: value for name, value in first.items() if not isinstance(value, jax.Array)}
        batch = {n: jnp.stack([jnp.asarray(mapped[n][k]) for k in numbers]) for n in first if n not in fixed}
        if batch:
            found = mapping()(lambda one, fixed=fixed: call({**fixed, **one}), batch)
        else:
            found = tuple(jnp.stack([part] * len(numbers)) for part in call(fixed))
        for row, number in enumerate(numbers):
            results[number] = tuple(part[row] for part in found)
    columns = [[result[column] for result in results] for column in range(len(results[0]))]
    return tuple(jnp.stack(column) if len({value.shape for value in column}) == 1 else column for column in columns)


def mapping() -> Any:
    """Return how a function runs over a batch: on CPUs one after the other, elsewhere all at once."""
    import jax

    # batched small products are five times slower than a loop on CPUs, and batched LAPACK can deadlock there
    if jax.default_backend() == "cpu":
        return _one_after_the_other
    return lambda function, batch: jax.vmap(function)(batch)


def _one_after_the_other(function: Any, batch: Any) -> Any:
    import jax

    if len(jax.tree.leaves(batch)[0]) > 1:
        return jax.lax.map(function, batch)
    # a loop of one turn takes three times as long to trace and to compile as the turn itself
    return jax.tree.map(lambda one: one[None], function(jax.tree.map(lambda several: several[0], batch)))
