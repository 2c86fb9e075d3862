"""Covariances for few frames: shrinkage with the amount known in closed form, and towards the group."""

from typing import Annotated, Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from pydra_diffconn.blocks.checks import check_series
from pydra_diffconn.blocks.connectivity.correlation import Covariance, ShrinkCovariance
from pydra_diffconn.blocks.shared_parameters import FrameWeights
from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.parameters import Parameter
from pydra_diffconn.numerics.weights import total_weight

Shrinkage = Annotated[
    Float[Array, "subjects"],
    Parameter(constraints.unit_interval, help="of each subject: 0 keeps the estimate, 1 is the target"),
]
Target = Annotated[
    Float[Array, "parcels parcels"] | None,
    Parameter(constraints.spd, help="what is shrunk to; by default the mean of the group"),
]


@define(outputs=["covariance"], check=check_series, padding="frame_weights")
def LedoitWolf(
    timeseries: Float[Array, "time parcels"], frame_weights: FrameWeights = None
) -> Float[Array, "parcels parcels"]:
    r"""Estimate a covariance shrunk towards a multiple of the identity by Ledoit and Wolf's amount.

    $$
    S_a = (1 - a)\, S + a \mu I, \quad \mu = \frac{\operatorname{tr} S}{p}, \quad a = \min\left(1, \frac{\sum_t \| x_t
    x_t^\top - S \|_F^2}{n^2\, \| S - \mu I \|_F^2}\right)
    $$

    Equals `sklearn.covariance.LedoitWolf`, which is the default estimator of nilearn's connectomes. It is invertible
    also with fewer frames than parcels. Weighted frames count as sum(w)^2 / sum(w^2) of them. Where no parcel has
    variance, the covariance is 0. Source: Ledoit & Wolf (2004), doi:10.1016/S0047-259X(03)00096-4.

    Parameters
    ----------
    timeseries : (time, parcels)
        Series, one per parcel.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`.
    """
    covariance = Covariance.pure(timeseries, frame_weights, ddof=0)
    return ShrinkCovariance.pure(covariance, ledoit_wolf_shrinkage(timeseries, covariance, frame_weights))


@define(outputs=["covariance"], check=check_series, padding="frame_weights")
def Oas(
    timeseries: Float[Array, "time parcels"], frame_weights: FrameWeights = None
) -> Float[Array, "parcels parcels"]:
    r"""Estimate a covariance shrunk towards a multiple of the identity by the oracle approximating amount.

    $$
    S_a = (1 - a)\, S + a \mu I, \quad \mu = \frac{\operatorname{tr} S}{p}, \quad a = \min\left(1,
    \frac{\operatorname{tr} S^2 + (\operatorname{tr} S)^2}{(n + 1) (\operatorname{tr} S^2 - (\operatorname{tr} S)^2 /
    p)}\right)
    $$

    Equals `sklearn.covariance.OAS`. Weighted frames count as sum(w)^2 / sum(w^2) of them. Where no parcel has variance,
    the covariance is 0. Source: Chen et al. (2010), doi:10.1109/TSP.2010.2053029, without the term 2/p as in
    scikit-learn.

    Parameters
    ----------
    timeseries : (time, parcels)
        Series, one per parcel.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`.
    """
    covariance = Covariance.pure(timeseries, frame_weights, ddof=0)
    frames = len(timeseries) if frame_weights is None else frame_weights.sum() ** 2 / total_weight(frame_weights**2)
    return ShrinkCovariance.pure(covariance, oas_shrinkage(covariance, frames))


@define(outputs=["covariances"])
def GroupShrinkage(
    covariances: Float[Array, "subjects parcels parcels"], shrinkage: Shrinkage, target: Target = None
) -> Float[Array, "subjects parcels parcels"]:
    r"""Shrink each subject's covariance towards the group: (1 - a) S + a T.

    $$ S_i' = (1 - a_i)\, S_i + a_i T $$

    Exactly the subject's own where its `shrinkage` is 0, exactly the target where it is 1. Any symmetric matrices will
    do. Source: the idea of a population prior, Rahim et al. (2019), doi:10.1016/j.media.2019.03.001, here on the line
    between the two matrices and not in the tangent space.

    Parameters
    ----------
    covariances : (subjects, parcels, parcels)
        One for each subject.
    shrinkage : (subjects,)
        In [0, 1].
    target : (parcels, parcels), optional
        The mean over the subjects by default; one that is learned stays positive definite.
    """
    share = shrinkage[:, None, None].astype(covariances.dtype)
    prior = covariances.mean(axis=0) if target is None else target
    return (1 - share) * covariances + share * prior


def ledoit_wolf_shrinkage(
    timeseries: Float[Array, "time parcels"],
    covariance: Float[Array, "parcels parcels"],
    frame_weights: FrameWeights = None,
) -> Float[Array, ""]:
    """Return Ledoit and Wolf's amount, given also the maximum-likelihood covariance of the series.

    It is the variance of the covariance's entries, summed, over the squared distance to the target, at most 1. The
    variance, sum_t p_t^2 |x_t x_t' - S|^2 with p the weights that sum to one, needs no more than the frames' lengths
    where the weights are equal, and x_t' S x_t where they are not.
    """
    frames, size = timeseries.shape[0], len(covariance)
    norm = jnp.sum(covariance**2)
    distance = norm - jnp.trace(covariance) ** 2 / size
    if frame_weights is None:
        centred = timeseries - timeseries.mean(axis=0)
        spread = (jnp.mean(jnp.sum(centred**2, axis=1) ** 2) - norm) / frames
    else:
        share = frame_weights / total_weight(frame_weights)
        centred = timeseries - share @ timeseries
        length = jnp.sum(centred**2, axis=1)
        across = jnp.sum((centred @ covariance) * centred, axis=1)
        spread = jnp.sum(share**2 * (length**2 - 2 * across + norm))
    return _ratio(spread, distance, norm, 0.0)


def oas_shrinkage(covariance: Float[Array, "parcels parcels"], frames: Any) -> Float[Array, ""]:
    """Return the oracle approximating amount for a maximum-likelihood covariance of so many frames."""
    size = len(covariance)
    norm, square = jnp.sum(covariance**2), jnp.trace(covariance) ** 2
    return _ratio((norm + square) / (frames + 1), norm - square / size, norm, 1.0)


def _ratio(part: Array, whole: Array, norm: Array, otherwise: float) -> Array:
    """Return part / whole, at most 1; `otherwise` where the whole, a distance to the target, is only rounding."""
    far = whole > 10 * jnp.finfo(norm.dtype).eps * norm
    return jnp.where(far, jnp.clip(part / jnp.where(far, whole, 1.0), 0.0, 1.0), otherwise)
