"""Decompositions: cutting a connectome, non-negative parts, independent components, sparse codes of a dictionary."""

from collections.abc import Mapping
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pydra_diffconn.blocks.graphs.communities import Affiliation
from pydra_diffconn.blocks.shared_parameters import SampleWeights
from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.parameters import Parameter
from pydra_diffconn.numerics.leading import leading
from pydra_diffconn.numerics.linalg import nearest_rotation
from pydra_diffconn.numerics.spd import eigen, without_diagonal
from pydra_diffconn.numerics.weights import total_weight

Parts = Annotated[
    Float[Array, "components features"],
    Parameter(constraints.nonnegative, help="start (or learned value) of each part"),
]
Atoms = Annotated[Float[Array, "components features"], Parameter(constraints.real, help="the dictionary, one row each")]


@define(outputs=["cut"])
def NormalizedCut(connectome: Float[Array, "parcels parcels"], affiliation: Affiliation) -> Float[Array, ""]:
    r"""Measure how much of the communities' strength leads out of them; to find communities, minimise it.

    $$ \text{cut} = \sum_c \Big(1 - \frac{c^\top A c}{c^\top k}\Big), \quad k_i = \sum_j A_{ij} $$

    sum_c (1 - c' A c / c' k) over the columns c of the affiliation, k the strengths. With one-hot affiliations it is
    the normalised cut, between 0 and the number of communities; an empty community counts 1, so that it does not pay
    to have one. Negative weights and the diagonal do not count. The relaxed solution for any number of communities are
    the eigenmaps of `ConnectivityGradients(method="laplacian")`, clustered by `SoftKMeans`. Source: Shi & Malik (2000),
    doi:10.1109/34.868688.

    Parameters
    ----------
    connectome : (parcels, parcels)
        Symmetric weights.
    affiliation : (parcels, communities)
        Shares of each parcel, not negative, summing to one.
    """
    weights = jnp.maximum(without_diagonal(connectome), 0.0)
    inside = jnp.sum(affiliation * (weights @ affiliation), axis=0)
    volume = weights.sum(axis=1) @ affiliation
    occupied = volume > 0
    return jnp.sum(1 - jnp.where(occupied, inside / jnp.where(occupied, volume, 1.0), 0.0))


def check_samples(arguments: Mapping[str, Any]) -> None:
    """Refuse samples that parts cannot add up to, and more components than there can be."""
    samples = arguments.get("samples")
    if samples is None:
        return
    if arguments.get("parts") is not None and np.min(samples) < 0:
        raise ValueError(f"samples has negative values (lowest: {np.min(samples):g}); parts can only add up to others")
    components = arguments.get("components")
    if components is not None and not 1 <= components <= min(samples.shape):
        raise ValueError(f"components = {components} of {samples.shape} samples; expected 1 to {min(samples.shape)}")


@define(outputs=["activations", "parts"], check=check_samples)
def NonnegativeFactors(
    samples: Float[Array, "samples features"],
    parts: Parts,
    sample_weights: SampleWeights = None,
    updates: int = 100,
) -> tuple[Float[Array, "samples components"], Float[Array, "components features"]]:
    r"""Take samples apart into few parts that only add up (non-negative matrix factorisation).

    $$
    \min_{A, P \ge 0} \| X - A P \|_F^2, \quad A \leftarrow A \odot \frac{X P^\top}{A P P^\top}, \quad P \leftarrow P
    \odot \frac{A^\top X}{A^\top A P}
    $$

    A fixed number of multiplicative updates of samples ~ activations @ parts, activations starting all equal; each
    lowers the squared error. Zeros stay zero. Equals `sklearn.decomposition.NMF(solver="mu", init="custom", tol=0)`.
    Source: Lee & Seung (2001), Advances in Neural Information Processing Systems 13.

    Parameters
    ----------
    samples : (samples, features)
        Not negative.
    parts : (components, features)
        Where the parts start, not negative and not all equal.
    sample_weights : (samples,), optional
        At least 0; samples of weight 0 get activations and have no influence on the parts.
    updates : int
        Of activations and parts in turn.
    """
    weights = jnp.ones_like(samples[:, :1]) if sample_weights is None else sample_weights[:, None]
    level = jnp.sum(weights * samples) / (total_weight(weights) * samples.shape[1] * len(parts))
    equal = jnp.where(level > 0, jnp.sqrt(jnp.where(level > 0, level, 1.0)), 0.0)
    start = jnp.full((len(samples), len(parts)), equal)

    def update(state: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], None]:
        activations, parts = state
        activations = activations * _quotient(samples @ parts.T, activations @ (parts @ parts.T))
        weighted = (weights * activations).T
        return (activations, parts * _quotient(weighted @ samples, weighted @ activations @ parts)), None

    return jax.lax.scan(update, (start, parts), None, length=updates)[0]


def _quotient(part: Array, whole: Array) -> Array:
    some = whole != 0  # where it is not, part or what is multiplied is 0, too
    return jnp.where(some, part / jnp.where(some, whole, 1.0), 0.0)


@define(outputs=["sources", "mixing"], check=check_samples)
def IndependentComponents(
    samples: Float[Array, "samples features"],
    components: int,
    sample_weights: SampleWeights = None,
    updates: int = 100,
) -> tuple[Float[Array, "samples components"], Float[Array, "features components"]]:
    r"""Unmix samples into sources that are as independent as possible (FastICA, symmetric, log cosh).

    $$
    X - m \approx S M^\top, \quad \max_{R^\top R = I} \sum_k \Big(\mathrm{E} \log\cosh s_k - \mathrm{E} \log\cosh
    \nu\Big)^2, \quad S = Z R, \ \nu \sim \mathcal{N}(0, 1)
    $$

    The samples are centred, reduced to their leading principal components and rotated by a fixed number of updates
    from the unrotated state: `samples - mean ~ sources @ mixing.T`. Equals `sklearn.decomposition.FastICA(w_init=
    numpy.eye(components), whiten="unit-variance")` after as many iterations. Components that the samples do not have
    are 0. For maps in space, give the transposed series, with voxels as samples. Source: Hyvarinen & Oja (2000),
    doi:10.1016/S0893-6080(00)00026-5.

    Parameters
    ----------
    samples : (samples, features)
        Mixtures, one in each column.
    components : int
        At most the smaller number of samples and features.
    sample_weights : (samples,), optional
        At least 0; samples of weight 0 have no influence on the mixing.
    updates : int
        Of the rotation; 100 are mostly enough for convergence.

    Returns
    -------
    sources : (samples, components)
        Of variance 1 over the weighted samples.
    mixing : (features, components)
        How each source enters each feature.
    """
    weights = jnp.ones_like(samples[:, 0]) if sample_weights is None else sample_weights
    share = weights / total_weight(weights)
    centred = samples - share @ samples
    values, vectors = leading(centred.T @ (share[:, None] * centred), components)
    present = values > len(vectors) * jnp.finfo(values.dtype).eps * values[0]
    scale = jnp.where(present, 1 / jnp.sqrt(jnp.where(present, values, 1.0)), 0.0)
    white = centred @ (vectors * jnp.where(vectors[0] < 0, -scale, scale))

    def update(rotation: Array, _: None) -> tuple[Array, None]:
        bent = jnp.tanh(white @ rotation.T)
        slope = share @ (1 - bent**2)
        return nearest_rotation(bent.T @ (share[:, None] * white) - slope[:, None] * rotation), None

    rotation, _ = jax.lax.scan(update, jnp.eye(components, dtype=samples.dtype), None, length=updates)
    sources = white @ rotation.T
    return sources, centred.T @ (share[:, None] * sources)


@define(outputs=["codes"], check=check_samples)
def SparseCodes(
    samples: Float[Array, "samples features"],
    atoms: Atoms,
    penalty: Annotated[float, Parameter(constraints.nonnegative, help="cost of each unit of a code")] = 0.1,
    updates: int = 200,
) -> Float[Array, "samples components"]:
    r"""Write each sample as a sum of few atoms of a dictionary: the lasso, by accelerated proximal steps.

    $$ c(x) = \arg\min_c \tfrac{1}{2} | x - c D |^2 + \lambda |c|_1 $$

    Minimises |x - c D|^2 / 2 + penalty |c|_1 for each sample x. After enough updates (more for atoms that are alike) it
    equals `sklearn.decomposition.sparse_encode(algorithm="lasso_lars")`; to learn the dictionary, learn `atoms`. Atoms
    that are all zero have codes 0. Source: Beck & Teboulle (2009), doi:10.1137/080716542.

    Parameters
    ----------
    samples : (samples, features)
        For example frames, or connection profiles.
    atoms : (components, features)
        The dictionary.
    penalty : float
        At least 0, in squared units of the samples.
    updates : int
        Number of steps.
    """
    gram, product = atoms @ atoms.T, samples @ atoms.T
    steepest = eigen(gram)[0][-1]
    step = jnp.where(steepest > 0, 1 / jnp.where(steepest > 0, steepest, 1.0), 0.0)
    order = np.arange(1, updates + 1)
    momentum = jnp.asarray((order - 1) / (order + 2), dtype=samples.dtype)

    def update(state: tuple[Array, Array], speed: Array) -> tuple[tuple[Array, Array], None]:
        codes, ahead = state
        moved = ahead + step * (product - ahead @ gram)
        new = jnp.maximum(moved - step * penalty, 0.0) - jnp.maximum(-moved - step * penalty, 0.0)
        return (new, new + speed * (new - codes)), None

    start = jnp.zeros_like(product)
    return jax.lax.scan(update, (start, start), momentum)[0][0]
