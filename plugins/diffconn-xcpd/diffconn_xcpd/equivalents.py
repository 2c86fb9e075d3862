"""Which interfaces of XCP-D are which steps, by the names of their classes and their options."""

from __future__ import annotations

from typing import Any

from fileformats.generic import File

from diffconn_xcpd.steps import Censored, Connect, Denoise, Parcels
from pydra_diffconn.equivalents import Equivalent, Step, is_connected, setting, without_effect


def denoise(options: dict[str, Any]) -> Step:
    """Return what DenoiseNifti and DenoiseCifti are; a cut-off that is not positive leaves its side open."""
    images = setting(options, "confounds_images") or []
    without_effect(options, "num_threads")
    given: dict[str, Any] = {"filtered": bool(setting(options, "bandpass_filter", True))}
    for name in ("low_pass", "high_pass"):
        value = options.get(name)
        if not given["filtered"] or (not is_connected(value) and value is not None and value <= 0):
            options.pop(name, None)
    given["filtered"] = given["filtered"] and bool({"low_pass", "high_pass"} & set(options))
    if options.get("confounds_tsv") is None:
        options.pop("confounds_tsv", None)
    given["denoised"] = "confounds_tsv" in options
    if images:
        given["confounds_images"] = [File(one) for one in images]
    return Denoise(**given), _same("denoised_interpolated_bold", *options)


def censor(options: dict[str, Any]) -> Step:
    """Return what Censor is for the frames of large displacement."""
    column = setting(options, "column", "framewise_displacement")
    if column != "framewise_displacement":
        raise ValueError(f"there is no equivalent for column = {column!r}: it censors frames at random, once more")
    return Censored(), _same("out_file", "in_file", "temporal_mask")


def nifti_parcellate(options: dict[str, Any]) -> Step:
    """Return what NiftiParcellate is, whose parcels must all be covered."""
    known = ("filtered_file", "atlas", "atlas_labels", "mask", "min_coverage")
    return Parcels(), _same("timeseries", "coverage", *known)


def cifti_parcellate(options: dict[str, Any]) -> Step:
    """Return what CiftiParcellate is for its table of series."""
    without_effect(options, "parcellated_atlas")
    fields = _same("timeseries", "coverage", "atlas", "atlas_labels", "min_coverage")
    return Parcels(), {**fields, "data_file": "filtered_file", "parcellated_atlas": None}


def connect(options: dict[str, Any]) -> Step:
    """Return what TSVConnect is for the correlations of all kept frames."""
    censored = options.get("temporal_mask") is not None
    return Connect(censored=censored), _same("correlations", "timeseries", *(["temporal_mask"] if censored else []))


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


SOURCE = "https://xcp-d.readthedocs.io/en/latest/workflows.html"
EQUIVALENTS = [
    Equivalent("xcp_d.interfaces.*:DenoiseNifti", denoise, SOURCE),
    Equivalent("xcp_d.interfaces.*:DenoiseCifti", denoise, SOURCE),
    Equivalent("xcp_d.interfaces.*:Censor", censor, SOURCE),
    Equivalent("xcp_d.interfaces.*:NiftiParcellate", nifti_parcellate, SOURCE),
    Equivalent("xcp_d.interfaces.*:CiftiParcellate", cifti_parcellate, SOURCE),
    Equivalent("xcp_d.interfaces.*:TSVConnect", connect, SOURCE),
]
