import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gradients import assert_gradient, finite_gradient
from scipy.special import softmax
from sklearn.metrics import hinge_loss, log_loss, mean_squared_error

from pydra_diffconn import losses
from pydra_diffconn.losses import norms

pytestmark = pytest.mark.usefixtures("x64")
norm = jax.jit(norms.norm, static_argnums=(1, 2))
standardise, unit = jax.jit(norms.standardise, static_argnums=1), jax.jit(norms.unit)


def test_mean_squared_error_equals_sklearn(rng):
    x, y = rng.standard_normal((2, 6, 3))
    np.testing.assert_allclose(losses.MeanSquaredError("x")({"x": x}, y), mean_squared_error(y, x), atol=1e-12)


def test_binary_cross_entropy_equals_sklearn(rng):
    logits, y = rng.standard_normal(30) * 4, rng.integers(0, 2, 30)
    p = 1 / (1 + np.exp(-logits))
    loss = losses.BinaryCrossEntropy("x")
    np.testing.assert_allclose(loss({"x": p}, y), log_loss(y, p), atol=1e-12)
    np.testing.assert_allclose(
        losses.BinaryCrossEntropy("x", logits=True)({"x": logits}, y), log_loss(y, p), atol=1e-12
    )
    certain = jnp.asarray([0.0, 1.0, 0.0])
    np.testing.assert_allclose(loss({"x": certain}, np.array([0, 1, 1])), log_loss([0, 1, 1], certain), rtol=1e-6)
    finite_gradient(lambda x: loss({"x": x}, np.array([0.0, 1, 1])), certain)
    assert_gradient(lambda x: loss({"x": x}, y), np.clip(p, 0.05, 0.95))


def test_softmax_cross_entropy_equals_sklearn_for_classes_and_distributions(rng):
    logits, y = rng.standard_normal((20, 4)) * 3, rng.integers(0, 4, 20)
    loss, expected = losses.SoftmaxCrossEntropy("x"), log_loss(y, softmax(logits, 1), labels=range(4))
    np.testing.assert_allclose(loss({"x": logits}, y), expected, atol=1e-12)
    np.testing.assert_allclose(loss({"x": logits}, np.eye(4)[y]), expected, atol=1e-12)
    assert_gradient(lambda x: loss({"x": x}, y), logits)


def test_hinge_equals_sklearn(rng):
    x, y = rng.standard_normal(30), rng.choice([-1, 1], 30)
    np.testing.assert_allclose(losses.Hinge("x")({"x": x}, y), hinge_loss(y, x), atol=1e-12)


@pytest.mark.parametrize("order", [0.5, 1, 1.5, 2, 3, np.inf])
def test_norms_equal_numpy(rng, order):
    x, y = rng.standard_normal((2, 4, 5))
    np.testing.assert_allclose(norm(x, -1, order), np.linalg.norm(x, order, axis=-1), rtol=1e-12)
    distance = losses.Distance("x", order=order, axis=0)({"x": x}, y)
    np.testing.assert_allclose(distance, np.linalg.norm(x - y, order, axis=0).mean(), rtol=1e-12)
    assert_gradient(lambda x: norm(x, None, order), x)
    x[:, 2], x[1] = 0.0, 0.0
    finite_gradient(lambda x: norm(x, -1, order).sum(), x)


def test_a_norm_neither_overflows_nor_vanishes():
    for size in (1e-200, 1e200):
        np.testing.assert_allclose(norm(jnp.full(4, size)), 2 * size, rtol=1e-12)


def test_values_out_of_range_cost_their_excess(rng):
    x = rng.standard_normal((5, 4))
    found = losses.OutOfRange("x", lower=-0.5, upper=0.2)({"x": x})
    np.testing.assert_allclose(found, np.mean(np.maximum(-0.5 - x, 0) + np.maximum(x - 0.2, 0)), atol=1e-14)
    assert losses.OutOfRange("x")({"x": x}) == 0
    violated = losses.ConstraintViolation("x", constraints=(lambda x: x - 1, lambda x: -x))({"x": x})
    np.testing.assert_allclose(violated, np.mean(np.maximum(np.maximum(x - 1, -x), 0)), atol=1e-14)


def test_vectors_are_normalised_and_dead_ones_are_left(rng):
    x = rng.standard_normal((6, 4)) + 100
    x[:, 1] = 7.0
    np.testing.assert_allclose(unit(np.zeros((2, 3))), 0)
    z = standardise(x, 0)
    np.testing.assert_allclose((z.T @ z)[0, 2], np.corrcoef(x[:, 0], x[:, 2])[0, 1], atol=1e-12)
    np.testing.assert_array_equal(z[:, 1], 0)
    finite_gradient(lambda x: jnp.sum(standardise(x, 0) ** 3), x)


def test_weights_standardise_as_in_numpys_covariance_and_hide_missing_values(rng):
    x, w = rng.standard_normal((9, 3)), rng.random(9)
    z = standardise(x, 0, w[:, None])
    covariance = np.cov(x.T, aweights=w)
    np.testing.assert_allclose(
        (z.T @ z)[0, 1], covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1]), atol=1e-12
    )
    w[4], x[4] = 0, np.nan
    kept = np.arange(9) != 4
    np.testing.assert_allclose(
        np.asarray(standardise(x, 0, w[:, None]))[kept], standardise(x[kept], 0, w[kept, None]), atol=1e-12
    )
