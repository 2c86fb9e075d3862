"""ALFF, fALFF and ReHo against SciPy and the formulas of XCP-D; censored frames, soft bands and soft ranks."""

import jax.numpy as jnp
import numpy as np
import pytest
from gradients import gradient
from scipy import signal, stats

from pydra_diffconn.blocks import Alff, Falff, ReHo
from pydra_diffconn.blocks.series.amplitude import grid_edges, spectral_amplitude
from pydra_diffconn.testing import Case

CHAIN = np.column_stack([np.arange(11), np.arange(1, 12)])


def amplitudes(series, tr):
    frequencies, power = signal.periodogram(series, 1 / tr, scaling="spectrum", axis=0)
    return frequencies, np.sqrt(power)


def xcp_d_alff(timeseries, tr, low, high, **_):
    frequencies, amplitude = amplitudes(timeseries, tr)
    start, stop = (np.argmin(np.abs(frequencies - edge)) for edge in (low, high))
    return 2 * amplitude[start:stop].mean(axis=0)


def xcp_d_alff_censored(timeseries, tr, frame_weights, low, high, **_):
    keep, frames = frame_weights > 0, len(timeseries)
    frequencies = np.linspace(0, 0.5 / tr, frames // 2 + 1)[1:]
    start, stop = (np.argmin(np.abs(frequencies - edge)) for edge in (low, high))
    found = []
    for column in timeseries[keep].T:
        power = signal.lombscargle(
            np.arange(frames)[keep] * tr, stats.zscore(column), 2 * np.pi * frequencies, normalize=True
        )
        found.append(2 * np.sqrt(power)[start:stop].mean() * column.std())
    return np.array(found)


def falff(timeseries, tr, low, high, **_):
    frequencies, amplitude = amplitudes(timeseries, tr)
    start, stop = (np.argmin(np.abs(frequencies - edge)) for edge in (low, high))
    return amplitude[start:stop].sum(axis=0) / amplitude[1:].sum(axis=0)


def xcp_d_reho(timeseries, edges, frame_weights=None, **_):
    series = timeseries if frame_weights is None else timeseries[frame_weights > 0]
    frames, columns = series.shape
    adjacency = np.eye(columns, dtype=bool)
    adjacency[edges[:, 0], edges[:, 1]] = adjacency[edges[:, 1], edges[:, 0]] = True
    found = np.zeros(columns)
    for column, neighbours in enumerate(adjacency):
        ranks = stats.rankdata(series[:, neighbours], axis=0).sum(axis=1)
        spread = np.sum(ranks**2) - frames * np.mean(ranks) ** 2
        found[column] = 12 * spread / (neighbours.sum() ** 2 * (frames**3 - frames))
    return found


def test_amplitudes_equal_the_periodogram_whatever_the_number_of_frames(x64, rng):
    for frames in (60, 61):
        x = rng.standard_normal((frames, 4)) + 5
        np.testing.assert_allclose(spectral_amplitude(x), amplitudes(x, 2.0)[1], atol=1e-12)


def test_weighted_amplitudes_are_what_least_squares_explains(x64, rng):
    x, w = rng.standard_normal((41, 3)), rng.uniform(0.1, 1, 41) * (rng.random(41) > 0.3)
    centred, root = x - w @ x / w.sum(), np.sqrt(w)[:, None]
    angle = 2 * np.pi * np.arange(41) * 7 / 41
    basis = root * np.column_stack([np.cos(angle), np.sin(angle)])
    fitted = basis @ np.linalg.lstsq(basis, root * centred, rcond=None)[0]
    expected = np.sqrt(np.sum(fitted**2, axis=0) / w.sum())
    np.testing.assert_allclose(spectral_amplitude(x, w)[7], expected, atol=1e-12)


def test_real_series_equal_xcp_d(x64, real_series):
    kept = {"low": 0.01, "high": 0.08}
    np.testing.assert_allclose(Alff.pure(real_series, 3.0, **kept), xcp_d_alff(real_series, 3.0, **kept), atol=1e-9)


@pytest.mark.parametrize("block", [Alff, Falff])
def test_censored_frames_have_no_influence(x64, rng, block):
    x, keep = rng.standard_normal((80, 5)), rng.random(80) > 0.3
    spoiled = np.where(keep[:, None], x, 1e3)
    np.testing.assert_allclose(block.pure(x, 2.0, 1.0 * keep), block.pure(spoiled, 2.0, 1.0 * keep), atol=1e-12)
    np.testing.assert_allclose(block.pure(x, 2.0), block.pure(x, 2.0, np.ones(80)), atol=1e-12)


def test_a_sinusoid_has_its_amplitude_with_and_without_censoring(x64, rng):
    frames, frequency = np.arange(100), 0.05
    x = 3 * np.sin(2 * np.pi * frequency * 2.0 * frames)[:, None]
    keep = 1.0 * (rng.random(100) > 0.4)
    place = round(frequency * 200)
    for weights in (None, keep):
        assert spectral_amplitude(x, weights)[place, 0] == pytest.approx(3 / np.sqrt(2), rel=0.05)


def test_soft_bands_tend_to_the_hard_one(x64, rng):
    x = rng.standard_normal((64, 3))
    low, high = 10.5 / 128, 20.5 / 128  # between frequencies, where nearest and inside agree
    between = {"low": low, "high": high - 1e-9}
    hard = Falff.pure(x, 2.0, low=low + 1e-9, high=high + 1e-9)
    np.testing.assert_allclose(Falff.pure(x, 2.0, **between, softness=1e-7), hard, atol=1e-8)


@pytest.mark.parametrize("ties", [False, True])
def test_reho_equals_xcp_d_also_with_ties_and_censored_frames(x64, rng, ties):
    x = rng.standard_normal((50, 12)).cumsum(axis=1)
    x = np.round(x) if ties else x
    np.testing.assert_allclose(ReHo.pure(x, CHAIN), xcp_d_reho(x, CHAIN), atol=1e-12)
    keep = 1.0 * (rng.random(50) > 0.3)
    spoiled = np.where(keep[:, None] > 0, x, np.round(1e3 * rng.standard_normal((50, 1))))
    np.testing.assert_allclose(ReHo.pure(spoiled, CHAIN, keep), xcp_d_reho(x, CHAIN, keep), atol=1e-12)


def test_neighbours_that_agree_have_homogeneity_one_whatever_the_weights(x64, rng):
    x = np.exp(rng.standard_normal((40, 1)) * np.arange(1, 13) / 5)
    np.testing.assert_allclose(ReHo.pure(x, CHAIN, rng.random(40)), 1, atol=1e-12)


def test_soft_ranks_tend_to_the_hard_ones(x64, rng):
    x = rng.standard_normal((40, 12))
    np.testing.assert_allclose(ReHo.pure(x, CHAIN, softness=1e-6), ReHo.pure(x, CHAIN), atol=1e-8)


def test_a_gradient_step_on_soft_ranks_raises_hard_homogeneity(x64, rng):
    x = rng.standard_normal((40, 12))
    slope = gradient(lambda x: jnp.mean(ReHo.pure(x, CHAIN, softness=0.3)))(x)
    assert np.mean(ReHo.pure(x + 100 * slope, CHAIN)) > np.mean(ReHo.pure(x, CHAIN)) + 0.05


def test_grid_neighbours_are_those_within_a_step(rng):
    voxels = np.argwhere(rng.random((4, 5, 3)) > 0.3)
    gap = np.abs(voxels[:, None] - voxels)
    for count, reach in ((6, 1), (18, 2), (26, 3)):
        near = (gap.max(axis=-1) == 1) & (gap.sum(axis=-1) <= reach)
        found = np.zeros_like(near)
        edges = grid_edges(voxels, count)
        found[edges[:, 0], edges[:, 1]] = True
        np.testing.assert_array_equal(found | found.T, near)
        assert len(edges) == near.sum() / 2


@pytest.mark.parametrize(
    ("block", "arguments", "message"),
    [
        (Alff, {"timeseries": np.ones((20, 2)), "tr": 2.0, "low": 0.1, "high": 0.101}, "no frequency of 20 frames"),
        (Alff, {"tr": 2.0, "low": 0.1, "high": 0.3}, "not below the Nyquist frequency"),
        (ReHo, {"timeseries": np.ones((20, 2)), "edges": np.array([[0, 2]])}, "edges has columns 0 to 2; expected 0"),
    ],
)
def test_bad_arguments_are_named(block, arguments, message):
    with pytest.raises(ValueError, match=message):
        block.check(arguments)
    with pytest.raises(ValueError, match="expected 6, 18 or 26"):
        grid_edges(np.zeros((1, 3), dtype=int), 27)


RNG = np.random.default_rng(0)
SERIES = RNG.standard_normal((60, 12)) + 3
KEEP = 1.0 * (RNG.random(60) > 0.2)
DEAD = np.where(np.arange(12) == 4, 3.1, SERIES)
SOFT = {"frame_weights": RNG.uniform(0.2, 1, 60), "softness": 0.01}
BAND = ("timeseries", "frame_weights", "low", "high", "softness")
DEGENERATE = {
    "a constant column": {"timeseries": DEAD},
    "few frames kept": {"timeseries": SERIES, "frame_weights": 1.0 * (np.arange(60) % 12 == 0)},
    "a pure sinusoid": {"timeseries": np.sin(2 * np.pi * np.arange(60) / 12)[:, None] * np.ones(12)},
}
CASES = [
    Case(Alff, {"timeseries": SERIES}, xcp_d_alff, "XCP-D, scipy.signal.periodogram", DEGENERATE, ("timeseries",)),
    Case(
        Alff,
        {"timeseries": SERIES, "frame_weights": KEEP},
        xcp_d_alff_censored,
        "XCP-D, scipy.signal.lombscargle",
        DEGENERATE,
        ("timeseries",),
    ),
    Case(Alff, {"timeseries": SERIES, **SOFT}, smooth=BAND),
    Case(Falff, {"timeseries": SERIES}, falff, "scipy.signal.periodogram", DEGENERATE, ("timeseries",)),
    Case(Falff, {"timeseries": SERIES, **SOFT}, degenerate=DEGENERATE, smooth=BAND),
    Case(
        ReHo,
        {"timeseries": SERIES, "edges": CHAIN, "frame_weights": KEEP},
        xcp_d_reho,
        "XCP-D, scipy.stats.rankdata",
        DEGENERATE,
        ("timeseries",),
    ),
    Case(
        ReHo,
        {"timeseries": SERIES, "edges": CHAIN, **SOFT, "softness": 0.3},
        degenerate={"a constant column, no neighbours": {"timeseries": DEAD, "edges": np.zeros((0, 2), dtype=int)}},
        smooth=("timeseries", "frame_weights", "softness"),
    ),
]
