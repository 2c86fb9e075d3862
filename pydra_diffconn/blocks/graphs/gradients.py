"""Gradients of connectivity: the slow axes along which connection profiles change, by diffusion maps or eigenmaps."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from pydra_diffconn.blocks.shared_parameters import Softness
from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.parameters import Parameter
from pydra_diffconn.numerics.gates import largest
from pydra_diffconn.numerics.leading import leading
from pydra_diffconn.numerics.linalg import nearest_rotation, symmetric_product
from pydra_diffconn.numerics.spd import with_diagonal, without_diagonal

Method = Literal["diffusion", "laplacian"]
Kernel = Literal["normalized_angle", "cosine", "gaussian", "none"]
ASIDE = 3.0  # moves the constant solution's eigenvalue from 1 to -2, below all others
ROUNDING = 100  # an eigenvalue nearer to 1 than so many roundings is 1


def check(arguments: Mapping[str, Any]) -> None:
    """Refuse more components than there are."""
    connectome = arguments.get("connectome")
    components = arguments.get("components")
    if connectome is not None and components is not None and not 1 <= components < len(connectome):
        raise ValueError(
            f"components = {components}; {len(connectome)} parcels have 1 to {len(connectome) - 1} gradients"
        )


@define(outputs=["gradients", "eigenvalues"], check=check)
def ConnectivityGradients(
    connectome: Float[Array, "parcels parcels"],
    components: int = 10,
    method: Method = "diffusion",
    kernel: Kernel = "normalized_angle",
    sparsity: Annotated[
        float, Parameter(constraints.unit_interval, help="share of the weakest connections of each parcel set to zero")
    ] = 0.9,
    softness: Softness = 0.0,
    width: Annotated[float, Parameter(constraints.above(0.0), help="width of the Gaussian kernel")] = 1.0,
    alpha: Annotated[
        float, Parameter(constraints.unit_interval, help="how far the density of parcels is taken out; 1 is wholly")
    ] = 0.5,
    diffusion_time: Annotated[
        float, Parameter(constraints.nonnegative, help="steps of the diffusion; 0 sums over all times")
    ] = 0.0,
) -> tuple[Float[Array, "parcels components"], Float[Array, "components"]]:
    r"""Embed parcels by their connection profiles: diffusion maps or Laplacian eigenmaps, largest gradient first.

    $$
    K = D_W^{-\alpha} W D_W^{-\alpha}, \quad D_K^{-1} K\, v_j = l_j v_j, \quad g_j = \frac{l_j}{1 - l_j}\, v_j \
    \text{ or } \ l_j^t\, v_j
    $$

    The weakest connections of each row are set to zero, the profiles are compared (`kernel`), and negative affinities
    dropped. Diffusion: K = D^-alpha W D^-alpha, and the right eigenvectors of its Markov matrix, the constant one being
    1 and left out, times l / (1 - l) (or l^t), computed from the symmetric companion. Laplacian: the eigenvectors of
    the normalised Laplacian of W without its diagonal, divided by the root of the degree, as scikit-learn's
    `SpectralEmbedding`. Each gradient's largest coordinate in size is positive. A parcel without affinity to any other
    has coordinate 0; separate networks give one gradient each with eigenvalue 1, very large and finite in diffusion.
    Derivatives are finite where eigenvalues are equal. Source: Coifman & Lafon (2006), doi:10.1016/j.acha.2006.04.006;
    Margulies et al. (2016), doi:10.1073/pnas.1608282113; Belkin & Niyogi (2003), doi:10.1162/089976603321780317.

    Parameters
    ----------
    connectome : (parcels, parcels)
        Symmetric weights; the diagonal is part of the profiles.
    components : int
        Number of gradients.
    method : {"diffusion", "laplacian"}
        See above.
    kernel : {"normalized_angle", "cosine", "gaussian", "none"}
        How profiles are compared: 1 - angle / pi, its cosine, exp(-d^2 / (2 width^2)), or not at all: the connectome
        itself, averaged with its transpose, is the affinity.
    sparsity : float
        In [0, 1]; has a gradient only with `softness` > 0.
    softness : float
        Width of the soft edge of the sparsity, in the unit of the connectome.
    width : float
        Of the Gaussian kernel, in the unit of the connectome.
    alpha : float
        In [0, 1]; 0.5 is customary (Fokker-Planck), 1 the geometry alone (Laplace-Beltrami).
    diffusion_time : float
        At least 0.
    """
    weights = affinity(connectome, kernel, sparsity, softness, width)
    if method == "laplacian":
        gradients, values = _eigenmaps(without_diagonal(weights), components)
        return _signed(gradients), 1 - values
    scale = _power(weights.sum(axis=1), -alpha)
    weights = scale[:, None] * weights * scale
    gradients, values = _eigenmaps(weights, components)
    scaled = _diffused(values, diffusion_time)
    return _signed(gradients * _power(weights.sum(), 0.5) * scaled), scaled


def affinity(
    connectome: Float[Array, "parcels parcels"], kernel: Kernel, sparsity: Any, softness: Any, width: Any
) -> Float[Array, "parcels parcels"]:
    """Compare the sparse connection profiles of all pairs of parcels; the result is symmetric and not negative."""
    size = len(connectome)
    profiles = connectome * largest(connectome, (1 - sparsity) * size, softness)
    if kernel == "none":
        return jnp.maximum((profiles + profiles.T) / 2, 0.0)
    square = jnp.sum(profiles**2, axis=1)
    alive = square > 0
    both = alive[:, None] & alive
    if kernel == "gaussian":
        distance = jnp.maximum(square[:, None] + square - 2 * symmetric_product(profiles, profiles), 0.0)
        return jnp.where(both, jnp.exp(-without_diagonal(distance) / (2 * width**2)), 0.0)
    normed = profiles * _power(square, -0.5)[:, None]
    cosine = with_diagonal(symmetric_product(normed, normed), 1.0)
    if kernel == "normalized_angle":
        # the arc cosine has an infinite derivative where profiles are the same, as each is with itself
        apart = jnp.abs(cosine) < 1 - 4 * jnp.finfo(cosine.dtype).eps
        angle = jnp.where(apart, jnp.arccos(jnp.where(apart, cosine, 0.0)), jnp.where(cosine > 0, 0.0, jnp.pi))
        cosine = 1 - angle / jnp.pi
    return jnp.where(both, jnp.maximum(cosine, 0.0), 0.0)


@define(outputs=["gradients"])
def AlignGradients(
    gradients: Float[Array, "parcels components"], reference: Float[Array, "parcels components"]
) -> Float[Array, "parcels components"]:
    r"""Rotate and reflect gradients onto a reference (orthogonal Procrustes, without scaling or shift).

    $$ G' = G R, \quad R = U V^\top \text{ with } G^\top G_0 = U S V^\top $$

    Equals `gradients @ scipy.linalg.orthogonal_procrustes(gradients, reference)[0]`. Where components carry nothing of
    the reference, the rotation among them is arbitrary and has no derivative. Source: Schonemann (1966),
    doi:10.1007/BF02289451.

    Parameters
    ----------
    gradients, reference : (parcels, components)
        Of the same parcels, as many components.
    """
    return gradients @ nearest_rotation(gradients.T @ reference)


def _eigenmaps(weights: Array, components: int) -> tuple[Array, Array]:
    """Return the leading right eigenvectors of the Markov matrix D^-1 W but the constant one, and eigenvalues.

    They are those of the symmetric D^-1/2 W D^-1/2, of norm 1, divided by the root of the degree. The constant one is
    known; it is moved aside first, so that it does not mix with others of eigenvalue 1 (networks that are apart).
    """
    inverse_root = _power(weights.sum(axis=1), -0.5)
    constant = _power(weights.sum(axis=1), 0.5) * _power(weights.sum(), -0.5)
    companion = inverse_root[:, None] * weights * inverse_root - ASIDE * constant[:, None] * constant
    values, vectors = leading(companion, components)
    return vectors * inverse_root[:, None], values


def _power(base: Array, exponent: Any) -> Array:
    """Raise to a power, zero staying zero, with a derivative."""
    positive = base > 0
    return jnp.where(positive, jnp.exp(exponent * jnp.log(jnp.where(positive, base, 1.0))), 0.0)


def _diffused(values: Array, time: Any) -> Array:
    """Return l / (1 - l) at time 0, else l^time; the distance to 1 is kept above the rounding."""
    summed = values / jnp.maximum(1 - values, ROUNDING * jnp.finfo(values.dtype).eps)
    return jnp.where(time > 0, _power(values, jnp.where(time > 0, time, 1.0)), summed)


def _signed(gradients: Array) -> Array:
    """Make the coordinate of largest size positive in each gradient."""
    top = jnp.argmax(jnp.abs(gradients), axis=0)
    sign = jnp.sign(jnp.take_along_axis(gradients, top[None, :], axis=0))
    return gradients * jax.lax.stop_gradient(jnp.where(sign == 0, 1.0, sign)).astype(gradients.dtype)
