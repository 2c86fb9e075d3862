"""Numbers out of files, for steps that take no files."""

from jaxtyping import Array, Float

from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.padding import EACH


@define(outputs=["timeseries"], linear_in="timeseries", writes=False, padding=EACH)
def AsArray(timeseries: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return the series in a file as an array; an array stays what it is.

    $$ y = x $$

    Blocks give files where they are given files. This one stands before a step of somebody else that takes arrays.

    Parameters
    ----------
    timeseries : (time, space)
        An array, a table or an image.
    """
    return timeseries
