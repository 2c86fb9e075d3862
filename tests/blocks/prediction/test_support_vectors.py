"""Support vector classification against scikit-learn, with derivatives at the optimum."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from examples import examples
from gradients import assert_gradient, gradient
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.svm import SVC

from pydra_diffconn.blocks import SupportVectorMachine
from pydra_diffconn.testing import Case


def scikit(features, targets, subject_weights, penalty, kernel="linear", gamma=None, **_):
    """Take from libsvm who stands on the margin and who at the limit, and solve for it: libsvm has 32-bit kernels."""
    weights = np.ones(len(features)) if subject_weights is None else subject_weights
    train, gamma = weights > 0, gamma or 1 / features.shape[1]
    product = features @ features.T if kernel == "linear" else rbf_kernel(features, gamma=gamma)
    sides, limits = 2 * targets[train] - 1, weights[train] / penalty
    model = SVC(C=1 / penalty, kernel="precomputed", tol=1e-5, max_iter=1_000_000)
    model.fit(product[np.ix_(train, train)], sides, weights[train])
    dual = np.zeros(train.sum())
    dual[model.support_] = np.abs(model.dual_coef_[0])
    free = (dual > 1e-4 * limits) & (dual < (1 - 1e-4) * limits)
    dual = np.where(free, 0, np.where(dual > limits / 2, limits, 0))
    if free.any():
        quadratic = np.outer(sides, sides) * product[np.ix_(train, train)]
        matrix = np.block([[quadratic[np.ix_(free, free)], sides[free][:, None]], [sides[free], 0]])
        solved = np.linalg.solve(matrix, np.append(1 - quadratic[free] @ dual, -sides @ dual))
        dual[free], offset = solved[:-1], solved[-1]
    else:
        # LIBSVM's middle, too, but that it takes a coefficient of rounding for one on the margin
        to_margin = sides - product[np.ix_(train, train)] @ (sides * dual)
        from_below = (sides > 0) == (dual == 0)
        offset = (to_margin[from_below].max() + to_margin[~from_below].min()) / 2
    return product[:, train] @ (sides * dual) + offset


def subjects(rng, count=40, edges=6, noise=1.0):
    x = rng.standard_normal((count, edges))
    return x, 1.0 * (x[:, 0] - x[:, 1] + noise * rng.standard_normal(count) > 0)


fitted = jax.jit(lambda x, y, penalty: SupportVectorMachine.pure(x, y, penalty=penalty))


@examples(15)
@given(st.integers(0, 2**31), st.floats(0.05, 1e2), st.booleans())
@example(seed=163, penalty=39.0, separable=False)
@example(seed=306493, penalty=72.125, separable=False)
def test_decisions_equal_scikit_learn_for_any_penalty(seed, penalty, separable):
    x, y = subjects(np.random.default_rng(seed), noise=0.0 if separable else 1.0)
    y[:2] = [0, 1]
    with jax.enable_x64(True):
        np.testing.assert_allclose(fitted(x, y, penalty), scikit(x, y, None, penalty), rtol=1e-7, atol=1e-7)


def primal(decision, x, y, penalty):
    weights = np.linalg.lstsq(np.column_stack([x, np.ones(len(x))]), np.asarray(decision), rcond=None)[0][:-1]
    return np.maximum(0, 1 - (2 * y - 1) * np.asarray(decision)).sum() + penalty / 2 * weights @ weights


def test_the_optimum_is_at_least_as_good_as_scikit_learns(x64, rng):
    x, y = subjects(rng, count=100, edges=20)
    assert primal(fitted(x, y, 0.5), x, y, 0.5) <= primal(scikit(x, y, None, 0.5), x, y, 0.5) + 1e-11


@pytest.mark.parametrize("penalty", [1e-5, 1e-3])
def test_hardly_penalised_it_is_still_the_optimum(x64, rng, penalty):
    x, y = subjects(rng)  # libsvm does not converge here: compare with solutions nearby
    best = fitted(x, y, penalty)
    for _ in range(20):
        other = best + 1e-4 * (np.column_stack([x, np.ones(40)]) @ rng.standard_normal(7))
        assert primal(best, x, y, penalty) <= primal(other, x, y, penalty) + 1e-11


def test_more_features_than_subjects(x64, rng):
    x, y = subjects(rng, count=30, edges=200)
    np.testing.assert_allclose(fitted(x, y, 0.1), scikit(x, y, None, 0.1), atol=1e-9)


def test_targets_of_held_out_subjects_are_never_read(x64, rng):
    x, y = subjects(rng)
    train = 1.0 * (np.arange(40) < 25)
    missing = np.where(train > 0, y, np.nan)
    found = SupportVectorMachine.pure(x, missing, train)
    np.testing.assert_allclose(found, scikit(x, y, train, 1.0), atol=1e-9)
    slope = gradient(lambda y: jnp.sum(SupportVectorMachine.pure(x, y, train) ** 2))(y)
    assert np.all(slope[25:] == 0)


def test_balanced_classes_that_are_all_at_their_limit_share_the_middle(x64, rng):
    x, y = rng.standard_normal((10, 3)), 1.0 * (np.arange(10) % 2)
    np.testing.assert_allclose(fitted(x, y, 1e3), scikit(x, y, None, 1e3), atol=1e-6)
    assert_gradient(lambda x: jnp.sum(jnp.arange(10) * fitted(x, y, 1e3)), x)


def test_features_alike_in_all_subjects_give_the_larger_class(x64):
    found = SupportVectorMachine.pure(np.ones((9, 4)), 1.0 * (np.arange(9) < 5))
    np.testing.assert_allclose(found, 1, atol=1e-8)


def test_only_subjects_on_the_margin_or_beyond_have_influence(x64, rng):
    x, y = subjects(rng, count=30)
    decision = np.asarray(fitted(x, y, 1.0))
    inside = (2 * y - 1) * decision > 1 + 1e-6
    assert 0 < inside.sum() < 30
    direction = rng.standard_normal(6)
    of_others = jax.jit(jax.jacrev(lambda x: fitted(x, y, 1.0)[0]))(x) @ direction
    first = inside.nonzero()[0]
    np.testing.assert_allclose(of_others[first[first != 0]], 0, atol=1e-12)


def test_the_penalty_learned_on_held_out_subjects_beats_the_start(x64, rng):
    x, y = subjects(rng, count=60, edges=30, noise=2.0)
    train = 1.0 * (np.arange(60) < 40)

    @jax.jit
    @jax.value_and_grad
    def loss(logarithm):
        decision = SupportVectorMachine.pure(x, y, train, penalty=jnp.exp(logarithm))
        return jnp.mean(jnp.maximum(0, 1 - (2 * y - 1) * decision)[40:])

    point, values = 5.0, []
    for step in range(60):
        value, slope = loss(point)
        values.append(float(value))
        point -= 0.3 * 0.97**step * np.sign(slope)
    grid = min(float(loss(where)[0]) for where in np.linspace(-4, 6, 21))
    assert min(values) < 0.8 * values[0] and min(values) < grid + 0.02


def test_second_derivatives_exist_where_no_one_changes_side(x64, rng):
    x, y = subjects(rng, count=12, edges=4)
    assert_gradient(jax.grad(lambda p: jnp.sum(fitted(x, y, p) ** 2)), 0.7)


X, Y = subjects(np.random.default_rng(3), count=16, edges=5)
WEIGHTS = np.random.default_rng(4).uniform(0.2, 1, 16)
DATA = {"features": X, "targets": Y, "subject_weights": WEIGHTS}
SMOOTH = ("features", "subject_weights", "penalty")
DEGENERATE = {
    "features alike": {"features": np.ones((16, 5))},
    "few equal training subjects, hardly penalised": {
        "features": X[np.arange(16) // 2],
        "subject_weights": 1.0 * (np.arange(16) < 6),
        "penalty": 1e-3,
    },
}
CASES = [
    Case(SupportVectorMachine, DATA, scikit, "sklearn.svm.SVC", DEGENERATE, SMOOTH),
    Case(
        SupportVectorMachine,
        {**DATA, "kernel": "rbf", "gamma": 0.1, "penalty": 0.5},
        scikit,
        "sklearn.svm.SVC",
        smooth=("subject_weights", "gamma"),
    ),
    Case(SupportVectorMachine, {**DATA, "kernel": "correlation", "intercept": False}, smooth=("features",)),
]
