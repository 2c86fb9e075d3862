"""Removing what a confound explains that every voxel has of its own."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import jax.numpy as jnp
from jaxtyping import Array, Float

from pydra_diffconn.blocks.checks import check_table
from pydra_diffconn.blocks.confounds.regression import RegressConfounds
from pydra_diffconn.blocks.freedom import number_independent, without
from pydra_diffconn.blocks.shared_parameters import FrameWeights
from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.freedom import Freedom, regresses
from pydra_diffconn.declare.parameters import Parameter
from pydra_diffconn.numerics.dead_columns import rounding_floor
from pydra_diffconn.numerics.weights import total_weight, weights_of_frames


@regresses("voxel_confounds", "confounds")
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
    weights = weights_of_frames(timeseries, frame_weights).astype(timeseries.dtype)
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
