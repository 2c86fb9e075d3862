"""Temporal filters with cut-offs in Hz: the zero-phase Butterworth gain, in one multiplication per frequency."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.fft import next_fast_len

from pydra_diffconn.blocks.checks import check_band, check_filter
from pydra_diffconn.blocks.freedom import of_band, of_band_stop, of_high_pass, of_low_pass
from pydra_diffconn.blocks.shared_parameters import Cutoff, HighCutoff, LowCutoff, Order
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.padding import by

EMPTY = 1e6  # how far outside a band without width everything is


def check_low_pass(arguments: Mapping[str, Any]) -> None:
    """Refuse what `check_filter` refuses, and a cut-off that leaves nothing."""
    if arguments.get("cutoff") == 0:
        raise ValueError("cutoff = 0 Hz leaves nothing but the mean; choose a cut-off above 0")
    check_filter(arguments, "", "cutoff")


def check_high_pass(arguments: Mapping[str, Any]) -> None:
    """Refuse what `check_filter` refuses."""
    check_filter(arguments, "cutoff", "")


def _padded_band_pass(
    length: Any, timeseries: Array, tr: Any, low: Any = 0.01, high: Any = 0.1, order: Any = 2.0
) -> Array:
    gain = band_pass_gain(length, tr, low, high, order, len(timeseries) // 2 + 1)
    return apply_gain_to_first(timeseries, gain, length)


def _padded_band_stop(
    length: Any, timeseries: Array, tr: Any, low: Any = 0.2, high: Any = 0.3, order: Any = 2.0
) -> Array:
    return timeseries - _padded_band_pass(length, timeseries, tr, low, high, order)


def _padded_high_pass(length: Any, timeseries: Array, tr: Any, cutoff: Any = 0.01, order: Any = 2.0) -> Array:
    return _padded_band_pass(length, timeseries, tr, cutoff, None, order)


def _padded_low_pass(length: Any, timeseries: Array, tr: Any, cutoff: Any = 0.1, order: Any = 2.0) -> Array:
    return _padded_band_pass(length, timeseries, tr, 0.0, cutoff, order)


@define(
    outputs=["timeseries"],
    linear_in="timeseries",
    acts_along="time",
    check=check_filter,
    freedom=of_band,
    padding=by(_padded_band_pass),
)
def BandPass(
    timeseries: Float[Array, "time space"],
    tr: float,
    low: LowCutoff = 0.01,
    high: HighCutoff = 0.1,
    order: Order = 2.0,
) -> Float[Array, "time space"]:
    r"""Keep the frequencies between two cut-offs, without shifting phases.

    $$
    g(f) = \frac{1}{1 + \left(\frac{\theta^2 - \theta_1 \theta_2}{(\theta_2 - \theta_1)\, \theta}\right)^{2n}}, \quad
    \theta = \tan(\pi f\, \text{tr})
    $$

    Each frequency is multiplied by the squared magnitude of a digital Butterworth filter, what filtering forwards and
    backwards would do to an endless series. The mean is removed; `low = 0` is exactly a low-pass and keeps it. A
    constant column becomes zero. Source: Butterworth (1930); equals the squared `scipy.signal.sosfreqz(butter(...))`.

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per column.
    tr : float
        Repetition time in seconds.
    low, high : float
        Cut-offs at half power of one pass, in Hz, 0 <= low < high < 1 / (2 tr).
    order : float
        Order of the filter, at least 1.
    """
    return apply_gain(timeseries, band_pass_gain(timeseries.shape[0], tr, low, high, order))


@define(
    outputs=["timeseries"],
    linear_in="timeseries",
    acts_along="time",
    check=check_high_pass,
    freedom=of_high_pass,
    padding=by(_padded_high_pass),
)
def HighPass(
    timeseries: Float[Array, "time space"], tr: float, cutoff: Cutoff = 0.01, order: Order = 2.0
) -> Float[Array, "time space"]:
    r"""Keep the frequencies above a cut-off (Hz), without shifting phases; the mean is removed.

    $$ g(f) = \frac{1}{1 + (\theta_c / \theta)^{2n}}, \quad \theta = \tan(\pi f\, \text{tr}) $$

    Zero-phase Butterworth gain, see `BandPass`. `cutoff = 0` keeps all but the mean.
    """
    return apply_gain(timeseries, band_pass_gain(timeseries.shape[0], tr, cutoff, None, order))


@define(
    outputs=["timeseries"],
    linear_in="timeseries",
    acts_along="time",
    check=check_low_pass,
    freedom=of_low_pass,
    padding=by(_padded_low_pass),
)
def LowPass(
    timeseries: Float[Array, "time space"], tr: float, cutoff: Cutoff = 0.1, order: Order = 2.0
) -> Float[Array, "time space"]:
    r"""Keep the frequencies below a cut-off (Hz), without shifting phases; the mean stays.

    $$ g(f) = \frac{1}{1 + (\theta / \theta_c)^{2n}}, \quad \theta = \tan(\pi f\, \text{tr}) $$

    Zero-phase Butterworth gain, see `BandPass`.
    """
    return apply_gain(timeseries, band_pass_gain(timeseries.shape[0], tr, 0.0, cutoff, order))


@define(
    outputs=["timeseries"],
    linear_in="timeseries",
    acts_along="time",
    check=check_band,
    freedom=of_band_stop,
    padding=by(_padded_band_stop),
)
def BandStop(
    timeseries: Float[Array, "time space"],
    tr: float,
    low: LowCutoff = 0.2,
    high: HighCutoff = 0.3,
    order: Order = 2.0,
) -> Float[Array, "time space"]:
    r"""Remove the frequencies between two cut-offs, such as those of breathing, without shifting phases.

    $$
    g(f) = \frac{1}{1 + \left(\frac{(\theta_2 - \theta_1)\, \theta}{\theta^2 - \theta_1 \theta_2}\right)^{2n}}, \quad
    \theta = \tan(\pi f\, \text{tr})
    $$

    What `BandPass` with the same numbers leaves out: both gains sum to 1, so that the mean stays, and `low = 0` is
    exactly a high-pass. A constant column stays as it is. Source: Butterworth (1930); equals the squared
    `scipy.signal.sosfreqz(butter(..., "bandstop"))`.

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per column.
    tr : float
        Repetition time in seconds.
    low, high : float
        Cut-offs at half power of one pass, in Hz, 0 <= low < high < 1 / (2 tr).
    order : float
        Order of the filter, at least 1.
    """
    return timeseries - apply_gain(timeseries, band_pass_gain(timeseries.shape[0], tr, low, high, order))


def band_pass_gain(
    frames: Any, tr: Any, low: Any, high: Any, order: Any, bins: int | None = None
) -> Float[Array, "frequencies"]:
    """Return the zero-phase gain at each of the `frames // 2 + 1` frequencies of a real Fourier transform.

    Cut-offs in Hz; `low = 0` gives a low-pass, `high = None` a high-pass. For a plot, the frequencies are
    `numpy.fft.rfftfreq(frames, tr)`. If the number of frames is traced, `bins` says how many are returned; those from
    `frames // 2 + 1` on mean nothing.
    """
    numpy: Any = np if bins is None else jnp
    index = numpy.arange(frames // 2 + 1 if bins is None else bins)
    inside = (index > 0) & (2 * index < frames)  # elsewhere the tangent is zero or infinite
    warped = numpy.tan(numpy.where(inside, np.pi * index / frames, np.pi / 4))
    lower = jnp.tan(jnp.pi * low * tr)
    ratio: Any
    at_zero: Any
    if high is None:
        ratio, at_nyquist, at_zero = lower / warped, 1.0, 0.0
    else:
        upper = jnp.tan(jnp.pi * high * tr)
        # the band-pass transform of the analog low-pass: (t^2 - t1 t2) / ((t2 - t1) t)
        width = upper - lower
        ratio = (warped - lower * upper / warped) / jnp.where(width == 0, 1.0, width)
        ratio = jnp.where(width == 0, EMPTY, ratio)
        at_nyquist, at_zero = 0.0, jnp.where(jnp.asarray(low) > 0, 0.0, 1.0)
    return jnp.where(inside, _butterworth(ratio, order), at_nyquist).at[0].set(at_zero)


def apply_gain(timeseries: Float[Array, "time space"], gain: Float[Array, "frequencies"]) -> Float[Array, "time space"]:
    """Multiply each column's spectrum by a real gain; the column's mean passes through the gain at zero alone."""
    mean = timeseries.mean(axis=0)  # a large mean would cost float32 digits in the transform
    spectrum = jnp.fft.rfft(timeseries - mean, axis=0)
    filtered = jnp.fft.irfft(gain[:, None].astype(timeseries.dtype) * spectrum, n=timeseries.shape[0], axis=0)
    return filtered + gain[0].astype(timeseries.dtype) * mean


def apply_gain_to_first(
    timeseries: Float[Array, "time space"], gain: Float[Array, "frequencies"], length: Any
) -> Float[Array, "time space"]:
    """Apply a gain to the first `length` frames, a traced number, as `apply_gain` does to a series of that length.

    No transform is known for a length that is not, but a gain over `length` frequencies is a convolution with a kernel
    that comes again after `length` frames. Two periods of it, on a series with zeros after its end, meet each frame
    once: a transform of twice as many frames or more, whatever the length, is exact.
    """
    frames = len(timeseries)
    wide = next_fast_len(2 * frames - 1, real=True)
    lag = np.minimum(np.arange(wide), wide - np.arange(wide))  # the kernel is even
    kernel = jnp.where(lag < length, _kernel(gain, length)[np.minimum(lag, frames - 1)], 0.0)
    wide_gain = jnp.fft.rfft(kernel).real.astype(timeseries.dtype)
    inside = jnp.arange(frames) < length
    known = jnp.where(inside, timeseries.T, 0.0)  # columns are rows here: the transforms need them together in memory
    mean = known.sum(axis=1) / length
    deviation = jnp.where(inside, known - mean[:, None], 0.0)
    filtered = jnp.fft.irfft(wide_gain * jnp.fft.rfft(deviation, n=wide), n=wide)[:, :frames].T
    return filtered + gain[0].astype(timeseries.dtype) * mean


def _kernel(gain: Float[Array, "frequencies"], length: Any) -> Float[Array, "time"]:
    """Return what the gain over `length` frequencies, a traced number, makes of an impulse, by Bluestein's transform.

    With 2 k t = k^2 + t^2 - (t - k)^2 the sum over k of g_k cos(2 pi k t / length) is a convolution, too.
    """
    bins = len(gain)
    frames = 2 * bins - 1
    wide = next_fast_len(frames + bins - 1)
    lag = np.arange(wide)
    lag = np.where(lag < frames, lag, lag - wide)  # those after the last frame are negative
    chirp = jnp.exp(1j * jnp.pi * _square(np.abs(lag), 2 * length) / length)
    bin = jnp.arange(bins)
    share = jnp.where((bin == 0) | (2 * bin == length), 1.0, 2.0) / length
    weighed = jnp.where(2 * bin <= length, gain * share, 0.0) * chirp[:bins]
    met = jnp.fft.ifft(jnp.fft.fft(weighed, n=wide) * jnp.fft.fft(chirp.conj()))
    return (met * chirp)[:frames].real


def _square(number: Any, modulus: Any) -> Array:
    """Return the squares of whole numbers below a million modulo another, which never pass 32 bits on the way."""
    number = jnp.asarray(number, jnp.uint32)
    modulus = jnp.asarray(modulus, jnp.uint32)
    high = number * (number >> 10) % modulus
    return (high * 1024 + number * (number & 1023)) % modulus


def _butterworth(ratio: Array, order: Any) -> Array:
    """1 / (1 + ratio^(2 order)), as a logistic function so that no power overflows; smooth through ratio = 0."""
    square = ratio**2
    safe = jnp.where(square > 0, square, 1.0)
    return jnp.where(square > 0, jax.nn.sigmoid(-order * jnp.log(safe)), 1.0)
