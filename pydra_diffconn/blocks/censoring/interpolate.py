"""Filling in censored frames, so that filters see no gaps: by lines, by cubic splines, by sines and cosines."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pydra_diffconn.blocks.checks import check_band, check_weighted
from pydra_diffconn.blocks.filtering.detrend import removed_part
from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.padding import by
from pydra_diffconn.declare.parameters import Parameter
from pydra_diffconn.numerics.linalg import times
from pydra_diffconn.numerics.splines import beyond, lines, spline
from pydra_diffconn.numerics.weights import total_weight


def _interpolated(
    length: Any,
    timeseries: Array,
    frame_weights: Array,
    method: str = "linear",
    boundary: Literal["natural", "not-a-knot"] = "natural",
    ends: str = "hold",
) -> Array:
    """Fill in what the block does; of a run that was filled up, the true `length` says where it ends."""
    weights = jnp.asarray(frame_weights, timeseries.dtype)
    centre = _shares(weights) @ timeseries
    centred = timeseries - centre  # a large mean would cost single precision digits
    filled = lines(centred, weights, length)
    bend = jnp.zeros_like(filled)
    if method == "spline":
        filled, bend = spline(centred, weights, filled, boundary)
    if ends == "extrapolate":
        filled = beyond(filled, bend, weights)
    filled = filled + centre
    rounding = jnp.where(weights[:, None] == 1, timeseries - filled, 0.0)
    return filled + jax.lax.stop_gradient(rounding)


@define(
    outputs=["timeseries"], linear_in="timeseries", acts_along="time", check=check_weighted, padding=by(_interpolated)
)
def Interpolate(
    timeseries: Float[Array, "time space"],
    frame_weights: Annotated[Float[Array, "time"], constraints.unit_interval],
    method: Literal["linear", "spline"] = "linear",
    boundary: Literal["natural", "not-a-knot"] = "natural",
    ends: Literal["hold", "extrapolate"] = "hold",
) -> Float[Array, "time space"]:
    r"""Replace censored frames by what their kept neighbours suggest; kept frames stay exactly as they are.

    $$
    y_t = w_t x_t + (1 - w_t)\, s(t), \quad s(t) = y_a + \frac{t - a}{b - a} (y_b - y_a) \text{ between kept frames }
    a < t < b
    $$

    With weights of 0 and 1: straight lines between kept frames, as `numpy.interp`, or the cubic spline through them, as
    `scipy.interpolate.CubicSpline`; before the first and after the last kept frame its value is held, or its piece goes
    on. Not-a-knot splines are those of nilearn's `clean(sample_mask=...)`, which lets the ends go on or cuts them off
    (see `CutEnds`), and of XCP-D, which holds the ends. With weights between, each frame becomes w x + (1 - w) s, where
    s is what the curve through the restored other frames has there; this is smooth in the weights, down to 0. The
    filled frames are for filters alone: give `frame_weights` to every later estimate, too. If no frame has a weight all
    become zero (known weights of this kind are refused). Source: Power et al. (2014),
    doi:10.1016/j.neuroimage.2013.08.048, for the use; Green & Silverman (1994), Nonparametric Regression and
    Generalized Linear Models, for the spline's equations.

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per column, without missing values (those of censored frames have no influence).
    frame_weights : (time,)
        Weights in [0, 1], from `Censor`.
    method : {"linear", "spline"}
        Splines follow slow waves through gaps of a few frames; in long gaps lines cannot overshoot.
    boundary : {"natural", "not-a-knot"}
        Of the spline: no curvature at the first and last kept frames, or one cubic through the first three and the last
        three. The former is calmer in gaps near the ends.
    ends : {"hold", "extrapolate"}
        What stands before the first and after the last kept frame: its value, or the end piece of the curve going on,
        which far from the data may be far off.
    """
    return _interpolated(None, timeseries, frame_weights, method, boundary, ends)


def _shares(weights: Float[Array, "time"]) -> Float[Array, "time"]:
    return weights / total_weight(weights)


def check_spectral(arguments: Mapping[str, Any]) -> None:
    """Refuse missing values, a cut-off out of range, no penalty, and runs without a kept frame."""
    check_weighted(arguments)
    check_band(arguments)
    penalty, oversampling = arguments.get("penalty"), arguments.get("oversampling", 4)
    if penalty is not None and not penalty > 0:
        raise ValueError(f"penalty = {penalty:g}; expected more than 0, or censored frames are not determined")
    if oversampling < 1:
        raise ValueError(f"oversampling = {oversampling}; expected 1 or more")


@define(outputs=["timeseries"], linear_in="timeseries", acts_along="time", check=check_spectral)
def SpectralInterpolate(
    timeseries: Float[Array, "time space"],
    frame_weights: Annotated[Float[Array, "time"], constraints.unit_interval],
    tr: float,
    cutoff: Annotated[
        float, Parameter(constraints.between(0.0, constraints.nyquist), unit="Hz", help="highest frequency fitted")
    ] = 0.1,
    softness: Annotated[
        float, Parameter(constraints.nonnegative, unit="Hz", help="width of the soft cut-off; 0 is a sharp one")
    ] = 0.0,
    penalty: Annotated[float, Parameter(constraints.above(0.0), help="ridge on the amplitudes of the waves")] = 0.1,
    oversampling: int = 4,
) -> Float[Array, "time space"]:
    r"""Replace censored frames by sines and cosines fitted together to the kept ones, which stay exactly as they are.

    $$ y_t = w_t x_t + (1 - w_t) (m + B_t b), \quad (m, b) = \arg\min \sum_t w_t (x_t - m - B_t b)^2 + \lambda |b|^2 $$

    min_b sum_t w_t (x_t - m - B_t b)^2 + penalty |b|^2, the columns of B being cos(2 pi f t) and sin(2 pi f t) for
    f = k / (oversampling * time * tr) up to the cut-off, the mean m without penalty. The result is w x + (1 - w) times
    the fit. One joint fit: projections on single waves, as of a Lomb-Scargle periodogram, are far off in a gap, where
    waves are not orthogonal. With a softness a wave takes part by g = 1 / (1 + exp((f - cutoff) / softness)), its
    penalty being penalty / g; with softness 0 the cut-off has no gradient. Remove drift first: what is slower than the
    run is no wave. The filled frames are for filters alone: give `frame_weights` to every later estimate, too.
    Sources: Power et al. (2014), doi:10.1016/j.neuroimage.2013.08.048; Mathias et al. (2004),
    doi:10.18637/jss.v011.i02.

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per column, without missing values (those of censored frames have no influence).
    frame_weights : (time,)
        Weights in [0, 1], from `Censor`.
    tr : float
        Repetition time in seconds.
    cutoff : float
        In Hz, between 0 and the Nyquist frequency.
    softness : float
        In Hz.
    penalty : float
        Above 0, relative to a squared amplitude times one frame: 0.1 shrinks a wave in 200 frames by a thousandth.
    oversampling : int
        How many frequencies for each one of the run's length; more than 1, or the series is taken to be periodic.
    """
    weights = jnp.asarray(frame_weights, timeseries.dtype)
    share = _shares(weights)
    mean = share @ timeseries
    kernel = _wave_kernel(len(weights), oversampling, tr, cutoff, softness).astype(timeseries.dtype)
    kernel = kernel - share @ kernel
    kernel = kernel - (kernel @ share)[:, None]
    # the ridge solution in its dual form, B G B' W (B G B' W + l I)^-1 x: frames of weight zero enter by zeros alone
    system = kernel * weights + jnp.asarray(penalty, kernel.dtype) * jnp.eye(len(weights), dtype=kernel.dtype)
    dual = weights[:, None] * jnp.linalg.solve(system, timeseries - mean)
    fit = mean + times(kernel, dual)
    return weights[:, None] * timeseries + (1 - weights[:, None]) * fit


def _wave_kernel(frames: int, oversampling: int, tr: Any, cutoff: Any, softness: Any) -> Float[Array, "time time"]:
    """Return the sum over waves of g cos(2 pi f (t - s)), which is B G B' of their sines and cosines."""
    period = oversampling * frames
    number = np.arange(1, (period + 1) // 2)
    parts = removed_part(number, period * jnp.asarray(tr), cutoff, softness)
    spectrum = jnp.zeros(period // 2 + 1, parts.dtype).at[number].set(parts)
    by_lag = jnp.fft.irfft(spectrum, n=period) * (period / 2)
    return by_lag[np.abs(np.arange(frames)[:, None] - np.arange(frames))]
