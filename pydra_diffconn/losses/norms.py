"""Norms, unit vectors and correlations whose gradients stay finite where there is nothing to normalise."""

import jax
import jax.numpy as jnp
from jax import Array

from pydra_diffconn.numerics.dead_columns import is_alive


def norm(values: Array, axis: int | tuple[int, ...] | None = -1, order: float = 2.0) -> Array:
    """Return (sum |x|^p)^(1/p) along an axis; its gradient at 0 is 0. `order` may be infinite."""
    if axis is None:
        values, axis = values.ravel(), -1
    size = jnp.abs(values)
    if order == 1:
        return size.sum(axis)
    if order == float("inf"):
        return size.max(axis)
    # scaled by the largest entry, so that powers neither overflow nor vanish; its own derivative would cancel
    largest = jax.lax.stop_gradient(size.max(axis, keepdims=True))
    some = largest > 0
    scale = jnp.where(some, largest, 1.0)
    total = jnp.sum(_power(size / scale, order), axis, keepdims=True)
    return jnp.squeeze(jnp.where(some, scale * jnp.where(some, total, 1.0) ** (1 / order), 0.0), axis)


def _power(size: Array, order: float) -> Array:
    if order == 2:
        return size**2
    some = size > 0  # for an order below 1 the slope at 0 is infinite
    return jnp.where(some, jnp.where(some, size, 1.0) ** order, 0.0)


def unit(values: Array, axis: int = -1) -> Array:
    """Return the vectors along an axis at length 1; a vector of zeros stays and has no gradient."""
    square = jnp.sum(values**2, axis, keepdims=True)
    some = square > 0
    return values * jnp.where(some, 1 / jnp.sqrt(jnp.where(some, square, 1.0)), 0.0)


def standardise(values: Array, axis: int = -1, weights: Array | None = None) -> Array:
    """Return the vectors along an axis centred and at length 1, so that their products are Pearson correlations.

    A vector that is constant but for rounding becomes 0, without gradient. Weights (broadcast against the values) make
    the mean and, as their square roots, the products weighted ones.
    """
    if weights is None:
        weights = jnp.ones_like(values)
    weights = jnp.broadcast_to(weights, values.shape)
    values = jnp.where(weights > 0, values, 0.0)  # a missing value in a frame without weight has no say
    centred = values - jnp.sum(weights * values, axis, keepdims=True) / jnp.sum(weights, axis, keepdims=True)
    square = jnp.sum(weights * centred**2, axis, keepdims=True)
    alive = is_alive(square, jnp.sum(weights * values**2, axis, keepdims=True))
    root = jnp.where(weights > 0, jnp.sqrt(jnp.where(weights > 0, weights, 1.0)), 0.0)
    return root * centred * jnp.where(alive, 1 / jnp.sqrt(jnp.where(alive, square, 1.0)), 0.0)
