"""Lagged connectivity and cross-spectra, against SciPy's segments and the formulas of the papers."""

import jax.numpy as jnp
import numpy as np
import pytest
from gradients import finite_gradient
from scipy import signal

from pydra_diffconn.blocks import CrossSpectrum, LaggedCoherence, PhaseLagIndex
from pydra_diffconn.testing import Case

TR = 2.0


def segments(timeseries, tr, length):
    """Return frequencies, and the spectra (frequencies, segments, parcels) of SciPy's segments."""
    frequencies, _, found = signal.spectrogram(
        timeseries.T, fs=1 / tr, window="hann", nperseg=length, noverlap=length // 2, detrend="constant", mode="complex"
    )
    return frequencies, found.transpose(1, 2, 0)


def in_band(frequencies, low, high):
    return (frequencies >= low) & (frequencies <= high)


def phase_lag(timeseries, tr, low, high, length, kind, **_):
    """Vinck et al. (2011), equations 8 and 33, pair by pair."""
    frequencies, spectra = segments(timeseries, tr, length)
    parcels = timeseries.shape[1]
    found = np.zeros((len(frequencies), parcels, parcels))
    for f, spectrum in enumerate(spectra):
        for a in range(parcels):
            for b in range(parcels):
                part = np.imag(spectrum[:, a] * np.conj(spectrum[:, b]))
                if a == b or np.max(np.abs(part)) < 1e-12:  # 0 Hz and half the sampling rate are real
                    continue
                if kind == "weighted":
                    found[f, a, b] = np.abs(part.mean()) / np.abs(part).mean()
                else:
                    off = ~np.eye(len(part), dtype=bool)
                    products = np.outer(part, part)
                    found[f, a, b] = products[off].sum() / np.abs(products)[off].sum()
    return found[in_band(frequencies, low, high)].mean(axis=0)


def lagged(timeseries, tr, low, high, length, **_):
    frequencies, cross = signal.csd(timeseries.T[:, None], timeseries.T[None], fs=1 / tr, nperseg=length)
    own = np.sqrt(np.einsum("aaf->af", cross).real)
    coherency = cross / own[:, None] / own[None]
    rest = 1 - coherency.real**2
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.where(rest > 1e-12, coherency.imag**2 / rest, 0.0)
    return found[:, :, in_band(frequencies, low, high)].mean(axis=-1)


def densities(timeseries, tr, length, **_):
    _, cross = signal.csd(timeseries.T[:, None], timeseries.T[None], fs=1 / tr, nperseg=length)
    return np.moveaxis(cross.real, -1, 0), np.moveaxis(cross.imag, -1, 0)


def delayed(rng, frames=800, lag=3, own=0.4):
    """Return three series: a, a some frames later, and one that shares a's source without delay."""
    source = rng.standard_normal(frames + lag)
    noise = own * rng.standard_normal((frames, 3))
    return np.stack([source[lag:], source[:-lag], source[lag:]], axis=1) + noise


def test_a_delay_counts_and_a_common_source_does_not(x64, rng):
    series = delayed(rng)
    for block, settings in ((PhaseLagIndex, {}), (PhaseLagIndex, {"kind": "debiased"}), (LaggedCoherence, {})):
        found = np.asarray(block.pure(series, TR, low=0.05, high=0.07, **settings))
        assert found[0, 1] > 0.5 and found[1, 2] > 0.5 and abs(found[0, 2]) < 0.25, (block, found)
        np.testing.assert_allclose(found, found.T, atol=1e-12)


def test_the_debiased_index_of_noise_is_zero_on_average(x64):
    rng = np.random.default_rng(3)
    noise = rng.standard_normal((2000, 12))
    pairs = np.triu_indices(12, 1)
    plain, debiased = (
        np.asarray(PhaseLagIndex.pure(noise, TR, low=0.02, high=0.2, length=400, kind=kind))[pairs].mean()
        for kind in ("weighted", "debiased")
    )
    assert plain > 0.3 and abs(debiased) < 0.02


@pytest.mark.parametrize("length", [20, 21])
def test_cross_spectra_are_those_of_scipy(x64, rng, length):
    series = rng.standard_normal((90, 3)) + 100
    found = CrossSpectrum(timeseries=series, tr=TR, length=length)(worker="debug")
    expected = densities(series, TR, length)
    np.testing.assert_allclose(found.real, expected[0], atol=1e-10)
    np.testing.assert_allclose(found.imaginary, expected[1], atol=1e-10)


def test_frames_without_weight_have_no_influence(x64, rng):
    x, keep = rng.standard_normal((80, 4)), rng.random(80) > 0.4
    spoiled = np.where(keep[:, None], x, 1e3 * rng.standard_normal((80, 4)))
    for block in (PhaseLagIndex, LaggedCoherence, CrossSpectrum):
        found = [np.asarray(block.pure(one, TR, 1.0 * keep, length=20)) for one in (x, spoiled)]
        np.testing.assert_allclose(*found, atol=1e-10)


def test_series_that_are_equal_or_dead_are_apart_and_poison_no_gradient(x64, rng):
    x = rng.standard_normal((80, 4))
    x[:, 1], x[:, 2] = x[:, 0], 3.0
    for block in (PhaseLagIndex, LaggedCoherence):
        found = np.asarray(block.pure(x, TR, length=20))
        assert found[0, 1] < 1e-12 and not found[2].any() and found[0, 3] > 0
        slope = finite_gradient(lambda x, block=block: jnp.sum(jnp.triu(block.pure(x, TR, length=20)) ** 2), x)
        assert np.any(slope[:, 3]) and not np.any(slope[:, 2])


def given(rng):
    return {
        "timeseries": rng.standard_normal((90, 4)) @ rng.standard_normal((4, 4)),
        "tr": TR,
        "length": 20,
        "high": 0.21,  # between two frequencies, where a hard band has a slope
    }


SPECTRUM = lambda rng: {name: value for name, value in given(rng).items() if name != "high"}  # noqa: E731
CASES = [
    Case(PhaseLagIndex, given, phase_lag, "Vinck et al. (2011), scipy.signal.spectrogram"),
    Case(
        PhaseLagIndex,
        lambda rng: {**given(rng), "kind": "debiased"},
        phase_lag,
        "Vinck et al. (2011), scipy.signal.spectrogram",
    ),
    Case(PhaseLagIndex, lambda rng: {**given(rng), "softness": 0.01, "frame_weights": rng.uniform(0.2, 1, 90)}),
    Case(LaggedCoherence, given, lagged, "scipy.signal.csd"),
    Case(LaggedCoherence, lambda rng: {**given(rng), "softness": 0.01, "frame_weights": rng.uniform(0.2, 1, 90)}),
    Case(CrossSpectrum, SPECTRUM, densities, "scipy.signal.csd"),
]
