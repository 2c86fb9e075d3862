"""Removing what confounds explain: ordinary, weighted or ridge regression."""

import warnings
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pydra_diffconn import constraints
from pydra_diffconn.block import define
from pydra_diffconn.blocks.filtering import check_finite
from pydra_diffconn.linalg import pseudo_inverse
from pydra_diffconn.parameters import Parameter

FEW_DEGREES_OF_FREEDOM = 20
CONSTANT = 10  # a column whose deviations are below this many roundings of its size is constant


def check(arguments: Mapping[str, Any]) -> None:
    """Refuse tables of another length, missing values and designs that leave nothing."""
    check_table(arguments)
    if arguments.get("confounds") is not None:
        check_freedom(arguments["confounds"], arguments.get("frame_weights"))


def check_table(arguments: Mapping[str, Any]) -> None:
    """Refuse tables of another length than the series, and missing values after the first row."""
    series, confounds = arguments.get("timeseries"), arguments.get("confounds")
    check_finite(series, "timeseries")
    if confounds is None:
        return
    if series is not None:
        _check_lengths(series, confounds, arguments.get("frame_weights"))
    if arguments.get("first_row", "copy_second") not in ("copy_second", "zero"):
        raise ValueError(f"first_row = {arguments['first_row']!r}; expected 'copy_second' or 'zero'")
    missing = np.argwhere(~np.isfinite(confounds[1:]))
    if missing.size:
        frame, column = missing[0] + (1, 0)
        raise ValueError(
            f"confounds has a missing value in frame {frame}, column {column}; only the "
            "first row may be n/a (derivatives). Leave this column out or fill it"
        )


def check_freedom(confounds: Any, weights: Any = None) -> None:
    """Refuse designs that leave no temporal degrees of freedom, and warn of few; the table itself is in order."""
    seen = np.ones(len(confounds), dtype=bool) if weights is None else np.asarray(weights) > 0.5
    filled = np.where(np.isfinite(confounds), confounds, confounds[1])  # only the first row can be missing here
    kept, rank = int(seen.sum()), _rank(filled[seen].astype(float))
    left = kept - 1 - rank
    if left <= 0:
        raise ValueError(
            f"{confounds.shape[1]} confounds (rank {rank}) and {kept} kept frames leave nothing of the data; "
            "choose fewer confounds or censor less"
        )
    if left < FEW_DEGREES_OF_FREEDOM:
        warnings.warn(f"confound regression: only {left} temporal degrees of freedom are left", stacklevel=3)


def _rank(confounds: np.ndarray) -> int:
    """Count independent columns; scaled first, or squared derivatives would vanish beside tissue means."""
    if len(confounds) == 0:
        return 0
    size = np.linalg.norm(confounds, axis=0)
    centred = confounds - confounds.mean(axis=0)
    norm = np.linalg.norm(centred, axis=0)
    varies = norm > CONSTANT * np.finfo(float).eps * size
    return int(np.linalg.matrix_rank(centred[:, varies] / norm[varies])) if varies.any() else 0


def _check_lengths(series: Any, confounds: Any, weights: Any = None) -> None:
    if len(series) != len(confounds):
        difference = abs(len(series) - len(confounds))
        raise ValueError(
            f"confounds has {len(confounds)} rows, timeseries {len(series)} frames; "
            f"were {difference} dummy scans removed from one of them?"
        )
    if weights is not None and len(series) != len(weights):
        raise ValueError(f"frame_weights has {len(weights)} values, timeseries {len(series)} frames; expected one each")


@define(outputs=["timeseries"], linear_in="timeseries", acts_along="time", check=check)
def RegressConfounds(
    timeseries: Float[Array, "time space"],
    confounds: Float[Array, "time regressors"],
    frame_weights: Float[Array, "time"] | None = None,
    penalty: Annotated[
        float, Parameter(constraints.nonnegative, help="ridge on confounds scaled to unit norm; 0 is least squares")
    ] = 0.0,
    intercept: bool = True,
    first_row: Literal["copy_second", "zero"] = "copy_second",
) -> Float[Array, "time space"]:
    """Subtract what the confounds explain, estimated on the weighted frames and removed from all.

    Solves min_b sum_t w_t (y_t - x_t b)^2 + penalty |b|^2 with each confound centred (if `intercept`) and scaled to
    unit weighted norm, so that the penalty has no unit. Collinear and constant confounds are harmless. The mean of the
    series is kept. Equals numpy's least squares, scikit-learn's Ridge and `nilearn.signal.clean` (its regression).

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per column.
    confounds : (time, regressors)
        Confounds; the first row may be missing (n/a of derivatives), see `first_row`.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`.
    penalty : float
        Ridge penalty, at least 0.
    intercept : bool
        Whether the confounds are centred first.
    first_row : {"copy_second", "zero"}
        What stands for a missing first row: the second one (as nilearn does) or zeros (as XCP-D does).
    """
    centred, root, design = unit_design(timeseries, confounds, frame_weights, intercept, first_row)
    # (X'X + l I)^-1 X' = (I + l K)^-1 X^+ with K = X^+ X^+': exact least squares at l = 0, also without full rank,
    # and the derivative of the pseudo-inverse is known where that of a singular value decomposition is not
    inverse = pseudo_inverse(root * design)
    ridge = jnp.eye(design.shape[1], dtype=design.dtype) + penalty * (inverse @ inverse.T)
    coefficients = jnp.linalg.solve(ridge, inverse @ (root * centred))
    return timeseries - design @ coefficients


def unit_design(
    timeseries: Float[Array, "time space"],
    confounds: Float[Array, "time regressors"],
    frame_weights: Float[Array, "time"] | None,
    intercept: bool = True,
    first_row: str = "copy_second",
) -> tuple[Float[Array, "time space"], Float[Array, "time 1"], Float[Array, "time regressors"]]:
    """Prepare a regression on the weighted frames.

    Returns the series and the confounds, both centred (if `intercept`), the confounds also scaled to unit weighted
    norm, and between them the square roots of the frame weights. Constant confounds become zeros.
    """
    _check_lengths(timeseries, confounds, frame_weights)
    timeseries, confounds = jnp.asarray(timeseries), filled_first_row(confounds, first_row)
    weights = jnp.ones_like(timeseries[:, 0]) if frame_weights is None else frame_weights
    total = weights.sum()
    rounding = (CONSTANT * jnp.finfo(confounds.dtype).eps) ** 2 * (weights @ confounds**2)
    centred = timeseries
    if intercept:
        for _ in range(2):  # one pass leaves a mean of some roundings in float32, which would be fitted
            confounds = confounds - weights @ confounds / total
        centred = timeseries - weights @ timeseries / total
    root = jnp.where(weights > 0, jnp.sqrt(jnp.where(weights > 0, weights, 1.0)), 0.0)[:, None]
    square = jnp.sum((root * confounds) ** 2, axis=0)
    used = square > rounding  # else a constant column would be scaled up to noise
    design = confounds * jnp.where(used, 1 / jnp.sqrt(jnp.where(used, square, 1.0)), 0.0)
    return centred, root, design


def filled_first_row(confounds: Float[Array, "time regressors"], first_row: str) -> Float[Array, "time regressors"]:
    """Fill what is missing in the first row, where derivatives have no value."""
    confounds = jnp.asarray(confounds)
    stand_in = confounds[1] if first_row == "copy_second" else jnp.zeros_like(confounds[1])
    return confounds.at[0].set(jnp.where(jnp.isfinite(confounds[0]), confounds[0], stand_in))
