"""Sparse connectomes: keep the strongest connections, those above a value, or those that stand out at their parcels."""

from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pydra_diffconn.blocks.shared_parameters import Softness
from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.parameters import Parameter
from pydra_diffconn.numerics.gates import gate, largest, through_every_parcel
from pydra_diffconn.numerics.spd import without_diagonal


@define(outputs=["connectome"])
def SoftThreshold(
    connectome: Float[Array, "parcels parcels"],
    density: Annotated[float, Parameter(constraints.unit_interval, help="share of the connections kept")] = 0.1,
    softness: Softness = 0.0,
) -> Float[Array, "parcels parcels"]:
    r"""Keep the strongest connections, up to a density; the others and the diagonal become zero.

    $$ A_{ij}' = A_{ij}\, \sigma\Big(\frac{A_{ij} - \tau(\rho)}{s}\Big), \quad A_{ii}' = 0 $$

    With `softness = 0` it equals `bct.threshold_proportional`, and the density has no gradient; with a softness each
    connection w is multiplied by the logistic function of (w - threshold) / softness, where the threshold lies between
    the last one kept and the first one left out and moves smoothly with the density. A density of 0 or 1 keeps exactly
    nothing or everything. Of equal connections at the edge the first ones are kept.

    Parameters
    ----------
    connectome : (parcels, parcels)
        Symmetric weights; negative ones count as weaker than positive ones, absent ones (zero) as the weakest.
    density : float
        In [0, 1].
    softness : float
        In the unit of the connectome, at least 0.
    """
    rows, columns = np.triu_indices(len(connectome), 1)
    edges = connectome[rows, columns]
    if not len(rows):  # one parcel has none
        return jnp.zeros_like(connectome)
    ordered = jnp.where(edges != 0, edges, jax.lax.stop_gradient(edges.min(initial=0.0)) - 1)
    kept = edges * largest(ordered, density * len(rows), softness)
    return jnp.zeros_like(connectome).at[rows, columns].set(kept).at[columns, rows].set(kept)


@define(outputs=["connectome"], skips=True)
def AbsoluteThreshold(
    connectome: Float[Array, "parcels parcels"],
    threshold: Annotated[float, Parameter(constraints.real, help="smallest connection kept")] = 0.2,
    softness: Softness = 0.0,
) -> Float[Array, "parcels parcels"]:
    r"""Keep the connections of at least a threshold; the others and the diagonal become zero.

    $$
    A_{ij}' = A_{ij}\, \sigma\Big(\frac{A_{ij} - \tau}{s}\Big) \to A_{ij}\, [A_{ij} \ge \tau] \text{ as } s \to 0,
    \quad A_{ii}' = 0
    $$

    With `softness = 0` it equals `bct.threshold_absolute` and the threshold has no gradient.

    Parameters
    ----------
    connectome : (parcels, parcels)
        Symmetric weights.
    threshold, softness : float
        In the unit of the connectome.
    """
    return without_diagonal(connectome) * gate(connectome - threshold, softness)


@define(outputs=["connectome"], skips=True)
def DisparityFilter(
    connectome: Float[Array, "parcels parcels"],
    significance: Annotated[
        float, Parameter(constraints.unit_interval, help="largest probability, without structure, of what is kept")
    ] = 0.05,
    softness: Softness = 0.0,
) -> Float[Array, "parcels parcels"]:
    r"""Keep the connections that are large for at least one of their two parcels (the disparity filter).

    $$
    A_{ij}' = A_{ij}\, \sigma\Big(\frac{\alpha - \min(\alpha_{ij}, \alpha_{ji})}{s}\Big), \quad \alpha_{ij} = \Big(1 -
    \frac{A_{ij}}{\sum_q A_{iq}}\Big)^{k_i - 1}
    $$

    A connection that carries the share p of a parcel's strength, in k connections, has (1 - p)^(k - 1) as the
    probability of being so large when the strength is spread at random; it is kept where the smaller one of its two
    probabilities is below `significance`. A parcel with one connection has no say in it. The diagonal and negative
    weights become zero. Source: Serrano et al. (2009), doi:10.1073/pnas.0808904106.

    Parameters
    ----------
    connectome : (parcels, parcels)
        Symmetric weights.
    significance, softness : float
        Probabilities.
    """
    weights = jnp.maximum(without_diagonal(connectome), 0.0)
    strength = weights.sum(axis=1, keepdims=True)
    share = jnp.where(strength > 0, weights / jnp.where(strength > 0, strength, 1.0), 0.0)
    others = jnp.sum(weights > 0, axis=1, keepdims=True) - 1
    shared = (share > 0) & (share < 1)
    by_row = jnp.where(shared, jnp.exp(others * jnp.log1p(-jnp.where(shared, share, 0.5))), 1.0)
    margin = significance - jnp.minimum(by_row, by_row.T)
    return weights * gate(margin, softness, at_edge=0.0)


@define(outputs=["connectome"], skips=True)
def SpanningTree(
    connectome: Float[Array, "parcels parcels"], softness: Softness = 0.0
) -> Float[Array, "parcels parcels"]:
    r"""Keep the strongest connections that join all parcels without a loop (the maximum spanning tree).

    $$
    A_{ij}' = A_{ij}\, [A_{ij} \ge b_{ij}], \quad b_{ij} = \max_{\text{paths } i \to j} \ \min_{(p, q) \in
    \text{path}} A_{pq}
    $$

    A connection is in the tree where no detour over other parcels is stronger in its weakest link. With a softness the
    others fade with their distance to that, instead of vanishing; those of the tree stay exact. Equals
    `networkx.maximum_spanning_tree`; of equal connections that would close a loop all are kept.

    Parameters
    ----------
    connectome : (parcels, parcels)
        Symmetric weights; every pair counts as connected, a zero as a connection of weight zero.
    softness : float
        In the unit of the connectome, at least 0.
    """
    direct = without_diagonal((connectome + connectome.T) / 2)  # else ties split the derivative over the two halves
    strongest = through_every_parcel(direct, lambda best, first, second: jnp.maximum(best, jnp.minimum(first, second)))
    return direct * jnp.where(direct >= strongest, 1.0, 2 * gate(direct - strongest, softness))
