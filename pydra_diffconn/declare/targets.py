"""Targets: of which shape and values they must be, checked where a loss asks for them.

While a program is traced, as in a fit, the shapes of targets are known and their values are not.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Any

import numpy as np

_OUTPUTS: ContextVar[Mapping[str, Any] | None] = ContextVar("outputs", default=None)


@contextlib.contextmanager
def scoring(outputs: Mapping[str, Any]) -> Iterator[None]:
    """Let targets be compared with these outputs."""
    token = _OUTPUTS.set(outputs)
    try:
        yield
    finally:
        _OUTPUTS.reset(token)


def outputs_now() -> Mapping[str, Any] | None:
    """Return the outputs that are being scored."""
    return _OUTPUTS.get()


def of_rows(values: Any, rows: Any) -> Any:
    """Return outputs or targets, however nested, of some runs; a list holds one value for each run."""
    import jax

    def of(value: Any) -> Any:
        return [value[int(row)] for row in rows] if isinstance(value, list) else value[rows]

    return jax.tree.map(of, values, is_leaf=lambda value: isinstance(value, list))


def concrete(target: Any) -> np.ndarray | None:
    """Return the numbers of a target; None while they are unknown."""
    import jax

    if target is None or isinstance(target, jax.core.Tracer | list):
        return None
    array = np.asarray(target)
    return array if array.dtype.kind in "biuf" else None


def shapes(value: Any) -> Any:
    """Return the shape of an array, or those of a list of them."""
    return [np.shape(one) for one in value] if isinstance(value, list) else np.shape(value)


def refuse_other_shapes(target: Any, value: Any, output: str) -> None:
    """Refuse targets of another shape than the output's."""
    found, expected = shapes(target), shapes(value)
    if isinstance(found, list) != isinstance(expected, list):
        found, expected = ([np.shape(one) for one in each] for each in (target, value))
    if found != expected:
        raise ValueError(told(found, expected, output))


def refuse_spread(target: Any, value: Any, output: str) -> None:
    """Refuse targets of another shape than the output's that arithmetic would silently spread over it."""
    found, expected = shapes(target), shapes(value)
    if isinstance(found, list) or isinstance(expected, list) or found == expected or not found or not expected:
        return
    try:
        np.broadcast_shapes(found, expected)
    except ValueError:  # arithmetic refuses them itself
        return
    raise ValueError(f"{told(found, expected, output)}; a loss that means to have others says `compares = False`")


def told(found: Any, expected: Any, output: str) -> str:
    """Say which shapes differ."""
    text = f"the targets have shape {found}, the output {output!r} {expected}; expected the same shape"
    if isinstance(found, tuple) and found[:-1] == expected and found[-1] == 1:
        return f"{text}, such as targets[..., 0]"
    return text


def refuse_values(wrong: np.ndarray, target: np.ndarray, expected: str) -> None:
    """Refuse targets some of which are wrong, naming the first."""
    if wrong.any():
        place = tuple(int(n) for n in np.argwhere(wrong)[0])
        where = place[0] if len(place) == 1 else list(place)
        raise ValueError(f"the targets have {target[place]:g} in entry {where}; expected {expected}")


def weighted(value: Any, weights: Any) -> Any:
    """Return values, with 0 in frames of weight 0, which take no part in a score."""
    import jax.numpy as jnp

    if isinstance(value, list) and weights is not None:
        return [weighted(one, w) for one, w in zip(value, weights, strict=True)]
    if weights is None or np.ndim(value) < 2 or np.shape(value)[-2] != np.shape(weights)[-1]:
        return value
    return jnp.where(jnp.asarray(weights)[..., None] > 0, value, 0.0)


def missing_where(values: Any, score: Any) -> Any:
    """Return a score, or NaN where values hold NaN: what takes no part in a score must not make it look good."""
    import jax
    import jax.numpy as jnp

    real = [one for one in jax.tree.leaves(values) if jnp.issubdtype(jnp.result_type(one), jnp.floating)]
    if not real or not jnp.issubdtype(jnp.result_type(score), jnp.floating):
        return score
    missing = jnp.any(jnp.stack([jnp.any(jnp.isnan(one)) for one in real]))
    return jnp.where(missing, jnp.nan, score)
