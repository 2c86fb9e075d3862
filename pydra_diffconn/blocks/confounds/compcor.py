"""Confounds from the image itself: the mean signal of a tissue, and its principal components (CompCor)."""

from collections.abc import Mapping
from typing import Annotated, Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pydra_diffconn.blocks.shared_parameters import FrameWeights
from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.parameters import Parameter
from pydra_diffconn.numerics.dead_columns import is_alive
from pydra_diffconn.numerics.leading import leading
from pydra_diffconn.numerics.weights import total_weight, weights_of_frames

Tissue = Annotated[
    Float[Array, "space"], Parameter(constraints.nonnegative, help="weight of each voxel: a mask or a probability")
]


def check(arguments: Mapping[str, Any]) -> None:
    """Refuse a tissue without voxels, and more components than there can be."""
    series, tissue, weights = (arguments.get(name) for name in ("timeseries", "tissue", "frame_weights"))
    if tissue is not None and not np.any(np.asarray(tissue) > 0):
        raise ValueError("tissue has no voxel with a weight above 0: the mask does not overlap these data")
    if series is None:
        return
    usable = len(series) if weights is None else int(np.sum(np.asarray(weights) > 0))
    voxels = series.shape[1] if tissue is None else int(np.sum(np.asarray(tissue) > 0))
    components = arguments.get("components")
    if components is not None and not 1 <= components <= min(usable - 1, voxels):
        raise ValueError(
            f"components = {components} of {voxels} voxels in {usable} usable frames; "
            f"expected 1 to {min(usable - 1, voxels)}"
        )


@define(outputs=["confounds"], linear_in="timeseries", acts_along="space", check=check)
def TissueMean(timeseries: Float[Array, "time space"], tissue: Tissue) -> Float[Array, "time 1"]:
    r"""Average the signal over a tissue, each voxel with its weight: global signal, white matter, fluid.

    $$ c_t = \frac{\sum_v a_v x_{tv}}{\sum_v a_v} $$

    Equals `nilearn.maskers.NiftiLabelsMasker` on a mask. A tissue without any weight gives zeros.

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per voxel, before any scaling.
    tissue : (space,)
        Weights, at least 0; they are divided by their sum.
    """
    total = jnp.sum(tissue)
    solid = total > 0
    share = jnp.where(solid, tissue / jnp.where(solid, total, 1.0), 0.0)
    return (timeseries @ share.astype(timeseries.dtype))[:, None]


@define(outputs=["confounds"], check=check, padding="frame_weights")
def CompCor(
    timeseries: Float[Array, "time space"],
    tissue: Tissue,
    frame_weights: FrameWeights = None,
    components: int = 5,
    standardize: bool = True,
) -> Float[Array, "time components"]:
    r"""Find the strongest principal components of a tissue's series, as confounds.

    $$ W^{1/2} (X - m) A^{1/2} = U S V^\top, \quad \text{confounds} = W^{-1/2}\, U_{1 \dots k} $$

    They are the left singular vectors of the centred (and standardised) series, of unit weighted norm, strongest first,
    each with the sign that makes its largest value positive. Equals `nilearn.signal.high_variance_confounds` on the
    voxels it selects (there without standardising), scikit-learn's PCA and fMRIPrep's CompCor of the same mask, there
    after slow drifts were removed. Components that do not exist (fewer independent voxels) are zero; equally strong
    ones are any basis of their space, with a finite gradient. Source: Behzadi et al. (2007),
    doi:10.1016/j.neuroimage.2007.04.042.

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per voxel.
    tissue : (space,)
        Weights, at least 0: a mask of white matter and fluid, or of the most variable voxels.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`; frames of weight 0 get values and have no influence on the components.
    components : int
        How many.
    standardize : bool
        Whether each voxel is divided by its standard deviation.
    """
    weights = weights_of_frames(timeseries, frame_weights)
    root = jnp.where(weights > 0, jnp.sqrt(jnp.where(weights > 0, weights, 1.0)), 0.0)
    centred = timeseries - weights @ timeseries / total_weight(weights)
    if standardize:
        square = weights @ centred**2
        varies = is_alive(square, weights @ timeseries**2)
        centred = centred * jnp.where(varies, 1 / jnp.sqrt(jnp.where(varies, square, 1.0)), 0.0)
    similarity = (centred * tissue.astype(timeseries.dtype)) @ centred.T
    values, vectors = leading(root[:, None] * similarity * root, components)
    largest = jnp.take_along_axis(vectors, jnp.argmax(jnp.abs(vectors), axis=0)[None], axis=0)
    vectors = vectors * jnp.where(largest < 0, -1.0, 1.0).astype(vectors.dtype)
    exists = values > len(timeseries) * jnp.finfo(values.dtype).eps * values[0]
    # the projection of every frame, so that frames of weight 0 get values too
    strength = jnp.where(exists, 1 / jnp.where(exists, values, 1.0), 0.0)
    return similarity @ (root[:, None] * vectors) * strength
