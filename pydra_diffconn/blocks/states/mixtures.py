"""Soft clustering: k-means with a temperature, and mixtures of directions on the sphere (von Mises-Fisher)."""

from collections.abc import Mapping
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pydra_diffconn.blocks.shared_parameters import SampleWeights
from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.parameters import Parameter
from pydra_diffconn.numerics.bessel import log_bessel

Centers = Annotated[Float[Array, "clusters features"], Parameter(constraints.real, help="center of each cluster")]
Directions = Annotated[
    Float[Array, "clusters features"], Parameter(constraints.real, help="mean direction of each cluster, of any length")
]
Proportions = Annotated[Float[Array, "clusters"] | None, Parameter(constraints.simplex, help="share of each cluster")]
Temperature = Annotated[
    float, Parameter(constraints.nonnegative, help="squared distance over which assignments soften; 0 is hard")
]


def check(arguments: Mapping[str, Any]) -> None:
    """Refuse directions without an angle."""
    directions = arguments.get("directions")
    if directions is not None and directions.shape[1] < 2:
        raise ValueError("directions need at least 2 features; a line has no angles")


@define(outputs=["affiliation", "centers"], check=check)
def SoftKMeans(
    samples: Float[Array, "samples features"],
    centers: Centers,
    sample_weights: SampleWeights = None,
    temperature: Temperature = 0.0,
    updates: int = 0,
) -> tuple[Float[Array, "samples clusters"], Float[Array, "clusters features"]]:
    r"""Assign samples to the nearest center, softly, after moving the centers to the means of their samples.

    $$
    q_{ic} = \frac{e^{-|x_i - \mu_c|^2 / \tau}}{\sum_k e^{-|x_i - \mu_k|^2 / \tau}}, \quad \mu_c \leftarrow
    \frac{\sum_i w_i q_{ic} x_i}{\sum_i w_i q_{ic}}
    $$

    The affiliation is the softmax over clusters of -d^2 / temperature; with temperature 0 exactly 1 for the nearest
    (of equally near ones the first). Hard, it equals `sklearn.cluster.KMeans` with these initial centers and
    `max_iter = updates`. A center without samples stays where it is.

    Parameters
    ----------
    samples : (samples, features)
        For example windowed connectomes, frames, or connection profiles of parcels.
    centers : (clusters, features)
        Initial centers (or learned ones, with `updates = 0`).
    sample_weights : (samples,), optional
        At least 0; those of weight 0 are assigned and move nothing.
    temperature : float
        In squared units of the features, at least 0; twice the variance of a cluster in one direction.
    updates : int
        How often the centers are moved.

    Returns
    -------
    affiliation : (samples, clusters)
        Shares that sum to one.
    centers : (clusters, features)
        Where the centers ended.
    """
    # distances are differences of squares, which lose digits far from the origin
    origin = jax.lax.stop_gradient(samples.mean(axis=0))
    samples, centers = samples - origin, centers - origin
    weights = jnp.ones_like(samples[:, 0]) if sample_weights is None else sample_weights

    def move(centers: Array, _: None) -> tuple[Array, None]:
        share = _nearest(samples, centers, temperature) * weights[:, None]
        total = share.sum(axis=0)[:, None]
        occupied = total > 0
        return jnp.where(occupied, share.T @ samples / jnp.where(occupied, total, 1.0), centers), None

    centers, _ = jax.lax.scan(move, centers, None, length=updates)
    return _nearest(samples, centers, temperature), centers + origin


def _nearest(samples: Array, centers: Array, temperature: Any) -> Array:
    """Return the softmax of the negative squared distances, less each sample's own square."""
    nearness = 2 * samples @ centers.T - jnp.sum(centers**2, axis=1)
    width = jnp.where(temperature > 0, temperature, 1.0)
    soft = jax.nn.softmax(nearness / width, axis=1)
    hard = jax.nn.one_hot(jnp.argmax(nearness, axis=1), len(centers), dtype=samples.dtype)
    return jnp.where(temperature > 0, soft, hard)


@define(outputs=["affiliation", "log_likelihood"], check=check)
def VonMisesFisherMixture(
    samples: Float[Array, "samples features"],
    directions: Directions,
    concentration: Annotated[
        Float[Array, "clusters"], Parameter(constraints.nonnegative, help="how narrow each cluster is; 0 is uniform")
    ],
    proportions: Proportions = None,
) -> tuple[Float[Array, "samples clusters"], Float[Array, "samples"]]:
    r"""Assign samples to clusters of directions: the posterior of a von Mises-Fisher mixture.

    $$
    q_{ic} = \frac{\pi_c\, C_d(\kappa_c)\, e^{\kappa_c \mu_c^\top x_i}}{\sum_k \pi_k\, C_d(\kappa_k)\, e^{\kappa_k
    \mu_k^\top x_i}}, \quad C_d(\kappa) = \frac{\kappa^{d/2 - 1}}{(2 \pi)^{d/2} I_{d/2 - 1}(\kappa)}
    $$

    Samples are brought to norm 1 first (after centring each, the product of two is their correlation). The density of
    cluster c is C(kappa_c) exp(kappa_c mu_c' x), as `scipy.stats.vonmises_fisher`. A sample of norm 0 has no direction
    and gets the clusters by their proportions and normalisers alone. To learn a mixture, maximise the mean
    log-likelihood. Source: Banerjee et al. (2005), Journal of Machine Learning Research 6, 1345; Ryali et al. (2013),
    doi:10.1016/j.neuroimage.2012.10.008.

    Parameters
    ----------
    samples : (samples, features)
        For example connection profiles of voxels, with at least 2 features.
    directions : (clusters, features)
        Mean directions; their length does not matter.
    concentration : (clusters,)
        At least 0.
    proportions : (clusters,), optional
        Not negative, summing to one; by default equal.

    Returns
    -------
    affiliation : (samples, clusters)
        Posterior probabilities.
    log_likelihood : (samples,)
        Of each sample, with respect to the area of the sphere.
    """
    unit, mean = _on_sphere(samples), _on_sphere(directions)
    density = concentration * (unit @ mean.T) + log_normalizer(samples.shape[1], concentration)
    if proportions is None:
        joint = density - jnp.log(jnp.asarray(len(directions), dtype=density.dtype))
    else:
        possible = proportions > 0
        joint = jnp.where(possible, density + jnp.log(jnp.where(possible, proportions, 1.0)), -jnp.inf)
    return jax.nn.softmax(joint, axis=1), jax.nn.logsumexp(joint, axis=1)


def log_normalizer(features: int, concentration: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return log C(kappa), with C(kappa) exp(kappa mu' x) a density on the sphere of so many dimensions.

    At kappa = 0 it is minus the logarithm of the sphere's area.
    """
    order = features / 2 - 1
    return order * np.log(2.0) - features / 2 * np.log(2 * np.pi) - log_bessel(order, concentration)


def _on_sphere(vectors: Array) -> Array:
    square = jnp.sum(vectors**2, axis=-1, keepdims=True)
    return vectors * jnp.where(square > 0, 1 / jnp.sqrt(jnp.where(square > 0, square, 1.0)), 0.0)
