"""How much the columns of a series differ from each other, and how far they are from a stationary Gaussian.

Series are (time, parcels); a leading axis of runs is averaged over. `frame_weights` names an output (time).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
from jax import Array

from pydra_diffconn.declare.loss import Loss, over_runs
from pydra_diffconn.losses.norms import standardise
from pydra_diffconn.numerics.dead_columns import is_alive


@dataclass(frozen=True, kw_only=True)
class LogDetCorrelation(Loss):
    r"""Minus log det(R + ridge I) of the columns' correlations R: minimised, the columns become independent.

    $$ -\log \det (R + \rho I) $$

    With a ridge above 0, equal columns have a finite value and gradient.
    """

    ridge: float = 0.01
    frame_weights: str | None = None

    def score(self, outputs: Mapping[str, Any], targets: Any) -> Any:
        """Return the mean over runs."""
        weights = None if self.frame_weights is None else self.read(outputs, self.frame_weights)
        return over_runs(
            lambda x, w: -log_determinant(correlation(x, w), self.ridge).mean(), self.read(outputs), weights
        )


@dataclass(frozen=True, kw_only=True)
class DetCorrelation(Loss):
    r"""Minus det(R + ridge I) of the columns' correlations R, between 0 (some columns depend) and -1 (none do).

    $$ -\det (R + \rho I) $$
    """

    ridge: float = 0.0
    frame_weights: str | None = None

    def score(self, outputs: Mapping[str, Any], targets: Any) -> Any:
        """Return the mean over runs."""
        weights = None if self.frame_weights is None else self.read(outputs, self.frame_weights)
        return over_runs(lambda x, w: -determinant(correlation(x, w), self.ridge).mean(), self.read(outputs), weights)


@dataclass(frozen=True, kw_only=True)
class MultivariateKurtosis(Loss):
    r"""Minus Mardia's multivariate kurtosis: minimised, the series becomes non-stationary; see `kurtosis`.

    $$ -\frac{\sum_t w_t \big((x_t - m)^\top S^{-1} (x_t - m)\big)^2}{\sum_t w_t} $$

    It is -d (d + 2) for a stationary Gaussian of d columns, -1 where `normalise` divides by that.
    """

    normalise: bool = False
    frame_weights: str | None = None

    def score(self, outputs: Mapping[str, Any], targets: Any) -> Any:
        """Return the mean over runs."""
        weights = None if self.frame_weights is None else self.read(outputs, self.frame_weights)

        def mean(series: Array, weights: Array | None) -> Array:
            columns = series.shape[-1]
            return -kurtosis(series, weights).mean() / (columns * (columns + 2) if self.normalise else 1)

        return over_runs(mean, self.read(outputs), weights)


def correlation(series: Array, frame_weights: Array | None = None) -> Array:
    """Return (..., parcels, parcels) Pearson correlations with diagonal 1; a constant column correlates 0."""
    z = standardise(series, -2, None if frame_weights is None else frame_weights[..., None])
    return jnp.where(jnp.eye(z.shape[-1], dtype=bool), 1.0, jnp.swapaxes(z, -1, -2) @ z)


def log_determinant(matrix: Array, ridge: float = 0.0) -> Array:
    """Return log det(S + ridge I) of a symmetric matrix without negative eigenvalues.

    An eigenvalue below the resolution of its type counts as that, relative to the largest.
    """
    # by eigenvalues: their gradient is finite also where they repeat, and batches need no triangular solves
    values = jnp.linalg.eigvalsh(matrix + ridge * jnp.eye(matrix.shape[-1], dtype=matrix.dtype))
    floor = jnp.finfo(matrix.dtype).eps * jnp.abs(values[..., -1:])
    return jnp.sum(jnp.log(jnp.maximum(values, floor + jnp.finfo(matrix.dtype).tiny)), axis=-1)


def determinant(matrix: Array, ridge: float = 0.0) -> Array:
    """Return det(S + ridge I) of a symmetric matrix."""
    return jnp.prod(jnp.linalg.eigvalsh(matrix + ridge * jnp.eye(matrix.shape[-1], dtype=matrix.dtype)), axis=-1)


def kurtosis(series: Array, frame_weights: Array | None = None) -> Array:
    """Return mean_t (x_t' S^-1 x_t)^2 of centred frames, S their maximum-likelihood covariance.

    Columns that are constant or depend on others are left out of the inverse. Source: Mardia (1970),
    doi:10.1093/biomet/57.3.519.
    """
    weights = jnp.ones_like(series[..., 0]) if frame_weights is None else frame_weights
    weights = (weights / weights.sum(axis=-1, keepdims=True))[..., None]
    series = jnp.where(weights > 0, series, 0.0)
    centred = series - jnp.sum(weights * series, axis=-2, keepdims=True)
    # in units of the columns' spread the kurtosis is the same and the covariance better conditioned
    spread = jnp.sum(weights * centred**2, axis=-2, keepdims=True)
    alive = is_alive(spread, jnp.sum(weights * series**2, axis=-2, keepdims=True))
    scaled = centred * jnp.where(alive, 1 / jnp.sqrt(jnp.where(alive, spread, 1.0)), 0.0)
    covariance = jnp.swapaxes(weights * scaled, -1, -2) @ scaled
    # what lies in the null space is rounding, whose square the added resolution of the type outweighs
    columns = series.shape[-1]
    covariance = covariance + columns * jnp.finfo(series.dtype).eps * jnp.eye(columns, dtype=series.dtype)
    whitened = jnp.swapaxes(jnp.linalg.solve(covariance, jnp.swapaxes(scaled, -1, -2)), -1, -2)
    return jnp.sum(weights[..., 0] * jnp.sum(scaled * whitened, axis=-1) ** 2, axis=-1)
