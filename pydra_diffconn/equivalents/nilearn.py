"""What stands for nilearn: `clean`, `clean_img`, the maskers of labels and maps, and `ConnectivityMeasure`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from fileformats.generic import File
from pydra.compose import workflow

from pydra_diffconn.blocks import (
    AsArray,
    Correlation,
    CorrelationOfCovariance,
    Covariance,
    LedoitWolf,
    Oas,
    Parcellate,
    PartialCorrelation,
    Precision,
    ProjectMaps,
    Standardize,
    SummarizeParcels,
    VectorizeEdges,
)
from pydra_diffconn.declare.equivalent import Equivalent, Step, is_connected, refuse, setting, without_effect
from pydra_diffconn.declare.task import Data
from pydra_diffconn.equivalents.cleaning import cleaned

CUTOFFS = {"t_r": "tr", "low_pass": "high", "high_pass": "low", "confounds": "confounds"}
STATISTICS = ("mean", "median", "sum", "variance", "standard_deviation", "minimum", "maximum")
HOUSEKEEPING = ("memory", "memory_level", "verbose", "reports", "cmap", "copy", "n_jobs")
STANDARDIZE = {None: "none", False: "none", True: "zscore", "zscore_sample": "zscore", "psc": "psc"}
ESTIMATORS = {"LedoitWolf": LedoitWolf, "EmpiricalCovariance": Covariance, "OAS": Oas}


@workflow.define(outputs={"timeseries": Data})
def CleanSeries(
    timeseries: Data,
    confounds: Data | None = None,
    tr: float | None = None,
    low: float | None = None,
    high: float | None = None,
    detrend: bool = True,
    standardize: str = "zscore",
    centre_confounds: bool = True,
    filtering: str = "butterworth",
    order: int = 5,
    padtype: str = "odd",
    padlen: int | None = None,
    mask: Data | None = None,
    sample_mask: Any = None,
    extrapolate: bool = False,
    to_array: bool = False,
):
    """Detrend, filter, remove equally treated confounds and standardize, as `nilearn.signal.clean` does."""
    if to_array:
        timeseries = workflow.add(AsArray(timeseries=timeseries), name="read").timeseries
    return cleaned(
        timeseries,
        confounds,
        tr,
        low,
        high,
        detrend,
        standardize,
        centre_confounds,
        filtering,
        (order, padtype, padlen),
        mask,
        (sample_mask, extrapolate),
    )


@workflow.define(outputs={"timeseries": Data})
def ExtractSeries(
    timeseries: Data,
    labels: Data | None = None,
    maps: Data | None = None,
    mask: Data | None = None,
    statistic: str = "mean",
    confounds: Data | None = None,
    tr: float | None = None,
    low: float | None = None,
    high: float | None = None,
    detrend: bool = False,
    standardize: str = "none",
    centre_confounds: bool = True,
    filtering: str = "butterworth",
    order: int = 5,
    padtype: str = "odd",
    padlen: int | None = None,
    to_array: bool = True,
):
    """Extract the series of regions, by labels or by maps, and clean them, as nilearn's maskers do."""
    if labels is not None:
        where: Any = {"timeseries": timeseries, "labels": labels, "mask": mask}
        step = Parcellate(**where) if statistic == "mean" else SummarizeParcels(statistic=statistic, **where)
        series = workflow.add(step, name="extract").timeseries
    else:
        project = ProjectMaps(timeseries=timeseries, maps=maps, method="least_squares", mask=mask)
        series = workflow.add(project, name="extract").timeseries
    series = cleaned(
        series, confounds, tr, low, high, detrend, standardize, centre_confounds, filtering, (order, padtype, padlen)
    )
    return workflow.add(AsArray(timeseries=series), name="read").timeseries if to_array else series


@workflow.define(outputs={"connectome": Data})
def Connectome(
    timeseries: Data,
    kind: str = "covariance",
    estimator: str = "LedoitWolf",
    standardize: bool = True,
    vectorize: bool = False,
    discard_diagonal: bool = False,
    to_array: bool = False,
):
    """Estimate one connectome, as `nilearn.connectome.ConnectivityMeasure` does for each of its series."""
    if to_array:
        timeseries = workflow.add(AsArray(timeseries=timeseries), name="read").timeseries
    if kind == "correlation" and estimator == "EmpiricalCovariance":
        matrix = workflow.add(Correlation(timeseries=timeseries), name="correlation").connectome
    else:
        if kind == "correlation" and standardize:
            timeseries = workflow.add(Standardize(timeseries=timeseries), name="standardize").timeseries
        settings = {"ddof": 0} if estimator == "EmpiricalCovariance" else {}
        estimate = ESTIMATORS[estimator](timeseries=timeseries, **settings)
        matrix = workflow.add(estimate, name="covariance").covariance
    if kind == "correlation" and estimator != "EmpiricalCovariance":
        matrix = workflow.add(CorrelationOfCovariance(covariance=matrix), name="correlation").connectome
    elif kind == "precision":
        matrix = workflow.add(Precision(covariance=matrix), name="precision").precision
    elif kind == "partial correlation":
        matrix = workflow.add(PartialCorrelation(covariance=matrix), name="partial").connectome
    if vectorize:
        vectorized = VectorizeEdges(connectome=matrix, discard_diagonal=discard_diagonal)
        return workflow.add(vectorized, name="vectorize").edges
    return matrix


def clean(options: dict[str, Any]) -> Step:
    """Return what `nilearn.signal.clean` is."""
    returned, read = options.pop("returned", "array"), options.pop("read", False)
    if returned == "file" and not read:
        raise ValueError("it saves an array in a file of its own form; let it return the array")
    if returned == "first":
        raise ValueError("it returns the first frame alone; let it return the array")
    options.setdefault("t_r", 2.5)
    extrapolate = bool(setting(options, "extrapolate", False))
    sample_mask = _frames_of(options.pop("sample_mask", None))
    settings, fields = _cleaning(options, detrend=True, standardize="zscore_sample")
    if sample_mask is not None:
        if settings["filtering"] == "cosine":
            raise ValueError(
                "there is no equivalent for sample_mask with filter = 'cosine'; give frame weights to Detrend"
            )
        options["sample_mask"], fields["sample_mask"] = sample_mask, "sample_mask"
        settings["extrapolate"] = extrapolate
    wanted = settings["detrend"] or settings["standardize"] != "none" or options.get("confounds") is not None
    if not wanted and sample_mask is None and options.get("low_pass") is None and options.get("high_pass") is None:
        raise ValueError("it changes nothing; leave the step out")
    return CleanSeries(to_array=read and returned != "file", **settings), {"signals": "timeseries", **fields}


def _frames_of(sample_mask: Any) -> Any:
    """Return which frames are kept, if they are known: truth values become numbers."""
    if sample_mask is None or is_connected(sample_mask):
        return sample_mask
    array = np.asarray(sample_mask)
    return np.flatnonzero(array) if array.dtype == bool else array


def clean_img(options: dict[str, Any]) -> Step:
    """Return what `nilearn.image.clean_img` is, where the image is saved."""
    if options.pop("returned", "array") != "file":
        raise ValueError("its result is an image in memory; let the task save it and return the file")
    without_effect(options, "read")
    for name in [name for name in options if name.startswith("clean__")]:
        options[name.removeprefix("clean__")] = options.pop(name)
    settings, fields = _cleaning(options, detrend=True, standardize=True)
    _as_file(options, "mask_img")
    return CleanSeries(**settings), {"imgs": "timeseries", "mask_img": "mask", **fields}


def labels_masker(options: dict[str, Any]) -> Step:
    """Return what `nilearn.maskers.NiftiLabelsMasker.fit_transform` is, for images on the atlas's grid."""
    # labels of another grid are refused when they are read, so that it does not matter what would be resampled
    without_effect(options, "labels", "lut", "resampling_target")
    strategy, background = setting(options, "strategy", "mean"), setting(options, "background_label", 0)
    if strategy not in STATISTICS:
        raise ValueError(f"there is no equivalent for strategy = {strategy!r}; known: {', '.join(STATISTICS)}")
    if background != 0:
        raise ValueError(f"there is no equivalent for background_label = {background}; 0 is the background")
    return _masker(options, "labels_img", "labels", "keep_masked_labels", statistic=strategy)


def maps_masker(options: dict[str, Any]) -> Step:
    """Return what `nilearn.maskers.NiftiMapsMasker.fit_transform` is, for images on the maps' grid."""
    without_effect(options, "resampling_target", "allow_overlap")
    return _masker(options, "maps_img", "maps", "keep_masked_maps")


def _masker(options: dict[str, Any], atlas: str, ours: str, keep_empty: str, **how: Any) -> Step:
    returned = options.pop("returned", "array")
    without_effect(options, "read", "y")
    if returned == "first":
        raise ValueError("it returns the first frame alone; let it return the array")
    if options.pop(keep_empty, False) and options.get("mask_img") is not None:
        raise ValueError(f"there is no equivalent for {keep_empty}: regions outside the mask are left out")
    dtype = setting(options, "dtype")
    if dtype not in (None, "auto"):
        raise ValueError(f"there is no equivalent for dtype = {dtype!r}; numbers are computed in the precision of JAX")
    refuse(
        options,
        {
            "smoothing_fwhm": "smooth by a step of its own before (SmoothVolume)",
            "high_variance_confounds": "compute them by a step of its own (CompCor) and give them as confounds",
        },
    )
    options.update(setting(options, "clean_args") or {})
    settings, fields = _cleaning(options, detrend=False, standardize=False)
    _as_file(options, atlas)
    _as_file(options, "mask_img")
    if options.get(atlas) is None:
        raise ValueError(f"{atlas} is not given")
    names = {"imgs": "timeseries", atlas: ours, "mask_img": "mask", **fields}
    # which of both a workflow takes is decided when it is constructed
    return ExtractSeries(to_array=returned != "file", **how, **settings), names


def connectivity(options: dict[str, Any]) -> Step:
    """Return what `nilearn.connectome.ConnectivityMeasure.fit_transform([series])[0]` is."""
    returned, read = options.pop("returned", "array"), options.pop("read", False)
    without_effect(options, *HOUSEKEEPING, "y")
    if returned != "first":
        raise ValueError(
            "it returns a stack of matrices; let the task return that of one series: fit_transform([x])[0]"
        )
    refuse(options, {"confounds": "they are removed from the edges of a group"})
    kind, estimator = setting(options, "kind", "covariance"), _estimator(setting(options, "cov_estimator"))
    if kind == "tangent":
        raise ValueError("there is no equivalent for kind = 'tangent' in one task; use SpdMean and TangentProject")
    if kind not in ("covariance", "correlation", "partial correlation", "precision"):
        raise ValueError(f"there is no equivalent for kind = {kind!r}")
    task = Connectome(
        kind=kind,
        estimator=estimator,
        standardize=setting(options, "standardize", True) is True,  # anything else standardizes nothing
        vectorize=bool(setting(options, "vectorize", False)),
        discard_diagonal=bool(setting(options, "discard_diagonal", False)),
        to_array=read,
    )
    return task, {"X": "timeseries"}


def _estimator(given: Any) -> str:
    """Return the name of a covariance estimator, an object or how it is made in a function; refuse settings."""
    if given is None:
        return "LedoitWolf"
    described = hasattr(given, "identity")
    name = given.identity.rpartition(":")[2] if described else type(given).__name__
    settings: Mapping[str, Any] = (
        {key: value.value for key, value in given.arguments.items()} if described else given.get_params()
    )
    settings = {key: value for key, value in settings.items() if key not in ("store_precision", "block_size") and value}
    if name not in ESTIMATORS or settings:
        shown = ", ".join(f"{key}={value!r}" for key, value in settings.items())
        raise ValueError(f"there is no equivalent for cov_estimator = {name}({shown}); known: {', '.join(ESTIMATORS)}")
    return name


def _cleaning(options: dict[str, Any], detrend: bool, standardize: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """Take out the options of `clean`; return the settings of our workflows, and where the connected ones go."""
    without_effect(options, *HOUSEKEEPING, "ensure_finite", "extrapolate")  # missing values are refused in any case
    refuse(
        options,
        {
            "runs": "give each run to the step alone",
            "sample_mask": "extract first and clean then, in a step of its own, or give frame weights (Censor, "
            "MarkFrames) to each step of your own workflow",
        },
    )
    mode = setting(options, "standardize", standardize)
    if mode not in STANDARDIZE:
        raise ValueError(f"there is no equivalent for standardize = {mode!r}")
    filtering = setting(options, "filter", "butterworth")
    if options.get("high_pass") == 0 or options.get("low_pass") == 0:
        raise ValueError("a cut-off of 0 Hz has no equivalent; leave it out")
    if filtering == "cosine":
        without_effect(options, "low_pass")  # not used by nilearn, which warns
    elif filtering is False or (options.get("high_pass") is None and options.get("low_pass") is None):
        without_effect(options, "low_pass", "high_pass", "t_r")
    elif options.get("t_r") is None:
        raise ValueError("t_r is not given, which nilearn refuses, too")
    confounds = options.get("confounds")
    if isinstance(confounds, list | tuple) and not is_connected(confounds):
        raise ValueError("there is no equivalent for a list of confounds; join them (CombineConfounds)")
    _as_file(options, "confounds")
    settings = {
        "detrend": bool(setting(options, "detrend", detrend)),
        "standardize": STANDARDIZE[mode],
        "centre_confounds": setting(options, "standardize_confounds", True) is not False,
        "filtering": "cosine" if filtering == "cosine" else "butterworth",
        "order": setting(options, "butterworth__order", 5),
        "padtype": setting(options, "butterworth__padtype", "odd") or "none",
        "padlen": setting(options, "butterworth__padlen"),
    }
    for name in CUTOFFS:
        if name in options and options[name] is None:
            options.pop(name)
    return settings, dict(CUTOFFS)


def _as_file(options: dict[str, Any], name: str) -> None:
    """Let a path, or an image that was read from one, stand as a file."""
    value = options.get(name)
    if value is None:
        options.pop(name, None)
    elif isinstance(value, str | Path):
        options[name] = File(value)
    elif hasattr(value, "get_filename"):
        if not value.get_filename():
            raise ValueError(f"{name} is an image in memory; save it and give its path")
        options[name] = File(value.get_filename())


MANUAL = "https://nilearn.github.io/stable/modules/generated"
EQUIVALENTS = [
    Equivalent("nilearn.signal:clean", clean, f"{MANUAL}/nilearn.signal.clean.html"),
    Equivalent("nilearn.image*:clean_img", clean_img, f"{MANUAL}/nilearn.image.clean_img.html"),
    Equivalent("nilearn.maskers*:NiftiLabelsMasker", labels_masker, f"{MANUAL}/nilearn.maskers.NiftiLabelsMasker.html"),
    Equivalent("nilearn.maskers*:NiftiMapsMasker", maps_masker, f"{MANUAL}/nilearn.maskers.NiftiMapsMasker.html"),
    Equivalent(
        "nilearn.connectome*:ConnectivityMeasure",
        connectivity,
        f"{MANUAL}/nilearn.connectome.ConnectivityMeasure.html",
    ),
]
