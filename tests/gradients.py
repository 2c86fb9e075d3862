"""Gradients of scalar functions, compiled: against central differences in float64, or just finite."""

from collections.abc import Callable

import numpy as np


def gradient(function: Callable, argnums: int | tuple[int, ...] = 0) -> Callable:
    """Return the compiled gradient: taken operation by operation, each one of them is a compilation."""
    import jax

    return jax.jit(jax.grad(function, argnums))


def finite_gradient(function: Callable, at) -> np.ndarray:
    """Return the gradient of a scalar function, after seeing that it is finite."""
    slope = np.asarray(gradient(function)(at))
    assert np.all(np.isfinite(slope)), "the gradient is not finite"
    return slope


def assert_gradient(
    function: Callable, at, step: float = 1e-6, rtol: float = 1e-5, atol: float = 1e-7, entries: int = 6
) -> None:
    """Compare the gradient with central differences at some entries and along three random directions."""
    import jax

    at, rng = np.asarray(at, dtype=np.float64), np.random.default_rng(1)
    both = jax.jit(jax.value_and_grad(function))
    slope = np.asarray(both(at)[1])
    assert np.all(np.isfinite(slope)), "the gradient is not finite"
    for way in _directions(at, entries, rng):
        expected = (float(both(at + step * way)[0]) - float(both(at - step * way)[0])) / (2 * step)
        np.testing.assert_allclose(np.sum(slope * way), expected, rtol=rtol, atol=atol)


def _directions(at: np.ndarray, entries: int, rng: np.random.Generator):
    for place in rng.choice(at.size, min(entries, at.size), replace=False):
        yield (np.arange(at.size) == place).reshape(at.shape).astype(np.float64)
    for _ in range(3 if at.ndim else 0):
        way = rng.standard_normal(at.shape)
        yield way / np.linalg.norm(way)
