"""The steps of nilearn's cleaning, in its order: censored frames, drift, filter, confounds, scale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydra.compose import workflow

from pydra_diffconn.blocks import (
    ButterworthFiltFilt,
    CutEnds,
    Detrend,
    Interpolate,
    KeepFrames,
    MarkFrames,
    RegressConfounds,
    RestoreMean,
    Standardize,
)
from pydra_diffconn.declare.equivalent import is_connected


def cleaned(
    timeseries: Any,
    confounds: Any,
    tr: Any,
    low: Any,
    high: Any,
    detrend: bool,
    standardize: str,
    centre_confounds: bool,
    filtering: str,
    recursion: tuple[int, str, int | None],
    mask: Any = None,
    censoring: tuple[Any, bool] = (None, False),
) -> Any:
    """Add the steps of `clean` to the workflow that is being built; return the cleaned series."""
    where = {} if mask is None else {"mask": mask}
    banded = filtering == "butterworth" and (low is not None or high is not None)
    frames, inside, fill, keep = _censoring(timeseries, *censoring, where)
    if frames is not None:
        timeseries, confounds = _both(
            [("interpolate", fill)] if banded else [("keep", keep)], timeseries, confounds, where
        )
    original = timeseries
    steps: list[tuple[str, Any]] = []
    within = {"frame_weights": inside} if banded and inside is not None else {}
    if filtering == "cosine":
        drift = {"degree": 1} if detrend else {"degree": 0, "keep_mean": True}
        steps.append(("detrend", Detrend(tr=tr, cutoff=low, **drift)))
    else:
        if detrend:
            steps.append(("detrend", Detrend(**within)))
        if banded:
            how = dict(zip(("order", "padtype", "padlen"), recursion, strict=True))
            steps.append(("filter", ButterworthFiltFilt(tr=tr, low=low, high=high, **how, **within)))
    if frames is not None and banded:
        steps.append(("keep", keep))
    timeseries, confounds = _both(steps, timeseries, confounds, where)
    if confounds is not None:
        regress = RegressConfounds(timeseries=timeseries, confounds=confounds, intercept=centre_confounds, **where)
        timeseries = workflow.add(regress, name="regress").timeseries
    if standardize == "psc" and (detrend or low is not None):
        restore = RestoreMean(timeseries=timeseries, reference=original, **where)
        timeseries = workflow.add(restore, name="mean").timeseries
    if standardize != "none":
        scaled = Standardize(timeseries=timeseries, mode=standardize, **where)
        timeseries = workflow.add(scaled, name="standardize").timeseries
    return timeseries


def _both(steps: Any, timeseries: Any, confounds: Any, where: Mapping[str, Any]) -> tuple[Any, Any]:
    """Add steps for the series and for the confounds alike."""
    for name, step in steps:
        timeseries = workflow.add(_given(step, timeseries=timeseries, **where), name=name).timeseries
        if confounds is not None:  # a filter that the confounds do not see would be undone by their regression
            confounds = workflow.add(_given(step, timeseries=confounds), name=f"{name}_confounds").timeseries
    return timeseries, confounds


def _censoring(timeseries: Any, sample_mask: Any, extrapolate: bool, where: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return which frames are kept, the weights of those between the ends, and the steps that fill and keep."""
    if sample_mask is None:
        return None, None, None, None
    marked = workflow.add(MarkFrames(timeseries=timeseries, frames=sample_mask, **where), name="mark").frame_weights
    inside = None if extrapolate else workflow.add(CutEnds(frame_weights=marked), name="ends").frame_weights
    ends = {"boundary": "not-a-knot", "ends": "extrapolate" if extrapolate else "hold"}
    fill = Interpolate(frame_weights=marked, method="spline", **ends)
    known = {} if is_connected(sample_mask) else {"frames": tuple(int(frame) for frame in sample_mask)}
    return sample_mask, inside, fill, KeepFrames(frame_weights=marked, **known)


def _given(step: Any, **values: Any) -> Any:
    import attrs

    return attrs.evolve(step, **values)
