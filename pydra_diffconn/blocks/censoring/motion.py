"""How much a frame differs from the one before: displacement of the head, and change of the image."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.padding import EACH
from pydra_diffconn.declare.parameters import Parameter
from pydra_diffconn.numerics.linalg import times

IQR_PER_SIGMA = 1.349  # interquartile range of a normal distribution, as FSL and nipype round it
LARGE_ROTATION = 2 * np.pi
ROUNDINGS = 10  # a series that varies by fewer roundings of its size is constant


def check_motion(arguments: Mapping[str, Any]) -> None:
    """Refuse rotations that cannot be in radians."""
    motion = arguments.get("motion")
    if motion is None:
        return
    largest = float(np.max(np.abs(motion[:, 3:]), initial=0.0))
    if arguments.get("rotation_unit", "radians") == "radians" and largest > LARGE_ROTATION:
        raise ValueError(
            f"motion has a rotation of {largest:.3g} radians, more than a full turn; are the rotations in degrees "
            "(rotation_unit='degrees'), or do they stand before the translations?"
        )


MOTION = ("trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z")


@define(outputs=["framewise_displacement"], check=check_motion, columns={"motion": MOTION}, version="2", padding=EACH)
def FramewiseDisplacement(
    motion: Float[Array, "time 6"],
    radius: Annotated[
        float, Parameter(constraints.positive, unit="mm", help="of the sphere on which rotations are measured")
    ] = 50.0,
    rotation_unit: Literal["radians", "degrees"] = "radians",
) -> Float[Array, "time"]:
    r"""Sum the changes of the six motion parameters from the frame before, rotations as arcs on a sphere.

    $$
    \text{FD}_t = \sum_{i=1}^{3} |\Delta d_{ti}| + r \sum_{i=1}^{3} |\Delta \alpha_{ti}|, \quad \Delta x_t = x_t -
    x_{t-1}
    $$

    In mm; 0 in the first frame, which has none before it. Where breathing moves the parameters filter them first
    (`FilterMotion`). Equals nipype's `FramewiseDisplacement` and the column of that name of fMRIPrep. Source: Power et
    al. (2012), doi:10.1016/j.neuroimage.2011.10.018.

    Parameters
    ----------
    motion : (time, 6)
        Translations along x, y, z in mm, then rotations around x, y, z; of a file the columns `trans_x`, ..., `rot_z`.
    radius : float
        In mm, above 0; `bids.head_radius` finds that of a brain mask.
    rotation_unit : {"radians", "degrees"}
        Radians in fMRIPrep, FSL and SPM, degrees in AFNI.
    """
    turn = radius * (jnp.pi / 180 if rotation_unit == "degrees" else 1.0)
    change = jnp.abs(jnp.diff(motion, axis=0))
    moved = change[:, :3].sum(axis=1) + (turn * change[:, 3:].sum(axis=1)).astype(motion.dtype)
    return jnp.concatenate([jnp.zeros_like(motion[:1, 0]), moved])


@define(outputs=["framewise_displacement"], check=check_motion, columns={"motion": MOTION}, padding=EACH)
def JenkinsonDisplacement(
    motion: Float[Array, "time 6"],
    radius: Annotated[float, Parameter(constraints.positive, unit="mm", help="of the sphere that moves")] = 80.0,
    center: tuple[float, float, float] = (0.0, 0.0, 0.0),
    rotation_unit: Literal["radians", "degrees"] = "radians",
) -> Float[Array, "time"]:
    r"""Measure how far the points of a sphere move from the frame before: the root of their mean squared way.

    $$
    \text{FD}_t = \sqrt{|d_t + A_t c|^2 + \tfrac{r^2}{5} \operatorname{tr}(A_t^\top A_t)}, \quad A_t = R_t R_{t-1}^\top
    - 1, \quad d_t = x_t - R_t R_{t-1}^\top x_{t-1}
    $$

    In mm; 0 in the first frame, which has none before it. x are the translations, R = Rx Ry Rz the rotations in the
    sense of FSL. Equals the relative displacement of FSL's `mcflirt -rmsrel` and `rmsdiff`, fMRIPrep's column `rmsd`
    and C-PAC's "Jenkinson" displacement, if `center` is where their sphere is. It is smaller than that of Power, about
    a half. Source: Jenkinson et al. (2002), doi:10.1006/nimg.2002.1132; Jenkinson (1999), FMRIB report TR99MJ1.

    Parameters
    ----------
    motion : (time, 6)
        Translations along x, y, z in mm, then rotations around x, y, z; of a file the columns `trans_x`, ..., `rot_z`.
    radius : float
        In mm, above 0; 80 in FSL.
    center : tuple of three floats
        Of the sphere, in mm from the point about which the rotations are; FSL's is the image's centre of gravity.
    rotation_unit : {"radians", "degrees"}
        Radians in fMRIPrep, FSL and SPM, degrees in AFNI.
    """
    angles = motion[:, 3:] * (jnp.pi / 180 if rotation_unit == "degrees" else 1.0)
    rotation, place = _rotations(angles), motion[:, :3]
    turned = times(rotation[1:] - rotation[:-1], rotation[:-1].swapaxes(1, 2))
    shift = times(turned, (jnp.asarray(center, motion.dtype) - place[:-1])[:, :, None])[:, :, 0]
    square = jnp.sum((jnp.diff(place, axis=0) + shift) ** 2, axis=1)
    square = square + (jnp.asarray(radius, motion.dtype) ** 2 / 5) * jnp.sum(turned**2, axis=(1, 2))
    # no motion: the root's derivative would be infinite
    moved = jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1.0)), 0.0)
    return jnp.concatenate([jnp.zeros_like(motion[:1, 0]), moved])


def _rotations(angles: Float[Array, "time 3"]) -> Float[Array, "time 3 3"]:
    """Return the product of the rotations around x, y, z, each in the sense of FSL."""
    (a, b, c), (p, q, r) = jnp.cos(angles).T, jnp.sin(angles).T
    rows = [
        [b * c, b * r, -q],
        [p * q * c - a * r, p * q * r + a * c, p * b],
        [a * q * c + p * r, a * q * r - p * c, a * b],
    ]
    return jnp.stack([jnp.stack(row, axis=-1) for row in rows], axis=-2)


def check_image(arguments: Mapping[str, Any]) -> None:
    """Refuse runs too short for an autocorrelation."""
    series = arguments.get("timeseries")
    if series is not None and len(series) < 3:
        raise ValueError(f"timeseries has {len(series)} frames; DVARS needs at least 3")


@define(outputs=["dvars", "std_dvars"], check=check_image)
def Dvars(
    timeseries: Float[Array, "time space"],
    intensity: float = 1000.0,
) -> tuple[Float[Array, "time"], Float[Array, "time"]]:
    r"""Measure how much the image changes from the frame before, over all voxels: DVARS, raw and standardised.

    $$
    \text{DVARS}_t = c\, d_t, \quad \text{std}_t = \frac{d_t}{\big\langle \sqrt{2 (1 - a_v)}\, s_v \big\rangle_v},
    \quad d_t = \sqrt{\big\langle (x_{tv} - x_{t-1,v})^2 \big\rangle_v}
    $$

    DVARS is the root mean square of the changes. Standardised, it is divided by what independent changes would give,
    the mean over voxels of sqrt(2 (1 - a)) s with a the autocorrelation at a lag of one frame and s a robust standard
    deviation (from the quartiles), so that 1 is usual. Both are 0 in the first frame. Voxels whose quartiles are equal
    are left out; if all are, both are 0. Equals nipype's `ComputeDVARS` (without voxels of no variance) and the columns
    `dvars` and `std_dvars` of fMRIPrep. Sources: Power et al. (2012), doi:10.1016/j.neuroimage.2011.10.018; Nichols
    (2013), "Notes on creating a standardized version of DVARS".

    Parameters
    ----------
    timeseries : (time, space)
        Series before any centring, one per voxel of the brain.
    intensity : float
        What the median over all voxels and frames is scaled to; 0 keeps the unit of the series.
    """
    ordered = jnp.sort(timeseries, axis=0)
    last = timeseries.shape[0] - 1
    lower, upper = ordered[last // 4], ordered[3 * last // 4]
    spread = (upper - lower) / IQR_PER_SIGMA
    eps = jnp.finfo(timeseries.dtype).eps
    alive = spread > ROUNDINGS * eps * jnp.abs(lower + upper)
    count = jnp.maximum(alive.sum(), 1)
    change = jnp.diff(timeseries, axis=0)
    mean_square = jnp.sum(jnp.where(alive, change, 0.0) ** 2, axis=1) / count
    # equal frames: the root's derivative would be infinite
    dvars = jnp.where(mean_square > 0, jnp.sqrt(jnp.where(mean_square > 0, mean_square, 1.0)), 0.0)
    predicted = jnp.sum(jnp.where(alive, jnp.sqrt(2 * (1 - _autocorrelation(timeseries, alive))) * spread, 0.0)) / count
    standardised = dvars / jnp.where(predicted > 0, predicted, 1.0)
    first = jnp.zeros_like(dvars[:1])
    scaled = (dvars * _scale(timeseries, intensity)).astype(timeseries.dtype)
    return jnp.concatenate([first, scaled]), jnp.concatenate([first, jnp.where(predicted > 0, standardised, 0.0)])


def _autocorrelation(timeseries: Float[Array, "time space"], alive: Array) -> Float[Array, "space"]:
    """Return the Yule-Walker autocorrelation at a lag of one frame; always below 1."""
    centred = timeseries - timeseries.mean(axis=0)
    square = jnp.sum(centred**2, axis=0)
    product = jnp.sum(centred[1:] * centred[:-1], axis=0)
    return jnp.where(alive, product / jnp.where(alive, square, 1.0), 0.0)


def _scale(timeseries: Float[Array, "time space"], intensity: Any) -> Array:
    """Return the factor that brings the median to `intensity`; 1 for an intensity or a median of zero."""
    median = jnp.median(timeseries)
    used = (jnp.asarray(intensity) != 0) & (median != 0)
    return jnp.where(used, jnp.abs(intensity / jnp.where(median != 0, median, 1.0)), 1.0)
