"""The decomposition that accelerators compute a batch with: orthogonal, exact to rounding, whatever the rank."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from examples import examples
from hypothesis import example, given
from hypothesis import strategies as st

from pydra_diffconn.numerics import jacobi
from pydra_diffconn.numerics.linalg import ridge_inverse

DECOMPOSED = jax.jit(jacobi.decomposed)
KINDS = ["plain", "nearly equal columns", "equal columns", "an empty column", "all zeros", "graded"]


def tall(kind, columns, rng, rows=60):
    made = rng.standard_normal((rows, columns))
    if kind == "nearly equal columns":
        made[:, -1] = made[:, 0] + 1e-6 * made[:, -1]
    elif kind == "equal columns":
        made[:, -1] = made[:, 0]
    elif kind == "an empty column":
        made[:, 0] = 0
    elif kind == "all zeros":
        made[:] = 0
    elif kind == "graded":
        made = (
            made @ np.diag(10.0 ** -np.linspace(0, 8, columns)) @ np.linalg.qr(rng.standard_normal((columns,) * 2))[0]
        )
    return made


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@examples(30)
@example(kind="nearly equal columns", columns=3, seed=0)  # without rank, beside the column that pairs the last one
@given(kind=st.sampled_from(KINDS), columns=st.integers(1, 12), seed=st.integers(0, 99))
def test_it_is_a_singular_value_decomposition(kind, columns, seed, dtype):
    with jax.enable_x64(dtype == np.float64):
        made = tall(kind, columns, np.random.default_rng(seed)).astype(dtype)
        left, values, right = map(np.asarray, DECOMPOSED(made))
    expected = np.linalg.svd(made.astype(float), compute_uv=False)
    rounding = 40 * np.finfo(dtype).eps
    np.testing.assert_allclose(np.sort(values)[::-1], expected, atol=rounding * max(expected[0], 1e-30))
    np.testing.assert_allclose(left * values @ right, made, atol=rounding * max(expected[0], 1e-30))
    np.testing.assert_allclose(right @ right.T, np.eye(columns), atol=rounding)
    solid = values > columns * np.finfo(dtype).eps * max(expected[0], 1e-30)
    np.testing.assert_allclose(left[:, solid].T @ left[:, solid], np.eye(solid.sum()), atol=rounding)


@pytest.mark.parametrize("kind", KINDS)
def test_ridge_inverses_of_a_batch_and_their_gradients_are_those_of_the_cpu(kind, monkeypatch, x64):
    batch = jnp.stack([tall(kind, 6, np.random.default_rng(seed)) for seed in range(3)])
    weights = jnp.asarray(np.random.default_rng(9).standard_normal((3, 6, 60)))
    # what rounding decides, the rank at nearly equal columns, is left to the penalty
    score = lambda batch: jnp.sum(weights * jax.vmap(lambda one: ridge_inverse(one, 0.1))(batch))  # noqa: E731
    here = jax.jit(jax.value_and_grad(score))(batch)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    there = jax.jit(jax.value_and_grad(lambda batch: score(batch)))(batch)
    for one, other in zip(here, there, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-9, atol=1e-9)
    assert "while" in str(jax.make_jaxpr(lambda batch: score(batch))(batch))
