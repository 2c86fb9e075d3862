"""Removing what confounds explain: ordinary, weighted or ridge regression."""

from typing import Annotated, Literal

from jaxtyping import Array, Float

from pydra_diffconn.blocks.checks import check_table
from pydra_diffconn.blocks.freedom import of_regression
from pydra_diffconn.blocks.shared_parameters import FrameWeights
from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.parameters import Parameter
from pydra_diffconn.numerics.design import unit_design
from pydra_diffconn.numerics.linalg import ridge_inverse


@define(
    outputs=["timeseries"],
    linear_in="timeseries",
    acts_along="time",
    check=check_table,
    missing=["confounds"],
    freedom=of_regression(),
    padding="frame_weights",
)
def RegressConfounds(
    timeseries: Float[Array, "time space"],
    confounds: Float[Array, "time regressors"],
    frame_weights: FrameWeights = None,
    penalty: Annotated[
        float, Parameter(constraints.nonnegative, help="ridge on confounds scaled to unit norm; 0 is least squares")
    ] = 0.0,
    intercept: bool = True,
    first_row: Literal["copy_second", "zero"] = "copy_second",
) -> Float[Array, "time space"]:
    r"""Subtract what the confounds explain, estimated on the weighted frames and removed from all.

    $$ y = x - C (C^\top W C + \lambda I)^{-1} C^\top W (x - m), \quad C \text{ centred, of unit weighted norm} $$

    Solves min_b sum_t w_t (y_t - x_t b)^2 + penalty |b|^2 with each confound centred (if `intercept`) and scaled to
    unit weighted norm, so that the penalty has no unit. Collinear and constant confounds are harmless. The mean of the
    series is kept. Equals numpy's least squares, scikit-learn's Ridge and `nilearn.signal.clean` (its regression).

    Filter the confounds as the series was filtered, or regress first: confounds that were not filtered put frequencies
    back into a series that was (Hallquist, Hwang, Luna 2013, doi:10.1016/j.neuroimage.2013.05.116).

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per column.
    confounds : (time, regressors)
        Confounds; the first row may be missing (n/a of derivatives), see `first_row`.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`.
    penalty : float
        Ridge penalty, at least 0.
    intercept : bool
        Whether the confounds are centred first.
    first_row : {"copy_second", "zero"}
        What stands for a missing first row: the second one (as nilearn does) or zeros (as XCP-D does).
    """
    centred, root, design = unit_design(timeseries, confounds, frame_weights, intercept, first_row)
    coefficients = ridge_inverse(root * design, penalty) @ (root * centred)
    return timeseries - design @ coefficients
