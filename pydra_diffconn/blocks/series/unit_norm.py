"""Series of length one."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.padding import EACH


@define(outputs=["timeseries"], acts_along="time", padding=EACH)
def UnitNorm(timeseries: Float[Array, "time space"]) -> Float[Array, "time space"]:
    r"""Divide each column by the root of its sum of squares, as AFNI's option -norm does.

    $$ y_t = x_t \Big/ \sqrt{\textstyle\sum_u x_u^2} $$

    A column of zeros stays so and has no gradient; others are not centred. Of series without mean the products are
    correlations.

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per column.
    """
    largest = jnp.max(jnp.abs(timeseries), axis=0)
    scaled = timeseries / jnp.where(largest > 0, largest, 1.0)  # squares of very small numbers would vanish
    square = jnp.sum(scaled**2, axis=0)
    return jnp.where(largest > 0, scaled / jnp.sqrt(jnp.where(largest > 0, square, 1.0)), 0.0)
