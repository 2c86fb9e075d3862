"""The workflow of a run against nilearn's chain, and against XCP-D's documented steps written with SciPy."""

import jax
import numpy as np
import pytest
from scipy.interpolate import CubicSpline
from scipy.signal import butter, sosfiltfilt

from pydra_diffconn import fuse
from pydra_diffconn.bids.postprocess import ORDERS, Denoise, Postprocess

FRAMES, PARCELS, TR = 200, 12, 2.0
LOW, HIGH = 0.01, 0.08


@pytest.fixture
def run():
    rng = np.random.default_rng(1)
    series = rng.standard_normal((FRAMES, PARCELS)).cumsum(0) + 2 * rng.standard_normal((FRAMES, PARCELS)) + 100
    moved = np.zeros(FRAMES)
    moved[[0, 1, 9, 50, 51, 52, 80, 130, 197]] = 1.0  # no two are mirror images in time: nilearn would leave gaps
    return series, rng.standard_normal((FRAMES, 9)).cumsum(0), moved


def computed(series, design, moved, **settings):
    task = Postprocess(
        bold=series, labels=np.arange(1, PARCELS + 1), framewise_displacement=moved, design=design, tr=TR, **settings
    )
    found = fuse(task)({})
    return np.asarray(found["timeseries"]), np.asarray(found["connectome"])


def alike(ours, theirs, kept):
    series, connectome = ours
    np.testing.assert_allclose((series[kept] - theirs) / theirs.std(), 0, atol=1e-10)
    np.testing.assert_allclose(connectome, np.corrcoef(theirs.T), atol=1e-10)


OUTLIERS = {
    "within": [9, 50, 51, 52, 80, 130],
    "first": [0],
    "last": [199],
    "several at the start": [0, 1, 2, 3, 9],
    "several at the end": [80, 197, 198, 199],
    "both ends": [0, 1, 2, 5, 100, 101, 150, 197, 198, 199],
    "long gaps": [*range(20), *range(60, 75), 120, *range(185, 200)],
}


def nilearns(series, design, kept, extrapolate, order=5):
    from nilearn.signal import clean

    return clean(
        series.copy(), confounds=design.copy(), sample_mask=np.flatnonzero(kept), detrend=True, standardize=None,
        low_pass=HIGH, high_pass=LOW, t_r=TR, extrapolate=extrapolate, butterworth__order=order,
    )  # fmt: skip


def all_filled_in(volumes, sample_mask, t_r, extrapolate):
    """Fill in every frame that is not kept, as nilearn means to: it looks for them at the kept frames' mirror images."""
    time, gone = np.arange(len(volumes)) * t_r, np.ones(len(volumes), bool)
    gone[sample_mask] = False
    volumes[gone] = CubicSpline(time[sample_mask], volumes[sample_mask], extrapolate=extrapolate)(time)[gone]
    return volumes


@pytest.mark.parametrize("order", [2, 5])
def test_nilearns_order_is_that_of_clean(run, order):
    series, design, moved = run
    kept = moved <= 0.3
    with jax.enable_x64(True):
        alike(computed(*run, order="nilearn", filter_order=order), nilearns(series, design, kept, True, order), kept)


@pytest.mark.parametrize("ends", ["extrapolate", "cut"])
@pytest.mark.parametrize("outliers", OUTLIERS.values(), ids=OUTLIERS)
def test_nilearns_chain_is_met_with_outliers_anywhere(run, monkeypatch, outliers, ends):
    series, design, _ = run
    moved = np.isin(np.arange(FRAMES), outliers) * 1.0
    kept, extrapolate = moved == 0, ends == "extrapolate"
    as_it_is = nilearns(series, design, kept, extrapolate)
    monkeypatch.setattr("nilearn.signal._interpolate_volumes", all_filled_in)
    meant = nilearns(series, design, kept, extrapolate)
    if not np.any(~kept & ~kept[::-1]):
        np.testing.assert_allclose(as_it_is, meant, atol=1e-12 * np.abs(meant).max())
    with jax.enable_x64(True):
        found = computed(series, design, moved, order="nilearn", filter_order=5, ends=ends)
    far = 1e-8 if extrapolate and outliers == OUTLIERS["long gaps"] else 1e-10  # a cubic 20 frames off is large
    np.testing.assert_allclose((found[0][kept] - meant) / meant.std(), 0, atol=far)
    np.testing.assert_allclose(found[1], np.corrcoef(meant.T), atol=far)


def xcpd(series, kept):
    """Fill, detrend and filter, as XCP-D documents it."""
    time, keep = np.arange(len(series)), np.flatnonzero(kept)
    filled = series.copy()
    filled[~kept] = CubicSpline(time[kept], series[kept])(time[~kept])
    filled[: keep[0]], filled[keep[-1] + 1 :] = series[keep[0]], series[keep[-1]]
    line = np.column_stack([np.ones(len(time)), time])
    filled = filled - line @ np.linalg.lstsq(line, filled, rcond=None)[0]
    band = butter(2, [LOW, HIGH], btype="bandpass", fs=1 / TR, output="sos")
    return sosfiltfilt(band, filled, axis=0, padtype="constant", padlen=len(time) - 1)


@pytest.mark.parametrize("outliers", OUTLIERS.values(), ids=OUTLIERS)
def test_xcpds_order_is_its_documented_one(run, outliers):
    series, design, _ = run
    moved = np.isin(np.arange(FRAMES), outliers) * 1.0
    kept = moved <= 0.3
    clean, regressors = xcpd(series, kept), xcpd(design, kept)
    clean = clean - regressors @ np.linalg.lstsq(regressors[kept], clean[kept], rcond=None)[0]
    with jax.enable_x64(True):
        alike(computed(series, design, moved, order="xcpd"), clean[kept], kept)


def test_simultaneous_is_one_projection(run):
    series, design, moved = run
    kept, time = moved <= 0.3, np.linspace(-1, 1, FRAMES)
    terms = np.column_stack([np.ones(FRAMES), time, design - design.mean(0)])
    clean = series - terms @ np.linalg.lstsq(terms[kept], series[kept], rcond=None)[0]
    with jax.enable_x64(True):
        alike(computed(*run, order="simultaneous", high_pass=None, low_pass=None), clean[kept], kept)


@pytest.mark.parametrize("order", ORDERS)
def test_censored_frames_reach_nothing(run, order):
    series, design, moved = run
    other = series.copy()
    other[moved > 0.3] = 1e3
    with jax.enable_x64(True):
        found = [computed(one, design, moved, order=order) for one in (series, other)]
    np.testing.assert_allclose(found[0][1], found[1][1], atol=1e-10)


def test_the_final_threshold_is_of_the_connectome_alone(run):
    """As the pipelines of DCAN: denoised on the frames of a loose threshold, correlated on those of a strict one."""
    series, design, moved = run
    moved = np.where(np.arange(FRAMES) % 9 == 4, np.maximum(moved, 0.25), moved)
    with jax.enable_x64(True):
        loose, found = computed(series, design, moved), computed(series, design, moved, fd_threshold_final=0.2)
    np.testing.assert_array_equal(found[0], loose[0])
    np.testing.assert_allclose(found[1], np.corrcoef(loose[0][moved <= 0.2].T), atol=1e-10)


def test_a_frame_may_have_to_exceed_both_thresholds(run):
    series, design, moved = run
    dvars = np.where(np.arange(FRAMES) < 60, 2.0, 1.0)
    with jax.enable_x64(True):
        found = computed(series, design, moved, std_dvars=dvars, dvars_threshold=1.5, exceeds="all")
        expected = computed(series, design, np.where(np.arange(FRAMES) < 60, moved, 0.0))
    np.testing.assert_allclose(found[1], expected[1], atol=1e-12)


def test_dummy_scans_are_cut_off_before_anything_else(run):
    series, design, moved = run
    start, used = 5, np.r_[np.zeros(5), np.ones(FRAMES - 5)]
    with jax.enable_x64(True):
        whole = computed(series, design[start:], moved[start:], used=used)
        cut = computed(series[start:], design[start:], moved[start:])
    np.testing.assert_allclose(whole[1], cut[1], atol=1e-12)


@pytest.mark.parametrize("places", [30, 1000])
def test_parcels_first_or_last_is_the_same(run, places):
    """Also where more places than frames make one matrix of all steps over time."""
    _, design, moved = run
    rng = np.random.default_rng(2)
    bold, used = rng.standard_normal((FRAMES + 3, places)).cumsum(0), np.r_[np.zeros(3), np.ones(FRAMES)]
    labels = np.arange(places) % 5 + 1
    with jax.enable_x64(True):
        given = {"framewise_displacement": moved, "design": design, "used": used, "tr": TR}
        voxels = np.asarray(fuse(Denoise(bold=bold, **given))({})["timeseries"])
        parcels = np.asarray(fuse(Postprocess(bold=bold, labels=labels, **given))({})["timeseries"])
    means = np.stack([voxels[:, labels == label].mean(axis=1) for label in range(1, 6)], axis=1)
    np.testing.assert_allclose(parcels, means, atol=1e-10)


def test_an_unknown_order_or_kind_is_named(run):
    with pytest.raises(ValueError, match="order = 'spm'; expected one of xcpd, nilearn, simultaneous"):
        computed(*run, order="spm")
    with pytest.raises(ValueError, match="connectome = 'tangents'"):
        computed(*run, connectome="tangents")
