"""A CIFTI run of a folder: parcels of a dlabel, the medial wall, the denoised dtseries."""

import json

import jax
import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from scipy.signal import butter, sosfiltfilt

from pydra_diffconn.bids import app
from pydra_diffconn.bids.motion import PARAMETERS

FRAMES, VERTICES, TR = 150, 40, 2.0
SOURCE = "sub-01_task-rest"
NAME = f"{SOURCE}_space-fsLR_den-91k"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("cifti") / "fmriprep"
    func, atlas = root / "sub-01" / "func", root / "atlases" / "atlas-Five"
    func.mkdir(parents=True)
    atlas.mkdir(parents=True)
    rng = np.random.default_rng(5)
    brain = nib.cifti2.BrainModelAxis.from_mask(np.ones(VERTICES, bool), "CORTEX_LEFT")
    series = rng.standard_normal((FRAMES, VERTICES)).cumsum(0) + 1000
    series[:, 30:33] = np.nan  # a medial wall within the fifth parcel
    series[:, 33] = 0.0
    image = nib.Cifti2Image(series.astype("f4"), (nib.cifti2.SeriesAxis(0, TR, FRAMES), brain))
    image.to_filename(func / f"{NAME}_bold.dtseries.nii")
    (func / f"{NAME}_bold.json").write_text(json.dumps({"RepetitionTime": TR}))
    size = dict.fromkeys(PARAMETERS[:3], 0.02) | dict.fromkeys(PARAMETERS[3:], 0.0002)
    confounds = {name: rng.standard_normal(FRAMES).cumsum() * size[name] for name in PARAMETERS}
    confounds["trans_x"][100:] += 1.0  # one jerk
    pd.DataFrame(confounds).to_csv(func / f"{SOURCE}_desc-confounds_regressors.tsv", sep="\t", index=False)
    names = {0: ("???", (0, 0, 0, 0)), **{n: (f"region{n}", (1, 0, 0, 1)) for n in range(1, 7)}}
    labels = np.repeat(np.arange(1, 6), 8)  # the sixth region has no vertex
    parcels = nib.Cifti2Image(
        labels[None].astype("f4"), (nib.cifti2.LabelAxis(["Five"], {"Five": names}["Five"]), brain)
    )
    parcels.to_filename(atlas / "atlas-Five_space-fsLR_den-91k_dseg.dlabel.nii")
    return root, series, pd.DataFrame(confounds), labels


def xcpd(series):
    time = np.arange(len(series))
    line = np.column_stack([np.ones(len(time)), time])
    series = series - line @ np.linalg.lstsq(line, series, rcond=None)[0]
    band = butter(2, [0.01, 0.08], btype="bandpass", fs=1 / TR, output="sos")
    return sosfiltfilt(band, series, axis=0, padtype="constant", padlen=len(time) - 1)


@pytest.mark.slow
def test_parcels_are_those_of_xcpds_steps(folder, tmp_path):
    root, series, confounds, labels = folder
    given = {"fd_threshold": 0, "min_time": 60, "denoised": False}
    request = app.Request(root, tmp_path, strategies=("6P",), given=given)
    with jax.enable_x64(True):
        (row,) = app.participant(request, worker="debug")
    assert row["status"] == "done" and row["parcels_missing"] == 1, row["reason"]
    clean, design = xcpd(np.nan_to_num(series.astype("f4").astype(float))), xcpd(confounds.to_numpy())
    clean = clean - design @ np.linalg.lstsq(design, clean, rcond=None)[0]
    alive = np.isfinite(series).all(axis=0) & (np.ptp(np.nan_to_num(series), axis=0) > 0)
    means = np.stack([clean[:, (labels == n) & alive].mean(axis=1) for n in range(1, 6)], axis=1)
    ours = pd.read_table(tmp_path / "sub-01" / "func" / f"{NAME}_atlas-Five_stat-mean_timeseries.tsv")
    assert list(ours) == [f"region{n}" for n in range(1, 7)] and ours["region6"].isna().all()
    np.testing.assert_allclose((ours.to_numpy()[:, :5] - means) / means.std(), 0, atol=1e-6)
    coverage = pd.read_table(tmp_path / "sub-01" / "func" / f"{NAME}_atlas-Five_stat-coverage_bold.tsv")
    assert coverage["coverage"].tolist() == [1, 1, 1, 0.75, 0.75, 0]


@pytest.mark.slow
def test_a_thin_parcel_is_missing_by_name(folder, tmp_path):
    root = folder[0]
    given = {"fd_threshold": 0.5, "min_time": 60, "min_coverage": 0.9}
    (row,) = app.participant(app.Request(root, tmp_path, strategies=("6P",), given=given), worker="debug")
    path = tmp_path / "sub-01" / "func" / f"{NAME}_atlas-Five_stat-pearsoncorrelation_relmat"
    told = json.loads(path.with_suffix(".json").read_text())
    assert row["kept"] == FRAMES - 1 and told["ParcelsMissing"][-1] == "region6" and len(told["ParcelsMissing"]) >= 2
    matrix = pd.read_table(path.with_suffix(".tsv"), index_col=0)
    gone = told["ParcelsMissing"]
    assert matrix.loc[gone].isna().all(axis=None) and matrix.drop(index=gone, columns=gone).notna().all(axis=None)


@pytest.mark.slow
def test_the_denoised_image_has_the_inputs_places(folder, tmp_path):
    root, _, _, labels = folder
    whole = root.parent / "whole"
    func = whole / "sub-01" / "func"
    func.mkdir(parents=True, exist_ok=True)
    for path in (root / "sub-01" / "func").iterdir():
        (func / path.name).write_bytes(path.read_bytes())
    image = nib.load(func / f"{NAME}_bold.dtseries.nii")
    filled = nib.Cifti2Image(np.nan_to_num(np.asarray(image.dataobj), nan=500.0), image.header)
    filled.to_filename(func / f"{NAME}_bold.dtseries.nii")
    given = {"min_time": 60, "denoised": True, "alff": True, "output_type": "interpolated", "fd_threshold": 0.5}
    request = app.Request(whole, tmp_path, strategies=("6P",), given=given, atlas_folders=(root / "atlases",))
    with jax.enable_x64(True):
        (row,) = app.participant(request, worker="debug")
    assert row["status"] == "done", row["reason"]
    written = nib.load(tmp_path / "sub-01" / "func" / f"{NAME}_desc-denoised_bold.dtseries.nii")
    assert written.shape == (FRAMES, VERTICES) and written.header.get_axis(1) == image.header.get_axis(1)
    parcels = pd.read_table(tmp_path / "sub-01" / "func" / f"{NAME}_atlas-Five_stat-mean_timeseries.tsv")
    means = np.asarray(written.dataobj)[:, labels == 1].mean(axis=1)
    np.testing.assert_allclose(parcels["region1"], means, atol=1e-4)
