"""XCP-D's post-processing in its documented order, in Function nodes: each step swapped, all swapped, all fused."""

import sys
from pathlib import Path

import jax
import nibabel as nib
import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from nipype.interfaces.utility import Function, IdentityInterface

from pydra_diffconn import Learn, fit, fuse, losses, swap

PLUGIN = Path(__file__).parents[2] / "plugins" / "diffconn-xcpd"
sys.path[:0] = [str(PLUGIN), str(PLUGIN / "tests")]
from diffconn_xcpd.steps import Censored, Connect, Denoise, Parcels  # noqa: E402

FRAMES, TR, SHAPE = 100, 2.0, (4, 3, 2)
BAND = {"TR": TR, "low_pass": 0.1, "high_pass": 0.02, "filter_order": 2}


def denoise(preprocessed_bold, temporal_mask, confounds_tsv, TR, low_pass, high_pass, filter_order, mask):
    import os

    import interfaces

    given = {name: value for name, value in locals().items() if value is not None}
    return interfaces.denoise(given, os.getcwd())["denoised_interpolated_bold"]


def censor(in_file, temporal_mask):
    import os

    import interfaces

    return interfaces.censor({"in_file": in_file, "temporal_mask": temporal_mask}, os.getcwd())["out_file"]


def parcellate(filtered_file, atlas, atlas_labels, mask):
    import os

    import interfaces

    given = {name: value for name, value in locals().items() if value is not None}
    return interfaces.parcellate(given, os.getcwd())["timeseries"]


def correlate(timeseries, temporal_mask):
    import os

    import interfaces

    return interfaces.connect({"timeseries": timeseries, "temporal_mask": temporal_mask}, os.getcwd())["correlations"]


FUNCTIONS = {
    "denoise": (denoise, ["preprocessed_bold", "temporal_mask", "confounds_tsv", *BAND, "mask"]),
    "censor": (censor, ["in_file", "temporal_mask"]),
    "parcels": (parcellate, ["filtered_file", "atlas", "atlas_labels", "mask"]),
    "connect": (correlate, ["timeseries", "temporal_mask"]),
}
STEPS = {"denoise": Denoise(), "censor": Censored(), "parcels": Parcels(), "connect": Connect(censored=True)}
OUTPUTS = {
    "denoise": "denoised_interpolated_bold",
    "censor": "out_file",
    "parcels": "timeseries",
    "connect": "correlations",
}


@pytest.fixture
def files(tmp_path):
    rng, voxels = np.random.default_rng(0), int(np.prod(SHAPE))
    series = np.cumsum(rng.standard_normal((FRAMES, voxels)), axis=0) + rng.standard_normal((FRAMES, voxels))
    labels, inside = np.arange(voxels) // 6 + 1, np.arange(voxels) % 6 < 5
    image = {"bold": series.T.reshape(*SHAPE, FRAMES), "atlas": labels.reshape(SHAPE), "mask": inside.reshape(SHAPE)}
    for name, data in image.items():
        nib.Nifti1Image(data.astype("f4" if name == "bold" else "i2"), np.diag([3, 3, 3, 1.0])).to_filename(
            tmp_path / f"{name}.nii.gz"
        )
    brain = nib.cifti2.BrainModelAxis.from_mask(np.ones(voxels), "CORTEX_LEFT")
    nib.Cifti2Image(series.astype("f4"), (nib.cifti2.SeriesAxis(0, TR, FRAMES), brain)).to_filename(
        tmp_path / "bold.dtseries.nii"
    )
    names = {int(label): (f"region{label}", (1, 0, 0, 1)) for label in np.unique(labels)}
    axis = nib.cifti2.LabelAxis(["atlas"], {0: ("???", (0, 0, 0, 0)), **names})
    nib.Cifti2Image(labels[None].astype("i4"), (axis, brain)).to_filename(tmp_path / "atlas.dlabel.nii")
    tables = {
        "labels": pd.DataFrame({"index": list(names), "label": [name for name, _ in names.values()]}),
        "confounds": pd.DataFrame(rng.standard_normal((FRAMES, 3)), columns=list("abc")),
        "tmask": pd.DataFrame(
            {"framewise_displacement": np.isin(np.arange(FRAMES), [0, 1, 30, 31, 60, 99]).astype(int)}
        ),
    }
    for name, table in tables.items():
        table.to_csv(tmp_path / f"{name}.tsv", sep="\t", index=False)
    return tmp_path


def postprocess(folder, kind):
    volume = kind == "nifti"
    flow, inputs = (
        pe.Workflow("xcpd", base_dir=folder / "work"),
        pe.Node(IdentityInterface(["bold", "tmask"]), "inputnode"),
    )
    inputs.inputs.bold = str(folder / ("bold.nii.gz" if volume else "bold.dtseries.nii"))
    inputs.inputs.tmask = str(folder / "tmask.tsv")
    mask = str(folder / "mask.nii.gz") if volume else None
    steps = {name: pe.Node(Function(taken, ["out"], function), name) for name, (function, taken) in FUNCTIONS.items()}
    steps["denoise"].inputs.trait_set(confounds_tsv=str(folder / "confounds.tsv"), mask=mask, **BAND)
    atlas = folder / ("atlas.nii.gz" if volume else "atlas.dlabel.nii")
    steps["parcels"].inputs.trait_set(atlas=str(atlas), atlas_labels=str(folder / "labels.tsv"), mask=mask)
    flow.connect([(inputs, steps["denoise"], [("bold", "preprocessed_bold")])])
    flow.connect([(inputs, steps[name], [("tmask", "temporal_mask")]) for name in ("denoise", "censor", "connect")])
    flow.connect([(steps["denoise"], steps["censor"], [("out", "in_file")])])
    flow.connect([(steps["censor"], steps["parcels"], [("out", "filtered_file")])])
    flow.connect([(steps["parcels"], steps["connect"], [("out", "timeseries")])])
    return flow


def swapped(flow, names):
    return swap(flow, {name: STEPS[name] for name in names}, {name: {"out": OUTPUTS[name]} for name in names})


def outputs(flow):
    """Return the series of the parcels and the edges."""
    flow.config["execution"] = {"crashdump_dir": str(flow.base_dir)}
    ran = {node.name: node.result.outputs.trait_get() for node in flow.run().nodes()}
    series, edges = (ran[name].get("out", ran[name].get(OUTPUTS[name])) for name in ("parcels", "connect"))
    return pd.read_table(series).to_numpy(), pd.read_table(edges, index_col=0).to_numpy()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["nifti", "cifti"])
def test_each_step_alone_all_together_and_fused(kind, files):
    with jax.enable_x64(True):
        series, edges = outputs(postprocess(files, kind))
        for names in [*([name] for name in STEPS), list(STEPS)]:
            ours, connectome = outputs(swapped(postprocess(files, kind), names))
            np.testing.assert_allclose((ours - series) / series.std(axis=0), 0, atol=1e-5)
            np.testing.assert_allclose(connectome, edges, atol=1e-6)
        program = fuse(swapped(postprocess(files, kind), STEPS), outputs=["parcels.timeseries", "connect.correlations"])
        found = program({})
        np.testing.assert_allclose((found["parcels.timeseries"] - series) / series.std(axis=0), 0, atol=1e-5)
        np.testing.assert_allclose(found["connect.correlations"], edges, atol=1e-6)


@pytest.mark.slow
def test_a_planted_cut_off_is_found(files):
    flow = swapped(postprocess(files, "nifti"), STEPS)
    program = fuse(flow, {"denoise.high_pass": Learn()})
    target = np.asarray(program({"denoise.high_pass": 0.03})["connect.correlations"])
    loss = losses.MeanSquaredError("connect.correlations")
    result = fit(flow, loss, target, learn={"denoise.high_pass": Learn()}, steps=60, progress=False)
    assert abs(result.parameters["denoise.high_pass"] - 0.03) < 1e-3
    assert result.workflow.get_node("denoise").inputs.high_pass == result.parameters["denoise.high_pass"]
