"""Other summaries of a parcel than its mean: the median, the sum, the spread, the ends."""

from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from pydra_diffconn.blocks.parcels.label_means import check, present, without_voxels
from pydra_diffconn.declare.block import define

Statistic = Literal["median", "sum", "variance", "standard_deviation", "minimum", "maximum"]


@define(
    outputs=["timeseries"],
    check=check,
    infer={"parcels": present},
    missing=["timeseries"],
    places=without_voxels,
)
def SummarizeParcels(
    timeseries: Float[Array, "time space"],
    labels: Int[Array, "space"],
    statistic: Statistic = "median",
    parcels: tuple[int, ...] | None = None,
) -> Float[Array, "time parcels"]:
    r"""Summarise the voxels of each parcel, frame by frame, by another statistic than their mean (`Parcellate`).

    $$
    y_{tp} = \operatorname{median}_{v \in V_p} x_{tv},\ \sum_{v \in V_p} x_{tv},\ \frac{1}{|V_p|} \sum_{v \in V_p}
    (x_{tv} - \bar x_{tp})^2,\ \dots, \quad V_p = \{v : l_v = p\}
    $$

    Equals `nilearn.maskers.NiftiLabelsMasker(strategy=...)` without resampling. The variance is divided by the number
    of voxels; the median of an even number is the mean of the middle two. Where values tie, a derivative is that of one
    of them; a standard deviation of 0 has none.

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per voxel or vertex.
    labels : (space,)
        Integer label of each column; 0 is background.
    statistic : {"median", "sum", "variance", "standard_deviation", "minimum", "maximum"}
        Which.
    parcels : tuple of int, optional
        Labels to summarise, in the order of the output's columns; by default those that occur, ascending. A parcel
        without any voxel is missing: zeros within a program, NaN where it comes out, with a warning.
    """
    assert parcels is not None
    ordered = np.sort(np.array(parcels))
    place = jnp.searchsorted(ordered, labels).clip(0, len(ordered) - 1)
    segment = jnp.where(jnp.asarray(ordered)[place] == labels, place, len(ordered))  # the last one collects the rest
    count = jax.ops.segment_sum(jnp.ones_like(segment), segment, len(ordered) + 1)
    found = jax.lax.map(lambda frame: _of_frame(frame, segment, count, statistic), timeseries)
    present_ones = jnp.where(count > 0, found, 0.0)[:, :-1]
    return present_ones[:, np.argsort(np.argsort(np.array(parcels)))]


def _of_frame(frame: Float[Array, "space"], segment: Array, count: Array, statistic: str) -> Float[Array, "segments"]:
    segments = len(count)
    if statistic == "median":
        by_size = jax.lax.sort((segment, frame), num_keys=2)[1]
        start = jnp.cumsum(count) - count
        lower, upper = (jnp.clip(start + half, 0, len(frame) - 1) for half in ((count - 1) // 2, count // 2))
        return (by_size[lower] + by_size[upper]) / 2
    sums: Any = jax.ops.segment_sum
    if statistic == "sum":
        return sums(frame, segment, segments)
    if statistic in ("minimum", "maximum"):
        ends = jax.ops.segment_min if statistic == "minimum" else jax.ops.segment_max
        return ends(frame, segment, segments)
    number = jnp.maximum(count, 1).astype(frame.dtype)
    mean = sums(frame, segment, segments) / number
    variance = sums((frame - mean[segment]) ** 2, segment, segments) / number
    if statistic == "variance":
        return variance
    # voxels that are all equal: the root's derivative would be infinite
    return jnp.where(variance > 0, jnp.sqrt(jnp.where(variance > 0, variance, 1.0)), 0.0)
