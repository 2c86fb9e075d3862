"""Confounds that every voxel has of its own: what they explain, and the mean of the tissue around each voxel."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from pydra_diffconn.blocks.checks import check_table
from pydra_diffconn.blocks.confounds.compcor import Tissue
from pydra_diffconn.blocks.confounds.regression import RegressConfounds
from pydra_diffconn.blocks.freedom import number_independent, without
from pydra_diffconn.blocks.parcels.smoothing import Fwhm, check_volume, grid_shape, smoothed_on_grid
from pydra_diffconn.blocks.shared_parameters import FrameWeights
from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.freedom import Freedom
from pydra_diffconn.declare.parameters import Parameter
from pydra_diffconn.numerics.dead_columns import rounding_floor
from pydra_diffconn.numerics.weights import total_weight


def taken(arguments: Mapping[str, Any], known: Mapping[str, Freedom]) -> Freedom:
    """Count the voxel's own regressor, the mean, and the confounds that all share."""
    shared = arguments.get("confounds")
    common = 0 if shared is None else number_independent(shared, arguments.get("frame_weights"))
    return without(known["timeseries"], 1 + bool(arguments.get("intercept", True)) + common)


@define(outputs=["timeseries"], check=check_table, missing=["confounds"], freedom=taken, padding="frame_weights")
def RegressVoxelwise(
    timeseries: Float[Array, "time space"],
    voxel_confounds: Float[Array, "time space"],
    confounds: Float[Array, "time regressors"] | None = None,
    frame_weights: FrameWeights = None,
    penalty: Annotated[
        float, Parameter(constraints.nonnegative, help="ridge on the voxel's own regressor of unit norm")
    ] = 0.0,
    intercept: bool = True,
    first_row: Literal["copy_second", "zero"] = "copy_second",
) -> Float[Array, "time space"]:
    r"""Subtract from each voxel what its own regressor explains, fitted together with confounds that all voxels share.

    $$
    y_v = M x_v - M z_v\, \frac{(M z_v)^\top W\, M x_v}{(1 + \lambda)\, (M z_v)^\top W\, M z_v}, \quad M = 1 - C (C^\top
    W C)^{-1} C^\top W
    $$

    M removes the shared confounds C, and the mean, from both; what is left is one number for each voxel (Frisch &
    Waugh 1933), the least squares of all together. Estimated on the weighted frames and removed from all; the mean of
    the series is kept. A voxel whose regressor the shared confounds explain loses these alone. Several regressors of a
    voxel, one after the other: the second through this block, too, with the first as its regressor. Equals XCP-D's
    confounds that are images (RETROICOR of AFNI, ANATICOR) and `numpy.linalg.lstsq` voxel by voxel. Source: Jo et al.
    (2010), doi:10.1016/j.neuroimage.2010.04.246.

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per voxel.
    voxel_confounds : (time, space)
        A regressor for each voxel, filtered as the series are; for example of `LocalTissueMean`.
    confounds : (time, regressors), optional
        Confounds that all voxels share.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`.
    penalty : float
        At least 0; on the voxel's own regressor alone.
    intercept : bool
        Whether both are centred first.
    first_row : {"copy_second", "zero"}
        What stands for a missing first row of the shared confounds.
    """
    own = voxel_confounds.astype(timeseries.dtype)
    weights = jnp.ones_like(timeseries[:, 0]) if frame_weights is None else frame_weights.astype(timeseries.dtype)
    size = weights @ own**2
    if confounds is not None:
        shared = (confounds, frame_weights, 0.0, intercept, first_row)
        timeseries, own = RegressConfounds.pure(timeseries, *shared), RegressConfounds.pure(own, *shared)
    if intercept:
        own = own - weights @ own / total_weight(weights)
    square = weights @ own**2
    regressors = 0 if confounds is None else confounds.shape[1]
    alive = square > rounding_floor(size, times=1 + regressors)
    mean = weights @ timeseries / total_weight(weights) if intercept else jnp.zeros_like(size)
    product = weights @ (own * (timeseries - mean))
    share = jnp.where(alive, product / jnp.where(alive, (1 + penalty) * square, 1.0), 0.0)
    return timeseries - own * share.astype(timeseries.dtype)


def check_around(arguments: Mapping[str, Any]) -> None:
    """Refuse places outside the grid, and a tissue without voxels."""
    check_volume(arguments)
    tissue = arguments.get("tissue")
    if tissue is not None and not np.any(np.asarray(tissue) > 0):
        raise ValueError("tissue has no voxel with a weight above 0: the mask does not overlap these data")


@define(
    outputs=["voxel_confounds"],
    linear_in="timeseries",
    acts_along="space",
    check=check_around,
    infer={"shape": grid_shape},
)
def LocalTissueMean(
    timeseries: Float[Array, "time space"],
    tissue: Tissue,
    voxels: Int[Array, "space axes"],
    voxel_size: tuple[float, ...],
    fwhm: Fwhm = 30.0,
    truncate: float = 4.0,
    shape: tuple[int, ...] | None = None,
) -> Float[Array, "time space"]:
    r"""Average a tissue around each voxel, near voxels more than far ones: the local regressor of ANATICOR.

    $$
    z_{tv} = \frac{\sum_u K_{vu}\, a_u x_{tu}}{\sum_u K_{vu}\, a_u}, \quad K_{vu} = e^{-|r_v - r_u|^2 / 2 \sigma^2},
    \quad \sigma = \frac{\text{fwhm}}{\sqrt{8 \log 2}}
    $$

    As the fast ANATICOR of AFNI's `afni_proc.py`, which smooths eroded white matter by 30 mm; for `RegressVoxelwise`.
    Where no tissue is within reach it is 0. Source: Jo et al. (2010), doi:10.1016/j.neuroimage.2010.04.246.

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per voxel, before any scaling.
    tissue : (space,)
        Weight of each voxel: a mask of white matter, eroded, or a probability.
    voxels : (space, axes)
        Position of each column on the grid, for example `numpy.argwhere(mask)`.
    voxel_size : tuple of float
        Edges of a voxel in mm.
    fwhm : float
        In mm.
    truncate : float
        Where the Gaussian ends, in standard deviations.
    shape : tuple of int, optional
        Of the grid; by default the smallest that holds all voxels.
    """
    assert shape is not None
    share = tissue.astype(timeseries.dtype)
    total = jnp.sum(share)
    mean = timeseries @ share / jnp.where(total > 0, total, 1.0)  # a large mean would cost single precision digits
    both = jnp.concatenate([(timeseries - mean[:, None]) * share, share[None]])
    smoothed = smoothed_on_grid(both, voxels, voxel_size, fwhm, truncate, shape)
    within = smoothed[-1] > 0
    local = smoothed[:-1] / jnp.where(within, smoothed[-1], 1.0) + mean[:, None]
    return jnp.where(within, local, 0.0)
