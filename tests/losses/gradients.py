"""Gradients of scores: against central differences along random directions, or just finite."""

import jax
import numpy as np


def assert_slope(function, at, step=1e-6):
    """Compare the compiled gradient of a scalar function with central differences, in float64."""
    slope, value, rng = finite_slope(function, at), jax.jit(function), np.random.default_rng(1)
    for _ in range(3):
        way = rng.standard_normal(np.shape(at))
        way /= np.linalg.norm(way)
        expected = (float(value(at + step * way)) - float(value(at - step * way))) / (2 * step)
        np.testing.assert_allclose(np.sum(slope * way), expected, rtol=1e-5, atol=1e-7)


def finite_slope(function, at):
    """Return the compiled gradient of a scalar function, after seeing that it is finite."""
    slope = jax.jit(jax.grad(function))(at)
    assert np.all(np.isfinite(slope)), "the gradient is not finite"
    return np.asarray(slope)
