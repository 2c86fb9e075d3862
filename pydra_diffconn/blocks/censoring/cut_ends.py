"""Which frames lie between the first and the last kept one: beyond them nothing is known to fill frames in from."""

from typing import Annotated

import jax.numpy as jnp
from jaxtyping import Array, Float

from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define


@define(outputs=["frame_weights"], padding="frame_weights")
def CutEnds(frame_weights: Annotated[Float[Array, "time"], constraints.unit_interval]) -> Float[Array, "time"]:
    r"""Weight the frames from the first to the last kept one 1, and those before and after 0.

    $$ e_t = \Big(1 - \prod_{s \le t} (1 - w_s)\Big) \Big(1 - \prod_{s \ge t} (1 - w_s)\Big) $$

    Give it to `Detrend` and `ButterworthFiltFilt`, which then see the run as if censored frames at its ends had been
    cut off, as nilearn's `clean(extrapolate=False)` does. Frames censored in between count: `Interpolate` fills them
    in. With weights between 0 and 1 it says how far there are kept frames on both sides, of which a filter takes all
    that are not exactly 0. Without any weight it is 0.

    Parameters
    ----------
    frame_weights : (time,)
        Weights in [0, 1], from `Censor`.
    """
    weights = jnp.asarray(frame_weights)
    before = 1 - jnp.cumprod(1 - weights)
    return before * (1 - jnp.cumprod((1 - weights)[::-1])[::-1])
