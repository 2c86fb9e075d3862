"""Connectivity as regression: what each parcel's series takes from every other, given all the rest."""

from collections.abc import Mapping
from typing import Annotated, Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pydra_diffconn.blocks.checks import check_series
from pydra_diffconn.blocks.connectivity.correlation import Correlation
from pydra_diffconn.blocks.shared_parameters import FrameWeights
from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.parameters import Parameter
from pydra_diffconn.numerics import spd


def check_regression(arguments: Mapping[str, Any]) -> None:
    """Refuse unusable series, and without a penalty series whose regression on each other has no single answer."""
    check_series(arguments)
    series, penalty = arguments.get("timeseries"), arguments.get("penalty")
    if series is None or penalty is None or penalty > 0:
        return
    weights = arguments.get("frame_weights")
    weights = np.ones(len(series)) if weights is None else np.asarray(weights)
    centred = np.sqrt(weights)[:, None] * (series - np.average(series, axis=0, weights=weights))
    size = np.linalg.norm(centred, axis=0)
    alive = size > 0
    rank = int(np.linalg.matrix_rank(centred[:, alive] / size[alive])) if alive.any() else 0
    if rank < alive.sum():
        raise ValueError(
            f"{alive.sum()} parcels with variance have rank {rank} in {int(np.sum(weights > 0))} usable frames: they "
            "explain each other completely; give a penalty > 0"
        )


@define(outputs=["connectome"], check=check_regression, skips=True, varies=True, padding="frame_weights")
def RidgeConnectivity(
    timeseries: Float[Array, "time parcels"],
    frame_weights: FrameWeights = None,
    penalty: Annotated[
        float, Parameter(constraints.nonnegative, help="ridge on series scaled to unit norm; 0 is least squares")
    ] = 0.1,
) -> Float[Array, "parcels parcels"]:
    r"""Regress each parcel on all others together, with ridge; row i holds the coefficients that explain parcel i.

    $$
    B_{i \cdot} = \arg\min_{b,\, b_i = 0} \| z_i - Z b \|_W^2 + \lambda |b|^2, \quad B_{ij} = -\frac{Q_{ij}}{Q_{ii}},
    \quad Q = (Z^\top W Z + \lambda I)^{-1}
    $$

    Not symmetric; the diagonal is 0. Series are centred and scaled to unit weighted norm, so that coefficients are
    standardised and the penalty has no unit (it is scikit-learn's alpha for z-scored series over the number of frames).
    Equals `sklearn.linear_model.Ridge` fitted to every parcel, for the price of one inverse. A parcel without variance
    explains nothing and is not explained.

    Parameters
    ----------
    timeseries : (time, parcels)
        Series, one per parcel.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`.
    penalty : float
        At least 0.
    """
    correlation = Correlation.pure(timeseries, frame_weights)
    # the block inverse of C + l I holds (C_others + l I)^-1 c_i = -P_others,i / P_ii for every parcel i at once
    precision = spd.inverse(correlation + penalty * jnp.eye(len(correlation), dtype=correlation.dtype))
    return spd.without_diagonal(-precision / jnp.diagonal(precision)[:, None])
