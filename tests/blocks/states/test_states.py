"""States and windows: parity with numpy on their frames, and planted states found again."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from examples import examples
from gradients import gradient
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from scipy.stats import norm
from sklearn.cluster import KMeans

from pydra_diffconn.blocks import Correlation, StateCovariance, WindowCovariance
from pydra_diffconn.blocks.states.windows import sliding_windows
from pydra_diffconn.testing import Case


def one_hot(labels, states):
    return np.eye(states)[labels]


def test_one_hot_states_equal_numpy_on_their_frames(x64, rng):
    x, labels = rng.standard_normal((60, 5)), np.arange(60) % 3
    expected = [np.cov(x[labels == state].T) for state in range(3)]
    np.testing.assert_allclose(StateCovariance.pure(x, one_hot(labels, 3)), expected, atol=1e-12)
    expected = [np.corrcoef(x[labels == state].T) for state in range(3)]
    np.testing.assert_allclose(StateCovariance.pure(x, one_hot(labels, 3), kind="correlation"), expected, atol=1e-12)


def test_hard_windows_equal_numpy_on_real_data(x64, real_series):
    x = real_series[:, real_series.std(axis=0) > 0][:, :20]
    found = WindowCovariance.pure(x, length=40, step=25, kind="correlation")
    starts = range(0, len(x) - 39, 25)
    np.testing.assert_allclose(found, [np.corrcoef(x[s : s + 40].T) for s in starts], atol=1e-10)


def test_windows_soften_to_the_boxcar(x64):
    hard, soft = sliding_windows(50, 10, 5), sliding_windows(50, 10, 5, 1e-3)
    np.testing.assert_allclose(soft, hard, atol=1e-12)
    assert set(np.unique(hard)) == {0.0, 1.0}


def test_one_state_is_the_static_correlation(x64, rng):
    x = rng.standard_normal((40, 4))
    found = StateCovariance.pure(x, np.ones((40, 1)), kind="correlation")[0]
    np.testing.assert_allclose(found, Correlation.pure(x), atol=1e-14)


def test_a_state_without_frames_is_zero_and_poisons_nothing(x64, rng):
    x = rng.standard_normal((20, 3))
    weights = one_hot(np.where(np.arange(20) == 4, 1, 0), 3)  # state 1 has one frame, state 2 none
    assert np.all(np.asarray(StateCovariance.pure(x, weights))[1:] == 0)
    np.testing.assert_array_equal(StateCovariance.pure(x, weights, kind="correlation")[2], np.eye(3))
    slope = gradient(lambda w: jnp.sum(StateCovariance.pure(x, w) ** 2))(weights)
    assert np.all(np.isfinite(slope))


compiled = jax.jit(lambda x, shares, keep: StateCovariance.pure(x, shares, keep))


@examples(15)
@given(st.integers(0, 2**31))
def test_frames_of_weight_zero_have_no_influence(seed):
    rng = np.random.default_rng(seed)
    x, shares = rng.standard_normal((30, 3)), rng.dirichlet(np.ones(2), 30)
    keep = (rng.random(30) > 0.3).astype(float)
    other = np.where(keep[:, None] > 0, x, 1e3)
    with jax.enable_x64(True):
        np.testing.assert_allclose(compiled(other, shares, keep), compiled(x, shares, keep), atol=1e-9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"state_weights": np.ones((7, 2)) / 2}, "state_weights has 7 frames, timeseries 20"),
        ({"kind": "corr"}, "kind = 'corr'; expected"),
        ({"length": 30, "step": 1}, "windows of 30 frames every 1 do not fit 20 frames"),
    ],
)
def test_bad_arguments_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        StateCovariance.check({"timeseries": np.ones((20, 2)), **change})


def planted(rng, labels, states, parcels=8):
    """Draw frames of a covariance for each state."""
    roots = np.stack([np.linalg.qr(rng.standard_normal((parcels, parcels)))[0] for _ in range(states)])
    scale = np.geomspace(0.2, 3.0, parcels)
    noise = rng.standard_normal((len(labels), parcels))
    return np.einsum("tij,tj->ti", roots[labels] * scale, noise)


def accuracy(found, labels, states):
    table = np.array([[np.sum((found == a) & (labels == b)) for b in range(states)] for a in range(states)])
    return table[linear_sum_assignment(-table)].sum() / len(labels)


def learn_states(x, weights, runs, steps=150, smoothness=2.0):
    """Maximise the Gaussian likelihood of the frames over their states' weights, smooth within each run."""
    frames, states = weights.shape

    def loss(free):
        shares = jax.nn.softmax(free, axis=-1)
        covariance = StateCovariance.pure(x, shares, ddof=0) + 1e-2 * jnp.eye(x.shape[1])
        size = shares.mean(axis=0)
        jumps = jnp.abs(jnp.diff(shares.reshape(runs, -1, states), axis=1)).sum()
        fit = jnp.sum(size * (jnp.linalg.slogdet(covariance)[1] - 2 * jnp.log(size + 1e-6)))
        return fit / 2 + smoothness * jumps / frames

    optimiser = optax.adam(0.2)

    def step(state, _):
        free, moments = state
        updates, moments = optimiser.update(jax.grad(loss)(free), moments)
        return (free + updates, moments), None

    start = jnp.log(jnp.asarray(weights))
    (free, _), _ = jax.jit(lambda start: jax.lax.scan(step, (start, optimiser.init(start)), None, steps))(start)
    return np.asarray(free).argmax(axis=1)


def started(x, states, runs, length):
    """Soft weights from k-means of windowed covariances, as the field begins."""
    edges = np.triu_indices(x.shape[1])
    windows = sliding_windows(len(x) // runs, length, 1)
    series = x.reshape(runs, -1, x.shape[1])
    features = np.concatenate([np.asarray(WindowCovariance.pure(run, windows))[:, *edges] for run in series])
    labels = KMeans(states, n_init=10, random_state=0).fit_predict(features).reshape(runs, -1)
    lost = length - 1
    labels = np.pad(labels, ((0, 0), (lost // 2, lost - lost // 2)), mode="edge").ravel()
    return 0.7 * one_hot(labels, states) + 0.3 / states


def test_six_planted_states_of_one_person_are_learned(rng):
    labels = np.repeat([0, 3, 1, 5, 2, 4, 0, 3, 1, 5, 2, 4], 50)
    x = planted(rng, labels, 6).astype(np.float32)
    found = learn_states(x, started(x, 6, 1, 25), runs=1)
    assert accuracy(found, labels, 6) > 0.95


def test_planted_states_of_markov_chains_are_learned_over_people(rng):
    runs, frames, states = 8, 150, 3
    labels = np.zeros((runs, frames), dtype=int)
    labels[:, 0] = rng.integers(states, size=runs)
    for frame in range(1, frames):
        moved = rng.random(runs) < 0.04
        labels[:, frame] = np.where(moved, rng.integers(states, size=runs), labels[:, frame - 1])
    x = planted(rng, labels.ravel(), states).astype(np.float32)
    found = learn_states(x, started(x, states, runs, 15), runs=runs)
    assert accuracy(found, labels.ravel(), states) > 0.9


def test_weights_are_recovered_from_the_states_covariances(x64, rng):
    labels = np.repeat([0, 1, 0, 1], 40)
    x = planted(rng, labels, 2)
    target = StateCovariance.pure(x, one_hot(labels, 2))

    def loss(free):
        shares = jax.nn.softmax(free, axis=-1)
        return jnp.sum((StateCovariance.pure(x, shares) - target) ** 2) + 0.02 * jnp.sum(jnp.diff(free, axis=0) ** 2)

    free, slope = 0.01 * rng.standard_normal((160, 2)), jax.jit(jax.grad(loss))
    optimiser = optax.adam(0.1)
    moments = optimiser.init(free)
    for _ in range(150):
        updates, moments = optimiser.update(slope(free), moments)
        free = free + updates
    assert np.mean(np.argmax(free, axis=1) == labels) > 0.95


def numpy_states(timeseries, state_weights, frame_weights, kind, ddof):
    weights = state_weights * frame_weights[:, None]
    return np.stack([np.cov(timeseries.T, aweights=column, ddof=ddof) for column in weights.T])


def numpy_windows(timeseries, window_weights, frame_weights, length, step, taper, kind, ddof):
    middle = np.arange(len(timeseries)) + 0.5
    starts = np.arange(0, len(timeseries) - length + 1, step)
    weights = [norm.cdf((middle - s) / taper) - norm.cdf((middle - s - length) / taper) for s in starts]
    covariances = np.stack([np.cov(timeseries.T, aweights=column) for column in weights])
    scale = np.sqrt(np.diagonal(covariances, axis1=1, axis2=2))
    return covariances / scale[:, :, None] / scale[:, None, :]


SHARES = np.random.default_rng(5).dirichlet(np.ones(3), 40)
SERIES = np.random.default_rng(6).standard_normal((40, 4))
CASES = [
    Case(
        StateCovariance,
        {
            "timeseries": SERIES,
            "state_weights": SHARES,
            "frame_weights": np.random.default_rng(1).uniform(0.2, 1, 40),
        },
        numpy_states,
        "numpy.cov",
        {
            "an empty state": {"state_weights": one_hot(np.arange(40) % 2, 3)},
            "a state of one frame": {"state_weights": one_hot((np.arange(40) == 7).astype(int), 3)},
            "a dead parcel": {"timeseries": SERIES * [1, 0, 1, 1], "kind": "correlation"},
            "all but three frames censored": {"frame_weights": (np.arange(40) < 3).astype(float)},
        },
        smooth=("timeseries", "state_weights", "frame_weights"),
    ),
    Case(
        WindowCovariance,
        {"timeseries": SERIES, "length": 12, "step": 9, "taper": 2.0, "kind": "correlation"},
        numpy_windows,
        "numpy.corrcoef",
        {"hard windows": {"taper": 0.0}, "a window censored": {"frame_weights": (np.arange(40) > 11).astype(float)}},
    ),
]
