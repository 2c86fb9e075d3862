"""Weights of tapers: none larger than that of the taper before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pydra_diffconn import constraints

ROUNDING = 1e-5  # how far a sum may be off one, or a weight above the one before it: the rounding of float32


@dataclass(frozen=True)
class DescendingSimplex:
    """Non-negative weights that sum to one and do not increase, along the last axis.

    Tapers are sorted by how well they keep the power within their band; one that keeps less should not count more.
    The first `n` of equal weight, for n = 1, 2, ..., are the corners of this set, and every point of it is one mixture
    of them, so that the shares in this mixture lie on the simplex: its map to the free space is used.
    """

    def describe(self) -> str:
        """Name the set."""
        return "descending simplex"

    def contains(self, value: Any) -> bool:
        """Say whether weights are legal."""
        array = np.asarray(value, dtype=float)
        if array.ndim == 0 or np.any(array < 0) or np.any(np.diff(array) > ROUNDING):
            return False
        return bool(np.allclose(array.sum(-1), 1, atol=ROUNDING))

    def resolved(self, arguments: Mapping[str, Any]) -> DescendingSimplex:
        """Return itself, which depends on no other argument."""
        return self

    def to_free(self, value: Any) -> Any:
        """Map weights to the free space of the shares of the corners; a corner enters from just inside."""
        import jax.numpy as jnp

        value = jnp.asarray(value)
        drops = value - jnp.concatenate([value[..., 1:], jnp.zeros_like(value[..., :1])], axis=-1)
        return constraints.simplex.to_free(drops * np.arange(1, value.shape[-1] + 1))

    def from_free(self, free: Any) -> Any:
        """Map back: mix the corners."""
        import jax.numpy as jnp

        shares = constraints.simplex.from_free(free)
        drops = shares / np.arange(1, shares.shape[-1] + 1)
        return jnp.flip(jnp.cumsum(jnp.flip(drops, axis=-1), axis=-1), axis=-1)

    def narrowed(self, within: tuple[float, float]) -> DescendingSimplex:
        """Refuse: there is no narrower one."""
        raise ValueError("weights on the descending simplex cannot be narrowed with within=; leave within out")
