"""Communities of a connectome: how much stronger connections are inside them than expected."""

from typing import Annotated, Any, Literal

import jax.numpy as jnp
from jaxtyping import Array, Float

from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.parameters import Parameter
from pydra_diffconn.numerics.spd import without_diagonal

Affiliation = Annotated[
    Float[Array, "parcels communities"], Parameter(constraints.simplex, help="share of each community in each parcel")
]
Coupling = Annotated[
    Float[Array, "communities communities"] | None,
    Parameter(constraints.unit_interval, help="how far two communities count as one"),
]
Negative = Literal["asymmetric", "gomez", "ignore"]


@define(outputs=["modularity"])
def Modularity(
    connectome: Float[Array, "parcels parcels"],
    affiliation: Affiliation,
    coupling: Coupling = None,
    resolution: Annotated[
        float, Parameter(constraints.positive, help="weight of the null model; higher gives more communities")
    ] = 1.0,
    negative: Negative = "asymmetric",
) -> Float[Array, ""]:
    r"""Measure the modularity Q of soft communities; to find communities, maximise it.

    $$
    Q = \frac{1}{2m} \sum_{ij} \Big(A_{ij} - \gamma\, \frac{k_i k_j}{2m}\Big) (C \Omega C^\top)_{ij}, \quad 2m =
    \sum_i k_i
    $$

    Q = sum_ij (A_ij - resolution k_i k_j / 2m) (C O C')_ij / 2m, where C is the affiliation, O the coupling, k the
    strengths and 2m their sum. With one-hot affiliations it is Newman's modularity, as in networkx and the Brain
    Connectivity Toolbox. The diagonal of the connectome is not used; a connectome without connections has Q = 0.
    Source: Newman (2006), doi:10.1073/pnas.0601602103; Rubinov & Sporns (2011), doi:10.1016/j.neuroimage.2011.03.069.

    Parameters
    ----------
    connectome : (parcels, parcels)
        Symmetric weights.
    affiliation : (parcels, communities)
        Shares of each parcel, not negative, summing to one.
    coupling : (communities, communities), optional
        In [0, 1]; by default the identity: only connections inside a community count.
    resolution : float
        Positive; 1 is Newman's.
    negative : {"asymmetric", "gomez", "ignore"}
        What negative weights do. `asymmetric`: Q* = Q+ - s-/(s+ + s-) Q-, with s the sums of the weights, so that
        negative connections inside communities cost less than positive ones gain. `gomez`: both are divided by
        s+ + s- (Gomez et al. 2009). `ignore`: they are dropped. Without negative weights the three are equal.
    """
    connectome = without_diagonal(connectome)
    positive, reverse = jnp.maximum(connectome, 0.0), jnp.maximum(-connectome, 0.0)
    total, against = positive.sum(), reverse.sum()
    inside = _excess(positive, affiliation, coupling, resolution)
    if negative == "ignore":
        return _share(inside, total)
    inside_against = _excess(reverse, affiliation, coupling, resolution)
    scale = total if negative == "asymmetric" else total + against
    return _share(inside, scale) - _share(inside_against, total + against)


def _excess(weights: Array, affiliation: Array, coupling: Array | None, resolution: Any) -> Array:
    """Sum the weights inside communities beyond the null model's; the parcel by parcel null is never formed."""
    strength = weights.sum(axis=1)
    between = affiliation.T @ weights @ affiliation
    mass = affiliation.T @ strength
    expected = resolution * _share(mass[:, None] * mass, strength.sum())
    excess = between - expected
    return jnp.trace(excess) if coupling is None else jnp.sum(coupling * excess)


def _share(part: Array, total: Array) -> Array:
    return jnp.where(total > 0, part / jnp.where(total > 0, total, 1.0), 0.0)
