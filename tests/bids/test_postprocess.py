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


@pytest.mark.parametrize("order", [2, 5])
def test_nilearns_order_is_that_of_clean(run, order):
    from nilearn.signal import clean

    series, design, moved = run
    kept = moved <= 0.3
    theirs = clean(
        series.copy(), confounds=design.copy(), sample_mask=np.flatnonzero(kept), detrend=True, standardize=None,
        low_pass=HIGH, high_pass=LOW, t_r=TR, extrapolate=True, butterworth__order=order,
    )  # fmt: skip
    with jax.enable_x64(True):
        alike(computed(*run, order="nilearn", filter_order=order), theirs, kept)


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


def test_xcpds_order_is_its_documented_one(run):
    series, design, moved = run
    kept = moved <= 0.3
    clean, regressors = xcpd(series, kept), xcpd(design, kept)
    clean = clean - regressors @ np.linalg.lstsq(regressors[kept], clean[kept], rcond=None)[0]
    with jax.enable_x64(True):
        alike(computed(*run, order="xcpd"), clean[kept], kept)


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
