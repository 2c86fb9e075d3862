"""What stands for FSL's tasks (`pydra-tasks-fsl`): the temporal filter of fslmaths, fsl_glm and fsl_regfilt."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydra.compose import workflow

from pydra_diffconn.blocks import ComponentGates, Detrend, NonAggressiveRegression, RegressConfounds, RunningLineFilter
from pydra_diffconn.declare.equivalent import Equivalent, Step, is_connected, refuse, setting, without_effect
from pydra_diffconn.declare.task import Data

SERIES = {"in_file": "timeseries", "mask": "mask"}
IMAGES = (".nii", ".nii.gz", ".img", ".hdr")
VARIANCE = "MELODIC's variance normalisation estimates the noise of each voxel; use Standardize for a like purpose"


@workflow.define(outputs={"timeseries": Data})
def DemeanedRegression(timeseries: Data, confounds: Data, mask: Data | None = None):
    """Remove the mean of the series and what the centred confounds explain: `fsl_glm --demean`."""
    centred = workflow.add(Detrend(timeseries=timeseries, degree=0, mask=mask), name="centre")
    return workflow.add(
        RegressConfounds(timeseries=centred.timeseries, confounds=confounds, mask=mask), name="regress"
    ).timeseries


@workflow.define(outputs={"timeseries": Data})
def RegressColumns(timeseries: Data, components: Data, columns: tuple, mask: Data | None = None):
    """Subtract the part of some components (their numbers, from 1) in a fit of all: `fsl_regfilt -f`."""
    gates = workflow.add(ComponentGates(components=components, columns=columns), name="gates")
    return workflow.add(
        NonAggressiveRegression(timeseries=timeseries, components=components, noise=gates.noise, mask=mask),
        name="regress",
    ).timeseries


def temporal_filter(options: dict[str, Any]) -> Step:
    """Return what `fslmaths -bptf` is; a sigma that is not positive leaves its filter out."""
    without_effect(options, "internal_datatype")
    written = setting(options, "output_datatype")
    if written not in (None, "input", "float", "double"):
        raise ValueError(f"there is no equivalent for output_datatype = {written!r}, which rounds the result")
    refuse(options, {"nan2zeros": "missing values are refused; replace them, or leave these voxels out by a mask"})
    sigmas: dict[str, float | None] = {"highpass_sigma": None, "lowpass_sigma": None}
    fields = {**SERIES, "out_file": "timeseries"}
    for name in sigmas:
        if is_connected(options.get(name)):
            fields[name] = name
        else:
            value = options.pop(name, None)
            sigmas[name] = value if value is not None and value > 0 else None
    if not set(sigmas) & set(fields) and not any(sigmas.values()):
        raise ValueError("neither highpass_sigma nor lowpass_sigma is positive: it filters nothing")
    return RunningLineFilter(**sigmas), fields


def glm(options: dict[str, Any]) -> Step:
    """Return what the residuals of `fsl_glm` are; its other outputs have no equivalent."""
    design = options.get("design")
    if design is not None and not is_connected(design) and str(design).endswith(IMAGES):
        raise ValueError("there is no equivalent for a design that is an image (spatial regression); use ProjectMaps")
    refuse(options, {"dat_norm": "it divides the series by their standard deviation first", "var_norm": VARIANCE})
    # neither the scale of the design nor what is tested on it changes what it leaves of the data
    without_effect(options, "des_norm", "contrasts", "dof", *(n for n in options if n.startswith("out_")))
    fields = {**SERIES, "design": "confounds", "out_res": "timeseries"}
    return (DemeanedRegression() if setting(options, "demean") else RegressConfounds(intercept=False)), fields


def filter_regressor(options: dict[str, Any]) -> Step:
    """Return what `fsl_regfilt` is: columns are counted from 1 and fitted with all others of the design."""
    refuse(options, {"var_norm": VARIANCE})
    without_effect(options, "out_vnscales")
    fields = {**SERIES, "out_file": "timeseries"}
    columns = setting(options, "filter_columns")
    if setting(options, "filter_all"):
        return RegressConfounds(), {**fields, "design_file": "confounds"}
    if not columns:
        raise ValueError("neither filter_columns nor filter_all is set: it removes nothing")
    fields["design_file"] = "components"
    design = options.get("design_file")
    if design is None or is_connected(design):
        return RegressColumns(columns=tuple(columns)), fields
    from pydra_diffconn.files.tables import read_table

    return NonAggressiveRegression(noise=column_gates(columns, read_table(design)[0].shape[1])), fields


def column_gates(columns: Any, count: int) -> np.ndarray:
    """Return 1 for the columns of these numbers, counted from 1, and 0 for the others."""
    if not 1 <= min(columns) <= max(columns) <= count:
        raise ValueError(f"filter_columns = {list(columns)}, but the design has {count} columns, counted from 1")
    return np.isin(np.arange(1, count + 1), columns).astype(float)


MANUAL = "https://fsl.fmrib.ox.ac.uk/fsl/docs"
EQUIVALENTS = [
    Equivalent("pydra.tasks.fsl.*.temporal_filter:TemporalFilter", temporal_filter, f"{MANUAL} (fslmaths -bptf)"),
    Equivalent("pydra.tasks.fsl.*.glm:GLM", glm, f"{MANUAL} (fsl_glm)"),
    Equivalent("pydra.tasks.fsl.*.filter_regressor:FilterRegressor", filter_regressor, f"{MANUAL} (fsl_regfilt)"),
]
