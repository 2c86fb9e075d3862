"""The few largest eigenvalues of a symmetric matrix, and their eigenvectors, without all the others.

A block of random columns is multiplied by the matrix again and again, each product made orthogonal to all before; the
best eigenvectors within what they span are kept, and the next round begins with these and the last block (Krylov-Schur
in blocks: Stewart 2002, doi:10.1137/S0895479800371529; Zhou & Saad 2008, doi:10.1007/s11075-008-9192-9). A block has
more columns than eigenvectors are asked for, so that equal eigenvalues are found as often as they are there.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pydra_diffconn.numerics.linalg import product, times
from pydra_diffconn.numerics.spd import eigen, symmetric

SMALL = 500  # rows below which all eigenvectors take no longer
SHARE = 6  # all eigenvectors are taken where a round would span more than one such part of the space
SPARE = 6  # columns of a block above the number asked for
KEPT = 14  # eigenvectors kept from round to round above the number asked for
BLOCKS = 6  # products in a round
PASSES = 6  # at most, until a block is orthonormal
ROUNDS = 10  # more, as foreseen from how far the last one came, take longer than all eigenvectors
CLOSE, ROUNDED = 4.0, 50.0  # roundings of the largest eigenvalue: errors that are small enough, and that may not shrink


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def leading(matrix: Float[Array, "n n"], count: int) -> tuple[Float[Array, "count"], Float[Array, "n count"]]:
    """Return the `count` largest eigenvalues of a symmetric matrix, the largest first, and eigenvectors (columns).

    Exact to rounding, as those of `eigen`, and with the derivatives of those: equal eigenvalues count as one space, in
    which nothing turns. A derivative takes all eigenvectors.

    >>> leading(jnp.diag(jnp.array([1.0, 3.0, 2.0])), 2)[0].tolist()
    [3.0, 2.0]
    """
    if len(matrix) < SMALL or SHARE * (count + KEPT + BLOCKS * (count + SPARE)) > len(matrix):
        return _of_all(matrix, count)
    # matrices of a stack one after the other: together, each would take the rounds of the worst, and the last resort
    return jax.custom_batching.sequential_vmap(partial(_sought, count=count))(matrix)


@leading.defjvp
def _leading_derivative(count: int, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, ...]:
    """Turn only the columns asked for, which takes products with few columns in place of whole matrices."""
    (matrix,), (change,) = primals, tangents
    values, vectors = eigen(matrix)
    top, found = values[::-1][:count], vectors[:, ::-1][:, :count]
    changed = product(symmetric(change), found)
    gap = top - values[:, None]
    distinct = jnp.abs(gap) > len(values) * jnp.finfo(values.dtype).eps * jnp.max(jnp.abs(values))
    turned = jnp.where(distinct, product(vectors.T, changed) / jnp.where(distinct, gap, 1.0), 0.0)
    return (top, found), (jnp.sum(found * changed, axis=0), product(vectors, turned))


def _of_all(matrix: Array, count: int) -> tuple[Array, Array]:
    values, vectors = jnp.linalg.eigh(matrix)
    return values[::-1][:count], vectors[:, ::-1][:, :count]


def _sought(matrix: Array, count: int) -> tuple[Array, Array]:
    """Seek the leading ones alone; where they stand too close to the others for that, take them from all."""
    size, kept, width = len(matrix), count + KEPT, count + SPARE
    noise = jnp.asarray(np.random.default_rng(0).standard_normal((size, width)), matrix.dtype)
    nothing, block = jnp.zeros((size, kept), matrix.dtype), _orthonormal(_orthonormal(noise)[0])[0]
    most, far = (jnp.asarray(error, matrix.dtype) for error in (jnp.finfo(matrix.dtype).max, jnp.inf))

    def going(found: Found) -> Array:
        # missing values end it, too: no comparison with them holds
        gaining = (found.error > ROUNDED) | (found.error < found.before / 4)
        in_time = found.error / CLOSE < (found.before / found.error) ** (ROUNDS - found.number)
        return (found.error > CLOSE) & gaining & in_time

    first = Found(nothing[0], nothing, nothing, block, most, far, 0)
    found = jax.lax.while_loop(going, lambda found: _round(matrix, found, noise), first)
    vectors = found.vectors[:, :count]
    return jax.lax.cond(
        found.error <= ROUNDED,
        lambda: (found.values[:count], vectors / jnp.linalg.norm(vectors, axis=0)),
        lambda: _of_all(matrix, count),
    )


class Found(NamedTuple):
    """Where the search stands after a round."""

    values: Array
    """Of the vectors kept, the largest first."""
    vectors: Array
    images: Array
    """The matrix times the vectors."""
    block: Array
    """Where to go from there: orthonormal, and orthogonal to the vectors."""
    error: Array
    """How far the vectors asked for are from eigenvectors, in roundings of the largest eigenvalue."""
    before: Array
    """The error of the round before."""
    number: Any


def _round(matrix: Array, found: Found, noise: Array) -> Found:
    """Span a space by the vectors kept and powers of the matrix times the block, and find the best vectors in it."""
    kept, width = found.vectors.shape[1], found.block.shape[1]
    rest = jnp.zeros((len(matrix), BLOCKS * width), matrix.dtype)
    basis, images = (jnp.concatenate([part, rest], axis=1) for part in (found.vectors, found.images))

    def step(number: Any, state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        basis, images, block = state
        image = times(matrix, block)
        basis = jax.lax.dynamic_update_slice_in_dim(basis, block, kept + number * width, axis=1)
        images = jax.lax.dynamic_update_slice_in_dim(images, image, kept + number * width, axis=1)
        return basis, images, _outside(image, basis, jnp.roll(noise, 1 + found.number * BLOCKS + number, axis=0))

    basis, images, block = jax.lax.fori_loop(0, BLOCKS, step, (basis, images, found.block))
    within = symmetric(times(basis.T, images))
    # the first round has kept no vectors yet, and what stands there must not be taken for some
    empty = jnp.where(found.number == 0, jnp.arange(len(within)) < kept, False)
    values, turn = jnp.linalg.eigh(within - jnp.diag(jnp.where(empty, 1 + 2 * jnp.linalg.norm(within), 0.0)))
    scale = jnp.maximum(values[-1], -values[jnp.sum(empty)])
    best, values = turn[:, : -kept - 1 : -1], values[: -kept - 1 : -1]
    vectors, images = times(basis, best), times(images, best)
    error = _error(values, vectors, images, kept - KEPT) / jnp.where(scale > 0, scale, 1.0)
    return Found(values, vectors, images, block, error, found.error, found.number + 1)


def _outside(image: Array, basis: Array, noise: Array) -> Array:
    """Return an orthonormal basis of what lies outside the basis; where nothing does, noise of the size of rounding."""

    def outside(block: Array) -> Array:
        return block - times(basis, times(basis.T, block))

    def again(state: tuple[Array, Any, Any]) -> tuple[Array, Any, Any]:
        return *_orthonormal(outside(state[0])), state[2] + 1

    size = jnp.max(jnp.abs(image))
    rest = outside(image / jnp.where(size > 0, size, 1.0)) + jnp.finfo(image.dtype).eps * noise
    # rounding lies within the basis in part: what it made whole is taken out until nothing changes much, mostly once
    state = again((_orthonormal(rest)[0], 0.0, 0))
    return jax.lax.while_loop(lambda state: (state[1] > 0.5) & (state[2] < PASSES), again, state)[0]


def _orthonormal(block: Array) -> tuple[Array, Array]:
    """Return columns of about the same span by Cholesky's factor, and how far from orthonormal they were."""
    gram = times(block.T, block)
    identity = jnp.eye(len(gram), dtype=gram.dtype)
    # lifted by its own rounding, it has a factor also where columns depend on each other
    lifted = gram + 10 * jnp.finfo(gram.dtype).eps * jnp.max(jnp.diagonal(gram)) * identity
    inverse = jax.scipy.linalg.solve_triangular(jnp.linalg.cholesky(lifted), identity, lower=True)
    return times(block, inverse.T), jnp.max(jnp.abs(gram - identity))


def _error(values: Array, vectors: Array, images: Array, count: int) -> Array:
    """Return how far the first vectors are from eigenvectors, in roundings; infinitely far if not orthonormal."""
    eps = jnp.finfo(values.dtype).eps
    apart = jnp.linalg.norm(images[:, :count] - vectors[:, :count] * values[:count], axis=0)
    within = jnp.abs(times(vectors.T, vectors) - jnp.eye(len(values), dtype=values.dtype))
    return jnp.where(jnp.max(within) < 1000 * eps, jnp.max(apart) / eps, jnp.inf)
