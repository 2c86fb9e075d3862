"""Correlations out of covariances."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pydra_diffconn.declare.block import define
from pydra_diffconn.numerics import spd


def check(arguments: Mapping[str, Any]) -> None:
    """Refuse negative variances."""
    covariance = arguments.get("covariance")
    if covariance is not None and np.min(np.diagonal(covariance)) < 0:
        raise ValueError(f"covariance has a negative variance, {np.min(np.diagonal(covariance)):g}")


@define(outputs=["connectome"], check=check, skips=True, varies=True)
def CorrelationOfCovariance(covariance: Float[Array, "parcels parcels"]) -> Float[Array, "parcels parcels"]:
    r"""Divide a covariance by the standard deviations on its diagonal: the correlations of a shrunk estimate.

    $$ R_{ij} = \frac{S_{ij}}{\sqrt{S_{ii} S_{jj}}} $$

    The diagonal is 1. A parcel without variance correlates 0 with all others and has no gradient. Equals nilearn's
    "correlation" for any estimator; for the plain one `Correlation` does it in one step.

    Parameters
    ----------
    covariance : (parcels, parcels)
        A symmetric positive semi-definite matrix.
    """
    variance = jnp.diagonal(covariance)
    alive = variance > 0
    scale = jnp.where(alive, 1 / jnp.sqrt(jnp.where(alive, variance, 1.0)), 0.0)
    return spd.correlations(covariance * scale * scale[:, None])
