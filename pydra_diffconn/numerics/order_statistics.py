"""Which value has a given place among those of its row, found bit by bit: a sort of all costs many times as much."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, UInt


class Place(NamedTuple):
    """Where the values before and after a cut are, as a stable sort of each row, the largest first, has them."""

    last: Int[Array, "*rows 1"]
    """Index of the last one before the cut."""
    next: Int[Array, "*rows 1"]
    """Index of the first one after it."""
    before: Bool[Array, "*rows n"]
    """Which values lie before the cut."""


def cut(values: Float[Array, "*rows n"], last: Any) -> Place:
    """Cut each row behind the value that has `last` larger ones; of equal values the first ones are the larger.

    `last` is at most n - 2, and may be traced. Missing values count as the smallest, those below normal numbers as 0.
    """
    keys = _ordered(jax.lax.stop_gradient(values))
    limit, reaching = _key_at(keys, last)
    lower = jnp.argmax(jnp.where(keys < limit, keys, 0), axis=-1, keepdims=True)

    def between() -> Place:
        # of equals, all of which lie before the cut, the last one
        here = keys.shape[-1] - 1 - jnp.argmax((keys == limit)[..., ::-1], axis=-1, keepdims=True)
        return Place(here, lower, keys >= limit)

    def among_equals() -> Place:
        tied = keys == limit
        above = jnp.sum(keys > limit, axis=-1, keepdims=True)
        number = jnp.cumsum(tied, axis=-1)  # of each among its equals, from 1
        wanted = last - above + 1
        here = jnp.argmax(tied & (number == wanted), axis=-1, keepdims=True)
        equal = tied & (number == wanted + 1)
        after = jnp.where(jnp.any(equal, axis=-1, keepdims=True), jnp.argmax(equal, axis=-1, keepdims=True), lower)
        return Place(here, after, (keys > limit) | (tied & (number <= wanted)))

    # counting equals takes longer than to find the value, and is mostly not needed
    return jax.lax.cond(jnp.all(reaching == last + 1), between, among_equals)


def _ordered(values: Float[Array, "*rows n"]) -> UInt[Array, "*rows n"]:
    """Return unsigned integers in the order of the values."""
    unsigned = jnp.dtype(f"uint{8 * values.dtype.itemsize}")
    bits = jax.lax.bitcast_convert_type(jnp.where(values == 0, 0.0, values).astype(values.dtype), unsigned)  # no -0.0
    sign = unsigned.type(1 << (8 * values.dtype.itemsize - 1))
    return jnp.where(jnp.isnan(values), unsigned.type(0), jnp.where(bits & sign, ~bits, bits | sign))


def _key_at(keys: UInt[Array, "*rows n"], place: Any) -> tuple[UInt[Array, "*rows 1"], Float[Array, "*rows 1"]]:
    """Return the largest key that more than `place` of a row reach, and how many do."""
    width, ones = 8 * keys.dtype.itemsize, jnp.ones(keys.shape[-1], jnp.float32)

    def with_bit(state: tuple[Any, Array, Array]) -> tuple[Any, Array, Array]:
        number, found, count = state
        higher = found | (jnp.ones((), keys.dtype) << (width - 1 - number).astype(keys.dtype))
        # counted by a product, exact up to 2**24: on CPUs a sum of truth values takes three times as long
        reaching = ((keys >= higher).astype(jnp.float32) @ ones)[..., None]
        more = reaching > place
        return number + 1, jnp.where(more, higher, found), jnp.where(more, reaching, count)

    def going(state: tuple[Any, Array, Array]) -> Array:
        # where exactly as many reach it as shall, the smallest of these is the key: bits below tell nothing
        return (state[0] < width) & jnp.any(state[2] != place + 1)

    everything = jnp.full((*keys.shape[:-1], 1), keys.shape[-1], jnp.float32)
    _, found, reaching = jax.lax.while_loop(
        going, with_bit, (jnp.asarray(0), jnp.zeros_like(keys[..., :1]), everything)
    )
    return jnp.min(jnp.where(keys >= found, keys, ~jnp.zeros_like(keys)), axis=-1, keepdims=True), reaching
