"""Gains by frequency against NumPy's transform, exact bounds, and the bank's bands."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from examples import examples
from gradients import gradient
from hypothesis import given
from hypothesis import strategies as st

from pydra_diffconn import constraints
from pydra_diffconn.blocks import BandPass, FilterBank, FrequencyGain
from pydra_diffconn.blocks.filtering.band_pass import band_pass_gain
from pydra_diffconn.testing import Case

TR = 2.0
RNG = np.random.default_rng(0)
SERIES = 20 + RNG.standard_normal((60, 4))
GAIN = RNG.uniform(0, 1, 31)
SHARES = RNG.dirichlet(np.ones(3), 31)
RESPONSE = RNG.uniform(-0.7, 0.7, (31, 2))
KNOTS = np.linspace(0, 0.25, 9)


def through(factor, series):
    spectrum = np.fft.rfft(series, axis=0)
    return np.fft.irfft(np.asarray(factor)[:, None] * spectrum, n=len(series), axis=0)


def ideal(frames, low, high):
    frequencies = np.fft.rfftfreq(frames, TR)
    return ((frequencies >= low) & (frequencies <= high)).astype(float)


@pytest.mark.parametrize("frames", [60, 61])
def test_gains_of_zero_and_one_are_an_ideal_filter(x64, real_series, frames):
    series = real_series[:frames]
    mask = ideal(frames, 0.01, 0.1)
    found = np.asarray(FrequencyGain.pure(jnp.asarray(series), jnp.asarray(mask)))
    np.testing.assert_allclose(found, through(mask, series), atol=1e-10 * np.abs(series).max())
    left = np.abs(np.fft.rfft(found, axis=0))[mask == 0]
    assert left.max() < 1e-10 * np.abs(series).max() * frames


def test_a_gain_of_one_is_the_series_itself(x64):
    np.testing.assert_allclose(FrequencyGain.pure(jnp.asarray(SERIES), jnp.ones(31)), SERIES, atol=1e-12)


def test_with_the_gain_of_a_butterworth_filter_it_is_the_band_pass(x64):
    gain = band_pass_gain(60, TR, 0.02, 0.1, 3.0)
    expected = BandPass.pure(jnp.asarray(SERIES), TR, 0.02, 0.1, 3.0)
    np.testing.assert_array_equal(FrequencyGain.pure(jnp.asarray(SERIES), gain), expected)
    root = jnp.sqrt(gain)
    np.testing.assert_allclose(FrequencyGain.pure(jnp.asarray(SERIES), root, power=2), expected, atol=1e-12)


def test_a_response_shifts_phases(x64):
    turn = np.exp(-2j * np.pi * np.arange(31) / 60)  # one frame later
    turn[-1] = turn[-1].real
    response = np.stack([turn.real, turn.imag], axis=1)
    found = FrequencyGain.pure(jnp.asarray(SERIES), response=jnp.asarray(response))
    np.testing.assert_allclose(found, np.roll(SERIES, 1, axis=0), atol=1e-11)
    both_ways = FrequencyGain.pure(jnp.asarray(SERIES), response=jnp.asarray(response), power=2)
    np.testing.assert_allclose(both_ways, SERIES, atol=1e-11)


def test_one_gain_serves_runs_of_any_length_and_repetition_time(x64):
    gain = np.linspace(1, 0, 9)
    for frames, tr in ((60, 2.0), (75, 3.0)):
        series = np.resize(SERIES, (frames, 4))
        found = FrequencyGain.pure(jnp.asarray(series), jnp.asarray(gain), None, jnp.asarray(KNOTS), tr)
        expected = through(np.interp(np.fft.rfftfreq(frames, tr), KNOTS, gain), series)
        np.testing.assert_allclose(found, expected, atol=1e-11)


def test_clamped_gains_stay_and_have_no_gradient(x64):
    run = lambda g: FrequencyGain.pure(jnp.asarray(SERIES), g, clamp=((0, 0.0), (-1, 1.0)))  # noqa: E731
    np.testing.assert_allclose(run(jnp.asarray(GAIN)).mean(axis=0), 0, atol=1e-12)
    slope = gradient(lambda g: jnp.sum(run(g) ** 2))(jnp.asarray(GAIN))
    assert slope[0] == slope[-1] == 0
    assert np.all(np.asarray(slope[1:-1]) > 0)


@examples(20)
@given(st.integers(0, 10_000))
def test_the_bands_of_a_bank_sum_to_the_series(seed):
    shares = np.random.default_rng(seed).dirichlet(np.full(3, 0.3), 31)
    with jax.enable_x64(True):
        bands = FilterBank.pure(jnp.asarray(SERIES), jnp.asarray(shares))
    np.testing.assert_allclose(np.asarray(bands).sum(axis=0), SERIES, atol=1e-11)


def test_each_band_is_a_filter_of_its_own(x64):
    shares = np.eye(3)[np.arange(31) * 3 // 31]
    for power in (1, 2):
        bands = FilterBank.pure(jnp.asarray(SERIES), jnp.asarray(shares), power=power)
        for band, gain in zip(bands, shares.T, strict=True):
            np.testing.assert_array_equal(band, FrequencyGain.pure(jnp.asarray(SERIES), jnp.asarray(gain)))


def test_a_planted_band_is_recovered_from_connectivity(x64):
    series = jnp.asarray(np.random.default_rng(3).standard_normal((400, 20)))
    number = np.arange(41)
    planted = ((number >= 8) & (number <= 16)).astype(float)
    knots = jnp.asarray(np.linspace(0, 0.25, 41))

    def covariance(gain):
        filtered = FrequencyGain.pure(series, gain, None, knots, TR)
        return filtered.T @ filtered / 400

    target, rule, solver = covariance(jnp.asarray(planted)), constraints.unit_interval, optax.adam(0.1)

    @jax.jit
    def learned(start):
        def step(state, _):
            free, moments = state
            slope = jax.grad(lambda f: jnp.sum((covariance(rule.from_free(f)) - target) ** 2))(free)
            change, moments = solver.update(slope, moments)
            return (free + change, moments), None

        return rule.from_free(jax.lax.scan(step, (start, solver.init(start)), None, length=800)[0][0])

    found = np.asarray(learned(rule.to_free(jnp.full(41, 0.5))))
    inside = np.flatnonzero(planted)[1:-1]
    outside = np.flatnonzero((number < 7) | (number > 17))[1:]  # the first is the mean, of which there is nothing
    assert found[inside].min() > 0.9
    assert found[outside].max() < 0.1


BAD = [
    ({"gain": None, "response": None}, "neither gain nor response"),
    ({"gain": GAIN[:9], "frequencies": None}, "gain has 9 frequencies, a series of 60 frames has 31"),
    ({"gain": GAIN, "frequencies": KNOTS, "tr": TR}, "frequencies has 9 bins, gain 31"),
    ({"gain": GAIN[:9], "frequencies": KNOTS, "tr": None}, "without tr"),
    ({"gain": GAIN, "response": RESPONSE[:9]}, "response has 9 bins, gain 31"),
    ({"gain": GAIN, "power": 3}, "power = 3"),
    ({"gain": GAIN, "clamp": ((40, 0.0),)}, r"clamp has \(40, 0.0\)"),
    ({"band_shares": SHARES[:9], "frequencies": None}, "band_shares has 9 frequencies"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD)
def test_bad_input_is_named(arguments, message):
    block = FilterBank if "band_shares" in arguments else FrequencyGain
    with pytest.raises(ValueError, match=message):
        block.check({"timeseries": SERIES, **arguments})


def responded(timeseries, gain, response, **_):
    return through(gain * (response[:, 0] + 1j * response[:, 1]), timeseries)


def interpolated(timeseries, gain, frequencies, tr, power, **_):
    return through(np.interp(np.fft.rfftfreq(len(timeseries), tr), frequencies, gain) ** power, timeseries)


def banked(timeseries, band_shares, **_):
    return np.stack([through(column, timeseries) for column in band_shares.T])


FFT = "numpy.fft"
FLAT = {"a constant column": {"timeseries": np.stack([np.ones(60), SERIES[:, 0]], axis=1)}}
BOUNDS = {"gains at the bounds": {"gain": ideal(60, 0.01, 0.1)}}


def test_without_a_gain_all_passes_but_what_is_clamped(rng):
    x = rng.standard_normal((20, 3))
    np.testing.assert_allclose(FrequencyGain.pure(x), x, atol=1e-6)
    np.testing.assert_allclose(FrequencyGain.pure(x, clamp=((0, 0.0),)), x - x.mean(axis=0), atol=1e-6)


CASES = [
    Case(
        FrequencyGain,
        {"timeseries": SERIES, "gain": GAIN},
        lambda timeseries, gain, **_: through(gain, timeseries),
        FFT,
        {**FLAT, **BOUNDS},
    ),
    Case(
        FrequencyGain,
        {"timeseries": SERIES, "gain": GAIN, "response": RESPONSE},
        responded,
        f"{FFT} (complex)",
        {"no response": {"response": np.zeros((31, 2))}},
    ),
    Case(
        FrequencyGain,
        {"timeseries": SERIES, "gain": GAIN[:9], "frequencies": KNOTS, "tr": TR, "power": 2},
        interpolated,
        "numpy.interp, numpy.fft",
    ),
    Case(FilterBank, {"timeseries": SERIES, "band_shares": SHARES}, banked, f"{FFT} (bank)", FLAT),
]
