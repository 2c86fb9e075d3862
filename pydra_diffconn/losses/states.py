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


def edges(connectomes: Any) -> Any:
    """Return the upper triangles of connectomes (..., parcels, parcels) as vectors (..., edges)."""
    rows, columns = np.triu_indices(connectomes.shape[-1], 1)
    return connectomes[..., rows, columns]
