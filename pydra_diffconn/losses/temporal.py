"""What courses over time or frequency look like: smooth, and near one of two values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
from jax import Array

from pydra_diffconn.declare.loss import Loss, over_runs
from pydra_diffconn.losses.norms import norm


@dataclass(frozen=True, kw_only=True)
class Smoothness(Loss):
    r"""Mean length of the n-th difference along an axis, the last by default; see `smoothness`.

    $$ \big\langle \| \Delta^n x \|_p \big\rangle $$
    """

    n: int = 1
    axis: int = -1
    order: float = 2.0

    def score(self, outputs: Mapping[str, Any], targets: Any) -> Any:
        """Return the mean over the other axes."""
        return over_runs(lambda x: smoothness(x, self.n, self.axis, self.order).mean(), self.read(outputs))


@dataclass(frozen=True, kw_only=True)
class Bimodal(Loss):
    r"""Mean distance to the nearer of two modes; see `bimodal`.

    $$ \Big\langle \Big| \big| x - \tfrac{a + b}{2} \big| - \tfrac{b - a}{2} \Big| \Big\rangle $$
    """

    lower: float = 0.0
    upper: float = 1.0

    def score(self, outputs: Mapping[str, Any], targets: Any) -> Any:
        """Return the mean over all entries."""
        return over_runs(lambda x: bimodal(x, self.lower, self.upper).mean(), self.read(outputs))


def smoothness(values: Array, n: int = 1, axis: int = -1, order: float = 2.0) -> Array:
    """Return the norm of the n-th difference along an axis; 0 for a polynomial of a degree below n."""
    if values.shape[axis] <= n:
        raise ValueError(f"the difference of order {n} needs more than {n} values along axis {axis}: {values.shape}")
    return norm(jnp.diff(values, n, axis), axis, order)


def bimodal(values: Array, lower: float = 0.0, upper: float = 1.0) -> Array:
    """Return | |x - (a + b) / 2| - (b - a) / 2 |: the distance of each entry to the nearer of the modes a <= b."""
    return jnp.abs(jnp.abs(values - (lower + upper) / 2) - (upper - lower) / 2)
