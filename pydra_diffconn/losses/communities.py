"""How well communities divide a connectome, and coordinates lay it out, as losses."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from pydra_diffconn.blocks.graphs.communities import Modularity as ModularityBlock
from pydra_diffconn.blocks.graphs.communities import Negative
from pydra_diffconn.declare.loss import Loss


@dataclass(frozen=True, kw_only=True)
class Modularity(Loss):
    r"""Minus the modularity of the connectomes' communities, averaged over runs; the block `Modularity` says more.

    $$ -\frac{1}{2m} \sum_{ij} \Big(A_{ij} - \gamma\, \frac{k_i k_j}{2m}\Big) (C \Omega C^\top)_{ij} $$

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

        return -_over_runs(quality, connectomes, affiliation)


@dataclass(frozen=True, kw_only=True)
class Connectopy(Loss):
    r"""The mean squared distance of parcels in a space of few dimensions, weighted by their connection.

    $$ \frac{\sum_{ij} A_{ij} |x_i - x_j|^2}{\sum_{ij} |A_{ij}|} $$

    What is connected is drawn together; negative weights push apart. Averaged over runs. Without anything that holds
    the scale (a constraint on the coordinates, or `Eigenmaps`) its minimum is a point.

    Parameters
    ----------
    coordinates : str
        Output or learned parameter (parcels, dimensions), the same for all runs or one for each.
    """

    coordinates: str = "coordinates"

    def score(self, outputs: Mapping[str, Any], targets: Any) -> Any:
        """Return sum_ij A_ij |x_i - x_j|^2 over sum_ij |A_ij|; 0 for a connectome without connections."""

        def spread(connectome: Any, coordinates: Any) -> Any:
            total = jnp.sum(jnp.abs(connectome))
            pulled = 2 * jnp.sum(coordinates * _laplacian(connectome, coordinates))
            return jnp.where(total > 0, pulled / jnp.where(total > 0, total, 1.0), 0.0)

        return _over_runs(spread, self.read(outputs), self.read(outputs, self.coordinates))


@dataclass(frozen=True, kw_only=True)
class Eigenmaps(Connectopy):
    r"""The same as a sum of Rayleigh quotients of the graph's Laplacian, whatever the coordinates' scale and rotation.

    $$ \operatorname{tr}\big((X^\top D X)^{-1} X^\top L X\big), \quad L = D - A, \quad D = \operatorname{diag}(A 1) $$

    Its minimum, for coordinates that span the gradients, is the sum of the smallest eigenvalues of L x = l D x but that
    of the constant one: Laplacian eigenmaps (Belkin & Niyogi 2003, doi:10.1162/089976603321780317). Weights must not
    be negative; coordinates that are constant or depend on each other count with the rounding's ridge.
    """

    def score(self, outputs: Mapping[str, Any], targets: Any) -> Any:
        """Return tr((X' D X)^-1 X' L X), X without its mean weighted by degree."""

        def quotients(connectome: Any, coordinates: Any) -> Any:
            degree = connectome.sum(axis=1)
            total = jnp.where(degree.sum() > 0, degree.sum(), 1.0)
            centred = coordinates - degree @ coordinates / total
            size = centred.T @ (degree[:, None] * centred)
            spread = jnp.trace(size)
            ridge = jnp.finfo(size.dtype).eps * jnp.where(spread > 0, spread, 1.0)
            rise = centred.T @ _laplacian(connectome, centred)
            return jnp.trace(jnp.linalg.solve(size + ridge * jnp.eye(len(size), dtype=size.dtype), rise))

        return _over_runs(quotients, self.read(outputs), self.read(outputs, self.coordinates))


def _laplacian(connectome: Any, coordinates: Any) -> Any:
    """Return L X of the symmetric part of a connectome, whose diagonal does not matter."""
    both = (connectome + connectome.T) / 2
    return both.sum(axis=1)[:, None] * coordinates - both @ coordinates


def _over_runs(score: Any, connectomes: Any, of_parcels: Any) -> Any:
    """Average a score of one connectome and one table over runs; the table may be the same for all."""
    if connectomes.ndim == 2:
        return score(connectomes, of_parcels)
    return jax.vmap(score, in_axes=(0, 0 if of_parcels.ndim == 3 else None))(connectomes, of_parcels).mean()
