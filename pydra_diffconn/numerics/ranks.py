"""Labels as numbers without gaps, also while their values are not known."""

import jax.numpy as jnp
from jaxtyping import Array, Int, Real


def ranks(labels: Real[Array, "entries"]) -> Int[Array, "entries"]:
    """Return the place of each label among all, from 0, without gaps.

    >>> ranks(jnp.array([7, 3, 7, 9])).tolist()
    [1, 0, 1, 2]
    """
    ordered = jnp.sort(labels)
    first = jnp.concatenate([jnp.zeros(1, int), (ordered[1:] != ordered[:-1]).astype(int)])
    return jnp.cumsum(first)[jnp.searchsorted(ordered, labels)]
