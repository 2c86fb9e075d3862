"""Symmetric matrices: checks, and functions and eigenvectors whose derivatives last.

A function of a symmetric matrix acts on its eigenvalues. Its derivative (Daleckii & Krein 1965) needs no derivative of
an eigenvector: in the eigenbasis a change of the matrix is multiplied by the divided differences of the function,
f[a, b] = (f(a) - f(b)) / (a - b), whose limit at a = b is the slope. Each function below says its own f[a, b] in a form
that loses no digits as a and b meet, so that equal eigenvalues are no special case. First and second derivatives are
exact, forwards and backwards; all functions take stacks (..., n, n) and use the symmetric part of what they are given.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.extend
import jax.numpy as jnp
import numpy as np
from jax.interpreters import ad, batching, mlir
from jaxtyping import Array, Float

from pydra_diffconn.numerics.process import in_full_precision

Matrix = Float[Array, "... n n"]
SYMMETRIC = 1e-4  # largest asymmetry, relative to the largest entry, that float32 rounding explains
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


@jax.custom_jvp
def inverse(matrix: Matrix) -> Matrix:
    """Return the inverse of a positive definite matrix, by Cholesky; NaN if it is not positive definite."""
    factor = jnp.linalg.cholesky(matrix)
    identity = jnp.broadcast_to(jnp.eye(matrix.shape[-1], dtype=factor.dtype), factor.shape)
    return jax.scipy.linalg.cho_solve((factor, True), identity)


@inverse.defjvp
def _inverse_derivative(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, ...]:
    """Two products, in place of the derivative of a Cholesky decomposition."""
    result = inverse(*primals)
    return result, -result @ symmetric(tangents[0]) @ result


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


@jax.custom_jvp
def correlations(matrix: Matrix) -> Matrix:
    """Return correlations as they must be: 1 on the diagonal, and between -1 and 1 where rounding leads beyond.

    The derivative is that of what is given: to know where rounding led, a gradient would compute the matrix again.
    """
    return with_diagonal(jnp.clip(matrix, -1.0, 1.0), 1.0)


@correlations.defjvp
def _correlations_derivative(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, ...]:
    return correlations(*primals), with_diagonal(tangents[0], 0.0)


def without_diagonal(matrix: Matrix) -> Matrix:
    """Set the diagonal to zero: a parcel's correlation with itself is no connection."""
    return with_diagonal(matrix, 0.0)


def with_diagonal(matrix: Matrix, value: float) -> Matrix:
    """Set the diagonal, by a choice that is made along with what comes before and after, where a scatter is not."""
    return jnp.where(jnp.eye(matrix.shape[-1], dtype=bool), value, matrix)


@jax.custom_jvp
def eigen(matrix: Float[Array, "n n"]) -> tuple[Float[Array, "n"], Float[Array, "n n"]]:
    """Return eigenvalues (ascending) and eigenvectors (columns) of a symmetric matrix.

    The derivative of an eigenvector divides by the gaps between eigenvalues and is infinite where two of them are
    equal; here such a pair counts as one space, in which nothing turns. What does not depend on that choice, such as
    the projector on the space, has its true derivative.
    """
    values, vectors = jnp.linalg.eigh(matrix)
    return values, vectors


@eigen.defjvp
def _eigen_derivative(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, ...]:
    (matrix,), (change,) = primals, tangents
    values, vectors = eigen(matrix)
    inner = vectors.T @ symmetric(change) @ vectors
    gap = values[None, :] - values[:, None]
    distinct = jnp.abs(gap) > len(values) * jnp.finfo(values.dtype).eps * jnp.max(jnp.abs(values))
    turned = jnp.where(distinct, inner / jnp.where(distinct, gap, 1.0), 0.0)
    return (values, vectors), (jnp.diagonal(inner), vectors @ turned)


def check_symmetric(matrix: Any, name: str = "connectome") -> None:
    """Refuse square matrices that are not symmetric, naming the first place."""
    if matrix is None:
        return
    matrix = np.asarray(matrix)
    difference = np.abs(matrix - matrix.T)
    if difference.size and difference.max() > SYMMETRIC * np.abs(matrix).max():
        row, column = np.unravel_index(difference.argmax(), difference.shape)
        raise ValueError(
            f"{name} is not symmetric: [{row}, {column}] = {matrix[row, column]:g}, "
            f"[{column}, {row}] = {matrix[column, row]:g}; average it with its transpose first"
        )


# --- the derivatives ------------------------------------------------------------------------------------------------
#
# D^k f(X)[E1, ..., Ek] is linear in each direction, and <G, D^k f(X)[E1, ..., Ek]> does not change when any of G, E1,
# ..., Ek trade places. So one primitive, with the directions as arguments, is closed under differentiation (one more
# direction) and transposition (the cotangent in the place of a direction). JAX's own custom rules cannot say this: they
# are forgotten when a derivative is transposed, and the derivative of that goes through eigenvectors, to NaN.

_differential = jax.extend.core.Primitive("spectral_differential")


@in_full_precision  # again: a primitive is made a program of later than what it is called by
def _evaluate(matrix: Array, *directions: Array, function: Spectral) -> Array:
    values, vectors = jnp.linalg.eigh(matrix)
    if function.positive:  # of eigenvalues so small the decomposition does not even know the sign
        least = jnp.finfo(values.dtype).eps * values[..., -1:]
        values = jnp.maximum(values, jnp.maximum(least, jnp.finfo(values.dtype).tiny))
    across = jnp.swapaxes(vectors, -1, -2)
    inner = [across @ symmetric(direction) @ vectors for direction in directions]
    if not inner:
        return (vectors * function.value(values)[..., None, :]) @ across
    if len(inner) == 1:
        return vectors @ (function.divided(values[..., :, None], values[..., None, :]) * inner[0]) @ across
    if len(inner) == 2:
        return vectors @ _second(function, values, inner[0], inner[1]) @ across
    raise NotImplementedError("third derivatives of matrix functions are not there; minimise with at most second ones")


def _second(function: Spectral, values: Array, one: Array, other: Array) -> Array:
    """Return the second derivative in the eigenbasis, sum_k f[i, k, j] (E_ik H_kj + H_ik E_kj)."""

    def add(total: Array, k: Array) -> tuple[Array, None]:
        weight = _twice_divided(function, values[..., :, None], values[..., k, None, None], values[..., None, :])
        mixed = one[..., :, k, None] * other[..., k, None, :] + other[..., :, k, None] * one[..., k, None, :]
        return total + weight * mixed, None

    # one k at a time, so that the n x n x n differences never exist together
    start = jnp.zeros(jnp.broadcast_shapes(one.shape, other.shape), one.dtype)
    return jax.lax.scan(add, start, jnp.arange(values.shape[-1]))[0]


def _twice_divided(function: Spectral, a: Array, b: Array, c: Array) -> Array:
    """Return f[a, b, c], divided by the largest of the three distances; its slope is the limit if all are small."""
    low, high = jnp.minimum(jnp.minimum(a, b), c), jnp.maximum(jnp.maximum(a, b), c)
    middle = jnp.maximum(jnp.minimum(a, b), jnp.minimum(jnp.maximum(a, b), c))
    scale = jnp.abs(low) + jnp.abs(high) if function.positive else 1.0
    far = high - low > jnp.finfo(low.dtype).eps ** (1 / 3) * scale
    difference = function.divided(high, middle) - function.divided(low, middle)
    quotient = difference / jnp.where(far, high - low, 1.0)
    centre = (low + high) / 2
    _, slope = jax.jvp(lambda x: function.divided(x, middle), (centre,), (jnp.ones_like(centre),))
    return jnp.where(far, quotient, slope)


def _derivative(primals: tuple[Any, ...], tangents: tuple[Any, ...], function: Spectral) -> tuple[Any, ...]:
    result = _differential.bind(*primals, function=function)
    parts = []
    for place, tangent in enumerate(tangents):
        if isinstance(tangent, ad.Zero):
            continue
        changed = (*primals, tangent) if place == 0 else (*primals[:place], tangent, *primals[place + 1 :])
        parts.append(_differential.bind(*changed, function=function))
    return result, sum(parts[1:], parts[0])


def _transpose(cotangent: Any, *arguments: Any, function: Spectral) -> list[Any]:
    place = next(n for n, argument in enumerate(arguments) if ad.is_undefined_primal(argument))
    shape = arguments[place].aval.shape
    if isinstance(cotangent, ad.Zero):
        return [ad.Zero(a.aval) if n == place else None for n, a in enumerate(arguments)]
    turned = _differential.bind(
        *(cotangent if n == place else argument for n, argument in enumerate(arguments)), function=function
    )
    stretched = [axis for axis, (full, own) in enumerate(zip(turned.shape, shape, strict=True)) if full != own]
    return [turned.sum(stretched, keepdims=True) if n == place else None for n in range(len(arguments))]


def _batch(arguments: Any, axes: Any, function: Spectral) -> tuple[Any, ...]:
    front = [
        jnp.expand_dims(argument, 0) if axis is None else jnp.moveaxis(argument, axis, 0)
        for argument, axis in zip(arguments, axes, strict=True)
    ]
    return _differential.bind(*front, function=function), 0


def _abstract(*arguments: Any, function: Spectral) -> Any:
    return jax.core.ShapedArray(jnp.broadcast_shapes(*(a.shape for a in arguments)), arguments[0].dtype)


_differential.def_impl(jax.jit(_evaluate, static_argnames="function"))


_differential.def_abstract_eval(_abstract)


mlir.register_lowering(_differential, mlir.lower_fun(_evaluate, multiple_results=False))


ad.primitive_jvps[_differential] = _derivative
ad.primitive_transposes[_differential] = _transpose
batching.primitive_batchers[_differential] = _batch


def _spectral(function: Spectral, matrix: Matrix) -> Matrix:
    return _differential.bind(jnp.asarray(matrix), function=function)


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
_POSITIVE_PART = Spectral(lambda a: jnp.maximum(a, 0.0), _positive_part_divided, positive=False)
