import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from sklearn.linear_model import LinearRegression, Ridge

from pydra_diffconn import constraints
from pydra_diffconn.blocks import RidgeConnectivity
from pydra_diffconn.testing import Case


def regressions(timeseries, frame_weights, penalty):
    """Fit one model for every parcel, one after the other."""
    weights = np.ones(len(timeseries)) if frame_weights is None else frame_weights
    centred = np.sqrt(weights)[:, None] * (timeseries - np.average(timeseries, axis=0, weights=weights))
    z, parcels = centred / np.linalg.norm(centred, axis=0), timeseries.shape[1]
    found = np.zeros((parcels, parcels))
    for parcel in range(parcels):
        others = np.arange(parcels) != parcel
        model = (
            Ridge(alpha=penalty, fit_intercept=False, solver="svd")
            if penalty
            else LinearRegression(fit_intercept=False)
        )
        found[parcel, others] = model.fit(z[:, others], z[:, parcel]).coef_
    return found


def test_it_equals_ridge_on_real_series_with_more_parcels_than_frames(x64, real_series):
    alive = real_series[:, real_series.std(axis=0) > 0][:60, :90]
    np.testing.assert_allclose(RidgeConnectivity.pure(alive, None, 0.3), regressions(alive, None, 0.3), atol=1e-10)


def test_a_dead_parcel_neither_explains_nor_is_explained(x64, rng):
    x = rng.standard_normal((40, 5))
    x[:, 2] = 3.0
    found = np.asarray(RidgeConnectivity.pure(x))
    assert np.all(found[2] == 0) and np.all(found[:, 2] == 0)
    others = RidgeConnectivity.pure(np.delete(x, 2, axis=1))
    np.testing.assert_allclose(np.delete(np.delete(found, 2, 0), 2, 1), others, atol=1e-12)


def test_a_planted_ridge_is_found_by_descent(x64, rng):
    x, rule = rng.standard_normal((40, 6)), constraints.nonnegative
    target = regressions(x, None, 0.37)

    @jax.jit
    def descend(free):
        def step(carry, _):
            free, state = carry
            loss = lambda free: jnp.mean((RidgeConnectivity.pure(x, None, rule.from_free(free)) - target) ** 2)  # noqa: E731
            updates, state = optimiser.update(jax.grad(loss)(free), state)
            return (optax.apply_updates(free, updates), state), None

        return jax.lax.scan(step, (free, optimiser.init(free)), length=150)[0][0]

    optimiser = optax.adam(0.05)
    np.testing.assert_allclose(rule.from_free(descend(jnp.asarray(rule.to_free(1.0)))), 0.37, rtol=1e-3)


def test_series_that_explain_each_other_completely_are_refused(rng):
    with pytest.raises(ValueError, match="8 parcels with variance have rank 5 in 6 usable frames"):
        RidgeConnectivity.check({"timeseries": rng.standard_normal((6, 8)), "penalty": 0.0})
    RidgeConnectivity.check({"timeseries": rng.standard_normal((6, 8)), "penalty": 0.1})


R = np.random.default_rng(4)
CASES = [
    Case(
        RidgeConnectivity,
        {"frame_weights": R.uniform(0.2, 1, 60), "penalty": 0.3},
        regressions,
        "sklearn.linear_model.Ridge",
        {
            "a dead parcel": {"timeseries": R.standard_normal((60, 5)) * [1, 1, 0, 1, 1] + 3},
            "uncorrelated parcels": {"timeseries": np.linalg.qr(R.standard_normal((60, 5)))[0]},
            "equal parcels": {"timeseries": np.repeat(R.standard_normal((60, 1)), 5, axis=1)},
            "few frames": {"frame_weights": (np.arange(60) < 3).astype(float)},
        },
        smooth=("timeseries", "frame_weights", "penalty"),
    ),
    Case(RidgeConnectivity, {"penalty": 0.0}, regressions, "sklearn.linear_model.LinearRegression"),
]
