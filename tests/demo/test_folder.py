"""The simulated folder: named as fMRIPrep names, its tables computed from its images, and its truth to be found."""

import json

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from nilearn.interfaces.fmriprep import load_confounds
from nilearn.signal import clean

from pydra_diffconn.bids.fmriprep import runs
from pydra_diffconn.blocks import Dvars, FramewiseDisplacement
from pydra_diffconn.cli.main import main
from pydra_diffconn.demo.folder import FAULTS, Person, _person, parcel_names, write_folder
from pydra_diffconn.files.tables import read_matrix
from pydra_diffconn.generators.scans import head, scan

FRAMES = 200
FIRST = "sub-01/ses-1/func/sub-01_ses-1_task-rest_run-1"
SPACE = "space-MNI152NLin2009cAsym_res-2"
EDGES = np.triu_indices(24, 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("simulated") / "fmriprep", people=1, frames=FRAMES)


@pytest.fixture(scope="module")
def image(folder):
    return np.asarray(nib.load(folder / f"{FIRST}_{SPACE}_desc-preproc_bold.nii.gz").dataobj, dtype=float)


@pytest.fixture(scope="module")
def table(folder):
    return pd.read_table(folder / f"{FIRST}_desc-confounds_timeseries.tsv", na_values="n/a")


def mask(folder, name="desc-brain_mask"):
    return np.asarray(nib.load(folder / f"{FIRST}_{SPACE}_{name}.nii.gz").dataobj) > 0


def test_the_files_are_those_of_fmriprep(folder):
    parts = ("desc-confounds_timeseries.json", "desc-confounds_timeseries.tsv")
    images = ("boldref.nii.gz", "desc-brain_mask.json", "desc-brain_mask.nii.gz", "desc-preproc_bold.json")
    names = [*parts, *(f"{SPACE}_{one}" for one in (*images, "desc-preproc_bold.nii.gz"))]
    for session in ("1", "2"):
        stem = f"sub-01_ses-{session}_task-rest_run-1"
        found = {path.name for path in (folder / "sub-01" / f"ses-{session}" / "func").iterdir()}
        assert found == {f"{stem}_{name}" for name in names}
    told = json.loads((folder / "dataset_description.json").read_text())
    assert told["DatasetType"] == "derivative" and told["GeneratedBy"][0]["Version"] == "24.1.1"
    people = pd.read_table(folder / "participants.tsv")
    assert list(people.columns) == ["participant_id", "age", "sex", "site"] and people["participant_id"][0] == "sub-01"


def test_every_run_is_found_with_all_that_belongs_to_it(folder):
    for run in runs(folder):
        assert run.mask is not None and run.confounds is not None and run.metadata is not None
        about = json.loads((folder / f"{FIRST}_{SPACE}_desc-preproc_bold.json").read_text())
        assert about["RepetitionTime"] == nib.load(run.bold).header.get_zooms()[3] == 2.0
        assert nib.load(run.bold).get_data_dtype() == np.int16


@pytest.mark.parametrize(
    ("strategy", "settings", "count"),
    [
        (("motion",), {"motion": "full"}, 24),
        (("motion", "wm_csf", "global_signal"), {"motion": "full", "wm_csf": "full", "global_signal": "full"}, 36),
        (("high_pass", "compcor"), {"compcor": "anat_combined", "n_compcor": 5}, 11),
        (("high_pass", "compcor"), {"compcor": "anat_separated", "n_compcor": 5}, 16),
        (("high_pass", "compcor"), {"compcor": "temporal", "n_compcor": "all"}, 12),
        (("high_pass", "compcor"), {"compcor": "temporal_anat_separated", "n_compcor": 3}, 15),
        (("motion", "scrub"), {"scrub": 5, "fd_threshold": 0.3, "std_dvars_threshold": 3}, 24),
    ],
)
def test_nilearn_reads_each_strategy(folder, strategy, settings, count):
    design, kept = load_confounds(str(folder / f"{FIRST}_{SPACE}_desc-preproc_bold.nii.gz"), strategy, **settings)
    assert design.shape == (FRAMES, count) and np.isfinite(design.to_numpy()).all()
    assert "scrub" not in strategy or 0 < len(kept) < FRAMES


def test_nilearn_takes_the_unsteady_frames_out(folder):
    design, kept = load_confounds(
        str(folder / f"{FIRST}_{SPACE}_desc-preproc_bold.nii.gz"), ("motion",), motion="basic"
    )
    assert len(design) == FRAMES and kept.tolist() == list(range(2, FRAMES))


def test_motion_is_measured_as_the_blocks_measure_it(table, image, folder):
    names = [f"{kind}_{axis}" for kind in ("trans", "rot") for axis in "xyz"]
    motion = table[names].to_numpy(np.float32)
    np.testing.assert_allclose(
        table["framewise_displacement"][1:], np.asarray(FramewiseDisplacement.pure(motion))[1:], rtol=1e-4, atol=1e-5
    )
    raw, standard = (np.asarray(one) for one in Dvars.pure(image[mask(folder)].T.astype(np.float32)))
    np.testing.assert_allclose(table["dvars"][1:], raw[1:], rtol=5e-3)  # the image is rounded to integers
    np.testing.assert_allclose(table["std_dvars"][1:], standard[1:], rtol=2e-2)


def test_signals_of_tissues_are_means_of_the_image(table, image, folder):
    place = head()
    np.testing.assert_array_equal(mask(folder), place.brain)
    for name, where in (("global_signal", place.brain), ("csf", place.csf), ("white_matter", place.white_matter)):
        np.testing.assert_allclose(table[name], image[where].mean(axis=0), atol=0.2)  # rounded to integers


def test_only_what_differs_from_the_frame_before_is_unknown_in_the_first(table):
    unknown = {name for name in table if table[name].isna().any()}
    changes = {name for name in table if "_derivative1" in name}
    assert unknown == changes | {"framewise_displacement", "rmsd", "dvars", "std_dvars"}
    assert not table[1:].isna().any(axis=None) and table.loc[[0], list(unknown)].isna().all(axis=None)


def test_components_are_of_the_steady_frames_and_without_slow_waves(table, folder):
    parts = table[[name for name in table if "_comp_cor_" in name]]
    cosines = table[[name for name in table if name.startswith("cosine")]]
    assert (parts[:2] == 0).all(axis=None) and (cosines[:2] == 0).all(axis=None)
    np.testing.assert_allclose(cosines.T @ cosines, np.eye(cosines.shape[1]), atol=1e-6)
    np.testing.assert_allclose(cosines.T @ parts, 0, atol=1e-6)
    told = json.loads((folder / f"{FIRST}_desc-confounds_timeseries.json").read_text())
    assert set(told) == set(parts)
    share = [told[f"a_comp_cor_{number:02d}"]["CumulativeVarianceExplained"] for number in range(6)]
    assert share == sorted(share) and share[0] > 0 and share[-1] < 1


def test_the_first_session_begins_brighter_and_says_so(table, image, folder):
    brightness = image[mask(folder)].mean(axis=0)
    assert (brightness[:2] > brightness[2:].max()).all()
    assert np.flatnonzero(table["non_steady_state_outlier01"]).tolist() == [1]
    second = pd.read_table(folder / f"{FIRST.replace('ses-1', 'ses-2')}_desc-confounds_timeseries.tsv")
    assert not [name for name in second if name.startswith("non_steady_state")]


def test_the_planted_connectome_is_nearer_after_regression(table, image, folder):
    labels = np.asarray(nib.load(next(folder.glob("atlases/*/*_dseg.nii.gz"))).dataobj)
    series = np.stack([image[labels == label].mean(axis=0) for label in range(1, 25)], axis=1)[2:]
    truth, names = read_matrix(folder / "truth" / "sub-01_connectome.tsv")
    assert list(names) == parcel_names()
    chosen = [name for name in table if name.startswith(("trans", "rot", "csf", "white_matter", "global_signal"))]
    regressed = clean(series, confounds=table[chosen].fillna(0).to_numpy()[2:], high_pass=0.01, low_pass=0.1, t_r=2.0)
    before, after = (np.corrcoef(one.T)[EDGES] for one in (series, regressed))
    alike = [np.corrcoef(truth[EDGES], one)[0, 1] for one in (before, after)]
    assert alike[1] > 0.7 and alike[1] > alike[0] + 0.2


def drawn(number: int) -> Person:
    return _person(np.random.default_rng([9, number]), f"{number:02d}")


def test_age_is_in_one_network_and_motion_in_none():
    people = [drawn(number) for number in range(200)]
    age = np.array([one.age for one in people])
    within = {name: np.arange(6) + 6 * n for n, name in enumerate(("Visual", "Motor", "Salience", "Default"))}
    for name, chosen in within.items():
        strength = [one.connectome[np.ix_(chosen, chosen)][np.triu_indices(6, 1)].mean() for one in people]
        related = np.corrcoef(age, strength)[0, 1]
        assert related < -0.5 if name == "Default" else abs(related) < 0.2
        assert abs(np.corrcoef([np.log(one.restless) for one in people], strength)[0, 1]) < 0.2
    assert all(np.linalg.eigvalsh(one.connectome)[0] > 0 for one in people)


def test_people_share_a_pattern_and_have_more_of_their_own():
    people = np.stack([drawn(number).connectome[EDGES] for number in range(10)])
    alike = np.corrcoef(people)[np.triu_indices(10, 1)]
    assert 0.1 < alike.mean() < 0.5


def test_the_more_restless_move_more():
    place = head((8, 8, 8), 20.0)
    moved = [
        np.abs(np.diff(scan(np.random.default_rng(1), place, np.eye(24), 80, 2.0, restless).motion, axis=0)).sum()
        for restless in (0.5, 1.5, 3.0)
    ]
    assert moved == sorted(moved) and moved[2] > 2 * moved[0]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes_and_another_other_people(tmp_path):
    made = [
        write_folder(tmp_path / name, people=1, frames=60, seed=seed) for name, seed in (("a", 0), ("b", 0), ("c", 1))
    ]
    first, again, other = ({p.relative_to(one): p.read_bytes() for p in one.rglob("*") if p.is_file()} for one in made)
    assert first == again
    assert first.keys() == other.keys() and first != other


@pytest.mark.slow
def test_the_command_writes_the_folder_with_faults_and_says_what_is_next(tmp_path):
    where = tmp_path / "study"
    made = CliRunner().invoke(main, ["demo", "--bids", str(where), "--people", "1", "--frames", "60", "--faults"])
    assert made.exit_code == 0 and f"diffconn run {where}" in made.output
    assert {path.name for path in where.glob("sub-*")} == {"sub-01", *(f"sub-{name}" for name in FAULTS)}
    assert set(json.loads((where / "truth" / "truth.json").read_text())["Faults"]) == {f"sub-{name}" for name in FAULTS}


@pytest.mark.parametrize(("people", "frames"), [(0, 100), (1, 59)])
def test_a_folder_of_nobody_or_of_too_few_frames_is_refused(tmp_path, people, frames):
    with pytest.raises(ValueError, match="expected at least 1 and 60"):
        write_folder(tmp_path / "new", people, frames)
    assert not (tmp_path / "new").exists()


def test_a_folder_that_holds_something_is_left_as_it_is(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    made = CliRunner().invoke(main, ["demo", "--bids", str(tmp_path)])
    assert made.exit_code == 2 and "is not empty; give a new folder" in made.output
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
