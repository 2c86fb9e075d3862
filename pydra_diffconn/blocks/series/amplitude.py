"""Local measures of a resting series: amplitude of slow fluctuations (ALFF, fALFF) and regional homogeneity (ReHo)."""

import itertools
from collections.abc import Mapping
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from pydra_diffconn.blocks.checks import check_band, check_series
from pydra_diffconn.blocks.shared_parameters import FrameWeights, HighCutoff, LowCutoff
from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.parameters import Parameter
from pydra_diffconn.numerics.dead_columns import is_alive
from pydra_diffconn.numerics.gates import gate
from pydra_diffconn.numerics.weights import total_weight, weights_of_frames

FRAMES_TOGETHER = 16  # frames whose ranks are summed over neighbours at once, which bounds the memory
COLUMNS_TOGETHER = 32  # columns whose frames are compared pairwise at once
BandSoftness = Annotated[
    float, Parameter(constraints.nonnegative, unit="Hz", help="width of the band's soft edges; 0 is hard")
]


def check_spectrum(arguments: Mapping[str, Any]) -> None:
    """Refuse what `check_band` and `check_series` refuse, and bands without a frequency of the series."""
    check_series(arguments)
    check_band(arguments)
    series, tr, low, high = (arguments.get(name) for name in ("timeseries", "tr", "low", "high"))
    if series is None or tr is None or low is None or high is None or arguments.get("softness", 0) > 0:
        return
    frequencies = np.fft.rfftfreq(len(series), tr)
    if not np.any(_band(frequencies, low, high, 0.0)):
        raise ValueError(
            f"no frequency of {len(series)} frames lies between low = {low:g} and high = {high:g} Hz; they are "
            f"{frequencies[1]:.3g} Hz apart: widen the band, or give a softness > 0"
        )


@define(outputs=["alff"], check=check_spectrum, skips=True)
def Alff(
    timeseries: Float[Array, "time space"],
    tr: float,
    frame_weights: FrameWeights = None,
    low: LowCutoff = 0.01,
    high: HighCutoff = 0.1,
    softness: BandSoftness = 0.0,
) -> Float[Array, "space"]:
    r"""Measure the amplitude of low-frequency fluctuations: twice the mean amplitude of the frequencies in a band.

    $$
    \text{ALFF} = \frac{2 \sum_f g_f \sqrt{P_f}}{\sum_f g_f}, \quad g_f = \sigma\Big(\frac{f - f_\text{low}}{s}\Big)\,
    \sigma\Big(\frac{f_\text{high} - f}{s}\Big), \text{ hard as } s \to 0
    $$

    Amplitudes are roots of the periodogram (`scipy.signal.periodogram(scaling="spectrum")`), with censored frames of
    the Lomb-Scargle one. The hard band reaches from the frequency nearest to `low` up to, without it, the one nearest
    to `high`, as in XCP-D; the mean does not count as one. Unlike there, censored frames do not enter the scale. A
    constant column has amplitude 0 and no gradient. Source: Zang et al. (2007), doi:10.1016/j.braindev.2006.07.002.

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per column, not yet filtered to the band.
    tr : float
        Repetition time in seconds.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`.
    low, high : float
        In Hz, 0 <= low < high < 1 / (2 tr). They have a gradient with `softness` > 0.
    softness : float
        In Hz, at least 0.

    Returns
    -------
    alff : (space,)
        In the unit of the series.
    """
    amplitude = spectral_amplitude(timeseries, frame_weights)
    weights = _band(np.fft.rfftfreq(len(timeseries), 1.0) / tr, low, high, softness).astype(amplitude.dtype)
    return 2 * (weights @ amplitude) / total_weight(weights)


@define(outputs=["falff"], check=check_spectrum, skips=True, varies=True)
def Falff(
    timeseries: Float[Array, "time space"],
    tr: float,
    frame_weights: FrameWeights = None,
    low: LowCutoff = 0.01,
    high: HighCutoff = 0.1,
    softness: BandSoftness = 0.0,
) -> Float[Array, "space"]:
    r"""Measure the share that a band has in the amplitudes of all frequencies (fractional ALFF).

    $$ \text{fALFF} = \frac{\sum_f g_f \sqrt{P_f}}{\sum_f \sqrt{P_f}} $$

    The band and the amplitudes are those of `Alff`. A constant column has share 0 and no gradient. Source: Zou et al.
    (2008), doi:10.1016/j.jneumeth.2008.04.012.

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per column, not yet filtered.
    tr : float
        Repetition time in seconds.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`.
    low, high : float
        In Hz, 0 <= low < high < 1 / (2 tr). They have a gradient with `softness` > 0.
    softness : float
        In Hz, at least 0.

    Returns
    -------
    falff : (space,)
        In [0, 1].
    """
    amplitude = spectral_amplitude(timeseries, frame_weights)
    weights = _band(np.fft.rfftfreq(len(timeseries), 1.0) / tr, low, high, softness).astype(amplitude.dtype)
    total = amplitude.sum(axis=0)
    return (weights @ amplitude) / jnp.where(total > 0, total, 1.0)


def _band(frequencies: Any, low: Any, high: Any, softness: Any) -> Array:
    """Return the weight of each frequency; the hard band starts and ends at the frequencies nearest to its edges."""
    frequencies = jnp.asarray(frequencies)
    index = jnp.arange(len(frequencies))
    nearest = lambda edge: 1 + jnp.argmin(jnp.abs(frequencies[1:] - edge))  # noqa: E731
    hard = 1.0 * ((index >= nearest(low)) & (index < nearest(high)))
    width = jnp.where(softness > 0, softness, 1.0)
    soft = jax.nn.sigmoid((frequencies - low) / width) * jax.nn.sigmoid((high - frequencies) / width)
    return jnp.where(index > 0, jnp.where(softness > 0, soft, hard), 0.0)


def spectral_amplitude(
    timeseries: Float[Array, "time space"], frame_weights: FrameWeights = None
) -> Float[Array, "frequencies space"]:
    """Return the root of the power at each Fourier frequency: the weighted mean square that a sinusoid explains.

    Without weights this is the periodogram, else the Lomb-Scargle periodogram of the centred series, which is exact
    least squares on one cosine and one sine; at the frequencies of `numpy.fft.rfftfreq`.
    """
    frames = len(timeseries)
    weights = weights_of_frames(timeseries, frame_weights)
    total = total_weight(weights)
    centred = timeseries - weights @ timeseries / total
    square = weights @ centred**2
    alive = is_alive(square, weights @ timeseries**2)
    scale = jnp.where(alive, jnp.sqrt(jnp.where(alive, square, 1.0) / total), 0.0)
    centred = jnp.where(alive, centred, 0.0) / jnp.where(alive, scale, 1.0)

    moment = jnp.fft.rfft(weights[:, None] * centred, axis=0)
    # sum_t w_t exp(-2 i omega t), of which the squares and products of cosine and sine are made
    doubled = jnp.fft.fft(weights)[2 * np.arange(frames // 2 + 1) % frames, None]
    size = jnp.real(moment) ** 2 + jnp.imag(moment) ** 2
    gap = total**2 - (jnp.real(doubled) ** 2 + jnp.imag(doubled) ** 2)
    two = gap > 1e3 * jnp.finfo(weights.dtype).eps * total**2  # else cosine and sine are one (mean, Nyquist)
    explained = 2 * (total * size - jnp.real(jnp.conj(doubled) * moment**2)) / jnp.where(two, gap, 1.0)
    power = jnp.where(two, explained, size / total) / total
    return scale * jnp.where(power > 0, jnp.sqrt(jnp.where(power > 0, power, 1.0)), 0.0)


RankSoftness = Annotated[
    float,
    Parameter(constraints.nonnegative, help="width of the soft ranks, in standard deviations of a column; 0 is hard"),
]


def check_edges(arguments: Mapping[str, Any]) -> None:
    """Refuse what `check_series` refuses, and edges to columns that are not there."""
    check_series(arguments)
    series, edges = arguments.get("timeseries"), arguments.get("edges")
    if edges is None or not np.size(edges):
        return
    if np.min(edges) < 0 or (series is not None and np.max(edges) >= series.shape[1]):
        columns = "?" if series is None else series.shape[1]
        raise ValueError(f"edges has columns {np.min(edges)} to {np.max(edges)}; expected 0 to below {columns}")


@define(outputs=["reho"], check=check_edges)
def ReHo(
    timeseries: Float[Array, "time space"],
    edges: Int[Array, "edges 2"],
    frame_weights: FrameWeights = None,
    softness: RankSoftness = 0.0,
) -> Float[Array, "space"]:
    r"""Measure how alike each column and its neighbours go up and down: Kendall's W of their ranks over time.

    $$ W = \frac{\sum_t R_t^2 - T \bar R^2}{K^2 (T^3 - T) / 12}, \quad R_t = \sum_{k=1}^{K} r_{tk} $$

    W = (sum_t R_t^2 - T mean(R)^2) / (K^2 (T^3 - T) / 12), with R the summed ranks of K series, as in XCP-D, AFNI and
    DPABI (no correction for ties, which share their mean rank). With weights, ranks count weights, so that a frame of
    weight zero is as good as left out. Hard ranks have no gradient; soft ones, sums of logistic functions of pairwise
    differences, have, and tend to the hard ones. A constant column agrees with none; alone it gives 0. Source: Zang et
    al. (2004), doi:10.1016/j.neuroimage.2003.12.030.

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per column.
    edges : (edges, 2)
        Pairs of neighbouring columns, each pair once: `grid_edges` of voxels, `mesh_edges` of a surface.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`.
    softness : float
        In standard deviations, at least 0.

    Returns
    -------
    reho : (space,)
        In [0, 1]; 1 where all neighbours rise and fall together.
    """
    weights = weights_of_frames(timeseries, frame_weights)
    total, (here, there) = total_weight(weights), jnp.asarray(edges).T
    ranks = jax.lax.cond(softness > 0, _soft_ranks, _hard_ranks, timeseries, weights, softness)

    def over_neighbours(frame: Float[Array, "space"]) -> Float[Array, "space"]:
        return frame.at[here].add(frame[there]).at[there].add(frame[here])

    summed = jax.lax.map(over_neighbours, ranks - weights @ ranks / total, batch_size=FRAMES_TOGETHER)
    count = jnp.ones_like(timeseries[0]).at[here].add(1.0).at[there].add(1.0)
    largest = (total**3 - jnp.sum(weights**3)) / 12  # of one series; (T^3 - T) / 12 where all weights are 1
    return (weights @ summed**2) / (count**2 * largest)


def _hard_ranks(series: Float[Array, "time space"], weights: Float[Array, "time"], _: Any) -> Array:
    """Return the weight of all frames below, plus half that of equal ones and of itself."""
    order = jnp.argsort(series, axis=0)
    ordered = jnp.take_along_axis(series, order, axis=0)
    above = jnp.cumsum(weights[order], axis=0)
    below = above - weights[order]
    new = ordered[1:] != ordered[:-1]
    first = jnp.pad(new, ((1, 0), (0, 0)), constant_values=True)
    last = jnp.pad(new, ((0, 1), (0, 0)), constant_values=True)
    lower = jax.lax.cummax(jnp.where(first, below, 0.0))
    upper = jax.lax.cummin(jnp.where(last, above, jnp.inf), reverse=True)
    return jnp.take_along_axis((lower + upper) / 2, jnp.argsort(order, axis=0), axis=0)


def _soft_ranks(series: Float[Array, "time space"], weights: Float[Array, "time"], softness: Any) -> Array:
    centred = series - weights @ series / total_weight(weights)
    variance = weights @ centred**2 / total_weight(weights)
    alive = is_alive(variance, weights @ series**2 / total_weight(weights))
    scores = jnp.where(alive, centred, 0.0) / jnp.sqrt(jnp.where(alive, variance, 1.0))

    @jax.checkpoint  # pairs of frames are many: the derivative compares them again
    def rank(column: Float[Array, "time"]) -> Float[Array, "time"]:
        return gate(column[:, None] - column, softness, at_edge=0.5) @ weights

    return jax.lax.map(rank, scores.T, batch_size=COLUMNS_TOGETHER).T


def grid_edges(voxels: Int[np.ndarray, "space 3"], neighbors: int = 26) -> Int[np.ndarray, "edges 2"]:
    """Return the pairs of neighbouring voxels: those that share a face (6), an edge too (18) or a corner too (26).

    >>> grid_edges(np.array([[0, 0, 0], [0, 1, 0], [1, 1, 1]]), neighbors=6).tolist()
    [[0, 1]]
    """
    if neighbors not in (6, 18, 26):
        raise ValueError(f"neighbors = {neighbors}; expected 6, 18 or 26")
    reach = {6: 1, 18: 2, 26: 3}[neighbors]
    voxels = np.asarray(voxels) - np.min(voxels, axis=0) + 1
    shape = voxels.max(axis=0) + 2
    column = np.full(shape, -1)
    column[tuple(voxels.T)] = np.arange(len(voxels))
    steps = [
        step for step in itertools.product((-1, 0, 1), repeat=3) if step > (0, 0, 0) and sum(map(abs, step)) <= reach
    ]
    found = [np.column_stack([np.arange(len(voxels)), column[tuple((voxels + step).T)]]) for step in steps]
    edges = np.concatenate(found)
    return edges[edges[:, 1] >= 0]
