"""Filled frames against NumPy's and SciPy's interpolation and least squares; kept frames stay; weights are smooth."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from examples import examples
from gradients import assert_gradient, gradient
from hypothesis import given
from hypothesis import strategies as st
from nilearn.signal import clean
from scipy.interpolate import CubicSpline, interp1d

from pydra_diffconn.blocks import (
    BandPass,
    ButterworthFiltFilt,
    Censor,
    Correlation,
    Detrend,
    Interpolate,
    SpectralInterpolate,
)
from pydra_diffconn.testing import Case

TR = 2.0
SERIES = 5 + np.random.default_rng(0).standard_normal((60, 4)).cumsum(axis=0)
KEPT = np.random.default_rng(1).uniform(size=60) > 0.3
HARD = KEPT.astype(float)
SOFT = np.random.default_rng(2).uniform(0, 1, 60)
METHODS = ["linear", "spline"]
interpolate = jax.jit(Interpolate.pure, static_argnames=("method", "boundary", "ends"))
spectral = jax.jit(SpectralInterpolate.pure, static_argnames="oversampling")


def lines(timeseries, frame_weights, **_):
    frame, kept = np.arange(len(timeseries)), np.flatnonzero(frame_weights)
    return np.stack([np.interp(frame, kept, column[kept]) for column in timeseries.T], axis=1)


def natural_spline(timeseries, frame_weights, **_):
    kept = np.flatnonzero(frame_weights)
    inside = np.clip(np.arange(len(timeseries)), kept[0], kept[-1])
    return CubicSpline(kept, timeseries[kept], bc_type="natural")(inside)


def not_a_knot(timeseries, frame_weights, ends="extrapolate", **_):
    kept = np.flatnonzero(frame_weights)
    frame = np.arange(len(timeseries))
    return CubicSpline(kept, timeseries[kept])(np.clip(frame, kept[0], kept[-1]) if ends == "hold" else frame)


def natural_going_on(timeseries, frame_weights, **_):
    kept = np.flatnonzero(frame_weights)
    return CubicSpline(kept, timeseries[kept], bc_type="natural")(np.arange(len(timeseries)))


def lines_going_on(timeseries, frame_weights, **_):
    kept = np.flatnonzero(frame_weights)
    return interp1d(kept, timeseries[kept], axis=0, fill_value="extrapolate")(np.arange(len(timeseries)))


CURVES = {
    ("linear", "natural", "extrapolate"): lines_going_on,
    ("spline", "natural", "extrapolate"): natural_going_on,
    ("spline", "not-a-knot", "hold"): not_a_knot,
    ("spline", "not-a-knot", "extrapolate"): not_a_knot,
}


@examples(40)
@given(st.lists(st.booleans(), min_size=60, max_size=60), st.sampled_from(list(CURVES)))
def test_other_boundaries_and_ends_are_scipys(kept, curve):
    weights = np.array(kept, float)
    if weights.sum() < 2:
        return
    with jax.enable_x64(True):
        found = np.asarray(interpolate(jnp.asarray(SERIES), weights, *curve))
    expected = CURVES[curve](SERIES, weights, ends=curve[2])
    np.testing.assert_allclose(found, expected, atol=1e-10 * np.abs(expected).max())


@pytest.mark.parametrize("curve", list(CURVES))
@pytest.mark.parametrize("kept", [[], [17], [3, 40], [0, 1, 59], [5, 9, 20], [5, 9, 20, 21]])
def test_few_frames_are_scipys_too_with_derivatives(x64, curve, kept):
    weights = np.isin(np.arange(60), kept).astype(float)
    found = np.asarray(interpolate(jnp.asarray(SERIES), weights, *curve))
    if len(kept) > 1:
        expected = CURVES[curve](SERIES, weights, ends=curve[2])
        np.testing.assert_allclose(found, expected, atol=1e-9 * np.abs(expected).max())
    else:
        assert np.all(found == (SERIES[kept[0]] if kept else 0))
    score = lambda x, w: jnp.sum(interpolate(x, w, *curve) ** 2)  # noqa: E731
    assert all(np.isfinite(slope).all() for slope in gradient(score, (0, 1))(SERIES, weights))


@pytest.mark.parametrize("curve", list(CURVES))
def test_other_curves_are_smooth_in_soft_weights(x64, curve):
    mixed = np.random.default_rng(4).standard_normal(SERIES.shape)
    assert_gradient(lambda w: jnp.sum(mixed * interpolate(SERIES, w, *curve)), np.clip(SOFT, 0.1, 0.9), rtol=1e-4)


def test_nilearns_cleaning_with_a_sample_mask_is_four_steps(x64):
    keep = np.ones(60, bool)
    # nilearn 0.14.1 leaves a frame as it is if its mirror image in the run is censored, too; here none is
    keep[[0, 1, 4, 20, 21, 33, 57]] = False
    filled = interpolate(jnp.asarray(SERIES), keep * 1.0, "spline", "not-a-knot", "extrapolate")
    filtered = ButterworthFiltFilt.pure(Detrend.pure(filled), TR, 0.01, 0.1)
    how = {"detrend": True, "standardize": None, "low_pass": 0.1, "high_pass": 0.01, "t_r": TR, "extrapolate": True}
    expected = clean(SERIES, sample_mask=np.flatnonzero(keep), **how)
    np.testing.assert_allclose(np.asarray(filtered)[keep], expected, atol=1e-10 * np.abs(SERIES).max())


def mixture_of_restored(timeseries, frame_weights, **_):
    """Solve f = w x + (1 - w) s densely, s taking the value that the line through all other frames has."""
    frames = len(timeseries)
    rows = np.stack([lines(np.eye(frames), np.arange(frames) != t)[t] for t in range(frames)])
    system = np.eye(frames) - (1 - frame_weights)[:, None] * rows
    return np.linalg.solve(system, frame_weights[:, None] * timeseries)


def joint_fit(timeseries, frame_weights, tr, cutoff, penalty, oversampling, softness):
    """Fit waves and a mean by NumPy, the ridge as further rows."""
    frames = len(timeseries)
    frequencies = np.arange(1, (oversampling * frames + 1) // 2) / (oversampling * frames * tr)
    part = 1 / (1 + np.exp((frequencies - cutoff) / softness)) if softness else (frequencies <= cutoff) * 1.0
    phase = 2 * np.pi * frequencies[part > 0] * tr * np.arange(frames)[:, None]
    waves = np.concatenate([np.cos(phase), np.sin(phase)], axis=1) * np.sqrt(np.tile(part[part > 0], 2))
    root, ridge = np.sqrt(frame_weights)[:, None], np.sqrt(penalty) * np.eye(waves.shape[1])
    design = np.concatenate([np.ones((frames, 1)), waves], axis=1)
    rows = np.concatenate([root * design, np.pad(ridge, [(0, 0), (1, 0)])])
    right = np.concatenate([root * timeseries, np.zeros((waves.shape[1], timeseries.shape[1]))])
    fit = design @ np.linalg.lstsq(rows, right, rcond=None)[0]
    return frame_weights[:, None] * timeseries + (1 - frame_weights[:, None]) * fit


@examples(40)
@given(st.lists(st.booleans(), min_size=60, max_size=60), st.sampled_from(METHODS))
def test_hard_weights_give_numpys_lines_and_scipys_splines(kept, method):
    weights = np.array(kept, float)
    if weights.sum() < 2:
        return
    with jax.enable_x64(True):
        found = np.asarray(interpolate(jnp.asarray(SERIES), weights, method))
    expected = (lines if method == "linear" else natural_spline)(SERIES, weights)
    np.testing.assert_allclose(found, expected, atol=1e-10 * np.abs(expected).max())
    np.testing.assert_array_equal(found[weights == 1], SERIES[weights == 1])


@pytest.mark.parametrize("method", METHODS)
def test_single_precision_survives_long_gaps_and_large_means(method):
    weights = HARD * (np.abs(np.arange(60) - 30) > 12)
    series = np.asarray(SERIES + 1000, np.float32)
    expected = (lines if method == "linear" else natural_spline)(series.astype(float), weights)
    found = np.asarray(interpolate(jnp.asarray(series), jnp.asarray(weights, jnp.float32), method))
    np.testing.assert_allclose(found, expected, atol=3e-4)  # the rounding of 1000 is 6e-5


def test_the_tools_spline_is_as_exact_in_single_precision(real_series):
    weights = (np.random.default_rng(3).uniform(size=len(real_series)) > 0.25).astype(np.float32)
    expected = not_a_knot(real_series, weights)
    found = interpolate(jnp.asarray(real_series, jnp.float32), weights, "spline", "not-a-knot", "extrapolate")
    np.testing.assert_allclose(found, expected, atol=2e-6 * np.abs(expected).max())


@pytest.mark.parametrize("method", METHODS)
def test_real_series_are_filled_as_the_tools_do(x64, real_series, method):
    weights = (np.random.default_rng(3).uniform(size=len(real_series)) > 0.25).astype(float)
    expected = (lines if method == "linear" else natural_spline)(real_series, weights)
    found = interpolate(jnp.asarray(real_series), weights, method)
    np.testing.assert_allclose(found, expected, atol=1e-10 * np.abs(expected).max())


@pytest.mark.parametrize("method", METHODS)
def test_soft_weights_tend_to_hard_ones(x64, method):
    hard = interpolate(jnp.asarray(SERIES), HARD, method)
    soft = interpolate(jnp.asarray(SERIES), np.where(KEPT, 1 - 1e-7, 1e-7), method)
    np.testing.assert_allclose(soft, hard, atol=1e-3)


@pytest.mark.parametrize("method", METHODS)
def test_a_frame_alone_is_the_mixture_of_itself_and_the_curve(x64, method):
    alone = np.where(np.arange(60) == 30, 0.0, 1.0)
    curve = interpolate(jnp.asarray(SERIES), alone, method)[30]
    mixed = interpolate(jnp.asarray(SERIES), np.where(alone == 0, 0.3, alone), method)[30]
    np.testing.assert_allclose(mixed, 0.3 * SERIES[30] + 0.7 * curve, atol=1e-9)


@examples(20)
@given(st.integers(0, 10_000))
def test_lines_stay_among_the_values_and_ignore_what_has_no_weight(seed):
    rng = np.random.default_rng(seed)
    weights = rng.uniform(0, 1, 60) * (rng.uniform(size=60) > 0.4)
    spoilt = np.where(weights[:, None] > 0, SERIES, 1e6)
    with jax.enable_x64(True):
        found = np.asarray(interpolate(jnp.asarray(spoilt), weights))
    seen = SERIES[weights > 0]
    assert np.all((found >= seen.min(axis=0) - 1e-9) & (found <= seen.max(axis=0) + 1e-9))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kept", [[], [17], [0], [3, 40], [58, 59]])
def test_a_frame_or_two_leave_finite_values_and_derivatives(x64, method, kept):
    weights = np.isin(np.arange(60), kept).astype(float)
    found = interpolate(jnp.asarray(SERIES), weights, method)
    expected = lines(SERIES, weights) if kept else np.zeros_like(SERIES)
    np.testing.assert_allclose(found, expected, atol=1e-10)
    for slope in gradient(lambda x, w: jnp.sum(interpolate(x, w, method) ** 3), (0, 1))(SERIES, weights):
        assert np.all(np.isfinite(slope))


@pytest.mark.parametrize("method", METHODS)
def test_weights_have_the_right_derivatives(x64, method):
    assert_gradient(lambda w: jnp.sum(interpolate(SERIES, w, method) ** 3), SOFT, step=1e-6, atol=1e-4)


def test_hard_weights_have_one_sided_derivatives(x64):
    for run in (interpolate, lambda x, w: interpolate(x, w, "spline"), lambda x, w: spectral(x, w, TR)):
        total = jax.jit(lambda w, run=run: jnp.sum(run(SERIES, w) ** 2))
        slope = gradient(total)(HARD)
        for frame in (10, 11, 30, 31):
            step = np.where(np.arange(60) == frame, -1e-6 if KEPT[frame] else 1e-6, 0.0)
            measured = (total(HARD + step) - total(HARD)) / step[frame]
            np.testing.assert_allclose(slope[frame], measured, rtol=2e-3, atol=1e-2)


def test_waves_on_the_grid_are_restored_through_a_long_gap(x64):
    weights = np.where((np.arange(200) >= 90) & (np.arange(200) < 105), 0.0, 1.0)
    wave = np.sin(2 * np.pi * 7 / 200 * np.arange(200) + 1)[:, None] + 40
    spoilt = np.where(weights[:, None] > 0, wave, 0.0)
    found = spectral(jnp.asarray(spoilt), weights, TR, 0.03, 0.0, 1e-6, oversampling=1)
    np.testing.assert_allclose(found, wave, atol=1e-4)


def test_slow_waves_between_the_frequencies_are_restored(x64):
    weights = np.where((np.arange(200) >= 90) & (np.arange(200) < 105), 0.0, 1.0)
    wave = np.sin(2 * np.pi * 7.4 / 200 * np.arange(200) + 1)[:, None]
    found = spectral(jnp.asarray(wave * weights[:, None]), weights, TR, 0.03, 0.0, 1e-4)
    np.testing.assert_allclose(found, wave, atol=0.1)


def test_the_soft_cutoff_of_the_waves_tends_to_the_sharp_one(x64):
    sharp = spectral(jnp.asarray(SERIES), HARD, TR, 0.0507)
    np.testing.assert_allclose(spectral(jnp.asarray(SERIES), HARD, TR, 0.0507, 1e-5), sharp, atol=1e-8)


def test_frames_without_weight_have_no_influence_on_waves(x64):
    spoilt = np.where(KEPT[:, None], SERIES, 1e4)
    found, expected = (spectral(jnp.asarray(one), HARD, TR) for one in (spoilt, SERIES))
    np.testing.assert_allclose(found, expected, atol=1e-8)
    np.testing.assert_array_equal(found[KEPT], SERIES[KEPT])


@pytest.mark.parametrize("fill", [interpolate, lambda x, w: spectral(x, w, TR)])
def test_no_filled_frame_reaches_a_connectome(x64, fill):
    weights = Censor.pure(jnp.asarray(1 - HARD), 0.5)
    filtered = BandPass.pure(fill(jnp.asarray(SERIES), weights), TR)
    changed = jnp.where(weights[:, None] > 0, filtered, -7.0)
    np.testing.assert_array_equal(Correlation.pure(filtered, weights), Correlation.pure(changed, weights))


def test_a_learned_threshold_reaches_the_connectome_through_the_filling(x64):
    displacement = np.random.default_rng(5).gamma(2, 0.2, 60)

    @jax.jit
    def total(threshold):
        weights = Censor.pure(displacement, threshold, 0.1)
        filtered = BandPass.pure(Interpolate.pure(SERIES, weights, "spline"), TR)
        return jnp.sum(Correlation.pure(filtered, weights) ** 3)

    assert_gradient(total, 0.4)


BAD = [
    (Interpolate, {"method": "nearest"}, "expected one of 'linear', 'spline'"),
    (Interpolate, {"frame_weights": np.zeros(60)}, "0 of 60 frames can be used"),
    (Interpolate, {"frame_weights": np.ones(59)}, "59 frames, timeseries 60 .*were 1 dummy scan removed"),
    (SpectralInterpolate, {"tr": TR, "cutoff": 0.3}, "not below the Nyquist frequency"),
    (SpectralInterpolate, {"tr": TR, "penalty": 0.0}, "penalty = 0"),
    (SpectralInterpolate, {"tr": TR, "oversampling": 0}, "oversampling = 0"),
]


@pytest.mark.parametrize(("block", "arguments", "message"), BAD)
def test_bad_input_is_named(block, arguments, message):
    with pytest.raises(ValueError, match=message):
        block.check({"timeseries": SERIES, **arguments})


FEW = {
    "all but two frames censored": {"frame_weights": (np.arange(60) % 30 == 5).astype(float)},
    "a constant column": {"timeseries": np.stack([np.full(60, 7.0), SERIES[:, 0]], axis=1)},
    "nothing censored": {"frame_weights": np.ones(60)},
}
given_hard = {"timeseries": SERIES, "frame_weights": HARD}
given_soft = {"timeseries": SERIES, "frame_weights": SOFT}
BOTH = ("timeseries", "frame_weights")
WAVES = ("timeseries", "frame_weights", "cutoff", "softness", "penalty")
CASES = [
    Case(Interpolate, given_hard, lines, "numpy.interp", FEW, smooth=("timeseries",)),
    Case(Interpolate, given_soft, mixture_of_restored, "numpy.linalg.solve", FEW, smooth=BOTH),
    Case(
        Interpolate,
        {**given_hard, "method": "spline"},
        natural_spline,
        "scipy.interpolate.CubicSpline",
        FEW,
        smooth=("timeseries",),
    ),
    Case(Interpolate, {**given_soft, "method": "spline"}, None, "", FEW, smooth=BOTH),
    Case(
        Interpolate,
        {**given_hard, "method": "spline", "boundary": "not-a-knot", "ends": "extrapolate"},
        not_a_knot,
        "scipy.interpolate.CubicSpline (not-a-knot)",
        FEW,
        smooth=("timeseries",),
    ),
    Case(
        SpectralInterpolate,
        {**given_hard, "tr": TR, "penalty": 1.0},
        joint_fit,
        "numpy.linalg.lstsq",
        FEW,
        smooth=("timeseries", "penalty"),
    ),
    Case(
        SpectralInterpolate,
        {**given_soft, "tr": TR, "softness": 0.01, "penalty": 1.0, "oversampling": 2},
        joint_fit,
        "numpy.linalg.lstsq (weights, soft cut-off)",
        FEW,
        smooth=WAVES,
    ),
]
