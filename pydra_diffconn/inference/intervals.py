"""Intervals over people that are few: the bootstrap's percentiles are too narrow for them, by as much as t is wider."""

from __future__ import annotations

from typing import Any

import numpy as np

LEVEL = 0.95


def expanded_percentiles(drawn: Any, groups: int) -> tuple[float, float]:
    """Return the 95 % interval of a statistic from its values in a bootstrap over groups (people, families, sites).

    The percentiles are those that make the interval of a mean as wide as Student's t does: of n groups the bootstrap
    has a deviation too small by √((n − 1)/n), and normal tails. Source: Hesterberg 2015, *What teachers should know
    about the bootstrap*, The American Statistician 69:371.

    Parameters
    ----------
    drawn : (repeats,) array
        The statistic of groups drawn with replacement; NaN counts as not drawn.
    groups : int
        How many groups there are.

    Raises
    ------
    ValueError
        If there are fewer than two groups, over which nothing varies.

    Examples
    --------
    >>> drawn = np.random.default_rng(0).standard_normal(100_000)
    >>> [round(end, 1) for end in expanded_percentiles(drawn, groups=10)]  # 1.96 would be the normal's, 2.26 is t's
    [-2.4, 2.4]
    """
    from scipy import stats

    if groups < 2:
        raise ValueError(f"groups is {groups}; expected 2 or more: an interval over one says nothing")
    wider = np.sqrt(groups / (groups - 1)) * stats.t.ppf((1 - LEVEL) / 2, groups - 1)
    tail = stats.norm.cdf(wider)
    low, high = np.nanquantile(drawn, [tail, 1 - tail])
    return float(low), float(high)


def mean_interval(values: Any, repeats: int = 2000, rng: np.random.Generator | None = None) -> tuple[float, float]:
    """Return the 95 % interval of a mean over people: expanded percentiles of the bootstrap.

    Parameters
    ----------
    values : (people,) array
        One for each, such as the difference of two ways.
    repeats : int
        Of the bootstrap.
    rng : numpy.random.Generator, optional
        The same draws in each call if not given.

    Raises
    ------
    ValueError
        If there are fewer than two, or one is missing.
    """
    values = np.asarray(values, dtype=float)
    if values.ndim != 1 or np.isnan(values).any():
        raise ValueError(f"values have shape {values.shape}, {int(np.isnan(values).sum())} missing; expected (people,)")
    rng = rng or np.random.default_rng(0)
    return expanded_percentiles(rng.choice(values, (repeats, len(values))).mean(axis=1), len(values))
