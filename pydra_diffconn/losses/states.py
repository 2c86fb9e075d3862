"""States of connectivity: alike over runs, and unlike each other.

The output holds one connectome for each state: (runs, states, parcels, parcels). For states that are vectors, use
`Distance` and `Dispersion`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pydra_diffconn.declare.loss import Loss
from pydra_diffconn.losses.norms import norm
from pydra_diffconn.losses.spatial import dispersion


@dataclass(frozen=True, kw_only=True)
class StateWithin(Loss):
    r"""Mean distance over edges of each run's states from their templates.

    $$ \big\langle \| s_{rk} - t_k \| \big\rangle_{r, k} $$

    Parameters
    ----------
    templates : str, optional
        Output or learned parameter (states, parcels, parcels); by default the mean over runs.
    """

    templates: str | None = None

    @property
    def least_runs(self) -> int:
        """One run is its own mean."""
        return 2 if self.templates is None else 1

    def score(self, outputs: Mapping[str, Any], targets: Any) -> Any:
        """Return the mean over runs and states."""
        states = edges(self.read(outputs))
        templates = states.mean(axis=0) if self.templates is None else edges(self.read(outputs, self.templates))
        return norm(states - templates).mean()


@dataclass(frozen=True, kw_only=True)
class StateBetween(Loss):
    r"""Minus the mean distance over edges of all pairs of states of a run.

    $$ -\big\langle \| s_{rk} - s_{rl} \| \big\rangle_{r,\, k < l} $$

    Parameters
    ----------
    static : str, optional
        Output (parcels, parcels) that is taken off each state first; it matters to the angle only.
    angle : bool
        Whether the distance is the angle between the states, in radians, and not the Euclidean one.
    """

    static: str | None = None
    angle: bool = False

    def score(self, outputs: Mapping[str, Any], targets: Any) -> Any:
        """Return the negative mean distance, to be minimised."""
        states = edges(self.read(outputs))
        if self.static is not None:
            states = states - edges(self.read(outputs, self.static))[..., None, :]
        return -dispersion(states, 1.0 if self.angle else None).mean()


@dataclass(frozen=True, kw_only=True)
class StateLikelihood(Loss):
    r"""Minus the log likelihood of a frame under the Gaussian of its state, states of all runs being the same.

    $$ \sum_k p_k \left( \tfrac{1}{2} \log\det \Sigma_k - \log p_k \right), \qquad p_k = \frac{1}{T} \sum_t w_{tk} $$

    Without its constant, (parcels / 2) (1 + log 2 pi); a frame that is shared out counts in each state by its share,
    and states by how frequent they are. Source: Celeux & Govaert (1992), doi:10.1016/0167-9473(92)90042-E.

    Parameters
    ----------
    output : str
        Covariances (states, parcels, parcels), or (runs, states, parcels, parcels), of `StateCovariance` with `ddof=0`.
    shares : str
        Learned parameter or output: (time, states), or (runs, time, states).
    ridge : float
        Added to the diagonal of each covariance, in mean variances: a state of few frames is not certain.
    """

    shares: str
    ridge: float = 0.01

    def score(self, outputs: Mapping[str, Any], targets: Any) -> Any:
        """Return the mean over frames, in nats."""
        import jax.numpy as jnp

        covariances, size = self.read(outputs), self.read(outputs, self.shares).mean(axis=-2)
        if covariances.ndim == 4:
            size = jnp.broadcast_to(size, covariances.shape[:2])
            pooled = jnp.sum(size[..., None, None] * covariances, axis=0)
            size = jnp.mean(size, axis=0)
            covariances = pooled / jnp.maximum(len(self.read(outputs)) * size, 1e-12)[:, None, None]
        parcels = covariances.shape[-1]
        variance = jnp.trace(covariances, axis1=-2, axis2=-1).mean() / parcels
        scale = jnp.where(variance > 0, variance, 1.0)  # where nothing varies any scale will do
        raised = covariances + self.ridge * scale * jnp.eye(parcels, dtype=covariances.dtype)
        # the share of a state that nobody is in is lifted off zero, where the logarithm has no slope
        return jnp.sum(size * (jnp.linalg.slogdet(raised)[1] / 2 - jnp.log(size + 1e-6)))


def edges(connectomes: Any) -> Any:
    """Return the upper triangles of connectomes (..., parcels, parcels) as vectors (..., edges)."""
    rows, columns = np.triu_indices(connectomes.shape[-1], 1)
    return connectomes[..., rows, columns]
