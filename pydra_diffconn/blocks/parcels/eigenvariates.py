"""The first eigenvariate of each parcel: the course that explains most of its voxels."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from pydra_diffconn.blocks.parcels.label_means import check, present, without_voxels
from pydra_diffconn.blocks.shared_parameters import FrameWeights
from pydra_diffconn.declare.block import define
from pydra_diffconn.numerics.leading import leading
from pydra_diffconn.numerics.linalg import times
from pydra_diffconn.numerics.weights import total_weight, weights_of_frames


def largest(arguments: Mapping[str, Any]) -> int:
    """Return how many voxels the largest parcel has."""
    labels = arguments.get("labels")
    if labels is None:
        raise ValueError("labels come out of an earlier step; give size, the voxels of the largest parcel")
    labels = np.asarray(labels)
    return int(np.unique(labels[labels != 0], return_counts=True)[1].max(initial=1))


def check_size(arguments: Mapping[str, Any]) -> None:
    """Refuse what `check` refuses, and a size that leaves voxels of a parcel out, or is more than there are."""
    check(arguments)
    labels, size = arguments.get("labels"), arguments.get("size")
    if labels is None or size is None:
        return
    least = largest(arguments)
    if not least <= size <= len(labels):
        raise ValueError(
            f"size = {size}; expected the {least} voxels of the largest parcel, or more, up to all {len(labels)}"
        )


@define(
    outputs=["timeseries"],
    check=check_size,
    infer={"parcels": present, "size": largest},
    missing=["timeseries"],
    places=without_voxels,
    padding="frame_weights",
)
def ParcelEigenvariates(
    timeseries: Float[Array, "time space"],
    labels: Int[Array, "space"],
    frame_weights: FrameWeights = None,
    parcels: tuple[int, ...] | None = None,
    size: int | None = None,
) -> Float[Array, "time parcels"]:
    r"""Find the first eigenvariate of each parcel: the course along which its voxels vary most.

    $$
    y_p = \frac{X_p v}{\sqrt{|V_p|}} = u \frac{s}{\sqrt{|V_p|}}, \quad W^{1/2} X_p = u s v^\top + \dots, \quad
    \textstyle \sum_i v_i \ge 0
    $$

    X are the deviations from each voxel's mean, u, s and v the first singular vectors and value. Scaled so that it has
    the size of a voxel, and turned so that the weights of voxels sum to no less than 0. Equals the volume of
    interest of SPM (`spm_regions`) of centred data. Where opposite halves of a parcel would cancel in the mean it keeps
    what they share. A parcel in which nothing varies gives zeros; two equally strong courses leave their choice open,
    with a finite derivative. Source: Friston et al. (2006), doi:10.1016/j.neuroimage.2005.12.052.

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per voxel or vertex.
    labels : (space,)
        Integer label of each column; 0 is background.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`; frames of weight 0 get values and have no influence on the weights of voxels.
    parcels : tuple of int, optional
        Labels to summarise, in the order of the output's columns; by default those that occur, ascending. A parcel
        without any voxel is missing: zeros within a program, NaN where it comes out, with a warning.
    size : int, optional
        How many voxels the largest parcel has; by default as many as the labels say.
    """
    assert parcels is not None and size is not None
    weights = weights_of_frames(timeseries, frame_weights).astype(timeseries.dtype)
    centred = timeseries - weights @ timeseries / total_weight(weights)
    root = jnp.where(weights > 0, jnp.sqrt(jnp.where(weights > 0, weights, 1.0)), 0.0)
    in_order = jnp.argsort(labels, stable=True)
    sorted_labels = jnp.asarray(labels)[in_order]

    def found(parcel: Array) -> Float[Array, "time"]:
        first, last = (jnp.searchsorted(sorted_labels, parcel, side=side) for side in ("left", "right"))
        place = first + jnp.arange(size)
        member = place < last
        voxels = centred[:, in_order[jnp.minimum(place, len(labels) - 1)]] * member
        return _first_eigenvariate(voxels, root) / jnp.sqrt(jnp.maximum(last - first, 1).astype(timeseries.dtype))

    return jax.lax.map(found, jnp.asarray(parcels)).T


def _first_eigenvariate(voxels: Float[Array, "time voxels"], root: Float[Array, "time"]) -> Float[Array, "time"]:
    """Return X v, of the smaller of both square matrices."""
    seen = root[:, None] * voxels
    frames, number = voxels.shape
    if number <= frames:
        vector = leading(times(seen.T, seen), 1)[1][:, 0]
    else:
        values, vectors = leading(times(seen, seen.T), 1)
        exists = values[0] > 0
        strength = jnp.where(exists, jax.lax.rsqrt(jnp.where(exists, values[0], 1.0)), 0.0)
        vector = times(seen.T, vectors)[:, 0] * strength
    return voxels @ jnp.where(jnp.sum(vector) < 0, -vector, vector)
