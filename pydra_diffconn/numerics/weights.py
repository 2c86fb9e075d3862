"""Weights of frames, and what weighted means are divided by."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp


def weights_of_frames(series: Any, frame_weights: Any) -> Any:
    """Return the weights, or 1 for each frame of a series, (time, space), if none are given.

    >>> weights_of_frames(jnp.zeros((2, 5)), None).tolist()
    [1.0, 1.0]
    """
    return jnp.ones_like(series[:, 0]) if frame_weights is None else frame_weights


def total_weight(weights: Any) -> Any:
    """Return the sum of weights, or 1 if all are 0: their mean then is 0, without a gradient.

    >>> float(total_weight(jnp.array([0.5, 1.0]))), float(total_weight(jnp.zeros(2)))
    (1.5, 1.0)
    """
    total = jnp.sum(weights)
    return jnp.where(total > 0, total, 1.0)


def degrees_of_freedom(weights: Any, ddof: int) -> Any:
    """Return the divisor of a weighted covariance, or 1 if nothing is left of the frames.

    >>> float(degrees_of_freedom(jnp.ones(5), 1)), float(degrees_of_freedom(jnp.ones(1), 1))
    (4.0, 1.0)
    """
    total = total_weight(weights)
    left = jnp.sum(weights) - ddof * jnp.sum(weights**2) / total
    return jnp.where(left > 0, left, 1.0)
