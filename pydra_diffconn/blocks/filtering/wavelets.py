"""Time-frequency power by Morlet wavelets of learnable frequency and width."""

from collections.abc import Mapping
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pydra_diffconn.blocks.checks import check_series, check_tr
from pydra_diffconn.blocks.shared_parameters import FrameWeights
from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.parameters import Parameter
from pydra_diffconn.numerics.gaps import bridge
from pydra_diffconn.numerics.weights import total_weight, weights_of_frames

REACH = 5.0  # standard deviations of the envelope at which a wavelet ends, as in MNE
Frequencies = Annotated[
    Float[Array, "frequencies"],
    Parameter(constraints.between(0.0, constraints.nyquist), unit="Hz", help="centres of the wavelets, 1 / scale"),
]
Cycles = Annotated[
    float, Parameter(constraints.above(0.0), help="width of the wavelets: 2 pi frequency times the envelope's sd")
]


def check(arguments: Mapping[str, Any]) -> None:
    """Refuse what `check_series` refuses, and frequencies outside (0, Nyquist)."""
    check_series(arguments)
    frequencies, tr = arguments.get("frequencies"), arguments.get("tr")
    check_tr(arguments)
    if frequencies is None or tr is None:
        return
    bad = (np.asarray(frequencies) <= 0) | (np.asarray(frequencies) >= 0.5 / tr)
    if np.any(bad):
        raise ValueError(
            f"frequencies has {np.asarray(frequencies)[bad][0]:g} Hz; expected above 0 and below the Nyquist frequency "
            f"{0.5 / tr:g} Hz (tr = {tr:g} s)"
        )


@define(outputs=["power"], check=check, skips=True)
def WaveletPower(
    timeseries: Float[Array, "time space"],
    tr: float,
    frequencies: Frequencies,
    frame_weights: FrameWeights = None,
    cycles: Cycles = 7.0,
) -> Float[Array, "frequencies time space"]:
    r"""Follow the power around some frequencies over time: squared moduli of the convolution with Morlet wavelets.

    $$
    P_f(t) = |(x * \psi_f)(t)|^2, \quad \psi_f(t) \propto e^{-t^2 / 2 \sigma_f^2} \big(e^{2 \pi i f t} - e^{-c^2 /
    2}\big), \quad \sigma_f = \frac{c}{2 \pi f}
    $$

    Equals `mne.time_frequency.tfr_array_morlet(output="power", zero_mean=True)` of the centred series: wavelets
    exp(2 pi i f t) exp(-t^2 / 2 sd^2), sd = cycles / (2 pi f), without response to a constant, of energy 2, ending at 5
    sd; beyond its ends a series counts as its mean. A constant column has power 0.

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per column.
    tr : float
        Repetition time in seconds.
    frequencies : (frequencies,)
        In Hz, above 0 and below 1 / (2 tr).
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`, in the mean; frames of weight zero are bridged by straight lines.
    cycles : float
        Positive; many cycles resolve frequencies, few resolve time.

    Returns
    -------
    power : (frequencies, time, space)
        In squared units of the series.
    """
    weights = weights_of_frames(timeseries, frame_weights)
    centred = bridge(timeseries, frame_weights) - weights @ timeseries / total_weight(weights)
    frames = len(timeseries)
    size = 3 * frames  # the series, and wavelets as long as it on both sides, without wrapping around
    spectrum = jnp.fft.fft(centred, n=size, axis=0)
    steps = np.concatenate([np.arange(2 * frames), np.arange(-frames, 0)])

    def power(frequency: Array) -> Float[Array, "time space"]:
        wavelet = morlet(jnp.asarray(steps, centred.dtype), frequency * tr, cycles, np.abs(steps) < frames)
        convolved = jnp.fft.ifft(jnp.fft.fft(wavelet)[:, None] * spectrum, axis=0)[:frames]
        return jnp.real(convolved) ** 2 + jnp.imag(convolved) ** 2

    return jax.lax.map(power, jnp.asarray(frequencies, dtype=centred.dtype))


@define(outputs=["energy"], check=check, skips=True)
def WaveletEnergy(
    timeseries: Float[Array, "time space"],
    tr: float,
    frequencies: Frequencies,
    frame_weights: FrameWeights = None,
    cycles: Cycles = 7.0,
) -> Float[Array, "frequencies space"]:
    r"""Measure the energy of each column around some frequencies: the mean of `WaveletPower` over frames.

    $$ E_f = \frac{\sum_t w_t P_f(t)}{\sum_t w_t} $$

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per column.
    tr : float
        Repetition time in seconds.
    frequencies : (frequencies,)
        In Hz, above 0 and below 1 / (2 tr).
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`, in both means; frames of weight zero are bridged by straight lines.
    cycles : float
        Positive.

    Returns
    -------
    energy : (frequencies, space)
        In squared units of the series.
    """
    weights = weights_of_frames(timeseries, frame_weights)
    power = WaveletPower.pure(timeseries, tr, frequencies, frame_weights, cycles)
    return jnp.einsum("t,fts->fs", weights / total_weight(weights), power)


def morlet(steps: Float[Array, "lags"], frequency: Any, cycles: Any, allowed: Any) -> Array:
    """Return a Morlet wavelet at the given frames; its frequency is in cycles per frame."""
    deviation = cycles / (2 * jnp.pi * frequency)
    inside = allowed & (jnp.abs(steps) < REACH * deviation)
    # only within reach: far outside, the square could overflow in the derivative
    scaled = jnp.where(inside, steps, 0.0) / deviation
    envelope = jnp.where(inside, jnp.exp(-(scaled**2) / 2), 0.0)
    angle = 2 * jnp.pi * frequency * steps
    wave = envelope * (jnp.cos(angle) - jnp.exp(-(cycles**2) / 2) + 1j * jnp.sin(angle))
    energy = jnp.sum(jnp.real(wave) ** 2 + jnp.imag(wave) ** 2)
    return wave * jnp.sqrt(2 / energy)
