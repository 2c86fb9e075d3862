"""The temporal filter of fslmaths: a high-pass that subtracts a running line, and a Gaussian low-pass."""

from collections.abc import Mapping
from typing import Annotated, Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pydra_diffconn.blocks.freedom import of_lines
from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.parameters import Parameter
from pydra_diffconn.numerics.linalg import apply_over_time
from pydra_diffconn.warn import warn

LINE_REACH = 3  # windows end at so many sigmas, where FSL cuts them
SMOOTH_REACH, SMOOTH_MORE = 20, 2
Sigma = Annotated[float | None, Parameter(constraints.above(0.0), unit="frames", help="width of the Gaussian window")]


def check(arguments: Mapping[str, Any]) -> None:
    """Refuse a filter without a window, and windows in which no line can be fitted."""
    given = {name: arguments[name] for name in ("highpass_sigma", "lowpass_sigma") if name in arguments}
    if len(given) == 2 and not any(value is not None for value in given.values()):
        raise ValueError("highpass_sigma and lowpass_sigma are both None, which leaves nothing to filter; give one")
    sigma = arguments.get("highpass_sigma")
    if sigma is not None and LINE_REACH * sigma < 1:
        raise ValueError(
            f"highpass_sigma = {sigma:g} frames; a line needs a window of more than one frame: give at least 1/3. It "
            "is counted in frames, not in seconds"
        )
    frames = len(arguments.get("timeseries", ()))
    effects = {"highpass_sigma": "a straight line is removed", "lowpass_sigma": "the mean is left"}
    for name, effect in effects.items():
        sigma = arguments.get(name)
        if sigma is not None and sigma > frames > 0:
            warn(
                f"{name} = {sigma:g} frames is longer than the run of {frames}: little more than {effect}; it is "
                "counted in frames, not in seconds"
            )


@define(outputs=["timeseries"], linear_in="timeseries", acts_along="time", check=check, freedom=of_lines)
def RunningLineFilter(
    timeseries: Float[Array, "time space"],
    highpass_sigma: Sigma = 50.0,
    lowpass_sigma: Sigma = None,
) -> Float[Array, "time space"]:
    r"""Subtract from each frame the straight line fitted around it, then smooth by a Gaussian: `fslmaths -bptf`.

    $$
    y_t = x_t - \hat a_t, \quad (\hat a_t, \hat b_t) = \arg\min_{a, b} \sum_u e^{-(u - t)^2 / 2 \sigma^2} \big(x_u - a
    - b (u - t)\big)^2
    $$

    The line is fitted by least squares with the weights exp(-d^2 / (2 sigma^2)) of frames at distances d up to 3 sigma,
    fewer at the ends; then the mean of the column is removed (as from FSL 5.0.7 on). The low-pass is the mean with such
    weights up to distances of 20 sigma, of the frames that exist. A window's end moves by whole frames, so that in
    sigma the result has small steps (by the weight of one frame at 3 sigma, 1 %); between them it is smooth. A
    constant column becomes zero, without a high-pass it stays. FSL's sigma for a cut-off period P in seconds is by
    convention P / (2 tr). Source: Marchini & Ripley (2000), doi:10.1006/nimg.2000.0628; FSL's manual of fslmaths.

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per column.
    highpass_sigma, lowpass_sigma : float or None
        In frames, above 0; without one of them that filter is left out.
    """
    frames = timeseries.shape[0]
    distance = np.arange(frames) - np.arange(frames)[:, None]
    filtered = timeseries
    if highpass_sigma is not None:
        operator = jnp.eye(frames) - running_line(distance, highpass_sigma)
        operator = (operator - operator.mean(axis=0)).astype(timeseries.dtype)
        filtered = apply_over_time(operator, jnp.zeros(frames, timeseries.dtype), filtered)  # a constant is a line
    if lowpass_sigma is not None:
        weights = _window(distance, lowpass_sigma, jnp.floor(SMOOTH_REACH * jnp.asarray(lowpass_sigma)) + SMOOTH_MORE)
        operator = (weights / weights.sum(axis=1, keepdims=True)).astype(timeseries.dtype)
        filtered = apply_over_time(operator, jnp.ones(frames, timeseries.dtype), filtered)
    return filtered


def running_line(distance: np.ndarray, sigma: Any) -> Float[Array, "time time"]:
    """Return the matrix that replaces each frame by the weighted least-squares line around it."""
    weights = _window(distance, sigma, jnp.floor(LINE_REACH * jnp.asarray(sigma)))
    total = weights.sum(axis=1, keepdims=True)
    centre = (weights * distance).sum(axis=1, keepdims=True) / total
    # the line's value at distance 0, with distances centred so that the sums keep their digits
    spread = (weights * (distance - centre) ** 2).sum(axis=1, keepdims=True)
    slope = jnp.where(spread > 0, centre / jnp.where(spread > 0, spread, 1.0), 0.0)
    return weights / total - weights * (distance - centre) * slope


def _window(distance: np.ndarray, sigma: Any, reach: Any) -> Float[Array, "time time"]:
    inside = np.abs(distance) <= reach
    scaled = jnp.where(inside, distance, 0) / sigma
    return jnp.where(inside, jnp.exp(-0.5 * scaled**2), 0.0)
