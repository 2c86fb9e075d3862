"""The blocks of this package."""

from typing import Annotated

import jax.numpy as jnp
from jaxtyping import Array, Float

from pydra_diffconn import Parameter, block, constraints


@block.define(outputs=["timeseries"], linear_in="timeseries", acts_along="time")
def Smoothing(
    timeseries: Float[Array, "time space"],
    tr: float,
    time_constant: Annotated[
        float, Parameter(constraints.above(0.0), unit="s", help="how fast the past is forgotten")
    ] = 10.0,
) -> Float[Array, "time space"]:
    """Smooth each series with exponentially decaying weights of the past and the future.

    A constant series stays as it is.

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per column.
    tr : float
        Repetition time in seconds.
    time_constant : float
        Distance in time, in seconds, at which a frame counts 1/e.
    """
    frames = jnp.arange(timeseries.shape[0])
    weights = jnp.exp(-jnp.abs(frames[:, None] - frames) * tr / time_constant)
    return weights @ timeseries / weights.sum(axis=1, keepdims=True)
