"""The recipes of `workflows/`, at small size: what is planted is found, and what is said is measured."""

import html
import importlib.util
import runpy
import sys
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest
from nilearn.glm.first_level import make_first_level_design_matrix

from pydra_diffconn import atlases, fuse, generators

FOLDER = Path(__file__).parents[2] / "workflows"


@pytest.fixture(autouse=True)
def beside_each_other(monkeypatch):
    """Let recipes find each other, as they do when one is run."""
    monkeypatch.syspath_prepend(str(FOLDER))


def recipe(name):
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.filterwarnings("ignore:.*degrees of freedom")
def test_denoising_is_judged_on_people_who_took_no_part(tmp_path):
    module = recipe("denoising")
    module.THRESHOLDS = {"": 50.0, ", .3 mm": 0.3}
    study = generators.denoising_study(np.random.default_rng(1), people=24, frames=150, parcels=16)
    found = module.run(study, steps=20, progress=False)
    table = found.table.set_index("score")
    assert found.pipelines == 14 and found.groups == 24
    assert table.loc["mean |QC-FC|", "learned"] < table.loc["mean |QC-FC|", "24P"]
    truth = table.loc["correlation with the true connectome"]
    assert truth["learned"] > truth["24P"]
    page = found.report(tmp_path / "report.html").read_text(encoding="utf-8")
    assert "best of 14 classical pipelines" in page and "Learning did harm: confounds removed" not in page


def test_everybodys_own_parcels_are_found_where_the_groups_are_wrong(tmp_path):
    module = recipe("parcellation")
    people = module.simulate(people=3, frames=80, noise=2.0)
    table, ways = module.run(people, steps=120, progress=False)
    right = table.set_index("parcels")["points right"]
    assert right["learned, each person's"] > right[["Ward, group", "k-means, group", "spectral cut, group"]].max() + 0.1
    assert right["true parcels"] == 1.0
    told = module.difference(ways, people)
    assert "95 % interval over 3 people" in told
    page = html.unescape(module.write(table, ways, people, told, tmp_path / "report.html").read_text(encoding="utf-8"))
    assert told in page


def test_planted_states_and_their_communities_are_found(tmp_path):
    module = recipe("covariance")
    states, communities = module.run(module.simulate(), steps=120, progress=False)
    states, communities = states.set_index("way"), communities.set_index("communities of the learned states")
    right = states["frames right, learned from"]
    assert right["learned"] > right["k-means of windows"] and right["learned"] > 0.9
    assert states.loc["learned", "frames right, unseen people"] > 0.9
    assert right["hidden Markov model"] > 0.9
    assert communities.loc["learned"].item() > 0.6
    assert module.write([states.reset_index(), communities.reset_index()], tmp_path / "report.html").exists()


def task_files(folder, frames=120, tr=2.0):
    """Write a run in which two parcels respond to a task, and two others go together; return its files."""
    rng = np.random.default_rng(2)
    rows = [(6.0 + 13.0 * n, 3.0, "ab"[n % 2]) for n in range(17)]
    (folder / "events.tsv").write_text(
        "\n".join(["onset\tduration\ttrial_type", *("\t".join(map(str, row)) for row in rows)]) + "\n", encoding="utf-8"
    )
    events = pd.DataFrame(rows, columns=["onset", "duration", "trial_type"])
    design = make_first_level_design_matrix(
        np.arange(frames) * tr, events, "glover + derivative + dispersion", drift_model=None, min_onset=-32
    )
    moved, shared = rng.standard_normal((frames, 8)), rng.standard_normal(frames)
    names = [f"{kind}_{axis}" for kind in ("trans", "rot") for axis in "xyz"] + ["csf", "white_matter"]
    pd.DataFrame(moved, columns=names).to_csv(folder / "confounds.tsv", sep="\t", index=False)
    series = 100 + rng.standard_normal((frames, 4))
    series[:, :2] += 6 * design[["a", "b"]].to_numpy() @ [[1, 2], [1, 1]] + moved[:, :1]
    series[:, 2:] += 2 * shared[:, None]
    image = np.repeat(series.T[:, None, None, :], 3, axis=1).astype(np.float32)
    nibabel.save(nibabel.Nifti1Image(image, np.eye(4)), folder / "bold.nii.gz")
    labels = np.repeat(np.arange(1, 5)[:, None, None], 3, axis=1).astype(np.int16)
    nibabel.save(nibabel.Nifti1Image(labels, np.eye(4)), folder / "labels.nii.gz")
    return (
        [str(folder / name) for name in ("bold.nii.gz", "events.tsv", "confounds.tsv", "labels.nii.gz")],
        design,
        series,
    )


def test_what_a_task_leaves_of_a_run_is_its_background_connectome(tmp_path, x64):
    (bold, events, confounds, labels), design, series = task_files(tmp_path)
    task = recipe("task").BackgroundConnectome(bold=bold, events=events, confounds=confounds, labels=labels, tr=2.0)
    table = pd.read_csv(task(worker="debug").connectome, sep="\t", index_col=0).to_numpy()
    columns = pd.read_csv(confounds, sep="\t").to_numpy()
    motion = columns[:, :6]
    change = np.diff(motion, axis=0, prepend=motion[:1])
    change[0] = change[1]
    whole = np.column_stack([design, motion, change, motion**2, change**2, columns[:, 6:]])
    kept = series.astype(np.float32).astype(float)
    left = kept - whole @ np.linalg.lstsq(whole, kept, rcond=None)[0]
    np.testing.assert_allclose(table, np.corrcoef(left.T), atol=1e-8)
    assert np.corrcoef(series.T)[0, 1] > 0.5 and abs(table[0, 1]) < 0.25 and table[2, 3] > 0.6
    program = fuse(task)
    np.testing.assert_allclose(program(program.parameters)["connectome"], table, atol=1e-8)
    assert {name.rpartition(".")[2] for name in program.parameters} == {"delay", "dispersion"}


def test_a_study_of_denoising_has_what_it_says():
    study = generators.denoising_study(np.random.default_rng(0), people=3, frames=100, parcels=12)
    assert study.timeseries.shape == (3, 100, 12) and study.confounds.shape == (3, 100, len(study.terms))
    assert np.bincount(study.terms).tolist() == [6, 6, 6, 6, 2, 1, 5] and len(study.names) == 7
    assert np.allclose(np.diag(study.connectome), 1) and (np.linalg.eigvalsh(study.connectome) > -1e-9).all()
    motion = study.confounds[0, :, :6] * ([1] * 3 + [50] * 3)
    moved = np.abs(np.diff(motion, axis=0, prepend=motion[:1])).sum(axis=1)
    np.testing.assert_allclose(study.displacement[0], moved, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(study.confounds[0, :, 26], study.timeseries[0].mean(axis=1), atol=1e-5)


def test_people_move_as_measured_ones_do(shared):
    tables = recipe("denoising").measured(shared / "confounds_real")
    assert [len(one) for one in tables] == [168, 260]  # one run has two tables
    study = generators.denoising_study(np.random.default_rng(0), people=2, frames=520, parcels=8, motion=tables)
    for own, table in zip(study.confounds[:, :, :6], tables, strict=False):  # all of its frames are among these
        np.testing.assert_allclose(np.ptp(own, axis=0) / np.ptp(table, axis=0), np.ptp(own[:, 0]) / np.ptp(table[:, 0]))
    with pytest.raises(ValueError, match=r"motion has shape \(5, 3\)"):
        generators.denoising_study(np.random.default_rng(0), people=1, motion=[np.zeros((5, 3))])
    with pytest.raises(SystemExit, match="has no table with trans_x"):
        recipe("denoising").measured(shared / "qc_myconnectome")


def test_a_run_counts_once_and_what_is_left_out_is_named(tmp_path, capsys):
    module, rng = recipe("denoising"), np.random.default_rng(0)
    motion = rng.standard_normal((120, 6))
    for name, one in {"a": motion, "a_reduced": motion + 1e-12, "b": motion + 0.01, "short": motion[:50]}.items():
        table = pd.DataFrame(one, columns=module.MOTION).assign(csf=0.0)
        table.to_csv(tmp_path / f"{name}.tsv", sep="\t", index=False)
    (tmp_path / "empty.tsv").touch()
    (tmp_path / "image.tsv").write_bytes(bytes(range(256)))
    (tmp_path / "words.tsv").write_text("\t".join(module.MOTION) + "\n" + "\t".join(["still"] * 6) + "\n")
    (tmp_path / "people.tsv").write_text("participant_id\nsub-1\n")
    found = module.measured(tmp_path)
    assert len(found) == 2 and np.allclose(found[1], motion + 0.01)
    told = dict(
        line.removeprefix(f"left out: {tmp_path}/").split(".tsv ", 1) for line in capsys.readouterr().err.splitlines()
    )
    assert told.keys() == {"a_reduced", "short", "empty", "image", "words"}
    assert told["a_reduced"].startswith("is of the same run as") and "cannot be read" in told["empty"]


RECIPES = sorted(path.stem for path in FOLDER.glob("*.py") if "__main__" in path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_says_how_it_is_called_and_runs_nothing(name, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    for option in ("--help", "-h"):
        monkeypatch.setattr(sys, "argv", [name, "out", option])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
        assert not ended.value.code and capsys.readouterr().out.startswith(f"usage: python workflows/{name}.py")
    monkeypatch.setattr(sys, "argv", [name, "/nope", "/nope", "/nope", "/nope", "/nope", "/nope", "/nope"])
    with pytest.raises(SystemExit, match=f"; usage: python workflows/{name}.py"):
        runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "DATA is missing"),
        (["/nope"], "DATA: /nope does not exist"),
        ([".", "out", "half"], "SEED is a whole number, not 'half'"),
        ([".", "out", "-1"], "SEED is a whole number, not '-1'"),
        ([".", "--seed"], "there is no option --seed"),
        ([".", "out", "1", "2"], "4 arguments given"),
    ],
)
def test_wrong_arguments_are_told_in_one_line(arguments, why, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["name", *arguments])
    with pytest.raises(SystemExit) as ended:
        recipe("usage").given(
            "What.\n\nRun it:  python workflows/name.py DATA [OUT] [SEED]      (a minute)\n", out="out"
        )
    assert ended.value.code.startswith(f"{why}; usage: python workflows/name.py DATA [OUT] [SEED]  (")
    assert "\n" not in ended.value.code


def test_right_arguments_have_their_kinds_and_defaults(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["name", ".", "0.8"])
    found = recipe("usage").given("python workflows/name.py DATA TR [OUT] [SEED] [MASK]", out="there", seed=0)
    assert found == {"data": ".", "tr": 0.8, "out": "there", "seed": 0, "mask": None}


def test_a_folder_without_its_files_is_named(tmp_path):
    (tmp_path / "words.npz").write_text("no series")
    for what, message in {
        lambda: recipe("movie_states").read(tmp_path): "must have one file \\*parcellation.nii.gz; it has 0",
        lambda: recipe("prediction").read(tmp_path, "sex"): "must have one file participants.tsv; it has 0",
        lambda: recipe("session_states").read(tmp_path / "words.npz"): "is no file of series",
    }.items():
        with pytest.raises(SystemExit, match=message):
            what()


REAL = {
    "qtab": (
        "qtab_partlycloudy_shen268/task-partlycloudy_atlas-shen268pauli16aan9_timeseries.npz",
        "qtab_partlycloudy_shen268/shen_2mm_268_parcellation.nii.gz",
        (190, 268),
    ),
    "abide": ("abide_cc200/site-NYU_atlas-cc200_timeseries.npz", "atlases_abide_vol/CC200.nii.gz", (88, 200)),
}


@pytest.mark.parametrize(("series", "image", "shape"), REAL.values(), ids=REAL)
def test_parcels_of_real_people_are_judged_in_the_other_half(series, image, shape, shared, tmp_path):
    module = recipe("real_parcels")
    people = module.of_people(shared / series, shared / image, people=3, parcels=8)
    assert people.coordinates.shape == (shape[1], 3) and people.first[0].shape == shape
    table, ways, told = module.judged(people, steps=60, progress=False)
    within = table.set_index("parcels")["correlation within, second half of the run"]
    assert "session" not in told + module.section(table, people).text
    assert within["learned, each person's"] > within["spectral cut, group"]
    assert "less" in told and "95 % interval over 3 people" in told
    maps = ways["learned, each person's"][0] == np.arange(8)[:, None]
    drawn = nibabel.load(atlases.write_hard_atlas(maps, shared / image, tmp_path / "person_dseg.nii.gz"))
    fine = nibabel.load(shared / image)
    assert drawn.shape == fine.shape and np.allclose(drawn.affine, fine.affine)
    first = np.asarray(drawn.dataobj)[np.asarray(fine.dataobj) == 1]
    assert set(first) == {ways["learned, each person's"][0][0] + 1}


def test_people_of_one_family_are_taken_once(tmp_path):
    module = recipe("real_parcels")
    rng = np.random.default_rng(0)
    series = {f"sub-{n}": rng.standard_normal((20, 3)) for n in range(6)}
    series["sub-5"][:, 1] = 4.0  # a parcel without data
    np.savez(tmp_path / "series.npz", **series)
    rows = [f"sub-{n}\tfam-{n // 2}" for n in range(6)]
    (tmp_path / "participants.tsv").write_text("\n".join(["participant_id\tfamily_id", *rows]) + "\n")
    labels = np.arange(8, dtype=np.int16).reshape(2, 2, 2) % 4
    nibabel.save(nibabel.Nifti1Image(labels, np.eye(4)), tmp_path / "labels.nii.gz")
    people = module.of_people(tmp_path / "series.npz", tmp_path / "labels.nii.gz", parcels=2)
    mine = {name for name, one in series.items() for first in people.first if np.allclose(one[:10], first)}
    assert mine == {"sub-0", "sub-2", "sub-4"}
    nibabel.save(
        nibabel.Nifti1Image(np.arange(8, dtype=np.int16).reshape(2, 2, 2), np.eye(4)), tmp_path / "more.nii.gz"
    )
    with pytest.raises(SystemExit, match=r"has 3 series; .*more\.nii\.gz has 7 parcels"):
        module.of_people(tmp_path / "series.npz", tmp_path / "more.nii.gz")


def test_voxels_of_a_run_are_joined_and_drawn_where_they_lie(shared, tmp_path, monkeypatch, capsys):
    module = recipe("real_parcels")
    run, mask = (shared / f"bold4d_pyhrf/real_data_vol_4_regions_{what}.nii.gz" for what in ("BOLD", "mask"))
    part = np.asarray(nibabel.load(mask).dataobj) == 4
    small = tmp_path / "mask.nii.gz"
    nibabel.save(nibabel.Nifti1Image(part.astype(np.uint8), nibabel.load(mask).affine), small)
    read, judged = module.of_voxels, module.judged
    monkeypatch.setattr(module, "of_voxels", lambda run, mask: read(run, mask, parcels=5))
    monkeypatch.setattr(module, "judged", lambda people: judged(people, steps=40, progress=False))
    module.main(str(run), str(small), str(tmp_path), 0)
    printed = capsys.readouterr().out
    assert "in the one person" in printed and "k-means, each alone" not in printed
    drawn = np.asarray(nibabel.load(tmp_path / "person-1_dseg.nii.gz").dataobj)
    assert (drawn[~part] == 0).all() and set(np.unique(drawn[part])) <= {1, 2, 3, 4, 5} and len(np.unique(drawn)) > 3


def test_states_of_a_film_are_judged_in_the_other_half_of_the_families(shared):
    module = recipe("movie_states")
    data = shared / "qtab_partlycloudy_shen268"
    halves, kinds = module.read(data, people=6), module.moments(data, 380)
    assert halves[0][0].shape == (380, 16) and set(kinds) == {"", "control", "social", "pain", "mental"}
    table, each = module.run(halves, kinds, steps=40, progress=False)
    assert list(table.way) == ["k-means of windows", "hidden Markov model", "learned"]
    assert (table["states again in the other half (r)"] > 0.5).all() and table.p.between(0, 1).all()
    assert all(len(one) == 6 for one in each.values())
    assert "95 % interval over 6 unseen people" in module.difference(each)


def test_states_of_people_scanned_twice_are_judged_by_others(shared):
    module = recipe("session_states")
    path = shared / "stages_fep_419" / "atlas-419parc_desc-aroma8physnoGSRbandpass_timeseries.npz"
    everybody = module.read(path)
    assert len(everybody) == 28 and sum(len(sessions) == 2 for sessions in everybody.values()) == 19
    few = {name: everybody[name] for name in ("sub-001", "sub-002", "sub-003", "sub-004")}
    table, each = module.run(few, steps=30, progress=False)
    assert list(table.way) == ["k-means of windows", "hidden Markov model", "learned"]
    assert table["states again in the other half (r)"].between(0.2, 1).all()
    assert all(len(one) == sum(len(sessions) == 2 for sessions in few.values()) for one in each.values())
    assert "95 % interval over" in module.difference(each)
    assert module.drawn(each).svg.count("<use") >= sum(map(len, each.values()))  # a dot for each person


def test_people_whose_time_is_spent_alike_again_are_told_from_others():
    module = recipe("session_states")
    spent = np.eye(6)[:4] * 0.7 + 0.3 / 6
    np.testing.assert_allclose(module.own(spent, spent), 0.7)
    np.testing.assert_allclose(module.own(spent, np.full((4, 6), 1 / 6)), 0, atol=1e-12)


def test_people_who_are_in_the_same_state_at_the_same_moment_are_told_from_chance():
    module, rng = recipe("movie_states"), np.random.default_rng(0)
    kinds = np.repeat(["a", "b", ""], 40).astype(object)
    course = np.repeat([0, 1, 2], 40)
    alike, follows, p = module.judge(np.stack([course] * 5), kinds)
    assert (alike > 0.4).all() and follows == pytest.approx(1.0) and p < 0.05
    strangers, follows, p = module.judge(rng.integers(0, 6, (5, 120)), kinds)
    assert abs(strangers.mean()) < 0.05 and follows < 0.2 and p > 0.05
