"""Leaving censored frames out, which makes a run shorter."""

from collections.abc import Mapping
from typing import Annotated, Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pydra_diffconn.blocks.checks import check_weighted
from pydra_diffconn.blocks.freedom import of_kept
from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define


def kept(arguments: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the frames with a weight above one half, counted from 0."""
    if arguments.get("frame_weights") is None:
        raise ValueError(
            "frame_weights come out of an earlier step; give frames=(0, 1, ...) so that their number is known"
        )
    return tuple(int(frame) for frame in np.flatnonzero(np.asarray(arguments["frame_weights"]) > 0.5))


@define(
    outputs=["timeseries"],
    linear_in="timeseries",
    acts_along="time",
    check=check_weighted,
    infer={"frames": kept},
    freedom=of_kept,
)
def KeepFrames(
    timeseries: Float[Array, "time space"],
    frame_weights: Annotated[Float[Array, "time"], constraints.unit_interval],
    frames: tuple[int, ...] | None = None,
) -> Float[Array, "..."]:
    """Leave out the censored frames, as AFNI's -cenmode KILL does; filters must come before.

    $$ y = (x_t)_{t : w_t > 0} $$

    Every later estimate is then one of the kept frames, but the weights have no gradient: weights that are learned
    belong into the later steps themselves. Runs with different frames kept have different lengths.

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per column.
    frame_weights : (time,)
        Frames with a weight above one half are kept.
    frames : tuple of int, optional
        The frames to keep, counted from 0, whatever the weights; known, since the length of the result follows.

    Returns
    -------
    timeseries : (frames, space)
        The kept frames.
    """
    assert frames is not None
    return timeseries[jnp.asarray(frames)]
