"""Frame weights from a list of frames, as other tools keep it."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.padding import EACH


def check(arguments: Mapping[str, Any]) -> None:
    """Refuse frames that are not there, named twice, or none at all."""
    series, frames = arguments.get("timeseries"), arguments.get("frames")
    if frames is None:
        return
    if len(frames) == 0:
        raise ValueError("frames names no frame, so that nothing would be kept; leave this run out")
    if len(np.unique(frames)) < len(frames):
        raise ValueError("frames names a frame twice; expected numbers of frames, not truth values or weights")
    if series is None:
        return
    outside = np.flatnonzero((frames < 0) | (frames >= len(series)))
    if outside.size:
        raise ValueError(f"frames names frame {frames[outside[0]]} of a run of {len(series)} frames, counted from 0")


@define(outputs=["frame_weights"], check=check, padding=EACH)
def MarkFrames(timeseries: Float[Array, "time space"], frames: Int[Array, "kept"]) -> Float[Array, "time"]:
    """Weight the frames of a list 1 and all others 0, as nilearn's `sample_mask` keeps them.

    $$ w_t = [t \\in F] $$

    Parameters
    ----------
    timeseries : (time, space)
        Series; only its length counts.
    frames : (kept,)
        Which frames are kept, counted from 0, for example the sample mask of `load_confounds`.
    """
    return jnp.zeros_like(timeseries[:, 0]).at[jnp.asarray(frames)].set(1.0)
