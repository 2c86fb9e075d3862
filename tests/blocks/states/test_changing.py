import jax
import jax.numpy as jnp
import numpy as np
import optax
import pandas as pd
import pytest
from gradients import assert_gradient

from pydra_diffconn import constraints
from pydra_diffconn.blocks import Correlation, DynamicCorrelation, EwmaCovariance
from pydra_diffconn.testing import Case


def pandas_ewm(timeseries, frame_weights, halflife, kind, ddof):
    """Pandas' exponentially weighted moments; it has none of the first frame, and no weights but these."""
    assert np.all(frame_weights == 1)
    frames, parcels = timeseries.shape
    moving = pd.DataFrame(timeseries).ewm(halflife=halflife)
    made = moving.corr() if kind == "correlation" else moving.cov(bias=ddof == 0)
    found = made.to_numpy().reshape(frames, parcels, parcels)
    found[0] = np.eye(parcels) if kind == "correlation" else 0.0
    return found


def weighted_moments(timeseries, frame_weights, halflife, kind, ddof):
    """Compute each frame's covariance by numpy.cov with the weights written out."""
    frames, parcels = timeseries.shape
    found = np.zeros((frames, parcels, parcels))
    for frame in range(1, frames):
        weights = frame_weights[: frame + 1] * 0.5 ** (np.arange(frame, -1, -1) / halflife)
        found[frame] = np.cov(timeseries[: frame + 1].T, aweights=weights, ddof=ddof)
    assert kind == "covariance"
    return found


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("halflife", [0.7, 8.0])
def test_covariances_are_those_of_pandas(x64, rng, ddof, halflife):
    series = rng.standard_normal((50, 3)).cumsum(axis=0) + 1000
    found = EwmaCovariance(timeseries=series, halflife=halflife, ddof=ddof)(worker="debug").covariance
    expected = pandas_ewm(series, np.ones(50), halflife, "covariance", ddof)
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_frames_without_weight_and_those_to_come_have_no_influence(x64, rng):
    series, weights = rng.standard_normal((40, 3)), (np.arange(40) % 7 > 0) * 1.0
    other = series + 100 * (weights == 0)[:, None]
    later = np.where(np.arange(40)[:, None] > 25, 50.0, series)
    for estimate in (EwmaCovariance.pure, lambda x, w: DynamicCorrelation.pure(x, w)[0]):
        np.testing.assert_allclose(estimate(series, weights), estimate(other, weights), atol=1e-10)
    found, changed = EwmaCovariance.pure(series, weights), EwmaCovariance.pure(later, weights)
    np.testing.assert_array_equal(found[:26], changed[:26])


def test_a_planted_halflife_of_correlations_is_followed(x64):
    rng = np.random.default_rng(6)
    r = 0.8 * np.sin(np.arange(600) / 60)
    first, noise = rng.standard_normal((2, 600))
    series = np.stack([first, r * first + np.sqrt(1 - r**2) * noise], axis=1)
    found = np.asarray(EwmaCovariance.pure(series, halflife=12.0, kind="correlation"))[:, 0, 1]
    assert np.corrcoef(found[30:], r[30:])[0, 1] > 0.85
    assert np.allclose(np.diagonal(EwmaCovariance.pure(series, kind="correlation"), axis1=1, axis2=2), 1)


def garch_and_dcc(timeseries, frame_weights, dynamics, volatility):
    """The recursion of Engle (2002), frame by frame; the Gaussian likelihood of each by its covariance."""
    frames, parcels = timeseries.shape
    x = timeseries - np.average(timeseries, axis=0, weights=frame_weights)
    run = np.average(x**2, axis=0, weights=frame_weights)
    variance = np.empty_like(x)
    for t in range(frames):
        if t == 0:
            variance[0] = run
            continue
        w = frame_weights[t - 1]
        seen = w * x[t - 1] ** 2 + (1 - w) * variance[t - 1]
        variance[t] = volatility @ [run, seen, variance[t - 1]]
    shocks = x / np.sqrt(variance)
    long_run = (shocks * frame_weights[:, None]).T @ shocks / frame_weights.sum()
    q, connectomes, likelihood = long_run, np.empty((frames, parcels, parcels)), np.empty(frames)
    for t in range(frames):
        connectomes[t] = q / np.sqrt(np.outer(np.diag(q), np.diag(q)))
        covariance = connectomes[t] * np.sqrt(np.outer(variance[t], variance[t]))
        _, logarithm = np.linalg.slogdet(2 * np.pi * covariance)
        likelihood[t] = -0.5 * frame_weights[t] * (logarithm + x[t] @ np.linalg.solve(covariance, x[t]))
        news = frame_weights[t] * np.outer(shocks[t], shocks[t]) + (1 - frame_weights[t]) * connectomes[t]
        q = dynamics[0] * long_run + dynamics[1] * news + dynamics[2] * q
    return connectomes, likelihood


def test_all_in_the_long_run_is_the_correlation_of_the_run(x64, rng):
    series = rng.standard_normal((50, 4)) @ rng.standard_normal((4, 4))
    still = np.array([1.0, 0, 0])
    found = np.asarray(DynamicCorrelation.pure(series, dynamics=still, volatility=still)[0])
    np.testing.assert_allclose(found, np.broadcast_to(Correlation.pure(series), found.shape), atol=1e-12)


def test_planted_dynamics_are_learned_from_the_likelihood(x64):
    rng, true = np.random.default_rng(8), np.array([0.03, 0.12, 0.85])
    long_run = np.array([[1, 0.3, 0], [0.3, 1, -0.2], [0, -0.2, 1]])
    q, series = long_run, []
    for _ in range(3000):
        r = q / np.sqrt(np.outer(np.diag(q), np.diag(q)))
        shock = np.linalg.cholesky(r) @ rng.standard_normal(3)
        series.append(shock)
        q = true[0] * long_run + true[1] * np.outer(shock, shock) + true[2] * q
    series, still = np.array(series), np.array([1.0, 0, 0])

    @jax.jit
    def step(free, state):
        shares = constraints.simplex.from_free
        loss = lambda free: -DynamicCorrelation.pure(series, None, shares(free), still)[1].mean()  # noqa: E731
        updates, state = optimiser.update(jax.grad(loss)(free), state)
        return optax.apply_updates(free, updates), state

    optimiser = optax.adam(0.1)
    free = jnp.asarray(constraints.simplex.to_free(np.array([0.4, 0.2, 0.4])))
    state = optimiser.init(free)
    for _ in range(150):
        free, state = step(free, state)
    np.testing.assert_allclose(constraints.simplex.from_free(free), true, atol=0.04)


def test_a_parcel_that_does_not_vary_goes_with_no_other(x64, rng):
    series = rng.standard_normal((40, 3))
    dead = series.copy()
    dead[:, 2] = 7.0
    connectome, likelihood = DynamicCorrelation.pure(dead)
    alone = DynamicCorrelation.pure(series[:, :2])
    np.testing.assert_allclose(connectome[:, :2, :2], alone[0], atol=1e-12)
    np.testing.assert_allclose(likelihood, alone[1], atol=1e-10)
    assert not np.asarray(connectome)[:, 2, :2].any()
    score = lambda x: jnp.sum(DynamicCorrelation.pure(x)[1]) + jnp.sum(DynamicCorrelation.pure(x)[0] ** 2)  # noqa: E731
    assert_gradient(score, series)
    np.testing.assert_allclose(jax.grad(score)(dead)[:, :2], jax.grad(score)(series[:, :2]), atol=1e-8)


def weighed(rng):
    shares = {"dynamics": np.array([0.1, 0.2, 0.7]), "volatility": np.array([0.2, 0.1, 0.7])}
    return {"timeseries": rng.standard_normal((40, 3)) + 5, "frame_weights": rng.uniform(0.2, 1, 40), **shares}


SMALL = {"timeseries": np.random.default_rng(1).standard_normal((40, 3)) + 5}
CASES = [
    Case(EwmaCovariance, {**SMALL, "frame_weights": np.ones(40), "halflife": 4.0}, pandas_ewm, "pandas"),
    Case(
        EwmaCovariance,
        {**SMALL, "frame_weights": np.ones(40), "halflife": 4.0, "kind": "correlation"},
        pandas_ewm,
        "pandas",
    ),
    Case(
        EwmaCovariance,
        lambda rng: {**SMALL, "frame_weights": rng.uniform(0.1, 1, 40), "halflife": 4.0},
        weighted_moments,
        "numpy.cov",
    ),
    Case(DynamicCorrelation, weighed, garch_and_dcc, "Engle (2002), in NumPy", undetermined=("equal columns",)),
]
