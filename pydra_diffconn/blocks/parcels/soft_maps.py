"""Parcels with soft borders: projecting series on maps, and maps of one person around those of a group."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array, Float

from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.parameters import Parameter
from pydra_diffconn.numerics.linalg import column_maxima, column_sums, ridge_inverse, scale_columns

Deviation = Annotated[
    Float[Array, "parcels space"] | None, Parameter(constraints.real, help="added to the logarithms of the shares")
]


def check_maps(arguments: Mapping[str, Any]) -> None:
    """Refuse maps that are 0 everywhere, and signed ones where means are asked for."""
    maps, method = arguments.get("maps"), arguments.get("method", "mean")
    if maps is not None and not np.any(maps):
        raise ValueError("maps are all 0: the atlas does not overlap these data")
    if maps is not None and method == "mean" and np.min(maps) < 0:
        raise ValueError(f"maps has negative values (lowest: {np.min(maps):g}); use method='least_squares'")


@define(outputs=["timeseries"], linear_in="timeseries", acts_along="space", check=check_maps)
def ProjectMaps(
    timeseries: Float[Array, "time space"],
    maps: Float[Array, "parcels space"],
    method: Literal["mean", "least_squares"] = "mean",
    penalty: Annotated[
        float, Parameter(constraints.nonnegative, help="ridge on maps of unit norm, for least squares")
    ] = 0.0,
) -> Float[Array, "time parcels"]:
    r"""Project the series on soft maps: their weighted means, or the amplitudes that together fit the frames best.

    $$ y = x A^\top \operatorname{diag}(A 1)^{-1} \quad \text{or} \quad y = x A^\top (A A^\top)^{-1} $$

    "mean" is x A' / sum_v A, with one-hot maps the mean of each parcel as in `Parcellate`; "least_squares" is
    x A' (A A')^-1, which tells overlapping maps apart and equals `nilearn.maskers.NiftiMapsMasker` without resampling.
    A map without any weight gives zeros; collinear maps share their amplitude.

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per voxel or vertex.
    maps : (parcels, space)
        Weights; for "mean" at least 0. `IndividualMaps` makes learnable ones.
    method : {"mean", "least_squares"}
        How.
    penalty : float
        At least 0; without effect on means.
    """
    maps = jnp.asarray(maps, timeseries.dtype)
    if method == "mean":
        return _divided(timeseries @ maps.T, maps.sum(axis=1))
    square = jnp.sum(maps**2, axis=1)
    scale = jnp.sqrt(jnp.where(square > 0, square, 1.0))
    return (timeseries @ ridge_inverse((maps / scale[:, None]).T, penalty).T) / scale


def check_deviation(arguments: Mapping[str, Any]) -> None:
    """Refuse negative maps."""
    maps = arguments.get("maps")
    if maps is not None and np.min(maps) < 0:
        raise ValueError(f"maps has negative values (lowest: {np.min(maps):g}); expected the parcels' shares")


@define(outputs=["maps"], check=check_deviation)
def IndividualMaps(maps: Float[Array, "parcels space"], deviation: Deviation = None) -> Float[Array, "parcels space"]:
    r"""Make one person's maps from a group's and a deviation from them: in each voxel softmax(log maps + deviation).

    $$ B_{pv} = \Big(\sum_q A_{qv}\Big) \frac{A_{pv}\, e^{\delta_{pv}}}{\sum_q A_{qv}\, e^{\delta_{qv}}} $$

    Each voxel's shares keep their sum, usually one (zero outside the brain). Without deviation, or with one equal for
    all parcels of a voxel, the maps are the group's, bit for bit. A share of exactly 0 stays 0 whatever the deviation:
    soften a hard atlas before deviations are learned, for example to 0.9 maps + 0.1 / parcels.

    Parameters
    ----------
    maps : (parcels, space)
        The group's shares of the parcels in each voxel, not negative.
    deviation : (parcels, space), optional
        Logits of any size. A learned one changes the atlas; `Learn(zeros, per="subject")` gives each person an own one,
        drawn to the group's.

    Returns
    -------
    maps : (parcels, space)
        As `ProjectMaps` takes them.
    """
    if deviation is None:
        return maps
    present = maps > 0
    top = column_maxima(deviation, present)
    top = jnp.where(jnp.isfinite(top), top, 0.0)
    changed = _tilted(maps, jnp.where(present, deviation - top, 0.0))
    # to the voxel's own sum, not to one: the quotient of equal sums is exactly 1
    return scale_columns(changed, _divided(column_sums(maps), column_sums(changed)))


@jax.custom_jvp
def _tilted(maps: Array, shift: Array) -> Array:
    """Return maps * exp(shift), of which the derivative needs the result alone: a whole array less is kept."""
    return maps * jnp.exp(shift)


@partial(_tilted.defjvp, symbolic_zeros=True)
def _tilted_derivative(primals: Any, tangents: Any) -> Any:
    (maps, shift), (maps_change, shift_change) = primals, tangents
    changed = _tilted(maps, shift)
    tangent = jnp.zeros_like(changed) if isinstance(shift_change, SymbolicZero) else changed * shift_change
    return changed, tangent if isinstance(maps_change, SymbolicZero) else tangent + jnp.exp(shift) * maps_change


def _divided(part: Array, total: Array) -> Array:
    solid = total > 0
    return jnp.where(solid, part / jnp.where(solid, total, 1.0), 0.0)
