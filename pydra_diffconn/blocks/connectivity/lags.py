"""Connectivity across time: lagged covariances, one covariance with learned lag weights, and lag maps."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pydra_diffconn.blocks.checks import check_series, check_tr
from pydra_diffconn.blocks.shared_parameters import FrameWeights
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.parameters import Parameter
from pydra_diffconn.numerics.dead_columns import ROUNDINGS, eps, is_alive
from pydra_diffconn.numerics.manifolds import Manifold
from pydra_diffconn.numerics.spd import without_diagonal
from pydra_diffconn.numerics.weights import degrees_of_freedom, total_weight, weights_of_frames

GRID = 64  # frequencies per lag on which a spectrum is checked and factorised
FLOOR = 1e-6  # part of the mean of a spectrum, below which it counts as this when a learning step starts
NEWTON_STEPS = 8


@dataclass(frozen=True)
class LagWeights(Manifold):
    """Weights of the lags 0, 1, 2, ... whose Toeplitz matrix is positive semi-definite for any number of frames.

    That is, a spectrum a_0 + 2 sum_l a_l cos(l omega) that is nowhere negative. The free coordinates are a filter whose
    autocorrelation the weights are (Fejer and Riesz).
    """

    def describe(self) -> str:
        return "lags' positive semi-definite weights"

    def contains(self, value: Any) -> bool:
        value = np.asarray(value, dtype=float)
        if value.ndim != 1 or not np.all(np.isfinite(value)):
            return False
        spectrum = np.fft.rfft(np.concatenate([value, np.zeros(GRID * len(value)), value[:0:-1]])).real
        return bool(spectrum.min() >= -1e-6 * np.abs(value).sum())

    def to_free(self, value: Any) -> Any:
        """Return the filter of minimum phase: from the cepstrum, then improved by Newton's method (Wilson 1969)."""
        value = jnp.asarray(value)
        lags, size = len(value), 2 * GRID * len(value)
        padded = jnp.concatenate([value, jnp.zeros(size - 2 * lags + 1, value.dtype), value[:0:-1]])
        spectrum = jnp.real(jnp.fft.fft(padded))
        lifted = jnp.maximum(spectrum, FLOOR * jnp.mean(spectrum))
        target = jnp.real(jnp.fft.ifft(lifted))[:lags]
        cepstrum = jnp.real(jnp.fft.ifft(jnp.log(lifted) / 2))
        causal = cepstrum * np.where(np.arange(size) == 0, 1, np.where(np.arange(size) < size // 2, 2, 0))
        start = jnp.real(jnp.fft.ifft(jnp.exp(jnp.fft.fft(causal))))[:lags]

        def newton(_: int, current: Array) -> Array:
            return current - jnp.linalg.solve(jax.jacfwd(self.from_free)(current), self.from_free(current) - target)

        return jax.lax.fori_loop(0, NEWTON_STEPS, newton, start)

    def from_free(self, free: Any) -> Any:
        """Return the filter's autocorrelation."""
        free = jnp.asarray(free)
        lags = len(free)
        shifted = jnp.concatenate([free, jnp.zeros_like(free)])[np.arange(lags)[:, None] + np.arange(lags)]
        return shifted @ free


def check_lags(arguments: Mapping[str, Any]) -> None:
    """Refuse what `check_series` refuses, and lags longer than the series."""
    check_series(arguments)
    series, lags, weights = (arguments.get(name) for name in ("timeseries", "max_lag", "lag_weights"))
    lags = len(weights) - 1 if weights is not None else lags
    if lags is not None and lags < 0:
        raise ValueError(f"max_lag = {lags}; expected 0 frames or more")
    if lags is not None and series is not None and lags >= len(series) - 1:
        raise ValueError(f"lags up to {lags} frames in a series of {len(series)}; expected at most {len(series) - 2}")


@define(outputs=["covariance"], check=check_lags, skips=True, padding="frame_weights")
def LaggedCovariance(
    timeseries: Float[Array, "time parcels"],
    frame_weights: FrameWeights = None,
    max_lag: int = 5,
    ddof: int = 1,
    adjusted: bool = False,
) -> Float[Array, "lags parcels parcels"]:
    r"""Estimate the covariance of each column with each other some frames later, for lags from 0 up.

    $$ S^{(l)}_{ab} = \frac{1}{n} \sum_t \min(w_t, w_{t+l}) (x_{ta} - m_a)(x_{t+l,b} - m_b) $$

    Entry (l, a, b) is the covariance of a at t with b at t + l; the transpose is that at -l. A pair of frames has the
    smaller of its weights. All lags are divided as lag 0, which is `Covariance`; then the lags together are positive
    semi-definite. Equals `statsmodels.tsa.stattools.ccovf` with `ddof = 0`.

    Parameters
    ----------
    timeseries : (time, parcels)
        Series, one per parcel.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`.
    max_lag : int
        In frames.
    ddof : int
        1 for the unbiased covariance at lag 0, 0 for the maximum-likelihood one.
    adjusted : bool
        Whether lags are scaled up for the pairs that they lack. A lag without pairs is 0.
    """
    covariances, pairs = _lagged(timeseries, frame_weights, max_lag)
    scale = 1 / _divisor(timeseries, frame_weights, ddof)
    if adjusted:
        scale = scale * pairs[0] / jnp.where(pairs > 0, pairs, 1.0)[:, None, None]
    return covariances * scale


@define(outputs=["covariance"], check=check_lags, skips=True, padding="frame_weights")
def LagWeightedCovariance(
    timeseries: Float[Array, "time parcels"],
    lag_weights: Annotated[
        Float[Array, "lags"] | None, Parameter(LagWeights(), help="weight of each lag from 0 up, in both directions")
    ] = None,
    frame_weights: FrameWeights = None,
    ddof: int = 1,
) -> Float[Array, "parcels parcels"]:
    r"""Estimate one covariance in which pairs of frames some lags apart count too: X' A X / n, with A Toeplitz.

    $$
    S = \frac{1}{n} (X - m)^\top (A \odot \Omega) (X - m), \quad A_{ts} = a_{|t - s|}, \quad \Omega_{ts} = \min(w_t,
    w_s)
    $$

    A_ts = a_|t-s| must be positive semi-definite, and so is the result. It is the covariance of filtered series, with
    the weights the filter's autocorrelation. (1,) or (1, 0, ..., 0) gives `Covariance`. A pair of frames has the
    smaller of its frame weights, which keeps it semi-definite.

    Parameters
    ----------
    timeseries : (time, parcels)
        Series, one per parcel.
    lag_weights : (lags,)
        By default 1 for lag 0, nothing else. Exponential decay a^l cut off after some lags is in general not allowed;
        a triangle or its products with such a decay are.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`.
    ddof : int
        1 for the unbiased covariance at lag 0, 0 for the maximum-likelihood one.
    """
    lag_weights = jnp.ones(1) if lag_weights is None else lag_weights
    lag_weights = jnp.asarray(lag_weights, dtype=timeseries.dtype)
    covariances, _ = _lagged(timeseries, frame_weights, len(lag_weights) - 1)
    one_way = jnp.tensordot(lag_weights.at[0].divide(2), covariances, axes=1)
    return (one_way + one_way.T) / _divisor(timeseries, frame_weights, ddof)


def check_range(arguments: Mapping[str, Any]) -> None:
    """Refuse what `check_lags` refuses, and no range of lags at all."""
    check_lags(arguments)
    check_tr(arguments)
    if arguments.get("max_lag") == 0:
        raise ValueError("max_lag = 0; lag maps need at least 1 frame")


@define(outputs=["lag", "peak", "lag_map"], check=check_range, skips=True, varies=True, padding="frame_weights")
def LagMaps(
    timeseries: Float[Array, "time parcels"],
    tr: float,
    frame_weights: FrameWeights = None,
    max_lag: int = 4,
    adjusted: bool = True,
) -> tuple[Float[Array, "parcels parcels"], Float[Array, "parcels parcels"], Float[Array, "parcels"]]:
    r"""Find by how much each column follows each other: the lag of the extreme cross-correlation.

    $$
    \hat l_{ab} = \text{tr} \cdot \operatorname*{arg\,max}_{|l| \le l_\text{max}} |\rho_{ab}(l)|, \quad \text{lag}_b =
    \frac{1}{p - 1} \sum_a \hat l_{ab}
    $$

    The lag with the largest modulus of the cross-correlation within `max_lag` is refined by a parabola through it and
    its neighbours, through which there is a gradient; at the ends of the range it is the end itself. A column without
    variance has lag and peak 0 with all. Source: Mitra et al. (2014), doi:10.1152/jn.00804.2013.

    Parameters
    ----------
    timeseries : (time, parcels)
        Series, one per parcel.
    tr : float
        Repetition time in seconds.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`; a pair of frames has the smaller of its weights.
    max_lag : int
        In frames, at least 1.
    adjusted : bool
        Whether long lags are scaled up for the pairs of frames that they lack.

    Returns
    -------
    lag : (parcels, parcels)
        In seconds; positive where the column follows the row. Antisymmetric.
    peak : (parcels, parcels)
        The extreme cross-correlation, on the parabola.
    lag_map : (parcels,)
        Mean of each column of `lag` over the other parcels that vary: how late a parcel is.
    """
    forward = LaggedCovariance.pure(timeseries, frame_weights, max_lag, 0, adjusted)
    weights = weights_of_frames(timeseries, frame_weights)
    variance = jnp.diagonal(forward[0])
    mean_square = weights @ timeseries**2 / total_weight(weights)
    alive = is_alive(variance, mean_square)
    scale = jnp.where(alive, 1 / jnp.sqrt(jnp.where(alive, variance, 1.0)), 0.0)
    both = jnp.concatenate([forward[:0:-1].swapaxes(1, 2), forward]) * scale * scale[:, None]

    top = jnp.argmax(jnp.abs(both), axis=0)
    inner = jnp.clip(top, 1, 2 * max_lag - 1)
    at = lambda index: jnp.take_along_axis(both, index[None], axis=0)[0]  # noqa: E731
    before, middle, after = at(inner - 1), at(inner), at(inner + 1)
    bend, tilt = before - 2 * middle + after, (after - before) / 2
    curved = (top == inner) & (jnp.abs(bend) > ROUNDINGS * eps(both))
    shift = jnp.where(curved, -tilt / jnp.where(curved, bend, 1.0), 0.0)
    both_vary = alive & alive[:, None]
    lag = without_diagonal(jnp.where(both_vary, tr * (top - max_lag + shift), 0.0).astype(both.dtype))
    peak = jnp.where(both_vary, at(top) + tilt * shift / 2, 0.0)
    return lag, peak, lag.sum(axis=0) / jnp.maximum(alive.sum() - 1, 1)


def _lagged(
    series: Float[Array, "time parcels"], frame_weights: Float[Array, "time"] | None, max_lag: int
) -> tuple[Float[Array, "lags parcels parcels"], Float[Array, "lags"]]:
    """Return the weighted sums of products at each lag, and those of the weights of pairs."""
    frames = len(series)
    weights = weights_of_frames(series, frame_weights)
    centred = series - weights @ series / total_weight(weights)
    later = jnp.concatenate([centred, jnp.zeros_like(centred[:1])])
    later_weights = jnp.append(weights, 0.0)

    def at_lag(lag: Array) -> tuple[Array, Array]:
        index = jnp.minimum(jnp.arange(frames) + lag, frames)
        # the smaller of two weights is a positive semi-definite function of them, and smooth at zero
        pair = jnp.minimum(weights, later_weights[index])
        return (pair[:, None] * centred).T @ later[index], pair.sum()

    # one product per lag: by Fourier transforms every pair of columns would need one of its own
    return jax.lax.map(at_lag, jnp.arange(max_lag + 1))


def _divisor(series: Array, frame_weights: Array | None, ddof: int) -> Any:
    if frame_weights is None:
        return len(series) - ddof
    return degrees_of_freedom(frame_weights, ddof)
