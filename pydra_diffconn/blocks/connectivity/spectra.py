"""Connectivity with a delay, which a common source has none of: phase lag index, lagged coherence; cross-spectra."""

from collections.abc import Mapping
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pydra_diffconn.blocks.connectivity.segments import (
    band_shares,
    check_segments,
    mean_of_segments,
    mean_over_band,
    segment_spectra,
    unit_spectra,
)
from pydra_diffconn.blocks.series.amplitude import BandSoftness
from pydra_diffconn.blocks.shared_parameters import FrameWeights, HighCutoff, LowCutoff
from pydra_diffconn.declare.block import define
from pydra_diffconn.numerics import spd
from pydra_diffconn.numerics.dead_columns import eps


@define(outputs=["connectome"], check=check_segments, skips=True, varies=True)
def PhaseLagIndex(
    timeseries: Float[Array, "time parcels"],
    tr: float,
    frame_weights: FrameWeights = None,
    low: LowCutoff = 0.01,
    high: HighCutoff = 0.1,
    softness: BandSoftness = 0.0,
    length: int = 64,
    kind: Literal["weighted", "debiased"] = "weighted",
) -> Float[Array, "parcels parcels"]:
    r"""Measure how consistently one of each pair leads (weighted phase lag index), its mean over a band.

    $$ P_{ab} = \frac{\sum_f g_f\, |\sum_s I_s(f)| \big/ \sum_s |I_s(f)|}{\sum_f g_f}, \quad I_s = \operatorname{Im}
    X_{sa} \bar X_{sb} $$

    with the spectra X of the segments of `Coherence` at each frequency. What two series share without delay does not
    count. The debiased kind, of the square, is (|sum I|^2 - sum I^2) / ((sum |I|)^2 - sum I^2): 0 by chance with few
    segments, too, where it may be negative. The diagonal is 0, and so is all of a column without variance. Equals
    mne-connectivity's "wpli" and "wpli2_debiased" of these segments. Source: Vinck et al. (2011),
    doi:10.1016/j.neuroimage.2011.01.055.

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
    kind : {"weighted", "debiased"}
        The index, or an estimate of its square without bias.
    """

    def lead(spectrum: Array) -> Array:
        part = jnp.imag(spectrum[:, :, None] * jnp.conj(spectrum[:, None]))
        # what is rounding of the product says nothing of who leads
        size = jnp.abs(spectrum)
        part = jnp.where(jnp.abs(part) > 10 * eps(part) * size[:, :, None] * size[:, None], part, 0.0)
        total, absolute, square = part.sum(axis=0), jnp.abs(part).sum(axis=0), jnp.sum(part**2, axis=0)
        above, below = (jnp.abs(total), absolute) if kind == "weighted" else (total**2 - square, absolute**2 - square)
        there = below > 10 * eps(part) * absolute
        return jnp.where(there, above, 0.0) / jnp.where(there, below, 1.0)

    spectra = unit_spectra(timeseries, frame_weights, length)
    band = band_shares(tr, low, high, softness, length)
    return spd.without_diagonal(jnp.clip(mean_of_segments(spectra, band, lead), -1.0, 1.0))


@define(outputs=["connectome"], check=check_segments, skips=True, varies=True)
def LaggedCoherence(
    timeseries: Float[Array, "time parcels"],
    tr: float,
    frame_weights: FrameWeights = None,
    low: LowCutoff = 0.01,
    high: HighCutoff = 0.1,
    softness: BandSoftness = 0.0,
    length: int = 64,
) -> Float[Array, "parcels parcels"]:
    r"""Measure the coherence of each pair that is not instantaneous, its mean over the frequencies of a band.

    $$ L_{ab} = \frac{\sum_f g_f\, (\operatorname{Im} C_{ab})^2 / (1 - (\operatorname{Re} C_{ab})^2)}{\sum_f g_f}, \quad
    C_{ab} = \frac{S_{ab}(f)}{\sqrt{S_{aa}(f)\, S_{bb}(f)}} $$

    with the spectra of `Coherence`: the part of the imaginary coherency in what the real one leaves, so that what two
    series share without delay neither counts nor hides the rest. The diagonal is 0, and so is all of a column without
    variance. Source: Pascual-Marqui (2007), arXiv:0711.1455.

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

    def lagged(cross: Array) -> Array:
        rest = 1 - jnp.real(cross) ** 2
        there = rest > 100 * eps(rest)
        return jnp.where(there, jnp.imag(cross) ** 2, 0.0) / jnp.where(there, rest, 1.0)

    spectra = unit_spectra(timeseries, frame_weights, length)
    band = band_shares(tr, low, high, softness, length)
    return spd.without_diagonal(jnp.clip(mean_over_band(spectra, band, lagged), 0.0, 1.0))


def check_cross(arguments: Mapping[str, Any]) -> None:
    """Refuse what `check_segments` refuses of series and segments."""
    check_segments({name: value for name, value in arguments.items() if name in ("timeseries", "tr", "length")})


@define(outputs=["real", "imaginary"], check=check_cross, skips=True)
def CrossSpectrum(
    timeseries: Float[Array, "time parcels"],
    tr: float,
    frame_weights: FrameWeights = None,
    length: int = 64,
) -> tuple[Float[Array, "frequencies parcels parcels"], Float[Array, "frequencies parcels parcels"]]:
    r"""Estimate the cross-spectral density of all pairs at each frequency of the segments (Welch).

    $$ S_{ab}(f) = \frac{2\, \text{tr}}{\sum_{s, t} h_{st}^2} \sum_s \bar X_{sa}(f)\, X_{sb}(f) $$

    X are Fourier transforms of segments that overlap by half, each centred and multiplied by its window h (Hann, times
    the weights); without the 2 at 0 Hz and at half the sampling rate. Frequencies are `numpy.fft.rfftfreq(length, tr)`.
    Equals `scipy.signal.csd(nperseg=length)`: the phase is negative where a leads b.

    Parameters
    ----------
    timeseries : (time, parcels)
        Series, one per parcel, not filtered.
    tr : float
        Repetition time in seconds.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`; they multiply the windows.
    length : int
        Frames in a segment.

    Returns
    -------
    real, imaginary : (frequencies, parcels, parcels)
        In squared units of the series for each Hz.
    """
    spectra, windows = segment_spectra(timeseries, frame_weights, length)
    cross = jax.lax.map(lambda one: jnp.conj(one).T @ one, spectra)
    twice = np.full(len(cross), 2.0)
    twice[0] = 1.0
    if length % 2 == 0:
        twice[-1] = 1.0
    density = jnp.asarray(twice, timeseries.dtype) * tr / jnp.where(windows > 0, windows, 1.0)
    return density[:, None, None] * jnp.real(cross), density[:, None, None] * jnp.imag(cross)
