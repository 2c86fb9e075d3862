"""Bringing people into one space: by rotation or transport onto a target, and a response that all share."""

from collections.abc import Mapping
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp
from jaxtyping import Array, Float

from pydra_diffconn.blocks.checks import check_series
from pydra_diffconn.blocks.confounds.compcor import CompCor
from pydra_diffconn.blocks.shared_parameters import FrameWeights
from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.parameters import Parameter
from pydra_diffconn.numerics.linalg import nearest_rotation
from pydra_diffconn.numerics.weights import total_weight, weights_of_frames


@define(outputs=["timeseries", "rotation"], check=check_series, padding="frame_weights")
def Procrustes(
    timeseries: Float[Array, "time parcels"],
    target: Float[Array, "time parcels"],
    frame_weights: FrameWeights = None,
    scale: bool = False,
) -> tuple[Float[Array, "time parcels"], Float[Array, "parcels parcels"]]:
    r"""Rotate (and reflect) the parcels of one person so that the series come nearest to a target (hyperalignment).

    $$ y = x R, \quad R = U V^\top \text{ with } X^\top W Y = U S V^\top $$

    The rotation R minimises sum_t w_t |x_t R - y_t|^2: the orthogonal matrix nearest to X'WY. Equals
    `scipy.linalg.orthogonal_procrustes`. Its gradient is finite at equal singular values; with fewer usable frames than
    parcels many rotations are equally near, and it is that of one of them held where the data do not determine it.
    Source: Schönemann (1966), doi:10.1007/BF02289451; Haxby et al. (2011), doi:10.1016/j.neuron.2011.08.026.

    Parameters
    ----------
    timeseries : (time, parcels)
        Series while the same is seen or heard as in the target, centred first where means differ.
    target : (time, parcels)
        Another person's series, or a template.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`.
    scale : bool
        Whether the aligned series are also multiplied by the one number that brings them nearest.

    Returns
    -------
    timeseries : (time, parcels)
        The aligned series.
    rotation : (parcels, parcels)
        Orthogonal; rotates other series of the same person too.
    """
    weights = weights_of_frames(timeseries, frame_weights)
    weighted = weights[:, None] * timeseries
    shared = weighted.T @ target
    rotation = nearest_rotation(shared)
    aligned = timeseries @ rotation
    if scale:
        size = jnp.sum(weighted * timeseries)
        aligned = aligned * jnp.where(size > 0, jnp.sum(shared * rotation) / jnp.where(size > 0, size, 1.0), 1.0)
    return aligned, rotation


@define(outputs=["timeseries", "plan"], check=check_series)
def TransportAlignment(
    timeseries: Float[Array, "time parcels"],
    target: Float[Array, "time parcels"],
    frame_weights: FrameWeights = None,
    temperature: Annotated[
        float, Parameter(constraints.above(0.0), help="of the plan; near 0 each parcel goes to one of the target")
    ] = 0.05,
    iterations: int = 200,
) -> tuple[Float[Array, "time parcels"], Float[Array, "parcels parcels"]]:
    r"""Move the parcels of one person to those of a target at least cost, each split among several (optimal transport).

    $$
    \min_{P \ge 0} \sum_{ij} P_{ij} C_{ij} + \tau \sum_{ij} P_{ij} \log P_{ij}, \quad C_{ij} \propto \sum_t w_t
    (x_{ti} - y_{tj})^2, \quad P 1 = P^\top 1 = \tfrac{1}{p} 1
    $$

    The cost of moving parcel i to j is sum_t w_t (x_ti - y_tj)^2 over its mean, and the plan minimises the cost less
    temperature times the plan's entropy, by Sinkhorn's iterations on logarithms. An aligned series is a weighted mean
    of series, never a difference as a rotation gives. If all series are equal, each goes everywhere. Source: Cuturi
    (2013), Advances in Neural Information Processing Systems 26; Bazeille et al. (2019),
    doi:10.1007/978-3-030-20351-1_18.

    Parameters
    ----------
    timeseries : (time, parcels)
        Series while the same is seen or heard as in the target; scale both alike.
    target : (time, parcels)
        Another person's series, or a template.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`.
    temperature : float
        Above 0, in units of the mean cost.
    iterations : int
        More where the temperature is low.

    Returns
    -------
    timeseries : (time, parcels)
        The aligned series.
    plan : (parcels, parcels)
        How much of each parcel makes each of the target's; columns sum to 1, rows too as far as it has converged.
    """
    weights = weights_of_frames(timeseries, frame_weights)
    # what all parcels have in common in a frame is no part of the cost, and may be large
    near, there = (series - target.mean(axis=1, keepdims=True) for series in (timeseries, target))
    cost = (weights @ near**2)[:, None] + weights @ there**2 - 2 * (weights[:, None] * near).T @ there
    mean = cost.mean()
    share = -cost / (jnp.where(mean > 0, mean, 1.0) * temperature)

    @jax.checkpoint
    def balance(columns: Array, _: None) -> tuple[Array, Array]:
        rows = -logsumexp(share + columns, axis=1)
        return -logsumexp(share + rows[:, None], axis=0), rows

    columns, rows = jax.lax.scan(balance, jnp.zeros_like(cost[0]), None, length=iterations)
    plan = jnp.exp(share + rows[-1][:, None] + columns)
    return timeseries @ plan, plan


def check_shared(arguments: Mapping[str, Any]) -> None:
    """Refuse more components than parcels or frames."""
    series, weights = arguments.get("series"), arguments.get("frame_weights")
    if series is None:
        return
    if arguments.get("iterations", 1) < 1:
        raise ValueError(f"iterations = {arguments['iterations']}; expected at least 1")
    frames, parcels = np.shape(series)[1:]
    usable = frames if weights is None else int(np.sum(np.asarray(weights) > 0))
    components, most = arguments.get("components", 1), min(parcels, usable - 1)
    if not 1 <= components <= most:
        raise ValueError(
            f"components = {components} of {parcels} parcels in {usable} usable frames; expected 1 to {most}"
        )


@define(outputs=["shared", "bases"], check=check_shared)
def SharedResponse(
    series: Float[Array, "subjects time parcels"],
    frame_weights: FrameWeights = None,
    components: int = 10,
    iterations: int = 10,
) -> tuple[Float[Array, "time components"], Float[Array, "subjects parcels components"]]:
    r"""Find the response that people share while they see or hear the same, and each one's basis for it.

    $$ \min_{S, W_i} \sum_i \| X_i - S W_i^\top \|^2, \quad W_i^\top W_i = I $$

    The deterministic shared response model: minimise sum_i |X_i - S W_i'|^2 with orthonormal W_i, by turns, from the
    principal components of all series. Series are centred. A person without variance has some orthonormal basis, and no
    gradient. Source: Chen et al. (2015), Advances in Neural Information Processing Systems 28.

    Parameters
    ----------
    series : (subjects, time, parcels)
        All people's series; parcels need not correspond between them.
    frame_weights : (time,), optional
        Weights in [0, 1]; frames of weight 0 get a shared response and have no influence on the bases.
    components : int
        At most as many as parcels.
    iterations : int
        Turns.

    Returns
    -------
    shared : (time, components)
        The mean over people of X_i W_i.
    bases : (subjects, parcels, components)
        Orthonormal columns: X_i W_i is person i in the shared space.
    """
    weights = jnp.ones_like(series[0, :, 0]) if frame_weights is None else frame_weights
    centred = series - jnp.einsum("t,itp->ip", weights, series)[:, None] / total_weight(weights)
    side_by_side = jnp.moveaxis(centred, 0, 1).reshape(len(weights), -1)
    start = CompCor.pure(side_by_side, jnp.ones_like(side_by_side[0]), weights, components, standardize=False)

    def bases(shared: Array) -> Array:
        return jax.vmap(nearest_rotation)(jnp.einsum("itp,t,tk->ipk", centred, weights, shared))

    def turn(shared: Array, _: None) -> tuple[Array, None]:
        return jnp.einsum("itp,ipk->tk", centred, bases(shared)) / len(series), None

    # the last turn once more, so that shared and bases belong together
    before = jax.lax.scan(turn, start, length=iterations - 1)[0]
    final = bases(before)
    return jnp.einsum("itp,ipk->tk", centred, final) / len(series), final
