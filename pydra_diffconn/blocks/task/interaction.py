"""Connectivity that changes with the task: generalised psychophysiological interactions."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from pydra_diffconn.blocks.shared_parameters import FrameWeights
from pydra_diffconn.blocks.task.amplitudes import Confounds, check, residuals
from pydra_diffconn.declare.block import define
from pydra_diffconn.numerics.design import least_squares
from pydra_diffconn.numerics.weights import weights_of_frames


@define(outputs=["interactions"], check=check, missing=["confounds"], padding="frame_weights")
def PsychophysiologicalInteraction(
    timeseries: Float[Array, "time parcels"],
    design: Float[Array, "time regressors"],
    confounds: Confounds = None,
    frame_weights: FrameWeights = None,
) -> Float[Array, "regressors parcels parcels"]:
    r"""Estimate how much stronger each parcel's connection to each other one is during each condition (gPPI).

    $$ x_j = \sum_c \gamma_{cij}\, d_c x_i + \alpha_{ij} x_i + \sum_c \beta_{cij}\, d_c + \text{confounds} + \mu_{ij} $$

    A model for each seed i, by (weighted) least squares: its series, all conditions, and the product of its series
    with each condition. The coefficients of the products are the interactions, in units of the target for each unit
    of seed and regressor. Whether a condition or the seed is centred does not matter, since both are in the model. As
    in CONN and FSL the product is that of the observed series; a deconvolution, as SPM has it, is not made. That of a
    seed with itself is 0. Source: McLaren et al. (2012), doi:10.1016/j.neuroimage.2012.03.068.

    Parameters
    ----------
    timeseries : (time, parcels)
        Series, one per parcel.
    design : (time, regressors)
        From `SpmDesign` or `GloverDesign`.
    confounds : (time, confounds), optional
        Fitted beside it, each centred; the first row may be missing and is then the second one.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`.

    Returns
    -------
    interactions : (regressors, parcels, parcels)
        From seeds (second axis) to targets (third axis); not symmetric.
    """
    common = design if confounds is None else jnp.concatenate([confounds, design], axis=1)
    # what does not vary around its mean multiplies the seed by a constant: the product of deviations is rounding
    weights = weights_of_frames(timeseries, frame_weights)
    share = weights / jnp.where(weights.sum() > 0, weights.sum(), 1.0)
    seeds, conditions = timeseries - share @ timeseries, design - share @ design
    count = design.shape[1] + 1
    products = jnp.concatenate([seeds[:, :, None] * conditions[:, None], seeds[:, :, None]], axis=2)
    targets, own, size = residuals(timeseries, products.reshape(len(seeds), -1), common, frame_weights)

    def one(seed: tuple[Array, Array]) -> Array:
        return least_squares(*seed, targets)[:-1]

    each = jnp.moveaxis(own.reshape(len(seeds), -1, count), 1, 0), size.reshape(-1, count)
    return jnp.moveaxis(jax.lax.map(one, each), 0, 1)
