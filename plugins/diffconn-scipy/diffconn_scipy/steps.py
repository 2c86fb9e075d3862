"""Functions that Pydra runs as they are, `python.define(scipy.stats.zscore)`, and the blocks of the same meaning.

Series are (time, space), as blocks want them, so that the functions must work along the first axis.
"""

from __future__ import annotations

from typing import Any

from diffconn_scipy.butterworth import design_of
from pydra_diffconn.blocks import ButterworthFiltFilt, Correlation, Covariance, Detrend, Standardize
from pydra_diffconn.equivalents import Equivalent, Step, refuse, setting, without_effect


def detrend(options: dict[str, Any]) -> Step:
    """Return what `scipy.signal.detrend` is."""
    along_time(options, default=-1)
    without_effect(options, "overwrite_data")
    if setting(options, "bp", 0) not in (0, [0], (0,)):
        raise ValueError("there is no equivalent for bp: a trend that breaks")
    kind = setting(options, "type", "linear")
    return Detrend(degree=0 if kind in ("c", "constant") else 1), {"data": "timeseries"}


def sosfiltfilt(options: dict[str, Any]) -> Step:
    """Return what `scipy.signal.sosfiltfilt` is with a filter that `scipy.signal.butter` designed.

    The sections say nothing of the repetition time, so that the cut-offs are in cycles per frame (`tr` is 1).
    """
    along_time(options, default=-1)
    if setting(options, "padtype", "odd") != "odd":
        raise ValueError("there is no equivalent for this padtype; the block pads by odd reflection")
    refuse(options, {"padlen": "the block pads as much as SciPy does by default"})
    low, high, order = design_of(setting(options, "sos"))
    return ButterworthFiltFilt(tr=1.0, low=low, high=high, order=order), {"x": "timeseries"}


def zscore(options: dict[str, Any]) -> Step:
    """Return what `scipy.stats.zscore` is; a constant column becomes 0, not missing."""
    along_time(options, default=0)
    policy = setting(options, "nan_policy", "propagate")
    if policy == "omit":
        raise ValueError("there is no equivalent for nan_policy = 'omit': missing values are refused; replace them")
    return Standardize(mode="zscore", ddof=setting(options, "ddof", 0)), {"a": "timeseries"}


def corrcoef(options: dict[str, Any]) -> Step:
    """Return what `numpy.corrcoef` is; a constant column correlates 0 with all others."""
    _columns(options)
    without_effect(options, "bias", "ddof")
    return Correlation(), {"x": "timeseries"}


def cov(options: dict[str, Any]) -> Step:
    """Return what `numpy.cov` is, with analytic weights as frame weights."""
    _columns(options)
    refuse(options, {"fweights": "frames that are counted several times; use aweights"})
    ddof = setting(options, "ddof")
    biased = setting(options, "bias", False)
    ddof = ddof if ddof is not None else 0 if biased else 1
    return Covariance(ddof=ddof), {"m": "timeseries", "aweights": "frame_weights"}


def along_time(options: dict[str, Any], default: int) -> None:
    """Take out the axis, which must be the first of two."""
    axis = setting(options, "axis", default)
    if axis not in (0, -2):
        raise ValueError(f"axis = {axis}: blocks take series as (time, space); give the step those, and axis=0")


def _columns(options: dict[str, Any]) -> None:
    if setting(options, "rowvar", True):
        raise ValueError("rowvar is set: blocks take series as (time, space); give the step those, and rowvar=False")
    refuse(options, {"y": "further series; put them beside the first", "dtype": "the precision is that of JAX"})


SCIPY, NUMPY = (
    "https://docs.scipy.org/doc/scipy/reference/generated",
    "https://numpy.org/doc/stable/reference/generated",
)
EQUIVALENTS = [
    Equivalent("scipy.signal.*:detrend", detrend, f"{SCIPY}/scipy.signal.detrend.html"),
    Equivalent("scipy.signal.*:sosfiltfilt", sosfiltfilt, f"{SCIPY}/scipy.signal.sosfiltfilt.html"),
    Equivalent("scipy.stats.*:zscore", zscore, f"{SCIPY}/scipy.stats.zscore.html"),
    Equivalent("numpy*:corrcoef", corrcoef, f"{NUMPY}/numpy.corrcoef.html"),
    Equivalent("numpy*:cov", cov, f"{NUMPY}/numpy.cov.html"),
]
