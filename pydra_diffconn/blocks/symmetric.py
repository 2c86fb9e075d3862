"""What blocks on symmetric matrices share: checks, and eigenvectors and matrix functions with derivatives that last.

The derivative of an eigenvector divides by the gaps between eigenvalues and is infinite where two of them are equal;
here such a pair counts as one space, in which nothing turns. Functions of the matrix do not depend on that choice.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

SYMMETRIC = 1e-4  # largest asymmetry, relative to the largest entry, that float32 rounding explains
CLOSE = 0.1  # two exponents nearer than this are divided by series, without cancellation


def check_symmetric(matrix: Any, name: str = "connectome") -> None:
    """Refuse matrices that are not square, not finite or not symmetric, naming the first place."""
    if matrix is None:
        return
    matrix = np.asarray(matrix)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"{name} has shape {matrix.shape}; expected as many rows as columns, one for each parcel")
    missing = np.argwhere(~np.isfinite(matrix))
    if missing.size:
        row, column = missing[0]
        raise ValueError(
            f"{name} has {len(missing)} values that are not finite, the first in row {row}, column {column}; "
            "leave these parcels out"
        )
    difference = np.abs(matrix - matrix.T)
    if difference.size and difference.max() > SYMMETRIC * np.abs(matrix).max():
        row, column = np.unravel_index(difference.argmax(), difference.shape)
        raise ValueError(
            f"{name} is not symmetric: [{row}, {column}] = {matrix[row, column]:g}, "
            f"[{column}, {row}] = {matrix[column, row]:g}; average it with its transpose first"
        )


def without_diagonal(matrix: Float[Array, "parcels parcels"]) -> Float[Array, "parcels parcels"]:
    """Set the diagonal to zero: a parcel's correlation with itself is no connection."""
    return jnp.fill_diagonal(jnp.asarray(matrix), 0.0, inplace=False)


@jax.custom_jvp
def eigen(matrix: Float[Array, "n n"]) -> tuple[Float[Array, "n"], Float[Array, "n n"]]:
    """Return eigenvalues (ascending) and eigenvectors (columns); the derivative is finite at equal eigenvalues."""
    values, vectors = jnp.linalg.eigh(matrix)
    return values, vectors


@eigen.defjvp
def _eigen_derivative(primals: tuple, tangents: tuple) -> tuple:
    (matrix,), (change,) = primals, tangents
    values, vectors = eigen(matrix)
    inner = vectors.T @ (change + change.T) @ vectors / 2
    gap = values[None, :] - values[:, None]
    distinct = jnp.abs(gap) > len(values) * jnp.finfo(values.dtype).eps * jnp.max(jnp.abs(values))
    turned = jnp.where(distinct, inner / jnp.where(distinct, gap, 1.0), 0.0)
    return (values, vectors), (jnp.diagonal(inner), vectors @ turned)


@jax.custom_jvp
def exponential(matrix: Float[Array, "n n"]) -> Float[Array, "n n"]:
    """Return the exponential of a symmetric matrix."""
    values, vectors = eigen(matrix)
    return (vectors * jnp.exp(values)) @ vectors.T


@exponential.defjvp
def _exponential_derivative(primals: tuple, tangents: tuple) -> tuple:
    """Daleckii-Krein: in the eigenbasis the change is multiplied by divided differences of the exponential."""
    (matrix,), (change,) = primals, tangents
    values, vectors = eigen(matrix)
    grown = jnp.exp(values)
    gap = values[None, :] - values[:, None]
    far = jnp.abs(gap) > CLOSE
    apart = (grown[None, :] - grown[:, None]) / jnp.where(far, gap, 1.0)
    near = jnp.where(far, 0.0, gap)
    series = 1 + near**2 / 24 * (1 + near**2 / 80 * (1 + near**2 / 168 * (1 + near**2 / 288)))  # sinh(g/2) / (g/2)
    middle = jnp.exp((values[None, :] + values[:, None]) / 2) * series
    inner = vectors.T @ (change + change.T) @ vectors / 2
    result = (vectors * grown) @ vectors.T
    return result, vectors @ (jnp.where(far, apart, middle) * inner) @ vectors.T


@jax.custom_jvp
def nearest_rotation(matrix: Float[Array, "rows columns"]) -> Float[Array, "rows columns"]:
    """Return the matrix with orthonormal columns nearest to a square or tall one (its polar factor U V')."""
    left, _, right = jnp.linalg.svd(matrix, full_matrices=False)
    return left @ right


@nearest_rotation.defjvp
def _nearest_rotation_derivative(primals: tuple, tangents: tuple) -> tuple:
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
