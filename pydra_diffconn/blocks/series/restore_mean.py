"""Giving filtered series their mean again."""

from jaxtyping import Array, Float

from pydra_diffconn.declare.block import define


@define(outputs=["timeseries"], skips=True)
def RestoreMean(
    timeseries: Float[Array, "time space"], reference: Float[Array, "frames space"]
) -> Float[Array, "time space"]:
    r"""Add the mean of a reference to each column: before percent signal change of series that were filtered.

    $$ y_t = x_t + \frac{1}{F} \sum_{f=1}^{F} r_f $$

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per column.
    reference : (frames, space)
        The series as they were, of any length.
    """
    return timeseries + reference.mean(axis=0)
