"""Gradients of scores: against central differences, or just finite; compiled, so that they cost one compilation."""

import jax
import numpy as np
from finite_differences import assert_gradient


def assert_slope(function, at):
    assert_gradient(jax.jit(function), at, entries=4)


def finite_slope(function, at):
    slope = jax.jit(jax.grad(function))(at)
    assert np.all(np.isfinite(slope)), "the gradient is not finite"
    return np.asarray(slope)
