"""Gates: soft thresholds that pass small gradients far from the edge."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pydra_diffconn.numerics.order_statistics import cut

FAR = 1e4  # widths of the soft edge beyond which a gate is exactly 0 or 1


def gate(margin: Array, softness: Any, at_edge: float = 1.0) -> Array:
    """Return 1 where the margin is positive and 0 where negative, by a logistic step of the given width."""
    width = jnp.where(softness > 0, softness, 1.0)
    hard = jnp.where(margin == 0, at_edge, 1.0 * (margin > 0))
    return jnp.where(softness > 0, jax.nn.sigmoid(margin / width), hard).astype(margin.dtype)


def largest(values: Float[Array, "*rows n"], count: Any, softness: Any) -> Float[Array, "*rows n"]:
    """Return a gate in [0, 1] for each value that keeps the `count` largest of each row.

    Hard, exactly `count` (rounded, halves up) are 1. Soft, the threshold is half-way between the last one kept and the
    first one left out, interpolated for fractional counts and infinite at the ends.
    """
    size = values.shape[-1]
    kept = jnp.floor(jnp.asarray(count, dtype=values.dtype) + 0.5)
    position = jnp.clip(count - 0.5, 0, size - 1)
    last = jnp.clip(jnp.floor(position), 0, max(size - 2, 0)).astype(int)
    place = cut(values, last)
    hard = jnp.where(kept <= 0, 0.0, jnp.where(kept >= size, 1.0, place.before))
    at = lambda index: jnp.take_along_axis(values, index, axis=-1)  # noqa: E731
    threshold = at(place.last) + (position - last) * (at(place.next) - at(place.last))
    width = jnp.where(softness > 0, softness, 1.0)
    margin = (values - threshold) / width + _beyond(count - (size - 0.5)) - _beyond(0.5 - count)
    return jnp.where(softness > 0, jax.nn.sigmoid(margin), hard).astype(values.dtype)


def _beyond(excess: Any) -> Any:
    """Grow from 0 without bound over the last half count, so that a gate reaches exactly 0 or 1 at the end."""
    inside = (excess > 0) & (excess < 0.5)
    rising = jnp.where(inside, excess / jnp.where(inside, 0.5 - excess, 1.0), 0.0)
    return jnp.where(excess >= 0.5, FAR, jnp.minimum(rising, FAR))


def through_every_parcel(
    matrix: Float[Array, "parcels parcels"], combine: Callable[[Array, Array, Array], Array]
) -> Float[Array, "parcels parcels"]:
    """Combine each pair's value with its detour over every parcel in turn (Floyd and Warshall's algorithm).

    `combine` takes the value so far, and those of the detour's two halves. The derivative keeps the matrix at every
    square-root-of-n-th parcel and computes the others again.
    """
    size = len(matrix)
    block = max(1, int(np.sqrt(size)))
    whole = size - size % block

    def over(best: Array, parcel: Array) -> tuple[Array, None]:
        return combine(best, best[:, parcel][:, None], best[parcel][None, :]), None

    def over_block(best: Array, parcels: Array) -> tuple[Array, None]:
        return jax.lax.scan(over, best, parcels)

    matrix, _ = jax.lax.scan(jax.checkpoint(over_block), matrix, jnp.arange(whole).reshape(-1, block))
    return over_block(matrix, jnp.arange(whole, size))[0]
