"""Curves through weighted frames: lines and cubic splines on the grid of all frames, smooth in the weights."""

import math
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pydra_diffconn.numerics.linalg import times

# what the roughness of a natural spline with a knot at each of endless frames gains by a unit change of one of them:
# the mean over angles of 12 (1 - cos)^2 / (2 + cos)
STIFFNESS = 36 * math.sqrt(3) - 48


def lines(
    series: Float[Array, "time space"], weights: Float[Array, "time"], length: Any = None
) -> Float[Array, "time space"]:
    """Solve f = w x + (1 - w) (mean of the neighbours of f), of which the first and the last frame have one.

    The last one is that of `length`, or of all; what follows it has no part in it.
    """
    frame, last = np.arange(len(weights)), (len(weights) if length is None else length) - 1
    inner = (frame > 0) & (frame < last)
    share = jnp.where(inner, (1 - weights) / 2, 1 - weights)[:, None, None]
    after = jnp.where((frame < last)[:, None, None], share, 0.0)
    one = jnp.ones_like(share)
    return _solve_blocks(-share, one, -after, (weights[:, None] * series)[:, None, :])[:, 0]


def spline(
    series: Float[Array, "time space"],
    weights: Float[Array, "time"],
    held: Float[Array, "time space"],
    boundary: Literal["natural", "not-a-knot"] = "natural",
) -> tuple[Float[Array, "time space"], Float[Array, "time space"]]:
    """Return the cubic spline through the weighted frames, and its second derivatives.

    Natural, these are zero at the ends. Not-a-knot, they are there what lets the third derivative jump neither at the
    second nor at the last but one kept frame. Of three kept frames it is the parabola, of two the line, as in SciPy.
    """
    if boundary == "natural":
        return _solved(series, weights, held, jnp.zeros_like(series))
    columns = series.shape[1]
    ends = jnp.stack([_of_being_first(weights), _of_being_first(weights[::-1])[::-1]], axis=1)
    nothing = jnp.zeros_like(ends)
    # the curve of the series, and those through zeros that are bent by one at either end
    every = [jnp.concatenate(pair, axis=1) for pair in ((series, nothing), (held, nothing))]
    curve, bend = _solved(every[0], weights, every[1], jnp.concatenate([jnp.zeros_like(series), ends], axis=1))
    inner = jnp.stack([_of_being_second(weights), _of_being_second(weights[::-1])[::-1]])
    padded = jnp.pad(bend, ((1, 1), (0, 0)))
    jumps = times(inner, padded[:-2] - 2 * bend + padded[2:])
    share = -times(_inverse_at_ends(jumps[:, columns:], jnp.sum(weights > 0)), jumps[:, :columns])
    return tuple(part[:, :columns] + times(part[:, columns:], share) for part in (curve, bend))  # type: ignore[return-value]


def _inverse_at_ends(jumps: Float[Array, "2 2"], kept: Array) -> Float[Array, "2 2"]:
    """Return the inverse; of three kept frames the two ends are bent alike, of fewer not at all."""
    total = jumps[:1].sum(axis=1, keepdims=True)
    alike = _inverse(total) * jnp.array([[1.0, 0.0], [1.0, 0.0]], jumps.dtype)
    return jnp.where(kept > 3, _inverse(jumps), jnp.where(kept == 3, alike, 0.0))


def _of_being_first(weights: Float[Array, "time"]) -> Float[Array, "time"]:
    """Return how far each frame is the first one that is kept."""
    return weights * (1 - _kept_before(weights))


def _of_being_second(weights: Float[Array, "time"]) -> Float[Array, "time"]:
    """Return how far each frame is the second one that is kept: its weight times that of one kept frame before it."""

    def go_on(carry: tuple[Array, Array], weight: Array) -> tuple[tuple[Array, Array], Array]:
        none, one = carry
        return (none * (1 - weight), one * (1 - weight) + none * weight), weight * one

    start = jnp.ones((), weights.dtype), jnp.zeros((), weights.dtype)
    return jax.lax.scan(go_on, start, weights)[1]


def _kept_before(weights: Float[Array, "time"]) -> Float[Array, "time"]:
    """Return how far there is a kept frame before each."""
    return jnp.concatenate([jnp.zeros_like(weights[:1]), 1 - jnp.cumprod(1 - weights)[:-1]])


def beyond(
    curve: Float[Array, "time space"], bend: Float[Array, "time space"], weights: Float[Array, "time"]
) -> Float[Array, "time space"]:
    """Return the curve with its first and last pieces going on before the first and after the last kept frame."""
    ahead = _first_piece(curve, bend, weights)
    behind = _first_piece(curve[::-1], bend[::-1], weights[::-1])[::-1]
    before, after = _kept_before(weights), _kept_before(weights[::-1])[::-1]
    free = 1 - weights
    return (
        curve
        + (free * (1 - before) * after)[:, None] * (ahead - curve)
        + (free * (1 - after) * before)[:, None] * (behind - curve)
    )


def _first_piece(curve: Array, bend: Array, weights: Array) -> Float[Array, "time space"]:
    """Return the cubic of the first piece at all frames; where weights are soft, the mean by who is how far the first.

    As powers of the distance from the mean first frame: those of the distance from the middle would lose all digits.
    """
    first = _of_being_first(weights)
    total = first.sum()
    first = first / jnp.where(total > 0, total, 1.0)
    frame = jnp.arange(len(weights), dtype=curve.dtype)
    centre = jax.lax.stop_gradient(first @ frame)
    after = jnp.concatenate([curve[1:], curve[-1:]]), jnp.concatenate([bend[1:], bend[-1:]])
    slope = after[0] - curve - (2 * bend + after[1]) / 6
    square, cube = bend / 2, (after[1] - bend) / 6
    off = (centre - frame)[:, None]
    pieces = (
        curve + off * (slope + off * (square + off * cube)),
        slope + off * (2 * square + 3 * off * cube),
        square + 3 * off * cube,
        cube,
    )
    one, two, three, four = (times(first, piece) for piece in pieces)
    way = (frame - centre)[:, None]
    return one + way * (two + way * (three + way * four))


def _solved(
    series: Float[Array, "time space"],
    weights: Float[Array, "time"],
    held: Float[Array, "time space"],
    bent_ends: Float[Array, "time space"],
) -> tuple[Float[Array, "time space"], Float[Array, "time space"]]:
    """Solve f = w x + (1 - w) s with s of the spline through f, and `held` where no frame is kept on one side.

    The unknowns are the spline's second derivatives c and values f at all frames (Green & Silverman, section 2.1.2):
    (c[t-1] + 4 c[t] + c[t+1]) / 6 = f[t-1] - 2 f[t] + f[t+1], at the ends c = `bent_ends` (0 of natural splines), and
    the roughness has the slope c[t-1] - 2 c[t] + c[t+1] with respect to f[t], which vanishes where there is no knot.
    """
    between = _kept_before(weights) * _kept_before(weights[::-1])[::-1]  # whether there are kept frames on both sides
    bent = (1 - weights) * between / STIFFNESS
    fixed = 1 - (1 - weights) * between
    zero = jnp.zeros_like(weights)
    beside = _blocks(between / 6, -between, bent, zero)
    here = _blocks(between * 4 / 6 + (1 - between), 2 * between, -2 * bent, fixed)
    known = weights[:, None] * series + ((1 - weights) * (1 - between))[:, None] * held
    solved = _solve_blocks(beside, here, beside, jnp.stack([bent_ends, known], axis=1))
    return solved[:, 1], solved[:, 0]


def _blocks(a: Array, b: Array, c: Array, d: Array) -> Float[Array, "time 2 2"]:
    return jnp.stack([jnp.stack([a, b], axis=-1), jnp.stack([c, d], axis=-1)], axis=-2)


def _solve_blocks(
    lower: Float[Array, "time block block"],
    diagonal: Float[Array, "time block block"],
    upper: Float[Array, "time block block"],
    right: Float[Array, "time block space"],
) -> Float[Array, "time block space"]:
    """Solve a block-tridiagonal system by elimination in one scan forwards and one back (Thomas)."""

    def eliminate(carry: tuple[Array, Array], rows: tuple[Array, ...]) -> tuple[tuple[Array, Array], Any]:
        coupling, known = carry
        low, here, high, given = rows
        inverse = _inverse(here - times(low, coupling))
        new = times(inverse, high), times(inverse, given - times(low, known))
        return new, new

    def substitute(later: Array, rows: tuple[Array, Array]) -> tuple[Array, Array]:
        coupling, known = rows
        solved = known - times(coupling, later)
        return solved, solved

    start = jnp.zeros_like(upper[0]), jnp.zeros_like(right[0])
    _, rows = jax.lax.scan(eliminate, start, (lower, diagonal, upper, right))
    return jax.lax.scan(substitute, jnp.zeros_like(right[0]), rows, reverse=True)[1]


def _inverse(block: Float[Array, "block block"]) -> Float[Array, "block block"]:
    """Return the inverse of a 1 x 1 or 2 x 2 matrix, zero for a singular one."""
    if len(block) == 1:
        determinant, adjugate = block[0, 0], jnp.ones_like(block)
    else:
        (a, b), (c, d) = block
        determinant, adjugate = a * d - b * c, jnp.stack([jnp.stack([d, -b]), jnp.stack([-c, a])])
    return jnp.where(determinant != 0, adjugate / jnp.where(determinant != 0, determinant, 1.0), 0.0)
