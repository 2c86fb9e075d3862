"""The mean of a tissue around each voxel."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from pydra_diffconn.blocks.confounds.compcor import Tissue
from pydra_diffconn.blocks.parcels.smoothing import Fwhm, check_volume, grid_shape, smoothed_on_grid
from pydra_diffconn.declare.block import define


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
