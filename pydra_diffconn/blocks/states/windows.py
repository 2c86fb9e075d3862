"""Connectivity that changes over time: one covariance for each state or each sliding window."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pydra_diffconn.blocks.checks import check_series
from pydra_diffconn.blocks.connectivity.correlation import Correlation, Covariance
from pydra_diffconn.blocks.shared_parameters import FrameWeights
from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.padding import only
from pydra_diffconn.declare.parameters import Parameter

StateWeights = Annotated[
    Float[Array, "time states"], Parameter(constraints.simplex, help="share of each state in each frame")
]
WindowWeights = Annotated[
    Float[Array, "time windows"] | None,
    Parameter(constraints.unit_interval, help="weight of each frame in each window"),
]
Taper = Annotated[
    float,
    Parameter(constraints.nonnegative, unit="frames", help="standard deviation of the windows' soft edges; 0 is hard"),
]
Kind = Literal["covariance", "correlation"]


def check(arguments: Mapping[str, Any]) -> None:
    """Refuse windows longer than the run."""
    check_series(arguments)
    series = arguments.get("timeseries")
    if series is None:
        return
    length, step = arguments.get("length"), arguments.get("step")
    if length is None or step is None or arguments.get("window_weights") is not None:
        return
    if not 2 <= length <= len(series) or step < 1:
        raise ValueError(
            f"windows of {length} frames every {step} do not fit {len(series)} frames; "
            f"expected 2 <= length <= {len(series)} and step >= 1"
        )


@define(outputs=["covariance"], check=check, skips=True, padding="frame_weights")
def StateCovariance(
    timeseries: Float[Array, "time parcels"],
    state_weights: StateWeights,
    frame_weights: FrameWeights = None,
    kind: Kind = "covariance",
    ddof: int = 1,
) -> Float[Array, "states parcels parcels"]:
    r"""Estimate one covariance (or correlation) for each state, each frame counting by its share of that state.

    $$
    S_k = \frac{\sum_t \omega_{tk} (x_t - m_k)(x_t - m_k)^\top}{n_k}, \quad \omega_{tk} = w_t q_{tk}, \quad n_k =
    \sum_t \omega_{tk} - d \frac{\sum_t \omega_{tk}^2}{\sum_t \omega_{tk}}
    $$

    With a one-hot row in `state_weights` for each frame this is `numpy.cov` of the frames of each state. A state with
    fewer than two frames has covariance 0 and, as a correlation, the identity; neither has a gradient.

    Parameters
    ----------
    timeseries : (time, parcels)
        Series, one per parcel.
    state_weights : (time, states)
        Shares, not negative, summing to one over the states.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`; they multiply the shares.
    kind : {"covariance", "correlation"}
        What is returned for each state.
    ddof : int
        1 for the unbiased covariance, 0 for the maximum-likelihood one.
    """
    return weighted_covariances(timeseries, state_weights, frame_weights, kind, ddof)


@define(
    outputs=["covariance"],
    check=check,
    skips=True,
    padding=only("frame_weights", lambda given: given["window_weights"] is not None),
)
def WindowCovariance(
    timeseries: Float[Array, "time parcels"],
    window_weights: WindowWeights = None,
    frame_weights: FrameWeights = None,
    length: int = 30,
    step: int = 1,
    taper: Taper = 0.0,
    kind: Kind = "covariance",
    ddof: int = 1,
) -> Float[Array, "windows parcels parcels"]:
    r"""Estimate one covariance (or correlation) for each sliding window.

    $$
    S_k = \frac{\sum_t \omega_{tk} (x_t - m_k)(x_t - m_k)^\top}{n_k}, \quad \omega_{tk} = w_t\, [k_0 \le t < k_0 +
    \text{length}]
    $$

    Hard windows (`taper = 0`) give `numpy.cov` of their frames. A window with fewer than two usable frames has
    covariance 0 and, as a correlation, the identity. Source: Allen et al. (2014), doi:10.1093/cercor/bhs352.

    Parameters
    ----------
    timeseries : (time, parcels)
        Series, one per parcel.
    window_weights : (time, windows), optional
        Any weights in [0, 1], in place of sliding windows.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`; they multiply the windows.
    length, step : int
        Frames in a window, and from the start of one to the next; only whole windows are used.
    taper : float
        Standard deviation, in frames, of the Gaussian with which the windows are smoothed.
    kind : {"covariance", "correlation"}
        What is returned for each window.
    ddof : int
        1 for the unbiased covariance, 0 for the maximum-likelihood one.
    """
    if window_weights is None:
        window_weights = sliding_windows(len(timeseries), length, step, taper).astype(timeseries.dtype)
    return weighted_covariances(timeseries, window_weights, frame_weights, kind, ddof)


def sliding_windows(frames: int, length: int, step: int = 1, taper: Any = 0.0) -> Float[Array, "time windows"]:
    """Return the weight of each frame in each window: a boxcar smoothed by a Gaussian of `taper` frames.

    >>> sliding_windows(4, length=2, step=2).tolist()
    [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]
    """
    start = np.arange(0, frames - length + 1, step)
    after_start = np.arange(frames)[:, None] - start + 0.5  # the middle of a frame, counted from the window's edge
    hard = (after_start > 0) & (after_start < length)
    width = jnp.where(taper > 0, taper, 1.0)
    soft = jax.scipy.special.ndtr(after_start / width) - jax.scipy.special.ndtr((after_start - length) / width)
    return jnp.where(taper > 0, soft, 1.0 * hard)


def weighted_covariances(
    timeseries: Float[Array, "time parcels"],
    weights: Float[Array, "time states"],
    frame_weights: FrameWeights = None,
    kind: Kind = "covariance",
    ddof: int = 1,
) -> Float[Array, "states parcels parcels"]:
    """Return one weighted covariance or correlation for each column of the weights."""
    if frame_weights is not None:
        weights = weights * frame_weights[:, None]
    diagonal = 0.0 if kind == "covariance" else 1.0
    absent = diagonal * jnp.eye(timeseries.shape[1], dtype=timeseries.dtype)

    def one(column: Float[Array, "time"]) -> Float[Array, "parcels parcels"]:
        # more than one effective frame, (sum w)^2 / sum w^2 > 1; else the divisor would be zero
        total, rounding = column.sum(), 10 * jnp.finfo(column.dtype).eps
        present = total**2 - jnp.sum(column**2) > rounding * total**2
        column = jnp.where(present, column, 1.0)
        if kind == "covariance":
            estimate = Covariance.pure(timeseries, column, ddof)
        else:
            estimate = Correlation.pure(timeseries, column)
        return jnp.where(present, estimate, absent)

    # one state at a time: XLA's batched products are half as fast on a CPU, and need all centred copies at once
    return jax.lax.map(one, weights.T)
