import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gradients import gradient
from sklearn.covariance import graphical_lasso

from pydra_diffconn.blocks import Correlation, GraphicalLasso
from pydra_diffconn.testing import Case


def scikit_learn(covariance, penalty):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it cannot tell that it has converged this far
        return graphical_lasso(covariance, penalty, tol=1e-14, enet_tol=1e-14, max_iter=1000)


def covariance_of(parcels, frames, seed=0):
    rng = np.random.default_rng(seed)
    mixing = np.eye(parcels) + rng.standard_normal((parcels, parcels)) / np.sqrt(parcels)
    return np.cov((rng.standard_normal((frames, parcels)) @ mixing).T)


def optimality(covariance, precision, penalty):
    """How far the optimality conditions are from holding, with P's own inverse."""
    gradient, off = covariance - np.linalg.inv(precision), ~np.eye(len(covariance), dtype=bool)
    used = off & (precision != 0)
    broken = [np.abs(np.diag(gradient)), np.abs((gradient + penalty * np.sign(precision))[used])]
    return max(part.max(initial=0) for part in [*broken, np.abs(gradient[off & ~used]) - penalty])


estimate = jax.jit(GraphicalLasso.pure)


@pytest.mark.parametrize("penalty", [0.05, 0.3])  # below, scikit-learn gives up on the few frames
@pytest.mark.parametrize("frames", [40, 8])
def test_it_equals_scikit_learn_at_convergence_also_with_fewer_frames_than_parcels(x64, frames, penalty):
    covariance = covariance_of(12, frames)
    for found, expected in zip(estimate(covariance, penalty), scikit_learn(covariance, penalty), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-10 * np.abs(expected).max())


def test_a_real_connectome_is_solved_to_rounding_and_its_zeros_are_exact(x64, real_series):
    correlation = np.asarray(Correlation.pure(real_series[:, real_series.std(axis=0) > 0][:, :60]))
    covariance, precision = map(np.asarray, estimate(correlation, 0.2))
    assert optimality(correlation, precision, 0.2) < 1e-12
    assert 0.2 < np.mean(precision == 0) < 0.95 and np.linalg.eigvalsh(precision).min() > 0
    np.testing.assert_allclose(covariance @ precision, np.eye(60), atol=1e-11)


def test_single_precision_solves_to_its_own_rounding():
    covariance = covariance_of(12, 40)
    found = estimate(covariance.astype(np.float32), 0.1)[1]
    assert found.dtype == jnp.float32 and optimality(covariance, np.asarray(found, dtype=float), 0.1) < 1e-5


def test_the_limits_are_the_inverse_and_a_diagonal_matrix(x64):
    covariance = covariance_of(6, 40)
    np.testing.assert_allclose(estimate(covariance, 0.0)[1], np.linalg.inv(covariance), rtol=1e-9, atol=1e-10)
    highest = np.abs(covariance - np.diag(np.diag(covariance))).max()
    np.testing.assert_allclose(estimate(covariance, 1.01 * highest)[1], np.diag(1 / np.diag(covariance)), atol=1e-14)


def test_the_unit_of_the_data_does_not_matter(x64):
    covariance = covariance_of(6, 30)
    np.testing.assert_allclose(estimate(1e6 * covariance, 1e5)[0], 1e6 * estimate(covariance, 0.1)[0], rtol=1e-9)


def test_derivatives_equal_differences_in_both_modes_and_twice(x64):
    covariance, rng = covariance_of(8, 10), np.random.default_rng(3)
    weights, along = rng.standard_normal((2, 8, 8)), rng.standard_normal((8, 8))
    along, step = (along + along.T) / 2, 1e-6

    def scalar(s, penalty):
        return sum(jnp.sum(w * out) for w, out in zip(weights, GraphicalLasso.pure(s, penalty), strict=True))

    value = jax.jit(scalar)
    to_data, to_penalty = jax.jit(jax.grad(scalar, (0, 1)))(covariance, 0.15)
    up, down = value(covariance + step * along, 0.15), value(covariance - step * along, 0.15)
    np.testing.assert_allclose(jnp.sum(to_data * along), (up - down) / (2 * step), rtol=1e-6)
    up, down = value(covariance, 0.15 + step), value(covariance, 0.15 - step)
    np.testing.assert_allclose(to_penalty, (up - down) / (2 * step), rtol=1e-6)
    slope = jax.jit(lambda s: jax.jvp(lambda s: scalar(s, 0.15), (s,), (along,))[1])
    np.testing.assert_allclose(slope(covariance), jnp.sum(to_data * along), rtol=1e-8)
    second = jax.jit(jax.grad(slope))(covariance)
    up, down = slope(covariance + step * along), slope(covariance - step * along)
    np.testing.assert_allclose(jnp.sum(second * along), (up - down) / (2 * step), rtol=1e-5)


def test_a_dead_parcel_leaves_the_others_as_they_are_without_it(x64):
    covariance = covariance_of(6, 30)
    covariance[2] = covariance[:, 2] = 0
    others = np.delete(np.arange(6), 2)
    for found, expected in zip(
        estimate(covariance, 0.1), estimate(covariance[np.ix_(others, others)], 0.1), strict=True
    ):
        np.testing.assert_allclose(np.asarray(found)[np.ix_(others, others)], expected, atol=1e-12)
        assert np.all(np.asarray(found)[2] == 0)
    slope = gradient(lambda s: jnp.sum(GraphicalLasso.pure(s, 0.1)[1]))(covariance)
    assert np.all(np.isfinite(slope)) and np.all(np.asarray(slope)[2] == 0)


def test_planted_independence_is_found_and_the_penalty_learned_from_it(x64):
    """A chain of parcels: only neighbours depend on each other given the rest."""
    truth = np.eye(8) + 0.4 * (np.eye(8, k=1) + np.eye(8, k=-1))
    rng = np.random.default_rng(1)
    covariance = np.cov(rng.multivariate_normal(np.zeros(8), np.linalg.inv(truth), 200).T)
    gradient = jax.jit(jax.grad(lambda log: jnp.sum((GraphicalLasso.pure(covariance, jnp.exp(log))[1] - truth) ** 2)))
    log = jnp.log(0.4)
    for _ in range(60):
        log = log - 0.1 * jnp.clip(gradient(log), -1, 1)
    found = np.asarray(estimate(covariance, jnp.exp(log))[1])
    far = np.abs(np.subtract.outer(np.arange(8), np.arange(8))) > 1
    assert np.mean(found[far] == 0) > 0.3 and np.all(found[np.eye(8, k=1) > 0] > 0.15)
    error = np.sum((found - truth) ** 2)
    assert error < np.sum((np.linalg.inv(covariance) - truth) ** 2) and error < np.sum(
        (estimate(covariance, 0.4)[1] - truth) ** 2
    )


def test_asymmetric_and_singular_covariances_are_refused_as_far_as_they_have_no_solution():
    with pytest.raises(ValueError, match="covariance is not symmetric"):
        GraphicalLasso.check({"covariance": np.array([[1.0, 0.5], [0.0, 1.0]]), "penalty": 0.1})
    with pytest.raises(ValueError, match="has rank 1 and no inverse"):
        GraphicalLasso.check({"covariance": np.ones((3, 3)), "penalty": 0.0})
    GraphicalLasso.check({"covariance": np.ones((3, 3)), "penalty": 0.1})


CASES = [
    Case(
        GraphicalLasso,
        {"covariance": covariance_of(6, 30), "penalty": 0.1},
        scikit_learn,
        "sklearn.covariance.graphical_lasso",
        {
            "a dead parcel": {"covariance": np.diag([1.0, 2.0, 0.0, 1.0])},
            "equal eigenvalues": {"covariance": np.eye(4)},
            "rank one": {"covariance": np.ones((4, 4))},
        },
    ),
]


@pytest.mark.parametrize(("change", "penalty"), [(0.0, 1e-3), (7.0, 0.1)], ids=["nearly singular", "indefinite"])
def test_where_the_minimum_is_not_reached_nothing_is_given(x64, tmp_path, change, penalty):
    """It would be zeros and numbers of some way to it, up to 1e12 of what is no covariance."""
    covariance = covariance_of(60, 30)
    covariance[:, 1] += change
    covariance[1] += change
    task = GraphicalLasso(covariance=covariance, penalty=penalty)
    with pytest.raises(ValueError, match="what the docstring says of NaN"):
        task(cache_root=tmp_path, worker="debug")
