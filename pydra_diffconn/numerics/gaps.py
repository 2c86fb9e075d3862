"""Gaps in a series, bridged by straight lines."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def bridge(
    timeseries: Float[Array, "time space"], frame_weights: Float[Array, "time"] | None
) -> Float[Array, "time space"]:
    """Replace frames of weight zero by straight lines between those with weight; before and after, by the nearest.

    >>> bridge(jnp.array([[1.0], [9.0], [9.0], [4.0]]), jnp.array([1.0, 0.0, 0.0, 0.5]))[:, 0].tolist()
    [1.0, 2.0, 3.0, 4.0]
    """
    if frame_weights is None:
        return timeseries
    timeseries, kept = jnp.asarray(timeseries), frame_weights > 0
    frames = len(timeseries)
    index = jnp.arange(frames)
    before = jax.lax.cummax(jnp.where(kept, index, -1))
    after = jax.lax.cummin(jnp.where(kept, index, frames), reverse=True)
    before, after = jnp.where(before < 0, after, before), jnp.where(after == frames, before, after)
    gap = jnp.maximum(after - before, 1)
    share = ((index - before) / gap).astype(timeseries.dtype)[:, None]
    lines = (1 - share) * timeseries[before % frames] + share * timeseries[after % frames]
    return jnp.where(kept[:, None], timeseries, lines)
