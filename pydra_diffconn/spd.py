"""Functions of symmetric matrices whose derivatives last: logarithm, exponential, roots, powers, and the cone's guard.

A function of a symmetric matrix acts on its eigenvalues. Its derivative (Daleckii & Krein 1965) needs no derivative of
an eigenvector: in the eigenbasis a change of the matrix is multiplied by the divided differences of the function,
f[a, b] = (f(a) - f(b)) / (a - b), whose limit at a = b is the slope. Each function below says its own f[a, b] in a form
that loses no digits as a and b meet, so that equal eigenvalues are no special case. First and second derivatives are
exact, forwards and backwards; all functions take stacks (..., n, n) and use the symmetric part of what they are given.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Matrix = Float[Array, "... n n"]
CLOSE = 0.1  # below this, sinh(d) / d and its like are summed as series


@dataclass(frozen=True)
class Spectral:
    """A function on eigenvalues, and what its derivatives need."""

    value: Callable[[Any], Any]
    divided: Callable[[Any, Any], Any]
    """f[a, b], accurate also where a and b are close or equal."""
    positive: bool = True
    """Whether eigenvalues are positive, so that their distance is judged relative to their size."""


def logarithm(matrix: Matrix) -> Matrix:
    """Return the logarithm of a positive definite matrix; `guarded` makes any covariance one.

    >>> bool(jnp.allclose(logarithm(jnp.eye(3)), 0.0))
    True
    """
    return _spectral(_LOGARITHM, matrix)


def exponential(matrix: Matrix) -> Matrix:
    """Return the exponential of a symmetric matrix."""
    return _spectral(_EXPONENTIAL, matrix)


def square_root(matrix: Matrix) -> Matrix:
    """Return the positive definite square root of a positive definite matrix."""
    return _spectral(_SQUARE_ROOT, matrix)


def inverse_square_root(matrix: Matrix) -> Matrix:
    """Return the inverse of the square root of a positive definite matrix: what whitens with it."""
    return _spectral(_INVERSE_SQUARE_ROOT, matrix)


def inverse(matrix: Matrix) -> Matrix:
    """Return the inverse of a positive definite matrix."""
    return _spectral(_INVERSE, matrix)


def power(matrix: Matrix, exponent: Any) -> Matrix:
    """Return a real power of a positive definite matrix; the exponent has a derivative too."""
    return exponential(exponent * logarithm(matrix))


def guarded(matrix: Matrix, eps: float) -> Matrix:
    """Lift eigenvalues below `eps` times their mean to that floor; a matrix well inside the cone stays as it is.

    Where all eigenvalues are at most zero there is no scale to take the floor from, and it is `eps` itself.
    """
    matrix = jnp.asarray(matrix)
    size = matrix.shape[-1]
    mean = jnp.trace(matrix, axis1=-2, axis2=-1) / size
    floor = eps * jnp.where(mean > 0, mean, 1.0)[..., None, None] * jnp.eye(size, dtype=matrix.dtype)
    # what the floor adds is formed alone: of a matrix inside the cone it is zero, and no digit of it is lost
    return symmetric(matrix) + _spectral(_POSITIVE_PART, floor - matrix)


def congruence(outer: Matrix, matrix: Matrix) -> Matrix:
    """Return outer @ matrix @ outer for symmetric arguments, symmetric to the last bit."""
    return symmetric(outer @ matrix @ outer)


def symmetric(matrix: Matrix) -> Matrix:
    """Return the mean of a matrix and its transpose."""
    return (matrix + jnp.swapaxes(matrix, -1, -2)) / 2


# --- the derivatives ------------------------------------------------------------------------------------------------


@partial(jnp.vectorize, excluded=(0,), signature="(n,n)->(n,n)")
def _spectral(function: Spectral, matrix: Float[Array, "n n"]) -> Float[Array, "n n"]:
    return _apply(function, matrix)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _apply(function: Spectral, matrix: Float[Array, "n n"]) -> Float[Array, "n n"]:
    values, vectors = jnp.linalg.eigh(matrix)
    return (vectors * function.value(values)) @ vectors.T


@_apply.defjvp
def _apply_derivative(function: Spectral, primals: tuple, tangents: tuple) -> tuple:
    return _apply(function, *primals), _first(function, *primals, *tangents)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _first(function: Spectral, matrix: Float[Array, "n n"], change: Float[Array, "n n"]) -> Float[Array, "n n"]:
    """Return the derivative in the direction of a change, which is linear in the change."""
    values, vectors = jnp.linalg.eigh(matrix)
    inner = vectors.T @ symmetric(change) @ vectors
    return vectors @ (function.divided(values[:, None], values[None, :]) * inner) @ vectors.T


@_first.defjvp
def _first_derivative(function: Spectral, primals: tuple, tangents: tuple) -> tuple:
    (matrix, change), (turn, further) = primals, tangents
    return _first(function, matrix, change), _first(function, matrix, further) + _second(function, matrix, change, turn)


def _second(function: Spectral, matrix: Array, change: Array, turn: Array) -> Array:
    """Return the second derivative: in the eigenbasis, sum_k f[i, k, j] (E_ik H_kj + H_ik E_kj)."""
    values, vectors = jnp.linalg.eigh(matrix)
    one, other = (vectors.T @ symmetric(direction) @ vectors for direction in (change, turn))

    def add(total: Array, k: Array) -> tuple[Array, None]:
        weight = _twice_divided(function, values[:, None], values[k], values[None, :])
        mixed = one[:, k, None] * other[k] + other[:, k, None] * one[k]
        return total + weight * mixed, None

    # one k at a time, so that the n x n x n differences never exist together
    total, _ = jax.lax.scan(add, jnp.zeros_like(one), jnp.arange(len(values)))
    return vectors @ total @ vectors.T


def _twice_divided(function: Spectral, a: Array, b: Array, c: Array) -> Array:
    """Return f[a, b, c], divided by the largest of the three distances; its slope is the limit if all are small."""
    low, high = jnp.minimum(jnp.minimum(a, b), c), jnp.maximum(jnp.maximum(a, b), c)
    middle = jnp.minimum(jnp.maximum(jnp.minimum(a, b), c), jnp.maximum(a, b))
    scale = jnp.abs(low) + jnp.abs(high) if function.positive else 1.0
    far = high - low > jnp.finfo(low.dtype).eps ** (1 / 3) * scale
    difference = function.divided(high, middle) - function.divided(low, middle)
    quotient = difference / jnp.where(far, high - low, 1.0)
    centre = (low + high) / 2
    _, slope = jax.jvp(lambda x: function.divided(x, middle), (centre,), (jnp.ones_like(centre),))
    return jnp.where(far, quotient, slope)


# --- the functions --------------------------------------------------------------------------------------------------


def _sinh_ratio(distance: Array) -> Array:
    """Return sinh(d) / d, whose value at 0 is 1."""
    far = jnp.abs(distance) > CLOSE
    near = jnp.where(far, 0.0, distance) ** 2
    series = 1 + near / 6 * (1 + near / 20 * (1 + near / 42 * (1 + near / 72)))
    return jnp.where(far, jnp.sinh(distance) / jnp.where(far, distance, 1.0), series)


def _logarithm_divided(a: Array, b: Array) -> Array:
    """With d half the difference of the logarithms, (log a - log b) / (a - b) = d / (sqrt(a b) sinh d)."""
    # log1p keeps the digits of a ratio near 1
    low, high = jnp.minimum(a, b), jnp.maximum(a, b)
    return 1 / (jnp.sqrt(a) * jnp.sqrt(b) * _sinh_ratio(jnp.log1p((high - low) / low) / 2))


def _positive_part_divided(a: Array, b: Array) -> Array:
    distinct = a != b
    return jnp.where(
        distinct,
        (jnp.maximum(a, 0.0) - jnp.maximum(b, 0.0)) / jnp.where(distinct, a - b, 1.0),
        jnp.where(a > 0, 1.0, 0.0),
    )


_LOGARITHM = Spectral(jnp.log, _logarithm_divided)
_EXPONENTIAL = Spectral(jnp.exp, lambda a, b: jnp.exp((a + b) / 2) * _sinh_ratio((a - b) / 2), positive=False)
_SQUARE_ROOT = Spectral(jnp.sqrt, lambda a, b: 1 / (jnp.sqrt(a) + jnp.sqrt(b)))
_INVERSE_SQUARE_ROOT = Spectral(
    lambda a: 1 / jnp.sqrt(a), lambda a, b: -1 / (jnp.sqrt(a) * jnp.sqrt(b) * (jnp.sqrt(a) + jnp.sqrt(b)))
)
_INVERSE = Spectral(lambda a: 1 / a, lambda a, b: -1 / (a * b))
_POSITIVE_PART = Spectral(lambda a: jnp.maximum(a, 0.0), _positive_part_divided, positive=False)
