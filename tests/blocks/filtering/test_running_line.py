"""FSL's temporal filter: the frame-by-frame algorithm of fslmaths is the oracle."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gradients import assert_gradient

from pydra_diffconn.blocks import RunningLineFilter
from pydra_diffconn.testing import Case

SERIES = np.random.default_rng(3).standard_normal((60, 4)).cumsum(axis=0) + 100


def fslmaths(timeseries, highpass_sigma=None, lowpass_sigma=None):
    """Filter as fslmaths -bptf does, with its sums over each window."""
    series, frames = np.array(timeseries, float), len(timeseries)
    if highpass_sigma is not None:
        reach, line = int(highpass_sigma * 3), np.empty_like(series)
        for t in range(frames):
            d = np.arange(max(t - reach, 0), min(t + reach, frames - 1) + 1) - t
            w, y = np.exp(-0.5 * d**2 / highpass_sigma**2), series[t + d]
            a, b, c, e, n = w @ d, w @ y, w @ d**2, (w * d) @ y, w.sum()
            line[t] = (b * c - a * e) / (c * n - a * a)
        series = series - line
        series -= series.mean(axis=0)
    if lowpass_sigma is not None:
        reach, smooth = int(lowpass_sigma * 20) + 2, np.empty_like(series)
        for t in range(frames):
            d = np.arange(max(t - reach, 0), min(t + reach, frames - 1) + 1) - t
            w = np.exp(-0.5 * d**2 / lowpass_sigma**2)
            smooth[t] = w @ series[t + d] / w.sum()
        series = smooth
    return series


@pytest.mark.parametrize(("high", "low"), [(0.4, None), (7.0, None), (35.2, 1.3), (500.0, None), (None, 0.2)])
def test_it_is_the_filter_of_fslmaths_on_real_data(x64, real_series, high, low):
    series = real_series[:, :20]
    found = RunningLineFilter.pure(series, high, low)
    np.testing.assert_allclose(found, fslmaths(series, high, low), atol=1e-10 * np.abs(series).max())


def test_lines_and_constants_vanish(x64):
    line = np.outer(np.arange(50.0), [1.0, -3.0]) + 1000
    np.testing.assert_allclose(RunningLineFilter.pure(line, 5.0), 0, atol=1e-9)
    constant = np.full((50, 2), 7.0)
    np.testing.assert_allclose(RunningLineFilter.pure(constant, None, 2.0), constant, atol=1e-12)


def test_gradients_of_both_widths(x64):
    rate = jax.jit(lambda s: jnp.sum(RunningLineFilter.pure(jnp.asarray(SERIES), s[0], s[1]) ** 2))
    assert_gradient(rate, np.array([6.1, 1.2]))


def test_a_planted_width_is_found(x64):
    truth = fslmaths(SERIES, 9.2)
    loss = jax.jit(
        jax.value_and_grad(lambda s: jnp.mean((RunningLineFilter.pure(jnp.asarray(SERIES), s) - truth) ** 2))
    )
    sigma = 5.0
    for _ in range(300):
        value, slope = loss(sigma)
        sigma -= 2.0 * slope
    assert abs(sigma - 9.2) < 0.05 and value < 1e-5


BAD = [
    ({"highpass_sigma": None, "lowpass_sigma": None}, "both None"),
    ({"highpass_sigma": 0.2}, "at least 1/3"),
    ({"timeseries": np.where(SERIES[3, 1] == SERIES, np.nan, SERIES)}, "frame 3, column 1"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD)
def test_bad_input_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        RunningLineFilter.check(arguments)


DEAD = {
    "a constant column": {"timeseries": np.stack([np.full(60, 7.0), SERIES[:, 0]], axis=1)},
    "windows of three frames": {"highpass_sigma": 0.34, "timeseries": SERIES},
    "a window beyond the run": {"highpass_sigma": 1e3, "timeseries": SERIES},
}
CASES = [
    Case(RunningLineFilter, {"timeseries": SERIES, "highpass_sigma": 6.1}, fslmaths, "fslmaths -bptf (NumPy)", DEAD),
    Case(
        RunningLineFilter,
        {"timeseries": SERIES, "highpass_sigma": 12.2, "lowpass_sigma": 1.1},
        fslmaths,
        "fslmaths -bptf (NumPy)",
    ),
]
