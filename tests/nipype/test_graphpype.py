"""A workflow of graphpype, a package that its authors never wrote for us: swapped, fused, learned, written back and run."""

import importlib.util
import os

import nibabel as nib
import numpy as np
import pytest
from pydra.compose import python, workflow

from pydra_diffconn import Learn, blocks, fit, fuse, losses, nipype, swap

if importlib.util.find_spec("graphpype") is None:
    if os.environ.get("DIFFCONN_GRAPHPYPE") == "required":
        raise ModuleNotFoundError(
            "graphpype is required here; .ci/run installs it: pip install --no-deps graphpype==0.0.9"
        )
    pytest.skip("needs graphpype without its pins of 2020, as .ci/run installs it", allow_module_level=True)

TR, FRAMES, REGIONS, RUNS = 2.0, 160, 5, 4
HIGH_PASS = 0.04 * 0.5 / TR  # graphpype's cut-off, relative to the Nyquist frequency


@python.define(outputs=["series", "confounds"])
def ReadTexts(series_file, confounds_file):
    """Read graphpype's text: a row for each region."""
    import numpy

    return numpy.loadtxt(str(series_file)).T, numpy.genfromtxt(str(confounds_file))


@workflow.define(outputs=["resid_ts_file"])
def Residuals(masked_ts_file, rp_file, low: float = HIGH_PASS):
    """What graphpype's RegressCovar does."""
    read = workflow.add(ReadTexts(series_file=masked_ts_file, confounds_file=rp_file))
    clean = workflow.add(blocks.RegressConfounds(timeseries=read.series, confounds=read.confounds))
    slow = workflow.add(
        blocks.ButterworthFiltFilt(timeseries=clean.timeseries, tr=TR, low=low, high=None), name="filter"
    )
    return workflow.add(blocks.Standardize(timeseries=slow.timeseries, ddof=0)).timeseries


def pipeline(folder):
    from graphpype.pipelines.nii_to_conmat import create_pipeline_nii_to_conmat_simple

    made = create_pipeline_nii_to_conmat_simple(str(folder), plot=False)
    inputs = made.get_node("inputnode")
    inputs.inputs.ROI_mask_file = str(folder / "rois.nii")
    images, motion = (
        [str(folder / f"{name}{run}{end}") for run in range(RUNS)] for name, end in (("run", ".nii"), ("rp", ".txt"))
    )
    inputs.synchronize, inputs.iterables = True, [("nii_4D_file", images), ("rp_file", motion)]
    return made


def swapped(folder):
    steps = {"regress_covar": Residuals(), "compute_conf_cor_mat": blocks.Correlation()}
    their = {"ts_file": "timeseries", "labels_file": None}
    return swap(pipeline(folder), steps, {"compute_conf_cor_mat": their})


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    nib.Nifti1Image(np.repeat(np.arange(1, REGIONS + 1), 4).reshape(REGIONS, 2, 2).astype("i2"), np.eye(4)).to_filename(
        tmp_path / "rois.nii"
    )
    for run in range(RUNS):
        shared = np.cumsum(rng.standard_normal((FRAMES, 1)), axis=0)
        regions = 0.3 * shared + np.cumsum(rng.standard_normal((FRAMES, REGIONS)), axis=0)
        voxels = 1000 + 10 * np.repeat(regions, 4, axis=1) + rng.standard_normal((FRAMES, 4 * REGIONS))
        nib.Nifti1Image(voxels.T.reshape(REGIONS, 2, 2, FRAMES), np.eye(4)).to_filename(tmp_path / f"run{run}.nii")
        np.savetxt(tmp_path / f"rp{run}.txt", rng.standard_normal((FRAMES, 6)))
    return tmp_path


def edges(flow, field):
    """Return the correlations of each run; graphpype's have zeros on the diagonal."""
    flow.config["execution"] = {"crashdump_dir": flow.base_dir}
    ran = {n.parameterization[0]: n for n in flow.run().nodes() if n.name == "compute_conf_cor_mat"}
    values = (
        [getattr(ran[label].result.outputs, field) for label in nipype.runs(flow)]
        if field == "connectome"
        else [np.load(ran[label].result.outputs.cor_mat_file) for label in sorted(ran)]
    )
    return np.stack([off_diagonal(value) for value in values])


def off_diagonal(matrix):
    return np.asarray(matrix)[np.triu_indices(REGIONS, 1)]


@pytest.mark.slow
def test_swapped_fused_learned_and_written_back(folder):
    classical = edges(pipeline(folder), "cor_mat_file")
    ours = swapped(folder)
    np.testing.assert_allclose(edges(ours, "connectome"), classical, atol=1e-5)
    program = fuse(ours, {"regress_covar.low": Learn()})
    fused = program(program.parameters)["compute_conf_cor_mat.connectome"]
    np.testing.assert_allclose([off_diagonal(one) for one in fused], classical, atol=1e-5)

    target = np.asarray(program({"regress_covar.low": 0.03})["compute_conf_cor_mat.connectome"])
    loss = losses.MeanSquaredError("compute_conf_cor_mat.connectome")
    result = fit(ours, loss, target, learn={"regress_covar.low": Learn()}, steps=80, progress=False)
    assert HIGH_PASS == 0.01 and abs(result.parameters["regress_covar.low"] - 0.03) < 1e-3
    expected = np.stack([off_diagonal(one) for one in target])
    np.testing.assert_allclose(edges(result.workflow, "connectome"), expected, atol=2e-3)
