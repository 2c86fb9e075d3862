"""Linear algebra that is fast on tall matrices and has derivatives where the library's has none."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array, Bool, Float

from pydra_diffconn.numerics import jacobi
from pydra_diffconn.numerics.process import in_full_precision


def pseudo_inverse(matrix: Float[Array, "rows columns"]) -> Float[Array, "columns rows"]:
    """Return the Moore-Penrose inverse, exact for columns that depend on each other: `ridge_inverse` without penalty.

    Singular values below `max(rows, columns) * eps` of the largest count as zero. The derivative holds where the rank
    stays (Golub & Pereyra 1973, doi:10.1137/0710036).
    """
    return ridge_inverse(matrix, 0.0)


def ridge_inverse(matrix: Float[Array, "rows columns"], penalty: Any) -> Float[Array, "columns rows"]:
    """Return (X'X + l I)^-1 X', in which nearly collinear columns cost no digits, with its derivatives.

    The singular values s are those of the small triangular factor of a QR decomposition, which for 400 x 36 takes a
    hundredth of the time of `jnp.linalg.pinv`; each becomes s / (s^2 + l). Neither X'X nor an inverse is formed: they
    square the condition number, and with it the error.
    """
    matrix = jnp.asarray(matrix)
    penalty = jnp.asarray(penalty, matrix.dtype)
    rows, columns = matrix.shape
    if rows < columns:  # X' (X X' + l I)^-1 is the same
        return _ridge(matrix.T, penalty)[0].T
    return _ridge(matrix, penalty)[0]


@jax.custom_jvp
def _ridge(tall: Array, penalty: Array) -> tuple[Array, Array, Array]:
    """Return M X', M = (X'X + l I)^-1, and the projection on what neither the columns nor the penalty determine."""
    left, values, right = _decomposed(tall)
    least = max(tall.shape) * jnp.finfo(tall.dtype).eps * values.max(initial=0.0)
    determined = (values > least) | (penalty > least**2)
    size = jnp.where(determined, values**2 + penalty, 1.0)
    inverse = jnp.where(determined, values / size, 0.0)
    gram = jnp.where(determined, 1 / size, 0.0)
    across = right.T
    return (across * inverse) @ left.T, (across * gram) @ right, (across * ~determined) @ right


def _decomposed(tall: Array) -> tuple[Array, Array, Array]:
    """Return U, s and V' of a tall matrix, the values in any order."""
    if jax.default_backend() != "cpu" and tall.shape[1] <= jacobi.MOST_COLUMNS:
        return jacobi.decomposed(tall)
    orthogonal, triangular = jnp.linalg.qr(tall)
    left, values, right = jnp.linalg.svd(triangular)
    return orthogonal @ left, values, right


@_ridge.defjvp
def _ridge_derivative(primals: Any, tangents: Any) -> Any:
    """Differentiate in terms of the results alone, so that this can be differentiated again."""
    (tall, _), (change, penalty_change) = primals, tangents
    inverse, gram, undetermined = _ridge(*primals)
    within = inverse @ change
    outside = change.T - (change.T @ tall) @ inverse  # what of the change lies outside the columns' span
    turned = undetermined @ (change.T @ inverse.T)
    by_inverse = gram @ outside - within @ inverse + turned @ inverse - penalty_change * (gram @ inverse)
    by_gram = turned @ gram - within @ gram
    by_gram = by_gram + by_gram.T - penalty_change * (gram @ gram)
    by_undetermined = -(turned + turned.T)
    return (inverse, gram, undetermined), (by_inverse, by_gram, by_undetermined)


TOGETHER = 2048  # columns that are multiplied together, small enough to stay in the processor's cache


def apply_over_time(
    operator: Float[Array, "frames time"],
    constant: Float[Array, "frames"],
    series: Float[Array, "time space"],
    length: Any = None,
) -> Float[Array, "frames space"]:
    """Return `operator @ series`, given what the operator makes of a constant.

    It is applied to deviations from each column's mean, some columns at a time: a large mean costs single
    precision no digits, and no centred copy of everything is made. Frames from `length` on hold zeros, and the operator
    takes none of them.
    """
    frames = len(series) if length is None else length
    return _applied(operator, constant, series, jnp.asarray(frames, series.dtype))


@jax.custom_vjp
def _applied(operator: Array, constant: Array, series: Array, frames: Array) -> Array:
    columns = series.shape[1]
    if columns <= TOGETHER or jax.default_backend() != "cpu":  # an accelerator's caches are filled by all at once
        return _centred(operator, constant, series, frames)

    def part(number: Any, out: Any) -> Any:
        first = jnp.minimum(number * TOGETHER, columns - TOGETHER)
        some = jax.lax.dynamic_slice_in_dim(series, first, TOGETHER, axis=1)
        return jax.lax.dynamic_update_slice_in_dim(out, _centred(operator, constant, some, frames), first, axis=1)

    out = jnp.zeros((operator.shape[0], columns), series.dtype)
    return jax.lax.fori_loop(0, -(-columns // TOGETHER), part, out)


def _centred(operator: Array, constant: Array, series: Array, frames: Array) -> Array:
    mean = series.sum(axis=0) / frames
    return product(operator, series - mean) + constant[:, None] * mean


def _forward(operator: Array, constant: Array, series: Array, frames: Array) -> Any:
    return _applied(operator, constant, series, frames), (operator, series, frames)


def _backward(saved: Any, slope: Array) -> Any:
    # exactly linear: constant is operator @ 1, so that the slope to `constant` has gone into the operator already
    operator, series, frames = saved
    mean = series.sum(axis=0) / frames
    return product(slope, (series - mean).T), product(slope, mean), product(operator.T, slope), jnp.zeros_like(frames)


_applied.defvjp(_forward, _backward)


product = in_full_precision(jnp.matmul)
"""A product in full precision unless JAX was told otherwise, also in a derivative that is traced by itself."""


def times(one: Array, other: Array) -> Array:
    """Return a product in full precision whatever JAX was told: where rounded factors would leave no digit right."""
    return jnp.matmul(one, other, precision="highest")


def column_sums(matrix: Float[Array, "rows columns"]) -> Float[Array, "columns"]:
    """Return the sum of each column, as a product: on CPUs a sum over rows takes twenty times as long."""
    matrix = jnp.asarray(matrix)
    return product(jnp.ones(len(matrix), matrix.dtype), matrix)


def column_maxima(matrix: Float[Array, "rows columns"], among: Bool[Array, "rows columns"]) -> Float[Array, "columns"]:
    """Return the largest value of each column among some, -inf where there are none, without a derivative."""
    matrix, among = jax.lax.stop_gradient(jnp.asarray(matrix)), jnp.asarray(among)
    if jax.default_backend() != "cpu":
        return jnp.where(among, matrix, -jnp.inf).max(axis=0)

    def higher(row: Any, top: Array) -> Array:
        return jnp.maximum(top, jnp.where(among[row], matrix[row], -jnp.inf))

    # row by row memory is read in its order: ten times as fast as XLA's own on CPUs
    return jax.lax.fori_loop(0, len(matrix), higher, jnp.full(matrix.shape[1], -jnp.inf, matrix.dtype))


@jax.custom_vjp
def scale_columns(
    matrix: Float[Array, "rows columns"], factor: Float[Array, "columns"]
) -> Float[Array, "rows columns"]:
    """Return each column times its factor; the derivative sums over rows by a product, too."""
    return matrix * factor


scale_columns.defvjp(
    lambda matrix, factor: (matrix * factor, (matrix, factor)),
    lambda saved, slope: (slope * saved[1], column_sums(slope * saved[0])),
)


BLOCK = 200  # rows that are multiplied together where half of a product is enough: with fewer XLA is no longer quick


@jax.custom_jvp
def symmetric_product(
    left: Float[Array, "rows columns"], right: Float[Array, "rows columns"]
) -> Float[Array, "rows rows"]:
    """Return left @ right', which the caller knows to be symmetric, for about .7 of its time on CPUs in double.

    What stands below the diagonal of blocks is mirrored, and the factors are laid out row by row first, from where XLA
    multiplies faster. In single precision neither gains anything, and the product is as written.
    """
    count = round(len(left) / BLOCK)
    if left.dtype != jnp.float64 or count < 2 or jax.default_backend() != "cpu":
        return left @ right.T
    left, right = jax.lax.optimization_barrier((left, right))
    edges = [len(left) * number // count for number in range(count + 1)]
    upper = [left[first:last] @ right[first:].T for first, last in pairwise(edges)]

    def mirrored(row: int, block: int) -> Array:
        return upper[row][:, edges[block] - edges[row] : edges[block + 1] - edges[row]].T

    return jnp.block([[*(mirrored(above, n) for above in range(n)), row] for n, row in enumerate(upper)])


@symmetric_product.defjvp
def _symmetric_product_derivative(primals: Any, tangents: Any) -> Any:
    (left, right), (left_change, right_change) = primals, tangents
    return symmetric_product(left, right), left_change @ right.T + left @ right_change.T


@jax.custom_jvp
def weighted_gram(
    series: Float[Array, "time space"], weights: Float[Array, "time"] | None
) -> Float[Array, "space space"]:
    """Return X' W X, or X' X; its gradient takes one product where that of the expression takes two."""
    return symmetric_product(_weighted(series, weights).T, series.T)


@partial(weighted_gram.defjvp, symbolic_zeros=True)
def _weighted_gram_derivative(primals: Any, tangents: Any) -> Any:
    (series, weights), (change, weights_change) = primals, tangents
    tangent = jnp.zeros((series.shape[1],) * 2, series.dtype)
    if not isinstance(change, SymbolicZero):
        half = _weighted(series, weights).T @ change
        tangent = tangent + (half + half.T)  # transposed, slope and its mirror image are added before the product
    if weights is not None and not isinstance(weights_change, SymbolicZero):
        tangent = tangent + (weights_change[:, None] * series).T @ series
    return weighted_gram(series, weights), tangent


def _weighted(series: Array, weights: Array | None) -> Array:
    return series if weights is None else weights[:, None] * series


@jax.custom_jvp
def nearest_rotation(matrix: Float[Array, "rows columns"]) -> Float[Array, "rows columns"]:
    """Return the matrix with orthonormal columns nearest to a square or tall one (its polar factor U V')."""
    left, _, right = jnp.linalg.svd(matrix, full_matrices=False)
    return left @ right


@nearest_rotation.defjvp
def _nearest_rotation_derivative(primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, ...]:
    """Divide by (sums of) singular values, never by their gaps."""
    (matrix,), (change,) = primals, tangents
    left, values, right = jnp.linalg.svd(matrix, full_matrices=False)
    across = change @ right.T
    inner = left.T @ across
    smallest = len(values) * jnp.finfo(values.dtype).eps * values[0]
    total = values[None, :] + values[:, None]
    solid = total > smallest
    turned = left @ jnp.where(solid, (inner - inner.T) / jnp.where(solid, total, 1.0), 0.0)
    if matrix.shape[0] > matrix.shape[1]:  # what leaves the span of the columns
        solid = values > smallest
        turned = turned + (across - left @ inner) * jnp.where(solid, 1 / jnp.where(solid, values, 1.0), 0.0)
    return left @ right, turned @ right
