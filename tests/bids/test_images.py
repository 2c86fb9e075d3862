"""What needs whole images: the components of an ICA, smoothing, maps; and several strategies at once."""

import json
import shutil

import jax
import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from pydra_diffconn.bids import app
from pydra_diffconn.bids.status import read_status

NAME = "sub-01/ses-2/func/sub-01_ses-2_task-rest_run-1"
SPACE = f"{NAME}_space-MNI152NLin2009cAsym_res-2"
PLAIN = {"min_time": 60.0, "fd_threshold": 0}


@pytest.fixture
def one(study, tmp_path):
    """One run, with the components of an ICA: a header FSL's file has not."""
    root = tmp_path / "fmriprep"
    shutil.copytree(study / "atlases", root / "atlases")
    shutil.copytree(study / "sub-01" / "ses-2", root / "sub-01" / "ses-2")
    (root / "dataset_description.json").write_text((study / "dataset_description.json").read_text())
    table = pd.read_table(root / f"{NAME}_desc-confounds_timeseries.tsv")
    rng = np.random.default_rng(0)
    mixing = rng.standard_normal((len(table), 8))
    mixing[:, 2] += 20 * table["trans_x"]
    np.savetxt(root / f"{NAME}_desc-MELODIC_mixing.tsv", mixing, delimiter="\t")
    (root / f"{NAME}_AROMAnoiseICs.csv").write_text("3,6")
    table[["aroma_motion_03", "aroma_motion_06"]] = mixing[:, [2, 5]]
    table.to_csv(root / f"{NAME}_desc-confounds_timeseries.tsv", sep="\t", index=False, na_rep="n/a")
    return root, mixing


def voxels(root, path, smoothed=0.0):
    from nilearn.image import smooth_img

    image = nib.load(f"{root}/{path}.nii.gz")
    values = (smooth_img(image, smoothed) if smoothed else image).get_fdata()
    labels = nib.load(next((root / "atlases").rglob("*_dseg.nii.gz"))).get_fdata()
    return np.stack([values[labels == label].mean(axis=0) for label in range(1, 25)], axis=1)


@pytest.mark.slow
def test_components_are_removed_by_their_own_part(one, tmp_path):
    root, mixing = one
    (tmp_path / "ica.toml").write_text("components = 'nonaggressive'\n")
    given = {**PLAIN, "high_pass": 0, "low_pass": 0}
    with jax.enable_x64(True):
        (row,) = app.participant(
            app.Request(root, tmp_path / "out", strategies=(str(tmp_path / "ica.toml"),), given=given), "debug"
        )
    assert row["status"] == "done", row["reason"]
    series = voxels(root, f"{SPACE}_desc-preproc_bold")
    centred, waves = series - series.mean(axis=0), mixing - mixing.mean(axis=0)
    weights = np.linalg.lstsq(waves, centred, rcond=None)[0]  # as fsl_regfilt does
    clean = series - waves[:, [2, 5]] @ weights[[2, 5]]
    line = np.column_stack([np.ones(len(clean)), np.arange(len(clean))])
    clean = clean - line @ np.linalg.lstsq(line, clean, rcond=None)[0]
    ours = pd.read_table(tmp_path / "out" / f"{SPACE}_atlas-Demo_stat-mean_timeseries.tsv").to_numpy()
    np.testing.assert_allclose((ours - clean) / clean.std(), 0, atol=1e-6)


@pytest.mark.slow
def test_several_strategies_stand_side_by_side(one, tmp_path):
    root, _ = one
    names = ("aroma", "aroma_nonaggressive", "aroma_gsr")
    rows = app.participant(app.Request(root, tmp_path / "out", strategies=names, given=PLAIN), "debug")
    assert [row["status"] for row in rows] == ["done"] * 3, [row["reason"] for row in rows]
    found = sorted((tmp_path / "out" / "sub-01").rglob("*_relmat.json"))
    assert [json.loads(path.read_text())["Strategy"] for path in found] == ["aroma", "aroma_gsr", "aroma_nonaggressive"]
    assert sorted(read_status(tmp_path / "out")["strategy"]) == sorted(names)
    columns = {
        path.name.partition("desc-")[2].partition("_")[0]: len(pd.read_table(path).columns)
        for path in (tmp_path / "out").glob("sub-01/**/*_design.tsv")
    }
    assert columns == {"aroma": 4, "aromanonaggressive": 2, "aromagsr": 5}


@pytest.mark.slow
def test_images_on_wish_agree_with_the_parcels(one, tmp_path):
    root, _ = one
    given = {**PLAIN, "smoothing": 10.0, "denoised": True, "alff": True, "reho": True, "output_type": "interpolated"}
    with jax.enable_x64(True):
        (row,) = app.participant(app.Request(root, tmp_path / "out", strategies=("9P",), given=given), "debug")
    assert row["status"] == "done", row["reason"]
    shutil.copytree(root / "atlases", tmp_path / "out" / "atlases")
    ours = pd.read_table(tmp_path / "out" / f"{SPACE}_atlas-Demo_stat-mean_timeseries.tsv").to_numpy()
    whole = voxels(tmp_path / "out", f"{SPACE}_desc-denoised_bold")
    np.testing.assert_allclose((whole - ours) / ours.std(), 0, atol=1e-4)  # images are written in single precision
    mask = nib.load(root / f"{SPACE}_desc-brain_mask.nii.gz").get_fdata() > 0
    for stat, low, high in (("alff", 0, np.inf), ("reho", 0, 1)):
        values = nib.load(tmp_path / "out" / f"{SPACE}_stat-{stat}_boldmap.nii.gz").get_fdata()
        assert (values[mask] > low).all() and (values[mask] <= high).all() and (values[~mask] == 0).all()


@pytest.mark.slow
def test_components_of_another_run_are_told(one, tmp_path):
    root, mixing = one
    np.savetxt(root / f"{NAME}_desc-MELODIC_mixing.tsv", mixing[:-1], delimiter="\t")
    request = app.Request(root, tmp_path / "out", strategies=("aroma_nonaggressive",), given=PLAIN)
    (row,) = app.participant(request, "debug")
    assert row["status"] == "failed" and "129 rows for 130 frames" in row["reason"]


def with_tedana(root, mixing, rejected=(1, 4), named="desc-tedana_metrics.tsv"):
    """Write what tedana leaves beside the confounds; its releases number components with and without zeros."""
    count = mixing.shape[1]
    names = [f"ICA_{number}" for number in range(count)]
    pd.DataFrame(mixing, columns=names).to_csv(root / f"{NAME}_desc-ICA_mixing.tsv", sep="\t", index=False)
    kinds = ["rejected" if number in rejected else "accepted" for number in range(count)]
    table = {"Component": [f"ICA_{number:02d}" for number in range(count)], "kappa": 1.0, "classification": kinds}
    pd.DataFrame(table).to_csv(root / f"{NAME}_{named}", sep="\t", index=False)


@pytest.mark.slow
@pytest.mark.parametrize("named", ["desc-tedana_metrics.tsv", "desc-ICA_status_table.tsv"])
def test_what_tedana_rejects_is_taken_out_both_ways(one, tmp_path, named):
    root, mixing = one
    with_tedana(root, mixing, named=named)
    request = app.Request(root, tmp_path / "out", strategies=("tedana", "tedana_nonaggressive"), given=PLAIN)
    rows = app.participant(request, "debug")
    assert [row["status"] for row in rows] == ["done"] * 2, [row["reason"] for row in rows]
    (path,) = (tmp_path / "out" / "sub-01").rglob("*desc-tedana_design.tsv")
    design = pd.read_table(path)
    assert list(design) == ["ICA_1", "ICA_4"]
    np.testing.assert_allclose(design.to_numpy(), mixing[:, [1, 4]])
    assert not list((tmp_path / "out" / "sub-01").rglob("*desc-tedananonaggressive_design.tsv"))


def test_the_files_of_fmripost_aroma_are_found(one):
    from pydra_diffconn.bids.components import read_components
    from pydra_diffconn.bids.fmriprep import runs
    from pydra_diffconn.confound_models.strategies import strategy

    root, mixing = one
    for name in ("desc-MELODIC_mixing.tsv", "AROMAnoiseICs.csv"):
        (root / f"{NAME}_{name}").unlink()
    np.savetxt(root / f"{NAME}_space-MNI152NLin6Asym_res-2_desc-melodic_mixing.tsv", mixing, delimiter="\t")
    kinds = ["rejected" if number in (2, 5) else "accepted" for number in range(8)]
    metrics = pd.DataFrame({"HFC": 0.4, "classification": kinds})
    metrics.to_csv(root / f"{NAME}_desc-aroma_metrics.tsv", sep="\t", index=False)
    (run,) = runs(root)
    courses, noise, _ = read_components(strategy("aroma_nonaggressive"), run, len(mixing))
    assert courses.shape == mixing.shape and np.flatnonzero(noise).tolist() == [2, 5]


def test_tedanas_tables_that_do_not_fit_are_told(one):
    from pydra_diffconn.bids.components import read_components
    from pydra_diffconn.bids.fmriprep import runs
    from pydra_diffconn.confound_models.strategies import strategy

    root, mixing = one
    (run,), tedana = runs(root), strategy("tedana")
    with pytest.raises(ValueError, match=r"needs .*desc-ICA_mixing.tsv, which is not beside"):
        read_components(tedana, run, len(mixing))
    with_tedana(root, mixing)
    courses, noise, names = read_components(tedana, run, len(mixing))
    assert noise.tolist() == [0, 1, 0, 0, 1, 0, 0, 0] and names[1] == "ICA_1" and courses.shape == mixing.shape
    with_tedana(root, mixing[:-1])
    with pytest.raises(ValueError, match=r"desc-ICA_mixing.tsv has 129 rows for 130 frames"):
        read_components(tedana, run, len(mixing))
    metrics = root / f"{NAME}_desc-tedana_metrics.tsv"
    metrics.write_text(metrics.read_text().replace("ICA_03", "ICA_99"))
    with pytest.raises(ValueError, match=r"does not say what ICA_3 of .* is"):
        read_components(tedana, run, len(mixing))
    metrics.write_text("a\tb\n1\t2\n")
    with pytest.raises(ValueError, match=r"no columns Component and classification"):
        read_components(tedana, run, len(mixing))
