"""Where connectivity changes: how fast the profile of a place turns into that of its neighbours."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from pydra_diffconn.blocks.checks import check_series
from pydra_diffconn.blocks.connectivity.seed_maps import normed_columns
from pydra_diffconn.blocks.shared_parameters import FrameWeights
from pydra_diffconn.declare.block import define
from pydra_diffconn.numerics.linalg import times
from pydra_diffconn.numerics.weights import weights_of_frames

TOGETHER = 4096  # edges whose differences are in memory at once


def check(arguments: Mapping[str, Any]) -> None:
    """Refuse edges between places that are not there, and lengths that are none."""
    check_series(arguments)
    series, edges, lengths = (arguments.get(name) for name in ("timeseries", "edges", "lengths"))
    places = np.inf if series is None else series.shape[1]
    if edges is not None and np.size(edges) and not 0 <= np.min(edges) <= np.max(edges) < places:
        raise ValueError(f"edges names place {np.max(edges)}; expected column numbers of the series, from 0")
    if lengths is not None and np.min(lengths, initial=1.0) <= 0:
        raise ValueError(f"lengths has an edge of {np.min(lengths):g} mm; expected above 0")


@define(outputs=["boundary"], check=check, varies=True, padding="frame_weights")
def BoundaryMap(
    timeseries: Float[Array, "time space"],
    edges: Int[Array, "edges 2"],
    lengths: Float[Array, "edges"] | None = None,
    frame_weights: FrameWeights = None,
) -> Float[Array, "space"]:
    r"""Measure at each place how much the profile of connectivity changes towards its neighbours.

    $$
    b_v = \sqrt{\frac{1}{|N_v|\, p} \sum_{j \in N_v} \sum_u \Big(\frac{S_{uj} - S_{uv}}{d_{vj}}\Big)^2}, \quad S =
    \operatorname{corr}(R), \quad R = \operatorname{corr}(x)
    $$

    S says how alike the profiles (rows of R) of two places are; its gradient, as a root mean square over all p maps and
    the neighbours, is high where areas meet: the boundary maps of Gordon et al., there the mean of the gradients, or of
    their watersheds. Neither R nor S is ever in memory: S is a product of series. A place without variance has
    none, and its neighbours do not look there. Sources: Cohen et al. (2008), doi:10.1016/j.neuroimage.2008.01.066;
    Gordon et al. (2016), doi:10.1093/cercor/bhu239.

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per vertex or voxel.
    edges : (edges, 2)
        Pairs of neighbouring columns, each pair once: `mesh_edges` of a surface, `grid_edges` of voxels.
    lengths : (edges,), optional
        In mm; by default 1.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`.
    """
    weights = weights_of_frames(timeseries, frame_weights).astype(timeseries.dtype)
    normed, alive = normed_columns(timeseries, weights)
    places = jnp.maximum(alive.sum(), 1).astype(normed.dtype)
    mean = jnp.sum(normed, axis=1) / places
    # the profile of v is normed' z_v; about its mean over places, its products are z_u' G z_v
    gram = times(normed, normed.T) - places * jnp.outer(mean, mean)
    spread = jnp.sum(normed * times(gram, normed), axis=0)
    varies = alive & (spread > 0)
    profiles = normed * jnp.where(varies, jax.lax.rsqrt(jnp.where(varies, spread, 1.0)), 0.0)
    seen = times(gram, profiles)
    change = times(seen, seen.T) / places
    here, there = jnp.asarray(edges).T
    square = _changes(profiles, change, here, there)
    size = jnp.ones_like(square) if lengths is None else lengths.astype(square.dtype)
    both = varies[here] & varies[there]
    square = jnp.where(both, jnp.maximum(square, 0.0) / size**2, 0.0)
    total = jnp.zeros_like(spread).at[here].add(square).at[there].add(square)
    count = jnp.zeros_like(spread).at[here].add(both).at[there].add(both)
    # equal profiles: the root's derivative would be infinite
    return jnp.where(total > 0, jnp.sqrt(jnp.where(total > 0, total, 1.0) / jnp.maximum(count, 1)), 0.0)


def _changes(profiles: Array, change: Array, here: Array, there: Array) -> Float[Array, "edges"]:
    """Return the mean square over all maps of their difference between the ends of each edge."""
    parts = max(-(-len(here) // TOGETHER), 1)
    filled = [jnp.pad(ends, (0, parts * TOGETHER - len(here))).reshape(parts, -1) for ends in (here, there)]

    @jax.checkpoint
    def part(ends: tuple[Array, Array]) -> Float[Array, "some"]:
        step = profiles[:, ends[1]] - profiles[:, ends[0]]
        return jnp.sum(step * times(change, step), axis=0)

    if len(here) <= TOGETHER:
        return part((here, there))
    return jax.lax.map(part, tuple(filled)).reshape(-1)[: len(here)]
