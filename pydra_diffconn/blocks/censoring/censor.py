"""The one temporal mask: frame weights made from head motion, used by every later estimator."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.padding import by
from pydra_diffconn.declare.parameters import Parameter


def _by_metrics(arguments: Mapping[str, Any]) -> bool:
    """Say whether a frame of too large a displacement may be kept, as another metric is small."""
    return arguments.get("exceeds") == "all" and arguments.get("metrics") is not None


def check(arguments: Mapping[str, Any]) -> None:
    """Refuse missing measures after the first frame, parts that do not fit, and thresholds that keep nothing."""
    displacement = arguments.get("framewise_displacement")
    _check_present(displacement, "framewise_displacement")
    _check_present(arguments.get("metrics"), "metrics")
    _check_metrics(arguments)
    for name in ("before", "after"):
        if arguments.get(name, 0) < 0:
            raise ValueError(f"{name} = {arguments[name]} frames; expected 0 or more")
    if arguments.get("min_segment", 1) < 1:
        raise ValueError(f"min_segment = {arguments['min_segment']} frames; expected 1 or more")
    threshold, softness = arguments.get("threshold"), arguments.get("softness")
    if displacement is None or threshold is None or softness != 0 or _by_metrics(arguments):
        return
    if not np.any(np.nan_to_num(displacement) <= threshold):
        raise ValueError(
            f"no frame has a displacement of {threshold:g} mm or less (smallest: {np.nanmin(displacement):.3g} mm); "
            "raise the threshold or leave this run out"
        )
    longest = _longest_segment(arguments, displacement, threshold)
    if longest < arguments.get("min_segment", 1):
        raise ValueError(
            f"no {arguments['min_segment']} frames in a row (min_segment) are kept, at most {longest}; lower "
            "min_segment, raise the threshold or leave this run out"
        )


def _check_present(measure: Any, name: str) -> None:
    if measure is None:
        return
    missing = np.flatnonzero(~np.isfinite(np.asarray(measure).reshape(len(measure), -1)).all(axis=1))
    if missing.size and missing[-1] > 0:
        raise ValueError(f"{name} is missing in frame {missing[missing > 0][0]}; only the first may be (n/a)")


def _check_metrics(arguments: Mapping[str, Any]) -> None:
    metrics = arguments.get("metrics")
    each = ("metric_thresholds", "metric_softness", "metric_shares")
    if metrics is None:
        given = [name for name in each if arguments.get(name) is not None]
        if given and "metrics" in arguments:
            raise ValueError(f"{given[0]} is given without metrics; give metrics, or leave it out")
        return
    if "metric_thresholds" in arguments and arguments["metric_thresholds"] is None:
        raise ValueError("metrics are given without metric_thresholds; give one threshold for each")
    columns = 1 if np.ndim(metrics) == 1 else metrics.shape[1]
    for name in each:
        if arguments.get(name) is not None and np.shape(arguments[name]) != (columns,):
            raise ValueError(f"{name} has shape {np.shape(arguments[name])} for {columns} metrics; expected one each")


def _longest_segment(arguments: Mapping[str, Any], displacement: np.ndarray, threshold: float) -> int:
    """Return the most frames in a row that the displacement alone would keep."""
    moved = np.nan_to_num(displacement) > threshold
    reach = np.ones(arguments.get("before", 0) + arguments.get("after", 0) + 1)
    dilated = np.convolve(moved, reach)[arguments.get("before", 0) :][: len(moved)] > 0
    return int(np.diff(np.flatnonzero(np.r_[True, dilated, True])).max()) - 1


Threshold = Annotated[float, Parameter(constraints.positive, unit="mm", help="largest displacement kept")]
SoftEdge = Annotated[
    float, Parameter(constraints.nonnegative, unit="mm", help="width of the soft edge; 0 is hard censoring")
]
MetricThresholds = Annotated[
    Float[Array, "metrics"] | None, Parameter(constraints.positive, help="largest value kept, of each metric")
]
MetricSoftness = Annotated[
    Float[Array, "metrics"] | None, Parameter(constraints.nonnegative, help="width of each metric's soft edge")
]
MetricShares = Annotated[
    Float[Array, "metrics"] | None,
    Parameter(constraints.unit_interval, help="how far each metric takes part: 0 not at all, 1 fully"),
]


def _censored(
    length: Any,
    framewise_displacement: Array,
    threshold: Any = 0.5,
    softness: Any = 0.0,
    metrics: Array | None = None,
    metric_thresholds: Array | None = None,
    metric_softness: Array | None = None,
    metric_shares: Array | None = None,
    before: int = 0,
    after: int = 0,
    min_segment: int = 1,
    straight_through: bool = False,
    exceeds: str = "any",
) -> Array:
    """Weight the frames as the block does; of a run that was filled up, the true `length` says where it ends."""
    columns = _columns(
        framewise_displacement, threshold, softness, metrics, metric_thresholds, metric_softness, metric_shares
    )
    measures, thresholds, softnesses, shares = columns
    around = _Around(len(measures) if length is None else length, before, after, min_segment, exceeds)
    soft = _weights(measures, thresholds, softnesses, shares, around)
    if not straight_through:
        return soft
    rounded = jnp.where(shares > 0.5, 1.0, 0.0)
    hard = _weights(measures, thresholds, jnp.zeros_like(softnesses), rounded, around)
    return jax.lax.stop_gradient(hard) + (soft - jax.lax.stop_gradient(soft))


@define(
    outputs=["frame_weights"],
    check=check,
    missing=["framewise_displacement", "metrics"],
    padding=by(_censored),
)
def Censor(
    framewise_displacement: Float[Array, "time"],
    threshold: Threshold = 0.5,
    softness: SoftEdge = 0.0,
    metrics: Float[Array, "time ..."] | None = None,
    metric_thresholds: MetricThresholds = None,
    metric_softness: MetricSoftness = None,
    metric_shares: MetricShares = None,
    before: int = 0,
    after: int = 0,
    min_segment: int = 1,
    straight_through: bool = False,
    exceeds: Literal["any", "all"] = "any",
) -> Float[Array, "time"]:
    r"""Weight each frame by its head motion, and other metrics if given: 1 is kept, 0 is censored.

    $$
    w_t = \sigma\Big(\frac{\tau - \text{FD}_t}{s}\Big) \to [\text{FD}_t \le \tau] \text{ as } s \to 0, \quad \sigma(z)
    = \frac{1}{1 + e^{-z}}
    $$

    The weight is the logistic function of (threshold - displacement) / softness. With softness 0 it is exactly
    1 where the displacement is at most the threshold and 0 elsewhere; the threshold then has no gradient, so learn it
    with a softness of, for example, 0.05 mm, or with `straight_through`. The first frame, which has no displacement
    (n/a), counts as still.

    Neighbours of censored frames: the displacement of a frame is taken as the largest in a window around it, or for a
    soft edge as the soft maximum, softness * log(sum(exp(displacement / softness))). Other metrics (DVARS, ...) are
    treated alike, and the weights multiplied, a metric's weight w entering as 1 - share (1 - w). `exceeds="all"` means
    that those frames are censored which exceed every threshold, 1 - (1 - w_1)(1 - w_2) ..., whose neighbours then have
    at most their weight. At last, kept segments shorter than `min_segment` are censored: each weight becomes the
    largest minimum in any such stretch around it. Two thresholds, one for filters and regression and a stricter one for
    the connectome, are two of these blocks. Sources: Power et al. (2012), doi:10.1016/j.neuroimage.2011.10.018; Power
    et al. (2014), doi:10.1016/j.neuroimage.2013.08.048.

    Parameters
    ----------
    framewise_displacement : (time,)
        In mm; from `FramewiseDisplacement`, or the column of that name of a confounds table.
    threshold : float
        In mm.
    softness : float
        In mm.
    metrics : (time,) or (time, metrics), optional
        Further measures of which large values are bad, for example `std_dvars` of `Dvars`.
    metric_thresholds : (metrics,)
        In the unit of each metric, above 0; needed with `metrics`.
    metric_softness : (metrics,), optional
        In the unit of each metric; by default 0, hard.
    metric_shares : (metrics,), optional
        In [0, 1]; by default 1.
    before, after : int
        How many frames before and after a censored one are censored, too.
    min_segment : int
        Smallest number of frames in a row that is kept.
    straight_through : bool
        Whether the weights are hard, exactly 0 or 1, while their derivatives are those of the soft ones.
    exceeds : {"any", "all"}
        Whether a frame is censored that exceeds the threshold of any measure, or of all of them.
    """
    return _censored(
        None,
        framewise_displacement,
        threshold,
        softness,
        metrics,
        metric_thresholds,
        metric_softness,
        metric_shares,
        before,
        after,
        min_segment,
        straight_through,
        exceeds,
    )


def _columns(
    framewise_displacement: Array,
    threshold: Any,
    softness: Any,
    metrics: Array | None,
    metric_thresholds: Array | None,
    metric_softness: Array | None,
    metric_shares: Array | None,
) -> tuple[Array, Array, Array, Array]:
    """Return the displacement and the other metrics as columns, with the threshold, softness and share of each."""
    displacement = jnp.asarray(framewise_displacement)
    settings = [(displacement[:, None], jnp.asarray(threshold)[None], jnp.asarray(softness)[None], jnp.ones(1))]
    if metrics is not None:
        assert metric_thresholds is not None
        columns = jnp.reshape(metrics, (len(displacement), -1)).astype(displacement.dtype)
        softnesses = jnp.zeros(columns.shape[1]) if metric_softness is None else metric_softness
        shares = jnp.ones(columns.shape[1]) if metric_shares is None else metric_shares
        settings.append((columns, metric_thresholds, softnesses, shares))
    measures, thresholds, softnesses, shares = (
        jnp.concatenate(parts, axis=-1).astype(displacement.dtype) for parts in zip(*settings, strict=True)
    )
    return jnp.where(jnp.isnan(measures), 0.0, measures), thresholds, softnesses, shares


class _Around(NamedTuple):
    """How frames decide about each other."""

    length: Any
    before: int
    after: int
    min_segment: int
    exceeds: str


def _weights(
    measures: Float[Array, "time metrics"],
    thresholds: Float[Array, "metrics"],
    softnesses: Float[Array, "metrics"],
    shares: Float[Array, "metrics"],
    around: _Around,
) -> Float[Array, "time"]:
    every = around.exceeds == "all"
    dilated = measures if every else _largest_around(measures, softnesses, around)
    width = jnp.where(softnesses > 0, softnesses, 1.0)
    soft = jax.nn.sigmoid((thresholds - dilated) / width)
    kept = jnp.where(softnesses > 0, soft, (dilated <= thresholds).astype(dilated.dtype))
    if every:
        excess = jnp.prod(1 - shares * kept, axis=1)[:, None]
        weights = 1 - _largest_around(excess, jnp.zeros(1, excess.dtype), around)[:, 0]
    else:
        weights = jnp.prod(1 - shares * (1 - kept), axis=1)
    return _without_short_segments(weights, around)


def _largest_around(measures: Array, softnesses: Array, around: _Around) -> Float[Array, "time metrics"]:
    """Return each frame's (soft) maximum over what is censored with it: `after` earlier and `before` later frames."""
    if around.before == around.after == 0:
        return measures
    step = np.arange(-around.after, around.before + 1)
    place = np.arange(len(measures))[:, None] + step
    exists = (((place >= 0) & (place < around.length)) | (step == 0))[:, :, None]  # a frame has at least itself
    window = measures[jnp.clip(place, 0, around.length - 1)]  # beyond the ends frames repeat, which changes no maximum
    largest = window.max(axis=1)
    width = jnp.where(softnesses > 0, softnesses, 1.0)
    top = jax.lax.stop_gradient(largest)
    soft = top + width * jnp.log(jnp.sum(exists * jnp.exp((window - top[:, None]) / width), axis=1))
    return jnp.where(softnesses > 0, soft, largest)


def _without_short_segments(weights: Float[Array, "time"], around: _Around) -> Float[Array, "time"]:
    """Open the weights, in the sense of morphology: erode by stretches of `min_segment` frames, then dilate by them."""
    frames, least = len(weights), around.min_segment
    if least == 1:
        return weights
    if least > frames:
        return jnp.zeros_like(weights)
    weights = jnp.where(np.arange(frames) < around.length, weights, 0.0)
    stretches = weights[np.arange(frames - least + 1)[:, None] + np.arange(least)].min(axis=1)
    padded = jnp.pad(stretches, least - 1)  # weights are never negative: zeros change no maximum
    return padded[np.arange(frames)[:, None] + np.arange(least)].max(axis=1)
