"""Spectra of overlapping segments of a run (Welch), and the mean of what is measured over a band of frequencies."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float

from pydra_diffconn.blocks.checks import check_band, check_series
from pydra_diffconn.numerics.dead_columns import is_alive
from pydra_diffconn.numerics.gates import gate
from pydra_diffconn.numerics.weights import total_weight, weights_of_frames

Spectra = Complex[Array, "frequencies segments parcels"]


def check_segments(arguments: Mapping[str, Any]) -> None:
    """Refuse what `check_series` and `check_band` refuse, fewer than two segments, and empty bands."""
    check_series(arguments)
    check_band(arguments)
    series, length = arguments.get("timeseries"), arguments.get("length", 64)
    if series is not None:
        count = 1 + (len(series) - length) // (length // 2) if length >= 4 else 0
        if count < 2:
            raise ValueError(
                f"length = {length} frames makes {max(count, 0)} segments of {len(series)} frames; coherence needs at "
                f"least 2: choose a length from 4 to {2 * len(series) // 3}"
            )
    tr, low, high = (arguments.get(name) for name in ("tr", "low", "high"))
    if tr is None or low is None or high is None or arguments.get("softness", 0) > 0:
        return
    frequencies = np.fft.rfftfreq(length, tr)
    if not np.any((frequencies >= low) & (frequencies <= high)):
        raise ValueError(
            f"no frequency of segments of {length} frames lies between low = {low:g} and high = {high:g} Hz; they are "
            f"{frequencies[1]:.3g} Hz apart: use longer segments or a wider band, or give a softness > 0"
        )


def unit_spectra(
    series: Float[Array, "time parcels"], frame_weights: Float[Array, "time"] | None, length: int
) -> Spectra:
    """Return the spectra of all segments, of unit power over segments at each frequency; 0 of a constant column."""
    spectra, _ = segment_spectra(series, frame_weights, length)
    power = jnp.sum(jnp.real(spectra) ** 2 + jnp.imag(spectra) ** 2, axis=1, keepdims=True)
    # a frequency at which there is nothing but rounding, such as 0 Hz after centring
    present = is_alive(power, jnp.sum(power, axis=0))
    return jnp.where(present, spectra, 0.0) / jnp.sqrt(jnp.where(present, power, 1.0))


def segment_spectra(
    series: Float[Array, "time parcels"], frame_weights: Float[Array, "time"] | None, length: int
) -> tuple[Spectra, Float[Array, ""]]:
    """Return the spectra of all segments, 0 of a constant column, and the sum of squares of their windows."""
    starts = np.arange(0, len(series) - length + 1, length - length // 2)
    frames = starts[:, None] + np.arange(length)
    weights = weights_of_frames(series, frame_weights)
    alive = varies(series, weights)
    centred = jnp.where(alive, series - weights @ series / total_weight(weights), 0.0)
    segments, kept = centred[frames], weights[frames][:, :, None]
    total = kept.sum(axis=1, keepdims=True)
    mean = jnp.sum(kept * segments, axis=1, keepdims=True) / jnp.where(total > 0, total, 1.0)
    window = jnp.asarray(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length), dtype=series.dtype)[:, None] * kept
    return jnp.fft.rfft(window * (segments - mean), axis=1).swapaxes(0, 1), jnp.sum(window**2)


def band_shares(tr: Any, low: Any, high: Any, softness: Any, length: int) -> Float[Array, "frequencies"]:
    """Return the share of each frequency of the segments in the mean over the band."""
    frequencies = jnp.asarray(np.fft.rfftfreq(length, 1.0)) / tr
    band = gate(frequencies - low, softness) * gate(high - frequencies, softness)
    total = band.sum()
    return band / jnp.where(total > 0, total, 1.0)


def mean_over_band(
    spectra: Spectra, band: Float[Array, "frequencies"], measure: Any
) -> Float[Array, "parcels parcels"]:
    """Return the mean over a band of what is measured of the sum over segments of cross-spectra."""
    return mean_of_segments(spectra, band, lambda spectrum: measure(spectrum.T @ jnp.conj(spectrum)))


def mean_of_segments(
    spectra: Spectra, band: Float[Array, "frequencies"], measure: Any
) -> Float[Array, "parcels parcels"]:
    """Return the mean over a band of what is measured of the spectra of all segments at one frequency."""
    # one frequency at a time: the coherencies of all frequencies at once would be large
    each = jax.lax.map(measure, spectra)
    return jnp.tensordot(band.astype(each.dtype), each, axes=1)


def varies(series: Float[Array, "time parcels"], weights: Float[Array, "time"]) -> Bool[Array, "parcels"]:
    """Say which columns are not constant in the frames of any weight."""
    square = weights @ (series - weights @ series / total_weight(weights)) ** 2
    return is_alive(square, weights @ series**2)
