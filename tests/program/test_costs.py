"""What functions cost, against what is known of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pydra_diffconn.program.costs import cost

A, B = np.zeros((20, 30), np.float32), np.zeros((30, 40), np.float32)
PRODUCT = 2 * 20 * 30 * 40
CASES = {
    "product": (lambda a, b: a @ b, PRODUCT),
    "called and differentiable": (jax.jit(jax.checkpoint(lambda a, b: a @ b)), PRODUCT),
    "loop": (lambda a, b: jax.lax.map(lambda _: a @ b, jnp.arange(7)), 7 * PRODUCT),
    "loop by number": (
        lambda a, b: jax.lax.fori_loop(0, 7, lambda _, c: c + a @ b, jnp.zeros((20, 40))),
        7 * (PRODUCT + 801),
    ),
    "the dearer branch": (lambda a, b: jax.lax.cond(a[0, 0] > 0, lambda: a @ b, lambda: jnp.zeros((20, 40))), PRODUCT),
    "transform": (lambda a, b: jnp.fft.rfft(a, axis=0), 2.5 * 600 * np.log2(20)),
    "sum": (lambda a, b: a.sum(), 600),
    "factor": (lambda a, b: jnp.linalg.cholesky(a @ a.T), 2 * 20 * 30 * 20 + 20**3 / 3),
}


@pytest.mark.parametrize("name", CASES)
def test_operations(name):
    function, expected = CASES[name]
    assert cost(function, A, B)["FLOP"] == pytest.approx(expected, rel=0.15)


def test_bytes_are_those_of_inputs_outputs_and_what_lies_between():
    both = 4 * (20 * 30 + 30 * 40 + 20 * 40)
    assert cost(lambda a, b: a + 1, A, B)["B moved"] == 4 * (600 + 1200 + 600)
    assert cost(lambda a, b: jnp.exp(a) @ b, A, B)["B moved"] == 2 * both
    assert cost(lambda a, b: a @ b, A, B)["B at peak"] >= 4 * 800
