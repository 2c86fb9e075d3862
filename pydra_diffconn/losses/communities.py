"""How well communities divide a connectome, as a loss."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax

from pydra_diffconn.blocks.communities import Modularity as ModularityBlock
from pydra_diffconn.blocks.communities import Negative
from pydra_diffconn.losses.base import Loss


@dataclass(frozen=True, kw_only=True)
class Modularity(Loss):
    """Minus the modularity of the connectomes' communities, averaged over runs; the block `Modularity` says more.

    Parameters
    ----------
    affiliation : str
        Output or learned parameter (parcels, communities), the same for all runs or one for each.
    coupling : str, optional
        Output or learned parameter (communities, communities); by default the identity.
    resolution : float
        Weight of the null model; higher gives more communities.
    negative : {"asymmetric", "gomez", "ignore"}
        What negative weights do.
    """

    affiliation: str = "affiliation"
    coupling: str | None = None
    resolution: float = 1.0
    negative: Negative = "asymmetric"

    def score(self, outputs: Mapping[str, Any], targets: Any) -> Any:
        """Return the mean of -Q over runs."""
        connectomes, affiliation = self.read(outputs), self.read(outputs, self.affiliation)
        coupling = None if self.coupling is None else self.read(outputs, self.coupling)

        def quality(connectome: Any, affiliation: Any) -> Any:
            return ModularityBlock.pure(connectome, affiliation, coupling, self.resolution, self.negative)

        if connectomes.ndim == 2:
            return -quality(connectomes, affiliation)
        each = 0 if affiliation.ndim == 3 else None
        return -jax.vmap(quality, in_axes=(0, each))(connectomes, affiliation).mean()
