"""The one rule for dead columns: series without variance, whose deviations from the mean are rounding alone."""

from __future__ import annotations

from typing import Any

import numpy as np

ROUNDINGS = 10  # deviations below so many roundings of a column's size are none


def eps(value: Any) -> float:
    """Return the rounding of a number near 1, in the precision of an array."""
    return float(np.finfo(value.dtype).eps)


def rounding_floor(size: Any, times: float = 1.0) -> Any:
    """Return the sum of squared deviations that rounding alone may leave.

    Parameters
    ----------
    size : array
        The same sum of the column as it came, before its mean was removed.
    times : float
        How many operations as inexact as the removal of a mean went before.
    """
    return (ROUNDINGS * times * eps(size)) ** 2 * size


def is_alive(square: Any, size: Any, times: float = 1.0) -> Any:
    """Say which columns vary, by the sum of their squared deviations and that of the columns as they came."""
    return square > rounding_floor(size, times)
