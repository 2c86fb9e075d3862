"""Filters given by their gain at each frequency, freely learnable: one, or a bank that shares out the spectrum."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pydra_diffconn.blocks.filtering.band_pass import apply_gain
from pydra_diffconn.blocks.freedom import of_gain
from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.parameters import Parameter

Gain = Annotated[
    Float[Array, "bins"] | None, Parameter(constraints.unit_interval, help="gain at each frequency, 0 removes it")
]
Response = Annotated[
    Float[Array, "bins 2"] | None,
    Parameter(constraints.unit_disc, help="complex response at each frequency (real and imaginary part)"),
]
BandShares = Annotated[
    Float[Array, "bins bands"], Parameter(constraints.simplex, help="share of each band in each frequency")
]


def check_gain(arguments: Mapping[str, Any]) -> None:
    """Refuse gains that do not fit the frequencies of the series, and settings without a meaning."""
    if {"gain", "response"} <= set(arguments) and arguments["gain"] is None and arguments["response"] is None:
        raise ValueError("neither gain nor response is given; give one of them, (bins,) or (bins, 2)")
    for name in ("gain", "response", "band_shares"):
        _check_bins(arguments, name)
    gain = arguments.get("gain")
    for place, value in arguments.get("clamp", ()):
        if not 0 <= value <= 1 or (gain is not None and not -len(gain) <= place < len(gain)):
            raise ValueError(
                f"clamp has ({place}, {value}); expected pairs of a frequency's number and a gain in [0, 1]"
            )


def _check_bins(arguments: Mapping[str, Any], name: str) -> None:
    values, series, frequencies = (arguments.get(n) for n in (name, "timeseries", "frequencies"))
    if values is None:
        return
    if frequencies is not None:
        if "tr" in arguments and arguments["tr"] is None:
            raise ValueError("frequencies are given without tr; give the repetition time in seconds")
        if np.any(np.diff(frequencies) <= 0):
            raise ValueError("frequencies do not ascend; sort them, and what is given for them")
    elif series is not None and "frequencies" in arguments and len(values) != len(series) // 2 + 1:
        raise ValueError(
            f"{name} has {len(values)} frequencies, a series of {len(series)} frames has {len(series) // 2 + 1} "
            "(numpy.fft.rfftfreq); give that many, or the frequencies in Hz that yours are for"
        )


@define(outputs=["timeseries"], linear_in="timeseries", acts_along="time", check=check_gain, freedom=of_gain)
def FrequencyGain(
    timeseries: Float[Array, "time space"],
    gain: Gain = None,
    response: Response = None,
    frequencies: Float[Array, "bins"] | None = None,
    tr: float | None = None,
    power: Literal[1, 2] = 1,
    clamp: tuple[tuple[int, float], ...] = (),
) -> Float[Array, "time space"]:
    r"""Multiply the spectrum of each column by a gain, freely chosen or learned at each frequency.

    $$ y = \mathcal{F}^{-1}\big( g^p \odot \mathcal{F} x \big), \quad p \in \{1, 2\} $$

    irfft(gain * rfft(x)), which shifts no phase; gains of 0 and 1 are an ideal filter, as in AFNI's 3dBandpass or
    CONN. A complex `response` shifts phases, too; given both, they are multiplied. The first gain is that of the mean.
    Where `frequencies` are given, the gain is interpolated linearly between them and constant outside, so that one gain
    serves runs of any length and repetition time. Source: Ciric et al. (2022), differentiable programming for
    functional connectomics.

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per column.
    gain : (bins,)
        In [0, 1], from the mean to the highest frequency: time // 2 + 1, or as many as `frequencies`.
    response : (bins, 2), optional
        Real and imaginary part, at most 1 in absolute value; the imaginary part has no effect on the mean and at the
        Nyquist frequency.
    frequencies : (bins,), optional
        In Hz, ascending; by default those of the transform, `numpy.fft.rfftfreq(time, tr)`.
    tr : float, optional
        Repetition time in seconds; needed with `frequencies`.
    power : {1, 2}
        2 applies the filter forwards and backwards: the gain is squared, the phases of `response` cancel.
    clamp : tuple of (int, float)
        Numbers of frequencies whose gain is fixed, whatever is learned: ((0, 0.0),) always removes the mean.
    """
    frames = timeseries.shape[0]
    bins = frames // 2 + 1 if frequencies is None else len(frequencies)
    factor = jnp.ones(bins, timeseries.dtype) if gain is None else jnp.asarray(gain)
    for place, value in clamp:
        factor = factor.at[place].set(value)
    factor = at_transform(factor[:, None], frequencies, tr, frames)[:, 0]
    if response is None:
        return apply_gain(timeseries, factor**power)
    both = at_transform(jnp.asarray(response), frequencies, tr, frames)
    if power == 2:
        return apply_gain(timeseries, factor**2 * jnp.sum(both**2, axis=1))
    scaled = (both * jnp.reshape(factor, (-1, 1))).astype(timeseries.dtype)
    mean = timeseries.mean(axis=0)
    spectrum = (scaled[:, 0] + 1j * scaled[:, 1])[:, None] * jnp.fft.rfft(timeseries - mean, axis=0)
    return jnp.fft.irfft(spectrum, n=frames, axis=0) + scaled[0, 0] * mean


@define(outputs=["bands"], linear_in="timeseries", check=check_gain, skips=True)
def FilterBank(
    timeseries: Float[Array, "time space"],
    band_shares: BandShares,
    frequencies: Float[Array, "bins"] | None = None,
    tr: float | None = None,
    power: Literal[1, 2] = 1,
) -> Float[Array, "bands time space"]:
    r"""Split series into bands that share out each frequency: a learnable parcellation of the spectrum.

    $$ y_b = \mathcal{F}^{-1}\big( g_b^p \odot \mathcal{F} x \big), \quad \sum_b g_b(f) = 1 $$

    Each band is `FrequencyGain` with its column of shares. Since the shares of a frequency sum to one, the bands sum to
    the series (with power 1); with shares of 0 and 1 each frequency belongs to one band. The last band can serve for
    what belongs to none. Source: Ciric et al. (2022), differentiable programming for functional connectomics.

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per column.
    band_shares : (bins, bands)
        Non-negative, each row summing to one; a row for the mean, then for each frequency: time // 2 + 1, or as many as
        `frequencies`.
    frequencies : (bins,), optional
        In Hz, ascending; by default those of the transform.
    tr : float, optional
        Repetition time in seconds; needed with `frequencies`.
    power : {1, 2}
        2 applies each filter forwards and backwards: the gain is the square of the share.
    """
    frames = timeseries.shape[0]
    gains = at_transform(jnp.asarray(band_shares), frequencies, tr, frames).astype(timeseries.dtype) ** power
    mean = timeseries.mean(axis=0)
    spectrum = jnp.fft.rfft(timeseries - mean, axis=0)
    filtered = jnp.fft.irfft(gains.T[:, :, None] * spectrum, n=frames, axis=1)
    return filtered + gains[0][:, None, None] * mean


def at_transform(
    values: Float[Array, "bins columns"], frequencies: Any, tr: Any, frames: int
) -> Float[Array, "frequencies columns"]:
    """Return each column at the `frames // 2 + 1` frequencies of a real Fourier transform."""
    if frequencies is None:
        if values.shape[0] != frames // 2 + 1:
            raise ValueError(f"{values.shape[0]} gains for {frames} frames; expected {frames // 2 + 1}")
        return values
    wanted = jnp.arange(frames // 2 + 1) / (frames * jnp.asarray(tr))
    return jax.vmap(jnp.interp, in_axes=(None, None, 1), out_axes=1)(wanted, jnp.asarray(frequencies), values)
