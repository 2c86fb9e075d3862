"""Connectivity frame by frame, from the frames before: exponential weights, and dynamic conditional correlation."""

from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pydra_diffconn.blocks.checks import check_series
from pydra_diffconn.blocks.shared_parameters import FrameWeights
from pydra_diffconn.blocks.states.hidden_markov import log_gaussian
from pydra_diffconn.blocks.states.windows import Kind
from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.parameters import Parameter
from pydra_diffconn.numerics.dead_columns import eps, is_alive
from pydra_diffconn.numerics.spd import correlations
from pydra_diffconn.numerics.weights import total_weight, weights_of_frames

Shares = Annotated[
    Float[Array, "3"] | None,
    Parameter(constraints.simplex, help="shares of the long run, of the frame before, and of what was expected of it"),
]
USUAL = (0.05, 0.05, 0.9)
Matrices = Float[Array, "time parcels parcels"]


@define(outputs=["covariance"], check=check_series, skips=True, padding="frame_weights")
def EwmaCovariance(
    timeseries: Float[Array, "time parcels"],
    frame_weights: FrameWeights = None,
    halflife: Annotated[
        float, Parameter(constraints.above(0.0), unit="frames", help="after which a frame counts half")
    ] = 10.0,
    kind: Kind = "covariance",
    ddof: int = 1,
) -> Matrices:
    r"""Estimate the covariance (or correlation) in each frame, earlier frames counting less and less.

    $$
    S_t = \frac{\sum_{s \le t} \omega_{ts} (x_s - m_t)(x_s - m_t)^\top}{n_t}, \quad \omega_{ts} = w_s\, 2^{-(t - s) /
    h}, \quad n_t = \sum_s \omega_{ts} - d \frac{\sum_s \omega_{ts}^2}{\sum_s \omega_{ts}}
    $$

    Equals pandas' `ewm(halflife=...).cov()`. As long as there are fewer than two usable frames the covariance is 0 and
    the correlation the identity. Source: RiskMetrics (1996); Lindquist et al. (2014),
    doi:10.1016/j.neuroimage.2014.06.052.

    Parameters
    ----------
    timeseries : (time, parcels)
        Series, one per parcel.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`.
    halflife : float
        In frames.
    kind : {"covariance", "correlation"}
        What is returned for each frame.
    ddof : int
        1 for the unbiased covariance, 0 for the maximum-likelihood one.
    """
    weights = weights_of_frames(timeseries, frame_weights)
    fading = 0.5 ** (1 / jnp.asarray(halflife, timeseries.dtype))
    nothing, none = jnp.zeros_like(timeseries[0]), jnp.zeros((), timeseries.dtype)

    def step(state: Any, now: tuple[Array, Array]) -> tuple[Any, tuple[Array, ...]]:
        """Let all fade, and add a frame: Welford's way, which loses no digits by a large mean."""
        (total, squares, mean, size, scatter), (frame, weight) = state, now
        new = fading * total + weight
        there = new > 0
        away, share = frame - mean, jnp.where(there, weight / jnp.where(there, new, 1.0), 0.0)
        scatter = fading * scatter + share * fading * total * away[:, None] * away
        state = (
            new,
            fading**2 * squares + weight**2,
            mean + share * away,
            fading * size + weight * frame**2,
            scatter,
        )
        return state, (new, state[1], state[3], scatter)

    begun = (none, none, nothing, nothing, jnp.zeros((len(nothing),) * 2, timeseries.dtype))
    total, squares, size, scatter = jax.lax.scan(step, begun, (timeseries, weights))[1]
    present = total**2 - squares > 10 * eps(timeseries) * total**2
    if kind == "correlation":
        return _correlations(jnp.where(present[:, None, None], scatter, 0.0), size)
    divisor = total - ddof * squares / jnp.where(present, total, 1.0)
    return jnp.where(present[:, None, None], scatter, 0.0) / jnp.where(present, divisor, 1.0)[:, None, None]


def _correlations(matrices: Array, size: Array) -> Array:
    """Return matrices divided by the roots of their diagonals, 1 on these; 0 beside one that is rounding."""
    square = jnp.diagonal(matrices, axis1=-2, axis2=-1)
    alive = is_alive(square, size)
    scale = jnp.where(alive, 1 / jnp.sqrt(jnp.where(alive, square, 1.0)), 0.0)
    return correlations(scale[..., :, None] * matrices * scale[..., None, :])


@define(outputs=["connectome", "log_likelihood"], check=check_series, padding="frame_weights")
def DynamicCorrelation(
    timeseries: Float[Array, "time parcels"],
    frame_weights: FrameWeights = None,
    dynamics: Shares = None,
    volatility: Shares = None,
) -> tuple[Matrices, Float[Array, "time"]]:
    r"""Estimate the correlation in each frame, given those before (dynamic conditional correlation, DCC-GARCH).

    $$
    Q_t = a_0 \bar Q + a_1 \epsilon_{t-1} \epsilon_{t-1}^\top + a_2 Q_{t-1}, \quad R_t = \text{diag}(Q_t)^{-1/2} Q_t\,
    \text{diag}(Q_t)^{-1/2}, \quad \epsilon_t = \frac{x_t - m}{\sigma_t}
    $$

    with variances that change likewise, sigma^2(t) = v_0 s^2 + v_1 (x(t-1) - m)^2 + v_2 sigma^2(t-1): GARCH(1, 1) whose
    long run is that of the run. Both shares sum to 1 and are the same for all parcels. Maximise the mean
    log-likelihood to learn them. With all in the long run the correlation is that of the run in each frame. A censored
    frame brings nothing new: what was expected of it stands for it. A parcel that does not vary has correlation 0 with
    all others. Source: Engle (2002), doi:10.1198/073500102288618487; Lindquist et al. (2014),
    doi:10.1016/j.neuroimage.2014.06.052.

    Parameters
    ----------
    timeseries : (time, parcels)
        Series, one per parcel.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`.
    dynamics : (3,), optional
        a: shares of the long run, of the frame before, and of what was expected of it; by default .05, .05 and .9.
    volatility : (3,), optional
        v: the same of variances.

    Returns
    -------
    connectome : (time, parcels, parcels)
        Correlations.
    log_likelihood : (time,)
        Of each frame given those before it, under a Gaussian; times its weight.
    """
    weights = weights_of_frames(timeseries, frame_weights)
    shares = [jnp.asarray(USUAL if one is None else one, timeseries.dtype) for one in (dynamics, volatility)]
    share = weights / total_weight(weights)
    centred = timeseries - share @ timeseries
    variance = share @ centred**2
    alive = is_alive(weights @ centred**2, weights @ timeseries**2)
    unit = jnp.where(alive, centred / jnp.sqrt(jnp.where(alive, variance, 1.0)), 0.0)
    spread = jnp.sqrt(_recursion(shares[1], jnp.ones_like(variance), unit**2, weights, lambda now: now))
    shocks = unit / spread
    long_run = shocks.T @ (share[:, None] * shocks)
    # a dead parcel's own entry is 1 in the end, and must be no 0 on the way there
    long_run = long_run + jnp.diag(1.0 * ~alive)
    news = shocks[:, :, None] * shocks[:, None]
    found = _recursion(shares[0], long_run, news, weights, lambda now: _correlations(now, jnp.zeros(())))
    connectome = _correlations(found, jnp.zeros(()))
    ridge = 10 * len(alive) * eps(timeseries) * jnp.eye(len(alive), dtype=timeseries.dtype)
    likelihood = jax.lax.map(lambda one: log_gaussian(one[0][None], one[1] + ridge)[0], (shocks, connectome))
    scale = jnp.where(alive, jnp.log(spread) + 0.5 * jnp.log(jnp.where(alive, variance, 1.0)), -0.5 * np.log(2 * np.pi))
    return connectome, weights * (likelihood - scale.sum(axis=1))


def _recursion(shares: Array, long_run: Array, news: Array, weights: Array, expected: Any) -> Array:
    """Return what is expected in each frame: shares of the long run, of the frame before, and of what was expected."""

    def step(now: Array, one: tuple[Array, Array]) -> tuple[Array, Array]:
        seen, weight = one
        new = weight * seen + (1 - weight) * expected(now)
        return shares[0] * long_run + shares[1] * new + shares[2] * now, now

    return jax.lax.scan(step, long_run, (news, weights))[1]
