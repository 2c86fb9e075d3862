"""Gradients against central differences, in float64."""

from collections.abc import Callable

import numpy as np


def assert_gradient(
    function: Callable, at, step: float = 1e-6, rtol: float = 1e-5, atol: float = 1e-7, entries: int = 6
) -> None:
    """Compare jax.grad of a scalar function with central differences at some entries of its array argument."""
    import jax

    at = np.asarray(at, dtype=np.float64)
    slope = np.asarray(jax.grad(function)(at))
    assert np.all(np.isfinite(slope)), "the gradient is not finite"
    places = np.random.default_rng(1).choice(at.size, min(entries, at.size), replace=False)
    for place in places:
        up, down = at.copy(), at.copy()
        up.flat[place] += step
        down.flat[place] -= step
        expected = (float(function(up)) - float(function(down))) / (2 * step)
        np.testing.assert_allclose(slope.flat[place], expected, rtol=rtol, atol=atol)
