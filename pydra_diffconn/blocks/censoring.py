"""The one temporal mask: frame weights made from head motion, used by every later estimator."""

from collections.abc import Mapping
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pydra_diffconn import constraints
from pydra_diffconn.block import define
from pydra_diffconn.parameters import Parameter


def check(arguments: Mapping[str, Any]) -> None:
    """Refuse missing displacements after the first frame, and thresholds that keep nothing."""
    displacement = arguments.get("framewise_displacement")
    if displacement is None:
        return
    missing = np.flatnonzero(~np.isfinite(displacement))
    if missing.size and missing[-1] > 0:
        raise ValueError(
            f"framewise_displacement is missing in frame {missing[missing > 0][0]}; only the first may be (n/a)"
        )
    threshold, softness = arguments.get("threshold"), arguments.get("softness")
    if threshold is not None and softness == 0 and not np.any(np.nan_to_num(displacement) <= threshold):
        raise ValueError(
            f"no frame has a displacement of {threshold:g} mm or less (smallest: {np.nanmin(displacement):.3g} mm); "
            "raise the threshold or leave this run out"
        )


@define(outputs=["frame_weights"], check=check)
def Censor(
    framewise_displacement: Float[Array, "time"],
    threshold: Annotated[float, Parameter(constraints.positive, unit="mm", help="largest displacement kept")] = 0.5,
    softness: Annotated[
        float, Parameter(constraints.nonnegative, unit="mm", help="width of the soft edge; 0 is hard censoring")
    ] = 0.0,
) -> Float[Array, "time"]:
    """Weight each frame by its head motion: 1 is kept, 0 is censored.

    The weight is the logistic function of (threshold - displacement) / softness. With softness 0 it is exactly
    1 where the displacement is at most the threshold and 0 elsewhere; the threshold then has no gradient, so learn it
    with a softness of, for example, 0.05 mm. The first frame, which has no displacement (n/a), counts as still.
    Source: Power et al. (2012), doi:10.1016/j.neuroimage.2011.10.018.

    Parameters
    ----------
    framewise_displacement : (time,)
        In mm; from a confounds table, the column of that name.
    threshold : float
        In mm.
    softness : float
        In mm.
    """
    displacement = jnp.where(jnp.isnan(framewise_displacement), 0.0, framewise_displacement)
    width = jnp.where(softness > 0, softness, 1.0)
    soft = jax.nn.sigmoid((threshold - displacement) / width)
    hard = (displacement <= threshold).astype(displacement.dtype)
    return jnp.where(softness > 0, soft, hard).astype(displacement.dtype)
