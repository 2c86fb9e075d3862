"""The workflow of one run: from a preprocessed image and its regressors to parcels and their connectome.

`ORDERS` names the orders of operations. All of them see the same censored frames, and no filled-in frame has a weight
in a regression or a covariance:

- "xcpd": cubic splines through censored frames, linear trends removed, Butterworth filter, regression on the kept
  frames, of series and regressors alike (XCP-D; Mehta et al. 2024, doi:10.1162/imag_a_00257).
- "nilearn": as `nilearn.signal.clean(sample_mask=..., detrend=True)`: the same with its padding, order and centring.
- "simultaneous": trends, frequencies outside the band and regressors in one projection, as AFNI's 3dTproject.
"""

from __future__ import annotations

from typing import Any

from pydra.compose import workflow

from pydra_diffconn.blocks import (
    ButterworthFiltFilt,
    Censor,
    Correlation,
    CorrelationOfCovariance,
    CutEnds,
    Detrend,
    Interpolate,
    KeepFrames,
    LedoitWolf,
    NonAggressiveRegression,
    Parcellate,
    PartialCorrelation,
    ProjectOut,
    RegressConfounds,
    ShrinkCovariance,
    SmoothVolume,
)
from pydra_diffconn.declare.task import Data

ORDERS = ("xcpd", "nilearn", "simultaneous")
FILTERS: dict[str, dict[str, Any]] = {
    "xcpd": {"padtype": "constant", "padlen": "longest"},
    "nilearn": {"padtype": "odd", "padlen": None},
}
ENDS = {"xcpd": "hold", "nilearn": "extrapolate"}
KINDS = {
    "pearson": ("pearsoncorrelation", "Pearson correlation"),
    "partial": ("partialcorrelation", "partial correlation"),
    "shrunk": ("shrunkcorrelation", "Pearson correlation, shrunk"),
}
"""Kinds of connectome: their `stat` in names of files, and what they are called."""


@workflow.define(outputs=["timeseries", "frame_weights"])
def Denoise(
    bold: Data,
    framewise_displacement: Data,
    tr: float,
    design: Data | None = None,
    used: Data | None = None,
    std_dvars: Data | None = None,
    components: Data | None = None,
    noise: Any = None,
    mask: Data | None = None,
    order: str = "xcpd",
    high_pass: float | None = 0.01,
    low_pass: float | None = 0.08,
    filter_order: int = 2,
    fd_threshold: float = 0.3,
    fd_threshold_final: float | None = None,
    fd_softness: float = 0.0,
    dvars_threshold: float | None = None,
    exceeds: str = "any",
    before: int = 0,
    after: int = 0,
    min_segment: int = 1,
    ends: str | None = None,
    penalty: float = 0.0,
    fwhm: float = 0.0,
    voxels: Any = None,
    voxel_size: tuple[float, ...] | None = None,
):
    """Censor and denoise one run, place by place.

    Parameters
    ----------
    bold : (time, space) or image
        The preprocessed run.
    framewise_displacement : (time,)
        In mm, of the frames that are used, as are `design` and `std_dvars`.
    tr : float
        Seconds between frames.
    design : (time, regressors), optional
        Without it nothing is regressed.
    used : (all frames,), optional
        1 for each frame of the image that is used, 0 for dummy scans; by default all.
    std_dvars : (time,), optional
        Needed with `dvars_threshold`, the largest that is kept.
    components : (all frames, components), optional
        Courses of an ICA.
    noise : (components,), optional
        Which components are noise (1): their own part is removed first ("non-aggressive").
    mask : image, optional
        The voxels of an image that are read.
    order : str
        One of `ORDERS`.
    high_pass, low_pass : float or None
        In Hz.
    fd_threshold, fd_softness : float
        In mm; a softness above 0 makes the threshold learnable.
    fd_threshold_final : float, optional
        In mm, at most `fd_threshold`: the weights that come out are of this one, those of the denoising of the other.
    exceeds : {"any", "all"}
        Whether a frame is censored that exceeds one of both thresholds, of displacement and DVARS, or both.
    before, after, min_segment : int
        Frames around a censored one that are censored, too; shortest stretch that is kept.
    ends : {"hold", "extrapolate", "cut"}, optional
        What filters see before the first and after the last kept frame: its value, the spline going on, or the end of
        the run; by default the first in the order "xcpd", the second in "nilearn".
    penalty : float
        Ridge on the regressors.
    fwhm : float
        Smoothing in mm; needs `voxels`, the place of each column on the grid, and `voxel_size`.
    """
    where = {} if mask is None else {"mask": mask}
    if noise is not None:
        cleaned = NonAggressiveRegression(timeseries=bold, components=components, noise=noise, **where)
        bold = workflow.add(cleaned, name="components").timeseries
    if used is not None:
        bold = workflow.add(KeepFrames(timeseries=bold, frame_weights=used, **where), name="start").timeseries
    metrics = {} if dvars_threshold is None else {"metrics": std_dvars, "metric_thresholds": [dvars_threshold]}
    how = {"before": before, "after": after, "min_segment": min_segment, "exceeds": exceeds, **metrics}

    def censored(threshold: Any, name: str) -> Any:
        censor = Censor(framewise_displacement=framewise_displacement, threshold=threshold, softness=fd_softness, **how)
        return workflow.add(censor, name=name).frame_weights

    kept = censored(fd_threshold, "censor")
    final = kept if fd_threshold_final is None else censored(fd_threshold_final, "censor_final")
    if fwhm:
        smooth = SmoothVolume(timeseries=bold, voxels=voxels, voxel_size=voxel_size, fwhm=fwhm, **where)
        bold = workflow.add(smooth, name="smooth").timeseries
    if order == "simultaneous":
        banded = high_pass is not None or low_pass is not None
        limits: dict[str, Any] = {"tr": tr, "low": high_pass, "high": low_pass} if banded else {}
        projected = ProjectOut(timeseries=bold, confounds=design, frame_weights=kept, degree=1, **limits, **where)
        return workflow.add(projected, name="project").timeseries, final
    band = (tr, high_pass, low_pass, filter_order)
    return _one_by_one(bold, design, kept, order, ends, band, penalty, where), final


@workflow.define(outputs=["timeseries", "connectome", "frame_weights"])
def Postprocess(
    bold: Data,
    labels: Data,
    framewise_displacement: Data,
    tr: float,
    design: Data | None = None,
    used: Data | None = None,
    std_dvars: Data | None = None,
    components: Data | None = None,
    noise: Any = None,
    mask: Data | None = None,
    order: str = "xcpd",
    high_pass: float | None = 0.01,
    low_pass: float | None = 0.08,
    filter_order: int = 2,
    fd_threshold: float = 0.3,
    fd_threshold_final: float | None = None,
    fd_softness: float = 0.0,
    dvars_threshold: float | None = None,
    exceeds: str = "any",
    before: int = 0,
    after: int = 0,
    min_segment: int = 1,
    ends: str | None = None,
    penalty: float = 0.0,
    fwhm: float = 0.0,
    voxels: Any = None,
    voxel_size: tuple[float, ...] | None = None,
    parcels: tuple[int, ...] | None = None,
    connectome: str = "pearson",
    shrinkage: float | None = None,
):
    """Censor, denoise, parcellate and correlate one run.

    Parameters
    ----------
    labels : (space,) or image
        Parcel of each place, 0 for none.
    parcels : tuple of int, optional
        The labels of the columns; by default those that occur.
    connectome : str
        One of `KINDS`.
    shrinkage : float, optional
        For "partial" and "shrunk"; without a number it is that of Ledoit & Wolf.

    All others are those of `Denoise`.
    """
    denoise = Denoise(
        bold=bold,
        framewise_displacement=framewise_displacement,
        tr=tr,
        design=design,
        used=used,
        std_dvars=std_dvars,
        components=components,
        noise=noise,
        mask=mask,
        order=order,
        high_pass=high_pass,
        low_pass=low_pass,
        filter_order=filter_order,
        fd_threshold=fd_threshold,
        fd_threshold_final=fd_threshold_final,
        fd_softness=fd_softness,
        dvars_threshold=dvars_threshold,
        exceeds=exceeds,
        before=before,
        after=after,
        min_segment=min_segment,
        ends=ends,
        penalty=penalty,
        fwhm=fwhm,
        voxels=voxels,
        voxel_size=voxel_size,
    )
    clean = workflow.add(denoise, name="denoise")
    where = {} if mask is None else {"mask": mask}
    parcellate = Parcellate(timeseries=clean.timeseries, labels=labels, parcels=parcels, **where)
    series = workflow.add(parcellate, name="parcels").timeseries
    return series, connected(series, clean.frame_weights, connectome, shrinkage), clean.frame_weights


def _one_by_one(
    bold: Any,
    design: Any,
    kept: Any,
    order: str,
    ends: str | None,
    band: tuple[Any, ...],
    penalty: float,
    where: dict[str, Any],
) -> Any:
    """Add the steps that series and regressors go through alike, and the regression."""
    if order not in ENDS:
        raise ValueError(f"order = {order!r}; expected one of {', '.join(ORDERS)}")
    tr, high_pass, low_pass, filter_order = band
    ends = ENDS[order] if ends is None else ends
    inside = {}
    if ends == "cut":
        inside = {"frame_weights": workflow.add(CutEnds(frame_weights=kept), name="ends").frame_weights}

    def prepared(series: Any, name: str, **mask: Any) -> Any:
        how: dict[str, Any] = {"method": "spline", "boundary": "not-a-knot", "ends": "hold" if inside else ends}
        filled = Interpolate(timeseries=series, frame_weights=kept, **how, **mask)
        series = workflow.add(filled, name=f"interpolate{name}").timeseries
        series = workflow.add(Detrend(timeseries=series, **inside, **mask), name=f"detrend{name}").timeseries
        if high_pass is None and low_pass is None:
            return series
        how = {"order": filter_order, **FILTERS[order], **inside}
        band = ButterworthFiltFilt(timeseries=series, tr=tr, low=high_pass, high=low_pass, **how, **mask)
        return workflow.add(band, name=f"filter{name}").timeseries

    series = prepared(bold, "", **where)
    if design is None:
        return series
    regressors = prepared(design, "_design")
    centred = order == "nilearn"
    regress = RegressConfounds(
        timeseries=series, confounds=regressors, frame_weights=kept, penalty=penalty, intercept=centred, **where
    )
    return workflow.add(regress, name="regress").timeseries


def connected(series: Any, kept: Any, kind: str, shrinkage: Any = None) -> Any:
    """Add the steps from parcels to a connectome of one of `KINDS`."""
    if kind == "pearson":
        return workflow.add(Correlation(timeseries=series, frame_weights=kept), name="correlation").connectome
    if kind not in KINDS:
        raise ValueError(f"connectome = {kind!r}; expected one of {', '.join(KINDS)}")
    if shrinkage is None:
        shrunk = workflow.add(LedoitWolf(timeseries=series, frame_weights=kept), name="shrink").covariance
    else:
        correlation = workflow.add(Correlation(timeseries=series, frame_weights=kept), name="correlation").connectome
        shrunk = workflow.add(ShrinkCovariance(covariance=correlation, shrinkage=shrinkage), name="shrink").covariance
    if kind == "partial":
        return workflow.add(PartialCorrelation(covariance=shrunk), name="partial").connectome
    return workflow.add(CorrelationOfCovariance(covariance=shrunk), name="scaled").connectome


@workflow.define(outputs=["connectome"])
def Connect(timeseries: Data, frame_weights: Data, connectome: str = "pearson", shrinkage: float | None = None):
    """Estimate another kind of connectome from denoised parcels."""
    return connected(timeseries, frame_weights, connectome, shrinkage)
