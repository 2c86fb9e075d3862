"""Connectivity of phases, spectra and envelopes: analytic signal, phase locking, coherence, amplitude correlation."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from pydra_diffconn.blocks.checks import check_series
from pydra_diffconn.blocks.connectivity.correlation import Correlation
from pydra_diffconn.blocks.connectivity.segments import (
    band_shares,
    check_segments,
    mean_over_band,
    unit_spectra,
    varies,
)
from pydra_diffconn.blocks.series.amplitude import BandSoftness
from pydra_diffconn.blocks.shared_parameters import FrameWeights, HighCutoff, LowCutoff
from pydra_diffconn.declare.block import define
from pydra_diffconn.numerics import spd
from pydra_diffconn.numerics.gaps import bridge
from pydra_diffconn.numerics.weights import total_weight, weights_of_frames


@define(outputs=["amplitude", "phase"], skips=True)
def AnalyticSignal(
    timeseries: Float[Array, "time space"],
) -> tuple[Float[Array, "time space"], Float[Array, "time space"]]:
    r"""Split a narrow-band series into its envelope and its phase, by the Hilbert transform.

    $$ x_t + i\, \mathcal{H}x_t = a_t e^{i \varphi_t} $$

    Equals modulus and angle of `scipy.signal.hilbert`. Filter to a band first (`BandPass`), which also removes the
    mean. Where the amplitude is zero, the phase is 0 and has no gradient.

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per column.

    Returns
    -------
    amplitude : (time, space)
        In the unit of the series.
    phase : (time, space)
        In radians, from -pi to pi.
    """
    signal = analytic(timeseries)
    size = _modulus(signal)
    present = size > 0
    angle = jnp.arctan2(jnp.imag(signal), jnp.where(present, jnp.real(signal), 1.0))
    return size, jnp.where(present, angle, 0.0)


@define(outputs=["connectome"], check=check_series, skips=True, varies=True)
def PhaseLocking(
    timeseries: Float[Array, "time parcels"], frame_weights: FrameWeights = None
) -> Float[Array, "parcels parcels"]:
    r"""Measure how constant the phase difference of each pair stays (phase-locking value).

    $$ L_{ab} = \left| \frac{\sum_t w_t\, e^{i (\varphi_{ta} - \varphi_{tb})}}{\sum_t w_t} \right| $$

    The modulus of the weighted mean over frames of exp(i (phase_a - phase_b)), phases from the Hilbert transform of the
    centred series, which should be of one narrow band (`BandPass`). The diagonal is 1; a column without variance locks
    with none and has no gradient. Source: Lachaux et al. (1999), doi:10.1002/(SICI)1097-0193(1999)8:4<194.

    Parameters
    ----------
    timeseries : (time, parcels)
        Series, one per parcel.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`, in the mean. For the transform, frames of weight zero are bridged by straight
        lines.
    """
    signal, weights = _weighted_analytic(timeseries, frame_weights)
    size = _modulus(signal)
    unit = jnp.where(size > 0, signal, 0.0) / jnp.where(size > 0, size, 1.0)
    locking = _modulus(jnp.conj(unit).T @ (weights[:, None] * unit)) / total_weight(weights)
    return spd.correlations(locking)


@define(outputs=["connectome"], check=check_series, skips=True, varies=True)
def AmplitudeCorrelation(
    timeseries: Float[Array, "time parcels"], frame_weights: FrameWeights = None
) -> Float[Array, "parcels parcels"]:
    r"""Correlate the envelopes of all pairs (amplitude envelope correlation).

    $$ R_{ab} = \operatorname{corr}_w(|x_a + i \mathcal{H} x_a|, |x_b + i \mathcal{H} x_b|) $$

    Envelopes are moduli of the Hilbert transform of the centred series, which should be of one narrow band
    (`BandPass`); the correlation is Pearson's. The diagonal is 1; a column without variance correlates 0 with all
    others and has no gradient. Source: Brookes et al. (2011), doi:10.1073/pnas.1112685108.

    Parameters
    ----------
    timeseries : (time, parcels)
        Series, one per parcel.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`, in the correlation. For the transform, frames of weight zero are bridged by
        straight lines.
    """
    signal, weights = _weighted_analytic(timeseries, frame_weights)
    return Correlation.pure(_modulus(signal), weights)


@define(outputs=["connectome"], check=check_segments, skips=True, varies=True)
def Coherence(
    timeseries: Float[Array, "time parcels"],
    tr: float,
    frame_weights: FrameWeights = None,
    low: LowCutoff = 0.01,
    high: HighCutoff = 0.1,
    softness: BandSoftness = 0.0,
    length: int = 64,
) -> Float[Array, "parcels parcels"]:
    r"""Measure the coherence of each pair, its mean over the frequencies of a band.

    $$ C_{ab} = \frac{\sum_f g_f\, |S_{ab}(f)|^2 / \big(S_{aa}(f)\, S_{bb}(f)\big)}{\sum_f g_f} $$

    At each frequency |S_ab|^2 / (S_aa S_bb), with Welch's spectra: Hann windows overlapping by half, each centred.
    Equals `scipy.signal.coherence(nperseg=length)`. The diagonal is 1; a column without variance coheres with none and
    has no gradient. With few segments chance coherence is high: about 1 / segments.

    Parameters
    ----------
    timeseries : (time, parcels)
        Series, one per parcel, not filtered.
    tr : float
        Repetition time in seconds.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`; they multiply the windows.
    low, high : float
        In Hz, both included, 0 <= low < high < 1 / (2 tr). They have a gradient with `softness` > 0.
    softness : float
        Width of the band's soft edges in Hz, at least 0.
    length : int
        Frames in a segment.
    """
    spectra, band = unit_spectra(timeseries, frame_weights, length), band_shares(tr, low, high, softness, length)
    squared = lambda cross: jnp.real(cross) ** 2 + jnp.imag(cross) ** 2  # noqa: E731
    return spd.correlations(mean_over_band(spectra, band, squared))


@define(outputs=["connectome"], check=check_segments, skips=True, varies=True)
def ImaginaryCoherence(
    timeseries: Float[Array, "time parcels"],
    tr: float,
    frame_weights: FrameWeights = None,
    low: LowCutoff = 0.01,
    high: HighCutoff = 0.1,
    softness: BandSoftness = 0.0,
    length: int = 64,
    absolute: bool = False,
) -> Float[Array, "parcels parcels"]:
    r"""Measure the imaginary part of each pair's coherency, its mean over the frequencies of a band.

    $$ C_{ab} = \frac{\sum_f g_f \operatorname{Im} S_{ab}(f) / \sqrt{S_{aa}(f)\, S_{bb}(f)}}{\sum_f g_f} $$

    At each frequency Im(S_ab) / sqrt(S_aa S_bb), with the spectra of `Coherence`: what two series share without delay
    does not count. The matrix is antisymmetric, positive where a leads b; the diagonal is 0, and so is all of a column
    without variance. Source: Nolte et al. (2004), doi:10.1016/j.clinph.2004.04.029.

    Parameters
    ----------
    timeseries : (time, parcels)
        Series, one per parcel, not filtered.
    tr : float
        Repetition time in seconds.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`; they multiply the windows.
    low, high : float
        In Hz, both included, 0 <= low < high < 1 / (2 tr). They have a gradient with `softness` > 0.
    softness : float
        Width of the band's soft edges in Hz, at least 0.
    length : int
        Frames in a segment.
    absolute : bool
        Whether the modulus is taken at each frequency, which makes the matrix symmetric.
    """
    spectra, band = unit_spectra(timeseries, frame_weights, length), band_shares(tr, low, high, softness, length)
    part = lambda cross: jnp.abs(jnp.imag(cross)) if absolute else jnp.imag(cross)  # noqa: E731
    return spd.without_diagonal(jnp.clip(mean_over_band(spectra, band, part), -1.0, 1.0))


def analytic(timeseries: Float[Array, "time space"]) -> Complex[Array, "time space"]:
    """Return the series as real part, and its Hilbert transform as imaginary part, as `scipy.signal.hilbert`."""
    frames = len(timeseries)
    index = np.arange(frames)
    gain = np.where((index == 0) | (2 * index == frames), 1.0, np.where(2 * index < frames, 2.0, 0.0))
    mean = timeseries.mean(axis=0)  # a large mean would cost float32 digits in the transform
    spectrum = jnp.fft.fft(timeseries - mean, axis=0)
    return jnp.fft.ifft(gain[:, None].astype(timeseries.dtype) * spectrum, axis=0) + mean


def _weighted_analytic(series: Array, frame_weights: Array | None) -> tuple[Array, Array]:
    """Return the analytic signals of the centred, bridged series, 0 of a constant column, and the weights."""
    weights = weights_of_frames(series, frame_weights)
    bridged = bridge(series, frame_weights)
    centred = bridged - bridged.mean(axis=0)
    return analytic(jnp.where(varies(series, weights), centred, 0.0)), weights


def _modulus(values: Array) -> Array:
    """Return the modulus, which has no gradient at zero."""
    square = jnp.real(values) ** 2 + jnp.imag(values) ** 2
    return jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1.0)), 0.0)
