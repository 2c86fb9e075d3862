"""Morlet power against MNE's formula in NumPy; frequency and width that are learned."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pydra_diffconn.blocks import WaveletEnergy, WaveletPower
from pydra_diffconn.testing import Case


def mne_morlet(rate, frequency, cycles):
    """`mne.time_frequency.morlet(zero_mean=True)`."""
    deviation = cycles / (2 * np.pi * frequency)
    half = np.arange(0, 5 * deviation, 1 / rate)
    t = np.r_[-half[::-1], half[1:]]
    oscillation = np.exp(2j * np.pi * frequency * t) - np.exp(-2 * (np.pi * frequency * deviation) ** 2)
    wavelet = oscillation * np.exp(-(t**2) / (2 * deviation**2))
    return wavelet / (np.sqrt(0.5) * np.linalg.norm(wavelet))


def mne_power(timeseries, tr, frequencies, frame_weights, cycles):
    w = np.ones(len(timeseries)) if frame_weights is None else frame_weights
    seen = np.flatnonzero(w)
    found = np.zeros((len(frequencies), *timeseries.shape))
    for place, frequency in enumerate(frequencies):
        for column, series in enumerate(timeseries.T):
            bridged = np.where(w > 0, series, np.interp(np.arange(len(w)), seen, series[seen]))
            centred = bridged - np.average(series, weights=w)
            found[place, :, column] = np.abs(np.convolve(centred, mne_morlet(1 / tr, frequency, cycles), "same")) ** 2
    return found


def mne_energy(timeseries, tr, frequencies, frame_weights, cycles):
    found = mne_power(timeseries, tr, frequencies, frame_weights, cycles)
    return np.average(found, axis=1, weights=frame_weights)


def test_wavelets_longer_than_the_series_are_cut_to_it(x64, rng):
    x = rng.standard_normal((30, 2))
    found = WaveletPower.pure(x, 1.0, np.array([0.02]), cycles=7.0)
    wavelet = mne_morlet(1.0, 0.02, 7.0)
    middle = len(wavelet) // 2
    cut = wavelet[middle - 29 : middle + 30]
    cut = cut / (np.sqrt(0.5) * np.linalg.norm(cut))
    expected = np.abs(np.convolve(x[:, 0] - x[:, 0].mean(), cut)[29:59]) ** 2
    np.testing.assert_allclose(found[0, :, 0], expected, atol=1e-12)


def test_a_sinusoid_has_most_energy_at_its_frequency_and_in_its_time(x64, rng):
    t = 2.0 * np.arange(400)
    x = np.where(t < 400, np.sin(2 * np.pi * 0.05 * t), np.sin(2 * np.pi * 0.15 * t))[:, None] + 100
    power = WaveletPower.pure(x, 2.0, np.array([0.05, 0.1, 0.15]))[:, :, 0]
    assert np.all(np.argmax(power[:, 50:150], axis=0) == 0) and np.all(np.argmax(power[:, 250:350], axis=0) == 2)


def test_frames_without_weight_have_no_influence(x64, rng):
    x, keep, f = rng.standard_normal((60, 3)), rng.random(60) > 0.4, np.array([0.05, 0.1])
    spoiled = np.where(keep[:, None], x, 1e3)
    found = WaveletEnergy.pure(spoiled, 2.0, f, 1.0 * keep)
    np.testing.assert_allclose(found, WaveletEnergy.pure(x, 2.0, f, 1.0 * keep), atol=1e-12)


def test_the_planted_frequency_and_its_width_are_learned(x64, rng):
    t = np.arange(400)
    x = np.sin(2 * np.pi * 0.083 * t)[:, None] + 0.3 * rng.standard_normal((400, 2))

    @jax.jit
    @jax.value_and_grad
    def loss(both):
        return -jnp.log(WaveletEnergy.pure(x, 1.0, jnp.exp(both[:1]), cycles=jnp.exp(both[1])).mean())

    both = jnp.log(jnp.array([0.1, 5.0]))
    for _ in range(100):
        both = both - jnp.array([0.004, 0.01]) * jnp.sign(loss(both)[1])
    assert jnp.exp(both[0]) == pytest.approx(0.083, abs=0.001)
    assert jnp.exp(both[1]) > 10  # what is narrow in frequency is best matched by a long wavelet


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frequencies": np.array([0.1, 0.3])}, r"frequencies has 0.3 Hz; .* Nyquist frequency 0.25 Hz"),
        ({"cycles": 0.0}, r"cycles = 0 is outside \(0, inf\)"),
        ({"tr": -1.0}, "tr = -1 s is not positive"),
        ({"timeseries": np.full((20, 2), np.nan)}, "timeseries has 40 values that are not finite"),
    ],
)
def test_bad_arguments_are_named(change, message):
    given = {"timeseries": np.ones((20, 2)), "tr": 2.0, "frequencies": np.array([0.1]), "cycles": 7.0}
    with pytest.raises(ValueError, match=message):
        WaveletPower.check({**given, **change})


RNG = np.random.default_rng(0)
SERIES = RNG.standard_normal((60, 3)) + 5
GIVEN = {"timeseries": SERIES, "tr": 2.0, "frequencies": np.array([0.06, 0.11, 0.2]), "cycles": 3.0}
WEIGHTED = {**GIVEN, "frame_weights": RNG.uniform(0.2, 1, 60)}
CENSORED = {**GIVEN, "frame_weights": WEIGHTED["frame_weights"] * (RNG.random(60) > 0.3)}
DEGENERATE = {
    "a dead parcel, few frames kept": {
        "timeseries": np.where(np.arange(3) == 1, 5.1, SERIES),
        "frame_weights": 1.0 * (np.arange(60) % 15 == 0),
    },
    "a wavelet of one frame": {"cycles": 0.05},
}
CASES = [
    Case(WaveletPower, GIVEN, mne_power, "mne.time_frequency.tfr_array_morlet", DEGENERATE),
    Case(WaveletPower, CENSORED, mne_power, "mne, censored", smooth=("timeseries", "frequencies")),
    Case(
        WaveletEnergy,
        WEIGHTED,
        mne_energy,
        "mne.time_frequency.tfr_array_morlet",
        smooth=("timeseries", "frequencies", "cycles", "frame_weights"),
    ),
]
