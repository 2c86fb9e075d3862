"""Sequences of states, and series whose connectome is another one in each state."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from pydra_diffconn.generators.connectomes import root


def boxcar_states(rng: Generator, frames: int, states: int, switches: int) -> np.ndarray:
    """Draw a state (frames,) that changes at `switches` random frames, each time to another of 0 to `states` - 1."""
    if not 0 <= switches < frames:
        raise ValueError(f"{switches} switches do not fit in {frames} frames")
    if states < 2 and switches:
        raise ValueError(f"{states} state cannot switch")
    at = np.zeros(frames, dtype=int)
    at[1 + rng.choice(frames - 1, switches, replace=False)] = rng.integers(1, max(states, 2), switches)
    return (rng.integers(states) + np.cumsum(at)) % states  # a step of 1 to states - 1 always reaches another


def sticky_transitions(states: int, stay: float = 0.95) -> np.ndarray:
    """Return transition probabilities (states, states): `stay` on the diagonal, the rest equal."""
    if states == 1:
        return np.ones((1, 1))
    away = (1 - stay) / (states - 1)
    return np.full((states, states), away) + (stay - away) * np.eye(states)


def markov_states(rng: Generator, frames: int, transitions: Any) -> np.ndarray:
    """Draw a Markov chain (frames,) of states; it starts from the chain's stationary distribution.

    Parameters
    ----------
    transitions : (states, states)
        Row i holds the probabilities of the next state after i; rows sum to 1.
    """
    transitions = np.asarray(transitions, dtype=float)
    if np.any(transitions < 0) or not np.allclose(transitions.sum(axis=1), 1):
        raise ValueError("each row of transitions must hold probabilities that sum to 1")
    limits = np.cumsum(transitions, axis=1)
    drawn = rng.random(frames)
    states = [_draw(np.cumsum(stationary_distribution(transitions)), drawn[0])]
    for number in drawn[1:]:
        states.append(_draw(limits[states[-1]], number))
    return np.array(states)


def stationary_distribution(transitions: Any) -> np.ndarray:
    """Return the distribution of states that the transitions leave as it is."""
    transitions = np.asarray(transitions, dtype=float)
    count = len(transitions)
    system = np.vstack([transitions.T - np.eye(count), np.ones(count)])
    solution = np.linalg.lstsq(system, np.append(np.zeros(count), 1.0), rcond=None)[0]
    return np.maximum(solution, 0) / np.maximum(solution, 0).sum()


def one_hot(states: Any, count: int | None = None) -> np.ndarray:
    """Return the weight (time, states) of each state: 1 in its frames, 0 elsewhere."""
    states = np.asarray(states)
    return np.eye(count or states.max() + 1)[states]


def series_of_states(rng: Generator, states: Any, covariances: Any, noise: float = 0.0) -> np.ndarray:
    """Draw a Gaussian series (time, parcels), each frame from the covariance of its state.

    Parameters
    ----------
    states : (time,)
        From `boxcar_states` or `markov_states`.
    covariances : (states, parcels, parcels)
        One for each state.
    noise : float
        Standard deviation of white noise added to all.
    """
    states, covariances = np.asarray(states), np.asarray(covariances)
    white = rng.standard_normal((len(states), covariances.shape[-1]))
    series = np.empty_like(white)
    for state, covariance in enumerate(covariances):
        series[states == state] = white[states == state] @ root(covariance)
    return series + noise * rng.standard_normal(series.shape)


def _draw(limits: np.ndarray, number: float) -> int:
    return min(int(np.searchsorted(limits, number, side="right")), len(limits) - 1)
