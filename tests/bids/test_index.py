"""The index of a folder against pybids', on the real tree of names and side-cars, and on older names."""

import json
import time
import warnings
from pathlib import Path

import pytest
from real_data import SHARED

from pydra_diffconn.bids import app, dry_run
from pydra_diffconn.bids.fmriprep import runs

TREE = SHARED / "fmriprep_tree_ds000001"


@pytest.mark.data
def test_the_real_tree_is_indexed_as_by_pybids():
    from bids import BIDSLayout

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        layout = BIDSLayout(TREE, validate=False, is_derivative=True)
    theirs = layout.get(suffix="bold", desc="preproc", extension=".nii.gz")
    ours = {run.bold: run for run in runs(TREE)}
    assert sorted(ours) == sorted(Path(one.path) for one in theirs) and len(ours) == 12
    for one in theirs:
        run = ours[Path(one.path)]
        assert run.sidecar["RepetitionTime"] == one.get_metadata()["RepetitionTime"] == run.tr == 2.0
        assert run.confounds is not None and run.metadata is not None and run.mask is not None
        assert "smoothAROMAnonaggr" in run.other and run.entities["run"] in run.source


@pytest.mark.data
def test_empty_files_of_the_real_tree_are_told(tmp_path, study):
    atlas = next((study / "atlases").rglob("*_dseg.nii.gz"))
    request = app.Request(TREE, tmp_path / "out", participants=("10",), atlases=(str(atlas),))
    rows = app.participant(request, worker="debug")
    assert [row["status"] for row in rows] == ["failed"] * 3
    assert all("_bold.nii.gz is" in row["reason"] and "download" in row["reason"] for row in rows)


@pytest.mark.parametrize(
    ("bold", "table", "space"),
    [
        ("sub-1_task-rest_space-MNI152NLin2009cAsym_desc-preproc_bold.nii.gz", "sub-1_task-rest_desc-confounds_regressors.tsv", "MNI152NLin2009cAsym"),
        ("sub-1_task-rest_space-fsLR_den-91k_bold.dtseries.nii", "sub-1_task-rest_desc-confounds_timeseries.tsv", "fsLR"),
        ("sub-1_task-rest_desc-preproc_bold.nii.gz", "sub-1_task-rest_desc-confounds_timeseries.tsv", "native"),
        ("sub-1_task-rest_dir-AP_run-01_part-mag_space-T1w_desc-preproc_bold.nii.gz", "sub-1_task-rest_dir-AP_run-01_part-mag_desc-confounds_timeseries.tsv", "T1w"),
        ("sub-1_task-rest_space-MNIInfant_cohort-2_res-1_desc-preproc_bold.nii.gz", "sub-1_task-rest_desc-confounds_timeseries.tsv", "MNIInfant"),
    ],
)  # fmt: skip
def test_names_of_every_release_are_found(tmp_path, bold, table, space):
    func = tmp_path / "sub-1" / "func"
    func.mkdir(parents=True)
    for name in (
        bold,
        table,
        "sub-1_task-rest_echo-1_desc-preproc_bold.nii.gz",
        "sub-1_task-rest_part-phase_bold.nii.gz",
    ):
        (func / name).touch()
    (tmp_path / "dataset_description.json").write_text(
        '{"Name": "x", "BIDSVersion": "1.4.0", "DatasetType": "derivative"}'
    )
    (run,) = runs(tmp_path)
    assert (run.bold.name, run.confounds.name, run.space) == (bold, table, space)
    assert run.name == bold.partition(".")[0].removesuffix("_bold").removesuffix("_desc-preproc")


def test_side_cars_are_inherited(tmp_path):
    func = tmp_path / "sub-1" / "func"
    func.mkdir(parents=True)
    (func / "sub-1_task-rest_desc-preproc_bold.nii.gz").touch()
    (tmp_path / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.4.0"}')
    (tmp_path / "task-rest_desc-preproc_bold.json").write_text(json.dumps({"RepetitionTime": 1.5}))
    (run,) = runs(tmp_path)
    assert run.tr == 1.5


def test_a_folder_that_is_none_of_these_is_told(tmp_path):
    with pytest.raises(ValueError, match="is no folder"):
        runs(tmp_path / "absent")
    with pytest.raises(ValueError, match="no folder sub-"):
        runs(tmp_path)
    (tmp_path / "sub-1").mkdir()
    (tmp_path / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.4.0"}')
    with pytest.raises(ValueError, match="this is a raw data set: give the folder of its derivatives"):
        runs(tmp_path)


@pytest.mark.slow
def test_a_thousand_runs_are_foreseen(study, tmp_path):
    """Each by links to one; how long it takes is printed, and no part of the test."""
    source = next((study / "sub-01" / "ses-2" / "func").glob("*_bold.nii.gz")).parent
    (tmp_path / "atlases").symlink_to(study / "atlases")
    (tmp_path / "dataset_description.json").write_text((study / "dataset_description.json").read_text())
    for number in range(500):
        for session in ("1", "2"):
            func = tmp_path / f"sub-{number:03d}" / f"ses-{session}" / "func"
            func.mkdir(parents=True)
            for path in source.iterdir():
                name = path.name.replace("sub-01", f"sub-{number:03d}").replace("ses-2", f"ses-{session}")
                (func / name).symlink_to(path)
    began = time.perf_counter()
    planned = app.plan(app.Request(tmp_path, tmp_path / "out", given={"min_time": 60}))
    indexed = time.perf_counter()
    lines = list(dry_run.foreseen(planned))
    print(f"indexed in {indexed - began:.1f} s, foreseen in {time.perf_counter() - indexed:.1f} s")
    assert len(lines) == 1000 and dry_run.totals(lines)["runs"] == 1000
