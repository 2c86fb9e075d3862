"""Lagged covariances, covariances with learned lag weights, and lag maps against NumPy and SciPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from examples import examples, lists
from hypothesis import given
from hypothesis import strategies as st
from jax.scipy.optimize import minimize
from scipy import signal
from scipy.linalg import toeplitz

from pydra_diffconn.blocks import Covariance, LaggedCovariance, LagMaps, LagWeightedCovariance
from pydra_diffconn.blocks.connectivity.lags import LagWeights
from pydra_diffconn.testing import Case

TRIANGLE = np.array([1.0, 2 / 3, 1 / 3])


def cross_covariances(timeseries, max_lag, adjusted=False, **_):
    frames, columns = timeseries.shape
    centred, found = timeseries - timeseries.mean(axis=0), np.zeros((max_lag + 1, columns, columns))
    pairs = frames - np.arange(max_lag + 1) if adjusted else frames
    for a in range(columns):
        for b in range(columns):
            found[:, a, b] = signal.correlate(centred[:, b], centred[:, a])[frames - 1 :][: max_lag + 1] / pairs
    return found


def by_toeplitz(timeseries, lag_weights, frame_weights, ddof):
    frames, w = len(timeseries), frame_weights
    lags = toeplitz(np.append(lag_weights, np.zeros(frames - len(lag_weights))))
    centred = timeseries - w @ timeseries / w.sum()
    return centred.T @ (lags * np.minimum.outer(w, w)) @ centred / (w.sum() - ddof * (w**2).sum() / w.sum())


def lag_maps(timeseries, tr, max_lag, **_):
    """Mitra's recipe, pair by pair: extreme of the cross-correlation, then the vertex of a parabola."""
    columns = timeseries.shape[1]
    forward = cross_covariances(timeseries, max_lag, adjusted=True)
    scale = np.sqrt(np.diag(forward[0]))
    lags, peaks = np.zeros((2, columns, columns))
    for a in range(columns):
        for b in range(columns):
            r = np.append(forward[:0:-1, b, a], forward[:, a, b]) / scale[a] / scale[b]
            top = np.argmax(np.abs(r))
            lags[a, b], peaks[a, b] = top - max_lag, r[top]
            if 0 < top < 2 * max_lag:
                parabola = np.polyfit([-1, 0, 1], r[top - 1 : top + 2], 2)
                vertex = -parabola[1] / parabola[0] / 2
                lags[a, b], peaks[a, b] = lags[a, b] + vertex, np.polyval(parabola, vertex)
    lags[np.diag_indices(columns)] = 0
    return tr * lags, peaks, tr * lags.sum(axis=0) / (columns - 1)


def test_lag_zero_is_the_covariance_and_transposes_are_negative_lags(x64, rng):
    x, w = rng.standard_normal((60, 5)), rng.random(60)
    found = LaggedCovariance.pure(x, w, max_lag=3)
    np.testing.assert_allclose(found[0], Covariance.pure(x, w), atol=1e-12)
    backwards = LaggedCovariance.pure(x[::-1], w[::-1], max_lag=3)
    np.testing.assert_allclose(backwards, found.swapaxes(1, 2), atol=1e-12)


@pytest.mark.parametrize("adjusted", [False, True])
def test_censored_frames_have_no_influence(x64, rng, adjusted):
    x, keep = rng.standard_normal((60, 4)), rng.random(60) > 0.4
    spoiled = np.where(keep[:, None], x, 1e3)
    found = LaggedCovariance.pure(spoiled, 1.0 * keep, max_lag=3, ddof=0, adjusted=adjusted)
    centred = np.where(keep[:, None], x - x[keep].mean(axis=0), 0)
    pairs = np.sum(keep[:-2] & keep[2:]) if adjusted else keep.sum()
    np.testing.assert_allclose(found[2], centred[:-2].T @ centred[2:] / pairs, atol=1e-12)
    for one, other in zip(LagMaps.pure(spoiled, 2.0, 1.0 * keep), LagMaps.pure(x, 2.0, 1.0 * keep), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)


def test_weight_on_lag_zero_alone_is_the_covariance_bit_for_bit(x64, rng):
    x, w = rng.standard_normal((60, 5)), rng.random(60)
    plain = LagWeightedCovariance.pure(x, None, w)
    np.testing.assert_array_equal(LagWeightedCovariance.pure(x, np.array([1.0, 0, 0]), w), plain)
    np.testing.assert_allclose(plain, Covariance.pure(x, w), atol=1e-13)


def test_lag_weights_are_the_autocorrelation_of_a_filter(x64, rng):
    x, taps = np.zeros((80, 3)), rng.standard_normal(4)
    x[10:-10] = rng.standard_normal((60, 3))
    x -= x.mean(axis=0)
    filtered = signal.convolve(x, taps[:, None])
    found = LagWeightedCovariance.pure(x, np.correlate(taps, taps, "full")[3:], ddof=0)
    np.testing.assert_allclose(found, filtered.T @ filtered / 80, atol=1e-12)


@examples(20)
@given(lists(st.floats(-3, 3), 1, 2, 6), st.integers(0, 2**31))
def test_weights_of_any_free_coordinates_give_positive_semidefinite_matrices(taps, seed):
    rng = np.random.default_rng(seed)
    with jax.enable_x64(True):
        weights = np.asarray(LagWeights().from_free(np.array(taps)))
        assert LagWeights().contains(weights)
        found = by_toeplitz(rng.standard_normal((12, 15)), weights, rng.random(12), 1)
    assert np.linalg.eigvalsh(found).min() > -1e-9 * (1 + np.abs(found).max())


@pytest.mark.parametrize(
    "weights", [[1.0], [1.0, 0.0, 0.0], [1.0, 0.3, -0.2], [2.0, 1.2, 0.5, 0.1], [5.0, -3.0, 1.0]], ids=str
)
def test_lag_weights_return_from_the_free_space(x64, weights):
    rule = LagWeights()
    assert rule.contains(weights)
    np.testing.assert_allclose(rule.from_free(rule.to_free(np.array(weights))), weights, atol=1e-10)
    single = rule.from_free(rule.to_free(np.array(weights, dtype="f4")))
    np.testing.assert_allclose(single, weights, atol=1e-4)


def test_weights_on_the_border_enter_the_free_space_nearby_and_others_are_refused(x64):
    np.testing.assert_allclose(LagWeights().from_free(LagWeights().to_free(TRIANGLE)), TRIANGLE, atol=1e-3)
    for bad in ([1.0, 0.6], [0.5, 1.0], [[1.0]], [np.nan]):
        assert not LagWeights().contains(np.array(bad))
    with pytest.raises(ValueError, match=r"lag_weights = \[1. +0.6\] is outside lags' positive semi-definite weights"):
        LagWeightedCovariance.declaration.checked({"lag_weights": np.array([1.0, 0.6])})
    with pytest.raises(ValueError, match="cannot be narrowed"):
        LagWeights().narrowed((0, 1))


def test_planted_lag_weights_are_learned_from_covariances(x64, rng):
    truth, rule = np.array([1.0, 0.5, 0.2, 0.0]), LagWeights()
    columns = rng.standard_normal((6, 200))
    x = np.column_stack(
        [signal.lfilter([1.0], [1.0, -a], c) for a, c in zip(np.linspace(-0.8, 0.8, 6), columns, strict=True)]
    )
    target = LagWeightedCovariance.pure(x, truth)

    loss = lambda free: jnp.mean((LagWeightedCovariance.pure(x, rule.from_free(free)) - target) ** 2)  # noqa: E731
    start = rule.to_free(np.array([1.0, 0, 0, 0]))
    free = jax.jit(lambda start: minimize(loss, start, method="BFGS", options={"maxiter": 100}).x)(start)
    np.testing.assert_allclose(rule.from_free(free), truth, atol=1e-3)


@pytest.mark.parametrize("sign", [1, -1])
def test_planted_delays_are_found_to_a_fraction_of_a_frame(x64, rng, sign):
    fine = signal.lfilter(*signal.butter(2, 0.02), rng.standard_normal(12000))
    delays = np.array([0, 3, 7, 12])  # in tenths of a frame
    x = np.column_stack([fine[100 - d : -d - 1 or None : 10] for d in delays])
    x = x * np.array([1, sign, 1, 1])
    lag, peak, late = LagMaps.pure(x, 2.0, max_lag=4)
    np.testing.assert_allclose(lag, 0.2 * (delays - delays[:, None]), atol=0.1)
    assert peak[0, 1] == pytest.approx(sign, abs=0.01)
    np.testing.assert_allclose(np.diff(late), 0.2 * np.diff(delays) * 4 / 3, atol=0.1)


@pytest.mark.parametrize(
    ("block", "change", "message"),
    [
        (LaggedCovariance, {"max_lag": -1}, "max_lag = -1; expected 0 frames or more"),
        (LaggedCovariance, {"max_lag": 30}, "lags up to 30 frames in a series of 20; expected at most 18"),
        (LagMaps, {"max_lag": 0}, "max_lag = 0; lag maps need at least 1 frame"),
        (LagWeightedCovariance, {"lag_weights": np.ones(25)}, "lags up to 24 frames in a series of 20"),
    ],
)
def test_bad_arguments_are_named(block, change, message):
    with pytest.raises(ValueError, match=message):
        block.check({"timeseries": np.ones((20, 2)), **change})


RNG = np.random.default_rng(0)
SERIES = RNG.standard_normal((60, 5)).cumsum(axis=0) + 3
DEAD = np.where(np.arange(5) == 2, 3.1, SERIES)
WEIGHTS = RNG.uniform(0.2, 1, 60)
DEGENERATE = {
    "a dead parcel": {"timeseries": DEAD},
    "equal parcels": {"timeseries": SERIES[:, :1] * np.ones(5)},
    "few frames kept": {"frame_weights": 1.0 * (np.arange(60) % 20 == 0)},
}
CASES = [
    Case(
        LaggedCovariance,
        {"timeseries": SERIES, "ddof": 0, "max_lag": 4},
        cross_covariances,
        "scipy.signal.correlate, as statsmodels ccovf",
        DEGENERATE,
        ("timeseries",),
    ),
    Case(
        LaggedCovariance,
        {"timeseries": SERIES, "frame_weights": WEIGHTS, "max_lag": 3, "adjusted": True},
        smooth=("timeseries", "frame_weights"),
    ),
    Case(
        LagWeightedCovariance,
        {"timeseries": SERIES, "frame_weights": WEIGHTS, "lag_weights": TRIANGLE},
        by_toeplitz,
        "numpy, scipy.linalg.toeplitz",
        DEGENERATE,
        ("timeseries", "frame_weights", "lag_weights"),
    ),
    Case(
        LagMaps,
        {"timeseries": SERIES, "tr": 2.0, "max_lag": 4},
        lag_maps,
        "Mitra et al. (2014), numpy.polyfit",
        DEGENERATE,
        ("timeseries",),
    ),
    Case(LagMaps, {"timeseries": SERIES, "tr": 2.0, "frame_weights": WEIGHTS}, smooth=("timeseries", "frame_weights")),
]
