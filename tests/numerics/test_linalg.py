import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gradients import assert_gradient, gradient
from jax.test_util import check_grads
from scipy.linalg import polar

from pydra_diffconn.numerics.linalg import (
    apply_over_time,
    column_maxima,
    column_sums,
    nearest_rotation,
    pseudo_inverse,
    ridge_inverse,
    scale_columns,
    symmetric_product,
    weighted_gram,
)


@pytest.mark.parametrize("shape", [(30, 4), (4, 30), (6, 6)])
def test_the_pseudo_inverse_is_numpys_with_its_derivative(x64, rng, shape):
    matrix, weights = rng.standard_normal(shape), rng.standard_normal(shape[::-1])
    np.testing.assert_allclose(pseudo_inverse(matrix), np.linalg.pinv(matrix), atol=1e-12)
    assert_gradient(lambda m: jnp.sum(weights * pseudo_inverse(m)), matrix)


def test_dependent_columns_are_no_trouble(x64, rng):
    matrix = rng.standard_normal((30, 3))[:, [0, 1, 0, 2]]
    np.testing.assert_allclose(pseudo_inverse(matrix), np.linalg.pinv(matrix, rcond=1e-12), atol=1e-12)
    y = rng.standard_normal(30)
    fitted = lambda m: jnp.sum((y - m @ (pseudo_inverse(m) @ y)) ** 2)  # noqa: E731
    assert np.all(np.isfinite(gradient(fitted)(matrix)))
    # moved together, equal columns stay equal: the rank stays, and the derivative is the one of three columns
    assert_gradient(lambda three: fitted(three[:, jnp.array([0, 1, 0, 2])]), matrix[:, [0, 1, 3]])


def by_singular_values(matrix, penalty):
    left, values, right = np.linalg.svd(matrix, full_matrices=False)
    return (right.T * (values / (values**2 + penalty))) @ left.T


@pytest.mark.parametrize("shape", [(30, 4), (4, 30), (6, 6)])
@pytest.mark.parametrize("copied", [False, True], ids=["independent", "equal"])
@pytest.mark.parametrize("penalty", [1e-3, 0.3, 50.0])
def test_the_ridge_inverse_is_that_of_singular_values_with_derivatives(x64, rng, shape, copied, penalty):
    matrix, weights = rng.standard_normal(shape), rng.standard_normal(shape[::-1])
    if copied:
        matrix[:, 1] = matrix[:, 0]
        matrix[:, 2] = 0
    np.testing.assert_allclose(ridge_inverse(matrix, penalty), by_singular_values(matrix, penalty), atol=1e-10)
    tolerance = {"rtol": 1e-4, "atol": 1e-3} if penalty < 0.1 else {}
    assert_gradient(lambda m: jnp.sum(weights * ridge_inverse(m, penalty)), matrix, **tolerance)
    assert_gradient(lambda p: jnp.sum(weights * ridge_inverse(matrix, p)), penalty, step=penalty * 1e-5)


def test_the_derivative_of_the_ridge_inverse_has_one_too_also_without_penalty(x64, rng):
    matrix = rng.standard_normal((9, 3))
    check_grads(ridge_inverse, (matrix, 0.3), order=2)
    check_grads(pseudo_inverse, (matrix,), order=2)
    slopes = jax.jit(jax.hessian(lambda p: jnp.sum(ridge_inverse(matrix, p) ** 2)))(0.0)
    near = jax.jit(jax.hessian(lambda p: jnp.sum(ridge_inverse(matrix, p) ** 2)))(1e-9)
    np.testing.assert_allclose(slopes, near, rtol=1e-6)


@pytest.mark.parametrize("penalty", [1e-2, 0.1, 1.0, 0.0])
@pytest.mark.parametrize("apart", [1e-2, 1e-4, 1e-6])
def test_nearly_collinear_columns_cost_no_digits_of_what_they_explain(x64, rng, apart, penalty):
    matrix, y = rng.standard_normal((200, 3)), rng.standard_normal(200)
    matrix = np.c_[matrix, matrix[:, 0] - matrix[:, 1] + apart * rng.standard_normal(200)]
    expected = matrix @ by_singular_values(matrix, penalty) @ y
    np.testing.assert_allclose(matrix @ ridge_inverse(matrix, penalty) @ y, expected, atol=1e-10)


@pytest.mark.parametrize("columns", [10, 2500, 5000])
def test_an_operator_over_time_is_its_product(x64, rng, columns):
    operator, series = rng.standard_normal((5, 20)), rng.standard_normal((20, columns)) + 100
    constant, weights = operator.sum(axis=1), rng.standard_normal((5, columns))
    np.testing.assert_allclose(apply_over_time(operator, constant, series), operator @ series, atol=1e-9)
    assert_gradient(lambda s: jnp.sum(weights * apply_over_time(operator, constant, s)), series, step=1e-4)
    assert_gradient(lambda o: jnp.sum(weights * apply_over_time(o, o.sum(axis=1), series)), operator, atol=1e-4)


def test_a_weighted_gram_matrix_and_its_derivatives(x64, rng):
    series, weights = rng.standard_normal((7, 4)), rng.random(7)
    np.testing.assert_allclose(weighted_gram(series, weights), series.T @ np.diag(weights) @ series)
    check_grads(weighted_gram, (series, weights), order=2)
    check_grads(lambda series: weighted_gram(series, weights), (series,), order=2)
    check_grads(lambda weights: weighted_gram(series, weights), (weights,), order=2)
    np.testing.assert_allclose(weighted_gram(series, None), series.T @ series)
    check_grads(lambda series: weighted_gram(series, None), (series,), order=2)


@pytest.mark.parametrize("size", [299, 401, 1000])
def test_half_of_a_symmetric_product_is_all_of_it_with_the_derivative_of_all(x64, rng, size):
    series, weights, change = rng.standard_normal((12, size)), rng.random(12), rng.standard_normal((12, size))
    plain = jax.jit(lambda x: (weights[:, None] * x).T @ x)
    halved = jax.jit(lambda x: symmetric_product((weights[:, None] * x).T, x.T))
    np.testing.assert_allclose(halved(series), plain(series), rtol=0, atol=1e-13)
    for one, other in zip(jax.jvp(halved, (series,), (change,)), jax.jvp(plain, (series,), (change,)), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-13)
    slope = rng.standard_normal((size, size))
    back, expected = (jax.vjp(f, jnp.asarray(series))[1](slope)[0] for f in (halved, plain))
    np.testing.assert_allclose(back, expected, rtol=0, atol=1e-11)
    stacked = jax.jit(jax.vmap(lambda x: symmetric_product(x.T, x.T)))(np.stack([series, change]))
    np.testing.assert_allclose(stacked[1], change.T @ change, rtol=0, atol=1e-12)


def test_columns_are_summed_scaled_and_compared(x64, rng):
    matrix, factor = rng.standard_normal((5, 8)), rng.random(8)
    np.testing.assert_allclose(column_sums(matrix), matrix.sum(axis=0))
    among = matrix < 1
    among[:, 0] = False
    np.testing.assert_array_equal(column_maxima(matrix, among), np.where(among, matrix, -np.inf).max(axis=0))
    np.testing.assert_array_equal(scale_columns(matrix, factor), matrix * factor)
    check_grads(scale_columns, (matrix, factor), order=1, modes=["rev"])


def test_the_nearest_rotation_is_scipys_with_a_derivative_also_at_equal_singular_values(x64, rng):
    tall, mixed = rng.standard_normal((6, 4)), rng.standard_normal((6, 4))
    np.testing.assert_allclose(nearest_rotation(tall), polar(tall)[0], atol=1e-12)
    for at in (np.eye(4), tall[:4], tall, np.eye(6, 4)):
        assert_gradient(lambda a: jnp.sum(mixed[: len(a)] * nearest_rotation(a)), at)
    assert np.all(np.isfinite(jax.jit(jax.jacobian(nearest_rotation))(np.zeros((4, 4)))))
