"""Matrix functions against SciPy, their derivatives against finite differences, also at equal eigenvalues."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from gradients import assert_gradient, gradient

from pydra_diffconn.numerics import spd

FUNCTIONS = {
    "logarithm": (spd.logarithm, scipy.linalg.logm),
    "exponential": (spd.exponential, scipy.linalg.expm),
    "square root": (spd.square_root, scipy.linalg.sqrtm),
    "inverse square root": (spd.inverse_square_root, lambda a: scipy.linalg.inv(scipy.linalg.sqrtm(a))),
    "inverse": (spd.inverse, scipy.linalg.inv),
    "power": (lambda a: spd.power(a, 0.3), lambda a: scipy.linalg.fractional_matrix_power(a, 0.3)),
    "guarded": (lambda a: spd.guarded(a, 0.5), lambda a: lifted(a, 0.5)),
}
EIGENVALUES = {
    "distinct": [0.3, 0.9, 2.0, 5.0],
    "nearly equal": [1.0, 1.0 + 1e-9, 2.0, 2.0 + 1e-5],
    "equal": [1.5, 1.5, 1.5, 0.2],
    "all equal": [2.0, 2.0, 2.0, 2.0],
    "ill conditioned": [1e-6, 1e-3, 1.0, 10.0],
}


def lifted(matrix, eps):
    values, vectors = np.linalg.eigh(matrix)
    return vectors * np.maximum(values, eps * values.mean()) @ vectors.T


def with_eigenvalues(values, seed=0):
    vectors = np.linalg.qr(np.random.default_rng(seed).standard_normal((len(values), len(values))))[0]
    return (vectors * np.asarray(values)) @ vectors.T


def symmetric(seed, size=4):
    made = np.random.default_rng(seed).standard_normal((size, size))
    return made + made.T


@pytest.mark.parametrize("name", list(FUNCTIONS))
@pytest.mark.parametrize("case", list(EIGENVALUES))
def test_values_equal_scipy(x64, name, case):
    function, oracle = FUNCTIONS[name]
    matrix = with_eigenvalues(EIGENVALUES[case])
    expected = oracle(matrix)
    np.testing.assert_allclose(function(matrix), expected, rtol=1e-9, atol=1e-10 * np.abs(expected).max())


@pytest.mark.parametrize("name", list(FUNCTIONS))
def test_derivatives_of_first_and_second_order_equal_differences(x64, name):
    """In both modes and all four of their pairs, at distinct and at equal eigenvalues."""
    function, weights, along, other = FUNCTIONS[name][0], symmetric(1), symmetric(2), symmetric(3)

    def scalar(a):
        return jnp.sum(weights * function(a))

    def forward(a):
        return jax.jvp(scalar, (a,), (along,))[1]

    def reverse(a):
        return jnp.sum(along * jax.grad(scalar)(a))

    @jax.jit
    def derivatives(a):
        second = [jax.jvp(slope, (a,), (other,))[1] for slope in (forward, reverse)]
        second += [jnp.sum(other * jax.grad(slope)(a)) for slope in (forward, reverse)]
        return scalar(a), forward(a), reverse(a), jnp.stack(second)

    for case in ("distinct", "nearly equal", "equal", "all equal"):
        at, step = with_eigenvalues(EIGENVALUES[case]), 1e-5
        _, found, found_reverse, second = derivatives(at)
        up, down = derivatives(at + step * along)[0], derivatives(at - step * along)[0]
        np.testing.assert_allclose(found, (up - down) / (2 * step), rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(found_reverse, found, rtol=1e-9)
        up, down = derivatives(at + step * other)[1], derivatives(at - step * other)[1]
        np.testing.assert_allclose(second, (up - down) / (2 * step), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", list(FUNCTIONS))
def test_jit_vmap_and_stacks_agree_with_one_by_one(x64, name):
    function = FUNCTIONS[name][0]
    stack = np.array([with_eigenvalues(values) for values in list(EIGENVALUES.values())[:4]])
    expected = np.array([function(matrix) for matrix in stack])
    np.testing.assert_allclose(jax.jit(jax.vmap(function))(stack), expected, atol=1e-12)
    np.testing.assert_allclose(function(stack), expected, atol=1e-12)
    hessian = jax.jit(jax.vmap(jax.hessian(lambda a: jnp.sum(function(a) ** 2))))(stack)
    assert np.all(np.isfinite(hessian))
    np.testing.assert_allclose(hessian, np.swapaxes(hessian.reshape(4, 16, 16), 1, 2).reshape(hessian.shape), atol=1e-8)


def test_the_exponent_of_a_power_has_a_derivative_and_zero_and_one_are_exact_powers(x64):
    matrix, weights = with_eigenvalues(EIGENVALUES["equal"]), symmetric(3)
    assert_gradient(lambda p: jnp.sum(weights * spd.power(matrix, p)), 0.7)
    np.testing.assert_allclose(spd.power(matrix, 1.0), matrix, atol=1e-14)
    np.testing.assert_allclose(spd.power(matrix, 0.0), np.eye(4), atol=1e-15)


def test_only_the_symmetric_part_counts(x64):
    matrix, skew = with_eigenvalues(EIGENVALUES["distinct"]), np.triu(symmetric(4), 1)
    np.testing.assert_allclose(spd.logarithm(matrix + skew - skew.T), spd.logarithm(matrix), atol=1e-12)


def test_float32_stays_float32_and_is_accurate_at_nearly_equal_eigenvalues():
    values = [1.0, 1.0 + 1e-4, 1.0 + 2e-4, 3.0]
    matrix, along = with_eigenvalues(values).astype(np.float32), symmetric(1).astype(np.float32)
    for function, _ in list(FUNCTIONS.values())[:6]:
        change = jax.jit(lambda a, by, function=function: jax.jvp(function, (a,), (by,))[1])
        found = change(matrix, along)
        assert found.dtype == jnp.float32
        with jax.enable_x64(True):
            expected = change(matrix.astype(float), along.astype(float))
        np.testing.assert_allclose(found, expected, atol=2e-5)


def test_the_guard_leaves_matrices_inside_the_cone_as_they_are_and_lifts_the_others(x64):
    inside = symmetric(0) @ symmetric(0) + np.eye(4)
    np.testing.assert_array_equal(spd.guarded(inside, 1e-6), inside)
    assert np.linalg.eigvalsh(spd.guarded(np.zeros((3, 3)), 1e-6)).min() > 0
    singular = with_eigenvalues([0.0, 0.0, 1.0, 3.0])
    lowest = np.linalg.eigvalsh(spd.guarded(singular, 1e-6))[:2]
    np.testing.assert_allclose(lowest, 1e-6, rtol=1e-6)
    slope = gradient(lambda a: jnp.sum(symmetric(1) * spd.logarithm(spd.guarded(a, 1e-6))))(singular)
    assert np.all(np.isfinite(slope))


def test_eigenvectors_have_right_derivatives_apart_and_finite_ones_together(x64):
    matrix, mixed = with_eigenvalues(EIGENVALUES["distinct"]), symmetric(1) + np.triu(symmetric(2))
    assert_gradient(lambda a: jnp.sum(mixed * spd.eigen((a + a.T) / 2)[1]), matrix)
    # a function of the matrix has a derivative also where eigenvalues are equal: here the projector on both pairs
    halves = np.diag([1.0, 1.0, 3.0, 3.0])

    def projector(a):
        vectors = spd.eigen((a + a.T) / 2)[1][:, 2:]
        return jnp.sum(mixed * (vectors @ vectors.T))

    assert_gradient(projector, halves)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.array([[1.0, 0.5], [0.0, 1.0]]), r"a is not symmetric: \[0, 1\] = 0.5, \[1, 0\] = 0"),
    ],
)
def test_what_is_no_symmetric_matrix_is_refused(matrix, message):
    with pytest.raises(ValueError, match=message):
        spd.check_symmetric(matrix, "a")
