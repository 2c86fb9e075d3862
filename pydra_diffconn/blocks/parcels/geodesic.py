"""Gaussian smoothing by the distance along a surface, with a learnable width; and those distances."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from pydra_diffconn.blocks.parcels.smoothing import FWHM_PER_SIGMA, Fwhm, mesh_edges
from pydra_diffconn.declare.block import define

REACH = 3.0  # standard deviations, as in Connectome Workbench
TOGETHER = 2000  # vertices from which distances are measured at once


def check(arguments: Mapping[str, Any]) -> None:
    """Refuse neighbours that are not there, and distances that are none or end too early."""
    series, neighbors, distances = (arguments.get(name) for name in ("timeseries", "neighbors", "distances"))
    if neighbors is not None and series is not None and not 0 <= neighbors.min() <= neighbors.max() < series.shape[1]:
        raise ValueError(f"neighbors names vertex {neighbors.max()}, timeseries has {series.shape[1]} columns")
    if distances is None:
        return
    if distances.min() < 0 or not np.all(distances.min(axis=1) == 0):
        raise ValueError("distances: each vertex must be among its own neighbors, at 0 mm, and none below")
    fwhm, reach = arguments.get("fwhm"), float(np.max(distances, where=np.isfinite(distances), initial=0.0))
    if fwhm is not None and reach < 2 * fwhm / FWHM_PER_SIGMA:
        raise ValueError(
            f"distances end at {reach:.3g} mm, too early for fwhm = {fwhm:g} mm; "
            f"give neighbors within {REACH * fwhm / FWHM_PER_SIGMA:.3g} mm (geodesic_neighbors)"
        )
    areas = arguments.get("areas")
    if areas is not None and np.min(areas) <= 0:
        raise ValueError(f"areas has a vertex of {np.min(areas):g} mm^2; expected above 0, leave such vertices out")


@define(
    outputs=["timeseries"],
    linear_in="timeseries",
    acts_along="space",
    check=check,
    missing=["distances"],
)
def SmoothGeodesic(
    timeseries: Float[Array, "time space"],
    neighbors: Int[Array, "space neighbors"],
    distances: Float[Array, "space neighbors"],
    areas: Float[Array, "space"] | None = None,
    fwhm: Fwhm = 6.0,
) -> Float[Array, "time space"]:
    r"""Smooth each frame along a surface with a Gaussian of the distance on it.

    $$
    y_v = \frac{\sum_u s_{uv} x_u}{\sum_u s_{uv}}, \quad s_{uv} = \frac{a_u\, e^{-d_{uv}^2 / 2 \sigma^2}}{\sum_t
    a_t\, e^{-d_{ut}^2 / 2 \sigma^2}}, \quad \sigma = \frac{\text{fwhm}}{\sqrt{8 \log 2}}
    $$

    A vertex gives its area to its neighbours, and each takes the mean of what it is given, so that vertices that stand
    close count no more than others. With neighbours within 3 sigma it equals Connectome Workbench's
    `-metric-smoothing`, GEO_GAUSS_AREA, and without areas GEO_GAUSS_EQUAL. A constant stays constant. Without width, or
    without neighbours, a vertex stays as it is. Source: Glasser et al. (2013), doi:10.1016/j.neuroimage.2013.04.127.

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per vertex.
    neighbors : (space, neighbors)
        Of each vertex those within reach, itself among them; from `geodesic_neighbors`.
    distances : (space, neighbors)
        How far they are along the surface, in mm; infinite where a row has fewer.
    areas : (space,), optional
        Area of each vertex in mm^2, from `mesh_edges`; by default all are equal.
    fwhm : float
        In mm, at least 0; a learned one stays within what the distances reach.
    """
    areas = jnp.ones_like(timeseries[0]) if areas is None else areas.astype(timeseries.dtype)
    sigma = jnp.asarray(fwhm / FWHM_PER_SIGMA, timeseries.dtype)
    near = jnp.isfinite(distances)
    far = jnp.where(near, distances, 0.0).astype(timeseries.dtype)
    # guarded on the input: a vanishing width would give 0 times infinity in the gradient
    safe = jnp.where(sigma > 0, sigma, 1.0)
    kernel = jnp.where(near & ((sigma > 0) | (far == 0)), jnp.exp(-0.5 * (far / safe) ** 2), 0.0)
    given = kernel * (areas / (kernel * areas[neighbors]).sum(axis=1))[neighbors]  # distances are the same both ways
    share = given / given.sum(axis=1, keepdims=True)
    return jax.lax.map(lambda frame: jnp.sum(share * frame[neighbors], axis=1), timeseries)


def geodesic_neighbors(
    vertices: Float[np.ndarray, "space 3"], triangles: Int[np.ndarray, "triangles 3"], reach: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the neighbours of each vertex within a distance along the surface (mm), and how far they are.

    Paths run along edges, and straight across the edge between two triangles, as in Connectome Workbench. Rows with
    fewer neighbours are filled up by the vertex itself, infinitely far.

    >>> square = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
    >>> near, far = geodesic_neighbors(square, np.array([[0, 1, 2], [0, 2, 3]]), 1.2)
    >>> near[1].tolist(), far[1].tolist()
    ([1, 0, 2], [0.0, 1.0, 1.0])
    """
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import dijkstra

    edges = mesh_edges(vertices, triangles)[0]
    lengths = np.linalg.norm(vertices[edges[:, 0]] - vertices[edges[:, 1]], axis=1)
    across, over = _across(vertices, triangles)
    pairs, size = np.concatenate([edges, across]), len(vertices)
    graph = csr_matrix((np.concatenate([lengths, over]), tuple(pairs.T)), (size, size))
    rows = []
    for first in range(0, size, TOGETHER):
        here = np.arange(first, min(first + TOGETHER, size))
        far = dijkstra(graph, directed=False, indices=here, limit=reach)
        for vertex, row in zip(here, far, strict=True):
            found = np.flatnonzero(np.isfinite(row))
            found = found[np.argsort(row[found], kind="stable")]
            rows.append((vertex, found, row[found]))
    most = max(len(found) for _, found, _ in rows)
    neighbors = np.repeat(np.arange(size)[:, None], most, axis=1)
    distances = np.full((size, most), np.inf)
    for vertex, found, far in rows:
        neighbors[vertex, : len(found)], distances[vertex, : len(found)] = found, far
    return neighbors, distances


def _across(vertices: np.ndarray, triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return pairs of corners that face each other over an edge, and their distance when both triangles lie flat."""
    sides = np.concatenate([np.roll(triangles, -turn, axis=1) for turn in range(3)])  # (one, other, opposite corner)
    order = np.lexsort((np.sort(sides[:, :2], axis=1)[:, 1], np.sort(sides[:, :2], axis=1)[:, 0]))
    sides = sides[order]
    ends = np.sort(sides[:, :2], axis=1)
    twice = np.flatnonzero((ends[1:] == ends[:-1]).all(axis=1))
    one, other = sides[twice], sides[twice + 1]
    start, along = vertices[one[:, 0]], vertices[one[:, 1]] - vertices[one[:, 0]]
    length = np.linalg.norm(along, axis=1)
    flat = []
    for corner in (one[:, 2], other[:, 2]):
        to = vertices[corner] - start
        place = np.sum(to * along, axis=1) / length
        flat.append((place, np.sqrt(np.maximum(np.sum(to**2, axis=1) - place**2, 0.0))))
    (x, up), (z, down) = flat
    crossing = x + (z - x) * up / (up + down)
    inside = (crossing > 0) & (crossing < length)
    return np.stack([one[inside, 2], other[inside, 2]], axis=1), np.hypot(x - z, up + down)[inside]
