import jax
import numpy as np
import pytest
import scipy.signal
from diffconn_multitaper.blocks import MultitaperCoherence, MultitaperSpectrum
from pydra.compose import workflow

from pydra_diffconn import Learn, fit, losses
from pydra_diffconn.testing import Case

TR, FRAMES = 2.0, 60
WEIGHTS = np.array([0.4, 0.35, 0.25])


def slepian(frames, count):
    """The tapers by their definition: eigenvectors of the kernel of an ideal low-pass (Slepian 1978)."""
    distance = np.subtract.outer(np.arange(frames), np.arange(frames))
    width = (count + 1) / (2 * frames)
    return np.linalg.eigh(2 * width * np.sinc(2 * width * distance))[1][:, ::-1][:, :count].T


def shares(tapers, taper_weights):
    return np.full(tapers, 1 / tapers) if taper_weights is None else taper_weights


def prepared(timeseries, frame_weights, tapers):
    weights = np.ones(len(timeseries)) if frame_weights is None else frame_weights
    return timeseries - np.average(timeseries, axis=0, weights=weights), slepian(len(timeseries), tapers) * weights


def spectrum(timeseries, tr, frame_weights, tapers, taper_weights):
    centred, windows = prepared(timeseries, frame_weights, tapers)
    given = {"fs": 1 / tr, "detrend": False, "axis": 0}
    each = [scipy.signal.periodogram(centred, window=window, **given)[1] for window in windows]
    return np.average(each, axis=0, weights=shares(tapers, taper_weights)), np.fft.rfftfreq(len(timeseries), tr)


def coherence(timeseries, tr, frame_weights, low, high, softness, tapers, taper_weights):
    (centred, windows), frames = prepared(timeseries, frame_weights, tapers), len(timeseries)

    def cross(window):
        given = {"fs": 1 / tr, "window": window, "nperseg": frames, "noverlap": 0, "detrend": False, "axis": 0}
        return scipy.signal.csd(centred[:, :, None], centred[:, None, :], **given)[1]

    spectra = np.average([cross(window) for window in windows], axis=0, weights=shares(tapers, taper_weights))
    power = np.einsum("faa->fa", spectra).real
    squared = np.abs(spectra) ** 2 / (power[:, :, None] * power[:, None, :])
    frequencies = np.fft.rfftfreq(frames, tr)
    if softness:
        edge = lambda distance: 1 / (1 + np.exp(-distance / softness))  # noqa: E731
        band = edge(frequencies - low) * edge(high - frequencies)
    else:
        band = (frequencies >= low) & (frequencies <= high)
    return np.average(squared, axis=0, weights=band)


RNG = np.random.default_rng(0)
SERIES = {"timeseries": 100 + RNG.standard_normal((FRAMES, 4)), "tr": TR}
CENSORED = {**SERIES, "frame_weights": RNG.uniform(size=FRAMES) * (np.arange(FRAMES) % 7 > 0)}
WEIGHTED = {**CENSORED, "tapers": 3, "taper_weights": WEIGHTS}
SCIPY = "scipy.signal.periodogram", "scipy.signal.csd"


DEGENERATE = {
    "dead and equal columns, few frames": {
        "timeseries": SERIES["timeseries"] @ np.array([[0, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]]) + 3.0,
        "frame_weights": np.isin(np.arange(FRAMES), [4, 20, 21]).astype(float),
    }
}
LOOSE = {"tolerance32": 1e-4}  # spectra of float32 series of mean 100 lose two of its seven digits
SHARP = {**SERIES, "softness": 0.0, "high": 0.15}

CASES = [
    Case(MultitaperSpectrum, SERIES, spectrum, SCIPY[0], **LOOSE),
    Case(MultitaperSpectrum, WEIGHTED, spectrum, SCIPY[0], degenerate=DEGENERATE, **LOOSE),
    Case(MultitaperCoherence, WEIGHTED, coherence, SCIPY[1], **LOOSE),
    Case(MultitaperCoherence, SHARP, coherence, SCIPY[1], degenerate=DEGENERATE, smooth=["timeseries"], **LOOSE),
]


def test_the_sum_of_the_spectrum_is_the_variance_and_a_rhythm_is_found_at_its_frequency():
    rng = np.random.default_rng(1)
    series = rng.standard_normal((500, 3)) * [1, 2, 3]
    power, frequencies = map(np.asarray, MultitaperSpectrum.pure(series, TR))
    np.testing.assert_allclose(power.sum(axis=0) / (500 * TR), series.var(axis=0), rtol=0.1)
    rhythm = np.sin(2 * np.pi * 0.07 * TR * np.arange(500))[:, None] + 0.1 * series
    power, _ = MultitaperSpectrum.pure(rhythm, TR)
    assert abs(frequencies[np.argmax(power[:, 0])] - 0.07) <= 3 / (500 * TR)


def test_frames_of_weight_zero_have_no_influence():
    rng = np.random.default_rng(2)
    series, kept = rng.standard_normal((80, 3)), np.arange(80) % 5 > 0
    other = np.where(kept[:, None], series, 1000.0)
    for block in (MultitaperSpectrum, MultitaperCoherence):
        function = jax.jit(lambda series, block=block: block.pure(series, TR, kept * 1.0))
        one, two = function(series), function(other)
        np.testing.assert_allclose(one[0], two[0], rtol=1e-3, atol=1e-4)


def test_the_coherence_of_copies_is_one_and_that_of_noise_about_the_chance():
    rng = np.random.default_rng(3)
    noise = rng.standard_normal((800, 2))
    found = MultitaperCoherence.pure(np.column_stack([noise, -2 * noise[:, 0] + 5]), TR, tapers=7)
    np.testing.assert_allclose(found[0, 2], 1, rtol=1e-5)
    assert abs(found[0, 1] - 1 / 7) < 0.06


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tr": 0.0}, "tr = 0 s is not positive"),
        ({"tapers": 0}, "tapers = 0; expected at least 1"),
        ({"tapers": 40}, "timeseries has 40 frames; 40 tapers need more than 41"),
        ({"taper_weights": WEIGHTS}, r"shape \(3,\) for tapers = 5; expected \(5,\)"),
        ({"taper_weights": np.array([0.1, 0.15, 0.2, 0.25, 0.3])}, "is outside descending simplex"),
        ({"low": 0.1, "high": 0.05}, "low = 0.1 Hz and high = 0.05 Hz are no band"),
        ({"high": 0.3}, "high = 0.3 Hz is not below the Nyquist frequency 0.25 Hz"),
        ({"low": 0.051, "high": 0.052, "softness": 0.0}, "0.0125 Hz apart, lies between low = 0.051"),
        ({"frame_weights": np.eye(40)[0]}, "fewer than 2 frames"),
        ({"frame_weights": np.ones(39)}, "frame_weights has 39 frames, timeseries 40"),
        ({"timeseries": np.full((40, 3), np.nan)}, "the first in frame 0, column 0"),
    ],
)
def test_bad_input_is_refused_with_what_to_do(change, message, tmp_path):
    given = {"timeseries": np.random.default_rng(4).standard_normal((40, 3)), "tr": TR, **change}
    with pytest.raises(ValueError, match=message):
        MultitaperCoherence(**given)(worker="debug", cache_root=tmp_path)


@workflow.define(outputs=["connectome"])
def Band(x: np.ndarray, low: float = 0.02, high: float = 0.2):
    task = MultitaperCoherence(timeseries=x, tr=TR, low=low, high=high, softness=0.004, tapers=7)
    return workflow.add(task).connectome


@workflow.define(outputs=["power", "frequencies"])
def Tapers(x: np.ndarray, weights: np.ndarray):
    found = workflow.add(MultitaperSpectrum(timeseries=x, tr=TR, tapers=3, taper_weights=weights), name="spectrum")
    return found.power, found.frequencies


def planted(rng, frames=300):
    """Parcels 0 and 1 share slow waves around 0.05 Hz, 2 and 3 faster ones around 0.15 Hz."""
    time, frequencies = np.arange(frames) * TR, np.array([0.04, 0.045, 0.05, 0.055, 0.06])
    waves = [
        np.sin(2 * np.pi * np.outer(time, f) + rng.uniform(0, 6, 5)).sum(axis=1)
        for f in (frequencies, frequencies + 0.1)
    ]
    return np.repeat(np.column_stack(waves), 2, axis=1) + rng.standard_normal((frames, 4))


def test_a_planted_band_is_recovered_by_fit():
    xs = [planted(np.random.default_rng(seed)) for seed in range(3)]
    target = np.eye(4)
    target[0, 1] = target[1, 0] = 1.0
    task = Band(low=Learn(0.02), high=Learn(0.2)).split(x=xs)
    result = fit(task, losses.MeanSquaredError("connectome"), np.stack([target] * 3), steps=150, progress=False)
    low, high = result.parameters["low"], result.parameters["high"]
    assert 0.035 < low < high < 0.075 and abs((low + high) / 2 - 0.05) < 0.01


def test_learned_taper_weights_stay_in_their_set_and_avoid_leakage():
    rng = np.random.default_rng(5)
    strong = 1e3 * np.sin(2 * np.pi * 0.1007 * TR * np.arange(120))[:, None]
    xs = [strong + rng.standard_normal((120, 2)) for _ in range(2)]
    loss = losses.BandConcentration("power", low=0.095, high=0.106)
    task = Tapers(weights=Learn(np.full(3, 1 / 3))).split(x=xs)
    result = fit(task, loss, steps=30, progress=False)
    weights = result.parameters["weights"]
    assert np.all(np.diff(weights) <= 1e-6) and np.isclose(weights.sum(), 1) and weights[0] > 0.5
