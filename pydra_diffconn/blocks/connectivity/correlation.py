"""From parcel series to connectomes: covariance, correlation given the rest or given confounds, and their edges."""

from collections.abc import Mapping
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pydra_diffconn.blocks.checks import check_series, check_table
from pydra_diffconn.blocks.confounds.regression import RegressConfounds
from pydra_diffconn.blocks.freedom import of_regression
from pydra_diffconn.blocks.shared_parameters import FrameWeights
from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.parameters import Parameter
from pydra_diffconn.numerics import spd
from pydra_diffconn.numerics.dead_columns import rounding_floor
from pydra_diffconn.numerics.linalg import column_sums, weighted_gram
from pydra_diffconn.numerics.weights import degrees_of_freedom, total_weight, weights_of_frames


@define(outputs=["covariance"], check=check_series, skips=True, padding="frame_weights")
def Covariance(
    timeseries: Float[Array, "time parcels"],
    frame_weights: FrameWeights = None,
    ddof: int = 1,
) -> Float[Array, "parcels parcels"]:
    r"""Estimate the covariance of the columns, each frame with its weight.

    $$
    S = \frac{\sum_t w_t (x_t - m)(x_t - m)^\top}{\sum_t w_t - d \sum_t w_t^2 / \sum_t w_t}, \quad m = \frac{\sum_t
    w_t x_t}{\sum_t w_t}
    $$

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
    weights = weights_of_frames(timeseries, frame_weights)
    centred = timeseries - weights @ timeseries / total_weight(weights)
    return weighted_gram(centred, frame_weights) / degrees_of_freedom(weights, ddof)


@define(outputs=["connectome"], check=check_series, skips=True, varies=True, padding="frame_weights")
def Correlation(
    timeseries: Float[Array, "time parcels"],
    frame_weights: FrameWeights = None,
) -> Float[Array, "parcels parcels"]:
    r"""Correlate all pairs of columns (Pearson), each frame with its weight.

    $$ R_{ij} = \frac{S_{ij}}{\sqrt{S_{ii} S_{jj}}}, \quad S = \sum_t w_t (x_t - m)(x_t - m)^\top $$

    The diagonal is 1. A column without variance correlates 0 with all others and has no gradient. Equals
    `nilearn.connectome.ConnectivityMeasure(EmpiricalCovariance(), kind="correlation")`.

    Parameters
    ----------
    timeseries : (time, parcels)
        Series, one per parcel.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`.
    """
    weights = weights_of_frames(timeseries, frame_weights)
    centred = timeseries - weights @ timeseries / total_weight(weights)
    rounding = rounding_floor(weights @ timeseries**2)
    return _correlate(centred, frame_weights, rounding)


@jax.checkpoint  # to make the normed series again is cheaper than to keep what is on the way to them
def _correlate(
    centred: Float[Array, "time parcels"], weights: Float[Array, "time"] | None, rounding: Float[Array, "parcels"]
) -> Float[Array, "parcels parcels"]:
    """Correlate columns of weighted mean zero; those whose sum of squares is no more than `rounding` with none."""
    # normalising before the product keeps the result independent of the scale; the guard is on the input of the
    # square root, since one on its output would let a dead parcel's infinite derivative through
    square = column_sums(centred**2) if weights is None else weights @ centred**2
    alive = square > rounding
    scale = jnp.where(alive, 1 / jnp.sqrt(jnp.where(alive, square, 1.0)), 0.0)
    normed = centred * scale
    return spd.correlations(weighted_gram(normed, weights))


def check_conditioned(arguments: Mapping[str, Any]) -> None:
    """Refuse what neither a correlation nor a regression on the confounds can use."""
    check_series(arguments)
    check_table(arguments)


@define(
    outputs=["connectome"],
    check=check_conditioned,
    missing=["confounds"],
    freedom=of_regression(),
    skips=True,
    varies=True,
    padding="frame_weights",
)
def ConditionalCorrelation(
    timeseries: Float[Array, "time parcels"],
    confounds: Float[Array, "time regressors"],
    frame_weights: FrameWeights = None,
) -> Float[Array, "parcels parcels"]:
    r"""Correlate all pairs of columns given the confounds, which are held constant.

    $$
    R = D^{-1/2} \big(S_{xx} - S_{xy} S_{yy}^{-1} S_{yx}\big) D^{-1/2}, \quad D \text{ the diagonal of the bracket}
    $$

    These are the correlations of the Schur complement S_xx - S_xy S_yy^-1 S_yx of the weighted joint covariance, taken
    from residuals, so that no digits cancel. The diagonal is 1. Collinear confounds are harmless. A parcel that the
    confounds explain altogether correlates 0 with all others and has no gradient.

    Parameters
    ----------
    timeseries : (time, parcels)
        Series, one per parcel.
    confounds : (time, regressors)
        What is held constant: confounds, or the series of other parcels.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`, in the regression and in the correlation.
    """
    weights = weights_of_frames(timeseries, frame_weights)
    residual = RegressConfounds.pure(timeseries, confounds, frame_weights)
    centred = residual - weights @ residual / total_weight(weights)
    # what is left of an explained parcel is rounding of the parcel as it was, some for each confound
    rounding = rounding_floor(weights @ timeseries**2, times=1 + confounds.shape[1])
    return _correlate(centred, frame_weights, rounding)


def check_correlations(arguments: Mapping[str, Any]) -> None:
    """Refuse what is no correlation, beyond rounding: z values, say, or covariances."""
    connectome = arguments.get("connectome")
    if connectome is None:
        return
    largest = float(np.max(np.abs(connectome), initial=0.0))
    if largest > 1 + 1e-5:
        raise ValueError(
            f"connectome has an entry of size {largest:g}; expected correlations, from -1 to 1 (are these z values "
            "already, or covariances?)"
        )


@define(outputs=["connectome"], check=check_correlations, skips=True)
def FisherZ(connectome: Float[Array, "parcels parcels"]) -> Float[Array, "parcels parcels"]:
    r"""Transform correlations to Fisher's z, the inverse hyperbolic tangent.

    $$ z_{ij} = \operatorname{artanh} r_{ij} = \tfrac{1}{2} \log \frac{1 + r_{ij}}{1 - r_{ij}}, \quad z_{ii} = 0 $$

    The diagonal, whose z would be infinite, is set to 0. Off it, |r| = 1 counts as the largest number below 1.
    """
    limit = 1 - jnp.finfo(connectome.dtype).eps
    return spd.without_diagonal(jnp.arctanh(jnp.clip(connectome, -limit, limit)))


@define(outputs=["edges"], linear_in="connectome", skips=True)
def VectorizeEdges(
    connectome: Float[Array, "parcels parcels"],
    discard_diagonal: bool = True,
    sqrt2: bool = False,
) -> Float[Array, "edges"]:
    """List the edges of a connectome: its lower triangle, row by row.

    $$ e = (A_{ij})_{i > j} $$

    Equals `nilearn.connectome.sym_matrix_to_vec`, where a diagonal that is kept is divided by the square root of 2.

    Parameters
    ----------
    connectome : (parcels, parcels)
        A symmetric matrix; what stands above the diagonal is not read.
    discard_diagonal : bool
        Whether the diagonal is left out.
    sqrt2 : bool
        Whether everything is multiplied by the square root of 2, so that the length of the vector is the Frobenius
        norm of the matrix (of what was kept), as for tangent vectors in pyriemann.
    """
    size = connectome.shape[0]
    rows, columns = np.tril_indices(size, -1 if discard_diagonal else 0)
    edges = connectome.reshape(-1)[rows * size + columns]
    if not discard_diagonal:
        edges = edges * np.where(rows == columns, 0.5**0.5, 1.0).astype(edges.dtype)
    return edges * 2**0.5 if sqrt2 else edges


@define(outputs=["covariance"], linear_in="covariance")
def ShrinkCovariance(
    covariance: Float[Array, "parcels parcels"],
    shrinkage: Annotated[
        float, Parameter(constraints.unit_interval, help="0 keeps the estimate, 1 is the target")
    ] = 0.1,
) -> Float[Array, "parcels parcels"]:
    r"""Shrink a covariance towards a multiple of the identity: (1 - a) S + a mean(diag S) I.

    $$ S_a = (1 - a)\, S + a\, \frac{\operatorname{tr} S}{p}\, I $$

    Equals `sklearn.covariance.shrunk_covariance`. Source: Ledoit & Wolf (2004), doi:10.1016/S0047-259X(03)00096-4.
    """
    target = jnp.mean(jnp.diagonal(covariance)) * jnp.eye(len(covariance), dtype=covariance.dtype)
    return (1 - shrinkage) * covariance + shrinkage * target


def check_invertible(arguments: Mapping[str, Any]) -> None:
    """Refuse a covariance that has no inverse, parcels without variance aside."""
    covariance, penalty = arguments.get("covariance"), arguments.get("penalty")
    if covariance is None or penalty is None or penalty > 0:
        return
    variance = np.diagonal(covariance)
    alive = variance > np.finfo(variance.dtype).eps * variance.mean()
    covariance = np.asarray(covariance)[np.ix_(alive, alive)]
    eigenvalues = np.linalg.eigvalsh(covariance)
    rank = int(np.sum(eigenvalues > len(covariance) * np.finfo(eigenvalues.dtype).eps * eigenvalues[-1:]))
    if rank < len(covariance):
        raise ValueError(
            f"covariance of {len(covariance)} parcels has rank {rank} and no inverse (fewer frames than parcels?); "
            "shrink it first (ShrinkCovariance, LedoitWolf) or give a penalty > 0"
        )


Penalty = Annotated[float, Parameter(constraints.nonnegative, help="added to the diagonal of the covariance")]


@define(outputs=["precision"], check=check_invertible, skips=True, varies=True)
def Precision(
    covariance: Float[Array, "parcels parcels"],
    penalty: Penalty = 0.0,
) -> Float[Array, "parcels parcels"]:
    r"""Invert a covariance: (S + penalty I)^-1.

    $$ P = (S + \lambda I)^{-1} $$

    Equals nilearn's "precision". A parcel without variance has precision 0 with all parcels, itself included, and no
    gradient. A singular covariance of other parcels is refused, or NaN where it is not known beforehand.

    Parameters
    ----------
    covariance : (parcels, parcels)
        A symmetric positive definite matrix; shrink it first where frames are few.
    penalty : float
        Ridge, in the unit of the covariance.
    """
    precision, alive = _invert(covariance, penalty)
    return jnp.where(alive & alive[:, None], precision, 0.0)


@define(outputs=["connectome"], check=check_invertible, skips=True, varies=True)
def PartialCorrelation(
    covariance: Float[Array, "parcels parcels"],
    penalty: Penalty = 0.0,
) -> Float[Array, "parcels parcels"]:
    r"""Correlate each pair given all others: -P_ij / sqrt(P_ii P_jj) with P the inverse of (S + penalty I).

    $$ R_{ij} = -\frac{P_{ij}}{\sqrt{P_{ii} P_{jj}}}, \quad P = (S + \lambda I)^{-1} $$

    The diagonal is 1. A parcel without variance correlates 0 with all others and has no gradient. Equals nilearn's
    "partial correlation".

    Parameters
    ----------
    covariance : (parcels, parcels)
        A symmetric positive definite matrix; shrink it first where frames are few.
    penalty : float
        Ridge, in the unit of the covariance.
    """
    precision, _ = _invert(covariance, penalty)
    scale = 1 / jnp.sqrt(jnp.diagonal(precision))
    return spd.correlations(-precision * scale * scale[:, None])


def _invert(covariance: Float[Array, "parcels parcels"], penalty: Any) -> tuple[Array, Array]:
    """Return the inverse, that of a parcel without variance as if it were alone with variance 1, and who has some."""
    variance = jnp.diagonal(covariance) + penalty
    alive = variance > jnp.finfo(covariance.dtype).eps * jnp.mean(variance)
    together = alive & alive[:, None]
    identity = jnp.eye(len(covariance), dtype=covariance.dtype)
    return spd.inverse(jnp.where(together, covariance + penalty * identity, identity)), alive
