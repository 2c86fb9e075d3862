"""Measures of a connectome as a weighted graph: how strongly, clustered, integrated and centrally parcels connect."""

from typing import Annotated, Any, Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from pydra_diffconn.blocks.graphs.communities import Affiliation
from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.parameters import Parameter
from pydra_diffconn.numerics.gates import through_every_parcel
from pydra_diffconn.numerics.leading import leading
from pydra_diffconn.numerics.spd import exponential, without_diagonal

Sign = Literal["positive", "negative", "all"]
Kind = Literal["zhang", "onnela"]
ABSENT = 1e-12  # a weight below this is no connection: the square of its length would overflow float32
UNREACHED = 1e20  # a length that stands for infinity, and whose products with zero are zero


@define(outputs=["strength"], skips=True)
def NodeStrength(connectome: Float[Array, "parcels parcels"], sign: Sign = "all") -> Float[Array, "parcels"]:
    r"""Sum the weights of each parcel's connections; the diagonal does not count.

    $$ k_i = \sum_{j \ne i} A_{ij} $$

    Equals `bct.strengths_und` and, by sign, `bct.strengths_und_sign`. Source: Rubinov & Sporns (2010),
    doi:10.1016/j.neuroimage.2009.10.003.

    Parameters
    ----------
    connectome : (parcels, parcels)
        Symmetric weights.
    sign : {"all", "positive", "negative"}
        Which weights are used; negative ones by their size.
    """
    return _weights(connectome, sign).sum(axis=1)


@define(outputs=["clustering"], skips=True)
def ClusteringCoefficient(
    connectome: Float[Array, "parcels parcels"], kind: Kind = "zhang", sign: Sign = "positive"
) -> Float[Array, "parcels"]:
    r"""Measure how strongly the neighbours of each parcel are connected with each other.

    $$
    C_i = \frac{\sum_{jq} A_{ij} A_{jq} A_{qi}}{\sum_{j \ne q} A_{ij} A_{iq}} \quad \text{or} \quad \frac{\sum_{jq}
    (A_{ij} A_{jq} A_{qi})^{1/3}}{n_i (n_i - 1)}
    $$

    `zhang`: sum_jq w_ij w_iq w_jq / sum_(j != q) w_ij w_iq, smooth in all weights and meant for dense connectomes.
    `onnela`: the mean over pairs of neighbours of the cube root of w_ij w_iq w_jq; neighbours are those with a weight
    other than zero, so it jumps when one appears. Both equal `bct.clustering_coef_wu_sign`. A parcel with fewer than
    two neighbours has 0. Source: Zhang & Horvath (2005), doi:10.2202/1544-6115.1128; Onnela et al. (2005),
    doi:10.1103/PhysRevE.71.065103.

    Parameters
    ----------
    connectome : (parcels, parcels)
        Symmetric weights, best in [-1, 1].
    kind : {"zhang", "onnela"}
        See above.
    sign : {"positive", "negative", "all"}
        Which weights are used; negative ones by their size. `all` needs weights that are not negative for `onnela`.
    """
    weights = _weights(connectome, sign)
    if kind == "onnela":
        root = jnp.where(weights > 0, jnp.cbrt(jnp.where(weights > 0, weights, 1.0)), 0.0)
        neighbours = jnp.sum(weights > 0, axis=1)
        pairs = (neighbours * (neighbours - 1)).astype(weights.dtype)
        return _divide(jnp.sum((root @ root) * root, axis=1), pairs)
    strength, square = weights.sum(axis=1), jnp.sum(weights**2, axis=1)
    pairs = strength**2 - square
    rounding = 10 * jnp.finfo(weights.dtype).eps * square
    return _divide(jnp.sum((weights @ weights) * weights, axis=1), jnp.where(jnp.abs(pairs) > rounding, pairs, 0.0))


@define(outputs=["participation"], skips=True)
def ParticipationCoefficient(
    connectome: Float[Array, "parcels parcels"], affiliation: Affiliation, sign: Sign = "positive"
) -> Float[Array, "parcels"]:
    r"""Measure how evenly each parcel's connections spread over communities: 0 for one, near 1 for many.

    $$ P_i = 1 - \sum_c \Big(\frac{k_{ic}}{k_i}\Big)^2, \quad k_{ic} = \sum_j A_{ij} C_{jc} $$

    P_i = 1 - sum_c (k_ic / k_i)^2 with k_ic the strength of parcel i with community c. With one-hot affiliations it
    equals `bct.participation_coef` and `bct.participation_coef_sign`. A parcel without connections has 0. Source:
    Guimera & Amaral (2005), doi:10.1038/nature03288.

    Parameters
    ----------
    connectome : (parcels, parcels)
        Symmetric weights; the diagonal does not count.
    affiliation : (parcels, communities)
        Shares of each parcel, not negative, summing to one.
    sign : {"positive", "negative", "all"}
        Which weights are used; negative ones by their size.
    """
    weights = _weights(connectome, sign)
    strength = weights.sum(axis=1)
    share = _divide(weights @ affiliation, strength[:, None])
    return jnp.where(strength != 0, 1 - jnp.sum(share**2, axis=1), 0.0)


@define(outputs=["nodal_efficiency", "global_efficiency"])
def Efficiency(
    connectome: Float[Array, "parcels parcels"],
    softness: Annotated[
        float, Parameter(constraints.nonnegative, help="how much longer a detour may be and still count; 0 is hard")
    ] = 0.0,
) -> tuple[Float[Array, "parcels"], Float[Array, ""]]:
    r"""Measure how near parcels are over the connections: the mean inverse length of shortest paths.

    $$
    E_i = \frac{1}{p - 1} \sum_{j \ne i} \frac{1}{d_{ij}}, \quad E = \frac{1}{p} \sum_i E_i, \quad d_{ij} =
    \min_{\text{paths}} \sum \frac{1}{A}
    $$

    A connection of weight w has length 1 / w; weights that are not positive connect nothing, and parcels without a
    path have efficiency 0. With `softness = 0` the global value equals `bct.efficiency_wei`; with a softness the
    choice between a path and a detour is a logistic function of the difference of their lengths, so that lengths are
    never below the shortest. Source: Latora & Marchiori (2001), doi:10.1103/PhysRevLett.87.198701.

    Parameters
    ----------
    connectome : (parcels, parcels)
        Symmetric weights.
    softness : float
        In the unit of lengths, the inverse of the weights'.

    Returns
    -------
    nodal_efficiency : (parcels,)
        Mean over all other parcels.
    global_efficiency : number
        Mean over all pairs.
    """
    length = path_lengths(connectome, softness)
    reached = (length > 0) & (length < UNREACHED / 2)
    nearness = jnp.where(reached, 1 / jnp.where(reached, length, 1.0), 0.0)
    nodal = nearness.sum(axis=1) / max(len(connectome) - 1, 1)
    return nodal, nodal.mean()


def path_lengths(connectome: Float[Array, "parcels parcels"], softness: Any = 0.0) -> Float[Array, "parcels parcels"]:
    """Return the length of the shortest path between all pairs, `UNREACHED` where there is none."""
    weights = without_diagonal(connectome)
    present = weights > ABSENT
    length = jnp.where(present, 1 / jnp.where(present, weights, 1.0), UNREACHED)
    width = jnp.where(softness > 0, softness, 1.0)

    def combine(best: Array, first: Array, second: Array) -> Array:
        detour = first + second
        stay = jax.nn.sigmoid((detour - best) / width)
        soft = stay * best + (1 - stay) * detour
        return without_diagonal(jnp.where(softness > 0, soft, jnp.minimum(best, detour)))

    return through_every_parcel(without_diagonal(length), combine)


@define(outputs=["centrality"], skips=True)
def EigenvectorCentrality(connectome: Float[Array, "parcels parcels"]) -> Float[Array, "parcels"]:
    r"""Measure how central each parcel is by the centrality of its neighbours: the leading eigenvector.

    $$ A v = \lambda_\text{max} v, \quad |v| = 1 $$

    Of norm 1 and not negative, as `bct.eigenvector_centrality_und` and `networkx.eigenvector_centrality`. Where
    networks are apart only the strongest has values; without connections all are 0. Source: Bonacich (1972),
    doi:10.1080/0022250X.1972.9989806.

    Parameters
    ----------
    connectome : (parcels, parcels)
        Symmetric weights, best not negative; the diagonal does not count.
    """
    weights = without_diagonal(connectome)
    _, vectors = leading(weights, 1)
    return jnp.where(jnp.any(weights != 0), jnp.abs(vectors[:, 0]), 0.0)


@define(outputs=["communicability"], skips=True)
def Communicability(
    connectome: Float[Array, "parcels parcels"],
    scale: Annotated[float, Parameter(constraints.nonnegative, help="weight of long walks; 0 is the identity")] = 1.0,
    normalize: bool = True,
) -> Float[Array, "parcels parcels"]:
    r"""Sum over all walks between two parcels, longer ones counting less: exp(scale A).

    $$ G = e^{s\, D^{-1/2} A D^{-1/2}}, \quad D = \operatorname{diag}(A 1) $$

    With `normalize` each weight is divided by the roots of the strengths of its two parcels first, so that hubs do not
    dominate (needs weights that are not negative; a parcel without connections communicates with none but itself, by
    1). Equals `scipy.linalg.expm`. Source: Estrada & Hatano (2008), doi:10.1103/PhysRevE.77.036111; Crofts & Higham
    (2009), doi:10.1098/rsif.2008.0484.

    Parameters
    ----------
    connectome : (parcels, parcels)
        Symmetric weights; the diagonal does not count.
    scale : float
        At least 0.
    normalize : bool
        See above.
    """
    weights = without_diagonal(connectome)
    if normalize:
        strength = weights.sum(axis=1)
        connected = strength > 0
        root = jnp.where(connected, 1 / jnp.sqrt(jnp.where(connected, strength, 1.0)), 0.0)
        weights = root[:, None] * weights * root
    return exponential(scale * weights)


def _weights(connectome: Array, sign: Sign) -> Array:
    """Return the weights of one sign, by their size, without the diagonal."""
    weights = without_diagonal(connectome)
    return weights if sign == "all" else jnp.maximum(weights if sign == "positive" else -weights, 0.0)


def _divide(part: Array, whole: Array) -> Array:
    """Divide, giving 0 where there is nothing to divide by."""
    return jnp.where(whole != 0, part / jnp.where(whole != 0, whole, 1.0), 0.0)
