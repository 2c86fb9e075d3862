"""Nipype's own algorithms are swapped for blocks, which give the numbers of Nipype's code."""

import sys
from pathlib import Path

import nibabel as nib
import nilearn.maskers
import nipype.pipeline.engine as pe
import numpy as np
import pytest
from nipype.algorithms import confounds
from nipype.interfaces.nilearn import SignalExtraction
from nipype.interfaces.utility import IdentityInterface

from pydra_diffconn import proposals, swap

FRAMES, SHAPE = 60, (4, 3, 2)


@pytest.fixture
def files(tmp_path):
    rng, voxels = np.random.default_rng(0), int(np.prod(SHAPE))
    series = np.cumsum(rng.standard_normal((FRAMES, voxels)), axis=0) + 1000 + np.arange(voxels)
    images = {
        "bold": series.T.reshape(*SHAPE, FRAMES).astype("f4"),
        "mask": (np.arange(voxels) % 5 > 0).reshape(SHAPE).astype("u1"),
        "labels": (np.arange(voxels) // 8 + 1).reshape(SHAPE).astype("i2"),
    }
    for name, data in images.items():
        nib.Nifti1Image(data, np.diag([3, 3, 3, 1.0])).to_filename(tmp_path / f"{name}.nii.gz")
    np.savetxt(tmp_path / "motion.txt", rng.standard_normal((FRAMES, 6)) * 0.01)
    return {
        **{name: str(tmp_path / f"{name}.nii.gz") for name in images},
        "motion": str(tmp_path / "motion.txt"),
        "folder": tmp_path,
    }


def both(made, connected, output, files):
    """Return an output of Nipype's own interface and of ours, with one input connected."""
    found = []
    for ours in (False, True):
        flow = pe.Workflow("ours" if ours else "theirs", base_dir=files["folder"])
        source, sink = pe.Node(IdentityInterface(["value"]), "source"), pe.Node(IdentityInterface(["value"]), "sink")
        field, source.inputs.value = connected
        flow.connect([(source, step := pe.Node(made(), "step"), [("value", field)]), (step, sink, [(output, "value")])])
        flow = swap(flow) if ours else flow
        flow.config["execution"] = {"crashdump_dir": str(files["folder"])}
        result = next(n.result.outputs.trait_get() for n in flow.run().nodes() if n.name == "step")
        found.append(result.get(output, next(iter(result.values()))))
    return found


def table(path):
    lines = Path(path).read_text().splitlines()
    skip = 1 if any(character.isalpha() and character not in "enai" for character in lines[0]) else 0
    return np.array([[float(number) for number in line.split()] for line in lines[skip:]]), lines[:skip]


@pytest.mark.parametrize("source", ["FSL", "SPM", "AFNI"])
def test_framewise_displacement(source, files):
    theirs, ours = both(
        lambda: confounds.FramewiseDisplacement(parameter_source=source, radius=40.0),
        ("in_file", files["motion"]),
        "out_file",
        files,
    )
    assert table(ours)[1] == table(theirs)[1] == ["FramewiseDisplacement"]
    np.testing.assert_allclose(table(ours)[0], table(theirs)[0], rtol=1e-4)


@pytest.mark.parametrize("output", ["out_std", "out_nstd"])
def test_dvars(output, files, monkeypatch):
    def yule_walker(series, order):  # nitime's, which Nipype uses here, is one more package
        return np.sum(series[1:] * series[:-1]) / np.sum(series**2)

    monkeypatch.setattr(confounds, "_AR_est_YW", yule_walker)
    theirs, ours = both(
        lambda: confounds.ComputeDVARS(in_mask=files["mask"], save_nstd=True), ("in_file", files["bold"]), output, files
    )
    np.testing.assert_allclose(table(ours)[0], table(theirs)[0], rtol=2e-4)


@pytest.mark.parametrize("degree", [1, 2])
def test_comp_cor_up_to_signs(degree, files):
    made = lambda: confounds.ACompCor(mask_files=[files["mask"]], num_components=3, regress_poly_degree=degree)  # noqa: E731
    theirs, ours = both(made, ("realigned_file", files["bold"]), "components_file", files)
    (expected, names), (found, own) = table(theirs), table(ours)
    assert own == names
    np.testing.assert_allclose(np.abs(np.sum(found * expected, axis=0)), 1, atol=1e-4)


MAPS = ["tsnr_file", "mean_file", "stddev_file"]


@pytest.mark.parametrize(
    ("degree", "output"),
    [*[({}, name) for name in MAPS], *[({"regress_poly": 1}, name) for name in [*MAPS, "detrended_file"]]],
)
def test_tsnr(degree, output, files):
    theirs, ours = both(lambda: confounds.TSNR(**degree), ("in_file", files["bold"]), output, files)
    assert nib.load(ours).shape == nib.load(theirs).shape
    np.testing.assert_allclose(nib.load(ours).get_fdata(), nib.load(theirs).get_fdata(), rtol=1e-4)


@pytest.mark.parametrize("detrend", [False, True])
def test_signals_of_a_label_image(detrend, files, monkeypatch):
    monkeypatch.setitem(sys.modules, "nilearn.input_data", nilearn.maskers)  # its name until nilearn 0.13
    names = ["csf", "grey", "white"]
    made = lambda: SignalExtraction(label_files=[files["labels"]], class_labels=names, detrend=detrend)  # noqa: E731
    theirs, ours = both(made, ("in_file", files["bold"]), "out_file", files)
    (expected, their_names), (found, own) = table(theirs), table(ours)
    assert own == their_names == ["\t".join(names)]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (
            confounds.ACompCor(pre_filter="cosine", mask_files=[__file__]),
            "it leaves out the last cosine up to the cut-off",
        ),
        (confounds.ACompCor(variance_threshold=0.5, mask_files=[__file__]), "no equivalent for variance_threshold"),
        (confounds.ComputeDVARS(remove_zerovariance=False), "no equivalent for remove_zerovariance = False"),
        (confounds.FramewiseDisplacement(normalize=True, parameter_source="FSL"), "no equivalent for normalize"),
        (confounds.TSNR(regress_poly=2), "no equivalent for regress_poly = 2: beyond a line it keeps another mean"),
        (SignalExtraction(include_global=True), "no equivalent for include_global: it adds the mean over all regions"),
    ],
)
def test_what_has_no_equivalent_says_why(made, reason, tmp_path):
    flow = pe.Workflow("flow", base_dir=tmp_path)
    flow.add_nodes([pe.Node(made, "step")])
    assert reason in proposals(flow)[0].reason
