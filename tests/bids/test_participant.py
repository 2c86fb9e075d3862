"""From a folder to derivatives: right numbers, every fault told, nothing stale, a rerun from the cache."""

import errno
import json
import os
import shutil
from pathlib import Path

import jax
import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from pydra_diffconn.bids import app, jobs
from pydra_diffconn.bids.fmriprep import runs, unreadable
from pydra_diffconn.bids.job import prepare
from pydra_diffconn.bids.status import read_status
from pydra_diffconn.files.tables import read_matrix

FIRST = "sub-01/ses-1/func/sub-01_ses-1_task-rest_run-1_space-MNI152NLin2009cAsym_res-2"
SHORT = {"min_time": 60.0}
REASONS = {
    "noconfounds": "no table of confounds",
    "othermask": r"the mask .* has the shape \(22, 28, 24\)",
    "unequal": "129 rows, .* 130 frames",
    "uncovered": "no parcel of .* is covered",
    "truncated": "truncated or damaged",
}


def connectome(out, stat="pearsoncorrelation", first=FIRST):
    return read_matrix(out / f"{first}_atlas-Demo_stat-{stat}_relmat.tsv")[0]


@pytest.mark.slow
def test_every_run_is_done_or_says_why_not(processed):
    out, rows = processed
    table = read_status(out).set_index("participant_id")
    assert (table.loc[["sub-01", "sub-02"], "status"] == "done").all() and len(rows) == 9
    for name, reason in REASONS.items():
        assert table.loc[f"sub-{name}", "status"] == "failed"
        assert pd.Series([table.loc[f"sub-{name}", "reason"]]).str.contains(reason).all()
    assert table.loc["sub-01", "dummy"].tolist() == [2, 0]  # the first session begins with two bright frames


@pytest.mark.slow
def test_what_is_written_says_what_was_done(processed, study):
    out, _ = processed
    told = json.loads((out / f"{FIRST}_atlas-Demo_stat-pearsoncorrelation_relmat.json").read_text())
    assert (told["Strategy"], told["DummyScans"], told["Frames"]) == ("9P", 2, 130)
    assert len(told["Processing"]["columns"]) == 9 and told["Processing"]["order"] == "xcpd"
    assert told["TemporalDegreesOfFreedom"] == pytest.approx(read_status(out)["dof"][0], abs=1e-3)
    assert told["NodeFiles"][0].removeprefix("bids::") in {str(p.relative_to(out)) for p in out.rglob("*.tsv")}
    links = json.loads((out / "dataset_description.json").read_text())["DatasetLinks"]
    assert links == {"preprocessed": study.resolve().as_uri()}
    for uri in told["Sources"]:
        assert (study / uri.removeprefix("bids:preprocessed:")).is_file()
    series = pd.read_table(out / f"{FIRST}_atlas-Demo_stat-mean_timeseries.tsv")
    censored = pd.read_table(out / f"{FIRST.partition('_space')[0]}_outliers.tsv")["censored"]
    assert len(series) == told["FramesKept"] == int((censored == 0).sum()) and len(censored) == 128


@pytest.mark.slow
def test_planted_connectomes_are_found(processed, study):
    out, _ = processed
    edges = np.triu_indices(24, 1)
    for person in ("01", "02"):
        truth = read_matrix(study / "truth" / f"sub-{person}_connectome.tsv")[0][edges]
        for session in ("1", "2"):
            first = FIRST.replace("sub-01", f"sub-{person}").replace("ses-1", f"ses-{session}")
            assert np.corrcoef(truth, connectome(out, first=first)[edges])[0, 1] > 0.6


@pytest.mark.slow
def test_a_rerun_is_taken_from_the_cache_and_a_changed_input_is_not(study, tmp_path):
    root = tmp_path / "fmriprep"
    for part in ("sub-01", "atlases"):
        shutil.copytree(study / part, root / part)
    request = app.Request(root, tmp_path / "out", strategies=("9P",), given=SHORT)
    app.participant(request, worker="debug")
    when = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "work").glob("*/_result.pklz")}
    before = connectome(tmp_path / "out")
    app.participant(request, worker="debug")
    assert when == {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "work").glob("*/_result.pklz")}
    path = root / f"{FIRST}_desc-preproc_bold.nii.gz"
    image = nib.load(path)
    values = np.asarray(image.dataobj)[..., ::-1]
    nib.Nifti1Image(values, image.affine, image.header).to_filename(path)
    app.participant(request, worker="debug")
    assert not np.allclose(before, connectome(tmp_path / "out"))
    path.write_bytes(path.read_bytes()[:1000])
    (row, _) = app.participant(request, worker="debug")
    assert row["status"] == "failed"
    assert not (tmp_path / "out" / f"{FIRST}_atlas-Demo_stat-pearsoncorrelation_relmat.tsv").exists()  # nothing stale


@pytest.mark.slow
def test_results_of_other_settings_never_lie_side_by_side(processed, study):
    out, _ = processed
    settings = {**SHORT, "dummy_scans": "auto", "connectomes": ("pearson", "partial")}
    with pytest.raises(ValueError, match=r"holds results with fd_threshold = 0.3, and 0.5 is asked for"):
        app.participant(
            app.Request(study, out, strategies=("9P",), given={**settings, "fd_threshold": 0.5}), worker="debug"
        )
    with pytest.raises(ValueError, match="holds results of the strategy 9P"):
        app.participant(app.Request(study, out, given=settings, strategies=("24P",)), worker="debug")


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["simple", "compcor", "24P"])
def test_numbers_are_those_of_nilearns_chain(study, tmp_path, strategy):
    from nilearn.interfaces.fmriprep import load_confounds
    from nilearn.maskers import NiftiLabelsMasker

    given = {**SHORT, "order": "nilearn", "fd_threshold": 0, "high_pass": 0.01, "filter_order": 5}
    request = app.Request(study, tmp_path, participants=("01",), sessions=("2",), strategies=(strategy,), given=given)
    bold, mask = (
        f"{study}/{FIRST}_desc-{name}.nii.gz".replace("ses-1", "ses-2") for name in ("preproc_bold", "brain_mask")
    )
    how = {
        "simple": {"strategy": ("high_pass", "motion", "wm_csf"), "motion": "full", "wm_csf": "basic"},
        "compcor": {"strategy": ("high_pass", "motion", "compcor"), "compcor": "anat_combined", "n_compcor": "all"},
        "24P": {"strategy": ("motion",), "motion": "full"},
    }[strategy]
    confounds, _ = load_confounds(bold, **how)
    atlas = next((study / "atlases").rglob("*_dseg.nii.gz"))
    masker = NiftiLabelsMasker(
        atlas, mask_img=mask, detrend=True, standardize=None, low_pass=0.08, high_pass=0.01, t_r=2.0, strategy="mean"
    )
    theirs = masker.fit_transform(bold, confounds=confounds)
    with jax.enable_x64(True):
        app.participant(request, worker="debug")
    ours = pd.read_table(tmp_path / f"{FIRST}_atlas-Demo_stat-mean_timeseries.tsv".replace("ses-1", "ses-2")).to_numpy()
    np.testing.assert_allclose((ours - theirs) / theirs.std(), 0, atol=1e-6)


def test_a_job_says_all_of_itself_as_text(study):
    planned = app.plan(app.Request(study, study.parent / "x", given=SHORT))
    for job in planned.jobs:
        assert jobs.understood(jobs.described(job)) == job


def test_nothing_is_read_that_is_not_asked_for(study):
    assert [run.entities["ses"] for run in runs(study, ["sub-02"])] == ["1", "2"]
    assert len(runs(study, ["02"], sessions=["ses-1"])) == 1
    assert len(runs(study, spaces=["MNI152NLin2009cAsym:res-2"])) == 9
    for wrong, said in (
        ({"participants": ["3"]}, "no participant '3'"),
        ({"sessions": ["5"]}, "no run .* has ses-5; there are 1, 2"),
        ({"spaces": ["fsLR"]}, "in the space 'fsLR'; there are MNI152NLin2009cAsym"),
    ):
        with pytest.raises(ValueError, match=said):
            runs(study, **wrong)


def denied(monkeypatch, *paths):
    """Take the permission to read away, also from one who may read everything."""
    access, scandir = os.access, os.scandir

    def listed(path):
        if Path(path) in paths:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return scandir(path)

    monkeypatch.setattr(os, "access", lambda path, mode, **more: Path(path) not in paths and access(path, mode))
    monkeypatch.setattr(os, "scandir", listed)


@pytest.mark.slow
def test_what_may_not_be_read_has_its_line_and_stops_nobody(study, tmp_path, monkeypatch):
    root = tmp_path / "fmriprep"
    for part in ("sub-01", "sub-02", "atlases"):
        shutil.copytree(study / part, root / part)
    images = sorted(root.glob("sub-01/*/func/*preproc_bold.nii.gz"))
    hidden = root / "sub-02" / "ses-2" / "func"
    request = app.Request(root, tmp_path / "out", strategies=("9P",), given=SHORT)
    with monkeypatch.context() as patch:
        denied(patch, images[0], hidden)
        assert [path for path, _ in unreadable(root, sessions=["1"])] == []
        assert [path for path, _ in unreadable(root, ["sub-01"])] == []
        app.participant(request, worker="debug")
    table = read_status(request.out).set_index("source")
    line = table.loc["sub-02_ses-2"]
    assert line["status"] == "failed" and f"folder {hidden} cannot be read (Permission denied)" in line["reason"]
    assert line["session"] == "2" and line["participant_id"] == "sub-02"
    failed = table[(table["status"] == "failed") & table["bold"].notna()]
    assert len(failed) == 1 and "you have no permission" in failed["reason"].iloc[0]
    assert (table["status"] == "done").sum() == 2  # the other session of each
    app.participant(request, worker="debug")
    again = read_status(request.out)
    assert len(again) == 4 and (again["status"] == "done").all()


@pytest.mark.parametrize("worker", ["debug", "cf"])
def test_what_a_run_warns_of_stands_in_its_line_and_not_on_the_screen(study, tmp_path, worker, recwarn, capfd):
    """Also of the second run of its kind in a process, and after runs of other settings, for which less is compiled."""

    def reasons(out, **more):
        request = app.Request(study, tmp_path / out, participants=("01",), strategies=("9P",), given={**SHORT, **more})
        rows = app.participant(request, worker=worker)
        assert [row["status"] for row in rows] == ["done", "done"]
        assert read_status(tmp_path / out)["reason"].fillna("").tolist() == [row["reason"] or "" for row in rows]
        return [row["reason"] for row in rows]

    assert reasons("plain") == [None, None]
    assert all("a period of 1000 s, longer than 130 frames of 2 s" in one for one in reasons("slow", high_pass=0.001))
    assert not recwarn.list and "Warning" not in capfd.readouterr().err


def test_too_short_a_run_is_left_out(study):
    from pydra_diffconn.bids.job import Left

    request = app.Request(study, study.parent / "x", participants=("01",), given={"min_time": 300.0})
    job = app.plan(request).jobs[0]
    with pytest.raises(Left, match=r"s are left of 260 s, less than min_time = 300 s"):
        prepare(job)
