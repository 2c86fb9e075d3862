"""`diffconn atlas`: each thing that is missing is said, and only what must be mended ends with 1."""

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from pydra_diffconn.cli.main import main
from tests.bids.atlases import AFFINE, STEM, dlabel, dtseries, labels_of, models, table, volume

LABELS = labels_of(4)
RUN = "sub-01_task-rest_space-MNI152NLin2009cAsym_res-2"


@pytest.fixture
def folder(tmp_path):
    """A folder with an atlas, and a run beside it."""
    volume(tmp_path / "atlases" / "atlas-Own" / f"{STEM}_dseg.nii.gz", LABELS)
    table(tmp_path / "atlases" / "atlas-Own" / f"{STEM}_dseg.tsv", range(1, 5))
    volume(tmp_path / f"{RUN}_bold.nii.gz", np.ones((*LABELS.shape, 3), np.int16))
    return tmp_path


def check(*arguments):
    done = CliRunner().invoke(main, ["atlas", "check", *map(str, arguments)])
    return done.exit_code, done.output


def test_atlases_are_listed_with_kind_and_space(folder):
    dlabel(folder / "atlases" / "tpl-fsLR_atlas-4S_scale-156_den-91k_dseg.dlabel.nii", (1, 2))
    shown = CliRunner().invoke(main, ["atlas", "list", "--folder", str(folder / "atlases")])
    rows = [line.split("\t")[:3] for line in shown.output.splitlines()]
    assert shown.exit_code == 0 and rows[0] == ["name", "kind", "space"]
    assert ["Own", "nifti", "MNI152NLin2009cAsym"] in rows and ["4S156", "cifti", "fsLR"] in rows
    assert ["schaefer", "nifti", ""] in rows


def test_what_is_there_is_said_in_plain_lines(folder):
    code, told = check("Own", "--folder", folder / "atlases", "--bold", folder / f"{RUN}_bold.nii.gz")
    assert code == 0 and "mend" not in told
    for line in (
        "4 parcels, labels 1 to 4",
        f"4 names in {STEM}_dseg.tsv",
        "called Own",
        "in MNI152NLin2009cAsym",
        "a grid of 12 x 10 x 8 voxels of 3 x 3 x 3 mm",
        "4 of 4 parcels have data in at least 50% of their places",
    ):
        assert line in told


@pytest.mark.parametrize(
    ("values", "names", "told"),
    [
        (LABELS + 0.5 * (LABELS == 2), None, ["mend.*no integers"]),
        (np.where(LABELS == 2, -2, LABELS), None, ["mend.*negative labels"]),
        (0 * LABELS, None, ["mend.*no parcel in it"]),
        (LABELS, {1: "a", 2: "b", 4: "d"}, ["mend.*1 labels have no name in a_dseg.tsv: 3; add them"]),
        (LABELS, {1: "a", 2: "a", 3: "c", 4: "d"}, ["mend.*1 names are there more than once: a;"]),
        (LABELS, {11: "a", 12: "b"}, ["mend.*names none of the 4 labels"]),
        (LABELS, {"x": "a"}, ["mend.*'x' is no whole number"]),
        (LABELS, {}, ["note.*called by their numbers; a_dseg.tsv with columns index and name"]),
        (LABELS, {9: "z"} | {n: f"P{n}" for n in (4, 3, 2, 1)}, ["note.*n/a in every run: z .9."]),
        (np.where(LABELS == 4, 40, LABELS), {}, ["ok.*labels 1 to 40 with 36 numbers left out"]),
    ],
)
def test_each_fault_of_image_and_table_is_named(tmp_path, values, names, told):
    image = volume(tmp_path / "a_dseg.nii.gz", values)
    if names:
        rows = pd.DataFrame({"index": list(names), "name": list(names.values())})
        rows.to_csv(tmp_path / "a_dseg.tsv", sep="\t", index=False)
    code, shown = check(image)
    assert code == (1 if told[0].startswith("mend") else 0)
    assert pd.Series([shown]).str.contains(told[0]).all() and "Traceback" not in shown


def test_a_table_without_the_columns_must_be_mended(tmp_path):
    image = volume(tmp_path / "a_dseg.nii.gz", LABELS)
    names = tmp_path / "other.tsv"
    pd.DataFrame({"x": [1], "y": ["a"]}).to_csv(names, sep="\t", index=False)
    code, told = check(image, "--labels", names)
    assert code == 1 and "mend" in told and "no columns 'index' and 'name'" in told
    assert check(f"{image}:{table(names, range(1, 5))}")[0] == 0


def test_a_run_on_another_grid_in_a_mask_is_told_with_what_is_left_out(folder):
    affine = np.diag([4.0, 4, 4, 1])
    affine[:3, 3] = AFFINE[:3, 3]
    run = volume(folder / "coarse_bold.nii.gz", np.ones((9, 8, 6, 3), np.int16), affine)
    mask = np.ones((9, 8, 6), np.uint8)
    mask[:3] = 0
    brain = volume(folder / "coarse_mask.nii.gz", mask, affine)
    code, told = check("Own", "--folder", folder / "atlases", "--bold", run, "--mask", brain)
    assert code == 0 and "the run has another grid" in told and "note  P1 is left out: 0%" in told
    code, told = check("Own", "--folder", folder / "atlases", "--bold", folder / f"{RUN}_bold.nii.gz", "--mask", brain)
    assert code == 1 and "mask" in told and "has shape (9, 8, 6)" in told


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("sub-01_space-T1w_bold.nii.gz", "it is a volume in MNI152NLin2009cAsym, .* a volume in T1w"),
        ("sub-01_space-fsLR_den-91k_bold.dtseries.nii", "CIFTI in fsLR; they do not go together"),
    ],
)
def test_a_run_of_another_space_or_kind_does_not_go_with_it(folder, name, told):
    run = folder / name
    if name.endswith("dtseries.nii"):
        dtseries(run, models())
    else:
        volume(run, np.ones((*LABELS.shape, 3), np.int16))
    code, shown = check("Own", "--folder", folder / "atlases", "--bold", run)
    assert code == 1 and pd.Series([shown]).str.contains(told).all()


def test_grayordinates_are_counted_by_structure(tmp_path):
    image = dlabel(tmp_path / "atlas-X_space-fsLR_den-91k_dseg.dlabel.nii", (1, 2))
    run = dtseries(tmp_path / "sub-01_space-fsLR_den-91k_bold.dtseries.nii", models(right=range(4)), still=range(10))
    code, told = check(image, "--bold", run)
    assert code == 0 and "20 grayordinates: cortex_left 10, cortex_right 10" in told
    assert "note  one is left out: 0%" in told and "1 of 2 parcels" in told
    assert nib.load(image).shape == (1, 20)


def test_what_is_damaged_or_not_there_is_one_line(folder):
    code, told = check("Owm", "--folder", folder / "atlases")
    assert code == 2 and "the nearest are Own" in told
    half = folder / "half.nii.gz"
    noise = np.random.default_rng(0).standard_normal((*LABELS.shape, 3))
    half.write_bytes(volume(folder / "whole.nii.gz", noise).read_bytes()[:-1000])
    code, told = check("Own", "--folder", folder / "atlases", "--bold", half)
    assert code == 1 and "half.nii.gz is truncated or damaged" in told
    assert check("Own", "--folder", folder / "atlases", "--mask", half)[0] == 2
