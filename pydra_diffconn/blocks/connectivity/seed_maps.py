"""Maps of connectivity, place by place: the correlation with seeds, and how many places a place goes with."""

from collections.abc import Mapping
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pydra_diffconn.blocks.checks import check_series
from pydra_diffconn.blocks.shared_parameters import FrameWeights, Softness
from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.parameters import Parameter
from pydra_diffconn.declare.places import constant
from pydra_diffconn.numerics.dead_columns import is_alive
from pydra_diffconn.numerics.linalg import times
from pydra_diffconn.numerics.weights import total_weight, weights_of_frames
from pydra_diffconn.warn import warn

TOGETHER = 256  # places whose correlations with all others are in memory at once


def check_seeds(arguments: Mapping[str, Any]) -> None:
    """Refuse seeds with some missing values, and tell of those in which nothing varies."""
    check_series(arguments)
    seeds, weights = arguments.get("seeds"), arguments.get("frame_weights")
    if seeds is None:
        return
    missing = np.isnan(seeds)
    some = np.flatnonzero(missing.any(axis=0) & ~missing.all(axis=0))
    if some.size:
        frame = int(missing[:, some[0]].argmax())
        raise ValueError(
            f"seeds has a missing value in frame {frame}, column {some[0]}; fill it, or leave that seed out (a seed "
            "that is missing throughout stops no other)"
        )
    dead = np.flatnonzero(constant(np.where(missing, 0.0, seeds), "time space", weights))
    if dead.size:
        warn(
            f"seeds has no data, or does not vary, in column{'s' * (dead.size > 1)} {', '.join(map(str, dead))} (from "
            "0): all of that map is 0"
        )


@define(outputs=["maps"], check=check_seeds, skips=True, varies=True, missing=["seeds"], padding="frame_weights")
def SeedCorrelation(
    timeseries: Float[Array, "time space"],
    seeds: Float[Array, "time seeds"],
    frame_weights: FrameWeights = None,
    fisher_z: bool = False,
) -> Float[Array, "seeds space"]:
    r"""Correlate every place of an image with the series of seeds or parcels: one map for each.

    $$
    r_{sv} = \frac{\sum_t w_t (a_{ts} - \bar a_s)(x_{tv} - \bar x_v)}{\sqrt{\sum_t w_t (a_{ts} - \bar a_s)^2 \sum_t w_t
    (x_{tv} - \bar x_v)^2}}, \quad z_{sv} = \operatorname{artanh} r_{sv}
    $$

    Of an image the maps are an image, too. A place or a seed without variance, or a seed without data (a parcel that
    the image does not cover), correlates 0 and has no gradient; z of a place that equals the seed is that of the
    largest number below 1. Equals `numpy.corrcoef` of both, and nilearn's seed-to-voxel maps, which are products of
    standardised series. Source: Biswal et al. (1995), doi:10.1002/mrm.1910340409.

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per voxel or vertex.
    seeds : (time, seeds)
        Series of the seeds, cleaned as the others are; for example those of `Parcellate`.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`.
    fisher_z : bool
        Whether the maps are of Fisher's z.
    """
    weights = weights_of_frames(timeseries, frame_weights).astype(timeseries.dtype)
    sources = jnp.where(jnp.any(jnp.isnan(seeds), axis=0), 0.0, seeds).astype(timeseries.dtype)
    maps = jnp.clip(times(normed_columns(sources, weights)[0].T, normed_columns(timeseries, weights)[0]), -1, 1)
    if not fisher_z:
        return maps
    limit = 1 - jnp.finfo(maps.dtype).eps
    return jnp.arctanh(jnp.clip(maps, -limit, limit))


def check_degree(arguments: Mapping[str, Any]) -> None:
    """Refuse runs with fewer than two usable frames, and places without others."""
    check_series(arguments)
    series = arguments.get("timeseries")
    if series is not None and series.shape[1] < 2:
        raise ValueError("timeseries has one location; degree centrality needs others that it may go with")


@define(outputs=["degree"], check=check_degree, skips=True, varies=True, padding="frame_weights")
def DegreeCentrality(
    timeseries: Float[Array, "time space"],
    frame_weights: FrameWeights = None,
    threshold: Annotated[
        float, Parameter(constraints.between(-1.0, 1.0), help="smallest correlation that counts")
    ] = 0.25,
    softness: Softness = 0.0,
    weighted: bool = False,
) -> Float[Array, "space"]:
    r"""Count at every place those with which it correlates more than a threshold, or sum these correlations.

    $$
    d_v = \sum_{u \neq v} g(r_{uv})\, r_{uv}^{b}, \quad g(r) = \sigma\Big(\frac{r - \tau}{s}\Big) \to [r > \tau] \text{
    as } s \to 0
    $$

    b is 1 with `weighted`, else 0. The matrix of all pairs is never in memory, only some rows of it. With softness 0
    the threshold has no gradient. A place without variance goes with none. As AFNI's `3dDegreeCentrality -thresh` and
    C-PAC's degree centrality, binary and weighted. Sources: Buckner et al. (2009),
    doi:10.1523/JNEUROSCI.5062-08.2009; Zuo et al. (2012), doi:10.1093/cercor/bhr269.

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per voxel or vertex.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`.
    threshold : float
        A correlation.
    softness : float
        Width of the soft edge, as a correlation.
    weighted : bool
        Whether correlations are summed instead of counted.
    """
    weights = weights_of_frames(timeseries, frame_weights).astype(timeseries.dtype)
    normed, alive = normed_columns(timeseries, weights)
    places = normed.shape[1]
    parts = -(-places // TOGETHER)
    width = jnp.where(jnp.asarray(softness) > 0, softness, 1.0).astype(normed.dtype)

    @jax.checkpoint  # or the gradient would keep the rows of all parts
    def part(number: Array) -> Float[Array, "some"]:
        here = number * TOGETHER + jnp.arange(TOGETHER)
        rows = normed[:, jnp.minimum(here, places - 1)]
        size = jnp.clip(times(rows.T, normed), -1, 1)
        soft = jax.nn.sigmoid((size - threshold) / width)
        counts = jnp.where(jnp.asarray(softness) > 0, soft, (size > threshold).astype(size.dtype))
        others = (here[:, None] != jnp.arange(places)) & alive
        return jnp.sum(jnp.where(others, counts * (size if weighted else 1.0), 0.0), axis=1)

    degree = jax.lax.map(part, jnp.arange(parts)).reshape(-1)[:places]
    return jnp.where(alive, degree, 0.0)


def normed_columns(series: Float[Array, "time columns"], weights: Float[Array, "time"]) -> tuple[Array, Array]:
    """Return columns whose products over time are correlations, zeros for those without variance, and who has some."""
    centred = series - weights @ series / total_weight(weights)
    square = weights @ centred**2
    alive = is_alive(square, weights @ series**2)
    # guarded before the roots, whose derivatives at zero are infinite
    root = jnp.where(weights > 0, jnp.sqrt(jnp.where(weights > 0, weights, 1.0)), 0.0)
    scale = jnp.where(alive, jax.lax.rsqrt(jnp.where(alive, square, 1.0)), 0.0)
    return root[:, None] * centred * scale, alive
