"""What stands for AFNI's tasks (`pydra-tasks-afni`): 3dTproject, 3dBandpass and 3dNetCorr."""

from __future__ import annotations

from typing import Any

import numpy as np
from fileformats.generic import File
from pydra.compose import python, workflow

from pydra_diffconn.blocks import (
    Correlation,
    Detrend,
    Interpolate,
    KeepFrames,
    Parcellate,
    ProjectOut,
    RegressConfounds,
    UnitNorm,
    ZeroPaddedBandPass,
)
from pydra_diffconn.declare.equivalent import Equivalent, Step, is_connected, refuse, setting, without_effect
from pydra_diffconn.declare.task import Data

SERIES = {"in_file": "timeseries", "mask": "mask", "out_file": "timeseries"}
IN_MASK = "AFNI makes this mask from the data; give a mask"
BLUR = "AFNI smooths inside the mask step by step; use SmoothVolume for a like purpose"
VOXELWISE = "it removes another series from each voxel"
EDGE_WITH_ORTS = 0.05  # what 3dBandpass keeps of the frequencies at the ends of the band if it removes -ort, else half


@python.define(outputs=["tr"])
def RepetitionTime(image: File) -> float:
    """Read the repetition time (s) from the header of an image, as AFNI does where none is given."""
    import nibabel as nib

    header: Any = nib.load(str(image)).header
    seconds = {"msec": 1e-3, "usec": 1e-6}.get(header.get_xyzt_units()[1], 1.0)
    return float(header.get_zooms()[3]) * seconds or 1.0


@workflow.define(outputs={"timeseries": Data})
def ProjectCensored(
    timeseries: Data,
    confounds: Data | None = None,
    frame_weights: Data | None = None,
    tr: float | None = None,
    low: float | None = None,
    high: float | None = None,
    degree: int = 2,
    stopbands: tuple = (),
    cenmode: str = "KILL",
    norm: bool = False,
    mask: Data | None = None,
):
    """Project out as 3dTproject does, with what it does about censored frames (-cenmode) and with -norm."""
    censored = frame_weights is not None
    if tr is None and not (low is None and high is None and not stopbands):
        tr = workflow.add(RepetitionTime(image=timeseries), name="header").tr
    if censored and cenmode == "NTRP":
        timeseries = workflow.add(
            Interpolate(timeseries=timeseries, frame_weights=frame_weights, mask=mask), name="interpolate"
        ).timeseries
    project = ProjectOut(
        timeseries=timeseries,
        confounds=confounds,
        frame_weights=None if cenmode == "NTRP" else frame_weights,
        tr=tr,
        low=low,
        high=high,
        degree=degree,
        stopbands=stopbands,
        censored="zero" if censored and cenmode == "ZERO" else "residual",
        mask=mask,
    )
    series = workflow.add(project, name="project").timeseries
    if censored and cenmode == "KILL":
        series = workflow.add(
            KeepFrames(timeseries=series, frame_weights=frame_weights, mask=mask), name="keep"
        ).timeseries
    if norm:
        series = workflow.add(UnitNorm(timeseries=series, mask=mask), name="norm").timeseries
    return series


@workflow.define(outputs={"timeseries": Data})
def DetrendAndFilter(
    timeseries: Data,
    tr: float | None = None,
    low: float = 0.0,
    high: float = 99999.0,
    confounds: Data | None = None,
    detrend: bool = True,
    length: int | None = None,
    norm: bool = False,
    mask: Data | None = None,
):
    """Detrend, filter, and remove confounds that were detrended and filtered, too, as 3dBandpass does."""
    if tr is None:
        tr = workflow.add(RepetitionTime(image=timeseries), name="header").tr
    band: dict[str, Any] = {"tr": tr, "low": low, "high": high, "length": length}
    if detrend:
        timeseries = workflow.add(Detrend(timeseries=timeseries, degree=2, mask=mask), name="detrend").timeseries
    edge = 0.5 if confounds is None else EDGE_WITH_ORTS
    series = workflow.add(
        ZeroPaddedBandPass(timeseries=timeseries, edge=edge, mask=mask, **band), name="filter"
    ).timeseries
    if confounds is not None:
        if detrend:
            confounds = workflow.add(Detrend(timeseries=confounds, degree=2), name="detrend_confounds").timeseries
        confounds = workflow.add(ZeroPaddedBandPass(timeseries=confounds, **band), name="filter_confounds").timeseries
        regress = RegressConfounds(timeseries=series, confounds=confounds, intercept=False, mask=mask)
        series = workflow.add(regress, name="regress").timeseries
    if norm:
        series = workflow.add(UnitNorm(timeseries=series, mask=mask), name="norm").timeseries
    return series


@workflow.define(outputs={"connectome": Data})
def CorrelateRegions(timeseries: Data, labels: Data, mask: Data | None = None):
    """Correlate the mean series of all regions, as 3dNetCorr does."""
    parcels = workflow.add(Parcellate(timeseries=timeseries, labels=labels, mask=mask), name="parcellate")
    return workflow.add(Correlation(timeseries=parcels.timeseries), name="correlate").connectome


def tproject(options: dict[str, Any]) -> Step:
    """Return what 3dTproject is: one block, or a workflow of some where frames are censored or series normed."""
    refuse(
        options,
        {
            "automask": IN_MASK,
            "blur": BLUR,
            "dsort": VOXELWISE,
            "concat": "it filters several runs in one image separately; give each run to the step alone",
            "censortr": "give the censored frames as a file by censor",
        },
    )
    without_effect(options, "noblock", "num_threads", "outputtype")
    given: dict[str, Any] = {"degree": setting(options, "polort", 2)}
    low_high = setting(options, "bandpass")
    if low_high is not None:
        given["low"], given["high"] = _pair(low_high, "bandpass")
    stopband = setting(options, "stopband")
    if stopband is not None:
        given["stopbands"] = (_pair(stopband, "stopband"),)
    mode, norm = str(setting(options, "cenmode", "KILL")).upper(), bool(setting(options, "norm", False))
    if mode not in ("KILL", "ZERO", "NTRP"):
        raise ValueError(f"cenmode = {mode!r}; 3dTproject knows KILL, ZERO and NTRP")
    fields = {**SERIES, "ort": "confounds", "censor": "frame_weights", "TR": "tr"}
    header = "TR" not in options and len(given) > 1
    if "censor" in options or norm or header:
        return ProjectCensored(cenmode=mode, norm=norm, **given), fields
    return ProjectOut(**given), fields


def bandpass(options: dict[str, Any]) -> Step:
    """Return what 3dBandpass is: `highpass` is the lower end of the band, `lowpass` the upper one."""
    refuse(
        options,
        {
            "despike": "it replaces spikes by medians; use Censor and Interpolate for a like purpose",
            "orthogonalize_dset": VOXELWISE,
            "automask": IN_MASK,
            "blur": BLUR,
            "localPV": "it replaces each series by the principal one around it",
        },
    )
    without_effect(options, "notrans", "num_threads", "outputtype")
    given: dict[str, Any] = {
        "detrend": not setting(options, "no_detrend", False),
        "norm": bool(setting(options, "normalize", False)),
    }
    tables = setting(options, "orthogonalize_file")
    if tables:
        from pydra_diffconn.files.tables import read_table

        tables = tables if isinstance(tables, list | tuple) else [tables]
        given["confounds"] = np.concatenate([read_table(table)[0] for table in tables], axis=1)
    task = DetrendAndFilter(length=setting(options, "nfft"), **given)
    return task, {**SERIES, "highpass": "low", "lowpass": "high", "tr": "tr"}


def net_corr(options: dict[str, Any]) -> Step:
    """Return what 3dNetCorr is where it writes one matrix, that of correlations."""
    more = "the file would hold two matrices; apply FisherZ to the one of correlations"
    refuse(
        options,
        {
            "fish_z": more,
            "part_corr": "it writes partial correlations, too; use PartialCorrelation",
            "weight_ts": "it multiplies the mean series by weights before they are correlated",
            **dict.fromkeys(("ts_wb_corr", "ts_wb_Z"), "it makes maps of the whole brain, too"),
            **dict.fromkeys(("ts_out", "ts_indiv"), "it writes the series of the regions, too; use Parcellate"),
        },
    )
    without_effect(
        options, "ts_label", "ts_wb_strlabel", "nifti", "output_mask_nonnull", "push_thru_many_zeros", "ignore_LT"
    )
    without_effect(options, "out_file", "num_threads", "outputtype")
    fields = {"in_file": "timeseries", "in_rois": "labels", "mask": "mask", "out_corr_matrix": "connectome"}
    return CorrelateRegions(), fields


def _pair(band: Any, name: str) -> tuple[float, float]:
    if is_connected(band) or len(band) != 2:
        raise ValueError(f"{name} = {band!r}; expected two frequencies in Hz")
    return float(band[0]), float(band[1])


MANUAL = "https://afni.nimh.nih.gov/pub/dist/doc/htmldoc/programs/alpha"
EQUIVALENTS = [
    Equivalent("pydra.tasks.afni.*.t_project:TProject", tproject, f"{MANUAL}/3dTproject_sphx.html"),
    Equivalent("pydra.tasks.afni.*.bandpass:Bandpass", bandpass, f"{MANUAL}/3dBandpass_sphx.html"),
    Equivalent("pydra.tasks.afni.*.net_corr:NetCorr", net_corr, f"{MANUAL}/3dNetCorr_sphx.html"),
]
