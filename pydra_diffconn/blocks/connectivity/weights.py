"""Weights of parcels and of edges: how much each counts where connectomes are compared."""

from collections.abc import Mapping
from typing import Annotated, Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.parameters import Parameter

ParcelWeights = Annotated[Float[Array, "parcels"], Parameter(constraints.positive, help="weight of each parcel")]
EdgeWeights = Annotated[Float[Array, "parcels parcels"], Parameter(constraints.positive, help="weight of each edge")]


def check_edge_weights(arguments: Mapping[str, Any]) -> None:
    """Refuse weights that differ between the two directions of an edge."""
    weights = arguments.get("weights")
    if weights is not None and not np.allclose(weights, np.transpose(weights), rtol=1e-4):
        raise ValueError("weights are not symmetric; give (weights + weights.T) / 2")


@define(outputs=["connectome"], linear_in="connectome", skips=True)
def WeightParcels(
    connectome: Float[Array, "parcels parcels"], weights: ParcelWeights
) -> Float[Array, "parcels parcels"]:
    r"""Multiply each edge by the geometric mean of the weights of its parcels.

    $$ A_{ij}' = A_{ij} \sqrt{w_i w_j} $$

    c_ij sqrt(w_i w_j). A comparison of connectomes then counts reliable parcels more; equal weights change no
    correlation of edges. Learned weights are free in scale, and as many as parcels: penalise them
    (`losses.LogDeviation`) and hold people out. In use as the reliability weighting of edges, for example Noble et al.
    (2017), doi:10.1093/cercor/bhx230.

    Parameters
    ----------
    connectome : (parcels, parcels)
        Symmetric.
    weights : (parcels,)
        Above 0; `Learn(np.ones(parcels))` starts from no weighting.
    """
    root = jnp.sqrt(jnp.asarray(weights, connectome.dtype))
    return connectome * root[:, None] * root


@define(outputs=["connectome"], linear_in="connectome", check=check_edge_weights, skips=True)
def WeightEdges(connectome: Float[Array, "parcels parcels"], weights: EdgeWeights) -> Float[Array, "parcels parcels"]:
    r"""Multiply each edge by a weight of its own, such as its reliability (intraclass correlation) in other people.

    $$ A_{ij}' = A_{ij}\, \frac{w_{ij} + w_{ji}}{2} $$

    Learned weights that differ between i, j and j, i count by their mean.

    Parameters
    ----------
    connectome : (parcels, parcels)
        Symmetric.
    weights : (parcels, parcels)
        Above 0, symmetric.
    """
    weights = jnp.asarray(weights, connectome.dtype)
    return connectome * (weights + weights.T) / 2
