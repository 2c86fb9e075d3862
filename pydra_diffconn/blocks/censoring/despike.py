"""Spikes of single places, pulled towards a smooth curve that does not follow them."""

from collections.abc import Mapping
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pydra_diffconn.blocks.checks import check_weighted
from pydra_diffconn.blocks.series.standardize import weighted_median
from pydra_diffconn.blocks.shared_parameters import FrameWeights
from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.parameters import Parameter
from pydra_diffconn.numerics.dead_columns import is_alive
from pydra_diffconn.numerics.linalg import times
from pydra_diffconn.numerics.weights import total_weight, weights_of_frames

FRAMES_PER_WAVE = 30
TOGETHER = 256  # places whose curves are fitted at once
REWEIGHTED, NEWTON = 20, 15  # steps: the first come near from anywhere, the second reach the last digit
STEPS = 2.0 ** -np.arange(8)
SIGMA_PER_MAD = np.sqrt(np.pi / 2)  # as AFNI has it


def check(arguments: Mapping[str, Any]) -> None:
    """Refuse runs with too few frames for the curve, and limits in the wrong order."""
    waves, cut = arguments.get("waves"), (arguments.get("cut"), arguments.get("limit"))
    if waves is not None:
        if waves < 0:
            raise ValueError(f"waves = {waves}; expected 0 or more")
        check_weighted(arguments, least=4 + 2 * waves)
    smoothness = arguments.get("smoothness")
    if smoothness is not None and not smoothness > 0:
        raise ValueError(f"smoothness = {smoothness:g}; expected more than 0, or the curve has no derivative")
    if None not in cut and not cut[0] < cut[1]:  # type: ignore[operator]
        raise ValueError(f"cut = {cut[0]:g} is not below limit = {cut[1]:g}; spikes are brought between both")


def waves_of(arguments: Mapping[str, Any]) -> int:
    """Return one wave for every 30 frames."""
    return len(arguments["timeseries"]) // FRAMES_PER_WAVE


@define(outputs=["timeseries"], check=check, infer={"waves": waves_of}, skips=True)
def Despike(
    timeseries: Float[Array, "time space"],
    frame_weights: FrameWeights = None,
    cut: Annotated[
        float, Parameter(constraints.between(0.0, "limit"), help="standard deviations above which a value is a spike")
    ] = 2.5,
    limit: Annotated[
        float, Parameter(constraints.between("cut", 1e6), help="standard deviations that no value exceeds")
    ] = 4.0,
    smoothness: float = 0.05,
    waves: int | None = None,
) -> Float[Array, "time space"]:
    r"""Pull values that are far from a smooth curve nearer to it, each place by itself.

    $$
    y_t = f_t + \sigma \operatorname{sgn}(s_t)\, h(|s_t|), \quad s_t = \frac{x_t - f_t}{\sigma}, \quad h(s) =
    \begin{cases} s & s \le c_1 \\ c_1 + (c_2 - c_1) \tanh \frac{s - c_1}{c_2 - c_1} & s > c_1 \end{cases}
    $$

    The curve f is a parabola and L sines and cosines, sin(2 pi k t / T) and cos(2 pi k t / T), that minimise sum_t w_t
    sqrt((x_t - f_t)^2 + e^2): a sum of absolute deviations, which large spikes do not draw to them, rounded at its tip
    by e = smoothness times the spread about the least-squares curve, so that it has one minimum and a derivative. sigma
    is sqrt(pi / 2) times the median of |x - f|. Values below the cut stay exactly as they are. With smoothness near 0
    it is AFNI's `3dDespike` (c1, c2 of -cut, L of -corder, without -NEW), whose curve is that of least absolute
    deviations. A place that does not vary stays as it is. Source: Cox (1996), doi:10.1006/cbmr.1996.0014; help of
    3dDespike.

    Parameters
    ----------
    timeseries : (time, space)
        Series before any filter, one per voxel.
    frame_weights : (time,), optional
        Weights in [0, 1]: frames of weight 0 have no influence on the curve, and stay as they are.
    cut, limit : float
        In standard deviations; 0 < cut < limit.
    smoothness : float
        Above 0; small ones are nearer to least absolute deviations, but below 0.005 their minimum is hard to find.
    waves : int, optional
        L; by default one for every 30 frames.
    """
    assert waves is not None
    weights = weights_of_frames(timeseries, frame_weights).astype(timeseries.dtype)
    basis = jnp.asarray(_basis(len(timeseries), waves), timeseries.dtype)
    places = timeseries.shape[1]
    parts = -(-places // TOGETHER)

    def part(number: Array) -> Float[Array, "time some"]:
        start = jnp.minimum(number * TOGETHER, max(places - TOGETHER, 0))
        some = jax.lax.dynamic_slice_in_dim(timeseries, start, min(TOGETHER, places), axis=1)
        return _correction(some, weights, basis, cut, limit, smoothness)

    if parts == 1:
        return timeseries + part(jnp.zeros((), int))
    found = jax.lax.map(jax.checkpoint(part), jnp.arange(parts))
    whole, rest = found[:-1].swapaxes(0, 1).reshape(len(timeseries), -1), found[-1]
    return timeseries + jnp.concatenate([whole, rest[:, TOGETHER * parts - places :]], axis=1)


def _basis(frames: int, waves: int) -> np.ndarray:
    """Return an orthonormal basis of parabolas and waves, (time, terms)."""
    angle = 2 * np.pi * np.arange(frames)[:, None] * np.arange(1, waves + 1) / frames
    curved = np.polynomial.legendre.legvander(np.linspace(-1, 1, frames), 2)
    return np.linalg.qr(np.concatenate([curved, np.sin(angle), np.cos(angle)], axis=1))[0]


def _correction(series: Array, weights: Array, basis: Array, cut: Any, limit: Any, smoothness: Any) -> Array:
    """Return what is added to the values, 0 where they are no spikes."""
    centred = series - weights @ series / total_weight(weights)  # a large mean would cost single precision digits
    alive = is_alive(weights @ centred**2, weights @ series**2)
    rest = centred - times(basis, _curve(centred, weights, basis, alive, smoothness))
    sigma = SIGMA_PER_MAD * weighted_median(jnp.abs(rest), weights)
    solid = alive & (sigma > 0)
    sigma = jnp.where(solid, sigma, 1.0)
    score = jnp.abs(rest) / sigma
    room = limit - cut
    pulled = cut + room * jnp.tanh((score - cut) / room)
    spike = solid & (score > cut) & (weights[:, None] > 0)  # nothing holds the curve where no frame has a weight
    return jnp.where(spike, jnp.sign(rest) * (pulled - score) * sigma, 0.0).astype(series.dtype)


def _curve(
    series: Float[Array, "time some"], weights: Array, basis: Array, alive: Array, smoothness: Any
) -> Float[Array, "terms some"]:
    """Return the coefficients of the curve of least rounded absolute deviations."""
    weighted = jnp.broadcast_to(weights[:, None], series.shape)
    start = _solved(basis, weighted, times(basis.T, weighted * series))
    spread = weights @ (series - times(basis, start)) ** 2 / total_weight(weights)
    tip = smoothness * jnp.sqrt(jnp.where(alive & (spread > 0), spread, 1.0))
    found = _minimum(*jax.lax.stop_gradient((series, weights, basis, tip, start)))
    # a step of Newton's from the minimum has the derivatives of the minimum; nothing else of it is added
    slope, bend, _ = _slopes(found, series, weights, basis, tip)
    step = _solved(basis, jax.lax.stop_gradient(bend), times(basis.T, slope))
    return found + step - jax.lax.stop_gradient(step)


def _minimum(series: Array, weights: Array, basis: Array, tip: Array, start: Array) -> Float[Array, "terms some"]:
    """Minimise the rounded absolute deviations, by reweighted least squares and then by Newton's steps."""

    def reweighted(_: Any, found: Array) -> Array:
        density = weights[:, None] / jnp.sqrt((series - times(basis, found)) ** 2 + tip**2)
        return _solved(basis, density, times(basis.T, density * series))

    def newton(_: Any, found: Array) -> Array:
        slope, bend, now = _slopes(found, series, weights, basis, tip)
        step = _solved(basis, bend, times(basis.T, slope))
        totals = jnp.stack([_slopes(found + length * step, series, weights, basis, tip)[2] for length in STEPS])
        # the longest step that is as good as the best one, to rounding: sums cannot tell the last digits apart
        rounding = 10 * jnp.finfo(series.dtype).eps
        good = totals <= jnp.minimum(totals.min(axis=0), now) * (1 + rounding)
        length = jnp.where(good.any(axis=0), jnp.asarray(STEPS, series.dtype)[jnp.argmax(good, axis=0)], 0.0)
        return found + length * step

    return jax.lax.fori_loop(0, NEWTON, newton, jax.lax.fori_loop(0, REWEIGHTED, reweighted, start))


def _slopes(found: Array, series: Array, weights: Array, basis: Array, tip: Array) -> tuple[Array, Array, Array]:
    """Return the slope and the bend of the deviations at each frame, and their sum."""
    rest = series - times(basis, found)
    size = jnp.sqrt(rest**2 + tip**2)
    seen = weights[:, None]
    return seen * rest / size, seen * tip**2 / size**3, jnp.sum(seen * size, axis=0)


def _solved(basis: Array, density: Float[Array, "time some"], right: Float[Array, "terms some"]) -> Array:
    """Solve B' diag(density) B x = right for each column."""
    frames, terms = basis.shape
    pairs = (basis[:, :, None] * basis[:, None, :]).reshape(frames, -1)
    matrix = times(density.T, pairs).reshape(-1, terms, terms)
    trace = jnp.trace(matrix, axis1=1, axis2=2)[:, None, None]
    least = 10 * jnp.finfo(density.dtype).eps * trace  # where frames without weight leave terms undetermined
    matrix = matrix + jnp.where(trace > 0, least, 1.0) * jnp.eye(terms, dtype=density.dtype)
    return jnp.linalg.solve(matrix, right.T[:, :, None])[:, :, 0].T
