"""Prediction heads against scikit-learn, held-out subjects that cannot leak, hyperparameters that are learned."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from examples import examples
from gradients import assert_gradient, gradient
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import pearsonr
from sklearn import kernel_ridge, linear_model

from pydra_diffconn.blocks import ConnectomePrediction, KernelRidge, LogisticRegression
from pydra_diffconn.blocks.prediction.kernels import critical_correlation
from pydra_diffconn.testing import Case


def subjects(rng, count=30, edges=40, noise=0.5):
    features = rng.standard_normal((count, edges))
    score = features[:, :3].sum(axis=1) - features[:, 3:5].sum(axis=1) + noise * rng.standard_normal(count)
    return features, score


def test_held_out_subjects_are_predicted_as_by_scikit_learn(x64, rng):
    x, y = subjects(rng)
    train = np.arange(30) < 20
    expected = linear_model.Ridge(alpha=2.0).fit(x[train], y[train]).predict(x)
    np.testing.assert_allclose(KernelRidge.pure(x, y, 1.0 * train, penalty=2.0), expected, atol=1e-10)
    model = linear_model.LogisticRegression(C=0.5, tol=1e-12, solver="newton-cholesky")
    expected = model.fit(x[train], y[train] > 0).decision_function(x)
    np.testing.assert_allclose(
        LogisticRegression.pure(x, 1.0 * (y > 0), 1.0 * train, penalty=2.0)[0], expected, atol=1e-9
    )


@pytest.mark.parametrize("block", [KernelRidge, LogisticRegression, ConnectomePrediction])
def test_targets_of_held_out_subjects_are_never_read(x64, rng, block):
    x, y = subjects(rng)
    train, targets = np.arange(30) < 20, 1.0 * (y > 0)
    missing = np.where(train, targets, np.nan)
    for found, expected in zip(
        jax.tree.leaves(block.pure(x, missing, 1.0 * train)),
        jax.tree.leaves(block.pure(x, targets, 1.0 * train)),
        strict=True,
    ):
        np.testing.assert_array_equal(found, expected)
    block.check({"features": x, "targets": missing, "subject_weights": 1.0 * train})
    slope = gradient(lambda y: jnp.sum(jax.tree.leaves(block.pure(x, y, 1.0 * train))[0] ** 2))(targets)
    assert np.all(np.asarray(slope)[~train] == 0)


def test_the_correlation_kernel_is_ridge_on_standardised_subjects(x64, rng):
    x, y = subjects(rng)
    kernel = np.corrcoef(x)
    expected = kernel_ridge.KernelRidge(alpha=0.3, kernel="precomputed").fit(kernel, y).predict(kernel)
    found = KernelRidge.pure(x, y, kernel="correlation", penalty=0.3, intercept=False)
    np.testing.assert_allclose(found, expected, atol=1e-10)


@examples(8)
@given(st.integers(0, 2**31), st.floats(1e-3, 1e2))
def test_logistic_regression_is_stationary_also_when_classes_are_separable(seed, penalty):
    x, y = subjects(np.random.default_rng(seed), count=16, edges=6, noise=0.0)
    y = 1.0 * (y > np.median(y))
    with jax.enable_x64(True):
        decision, probability = fitted(x, y, penalty)
        weights = np.linalg.lstsq(np.column_stack([x, np.ones(16)]), np.asarray(decision), rcond=None)[0][:-1]
        np.testing.assert_allclose(x.T @ (probability - y) + penalty * weights, 0, atol=1e-7)
        assert abs(float(jnp.sum(probability - y))) < 1e-9


fitted = jax.jit(lambda x, y, penalty: LogisticRegression.pure(x, y, penalty=penalty))


def test_the_optimum_has_second_derivatives(x64, rng):
    x, y = subjects(rng, count=12, edges=4)
    loss = lambda p: jnp.sum(LogisticRegression.pure(x, 1.0 * (y > 0), penalty=p)[0] ** 2)  # noqa: E731
    assert_gradient(jax.grad(loss), 0.7)


def test_the_penalty_learned_on_held_out_subjects_is_the_best_of_a_grid(x64, rng):
    x, y = subjects(rng, count=60, noise=3.0)
    train = 1.0 * (np.arange(60) < 40)

    @jax.jit
    def loss(logarithm):
        found = KernelRidge.pure(x, y, train, penalty=jnp.exp(logarithm))
        return jnp.mean((found - y)[40:] ** 2)

    grid = np.linspace(-3, 8, 45)
    best = grid[np.argmin([loss(point) for point in grid])]
    learned, slope = 0.0, jax.jit(jax.grad(loss))
    for step in range(100):
        learned -= 0.5 * 0.96**step * np.sign(slope(learned))
    assert learned == pytest.approx(best, abs=0.3)


def cpm(features, targets, subject_weights, threshold, softness, which):
    r = np.array([pearsonr(edge, targets)[0] for edge in features.T])
    sums = np.column_stack([features[:, r > threshold].sum(axis=1), features[:, r < -threshold].sum(axis=1)])
    sums = sums[:, {"both": [0, 1], "positive": [0], "negative": [1]}[which]]
    chosen = 1.0 * (r > threshold) * (which != "negative") - 1.0 * (r < -threshold) * (which != "positive")
    return linear_model.LinearRegression().fit(sums, targets).predict(sums), chosen


@pytest.mark.parametrize("which", ["both", "positive", "negative"])
def test_connectome_prediction_equals_its_recipe_and_selects_the_planted_edges(x64, rng, which):
    x, y = subjects(rng, count=100)
    threshold = critical_correlation(0.05, 100)
    found = ConnectomePrediction.pure(x, y, threshold=threshold, which=which)
    for one, other in zip(found, cpm(x, y, None, threshold, 0.0, which), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-10)
    assert [np.sign(v) for v in found[1][:5]] == [
        a * (which in ("both", b)) for a, b in [(1, "positive")] * 3 + [(-1, "negative")] * 2
    ]


def test_soft_selection_tends_to_the_hard_one(x64, rng):
    x, y = subjects(rng)
    hard, soft = (ConnectomePrediction.pure(x, y, threshold=0.3, softness=s)[0] for s in (0.0, 1e-6))
    np.testing.assert_allclose(soft, hard, atol=1e-6)


def test_without_selected_edges_the_mean_is_predicted(x64, rng):
    x, y = subjects(rng)
    found, selection = ConnectomePrediction.pure(x, y, threshold=1.0)
    np.testing.assert_allclose(found, y.mean(), atol=1e-12)
    assert not np.any(selection)


def test_the_critical_correlation_has_its_significance(rng):
    x, y = rng.standard_normal((2, 50))
    r, p = pearsonr(x, y)
    assert critical_correlation(p, 50) == pytest.approx(abs(r))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"targets": np.ones(3)}, "targets has 3 subjects, features 4"),
        ({"targets": np.array([0, 1, np.nan, 1])}, "targets is missing for subject 2; give this subject the weight 0"),
        ({"subject_weights": np.array([1.0, 0, 0, 1])}, "2 subjects have a weight"),
        ({"kernel": "poly"}, "kernel = 'poly'; expected one of"),
        ({"targets": np.array([0.0, 2, 1, 1])}, "targets has values from 0 to 2; expected classes 0 and 1"),
        ({"targets": np.ones(4)}, "all training subjects are of class 1"),
    ],
)
def test_bad_arguments_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        LogisticRegression.check({"features": np.ones((4, 2)), "targets": np.array([0.0, 1, 0, 1]), **change})


def scikit_ridge(features, targets, subject_weights, penalty, **_):
    return linear_model.Ridge(alpha=penalty).fit(features, targets, subject_weights).predict(features)


def scikit_kernel(features, targets, subject_weights, kernel, penalty, gamma, intercept):
    model = kernel_ridge.KernelRidge(alpha=penalty, kernel=kernel, gamma=gamma)
    return model.fit(features, targets, subject_weights).predict(features)


def scikit_logistic(features, targets, subject_weights, penalty, **_):
    model = linear_model.LogisticRegression(C=1 / penalty, tol=1e-14, solver="newton-cholesky", max_iter=200)
    model.fit(features, targets, subject_weights)
    return model.decision_function(features), model.predict_proba(features)[:, 1]


X, Y = subjects(np.random.default_rng(3), count=16, edges=20)
WEIGHTS = np.random.default_rng(4).uniform(0.2, 1, 16)
DATA = {"features": X, "targets": Y, "subject_weights": WEIGHTS}
CLASSES = {**DATA, "targets": 1.0 * (Y > 0)}
SMOOTH = ("features", "targets", "subject_weights", "penalty")
DEGENERATE = {
    "features alike": {"features": np.ones((16, 20))},
    "collinear features": {"features": X[:, :1] * np.ones(20)},
    "few training subjects": {"subject_weights": 1.0 * (np.arange(16) < 5)},
}
CASES = [
    Case(KernelRidge, DATA, scikit_ridge, "sklearn.linear_model.Ridge", DEGENERATE, SMOOTH),
    Case(
        KernelRidge,
        {**DATA, "kernel": "rbf", "gamma": 0.04, "penalty": 0.5, "intercept": False},
        scikit_kernel,
        "sklearn.kernel_ridge.KernelRidge",
        DEGENERATE,
        (*SMOOTH, "gamma"),
    ),
    Case(
        LogisticRegression,
        CLASSES,
        scikit_logistic,
        "sklearn.linear_model.LogisticRegression",
        {**DEGENERATE, "separable, hardly penalised": {"penalty": 1e-3}},
        ("features", "subject_weights", "penalty"),
    ),
    Case(
        ConnectomePrediction,
        {**DATA, "subject_weights": None, "threshold": 0.3},
        cpm,
        "Shen et al. (2017), scikit-learn",
        {**DEGENERATE, "none selected": {"threshold": 1.0}, "targets alike": {"targets": np.ones(16)}},
        ("features", "targets"),
    ),
    Case(
        ConnectomePrediction,
        {**DATA, "threshold": 0.3, "softness": 0.05},
        degenerate=DEGENERATE,
        smooth=("features", "targets", "subject_weights", "threshold", "softness"),
    ),
]
