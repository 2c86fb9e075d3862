"""A band-pass by the Fourier transform of the zero-padded run: AFNI's 3dBandpass."""

from collections.abc import Mapping
from typing import Annotated, Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from pydra_diffconn.blocks.checks import check_tr
from pydra_diffconn.blocks.freedom import of_band
from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.parameters import Parameter

Edge = Annotated[float, Parameter(constraints.nonnegative, unit="Hz", help="end of the band that is kept")]


def check(arguments: Mapping[str, Any]) -> None:
    """Refuse an empty band, and a transform shorter than the run."""
    low, high, tr = (arguments.get(name) for name in ("low", "high", "tr"))
    check_tr(arguments)
    if low is not None and high is not None and not 0 <= low < high:
        raise ValueError(f"low = {low:g} Hz and high = {high:g} Hz are no band; expected 0 <= low < high")
    series, length = arguments.get("timeseries"), arguments.get("length")
    if length is not None and (length % 2 or (series is not None and length < len(series))):
        frames = "the run" if series is None else f"{len(series)} frames"
        raise ValueError(f"length = {length}; expected an even number, not below {frames}")
    if series is None or low is None or high is None or tr is None or arguments.get("softness") != 0:
        return
    length = length or padded_length(len(series))
    if min(round(high * length * tr), length // 2 - 1) < max(round(low * length * tr), 1):
        raise ValueError(
            f"no frequency lies between low = {low:g} and high = {high:g} Hz: {len(series)} frames padded to {length} "
            f"have them {1 / (length * tr):.3g} Hz apart up to {0.5 / tr:g} Hz (tr = {tr:g} s); widen the band"
        )


@define(outputs=["timeseries"], linear_in="timeseries", acts_along="time", check=check, freedom=of_band)
def ZeroPaddedBandPass(
    timeseries: Float[Array, "time space"],
    tr: float,
    low: Edge = 0.01,
    high: Edge = 0.1,
    softness: Annotated[
        float, Parameter(constraints.nonnegative, unit="Hz", help="width of the soft ends of the band; 0 is sharp")
    ] = 0.0,
    edge: Annotated[float, Parameter(constraints.unit_interval, help="gain at the ends of the band")] = 0.5,
    length: int | None = None,
) -> Float[Array, "time space"]:
    r"""Set all frequencies outside a band to zero in the Fourier transform of the run, padded with zeros.

    $$
    y = \mathcal{F}^{-1}\big( g \odot \mathcal{F} x \big), \quad g(f) = \sigma\Big(\frac{f - f_\text{low}}{s}\Big)\,
    \sigma\Big(\frac{f_\text{high} - f}{s}\Big), \text{ hard as } s \to 0
    $$

    The band's ends are rounded to whole multiples of 1 / (length tr), where the gain is `edge`; the mean and the
    highest frequency are always removed. Remove slow drift first (`Detrend(degree=2)`), or the padding makes steps.
    With a softness the gain is s((f - low) / softness) s((high - f) / softness), s the logistic function, and the ends
    have gradients. Equals the bandpass of AFNI's 3dBandpass. A constant column does not become zero, since it ends
    where the padding begins. Source: 3dBandpass -help.

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per column.
    tr : float
        Repetition time in seconds.
    low, high : float
        In Hz, 0 <= low < high; above half the sampling rate `high` has no effect.
    softness : float
        In Hz.
    edge : float
        In [0, 1]; without effect where there is a softness.
    length : int, optional
        Of the transform, even; by default the next even number with no other factors than 2, and up to three each of
        3 and 5.
    """
    frames = timeseries.shape[0]
    length = padded_length(frames) if length is None else length
    number, step = jnp.arange(length // 2 + 1), 1 / (length * jnp.asarray(tr))
    first, last = jnp.round(low / step), jnp.minimum(jnp.round(high / step), length // 2 - 1)
    ends = ((number == first) & (first >= 1)) | (number == last)
    sharp = jnp.where(ends, edge, (number >= first) & (number <= last))
    width = jnp.where(jnp.asarray(softness) > 0, softness, 1.0)
    soft = jax.nn.sigmoid((number * step - low) / width) * jax.nn.sigmoid((high - number * step) / width)
    gain = jnp.where(jnp.asarray(softness) > 0, soft, sharp).at[jnp.array([0, -1])].set(0.0)
    spectrum = jnp.fft.rfft(timeseries, n=length, axis=0)
    return jnp.fft.irfft(gain[:, None].astype(timeseries.dtype) * spectrum, n=length, axis=0)[:frames]


def padded_length(frames: int) -> int:
    """Return the next even number that is a product of twos, and up to three threes and fives each."""
    length = frames + frames % 2
    while not _fast(length):
        length += 2
    return length


def _fast(length: int) -> bool:
    for factor in (3, 5):
        for _ in range(3):
            length = length // factor if length % factor == 0 else length
    return length & (length - 1) == 0
