"""Noise for augmentation and regularisation, and random matrices; every draw takes an explicit JAX key.

A distribution is a function `(key, shape, dtype) -> draws`, such as `jax.random.normal`. `axes` says along which axes
of the data draws differ; along the others one draw is shared: `axes=(0,)` is one draw for each frame of (time, space),
`axes=()` a single one, `None` one for each entry.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from pydra_diffconn.numerics import spd

Distribution = Callable[[Any, tuple[int, ...], Any], Array]


def draw(
    key: Array, like: Array, distribution: Distribution = jax.random.normal, axes: Sequence[int] | None = None
) -> Array:
    """Draw numbers that broadcast against `like`: different along `axes`, shared along the others."""
    kept = set(range(like.ndim)) if axes is None else {axis % like.ndim for axis in axes}
    shape = tuple(size if axis in kept else 1 for axis, size in enumerate(like.shape))
    return distribution(key, shape, like.dtype)


def add(
    key: Array,
    values: Array,
    scale: Any = 1.0,
    distribution: Distribution = jax.random.normal,
    axes: Sequence[int] | None = None,
) -> Array:
    """Add `scale` times draws from a distribution, standard normal by default."""
    return values + scale * draw(key, values, distribution, axes)


def multiply(
    key: Array, values: Array, distribution: Distribution, mean: Any = 1.0, axes: Sequence[int] | None = None
) -> Array:
    """Multiply with draws divided by their distribution's mean, so that the expectation stays."""
    return values * (draw(key, values, distribution, axes) / mean)


def drop(key: Array, values: Array, rate: Any = 0.1, axes: Sequence[int] | None = None) -> Array:
    """Set entries to 0 with probability `rate` in [0, 1) and divide the others by 1 - rate (dropout).

    With `axes=(0,)` whole frames are dropped, with `axes=(1,)` whole columns.
    """

    def kept(key: Array, shape: tuple[int, ...], dtype: Any) -> Array:
        return jax.random.bernoulli(key, 1 - rate, shape).astype(dtype)

    return multiply(key, values, kept, 1 - rate, axes)


def blend(
    key: Array,
    values: Array,
    share: Any = 0.1,
    distribution: Distribution = jax.random.normal,
    axes: Sequence[int] | None = None,
) -> Array:
    """Return (1 - share) values + share * draws: a convex combination for a share in [0, 1]."""
    return (1 - share) * values + share * draw(key, values, distribution, axes)


def windows(key: Array, values: Array, length: int, count: int = 1) -> Float[Array, "count length ..."]:
    """Cut windows of `length` frames at random places from the first axis; they may overlap."""
    frames = values.shape[0]
    if not 1 <= length <= frames:
        raise ValueError(f"a window of {length} frames cannot be cut from {frames}")
    starts = jax.random.randint(key, (count,), 0, frames - length + 1)
    return jax.vmap(lambda start: jax.lax.dynamic_slice_in_dim(values, start, length))(starts)


def recondition(key: Array, matrix: Float[Array, "... n n"], floor: Any = 1e-3, jitter: Any = 0.0) -> Array:
    """Add numbers between floor - jitter and floor to the diagonal: no eigenvalue stays 0, and none stays repeated.

    It changes the matrix; for derivatives at repeated eigenvalues alone, rules that need no noise are better.

    Parameters
    ----------
    floor, jitter : float
        0 <= jitter < floor, in the unit of the matrix; each diagonal entry is drawn by itself.
    """
    spread = jax.random.uniform(key, (*matrix.shape[:-2], matrix.shape[-1]), matrix.dtype)
    return matrix + (floor - jitter * spread)[..., None] * jnp.eye(matrix.shape[-1], dtype=matrix.dtype)


def diagonal(key: Array, size: int, distribution: Distribution = jax.random.normal, dtype: Any = float) -> Array:
    """Draw a diagonal matrix with independent entries."""
    return jnp.diag(distribution(key, (size,), dtype))


def symmetric(key: Array, size: int, distribution: Distribution = jax.random.normal, dtype: Any = float) -> Array:
    """Draw a symmetric matrix; the entries on and above the diagonal are independent and of the distribution."""
    upper = jnp.triu(distribution(key, (size, size), dtype))
    return upper + jnp.triu(upper, 1).T


def outer_product(
    key: Array, size: int, rank: int | None = None, distribution: Distribution = jax.random.normal, dtype: Any = float
) -> Array:
    """Draw L L' / rank with independent entries of L (size, rank): positive semi-definite, of that rank.

    With draws of variance 1 and mean 0 the expectation is the identity.
    """
    factor = distribution(key, (size, rank or size), dtype)
    return factor @ factor.T / (rank or size)


def matrix_exponential(
    key: Array, size: int, scale: Any = 1.0, distribution: Distribution = jax.random.normal, dtype: Any = float
) -> Array:
    """Draw the exponential of `scale` times a random symmetric matrix: positive definite, its median determinant 1."""
    return spd.exponential(scale * symmetric(key, size, distribution, dtype))
