"""Giving filtered series their mean again."""

from collections.abc import Mapping
from typing import Any

from jaxtyping import Array, Float

from pydra_diffconn.blocks.checks import check_finite
from pydra_diffconn.declare.block import define


def check(arguments: Mapping[str, Any]) -> None:
    """Refuse missing values, and a reference of other columns."""
    series, reference = arguments.get("timeseries"), arguments.get("reference")
    check_finite(series, "timeseries")
    check_finite(reference, "reference")
    if series is not None and reference is not None and series.shape[1] != reference.shape[1]:
        raise ValueError(f"timeseries has {series.shape[1]} columns, reference {reference.shape[1]}; expected the same")


@define(outputs=["timeseries"], check=check)
def RestoreMean(
    timeseries: Float[Array, "time space"], reference: Float[Array, "frames space"]
) -> Float[Array, "time space"]:
    """Add the mean of a reference to each column: before percent signal change of series that were filtered.

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per column.
    reference : (frames, space)
        The series as they were, of any length.
    """
    return timeseries + reference.mean(axis=0)
