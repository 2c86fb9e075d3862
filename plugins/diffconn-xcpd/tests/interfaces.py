"""Interfaces with the names and fields of XCP-D's, written anew with SciPy and nibabel: XCP-D is not installed here."""

import sys
import types

import nibabel as nib
import numpy as np
import pandas as pd
from nipype.interfaces.base import (
    BaseInterfaceInputSpec,
    File,
    SimpleInterface,
    TraitedSpec,
    traits,
)
from scipy.interpolate import CubicSpline
from scipy.signal import butter, detrend, sosfiltfilt


def made(name, run, inputs, outputs, module="xcp_d.interfaces.nilearn"):
    """Return a class of interfaces that stands in a module of XCP-D's."""
    here = {"__module__": module}
    spec = type(f"{name}In", (BaseInterfaceInputSpec,), {**inputs, **here})
    found = type(f"{name}Out", (TraitedSpec,), {**{one: traits.Any() for one in outputs}, **here})

    def _run_interface(self, runtime):
        self._results.update(run(self.inputs.get_traitsfree(), runtime.cwd))
        return runtime

    both = {"input_spec": spec, "output_spec": found, "_run_interface": _run_interface}
    interface = type(name, (SimpleInterface,), {**both, **here})
    for part in ("xcp_d", "xcp_d.interfaces"):
        sys.modules.setdefault(part, types.ModuleType(part))
    for one in (spec, found, interface):  # Nipype pickles them by name
        setattr(sys.modules.setdefault(module, types.ModuleType(module)), one.__name__, one)
    return interface


def prepared(series, kept, tr, low, high, order):
    """Fill, straighten and filter a series as XCP-D's documentation says."""
    frames = np.arange(len(series))
    filled = series.copy()
    filled[~kept] = CubicSpline(frames[kept], series[kept])(frames[~kept])
    first, last = frames[kept][[0, -1]]
    filled[:first], filled[last + 1 :] = filled[first], filled[last]
    sos = butter(order, [high, low], "bandpass", fs=1 / tr, output="sos")
    return sosfiltfilt(sos, detrend(filled, axis=0), axis=0, padtype="constant", padlen=len(series) - 1)


def frames_of(image):
    data = image.get_fdata()
    return data if data.ndim == 2 else data.reshape(-1, data.shape[3]).T


def written(series, image, path):
    if image.ndim == 2:
        axes = nib.cifti2.SeriesAxis(0, 2, len(series)), image.header.get_axis(1)
        nib.Cifti2Image(series.astype("f4"), axes).to_filename(path)
    else:
        nib.Nifti1Image(series.T.reshape(*image.shape[:3], -1).astype("f4"), image.affine, image.header).to_filename(
            path
        )
    return str(path)


def denoise(given, folder):
    image = nib.load(given["preprocessed_bold"])
    series, kept = frames_of(image), pd.read_table(given["temporal_mask"])["framewise_displacement"].to_numpy() == 0
    band = (given["TR"], given["low_pass"], given["high_pass"], given["filter_order"])
    confounds = prepared(pd.read_table(given["confounds_tsv"]).to_numpy(), kept, *band)
    clean = prepared(series, kept, *band)
    images = [prepared(frames_of(nib.load(one)), kept, *band) for one in given.get("confounds_images", [])]
    for voxel in range(clean.shape[1]):
        design = np.column_stack([confounds, *(one[:, voxel] for one in images)])
        clean[:, voxel] -= design @ np.linalg.lstsq(design[kept], clean[kept, voxel], rcond=None)[0]
    if "mask" in given:
        clean *= nib.load(given["mask"]).get_fdata().reshape(-1) > 0
    ending = ".nii.gz" if image.ndim > 2 else ".dtseries.nii"
    return {"denoised_interpolated_bold": written(clean, image, f"{folder}/denoised{ending}")}


def censor(given, folder):
    image = nib.load(given["in_file"])
    kept = pd.read_table(given["temporal_mask"])["framewise_displacement"].to_numpy() == 0
    ending = ".nii.gz" if image.ndim > 2 else ".dtseries.nii"
    return {"out_file": written(frames_of(image)[kept], image, f"{folder}/censored{ending}")}


def parcellate(given, folder):
    series, labels = (
        frames_of(nib.load(given.get("filtered_file", given.get("data_file")))),
        nib.load(given["atlas"]).get_fdata().reshape(-1),
    )
    inside = nib.load(given["mask"]).get_fdata().reshape(-1) > 0 if "mask" in given else np.ones(len(labels), bool)
    names = pd.read_table(given["atlas_labels"], index_col="index")["label"]
    means = {name: series[:, inside & (labels == index)].mean(axis=1) for index, name in names.items()}
    parts = {name: inside[labels == index].mean() for index, name in names.items()}
    pd.DataFrame(means).to_csv(f"{folder}/series.tsv", sep="\t", index=False)
    pd.Series(parts, name="coverage").to_csv(f"{folder}/coverage.tsv", sep="\t", index_label="Node")
    return {"timeseries": f"{folder}/series.tsv", "coverage": f"{folder}/coverage.tsv"}


def connect(given, folder):
    table = pd.read_table(given["timeseries"])
    if "temporal_mask" in given:
        mask = pd.read_table(given["temporal_mask"])["framewise_displacement"]
        table = table.loc[mask == 0] if len(mask) == len(table) else table
    table.corr().to_csv(f"{folder}/correlations.tsv", sep="\t", index_label="Node")
    return {"correlations": f"{folder}/correlations.tsv"}


FILE = {"exists": True}
DENOISE = {
    "preprocessed_bold": File(mandatory=True, **FILE),
    "confounds_tsv": File(**FILE),
    "confounds_images": traits.List(File(**FILE)),
    "temporal_mask": File(mandatory=True, **FILE),
    "TR": traits.Float(mandatory=True),
    "bandpass_filter": traits.Bool(mandatory=True),
    "low_pass": traits.Float(mandatory=True),
    "high_pass": traits.Float(mandatory=True),
    "filter_order": traits.Int(mandatory=True),
    "num_threads": traits.Int(1, usedefault=True),
}
CENSOR = {
    "in_file": File(**FILE),
    "temporal_mask": File(**FILE),
    "column": traits.Str("framewise_displacement", usedefault=True),
}
ATLAS = {"atlas": File(**FILE), "atlas_labels": File(**FILE), "min_coverage": traits.Float(0.5, usedefault=True)}
CONNECTIVITY = "xcp_d.interfaces.connectivity"
DenoiseCifti = made("DenoiseCifti", denoise, DENOISE, ["denoised_interpolated_bold"])
DenoiseNifti = made("DenoiseNifti", denoise, {**DENOISE, "mask": File(**FILE)}, ["denoised_interpolated_bold"])
Censor = made("Censor", censor, CENSOR, ["out_file"], "xcp_d.interfaces.censoring")
NiftiParcellate = made(
    "NiftiParcellate",
    parcellate,
    {**ATLAS, "filtered_file": File(**FILE), "mask": File(**FILE)},
    ["timeseries", "coverage"],
    CONNECTIVITY,
)
CiftiParcellate = made(
    "CiftiParcellate",
    parcellate,
    {**ATLAS, "data_file": File(**FILE), "parcellated_atlas": File()},
    ["timeseries", "coverage", "timeseries_ciftis"],
    CONNECTIVITY,
)
TSVConnect = made(
    "TSVConnect",
    connect,
    {"timeseries": File(**FILE), "temporal_mask": File(**FILE)},
    ["correlations", "correlations_exact"],
    CONNECTIVITY,
)
