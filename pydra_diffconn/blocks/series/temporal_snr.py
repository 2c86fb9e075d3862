"""The mean of a series against its fluctuations, at every location."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from pydra_diffconn.blocks.checks import check_series
from pydra_diffconn.blocks.shared_parameters import FrameWeights
from pydra_diffconn.declare.block import define
from pydra_diffconn.numerics.dead_columns import is_alive
from pydra_diffconn.numerics.weights import total_weight, weights_of_frames


@define(outputs=["tsnr", "mean", "deviation"], check=check_series, skips=True, padding="frame_weights")
def TemporalSnr(
    timeseries: Float[Array, "time space"],
    frame_weights: FrameWeights = None,
    ddof: int = 0,
) -> tuple[Float[Array, "space"], Float[Array, "space"], Float[Array, "space"]]:
    r"""Divide the mean of each column by its standard deviation, both of the weighted frames.

    $$
    \text{tsnr} = \frac{m}{s}, \quad m = \frac{\sum_t w_t x_t}{\sum_t w_t}, \quad s^2 = \frac{\sum_t w_t (x_t -
    m)^2}{\sum_t w_t - d \sum_t w_t^2 / \sum_t w_t}
    $$

    Equals nipype's `TSNR` (remove the slow trend first, with its mean kept, where nipype removes it). A constant column
    has a ratio and a deviation of 0, without a gradient.

    Parameters
    ----------
    timeseries : (time, space)
        Series with their mean, one per column.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`.
    ddof : int
        Of the standard deviation, see `Covariance`; 0 in nipype.
    """
    weights = weights_of_frames(timeseries, frame_weights)
    total = total_weight(weights)
    mean = weights @ timeseries / total
    centred = timeseries - mean
    square = weights @ centred**2
    freedom = total - ddof * jnp.sum(weights**2) / total
    alive = is_alive(square, weights @ timeseries**2) & (freedom > 0)
    # guarded before the root, whose derivative at zero is infinite
    deviation = jnp.sqrt(jnp.where(alive, square, 1.0) / jnp.where(freedom > 0, freedom, 1.0))
    return jnp.where(alive, mean / deviation, 0.0), mean, jnp.where(alive, deviation, 0.0)
