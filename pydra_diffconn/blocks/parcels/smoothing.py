"""Gaussian smoothing with a learnable width: on the grid of a volume, and along a surface or any graph."""

import math
from collections.abc import Mapping
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.parameters import Parameter

FWHM_PER_SIGMA = math.sqrt(8 * math.log(2))
ITERATIONS = 500  # of conjugate gradients at most; a few dozen are usual
Fwhm = Annotated[float, Parameter(constraints.nonnegative, unit="mm", help="full width at half maximum; 0 leaves all")]


def check_volume(arguments: Mapping[str, Any]) -> None:
    """Refuse positions outside the grid, or named twice."""
    voxels, size = arguments.get("voxels"), arguments.get("voxel_size")
    if voxels is None:
        return
    voxels = np.asarray(voxels)
    if size is not None and (len(size) != voxels.shape[1] or min(size) <= 0):
        raise ValueError(f"voxel_size = {size} for {voxels.shape[1]} axes; expected a length in mm above 0 for each")
    shape = arguments.get("shape")
    if voxels.min() < 0 or (shape is not None and np.any(voxels >= np.array(shape))):
        raise ValueError(f"voxels has positions outside the grid of shape {shape}")
    if len(np.unique(voxels, axis=0)) < len(voxels):
        raise ValueError("voxels names a position twice; expected one column of the series for each")


def grid_shape(arguments: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the smallest grid that holds all voxels."""
    if arguments.get("voxels") is None:
        raise ValueError("voxels come out of an earlier step; give shape=(x, y, z) so that the grid is known")
    return tuple(int(last) + 1 for last in np.max(arguments["voxels"], axis=0))


@define(
    outputs=["timeseries"],
    linear_in="timeseries",
    acts_along="space",
    check=check_volume,
    infer={"shape": grid_shape},
)
def SmoothVolume(
    timeseries: Float[Array, "time space"],
    voxels: Int[Array, "space axes"],
    voxel_size: tuple[float, ...],
    fwhm: Fwhm = 6.0,
    normalize: bool = True,
    truncate: float = 4.0,
    shape: tuple[int, ...] | None = None,
) -> Float[Array, "time space"]:
    r"""Smooth each frame on its grid with a Gaussian, axis by axis.

    $$
    y_v = \frac{\sum_u K_{vu} x_u}{\sum_u K_{vu}}, \quad K_{vu} = e^{-|r_v - r_u|^2 / 2 \sigma^2}, \quad \sigma =
    \frac{\text{fwhm}}{\sqrt{8 \log 2}}
    $$

    With `normalize` each voxel becomes the weighted mean of the voxels present, so that nothing is lost at the border
    of the mask and a constant stays constant; without it the rest of the grid counts as zeros and the grid is mirrored
    at its edges, which equals `scipy.ndimage.gaussian_filter` and `nilearn.image.smooth_img`. Below about a third of a
    voxel nothing changes, and the width has no gradient.

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per voxel.
    voxels : (space, axes)
        Position of each column on the grid, for example `numpy.argwhere(mask)`.
    voxel_size : tuple of float
        Edges of a voxel in mm.
    fwhm : float
        In mm, at least 0; 0 gives the series themselves.
    normalize : bool
        See above.
    truncate : float
        Where the Gaussian ends, in standard deviations.
    shape : tuple of int, optional
        Of the grid; by default the smallest that holds all voxels (without `normalize` its edges matter).
    """
    assert shape is not None

    def smooth(columns: Array) -> Array:
        return smoothed_on_grid(columns, voxels, voxel_size, fwhm, truncate, shape, mirrored=not normalize)

    smoothed = smooth(timeseries)
    return smoothed / smooth(jnp.ones_like(timeseries[:1])) if normalize else smoothed


def smoothed_on_grid(
    columns: Float[Array, "maps space"],
    voxels: Int[Array, "space axes"],
    voxel_size: tuple[float, ...],
    fwhm: Any,
    truncate: Any,
    shape: tuple[int, ...],
    mirrored: bool = False,
) -> Float[Array, "maps space"]:
    """Convolve maps with a Gaussian, axis by axis; the rest of the grid holds zeros."""
    kernels = [
        _kernel(length, fwhm / (FWHM_PER_SIGMA * size), truncate, mirrored).astype(columns.dtype)
        for length, size in zip(shape, voxel_size, strict=True)
    ]
    place = jnp.ravel_multi_index(tuple(jnp.asarray(voxels).T), shape, mode="clip")
    volume = jnp.zeros((len(columns), math.prod(shape)), columns.dtype).at[:, place].set(columns)
    volume = volume.reshape(-1, *shape)
    for kernel in kernels:  # contracts the first axis and appends it last: after all, the order is as before
        volume = jnp.tensordot(volume, kernel, axes=([1], [1]), precision=jax.lax.Precision.HIGHEST)
    return volume.reshape(len(columns), -1)[:, place]


def _kernel(length: int, sigma: Any, truncate: Any, mirrored: bool) -> Float[Array, "length length"]:
    """Return the weights of each voxel (columns) in each other (rows) along an axis; sigma counts voxels."""
    here, there = jnp.arange(length)[:, None], jnp.arange(length)
    if mirrored:  # the axis and its mirror images, as far as they are in reach
        periods = 2 * length * jnp.arange(-2, 3)[:, None, None]
        distance = jnp.concatenate([here - there + periods, here + there + 1 + periods])
    else:
        distance = (here - there)[None]
    reach = jnp.floor(truncate * sigma + 0.5)
    seen = jnp.abs(distance) <= reach
    # guarded on the input: a vanishing width would give 0 times infinity in the gradient
    safe = jnp.where(sigma > 0, sigma, 1.0)
    weights = jnp.where(seen, jnp.exp(-0.5 * (jnp.where(seen, distance, 0) / safe) ** 2), 0.0).sum(axis=0)
    return weights / weights.sum(axis=1, keepdims=True) if mirrored else weights


def check_surface(arguments: Mapping[str, Any]) -> None:
    """Refuse edges between vertices that are not there, and vertices without an area."""
    series, edges = arguments.get("timeseries"), arguments.get("edges")
    if arguments.get("steps", 1) < 1:
        raise ValueError(f"steps = {arguments['steps']}; expected at least 1")
    if series is not None and edges is not None and np.size(edges) and not 0 <= np.min(edges) <= np.max(edges):
        raise ValueError("edges has a vertex below 0; expected column numbers of the series")
    if series is not None and edges is not None and np.size(edges) and np.max(edges) >= series.shape[1]:
        raise ValueError(f"edges names vertex {np.max(edges)}, timeseries has {series.shape[1]} columns")
    areas = arguments.get("areas")
    if areas is not None and np.min(areas) <= 0:
        raise ValueError(f"areas has a vertex of {np.min(areas):g} mm^2; expected above 0, leave such vertices out")


@define(outputs=["timeseries"], linear_in="timeseries", acts_along="space", check=check_surface)
def SmoothSurface(
    timeseries: Float[Array, "time space"],
    edges: Int[Array, "edges 2"],
    edge_weights: Float[Array, "edges"] | None = None,
    areas: Float[Array, "space"] | None = None,
    fwhm: Fwhm = 6.0,
    steps: int = 4,
) -> Float[Array, "time space"]:
    r"""Smooth each frame along a surface (or any graph) by the diffusion of heat.

    $$
    y = \Big[\big(A + \tfrac{t}{n} L\big)^{-1} A\Big]^n x, \quad t = \frac{\sigma^2}{2}, \quad \sigma =
    \frac{\text{fwhm}}{\sqrt{8 \log 2}}
    $$

    Solves (A + t / steps L) y = A x, `steps` times, with L the graph's Laplacian, A the areas and t = sigma^2 / 2: the
    implicit heat equation, whose kernel has the width asked for whatever the steps and becomes Gaussian with many.
    The area-weighted mean is kept; a vertex without edges stays as it is. Source: Chung et al. (2005),
    doi:10.1016/j.neuroimage.2005.02.052.

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per vertex.
    edges : (edges, 2)
        Pairs of vertices (columns of the series), each pair once; `mesh_edges` finds them in a mesh.
    edge_weights : (edges,), optional
        Cotangent weights of a mesh, from `mesh_edges`; by default 1, right for a square grid.
    areas : (space,), optional
        Area of each vertex in mm^2, from `mesh_edges`; by default 1.
    fwhm : float
        In mm, at least 0; 0 gives the series themselves.
    steps : int
        At least 1.
    """
    here, there = jnp.asarray(edges).T
    dtype = timeseries.dtype
    conductance = jnp.ones(len(here), dtype) if edge_weights is None else edge_weights.astype(dtype)
    areas = jnp.ones(timeseries.shape[1], dtype) if areas is None else areas.astype(dtype)
    time = jnp.asarray((fwhm / FWHM_PER_SIGMA) ** 2 / 2 / steps, dtype)
    degree = jnp.zeros_like(areas).at[here].add(conductance).at[there].add(conductance)

    def heated(values: Array) -> Array:
        flow = conductance[:, None] * (values[here] - values[there])
        return areas[:, None] * values + time * jnp.zeros_like(values).at[here].add(flow).at[there].add(-flow)

    def step(values: Array, _: None) -> tuple[Array, None]:
        solved, _ = jax.scipy.sparse.linalg.cg(
            heated,
            areas[:, None] * values,
            x0=values,
            tol=10 * float(jnp.finfo(dtype).eps),
            maxiter=ITERATIONS,
            M=lambda residual: residual / (areas + time * degree)[:, None],
        )
        return solved, None

    return jax.lax.scan(step, timeseries.T, length=steps)[0].T


def mesh_edges(
    vertices: Float[np.ndarray, "space 3"], triangles: Int[np.ndarray, "triangles 3"]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the edges of a mesh, their cotangent weights, and each vertex' area (a third of its triangles').

    Source: Meyer et al. (2003), doi:10.1007/978-3-662-05105-4_2.
    """
    corners = vertices[triangles]
    pairs, cotangents = [], []
    for corner in range(3):
        one, other = (corners[:, (corner + turn) % 3] - corners[:, corner] for turn in (1, 2))
        doubled = np.linalg.norm(np.cross(one, other), axis=1)
        cotangents.append(np.sum(one * other, axis=1) / doubled / 2)
        pairs.append(np.sort(triangles[:, [(corner + 1) % 3, (corner + 2) % 3]], axis=1))
    edges, place = np.unique(np.concatenate(pairs), axis=0, return_inverse=True)
    weights = np.bincount(place.ravel(), np.concatenate(cotangents), minlength=len(edges))
    areas = np.bincount(triangles.ravel(), np.repeat(doubled / 6, 3), minlength=len(vertices))
    return edges, weights, areas
