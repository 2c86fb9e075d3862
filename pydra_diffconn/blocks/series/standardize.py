"""Bringing series to one scale: z-score, percent signal change, robust z-score, or a learned mixture of them."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pydra_diffconn.blocks.checks import check_series
from pydra_diffconn.blocks.shared_parameters import FrameWeights
from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.parameters import Parameter
from pydra_diffconn.numerics.dead_columns import is_alive
from pydra_diffconn.numerics.weights import total_weight, weights_of_frames

MODES = ("zscore", "psc", "robust")
SIGMA_PER_MAD = 1.482602218505602  # 1 / the normal distribution's upper quartile
ModeWeights = Annotated[
    Float[Array, "3"] | None,
    Parameter(constraints.simplex, help="shares of z-score, percent signal change and robust z-score"),
]


@define(outputs=["timeseries"], acts_along="time", check=check_series, padding="frame_weights")
def Standardize(
    timeseries: Float[Array, "time space"],
    frame_weights: FrameWeights = None,
    mode: Literal["zscore", "psc", "robust"] = "zscore",
    mode_weights: ModeWeights = None,
    ddof: int = 1,
) -> Float[Array, "time space"]:
    r"""Centre each column and divide by its own scale, both estimated on the weighted frames.

    $$
    z_t = \frac{x_t - m}{s}, \quad m = \frac{\sum_t w_t x_t}{\sum_t w_t}, \quad s^2 = \frac{\sum_t w_t (x_t -
    m)^2}{\sum_t w_t - d \sum_t w_t^2 / \sum_t w_t}
    $$

    z-score: (x - mean) / standard deviation, as `nilearn.signal.standardize_signal` ("zscore_sample") and
    `scipy.stats.zscore`. Percent signal change: 100 (x - mean) / |mean|, as nilearn's "psc". Robust: (x - median) over
    the median absolute deviation, scaled to equal the standard deviation of normal data. A column without a scale (a
    constant; a mean or a median absolute deviation of zero) becomes zero and has no gradient. All of it is non-linear:
    no step is moved across it.

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per column.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`.
    mode : {"zscore", "psc", "robust"}
        Which scale; has no effect where `mode_weights` are given.
    mode_weights : (3,), optional
        Non-negative, summing to one: a mixture of the three, in that order; a corner is that mode, bit for bit.
    ddof : int
        Of the standard deviation, see `Covariance`.
    """
    weights = weights_of_frames(timeseries, frame_weights)
    ways = {"zscore": lambda: _zscore(timeseries, weights, ddof), "psc": lambda: _percent_change(timeseries, weights)}
    ways["robust"] = lambda: _robust(timeseries, weights)
    if mode_weights is None:
        return ways[mode]()
    shares = jnp.asarray(mode_weights).astype(timeseries.dtype)
    return shares[0] * ways["zscore"]() + shares[1] * ways["psc"]() + shares[2] * ways["robust"]()


def check_runs(arguments: Mapping[str, Any]) -> None:
    """Refuse lengths of runs that are not those of the series, and runs of which no two frames are kept."""
    check_series(arguments)
    series, lengths = arguments.get("timeseries"), arguments["run_lengths"]
    if not lengths or min(lengths) < 2:
        raise ValueError(f"run_lengths = {lengths}; expected the number of frames of each run, at least 2")
    if series is not None and sum(lengths) != len(series):
        raise ValueError(f"run_lengths = {lengths} are {sum(lengths)} frames, but timeseries has {len(series)}")
    weights, first = arguments.get("frame_weights"), 0
    for number, length in enumerate(lengths):
        if weights is not None and (np.asarray(weights)[first : first + length] > 0).sum() < 2:
            raise ValueError(f"frame_weights keep fewer than two frames of run {number}, counted from 0; leave it out")
        first += length


@define(outputs=["timeseries"], check=check_runs)
def StandardizeRuns(
    timeseries: Float[Array, "time space"],
    run_lengths: tuple[int, ...],
    frame_weights: FrameWeights = None,
    ddof: int = 1,
) -> Float[Array, "time space"]:
    r"""Bring each run of a concatenated series to mean 0 and standard deviation 1 by itself.

    $$ z_t = \frac{x_t - m_{r(t)}}{s_{r(t)}}, \quad r(t) \text{ the run of frame } t $$

    Differences of level and scale between runs would else count as connectivity, as they do where runs are concatenated
    as they are. Equals z-scoring every run, as `Standardize` does, before they are concatenated (XCP-D's
    --combine-runs since 26.0). A column that is constant in a run becomes zero in that run.

    Parameters
    ----------
    timeseries : (time, space)
        The runs one after the other, one column per location.
    run_lengths : tuple of int
        The number of frames of each run; they add up to those of the series.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`, of all runs one after the other.
    ddof : int
        Of the standard deviation, see `Covariance`.
    """
    weights = weights_of_frames(timeseries, frame_weights)
    ends = np.cumsum(run_lengths)
    runs = [slice(int(end) - length, int(end)) for end, length in zip(ends, run_lengths, strict=True)]
    return jnp.concatenate([_zscore(timeseries[run], weights[run], ddof) for run in runs])


def _centred(timeseries: Array, weights: Array) -> tuple[Array, Array, Array]:
    """Return the deviations from the weighted mean, the mean, and the mean square, all by column."""
    total = total_weight(weights)
    mean = weights @ timeseries / total
    centred = timeseries - mean
    centred = centred - weights @ centred / total  # a large mean leaves some roundings of itself
    return centred, mean, weights @ timeseries**2 / total


def _divided(numerator: Array, scale: Array, used: Array) -> Array:
    return jnp.where(used, numerator / jnp.where(used, scale, 1.0), 0.0)


def _zscore(timeseries: Array, weights: Array, ddof: int) -> Array:
    centred, _, size = _centred(timeseries, weights)
    total = total_weight(weights)
    freedom = total - ddof * jnp.sum(weights**2) / total
    square = weights @ centred**2
    # guarded before the root, whose derivative at zero is infinite
    used = is_alive(square, size * total) & (freedom > 0)
    return _divided(centred, jnp.sqrt(jnp.where(used, square, 1.0) / jnp.where(freedom > 0, freedom, 1.0)), used)


def _percent_change(timeseries: Array, weights: Array) -> Array:
    centred, mean, size = _centred(timeseries, weights)
    used = is_alive(mean**2, size)
    return _divided(100 * centred, jnp.abs(mean), used)


def _robust(timeseries: Array, weights: Array) -> Array:
    centred = timeseries - weighted_median(timeseries, weights)
    spread = SIGMA_PER_MAD * weighted_median(jnp.abs(centred), weights)
    size = jax.lax.stop_gradient(jnp.max(jnp.abs(timeseries), axis=0))
    return _divided(centred, spread, is_alive(spread**2, size**2))


def weighted_median(values: Float[Array, "time space"], weights: Float[Array, "time"]) -> Float[Array, "space"]:
    """Return the median of each column, a frame counting by its weight; with weights of 0 and 1 that of those with 1.

    The sorted values are averaged over the central stretch of weight that is as long as one frame is (the mean weight,
    by weight): of an odd number of equal frames that is the middle one, of an even number half of each of the two.
    Continuous in the weights, down to a weight of zero.
    """
    order = jnp.argsort(values, axis=0)
    ordered, mass = jnp.take_along_axis(values, order, axis=0), weights[order]
    total = total_weight(weights)
    one = jnp.sum(weights**2) / total
    above = jnp.cumsum(mass, axis=0)
    inside = jnp.minimum(above, (total + one) / 2) - jnp.maximum(above - mass, (total - one) / 2)
    inside = jnp.maximum(inside, 0.0)
    length = inside.sum(axis=0)
    return jnp.sum(inside * ordered, axis=0) / jnp.where(length > 0, length, 1.0)
