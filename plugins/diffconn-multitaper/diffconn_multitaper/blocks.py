"""Multitaper estimates: spectra of one series under several orthogonal windows, averaged by weights."""

import functools
from collections.abc import Mapping
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from diffconn_multitaper.constraints import DescendingSimplex
from pydra_diffconn import Parameter, block, constraints

ROUNDINGS = 10  # power below that of this many roundings of the values is none

TaperWeights = Annotated[
    Float[Array, "tapers"] | None, Parameter(DescendingSimplex(), help="share of each taper, none above the one before")
]
Low = Annotated[float, Parameter(constraints.between(0.0, "high"), unit="Hz", help="lower edge of the band")]
High = Annotated[
    float, Parameter(constraints.between("low", constraints.nyquist), unit="Hz", help="upper edge of the band")
]
Softness = Annotated[float, Parameter(constraints.nonnegative, unit="Hz", help="width of the edges; 0 is sharp")]


def check(arguments: Mapping[str, Any]) -> None:
    """Refuse runs too short for the tapers, weights that do not fit them, and bands without frequency."""
    series, tr, count = (arguments.get(name) for name in ("timeseries", "tr", "tapers"))
    weights, frame_weights = arguments.get("taper_weights"), arguments.get("frame_weights")
    if tr is not None and not tr > 0:
        raise ValueError(f"tr = {tr:g} s is not positive; give the repetition time in seconds")
    if count is not None and count < 1:
        raise ValueError(f"tapers = {count}; expected at least 1")
    if weights is not None and count is not None and np.shape(weights) != (count,):
        raise ValueError(f"taper_weights has shape {np.shape(weights)} for tapers = {count}; expected ({count},)")
    if series is not None:
        _check_series(np.asarray(series), count, frame_weights)
    _check_band(len(series) if series is not None else None, tr, arguments)


def _check_series(series: np.ndarray, count: int | None, frame_weights: Any) -> None:
    if count is not None and len(series) <= count + 1:
        raise ValueError(f"timeseries has {len(series)} frames; {count} tapers need more than {count + 1}")
    if frame_weights is not None and np.sum(np.asarray(frame_weights) > 0) < 2:
        raise ValueError("frame_weights keeps fewer than 2 frames, which have no spectrum; censor less")


def _check_band(frames: int | None, tr: Any, arguments: Mapping[str, Any]) -> None:
    low, high = arguments.get("low"), arguments.get("high")
    if low is None or high is None:
        return
    if not 0 <= low < high:
        raise ValueError(f"low = {low:g} Hz and high = {high:g} Hz are no band; expected 0 <= low < high")
    if tr is None:
        return
    if high >= 0.5 / tr:
        raise ValueError(f"high = {high:g} Hz is not below the Nyquist frequency {0.5 / tr:g} Hz (tr = {tr:g} s)")
    if frames is not None and arguments.get("softness") == 0:
        frequencies = np.fft.rfftfreq(frames, tr)
        if not np.any(_within(frequencies, low, high, 0.0)):
            raise ValueError(
                f"none of the frequencies, {frequencies[1]:.3g} Hz apart, lies between low = {low:g} and high = "
                f"{high:g} Hz; widen the band or give a softness > 0"
            )


@block.define(outputs=["power", "frequencies"], check=check)
def MultitaperSpectrum(
    timeseries: Float[Array, "time space"],
    tr: float,
    frame_weights: Float[Array, "time"] | None = None,
    tapers: int = 5,
    taper_weights: TaperWeights = None,
) -> tuple[Float[Array, "frequencies space"], Float[Array, "frequencies"]]:
    """Estimate the power of each column at each frequency: the weighted mean of its spectra under several tapers.

    The tapers are discrete prolate spheroidal sequences whose half-bandwidth, (tapers + 1) / (2 T tr) Hz for T frames,
    is the one that so many of them keep their power in. Equals the weighted mean of `scipy.signal.periodogram` with
    each taper as its window: a one-sided density, whose sum over the frequencies, divided by T tr, is the variance. A
    constant column has power 0.

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per column.
    tr : float
        Repetition time in seconds.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`; they multiply the tapers, and weigh the mean that is removed.
    tapers : int
        How many: 2 to 9 are usual; more make the estimate smoother in frequency.
    taper_weights : (tapers,), optional
        Non-negative, descending, summing to one; by default equal.

    Returns
    -------
    power : (frequencies, space)
        In squared units of the series per Hz.
    frequencies : (frequencies,)
        In Hz, from 0 to at most the Nyquist frequency.

    References
    ----------
    Thomson (1982), Spectrum estimation and harmonic analysis, doi:10.1109/PROC.1982.12433.
    """
    frames = len(timeseries)
    centred, windows = _prepared(timeseries, frame_weights, tapers)

    power = _mean_power(centred, windows, _shares(taper_weights, tapers, centred.dtype))
    index = np.arange(frames // 2 + 1)
    sides = jnp.where((index == 0) | (2 * index == frames), 1.0, 2.0).astype(centred.dtype)[:, None]
    return sides * jnp.asarray(tr, dtype=centred.dtype) * power, _frequencies(frames, tr, centred.dtype)


@block.define(outputs=["connectome"], check=check)
def MultitaperCoherence(
    timeseries: Float[Array, "time parcels"],
    tr: float,
    frame_weights: Float[Array, "time"] | None = None,
    low: Low = 0.01,
    high: High = 0.1,
    softness: Softness = 0.01,
    tapers: int = 5,
    taper_weights: TaperWeights = None,
) -> Float[Array, "parcels parcels"]:
    """Measure the coherence of each pair, its mean over the frequencies of a band, by multitaper spectra.

    At each frequency |S_ab|^2 / (S_aa S_bb), S the weighted mean of the cross-spectra under the tapers of
    `MultitaperSpectrum`. A frequency f counts by g(f - low) g(high - f) with g(d) = 1 / (1 + exp(-d / softness)), so
    that the edges of the band can be learned. The diagonal is 1; a column without variance coheres with none and has
    no gradient. Chance coherence is about the sum of the squared taper weights: 1 / tapers if they are equal.

    Parameters
    ----------
    timeseries : (time, parcels)
        Series, one per parcel, not filtered.
    tr : float
        Repetition time in seconds.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`; they multiply the tapers, and weigh the mean that is removed.
    low, high : float
        In Hz, 0 <= low < high < 1 / (2 tr).
    softness : float
        Width of the band's edges in Hz; with 0 they are sharp, both frequencies are included and have no gradient.
    tapers : int
        How many, see `MultitaperSpectrum`.
    taper_weights : (tapers,), optional
        Non-negative, descending, summing to one; by default equal.
    """
    centred, windows = _prepared(timeseries, frame_weights, tapers)
    shares = _shares(taper_weights, tapers, centred.dtype)
    spectra = _of_unit_power(jnp.fft.rfft(windows[:, :, None] * centred, axis=1).swapaxes(0, 1), shares)
    band = _within(_frequencies(len(timeseries), tr, centred.dtype), low, high, softness)
    band = (band / jnp.maximum(band.sum(), jnp.finfo(centred.dtype).tiny)).astype(centred.dtype)

    # |sum_k w_k X_ak conj(X_bk)|^2 is a sum over pairs of tapers of products of something of a and something of b, so
    # that the sum over pairs and frequencies is one matrix product
    first, second = np.triu_indices(tapers)
    pairs = spectra[:, first] * jnp.conj(spectra[:, second])
    counts = np.where(first == second, 1.0, 2.0).astype(centred.dtype) * shares[first] * shares[second]
    weights = jnp.repeat((band[:, None] * counts).ravel()[:, None], 2, axis=0)
    parts = jnp.stack([jnp.real(pairs), jnp.imag(pairs)], axis=2).reshape(-1, centred.shape[1])
    coherence = parts.T @ (weights * parts)
    return jnp.fill_diagonal(coherence, 1.0, inplace=False)


@jax.jit
def _mean_power(centred: Array, windows: Array, shares: Array) -> Float[Array, "frequencies space"]:
    """Return the mean over tapers of the squared moduli; one at a time, since voxels need much memory."""

    def add(total: Array, taper: tuple[Array, Array]) -> tuple[Array, None]:
        window, share = taper
        return total + share * _square(jnp.fft.rfft(window[:, None] * centred, axis=0)), None

    start = jnp.zeros((len(centred) // 2 + 1, centred.shape[1]), dtype=centred.dtype)
    return jax.lax.scan(add, start, (windows, shares))[0]


@functools.cache
def slepian_tapers(frames: int, count: int) -> np.ndarray:
    """Return the first discrete prolate spheroidal sequences of unit length, (tapers, time), for 2 W T = count + 1."""
    from scipy.signal.windows import dpss

    tapers = dpss(frames, (count + 1) / 2, count)
    tapers.setflags(write=False)  # the same array is handed out again
    return tapers


def _prepared(series: Array, frame_weights: Array | None, count: int) -> tuple[Array, Array]:
    """Return the centred series, 0 of a constant column, and the tapers, times frame weights, of unit length."""
    series = jnp.asarray(series)
    weights = jnp.ones_like(series[:, 0]) if frame_weights is None else jnp.asarray(frame_weights, dtype=series.dtype)
    total = jnp.where(jnp.any(weights > 0), weights.sum(), 1.0)
    centred = series - weights @ series / total
    centred = centred - weights @ centred / total  # a large mean leaves some roundings of itself
    floor = (ROUNDINGS * jnp.finfo(series.dtype).eps) ** 2 * (weights @ series**2)
    centred = jnp.where(weights @ centred**2 > floor, centred, 0.0)
    windows = slepian_tapers(len(series), count).astype(series.dtype) * weights
    length = jnp.sum(windows**2, axis=1, keepdims=True)
    present = length > 0  # not of a taper that is zero on all frames with weight
    return centred, jnp.where(present, windows, 0.0) / jnp.sqrt(jnp.where(present, length, 1.0))


def _shares(taper_weights: Array | None, count: int, dtype: Any) -> Float[Array, "tapers"]:
    return jnp.full(count, 1 / count, dtype) if taper_weights is None else jnp.asarray(taper_weights).astype(dtype)


def _of_unit_power(spectra: Complex[Array, "frequencies tapers parcels"], shares: Array) -> Array:
    """Divide the spectra by the root of their mean power over tapers; 0 where there is nothing but rounding."""
    power = jnp.einsum("k,fkp->fp", shares, _square(spectra))
    floor = (ROUNDINGS * jnp.finfo(power.dtype).eps) ** 2 * jnp.sum(power, axis=0)
    present = power > floor
    scale = jnp.where(present, 1 / jnp.sqrt(jnp.where(present, power, 1.0)), 0.0)
    return spectra * scale[:, None, :]


def _frequencies(frames: int, tr: Any, dtype: Any) -> Float[Array, "frequencies"]:
    return jnp.asarray(np.fft.rfftfreq(frames), dtype=dtype) / jnp.asarray(tr, dtype=dtype)


def _within(frequencies: Any, low: Any, high: Any, softness: Any) -> Array:
    """Return how far each frequency belongs to a band; one that lies on a sharp edge does, whatever the rounding."""
    slack = 1e-6 * high
    sharp = (frequencies >= low - slack) & (frequencies <= high + slack)
    width = jnp.where(softness > 0, softness, 1.0)
    soft = jax.nn.sigmoid((frequencies - low) / width) * jax.nn.sigmoid((high - frequencies) / width)
    return jnp.where(softness > 0, soft, jnp.asarray(sharp).astype(soft.dtype))


def _square(values: Array) -> Array:
    return jnp.real(values) ** 2 + jnp.imag(values) ** 2
