"""Checks of argument values that several blocks share."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pydra_diffconn.warn import warn


def check_weighted(arguments: Mapping[str, Any], least: int = 1) -> None:
    """Refuse runs with too few frames of any weight."""
    series, weights = arguments.get("timeseries"), arguments.get("frame_weights")
    given = [one for one in (series, weights) if one is not None]
    if not given:
        return
    frames = len(given[0])
    usable = frames if weights is None else int(np.sum(weights > 0))
    if usable < least:
        raise ValueError(
            f"{usable} of {frames} frames can be used, at least {least} must; censor less or leave this run out"
        )


def check_table(arguments: Mapping[str, Any]) -> None:
    """Refuse missing values after the first row of a table."""
    confounds = arguments.get("confounds")
    if confounds is None:
        return
    missing = np.argwhere(~np.isfinite(confounds[1:]))
    if missing.size:
        frame, column = missing[0] + (1, 0)
        raise ValueError(
            f"confounds has a missing value in frame {frame}, column {column}; only the "
            "first row may be n/a (derivatives). Leave this column out or fill it"
        )


def check_series(arguments: Mapping[str, Any]) -> None:
    """Refuse runs with fewer than two usable frames: nothing varies in them."""
    check_weighted(arguments, least=2)


def check_tr(arguments: Mapping[str, Any]) -> None:
    """Refuse a repetition time that is none."""
    tr = arguments.get("tr")
    if tr is not None and not tr > 0:
        raise ValueError(f"tr = {tr:g} s is not positive; give the repetition time in seconds")


def check_band(arguments: Mapping[str, Any]) -> None:
    """Refuse a band that is empty or lies above the Nyquist frequency."""
    check_tr(arguments)
    tr = arguments.get("tr")
    for name in ("low", "high", "cutoff"):
        value = arguments.get(name)
        if value is None or tr is None:
            continue
        if value >= 0.5 / tr:
            raise ValueError(
                f"{name} = {value:g} Hz is not below the Nyquist frequency {0.5 / tr:g} Hz (tr = {tr:g} s); "
                f"choose {name} < {0.5 / tr:g} or check tr"
            )
    low, high = arguments.get("low"), arguments.get("high")
    if low is not None and high is not None and not 0 <= low < high:
        raise ValueError(f"low = {low:g} Hz and high = {high:g} Hz are no band; expected 0 <= low < high")


def check_filter(arguments: Mapping[str, Any], low: str = "low", high: str = "high") -> None:
    """Refuse what `check_band` refuses, and a filter that leaves a run nothing; warn of one that is slower than it.

    `low` and `high` name the arguments that are the cut-offs.
    """
    check_band(arguments)
    series, tr = arguments.get("timeseries"), arguments.get("tr")
    if series is None or tr is None or len(series) < 2:
        return
    slowest, run = 1 / (len(series) * tr), f"{len(series)} frames of {tr:g} s"
    above, below = arguments.get(high), arguments.get(low)
    if above is not None and above < slowest:
        raise ValueError(
            f"{high} = {above:g} Hz is below {slowest:.3g} Hz, the slowest frequency of {run}: nothing would be left "
            f"of them; choose {high} > {slowest:.3g} or check tr"
        )
    if below is not None and 0 < below < slowest:
        warn(
            f"{low} = {below:g} Hz has a period of {1 / below:.4g} s, longer than {run}: little more than the mean is "
            f"removed; choose {low} > {slowest:.3g}, or {low} = 0"
        )
