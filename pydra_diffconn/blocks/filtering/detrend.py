"""Removing slow drift: polynomials, and cosines below a cut-off frequency that can be learned."""

from collections.abc import Mapping
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pydra_diffconn.blocks.checks import check_band, check_weighted
from pydra_diffconn.blocks.freedom import without
from pydra_diffconn.blocks.shared_parameters import FrameWeights
from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.freedom import Freedom
from pydra_diffconn.declare.padding import only
from pydra_diffconn.declare.parameters import Parameter
from pydra_diffconn.numerics.design import gated_inverse, unit_design
from pydra_diffconn.numerics.weights import total_weight, weights_of_frames


def check(arguments: Mapping[str, Any]) -> None:
    """Refuse missing values, cut-offs out of range, and drifts that would leave nothing."""
    check_weighted(arguments)
    check_band(arguments)
    degree, cutoff = arguments.get("degree", 1), arguments.get("cutoff")
    if degree < 0:
        raise ValueError(f"degree = {degree}; expected 0 (the mean alone) or more")
    if cutoff is not None and "tr" in arguments and arguments["tr"] is None:
        raise ValueError(f"cutoff = {cutoff:g} Hz is given without tr; give the repetition time in seconds")
    if arguments.get("timeseries") is not None:
        _count(arguments)


def taken(arguments: Mapping[str, Any], known: Mapping[str, Freedom]) -> Freedom:
    """Count the polynomials, and the cosines below the cut-off; a mean that is kept takes nothing."""
    return without(known["timeseries"], _count(arguments) - bool(arguments.get("keep_mean")))


def _count(arguments: Mapping[str, Any]) -> int:
    frames, cutoff, tr = arguments["timeseries"].shape[0], arguments.get("cutoff"), arguments.get("tr")
    polynomials = arguments.get("degree", 1) + 1
    if cutoff is None or tr is None:
        return int(polynomials)
    return int(polynomials) + _count_below(cutoff, tr, frames, arguments.get("terms", 64))


def _count_below(cutoff: float, tr: float, frames: int, terms: int) -> int:
    needed = int(2 * frames * tr * cutoff)
    if needed > terms:
        raise ValueError(
            f"{needed} cosines are at or below cutoff = {cutoff:g} Hz in {frames} frames, but terms = {terms}; give "
            f"terms={needed} or more"
        )
    return needed


@define(
    outputs=["timeseries"],
    linear_in="timeseries",
    acts_along="time",
    check=check,
    freedom=taken,
    padding=only("frame_weights", lambda given: given["cutoff"] is None),
)
def Detrend(
    timeseries: Float[Array, "time space"],
    frame_weights: FrameWeights = None,
    tr: float | None = None,
    degree: int = 1,
    cutoff: Annotated[
        float | None,
        Parameter(constraints.between(0.0, constraints.nyquist), unit="Hz", help="cosines up to here are removed"),
    ] = None,
    softness: Annotated[
        float, Parameter(constraints.nonnegative, unit="Hz", help="width of the soft cut-off; 0 is a sharp one")
    ] = 0.0,
    terms: int = 64,
    keep_mean: bool = False,
) -> Float[Array, "time space"]:
    r"""Subtract a polynomial, and cosines up to a cut-off if one is given, fitted together on the weighted frames.

    $$
    y = x - m - B \big(B^\top W B + \operatorname{diag} \tfrac{1 - r}{r}\big)^{-1} B^\top W (x - m), \quad r_k =
    \sigma\Big(\frac{c - f_k}{s}\Big)
    $$

    The cosines are cos(pi k (t + 1/2) / T), of frequency k / (2 T tr). With softness 0 all those up to the cut-off are
    removed, as in SPM, fMRIPrep and nilearn's `create_cosine_drift` (with degree 0); the cut-off then has no gradient.
    With a softness each is removed to the extent 1 / (1 + exp((frequency - cutoff) / softness)): of a run without
    censored frames exactly this part of it, in general by a ridge penalty of (1 - part) / part on its unit-norm
    regressor. Without a cut-off it equals `scipy.signal.detrend` (degree 0 and 1). What is removed is estimated on the
    weighted frames and subtracted from all. A constant column becomes zero. Source: Ashburner et al., SPM manual.

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per column.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`.
    tr : float, optional
        Repetition time in seconds; needed with `cutoff`.
    degree : int
        Of the polynomial: 0 removes the mean, 1 the linear trend, too.
    cutoff : float, optional
        In Hz, between 0 and the Nyquist frequency, for example 0.008 (a period of 128 s would be 1/128).
    softness : float
        In Hz.
    terms : int
        How many cosines are there to be removed; those above never are, however far the cut-off is learned to go.
    keep_mean : bool
        Whether the mean of each column is added again.
    """
    frames = timeseries.shape[0]
    basis, gates = _polynomials(frames, degree), jnp.ones(degree)
    if cutoff is not None:
        number = np.arange(1, min(terms, frames - 1) + 1)
        cosines = np.cos(np.pi * (np.arange(frames)[:, None] + 0.5) * number / frames)
        basis = np.concatenate([basis, cosines], axis=1)
        gates = jnp.concatenate([gates, removed_part(number, 2 * frames * jnp.asarray(tr), cutoff, softness)])
    centred, root, design = unit_design(timeseries, jnp.asarray(basis, timeseries.dtype), frame_weights)
    weights = weights_of_frames(timeseries, frame_weights)
    centred = centred - weights @ centred / total_weight(weights)  # a large mean leaves some roundings of itself
    inverse = gated_inverse(root * design, gates.astype(design.dtype), jnp.ones((), design.dtype))
    detrended = centred - design @ (inverse @ (root * centred))
    return detrended + (weights @ timeseries / total_weight(weights) if keep_mean else 0.0)


def removed_part(number: Any, period: Any, cutoff: Any, softness: Any) -> Float[Array, "terms"]:
    """Return how far waves of `number` periods in `period` (s) are taken in: those up to the cut-off (Hz)."""
    sharp = number <= period * cutoff * (1 + 1e-6)  # a cut-off on a frequency takes it in, whatever the rounding
    width = jnp.where(jnp.asarray(softness) > 0, softness, 1.0)
    soft = jax.nn.sigmoid((cutoff - number / period) / width)
    return jnp.where(jnp.asarray(softness) > 0, soft, jnp.asarray(sharp).astype(soft.dtype))


def _polynomials(frames: int, degree: int) -> np.ndarray:
    """Return the Legendre polynomials from the first to that degree, (frames, degree)."""
    return np.polynomial.legendre.legvander(np.linspace(-1, 1, frames), degree)[:, 1:]
