"""Leading eigenvectors found alone: against all of them, also where eigenvalues are equal or the search is in vain."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gradients import assert_gradient

from pydra_diffconn.numerics import leading as module
from pydra_diffconn.numerics.leading import leading

SIZE = 90
BASIS = np.linalg.qr(np.random.default_rng(0).standard_normal((SIZE, SIZE)))[0]


def with_eigenvalues(*first, rest=0.1):
    values = np.append(first, np.linspace(-rest, rest, SIZE - len(first)))
    made = (BASIS * values) @ BASIS.T
    return (made + made.T) / 2


RING = np.roll(np.eye(SIZE), 1, axis=0) + np.roll(np.eye(SIZE), -1, axis=0)
MATRICES = {
    "apart": with_eigenvalues(3.0, 2.0, 1.0),
    "equal": with_eigenvalues(3.0, 3.0, 3.0, 3.0, 1.0),
    "equal to many": with_eigenvalues(*[2.0] * 40),
    "nearly equal": with_eigenvalues(3.0, 3.0 - 1e-9, 1.0),
    "a far smallest one": with_eigenvalues(0.5, 0.4, -7.0),
    "all below zero": with_eigenvalues(-1.0, -1.2, rest=0.0) - 2 * np.eye(SIZE),
    "of rank 1": np.ones((SIZE, SIZE)),
    "networks apart": np.kron(np.eye(9), np.ones((10, 10))),
    "the identity": np.eye(SIZE),
    "nothing": np.zeros((SIZE, SIZE)),
    "many close together": RING,
}


@pytest.fixture
def seeks(monkeypatch):
    """Let small matrices be searched as large ones are."""
    monkeypatch.setattr(module, "SMALL", 0)
    monkeypatch.setattr(module, "SHARE", 1)
    jax.clear_caches()


def nothing_found(matrix, count):
    """Stand in for the last resort, to see whether it was taken."""
    return jnp.full(count, jnp.nan), jnp.full((len(matrix), count), jnp.nan)


@pytest.mark.parametrize("kind", ["one", "vmap", "map"])
def test_they_are_the_first_of_all_eigenvectors_with_equal_and_near_eigenvalues(x64, seeks, kind):
    over = {"one": lambda stack: jax.tree.map(lambda *a: jnp.stack(a), *map(jax.jit(lambda a: leading(a, 2)), stack))}
    over |= {"vmap": jax.jit(jax.vmap(lambda a: leading(a, 2)))}
    over |= {"map": jax.jit(lambda stack: jax.lax.map(lambda a: leading(a, 2), stack))}
    stack = np.stack(list(MATRICES.values()))
    for matrix, values, vectors in zip(stack, *over[kind](stack), strict=True):
        every = np.linalg.eigvalsh(matrix)
        scale = np.abs(every).max()
        np.testing.assert_allclose(values, every[: -2 - 1 : -1], atol=1e-13 * scale)
        np.testing.assert_allclose(matrix @ vectors, vectors * values, atol=1e-13 * scale)
        np.testing.assert_allclose(vectors.T @ vectors, np.eye(2), atol=1e-13)


def test_the_search_finds_them_itself_but_for_many_equal_or_close_together(x64, seeks, monkeypatch):
    monkeypatch.setattr(module, "_of_all", nothing_found)
    monkeypatch.setattr(module, "ROUNDS", 4)
    search = jax.jit(lambda a: leading(a, 2)[1])
    found = {name: bool(jnp.all(jnp.isfinite(search(matrix)))) for name, matrix in MATRICES.items()}
    assert [name for name, finite in found.items() if not finite] == ["equal to many", "many close together"]


def test_large_matrices_are_searched_and_agree_with_all(x64, monkeypatch):
    places = np.random.default_rng(0).random((600, 2))
    matrix = np.exp(-np.sum((places[:, None] - places) ** 2, axis=-1) / 0.05)
    values, vectors = np.linalg.eigh(matrix)
    monkeypatch.setattr(module, "_of_all", nothing_found)
    found_values, found = jax.jit(lambda a: leading(a, 3))(matrix)
    sign = np.sign(np.sum(found * vectors[:, :-4:-1], axis=0))
    np.testing.assert_allclose(found_values, values[:-4:-1], rtol=1e-13)
    np.testing.assert_allclose(found * sign, vectors[:, :-4:-1], atol=1e-12)


def test_derivatives_equal_differences_in_both_modes(x64, seeks):
    weights = np.random.default_rng(1).standard_normal((2, SIZE))
    along = np.random.default_rng(2).standard_normal((2, SIZE, SIZE))

    def scalar(matrix, way):
        values, vectors = leading(matrix, 2)
        shape = vectors @ vectors.T if way == "space" else vectors**2 @ jnp.array([1.0, 0.5])
        return weights[0] @ shape @ weights[1] if way == "space" else weights[0] @ shape + values @ values

    for way, matrix in (("each", MATRICES["apart"]), ("space", with_eigenvalues(3.0, 3.0, 1.0))):
        slope = jax.jit(jax.grad(lambda step, m=matrix, w=way: scalar(m + step * (along[0] + along[0].T), w)))
        assert_gradient(lambda step, m=matrix, w=way: scalar(m + step * (along[0] + along[0].T), w), 0.0)
        forward = jax.jit(lambda m, w=way: jax.jvp(lambda a: scalar(a, w), (m,), (along[0] + along[0].T,))[1])
        np.testing.assert_allclose(slope(0.0), forward(matrix), rtol=1e-9)
    moved = lambda steps: scalar(MATRICES["apart"] + jnp.tensordot(steps, along, 1), "each")  # noqa: E731
    slopes = jax.jit(jax.grad(moved))
    numeric = [(slopes(1e-5 * one) - slopes(-1e-5 * one)) / 2e-5 for one in np.eye(2)]
    np.testing.assert_allclose(jax.jit(jax.hessian(moved))(np.zeros(2)), np.array(numeric), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", list(MATRICES))
def test_derivatives_are_finite_and_those_of_all_eigenvectors(x64, seeks, name):
    weights = np.random.default_rng(1).standard_normal((SIZE, 2))

    def of(function):
        return jax.jit(jax.grad(lambda a: jnp.sum(weights * function(a)[1]) + jnp.sum(function(a)[0] ** 2)))

    slope = of(lambda a: leading(a, 2))(MATRICES[name])
    expected = of(lambda a: (module.eigen(a)[0][:-3:-1], module.eigen(a)[1][:, :-3:-1]))(MATRICES[name])
    np.testing.assert_allclose(slope, expected, atol=1e-9 * max(1.0, np.abs(expected).max()))


def test_single_precision_stays_and_is_as_exact_as_all(seeks):
    for name in ("apart", "a far smallest one", "equal"):
        matrix = MATRICES[name].astype(np.float32)
        values, vectors = jax.jit(lambda a: leading(a, 2))(matrix)
        assert values.dtype == vectors.dtype == jnp.float32
        np.testing.assert_allclose(values, np.linalg.eigvalsh(MATRICES[name])[:-3:-1], atol=2e-5)
        np.testing.assert_allclose(matrix @ vectors, vectors * values, atol=2e-5)


def test_missing_values_stay_missing(seeks):
    assert jnp.all(jnp.isnan(leading(jnp.full((SIZE, SIZE), jnp.nan), 2)[0]))
