"""From voxels or vertices to parcels."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from pydra_diffconn.declare.block import define

TOGETHER = 16  # frames that are summed together, transposed in the processor's cache


def check(arguments: Mapping[str, Any]) -> None:
    """Refuse an empty atlas, missing values in a parcel, and a parcel that is asked for twice."""
    series, labels = arguments.get("timeseries"), arguments.get("labels")
    if series is not None and not np.all(np.isfinite(np.sum(series, axis=0))):
        _refuse_missing(series, np.ones(series.shape[1]) if labels is None else labels)
    if labels is not None and not np.any(labels):
        raise ValueError("labels are all 0 (background): the atlas does not overlap these data")
    parcels = arguments.get("parcels") or ()
    if len(set(parcels)) < len(parcels):
        twice = next(one for number, one in enumerate(parcels) if one in parcels[:number])
        raise ValueError(f"parcels has {twice} more than once; expected each label once")


def _refuse_missing(series: np.ndarray, labels: np.ndarray) -> None:
    """Refuse missing values where a parcel needs them; where there is none, as on a medial wall, they are left out."""
    missing = ~np.isfinite(series) & (labels != 0)
    if missing.any():
        frame, column = np.argwhere(missing)[0]
        raise ValueError(
            f"timeseries has {int(missing.sum())} values in parcels that are not finite, the first in frame {frame}, "
            f"column {column} (parcel {int(labels[column])}); mend the series, or label that place 0"
        )


def present(arguments: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the labels that occur, without the background, in ascending order."""
    if arguments.get("labels") is None:
        raise ValueError("labels come out of an earlier step; give parcels=(1, 2, ...) so that their number is known")
    return tuple(int(label) for label in np.unique(arguments["labels"]) if label != 0)


def without_voxels(arguments: Mapping[str, Any], where: np.ndarray | None) -> np.ndarray:
    """Return which parcels have no voxel, or none with data."""
    labels, parcels = arguments.get("labels"), arguments["parcels"]
    if not isinstance(labels, np.ndarray):
        return np.zeros(len(parcels), dtype=bool)
    return ~np.isin(parcels, labels if where is None else labels[~where])


def while_reading(timeseries: Any, labels: Any, parcels: tuple[int, ...]) -> np.ndarray:
    """Average an image on disk, some frames at a time."""
    return timeseries.label_means(np.asarray(labels), parcels)


@define(
    outputs=["timeseries"],
    linear_in="timeseries",
    acts_along="space",
    check=check,
    infer={"parcels": present},
    streamed=while_reading,
    missing=["timeseries"],
    places=without_voxels,
    version="2",
)
def Parcellate(
    timeseries: Float[Array, "time space"],
    labels: Int[Array, "space"],
    parcels: tuple[int, ...] | None = None,
) -> Float[Array, "time parcels"]:
    r"""Average the series of each parcel.

    $$ y_{tp} = \frac{1}{|V_p|} \sum_{v \in V_p} x_{tv}, \quad V_p = \{v : l_v = p\} $$

    Equals `nilearn.maskers.NiftiLabelsMasker(strategy="mean")` without resampling.

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per voxel or vertex.
    labels : (space,)
        Integer label of each column; 0 is background.
    parcels : tuple of int, optional
        Labels to average, in the order of the output's columns; by default those that occur, ascending. A parcel
        without any voxel is missing: zeros within a program, NaN where it comes out, with a warning.
    """
    assert parcels is not None
    ordered = np.sort(np.array(parcels))
    place = jnp.searchsorted(ordered, labels).clip(0, len(ordered) - 1)
    segment = jnp.where(jnp.asarray(ordered)[place] == labels, place, len(ordered))  # the last one collects the rest
    count = jax.ops.segment_sum(jnp.ones_like(labels, dtype=timeseries.dtype), segment, len(ordered) + 1)
    total = _sums(timeseries, segment, len(ordered) + 1)
    means = (total / jnp.maximum(count, 1))[:, :-1]
    return means[:, np.argsort(np.argsort(np.array(parcels)))]


def _sums(timeseries: Array, segment: Array, segments: int) -> Float[Array, "time segments"]:
    """Add up the columns of each segment, some frames at a time: transposing all of them costs more."""
    frames = timeseries.shape[0]
    blocks = frames // TOGETHER

    def part(rows: Array) -> Array:
        return jax.ops.segment_sum(rows.T, segment, segments).T

    if blocks < 2:
        return part(timeseries)
    start = jnp.arange(blocks) * TOGETHER
    sums = jax.lax.map(lambda first: part(jax.lax.dynamic_slice_in_dim(timeseries, first, TOGETHER)), start)
    sums = sums.reshape(-1, segments)
    if blocks * TOGETHER == frames:
        return sums
    return jnp.concatenate([sums, part(timeseries[blocks * TOGETHER :])])
