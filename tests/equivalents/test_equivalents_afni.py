"""AFNI's tasks are swapped for blocks that do what AFNI's documentation says."""

import nibabel as nib
import numpy as np
import pytest
from blocks.confounds.test_projecting import tproject
from blocks.filtering.test_running_line import fslmaths
from blocks.filtering.test_zero_padding import bandpass
from fileformats.generic import File
from fileformats.medimage import Nifti1
from pydra.compose import workflow
from pydra.tasks.afni.v25.preprocess import Bandpass, NetCorr, TProject
from pydra.tasks.fsl.v6.maths.temporal_filter import TemporalFilter

from pydra_diffconn import Learn, fit, proposals, swap
from pydra_diffconn.files.tables import read_matrix
from pydra_diffconn.workflow.known_steps import equivalent_step, registered

TR, FRAMES = 2.0, 60


@workflow.define(outputs=["out"])
def Projected(bold: Nifti1, ort: File | None = None, censor: File | None = None, options: dict | None = None):
    files = {name: file for name, file in (("ort", ort), ("censor", censor)) if file is not None}
    return workflow.add(TProject(in_file=bold, out_file="p.nii", **files, **(options or {})), name="project").out_file


@workflow.define(outputs=["out"])
def Filtered(bold: Nifti1, orts: list[File] | None = None, options: dict | None = None):
    files = {} if orts is None else {"orthogonalize_file": orts}
    task = Bandpass(in_file=bold, highpass=0.02, lowpass=0.11, **files, **(options or {}))
    return workflow.add(task, name="filter").out_file


@workflow.define(outputs=["matrix"])
def Network(bold: Nifti1, rois: Nifti1, mask: File | None = None):
    task = NetCorr(in_file=bold, in_rois=rois, out_file="net", **({} if mask is None else {"mask": mask}))
    return workflow.add(task, name="network").out_corr_matrix


@workflow.define(outputs=["matrix"])
def Chain(bold: Nifti1, rois: Nifti1, ort: File):
    """Steps of FSL and AFNI, and nothing else."""
    filtered = workflow.add(TemporalFilter(in_file=bold, highpass_sigma=9.0), name="filter")
    clean = workflow.add(TProject(in_file=filtered.out_file, ort=ort, bandpass=(0.01, 0.15), TR=TR), name="project")
    return workflow.add(NetCorr(in_file=clean.out_file, in_rois=rois), name="network").out_corr_matrix


@pytest.fixture
def image(tmp_path, rng):
    series = rng.standard_normal((FRAMES, 24)).cumsum(axis=0) + 500
    path = tmp_path / "bold.nii"
    made = nib.Nifti1Image(series.T.reshape(4, 3, 2, FRAMES), np.diag([3, 3, 3, 1.0]))
    made.header.set_zooms((3, 3, 3, TR))
    made.header.set_xyzt_units("mm", "sec")
    nib.save(made, path)
    return series, Nifti1(path)


@pytest.fixture
def rois(tmp_path):
    labels, path = np.arange(24) % 5, tmp_path / "rois.nii"
    nib.save(nib.Nifti1Image(labels.reshape(4, 3, 2).astype(np.int16), np.diag([3, 3, 3, 1.0])), path)
    return labels, Nifti1(path)


@pytest.fixture
def ort(tmp_path, rng):
    table, path = rng.standard_normal((FRAMES, 3)) + 4, tmp_path / "motion.1D"
    np.savetxt(path, table, fmt="%.17g", header="1dcat of three columns")
    return table, File(path)


@pytest.fixture
def censor(tmp_path):
    keep, path = (np.arange(FRAMES) % 9 > 0).astype(float), tmp_path / "censor.1D"
    np.savetxt(path, keep, fmt="%d")
    return keep, File(path)


def as_series(file):
    data = np.asarray(nib.load(file).dataobj)
    return data.reshape(-1, data.shape[-1]).T


def run(task, tmp_path, output="out"):
    return getattr(task(worker="debug", cache_root=tmp_path / "work"), output)


@pytest.mark.parametrize(
    ("options", "settings"),
    [
        ({}, {}),
        ({"polort": 0}, {"degree": 0}),
        ({"bandpass": (0.01, 0.1), "TR": TR}, {"low": 0.01, "high": 0.1, "tr": TR}),
        ({"bandpass": (0.02, 0.1)}, {"low": 0.02, "high": 0.1, "tr": TR}),  # from the header
        ({"stopband": (0.05, 0.12), "TR": 1.5, "polort": 1}, {"stopbands": ((0.05, 0.12),), "tr": 1.5, "degree": 1}),
    ],
)
def test_3dtproject(x64, image, ort, tmp_path, options, settings):
    found = as_series(run(swap(Projected)(bold=image[1], ort=ort[1], options=options), tmp_path))
    np.testing.assert_allclose(found, tproject(image[0], confounds=ort[0], **settings), atol=1e-8)


@pytest.mark.parametrize("mode", [None, "ZERO", "NTRP"])
def test_3dtproject_with_censored_frames(x64, image, ort, censor, tmp_path, mode):
    (series, bold), keep = image, censor[0]
    options = {"bandpass": (0.01, 0.15), "TR": TR, "norm": True} | ({"cenmode": mode} if mode else {})
    found = as_series(run(swap(Projected)(bold=bold, ort=ort[1], censor=censor[1], options=options), tmp_path))
    band = {"confounds": ort[0], "low": 0.01, "high": 0.15, "tr": TR}
    if mode == "NTRP":
        t, kept = np.arange(FRAMES), keep > 0
        expected = tproject(np.stack([np.interp(t, t[kept], one[kept]) for one in series.T], axis=1), **band)
    else:
        expected = tproject(series, frame_weights=keep, censored="zero", **band)
        expected = expected if mode == "ZERO" else expected[keep > 0]
    np.testing.assert_allclose(found, expected / np.linalg.norm(expected, axis=0), atol=1e-9)


@pytest.mark.parametrize("options", [{}, {"tr": 1.5, "nfft": 128, "no_detrend": True, "normalize": True}])
@pytest.mark.parametrize("with_orts", [False, True])
def test_3dbandpass(x64, image, ort, tmp_path, options, with_orts):
    series, bold = image
    orts = [ort[1], ort[1]] if with_orts else None
    found = as_series(run(swap(Filtered)(bold=bold, orts=orts, options=options), tmp_path))
    tr, length = options.get("tr", TR), options.get("nfft")

    def filtered(x, edge=0.5):
        x = x if "no_detrend" in options else tproject(x)
        return bandpass(x, tr, 0.02, 0.11, edge=edge, length=length)

    expected = filtered(series, 0.05 if with_orts else 0.5)
    if with_orts:
        table = filtered(ort[0])
        expected = expected - table @ np.linalg.lstsq(table, expected, rcond=None)[0]
    if "normalize" in options:
        expected = expected / np.linalg.norm(expected, axis=0)
    np.testing.assert_allclose(found, expected, atol=1e-8)


def test_3dnetcorr(x64, image, rois, tmp_path):
    (series, bold), (labels, path) = image, rois
    found = read_matrix(run(swap(Network)(bold=bold, rois=path), tmp_path, "matrix"))[0]
    means = np.stack([series[:, labels == number].mean(axis=1) for number in range(1, 5)])
    np.testing.assert_allclose(found, np.corrcoef(means), atol=1e-10)


def test_a_workflow_of_fsl_and_afni_alone_is_learned(x64, image, rois, ort, tmp_path):
    (series, bold), (labels, path) = image, rois
    task = swap(Chain)(rois=path, ort=ort[1]).split("bold", bold=[bold])
    clean = tproject(fslmaths(series, 9.0), confounds=ort[0], low=0.01, high=0.15, tr=TR)
    expected = np.corrcoef([clean[:, labels == number].mean(axis=1) for number in range(1, 5)])
    np.testing.assert_allclose(read_matrix(run(task, tmp_path, "matrix")[0])[0], expected, atol=1e-8)
    learn = {"filter.highpass_sigma": Learn(), "project.low": Learn(), "project.softness": Learn(0.01)}
    result = fit(
        task,
        lambda outputs, _: (outputs["matrix"] ** 2).mean(),
        learn=learn,
        steps=3,
        progress=False,
        cache_root=tmp_path,
    )
    assert result.improved
    assert result.parameters["filter.highpass_sigma"] != 9.0 and result.parameters["project.low"] != 0.01


REFUSED = [
    (TProject, {"automask": True}, "automask: AFNI makes this mask"),
    (TProject, {"blur": 6.0}, "use SmoothVolume"),
    (TProject, {"censortr": ["1:3..5"]}, "as a file by censor"),
    (TProject, {"cenmode": "KEEP"}, "knows KILL, ZERO and NTRP"),
    (Bandpass, {"despike": True}, "despike: it replaces spikes"),
    (Bandpass, {"localPV": 3.0}, "localPV"),
    (NetCorr, {"fish_z": True}, "fish_z: the file would hold two matrices"),
    (NetCorr, {"part_corr": True}, "use PartialCorrelation"),
    (NetCorr, {"ts_wb_Z": True}, "maps of the whole brain"),
]


@pytest.mark.parametrize(("task", "options", "reason"), REFUSED)
def test_options_without_equivalent_are_refused_with_the_reason(task, options, reason):
    found, why = equivalent_step(task(**options), registered(), [])
    assert found is None
    assert reason in why


def test_proposals_name_what_stands_for_each_step(image, rois, ort):
    found = proposals(Chain(bold=image[1], rois=rois[1], ort=ort[1]))
    assert [str(one) for one in found] == [
        "filter (TemporalFilter): RunningLineFilter",
        "project (TProject): ProjectOut",
        "network (NetCorr): CorrelateRegions",
    ]
