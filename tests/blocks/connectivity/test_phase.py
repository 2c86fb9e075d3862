"""Phase and envelope connectivity against SciPy: Hilbert transform, phase locking, coherence, envelope correlation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gradients import gradient
from scipy import signal

from pydra_diffconn.blocks import (
    AmplitudeCorrelation,
    AnalyticSignal,
    BandPass,
    Coherence,
    Correlation,
    ImaginaryCoherence,
    PhaseLocking,
)
from pydra_diffconn.numerics.gaps import bridge
from pydra_diffconn.testing import Case


def hilbert(timeseries):
    found = signal.hilbert(timeseries, axis=0)
    return np.abs(found), np.angle(found)


def bridged(series, weights):
    seen = np.flatnonzero(weights)
    lines = np.column_stack([np.interp(np.arange(len(series)), seen, column[seen]) for column in series.T])
    return np.where(weights[:, None] > 0, series, lines)


def transformed(series, weights):
    series = bridged(series, weights)
    return signal.hilbert(series - series.mean(axis=0), axis=0)


def locking(timeseries, frame_weights):
    phase = np.angle(transformed(timeseries, frame_weights))
    difference = phase[:, :, None] - phase[:, None, :]
    return np.abs(np.average(np.exp(1j * difference), axis=0, weights=frame_weights))


def envelopes(timeseries, frame_weights):
    covariance = np.cov(np.abs(transformed(timeseries, frame_weights)).T, aweights=frame_weights)
    scale = np.sqrt(np.diag(covariance))
    return covariance / np.outer(scale, scale)


def spectra(timeseries, tr, low, high, length):
    frequencies, cross = signal.csd(
        timeseries.T[:, None], timeseries.T[None], fs=1 / tr, nperseg=length, noverlap=length // 2
    )
    band = (frequencies >= low) & (frequencies <= high)
    own = np.sqrt(np.einsum("aaf->af", cross).real)
    return (cross / own[:, None] / own[None])[:, :, band]


def coherence(timeseries, tr, low, high, length, **_):
    found, frequencies = np.eye(timeseries.shape[1]), None
    for a, b in zip(*np.triu_indices(len(found), 1), strict=True):
        frequencies, values = signal.coherence(timeseries[:, a], timeseries[:, b], fs=1 / tr, nperseg=length)
        found[a, b] = found[b, a] = values[(frequencies >= low) & (frequencies <= high)].mean()
    return found


def imaginary(timeseries, tr, low, high, length, absolute, **_):
    # scipy's csd conjugates the first series: Im is negative there where the first leads
    found = -spectra(timeseries, tr, low, high, length).imag
    return (np.abs(found) if absolute else found).mean(axis=-1)


def test_bridges_are_straight_lines(x64, rng):
    x, w = rng.standard_normal((30, 3)), rng.random(30) * (rng.random(30) > 0.5)
    w[[0, -1]] = 0.0
    np.testing.assert_allclose(bridge(x, w), bridged(x, w), atol=1e-12)


def test_odd_and_even_lengths_equal_scipy_whatever_the_mean(x64, rng):
    for frames in (40, 41):
        x = rng.standard_normal((frames, 3)) + 50
        for one, other in zip(AnalyticSignal.pure(x), hilbert(x), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-11)


@pytest.mark.parametrize(
    "measure",
    [
        PhaseLocking.pure,
        AmplitudeCorrelation.pure,
        lambda x, w: Coherence.pure(x, 2.0, w, length=20),
        lambda x, w: ImaginaryCoherence.pure(x, 2.0, w, length=20),
    ],
)
def test_frames_without_weight_have_no_influence(x64, rng, measure):
    x, keep = rng.standard_normal((80, 4)), rng.random(80) > 0.4
    keep[10:40] = False  # more than a whole segment
    spoiled = np.where(keep[:, None], x, 1e3 * rng.standard_normal((80, 4)))
    np.testing.assert_allclose(measure(x, 1.0 * keep), measure(spoiled, 1.0 * keep), atol=1e-12)
    assert np.all(np.isfinite(measure(x, 1.0 * keep)))


@pytest.mark.parametrize("single", [False, True])
def test_a_dead_parcel_is_apart_and_poisons_no_gradient(x64, rng, single):
    x = np.where(np.arange(4) == 2, 3.1, rng.standard_normal((80, 4)))
    x = x.astype("f4") if single else x
    for block, extra, own in (
        (PhaseLocking, (), 1),
        (AmplitudeCorrelation, (), 1),
        (Coherence, (2.0, None, 0.05, 0.2), 1),
        (ImaginaryCoherence, (2.0, None, 0.05, 0.2), 0),
    ):
        measure = lambda x, block=block, extra=extra: block.pure(x, *extra, **({"length": 20} if extra else {}))  # noqa: E731
        found = np.asarray(measure(x))
        assert found.dtype == x.dtype and np.all(found[2] == own * np.eye(4)[2])
        slope = np.asarray(gradient(lambda x, measure=measure: jnp.sum(jnp.triu(measure(x)) ** 3))(x))
        assert np.all(np.isfinite(slope)) and np.all(slope[:, 2] == 0) and np.any(slope[:, 0] != 0)


def test_a_delayed_copy_locks_and_leads(x64, rng):
    x = BandPass.pure(rng.standard_normal((600, 1)), 1.0, 0.04, 0.06, 4.0)
    both = jnp.concatenate([x[5:-5], x[:-10]], axis=1)  # the second follows by a quarter of a cycle
    assert PhaseLocking.pure(both)[0, 1] > 0.9 and abs(Correlation.pure(both)[0, 1]) < 0.3
    noisy = both / both.std() + 0.1 * rng.standard_normal(both.shape)
    lead = ImaginaryCoherence.pure(noisy, 1.0, low=0.045, high=0.055, length=100)
    assert lead[0, 1] > 0.9 and lead[1, 0] == -lead[0, 1]
    assert Coherence.pure(noisy, 1.0, low=0.045, high=0.055, length=100)[0, 1] > 0.9
    mixed = np.column_stack([noisy[:, 0], noisy[:, 0] + 0.5 * rng.standard_normal(len(noisy))])
    assert abs(ImaginaryCoherence.pure(mixed, 1.0, low=0.045, high=0.055, length=100)[0, 1]) < 0.15


def test_the_band_of_coherence_is_learned(x64, rng):
    shared = BandPass.pure(rng.standard_normal((1500, 1)), 1.0, 0.15, 0.2, 6.0)
    x = 3 * shared / shared.std() + rng.standard_normal((1500, 2))
    loss = jax.jit(jax.value_and_grad(lambda edges: -Coherence.pure(x, 1.0, None, *edges, 0.01, 50)[0, 1]))
    edges = jnp.array([0.05, 0.4])
    start = loss(edges)[0]
    for _ in range(150):
        edges = edges - 0.003 * jnp.sign(loss(edges)[1])
    assert loss(edges)[0] < start - 0.3
    assert 0.14 < edges[0] < edges[1] < 0.21


def test_a_soft_band_tends_to_the_hard_one(x64, rng):
    x, band = rng.standard_normal((80, 4)), {"low": 0.06, "high": 0.21, "length": 20}
    hard, soft = (Coherence.pure(x, 2.0, softness=s, **band) for s in (0.0, 1e-5))
    np.testing.assert_allclose(soft, hard, atol=1e-10)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"length": 60}, "length = 60 frames makes 1 segments of 80 frames; coherence needs at least 2"),
        ({"low": 0.06, "high": 0.07}, "no frequency of segments of 20 frames"),
        ({"high": 0.3}, "not below the Nyquist frequency"),
    ],
)
def test_bad_arguments_are_named(change, message):
    given = {"timeseries": np.ones((80, 2)), "tr": 2.0, "low": 0.01, "high": 0.1, "length": 20}
    with pytest.raises(ValueError, match=message):
        Coherence.check({**given, **change})


RNG = np.random.default_rng(0)
SERIES = RNG.standard_normal((80, 4)) + 3
DEAD = np.where(np.arange(4) == 2, 3.1, SERIES)
KEEP = 1.0 * (RNG.random(80) > 0.2)
WEIGHTS = RNG.uniform(0.2, 1, 80)
SINUSOIDS = np.sin(2 * np.pi * np.arange(80)[:, None] / [8, 8, 10, 20])
DEGENERATE = {
    "a dead parcel": {"timeseries": DEAD},
    "equal and pure sinusoids": {"timeseries": SINUSOIDS},
    "few frames kept": {"frame_weights": 1.0 * (np.arange(80) % 15 == 0)},
}
BAND = {"timeseries": SERIES, "tr": 2.0, "low": 0.06, "high": 0.2, "length": 20}
SOFT = {**BAND, "frame_weights": WEIGHTS, "softness": 0.01}
LEARNED = ("timeseries", "frame_weights", "low", "high", "softness")
CASES = [
    Case(
        AnalyticSignal,
        {"timeseries": SERIES[:, :3]},
        hilbert,
        "scipy.signal.hilbert",
        {"a zero column": {"timeseries": SERIES[:, :3] * [1, 0, 1]}},
    ),
    Case(
        PhaseLocking,
        {"timeseries": SERIES, "frame_weights": WEIGHTS * KEEP},
        locking,
        "scipy.signal.hilbert",
        DEGENERATE,
        ("timeseries",),
    ),
    Case(PhaseLocking, {"timeseries": SERIES, "frame_weights": WEIGHTS}, smooth=("timeseries", "frame_weights")),
    Case(
        AmplitudeCorrelation,
        {"timeseries": SERIES, "frame_weights": WEIGHTS * KEEP},
        envelopes,
        "scipy.signal.hilbert",
        DEGENERATE,
        ("timeseries",),
    ),
    Case(Coherence, BAND, coherence, "scipy.signal.coherence", DEGENERATE, ("timeseries",)),
    Case(Coherence, SOFT, smooth=LEARNED),
    Case(ImaginaryCoherence, BAND, imaginary, "scipy.signal.csd", DEGENERATE, ("timeseries",)),
    Case(ImaginaryCoherence, {**SOFT, "absolute": True}, smooth=LEARNED),
]
