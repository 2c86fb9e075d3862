"""How blocks take temporal degrees of freedom: filters, regressions, the choice of frames."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from pydra_diffconn.declare.freedom import LEAST, Freedom, Rule, regresses
from pydra_diffconn.numerics.dead_columns import is_alive

Known = Mapping[str, Freedom]


def of_band(arguments: Mapping[str, Any], known: Known) -> Freedom:
    """Leave the part of the spectrum between the cut-offs: 2 tr (high - low) of each frame."""
    series, tr = known["timeseries"], arguments.get("tr")
    low, high = arguments.get("low"), arguments.get("high")
    if tr is None or (low is None and high is None):
        return series
    nyquist = 0.5 / tr
    share = (min(nyquist if high is None else high, nyquist) - (low or 0.0)) / nyquist
    return _at_least_one(series, share)


def of_high_pass(arguments: Mapping[str, Any], known: Known) -> Freedom:
    """Leave what lies above the cut-off."""
    return of_band({"tr": arguments.get("tr"), "low": arguments.get("cutoff")}, known)


def of_low_pass(arguments: Mapping[str, Any], known: Known) -> Freedom:
    """Leave what lies below the cut-off."""
    return of_band({"tr": arguments.get("tr"), "high": arguments.get("cutoff")}, known)


def of_band_stop(arguments: Mapping[str, Any], known: Known) -> Freedom:
    """Leave what lies outside the cut-offs."""
    series, tr = known["timeseries"], arguments.get("tr")
    low, high = arguments.get("low"), arguments.get("high")
    if tr is None or low is None or high is None:
        return series
    return _at_least_one(series, 1 - 2 * tr * (high - low))


def of_gain(arguments: Mapping[str, Any], known: Known) -> Freedom:
    """Leave what a gain passes: (sum g^2)^2 / sum g^4 of its frequencies."""
    series, gain = known["timeseries"], arguments.get("gain")
    if not isinstance(gain, np.ndarray) or not np.any(gain):
        return series
    power = np.abs(gain) ** 2
    return _at_least_one(series, float(power.sum() ** 2 / (power**2).sum() / power.size))


def _at_least_one(series: Freedom, share: float) -> Freedom:
    """No filter is so sharp that nothing comes through."""
    least = min(LEAST, series.left) / series.left if series.left > 0 else 1.0
    return replace(series, share=series.share * max(min(share, 1.0), least), filtered=True)


def of_lines(arguments: Mapping[str, Any], known: Known) -> Freedom:
    """Leave what two Gaussian windows pass; a window of so many frames is a cut-off period of twice as many."""
    high, low = arguments.get("highpass_sigma"), arguments.get("lowpass_sigma")
    share = (1.0 if low is None else min(1.0, 1 / low)) - (0.0 if high is None else min(1.0, 1 / high))
    return _at_least_one(known["timeseries"], share)


def without(series: Freedom, count: float, design: Freedom | None = None) -> Freedom:
    """Return what a regression leaves: of a series narrower than its regressors, each takes but the part it meets."""
    design = series if design is None else design
    if not series.left > 0:
        return series
    removed = min(count, design.left) * min(1.0, series.left / design.left) if design.left > 0 else series.left
    return replace(series, share=series.share * max(1 - removed / series.left, 0.0))


def of_regression(name: str = "confounds", chosen: Callable[[Mapping[str, Any]], Any] | None = None) -> Rule:
    """Return the rule of a block that removes what some columns explain: each independent one takes its part.

    Columns that went through the same filter as the series take one degree of freedom each; of a filtered series,
    unfiltered ones take no more than the part that passes the filter.

    Parameters
    ----------
    name : str
        The argument with the columns.
    chosen : callable, optional
        From the arguments to which columns are removed altogether, as truth values; None for all.
    """

    @regresses(name)
    def rule(arguments: Mapping[str, Any], known: Known) -> Freedom:
        series, columns = known["timeseries"], arguments.get(name)
        if columns is None:
            return series
        which = None if chosen is None else chosen(arguments)
        design = known[name].weighted(arguments.get("frame_weights"))
        raw = design.share == 1.0
        rank = number_independent(columns, arguments.get("frame_weights"), which, centred=raw)
        return without(series, rank + raw, design)  # and the mean

    return rule


def of_kept(arguments: Mapping[str, Any], known: Known) -> Freedom:
    """Leave the frames that are kept; those censored before are not counted twice."""
    frames, series = arguments.get("frames"), known["timeseries"]
    return series if frames is None else replace(series, frames=min(series.frames, float(len(frames))))


def number_independent(columns: Any, weights: Any = None, which: Any = None, centred: bool = True) -> int:
    """Count independent columns in the frames that carry weight; of columns that are not known, all.

    They are scaled first, or squared derivatives would vanish beside tissue means.
    """
    if not isinstance(columns, np.ndarray):
        return int(columns.shape[1] if which is None else np.sum(which))
    columns = columns if which is None else columns[:, which]
    columns = np.where(np.isfinite(columns), columns, columns[:2][-1])  # only the first row can be missing
    columns = columns[weights > 0] if isinstance(weights, np.ndarray) else columns
    if not columns.size:
        return 0
    columns = columns.astype(float)
    deviations = columns - columns.mean(axis=0) if centred else columns
    square, size = np.sum(deviations**2, axis=0), np.sum(columns**2, axis=0)
    varies = np.asarray(is_alive(square, size))
    return int(np.linalg.matrix_rank(deviations[:, varies] / np.sqrt(square[varies]))) if varies.any() else 0
