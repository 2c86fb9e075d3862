"""Dependence that need not be linear: distance correlation and mutual information."""

from collections.abc import Mapping
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from pydra_diffconn.blocks.checks import check_series
from pydra_diffconn.blocks.connectivity.segments import varies
from pydra_diffconn.blocks.shared_parameters import FrameWeights
from pydra_diffconn.declare.block import define
from pydra_diffconn.numerics.dead_columns import eps
from pydra_diffconn.numerics.weights import total_weight, weights_of_frames


@define(outputs=["connectome"], check=check_series, skips=True, varies=True, padding="frame_weights")
def DistanceCorrelation(
    timeseries: Float[Array, "time parcels"], frame_weights: FrameWeights = None
) -> Float[Array, "parcels parcels"]:
    r"""Measure how much each pair depends on each other, in whatever way (distance correlation).

    $$ R_{ab}^2 = \frac{\langle A, B \rangle}{\sqrt{\langle A, A \rangle \langle B, B \rangle}}, \quad A_{st} = |x_s -
    x_t| - \bar a_s - \bar a_t + \bar a, \quad \langle A, B \rangle = \sum_{st} \omega_s \omega_t A_{st} B_{st} $$

    From 0, where two series are independent, to 1, the diagonal. Of few frames it is large by chance, too. A column
    without variance depends on none and has no gradient. Equals `dcor.distance_correlation`, and takes time with the
    square of the frames. Source: Szekely et al. (2007), doi:10.1214/009053607000000505; Geerligs et al. (2016),
    doi:10.1016/j.neuroimage.2016.04.047.

    Parameters
    ----------
    timeseries : (time, parcels)
        Series, one per parcel.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`.
    """
    weights = weights_of_frames(timeseries, frame_weights)
    share = weights / total_weight(weights)
    series = jnp.where(varies(timeseries, weights), timeseries - share @ timeseries, 0.0)
    means = jax.lax.map(lambda frame: share @ jnp.abs(series - frame), series)
    mean = share @ means

    @jax.checkpoint  # the distances of all frames at once would be large
    def add(total: Array, frame: tuple[Array, Array, Array]) -> tuple[Array, None]:
        own, own_mean, weight = frame
        centred = jnp.abs(series - own) - means - own_mean + mean
        return total + weight * (share[:, None] * centred).T @ centred, None

    zeros = jnp.zeros((series.shape[1],) * 2, series.dtype)
    product = jax.lax.scan(add, zeros, (series, means, share))[0]
    square = jnp.diagonal(product)
    alive = square > 0
    scale = jnp.where(alive, 1 / jnp.sqrt(jnp.where(alive, square, 1.0)), 0.0)
    found = jnp.clip(scale[:, None] * product * scale, 0.0, 1.0)
    depends = found > 10 * eps(found)
    identity = jnp.eye(len(found), dtype=found.dtype)
    root = jnp.where(depends, jnp.sqrt(jnp.where(depends, found, 1.0)), 0.0)
    return root * (1 - identity) + identity


def check_bins(arguments: Mapping[str, Any]) -> None:
    """Refuse what `check_series` refuses, and fewer than two bins."""
    check_series(arguments)
    if arguments.get("bins", 2) < 2:
        raise ValueError(f"bins = {arguments['bins']}; expected 2 or more")


@define(outputs=["connectome"], check=check_bins, skips=True)
def MutualInformation(
    timeseries: Float[Array, "time parcels"],
    frame_weights: FrameWeights = None,
    bins: int = 8,
    assignment: Literal["linear", "hard"] = "linear",
    normalized: bool = False,
) -> Float[Array, "parcels parcels"]:
    r"""Measure what each pair of series tells of each other, in nats, by counting frames in bins.

    $$ M_{ab} = H(a) + H(b) - H(a, b), \quad H(a, b) = -\sum_{ij} p_{ij} \log p_{ij}, \quad p_{ij} = \frac{\sum_t w_t
    u_{tai} u_{tbj}}{\sum_t w_t} $$

    u are the shares of each frame in the bins, which are of equal width from the least to the largest value. Hard, each
    frame is in one, as `sklearn.metrics.mutual_info_score` of binned series, and nothing has a gradient; linear, it is
    shared by the two nearest of as many points (a B-spline of order 2), which has one and less bias. Of few frames and
    many bins it is large by chance, too. A column without variance tells nothing. Normalized, it is divided by
    sqrt(H(a) H(b)). Source: Daub et al. (2004), doi:10.1186/1471-2105-5-118.

    Parameters
    ----------
    timeseries : (time, parcels)
        Series, one per parcel.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`; frames of weight 0 are in no bin, and do not stretch them.
    bins : int
        At least 2.
    assignment : {"linear", "hard"}
        How frames are counted.
    normalized : bool
        Whether it is divided by the geometric mean of both entropies.
    """
    weights = weights_of_frames(timeseries, frame_weights)
    shares = _in_bins(timeseries, weights, bins, assignment)
    parcels = timeseries.shape[1]
    flat = shares.reshape(len(shares), -1)
    total = total_weight(weights)
    alone = _entropy((weights @ flat / total).reshape(parcels, bins), axis=1)

    def joint(own: Array) -> Array:
        both = (weights[:, None] * own).T @ flat / total
        return _entropy(both.reshape(bins, parcels, bins), axis=(0, 2))

    found = alone[:, None] + alone - jax.lax.map(joint, shares.swapaxes(0, 1))
    tells = alone > 0
    found = jnp.where(tells[:, None] & tells, (found + found.T) / 2, 0.0)
    if not normalized:
        return found
    scale = jnp.where(tells, 1 / jnp.sqrt(jnp.where(tells, alone, 1.0)), 0.0)
    return scale[:, None] * found * scale


def _in_bins(series: Array, weights: Array, bins: int, assignment: str) -> Float[Array, "time parcels bins"]:
    """Return the share of each frame in each bin."""
    used = (weights > 0)[:, None]
    least = jnp.min(jnp.where(used, series, jnp.inf), axis=0)
    most = jnp.max(jnp.where(used, series, -jnp.inf), axis=0)
    width = jnp.where(varies(series, weights), most - least, 0.0)
    alive = width > 0
    place = jnp.where(used & alive, series - least, 0.0) / jnp.where(alive, width, 1.0)
    if assignment == "hard":
        number = jnp.minimum(jnp.floor(place * bins), bins - 1)
        return (number[..., None] == jnp.arange(bins)).astype(series.dtype)
    return jnp.maximum(1 - jnp.abs(place[..., None] * (bins - 1) - jnp.arange(bins)), 0.0).astype(series.dtype)


def _entropy(shares: Array, axis: Any) -> Array:
    present = shares > 0
    return -jnp.sum(jnp.where(present, shares * jnp.log(jnp.where(present, shares, 1.0)), 0.0), axis=axis)
