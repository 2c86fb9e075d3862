"""Checks of argument values that several blocks share."""

from collections.abc import Mapping
from typing import Any

import numpy as np


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


def check_band(arguments: Mapping[str, Any]) -> None:
    """Refuse a band that is empty or lies above the Nyquist frequency, and missing values in the series."""
    tr = arguments.get("tr")
    if tr is not None and not tr > 0:
        raise ValueError(f"tr = {tr:g} s is not positive; give the repetition time in seconds")
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
