"""The logarithm of the modified Bessel function, for any dimension and concentration, with all derivatives.

Large orders have Debye's uniform expansion, right for every argument; smaller ones follow from it by the recurrence of
ratios I_(v+1) / I_v downwards, in which errors die out. Abramowitz & Stegun (1964), 9.7.7 and 9.6.26.
"""

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

LARGE_ORDER = 40.0  # from here on the expansion is right to the last digits of float64
TERMS = 9


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def log_bessel(order: float, argument: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return log(I_v(x) / (x / 2)^v) for a fixed order v >= 0 and x >= 0: smooth, and -log Gamma(v + 1) at x = 0."""
    return _value_and_ratio(order, argument)[0]


@log_bessel.defjvp
def _log_bessel_derivative(order: float, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, ...]:
    (argument,), (change,) = primals, tangents
    return log_bessel(order, argument), bessel_ratio(order, argument) * change


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def bessel_ratio(order: float, argument: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return I_(v+1)(x) / I_v(x), which rises from 0 to 1; with v = d / 2 - 1 the mean resultant length."""
    return argument / 2 * _value_and_ratio(order, argument)[1]


@bessel_ratio.defjvp
def _bessel_ratio_derivative(order: float, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, ...]:
    (argument,), (change,) = primals, tangents
    ratio = bessel_ratio(order, argument)
    # 1 - r^2 - (2 v + 1) r / x, without the division
    slope = 1 - ratio**2 - (order + 0.5) * _value_and_ratio(order, argument)[1]
    return ratio, slope * change


def _value_and_ratio(order: float, argument: Array) -> tuple[Array, Array]:
    """Return log(I_v(x) / (x / 2)^v), and (2 / x) I_(v+1) / I_v.

    All is computed relative to x = 0, where I_v / (x / 2)^v is 1 / Gamma(v + 1): large logarithms that cancel would
    cost the digits of float32.
    """
    argument = jnp.asarray(argument)
    steps = max(0, int(np.ceil(LARGE_ORDER - order)))
    value, ratio = _debye(order + steps, argument)
    quarter = argument**2 / 4

    def down(state: tuple[Any, ...], above: Any) -> tuple[Any, ...]:
        value, ratio = state
        growth = quarter * ratio / above
        return (value + jnp.log1p(growth), 1 / (above * (1 + growth))), None

    above = jnp.asarray(order + np.arange(steps, 0, -1), dtype=value.dtype)
    value, ratio = jax.lax.scan(down, (value, ratio), above)[0]
    return value - math.lgamma(order + 1), ratio


def _debye(order: float, argument: Array) -> tuple[Array, Array]:
    """Return log(Gamma(v + 1) I_v(x) / (x / 2)^v) by the uniform expansion, and (2 / x) I_(v+1) / I_v.

    The ratio is the exponential of a difference of such logarithms, in which all that is large cancels on paper.
    """
    radius, next_radius = (jnp.sqrt(v**2 + argument**2) for v in (order, order + 1))
    longer, more = argument**2 / (radius + order), (2 * order + 1) / (next_radius + radius)
    series, next_series = _series(order, order / radius), _series(order + 1, (order + 1) / next_radius)
    value = longer - order * jnp.log1p(longer / (2 * order)) - jnp.log1p(longer / order) / 2 + series
    difference = (
        more
        - 1
        - jnp.log1p(argument**2 / (next_radius + order + 1) / (2 * (order + 1)))
        - order * (jnp.log1p((1 + more) / (order + radius)) - math.log1p(1 / order))
        - (jnp.log1p(more / radius) - math.log1p(1 / order)) / 2
        + next_series
        - series
    )
    return value, jnp.exp(difference) / (order + 1)


def _series(order: float, cosine: Array) -> Array:
    """Return log sum_k u_k(t) / v^k, less its value at x = 0 (t = 1)."""
    coefficients = np.zeros(3 * TERMS + 1)
    for k, polynomial in enumerate(POLYNOMIALS[1:], start=1):
        coefficients[: len(polynomial)] += polynomial / order**k
    total = jnp.polyval(jnp.asarray(coefficients[::-1], dtype=cosine.dtype), cosine)
    return jnp.log1p(total) - math.log1p(coefficients.sum())


def _polynomials(count: int) -> list[np.ndarray]:
    """Return the coefficients (lowest first) of Debye's polynomials u_k(t)."""
    polynomials = [np.polynomial.Polynomial([1.0])]
    half, inner = np.polynomial.Polynomial([0, 0, 0.5, 0, -0.5]), np.polynomial.Polynomial([1, 0, -5])
    for _ in range(count):
        last = polynomials[-1]
        polynomials.append(half * last.deriv() + (inner * last).integ() / 8)
    return [polynomial.coef for polynomial in polynomials]


POLYNOMIALS = _polynomials(TERMS)
