"""From parcel series to connectomes: covariance, correlation, shrinkage, partial correlation, Fisher's z."""

from collections.abc import Mapping
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pydra_diffconn import constraints
from pydra_diffconn.block import define
from pydra_diffconn.blocks.filtering import check_finite
from pydra_diffconn.parameters import Parameter


def check_series(arguments: Mapping[str, Any]) -> None:
    """Refuse missing values, weights of another length, and runs with fewer than two usable frames."""
    series, weights = arguments.get("timeseries"), arguments.get("frame_weights")
    check_finite(series, "timeseries")
    if series is not None and weights is not None and len(series) != len(weights):
        raise ValueError(f"frame_weights has {len(weights)} values, timeseries {len(series)} frames")
    usable = len(series) if series is not None else 2
    if weights is not None:
        usable = int(np.sum(np.asarray(weights) > 0))
    if usable < 2:
        raise ValueError(f"{usable} usable frames; a covariance needs at least 2: censor less or leave this run out")


@define(outputs=["covariance"], check=check_series)
def Covariance(
    timeseries: Float[Array, "time parcels"],
    frame_weights: Float[Array, "time"] | None = None,
    ddof: int = 1,
) -> Float[Array, "parcels parcels"]:
    """Estimate the covariance of the columns, each frame with its weight.

    Divides by sum(w) - ddof * sum(w^2) / sum(w), as `numpy.cov(aweights=w)`. A constant column has zero covariance.

    Parameters
    ----------
    timeseries : (time, parcels)
        Series, one per parcel.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`.
    ddof : int
        1 for the unbiased estimate, 0 for the maximum-likelihood one.
    """
    weights = jnp.ones_like(timeseries[:, 0]) if frame_weights is None else frame_weights
    total = weights.sum()
    centred = timeseries - weights @ timeseries / total
    product = (weights[:, None] * centred).T @ centred
    return product / (total - ddof * jnp.sum(weights**2) / total)


@define(outputs=["connectome"], check=check_series)
def Correlation(
    timeseries: Float[Array, "time parcels"],
    frame_weights: Float[Array, "time"] | None = None,
) -> Float[Array, "parcels parcels"]:
    """Correlate all pairs of columns (Pearson), each frame with its weight.

    The diagonal is 1. A column without variance correlates 0 with all others and has no gradient. Equals
    `nilearn.connectome.ConnectivityMeasure(EmpiricalCovariance(), kind="correlation")`.

    Parameters
    ----------
    timeseries : (time, parcels)
        Series, one per parcel.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`.
    """
    weights = jnp.ones_like(timeseries[:, 0]) if frame_weights is None else frame_weights
    centred = timeseries - weights @ timeseries / weights.sum()
    # normalising before the product keeps the result independent of the scale; the guard is on the input of the
    # square root, since one on its output would let a dead parcel's infinite derivative through
    square = weights @ centred**2
    floor = (10 * jnp.finfo(timeseries.dtype).eps) ** 2 * (weights @ timeseries**2)
    alive = square > floor
    scale = jnp.where(alive, 1 / jnp.sqrt(jnp.where(alive, square, 1.0)), 0.0)
    normed = centred * scale
    connectome = (weights[:, None] * normed).T @ normed
    return jnp.fill_diagonal(connectome, 1.0, inplace=False)


@define(outputs=["connectome"])
def FisherZ(connectome: Float[Array, "parcels parcels"]) -> Float[Array, "parcels parcels"]:
    """Transform correlations to Fisher's z, the inverse hyperbolic tangent.

    The diagonal, whose z would be infinite, is set to 0. Off it, |r| = 1 counts as the largest number below 1.
    """
    limit = 1 - jnp.finfo(connectome.dtype).eps
    return jnp.fill_diagonal(jnp.arctanh(jnp.clip(connectome, -limit, limit)), 0.0, inplace=False)


@define(outputs=["covariance"], linear_in="covariance")
def ShrinkCovariance(
    covariance: Float[Array, "parcels parcels"],
    shrinkage: Annotated[
        float, Parameter(constraints.unit_interval, help="0 keeps the estimate, 1 is the target")
    ] = 0.1,
) -> Float[Array, "parcels parcels"]:
    """Shrink a covariance towards a multiple of the identity: (1 - a) S + a mean(diag S) I.

    Equals `sklearn.covariance.shrunk_covariance`. Source: Ledoit & Wolf (2004), doi:10.1016/S0047-259X(03)00096-4.
    """
    target = jnp.mean(jnp.diagonal(covariance)) * jnp.eye(len(covariance), dtype=covariance.dtype)
    return (1 - shrinkage) * covariance + shrinkage * target


def check_invertible(arguments: Mapping[str, Any]) -> None:
    """Refuse a covariance that has no inverse."""
    covariance, penalty = arguments.get("covariance"), arguments.get("penalty")
    if covariance is None or penalty is None or penalty > 0:
        return
    eigenvalues = np.linalg.eigvalsh(covariance)
    rank = int(np.sum(eigenvalues > len(covariance) * np.finfo(eigenvalues.dtype).eps * eigenvalues[-1]))
    if rank < len(covariance):
        raise ValueError(
            f"covariance of {len(covariance)} parcels has rank {rank} and no inverse (fewer frames than parcels, or a "
            "parcel without variance); shrink it first (ShrinkCovariance) or give a penalty > 0"
        )


@define(outputs=["connectome"], check=check_invertible)
def PartialCorrelation(
    covariance: Float[Array, "parcels parcels"],
    penalty: Annotated[float, Parameter(constraints.nonnegative, help="added to the diagonal of the covariance")] = 0.0,
) -> Float[Array, "parcels parcels"]:
    """Correlate each pair given all others: -P_ij / sqrt(P_ii P_jj) with P the inverse of (S + penalty I).

    The diagonal is 1. Equals nilearn's "partial correlation".

    Parameters
    ----------
    covariance : (parcels, parcels)
        A symmetric positive definite matrix; shrink it first where frames are few.
    penalty : float
        Ridge, in the unit of the covariance.
    """
    identity = jnp.eye(len(covariance), dtype=covariance.dtype)
    factor = jnp.linalg.cholesky(covariance + penalty * identity)
    precision = jax.scipy.linalg.cho_solve((factor, True), identity)
    scale = 1 / jnp.sqrt(jnp.diagonal(precision))
    return jnp.fill_diagonal(-precision * scale * scale[:, None], 1.0, inplace=False)
