"""Drift, frequencies and confounds removed together, by one projection: AFNI's 3dTproject."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pydra_diffconn.blocks.checks import check_band, check_table, check_weighted
from pydra_diffconn.blocks.filtering.filtfilt import OptionalHigh, OptionalLow
from pydra_diffconn.blocks.freedom import of_band, without
from pydra_diffconn.blocks.shared_parameters import FrameWeights
from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.freedom import Freedom, regresses
from pydra_diffconn.declare.padding import only
from pydra_diffconn.declare.parameters import Parameter
from pydra_diffconn.numerics.design import filled_first_row, gated_inverse, unit_design
from pydra_diffconn.numerics.weights import total_weight, weights_of_frames

MARGIN = 1e-4  # Hz: the stop bands of 3dTproject end so far from the pass band
SHARE = 1 / 6  # of the step between frequencies, by which its stop bands shrink before their ends are rounded


def check(arguments: Mapping[str, Any]) -> None:
    """Refuse what cannot be projected: missing values, tables of other lengths, bands without tr, nothing left."""
    check_weighted(arguments)
    check_table(arguments)
    check_band({name: arguments.get(name) for name in ("tr", "low")})
    low, high, stopbands = arguments.get("low"), arguments.get("high"), arguments.get("stopbands", ())
    if low is not None and high is not None and not 0 <= low < high:
        raise ValueError(f"low = {low:g} Hz and high = {high:g} Hz are no band; expected 0 <= low < high")
    if any(len(band) != 2 or not 0 <= band[0] < band[1] for band in stopbands):
        raise ValueError(f"stopbands = {stopbands}; expected pairs of frequencies in Hz, the lower one first")
    banded = low is not None or high is not None or len(stopbands) > 0
    if banded and "tr" in arguments and arguments["tr"] is None:
        raise ValueError("a band is given without tr; give the repetition time in seconds")
    if arguments.get("degree", 2) < -1:
        raise ValueError(f"degree = {arguments['degree']}; expected -1 (no polynomials) or more")


@regresses("confounds")
def taken(arguments: Mapping[str, Any], known: Mapping[str, Freedom]) -> Freedom:
    """Count polynomials, sines and cosines outside a sharp band, and confounds; a soft band leaves its share."""
    series, tr, confounds = known["timeseries"], arguments.get("tr"), arguments.get("confounds")
    low, high, stopbands = (arguments.get(name) for name in ("low", "high", "stopbands"))
    banded = (low is not None or high is not None or bool(stopbands)) and tr is not None
    count = max(arguments.get("degree", 2), 0 if banded else -1) + 1.0
    if banded and not arguments.get("softness"):
        frames = arguments["timeseries"].shape[0]
        gates = stopped(frames, tr, low, high, 0.0, stopbands or ())
        count += float(gates[sines(frames)[0] - 1].sum())
    elif banded:
        series = of_band(arguments, known)
    left = without(series, count + (0 if confounds is None else confounds.shape[1]))
    return replace(left, filtered=left.filtered or banded)


@define(
    outputs=["timeseries"],
    linear_in="timeseries",
    acts_along="time",
    check=check,
    missing=["confounds"],
    freedom=taken,
    padding=only("frame_weights", lambda given: given["low"] is None and given["high"] is None),
)
def ProjectOut(
    timeseries: Float[Array, "time space"],
    confounds: Float[Array, "time regressors"] | None = None,
    frame_weights: FrameWeights = None,
    tr: float | None = None,
    low: OptionalLow = None,
    high: OptionalHigh = None,
    softness: Annotated[
        float, Parameter(constraints.nonnegative, unit="Hz", help="width of the soft ends of the band; 0 is sharp")
    ] = 0.0,
    degree: int = 2,
    stopbands: tuple[tuple[float, float], ...] = (),
    censored: Literal["residual", "zero"] = "residual",
) -> Float[Array, "time space"]:
    r"""Subtract what polynomials, frequencies outside a band and confounds explain together, by one projection.

    $$
    y = x - B \big(B^\top W B + \Lambda\big)^{+} B^\top W x, \quad B = [\text{polynomials}, \text{stopped waves},
    \text{confounds}]
    $$

    The regressors are Legendre polynomials, the sines and cosines of those frequencies k / (T tr) that are stopped, and
    the confounds; they are fitted together on the weighted frames, so that a run with censored frames is filtered, too,
    and no step brings back what another removed. Equals AFNI's 3dTproject (with an exact pseudo-inverse), also in which
    frequencies count as stopped: those from the lowest to low - 0.0001 Hz and from high + 0.0001 Hz on, both ends
    rounded to whole k after they were moved inwards by a sixth of a step. With a softness each frequency is removed
    as far as 1 - s((f - low) / softness) s((high - f) / softness) says, s the logistic function, by a ridge penalty of
    its own (see `Detrend`); `low` and `high` then have gradients. With a band the mean is removed, whatever the degree.
    A column that is explained altogether becomes zero up to rounding. Source: 3dTproject -help.

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per column.
    confounds : (time, regressors), optional
        Each loses its mean over all frames; collinear ones are harmless.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`.
    tr : float, optional
        Repetition time in seconds; needed with a band.
    low, high : float, optional
        Ends of the band that is kept, in Hz; without one of them it has no such end.
    softness : float
        In Hz.
    degree : int
        Of the polynomials; 0 removes the mean, -1 nothing.
    stopbands : tuple of (float, float)
        Further bands that are removed, in Hz.
    censored : {"residual", "zero"}
        What censored frames become: what the fit leaves of them, or zero (the residual times the weight).
    """
    banded = low is not None or high is not None or len(stopbands) > 0
    degree = max(degree, 0) if banded else degree
    gate = None if not banded else stopped(len(timeseries), tr, low, high, softness, stopbands)
    design, gates = _regressors(len(timeseries), degree, gate, confounds)
    design, gates = design.astype(timeseries.dtype), gates.astype(timeseries.dtype)
    weights = weights_of_frames(timeseries, frame_weights)
    if degree >= 0:  # a large mean costs single precision digits
        timeseries = timeseries - weights @ timeseries / total_weight(weights)
    series, root, design = unit_design(timeseries, design, weights, intercept=False)
    inverse = gated_inverse(root * design, gates, jnp.ones((), design.dtype))
    residual = series - design @ (inverse @ (root * series))
    return residual * weights[:, None] if censored == "zero" else residual


def _regressors(
    frames: int, degree: int, gate: Array | None, confounds: Array | None
) -> tuple[Float[Array, "time regressors"], Float[Array, "regressors"]]:
    """Return polynomials, sines and cosines, and confounds, and how far each is removed."""
    columns = [
        jnp.asarray(np.polynomial.legendre.legvander(np.linspace(-1, 1, frames), max(degree, 0)))[:, : degree + 1]
    ]
    gates = [jnp.ones(degree + 1)]
    if gate is not None:
        number, waves = sines(frames)
        columns.append(jnp.asarray(waves))
        gates.append(gate[number - 1])
    if confounds is not None:
        filled = filled_first_row(confounds, "copy_second")
        columns.append(filled - filled.mean(axis=0))
        gates.append(jnp.ones(filled.shape[1]))
    return jnp.concatenate(columns, axis=1), jnp.concatenate(gates)


def sines(frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the periods in the run and the values of all its sines and cosines; one at half the sampling rate."""
    number = np.repeat(np.arange(1, frames // 2 + 1), 2)
    phase = 2 * np.pi * np.arange(frames)[:, None] * number / frames
    waves = np.where(np.arange(len(number)) % 2 == 0, np.cos(phase), np.sin(phase))
    keep = slice(None, -1 if frames % 2 == 0 else None)
    return number[keep], waves[:, keep]


def stopped(
    frames: int, tr: Any, low: Any, high: Any, softness: Any, stopbands: tuple[Any, ...] = ()
) -> Float[Array, "frequencies"]:
    """Return how far each frequency k / (T tr), k from 1 to T / 2, is removed."""
    number, step = np.arange(1, frames // 2 + 1), 1 / (frames * jnp.asarray(tr))
    bands = [(0.0, low - MARGIN)] if low is not None else []
    bands += [(high + MARGIN, jnp.inf)] if high is not None else []
    sharp = _inside(number, step, [*bands, *stopbands])
    width = jnp.where(jnp.asarray(softness) > 0, softness, 1.0)
    kept: Any = 1.0
    if low is not None:
        kept = kept * jax.nn.sigmoid((number * step - low) / width)
    if high is not None:
        kept = kept * jax.nn.sigmoid((high - number * step) / width)
    soft = jnp.maximum(1 - kept, _inside(number, step, stopbands))
    return jnp.where(jnp.asarray(softness) > 0, soft, sharp)


def _inside(number: np.ndarray, step: Any, bands: Any) -> Float[Array, "frequencies"]:
    found = jnp.zeros(len(number))
    for bottom, top in bands:
        first, last = jnp.round(bottom / step + SHARE), jnp.round(top / step - SHARE)
        found = jnp.where((number >= first) & (number <= last), 1.0, found)
    return found
