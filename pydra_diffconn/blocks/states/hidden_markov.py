"""States that follow each other by chance, each with a Gaussian of its own: the hidden Markov model."""

from collections.abc import Mapping
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pydra_diffconn.blocks.connectivity.tangent import check_positive_definite
from pydra_diffconn.blocks.shared_parameters import FrameWeights
from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.parameters import Parameter

Covariances = Annotated[
    Float[Array, "states parcels parcels"], Parameter(constraints.spd, help="covariance in each state")
]
Transitions = Annotated[
    Float[Array, "states states"], Parameter(constraints.simplex, help="from each state (row) to each state")
]
Means = Annotated[Float[Array, "states parcels"] | None, Parameter(constraints.real, help="mean in each state")]
Initial = Annotated[Float[Array, "states"] | None, Parameter(constraints.simplex, help="share of each at the start")]


def check(arguments: Mapping[str, Any]) -> None:
    """Refuse covariances that are none, and transitions of which a row is no distribution."""
    covariances = arguments.get("covariances")
    for number, matrix in enumerate([] if covariances is None else covariances):
        check_positive_definite(matrix, f"covariances[{number}]")
    transitions = arguments.get("transitions")
    if transitions is not None and (wrong := np.abs(np.sum(transitions, axis=1) - 1) > 1e-4).any():
        row = int(wrong.argmax())
        raise ValueError(
            f"transitions[{row}] sums to {np.sum(transitions[row]):g}; expected probabilities that sum to 1 over the "
            "states that follow, in each row"
        )


@define(outputs=["state_weights", "log_likelihood"], check=check, padding="frame_weights")
def HiddenMarkov(
    timeseries: Float[Array, "time parcels"],
    covariances: Covariances,
    transitions: Transitions,
    means: Means = None,
    initial: Initial = None,
    frame_weights: FrameWeights = None,
) -> tuple[Float[Array, "time states"], Float[Array, "time"]]:
    r"""Find how likely each state is in each frame, of a Gaussian hidden Markov model.

    $$
    q_{tk} = P(z_t = k \mid x_1, \dots, x_T), \quad P(z_t = l \mid z_{t-1} = k) = A_{kl}, \quad x_t \mid z_t = k \sim
    N(\mu_k, \Sigma_k)
    $$

    By the forward and backward recursion, in logarithms. To learn states, maximise the mean log-likelihood over runs;
    `StateCovariance` of the weights is then the connectome of each state in each run. Equals `score_samples` of
    hmmlearn's `GaussianHMM` with full covariances. A frame of weight 0 says nothing of its state, and the chain goes on
    over it. Source: Rabiner (1989), doi:10.1109/5.18626; Vidaurre et al. (2017), doi:10.1073/pnas.1705120114.

    Parameters
    ----------
    timeseries : (time, parcels)
        Series, one per parcel.
    covariances : (states, parcels, parcels)
        Symmetric positive definite.
    transitions : (states, states)
        Each row sums to 1; large diagonals are states that last.
    means : (states, parcels), optional
        By default 0.
    initial : (states,), optional
        By default equal.
    frame_weights : (time,), optional
        Weights in [0, 1], from `Censor`; they multiply the log density of each frame.

    Returns
    -------
    state_weights : (time, states)
        Posterior probabilities.
    log_likelihood : (time,)
        Of each frame given those before it; their sum is that of the run.
    """
    states = len(covariances)
    start = jnp.full(states, 1 / states, timeseries.dtype) if initial is None else initial
    # so that frames that say nothing have no slope either, such as those that fill a run up
    transitions = transitions / transitions.sum(axis=1, keepdims=True)
    centred = jnp.broadcast_to(timeseries, (states, *timeseries.shape))
    centred = centred if means is None else centred - means[:, None]
    density = jax.vmap(log_gaussian)(centred, covariances).T
    density = density if frame_weights is None else density * frame_weights[:, None]

    def forward(before: Array, now: Array) -> tuple[Array, Array]:
        after = _times(before, transitions) + now
        return after, after

    def backward(after: Array, now: Array) -> tuple[Array, Array]:
        before = _times(after + now, transitions.T)
        return before, before

    first = _times(jnp.zeros((), timeseries.dtype)[None], start[None]) + density[0]
    seen = jnp.concatenate([first[None], jax.lax.scan(forward, first, density[1:])[1]])
    last = jnp.zeros_like(first)
    coming = jnp.concatenate([jax.lax.scan(backward, last, density[1:], reverse=True)[1], last[None]])
    total = jax.nn.logsumexp(seen, axis=1)
    return jax.nn.softmax(seen + coming, axis=1), jnp.diff(total, prepend=0.0)


def _times(logarithms: Float[Array, "states"], matrix: Float[Array, "states more"]) -> Float[Array, "more"]:
    """Return log(exp(a) M): linear in M, so that what is impossible (0) has a slope, too."""
    largest = jax.lax.stop_gradient(logarithms.max())
    total = jnp.exp(logarithms - largest) @ matrix
    possible = total > 0
    return jnp.where(possible, jnp.log(jnp.where(possible, total, 1.0)) + largest, -jnp.inf)


def log_gaussian(
    deviations: Float[Array, "time parcels"], covariance: Float[Array, "parcels parcels"]
) -> Float[Array, "time"]:
    """Return the log density of deviations from the mean under a Gaussian."""
    factor = jnp.linalg.cholesky(covariance)
    white = jax.scipy.linalg.solve_triangular(factor, deviations.T, lower=True)
    half_determinant = jnp.sum(jnp.log(jnp.diagonal(factor)))
    return -0.5 * (jnp.sum(white**2, axis=0) + len(covariance) * np.log(2 * np.pi)) - half_determinant
