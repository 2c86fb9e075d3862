"""Standardised series against nilearn and SciPy, weights as left-out frames, and what has no scale."""

import jax
import jax.numpy as jnp
import nilearn.signal
import numpy as np
import pytest
from examples import examples
from gradients import assert_gradient, gradient
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pydra_diffconn.blocks import Standardize, StandardizeRuns
from pydra_diffconn.blocks.series.standardize import MODES, weighted_median
from pydra_diffconn.testing import Case

SERIES = 100 + 3 * np.random.default_rng(0).standard_normal((60, 5))
WEIGHTS = np.random.default_rng(1).uniform(0.2, 1, 60)
KEPT = np.random.default_rng(2).uniform(size=60) > 0.3
median = jax.jit(weighted_median)


def scipys_robust(series):
    return (series - np.median(series, axis=0)) / stats.median_abs_deviation(series, axis=0, scale="normal")


@pytest.mark.parametrize("name", ["zscore_sample", "psc"])
def test_it_is_nilearns_on_real_series(x64, real_series, name):
    expected = nilearn.signal.standardize_signal(real_series, standardize=name)
    found = Standardize.pure(jnp.asarray(real_series), mode=name.removesuffix("_sample"))
    alive = real_series.std(axis=0) > 0
    np.testing.assert_allclose(found[:, alive], expected[:, alive], atol=1e-9 * np.abs(expected).max())
    assert np.all(np.asarray(found[:, ~alive]) == 0)


def test_without_weights_it_is_scipys(x64):
    series = jnp.asarray(SERIES)
    np.testing.assert_allclose(Standardize.pure(series, ddof=0), stats.zscore(SERIES), atol=1e-12)
    np.testing.assert_allclose(Standardize.pure(series, mode="robust"), scipys_robust(SERIES), atol=1e-12)


@pytest.mark.parametrize("mode", MODES)
def test_frames_of_weight_zero_have_no_influence(x64, mode):
    spoilt = np.where(KEPT[:, None], SERIES, 1e4)
    found = Standardize.pure(jnp.asarray(spoilt), jnp.asarray(KEPT, float), mode)
    np.testing.assert_allclose(found[KEPT], Standardize.pure(jnp.asarray(SERIES[KEPT]), mode=mode), atol=1e-12)


@pytest.mark.parametrize("mode", MODES)
def test_small_weights_tend_to_those_of_zero(x64, mode):
    series = jnp.asarray(SERIES)
    hard = Standardize.pure(series, jnp.asarray(KEPT, float), mode)
    soft = Standardize.pure(series, jnp.where(KEPT, 1.0, 1e-7), mode)
    np.testing.assert_allclose(soft, hard, atol=1e-4)


@pytest.mark.parametrize("number", range(3))
def test_a_corner_of_the_mixture_is_that_mode(number):
    series = jnp.asarray(SERIES, jnp.float32)
    mixed = Standardize.pure(series, mode_weights=jnp.eye(3)[number])
    np.testing.assert_array_equal(mixed, Standardize.pure(series, mode=MODES[number]))


def test_a_planted_mode_has_the_steepest_share(x64):
    target = Standardize.pure(jnp.asarray(SERIES), mode="robust")
    error = gradient(lambda v: jnp.sum((Standardize.pure(SERIES, mode_weights=v) - target) ** 2))
    slope = error(jnp.full(3, 1 / 3))
    assert int(np.argmin(slope)) == 2


@examples(30)
@given(st.lists(st.floats(-100, 100), min_size=12, max_size=12), st.lists(st.booleans(), min_size=12, max_size=12))
def test_the_median_is_numpys_of_the_kept_values(values, kept):
    if not any(kept):
        return
    with jax.enable_x64(True):
        found = median(jnp.asarray(values)[:, None], jnp.asarray(kept, float))
        half = median(jnp.asarray(values)[:, None], 0.3 * jnp.asarray(kept, float))
    expected = np.median(np.array(values)[kept])
    np.testing.assert_allclose(found[0], expected, atol=1e-12)
    np.testing.assert_allclose(half[0], expected, atol=1e-9)


@examples(30)
@given(st.integers(0, 10_000))
def test_the_weighted_median_lies_among_the_values_and_follows_them(seed):
    rng = np.random.default_rng(seed)
    values, weights = rng.standard_normal((12, 3)), rng.uniform(0, 1, 12)
    with jax.enable_x64(True):
        found = np.asarray(median(jnp.asarray(values), jnp.asarray(weights)))
        moved = np.asarray(median(jnp.asarray(3 * values + 7), jnp.asarray(weights)))
    assert np.all((found >= values.min(axis=0)) & (found <= values.max(axis=0)))
    np.testing.assert_allclose(moved, 3 * found + 7, atol=1e-9)


@pytest.mark.parametrize("mode", MODES)
def test_weights_have_the_right_derivatives(x64, mode):
    rate = jax.jit(lambda w: jnp.sum(Standardize.pure(jnp.asarray(SERIES), w, mode) ** 3))
    assert_gradient(rate, WEIGHTS)


def test_a_large_mean_costs_single_precision_few_digits():
    series = jnp.asarray(SERIES + 1e4, jnp.float32)
    expected = stats.zscore(np.asarray(series, float), ddof=1)
    np.testing.assert_allclose(Standardize.pure(series), expected, atol=1e-4)


BAD = [
    ({"mode": "minmax"}, "expected one of 'zscore', 'psc', 'robust'"),
    ({"mode_weights": np.array([0.5, 0.5])}, r"mode_weights has shape \(2,\); expected \(3\)"),
    ({"timeseries": SERIES, "frame_weights": WEIGHTS[:9]}, "9 frames, timeseries 60 .*expected as many"),
    ({"timeseries": SERIES, "frame_weights": np.eye(60)[0]}, "1 of 60 frames can be used, at least 2 must"),
    ({"timeseries": np.where(SERIES[4, 2] == SERIES, np.nan, SERIES)}, "frame 4, column 2"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD)
def test_bad_input_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        Standardize.check(arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"timeseries": SERIES, "run_lengths": (20, 30)},
            r"run_lengths = \(20, 30\) are 50 frames, but timeseries has 60",
        ),
        ({"timeseries": SERIES, "run_lengths": (59, 1)}, "expected the number of frames of each run, at least 2"),
        (
            {"timeseries": SERIES, "run_lengths": (50, 10), "frame_weights": (np.arange(60) < 51).astype(float)},
            "frame_weights keep fewer than two frames of run 1, counted from 0; leave it out",
        ),
    ],
)
def test_runs_that_are_none_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        StandardizeRuns.check(arguments)


def run_by_run(timeseries, run_lengths, frame_weights, ddof):
    first, found = 0, []
    for length in run_lengths:
        here = slice(first, first + length)
        found.append(weighted_zscore(timeseries[here], frame_weights[here], ddof))
        first += length
    return np.concatenate(found)


def weighted_zscore(timeseries, frame_weights, ddof, **_):
    scale = np.sqrt(np.diag(np.cov(timeseries.T, aweights=frame_weights, ddof=ddof)))
    return (timeseries - np.average(timeseries, axis=0, weights=frame_weights)) / scale


def all_three(timeseries, mode_weights, **_):
    psc, zscore = (nilearn.signal.standardize_signal(timeseries, standardize=m) for m in ("psc", "zscore_sample"))
    return mode_weights[0] * zscore + mode_weights[1] * psc + mode_weights[2] * scipys_robust(timeseries)


DEAD = {
    "a constant column": {"timeseries": np.stack([np.full(60, 7.0), SERIES[:, 0]], axis=1)},
    "a column of zeros": {"timeseries": np.stack([np.zeros(60), SERIES[:, 0]], axis=1)},
    "two frames are kept": {"frame_weights": np.eye(60)[0] + np.eye(60)[9], "timeseries": SERIES},
}
CASES = [
    Case(Standardize, {"timeseries": SERIES, "frame_weights": WEIGHTS}, weighted_zscore, "numpy.cov (weights)", DEAD),
    Case(
        Standardize,
        {"timeseries": SERIES, "mode_weights": np.array([0.5, 0.3, 0.2])},
        all_three,
        "nilearn.signal.standardize_signal, scipy.stats.median_abs_deviation",
        DEAD,
    ),
    Case(
        StandardizeRuns,
        {"timeseries": SERIES, "frame_weights": WEIGHTS, "run_lengths": (25, 35)},
        run_by_run,
        "numpy.cov (weights), run by run",
    ),
]
