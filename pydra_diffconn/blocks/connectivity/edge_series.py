"""Connectivity frame by frame: edge time series, and the patterns of frames in which a region is active."""

from collections.abc import Mapping
from typing import Annotated, Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pydra_diffconn.blocks.checks import check_series
from pydra_diffconn.blocks.shared_parameters import FrameWeights, Softness
from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.parameters import Parameter
from pydra_diffconn.numerics.dead_columns import is_alive
from pydra_diffconn.numerics.gates import gate
from pydra_diffconn.numerics.weights import total_weight, weights_of_frames


@define(outputs=["edge_timeseries", "amplitude"], check=check_series, skips=True, varies=True, padding="frame_weights")
def EdgeTimeSeries(
    timeseries: Float[Array, "time parcels"], frame_weights: FrameWeights = None
) -> tuple[Float[Array, "time edges"], Float[Array, "time"]]:
    r"""Multiply the standardised series of all pairs of parcels, frame by frame.

    $$ e_{t,ij} = z_{ti} z_{tj}, \quad z_{ti} = \frac{x_{ti} - m_i}{s_i} $$

    The weighted mean of an edge's series over frames is its Pearson correlation. Edges are in the order of
    `numpy.triu_indices(parcels, 1)`. A parcel without variance gives zeros. Source: Zamani Esfahlani et al. (2020),
    doi:10.1073/pnas.2005531117.

    Parameters
    ----------
    timeseries : (time, parcels)
        Series, one per parcel.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`; they enter mean and standard deviation, and products of frames of weight zero
        are zero.

    Returns
    -------
    edge_timeseries : (time, edges)
        Products of z-scores (with the standard deviation over n).
    amplitude : (time,)
        Root of the sum of their squares: large in frames of high co-fluctuation.
    """
    weights = weights_of_frames(timeseries, frame_weights)
    scores = jnp.where(weights[:, None] > 0, _standardised(timeseries, weights), 0.0)
    rows, columns = np.triu_indices(timeseries.shape[1], 1)
    edges = scores[:, rows] * scores[:, columns]
    square = jnp.sum(edges**2, axis=1)
    return edges, jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1.0)), 0.0)


def check_seed(arguments: Mapping[str, Any]) -> None:
    """Refuse thresholds that no frame reaches."""
    check_series(arguments)
    seed = arguments.get("seed")
    threshold, softness = arguments.get("threshold"), arguments.get("softness")
    if seed is None or threshold is None or softness != 0:
        return
    weights = arguments.get("frame_weights")
    weights = np.ones(len(seed)) if weights is None else np.asarray(weights)
    mean = weights @ seed / weights.sum()
    deviation = np.sqrt(weights @ (seed - mean) ** 2 / weights.sum())
    if not np.any((seed - mean > threshold * deviation) & (weights > 0)):
        highest = np.max((seed - mean)[weights > 0]) / deviation if deviation > 0 else 0.0
        raise ValueError(
            f"no frame has the seed above threshold = {threshold:g} standard deviations (highest: {highest:.3g}); "
            "lower the threshold"
        )


@define(outputs=["coactivation", "active"], check=check_seed)
def CoactivationPattern(
    timeseries: Float[Array, "time space"],
    seed: Float[Array, "time"],
    frame_weights: FrameWeights = None,
    threshold: Annotated[
        float, Parameter(constraints.real, unit="standard deviations", help="seed above which a frame counts as active")
    ] = 1.0,
    softness: Softness = 0.0,
) -> tuple[Float[Array, "space"], Float[Array, "time"]]:
    r"""Average the standardised series over the frames in which a seed is active.

    $$ c = \frac{\sum_t w_t g_t z_t}{\sum_t w_t g_t}, \quad g_t = \sigma\Big(\frac{z^\text{seed}_t - \tau}{s}\Big) $$

    A frame counts by the logistic function of (z - threshold) / softness, with z the seed's z-score; with softness 0
    by exactly 1 above the threshold and 0 elsewhere. Without any active frame the pattern is 0. Cluster the active
    frames (`SoftKMeans`) for several patterns. Source: Liu & Duyn (2013), doi:10.1073/pnas.1216856110.

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per column.
    seed : (time,)
        Series of the seed region.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`.
    threshold, softness : float
        In standard deviations of the seed.

    Returns
    -------
    coactivation : (space,)
        Mean z-scores.
    active : (time,)
        How far each frame counts, in [0, 1].
    """
    weights = jnp.ones_like(seed) if frame_weights is None else frame_weights
    active = weights * gate(_standardised(seed[:, None], weights)[:, 0] - threshold, softness, at_edge=0.0)
    total = active.sum()
    pattern = active @ _standardised(timeseries, weights)
    return jnp.where(total > 0, pattern / jnp.where(total > 0, total, 1.0), 0.0), active


def _standardised(timeseries: Array, weights: Array) -> Array:
    """Return weighted z-scores; zero for columns without variance."""
    share = weights / total_weight(weights)
    centred = timeseries - share @ timeseries
    square = share @ centred**2
    varies = is_alive(square, share @ timeseries**2)
    return centred * jnp.where(varies, 1 / jnp.sqrt(jnp.where(varies, square, 1.0)), 0.0)
