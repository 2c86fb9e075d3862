"""Connectomes and covariances with a known structure."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator


def block_connectome(
    rng: Generator, labels: Any, rank: int = 4, inside: float = 0.6, noise: float = 0.1
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a correlation matrix of low rank plus noise whose blocks are communities; return it and its loadings.

    The connectome is that of loadings (parcels, rank) of unit length times their transpose, shrunk by the noise.

    Parameters
    ----------
    labels : (parcels,)
        Community of each parcel.
    rank : int
        Number of latent signals.
    inside : float
        Share, in [0, 1], of a parcel's loading that is its community's own; the rest is the parcel's.
    noise : float
        Share, in [0, 1], of each parcel's variance that it shares with no other.
    """
    names, community = np.unique(labels, return_inverse=True)
    common = _directions(rng, len(names), rank)
    own = _directions(rng, len(community), rank)
    loadings = np.sqrt(inside) * common[community] + np.sqrt(1 - inside) * own
    loadings /= np.linalg.norm(loadings, axis=1, keepdims=True)
    connectome = (1 - noise) * loadings @ loadings.T
    np.fill_diagonal(connectome, 1.0)
    return connectome, loadings


def random_correlations(rng: Generator, count: int, parcels: int, rank: int | None = None) -> np.ndarray:
    """Draw correlation matrices (count, parcels, parcels), each of `rank` (by default `parcels`) random signals."""
    signals = _directions(rng, count * parcels, rank or parcels).reshape(count, parcels, -1)
    correlations = signals @ signals.swapaxes(1, 2)
    correlations[:, range(parcels), range(parcels)] = 1.0
    return correlations


def root(covariance: Any) -> np.ndarray:
    """Return the symmetric square root of a covariance; refuse one with a negative eigenvalue."""
    values, vectors = np.linalg.eigh(np.asarray(covariance, dtype=float))
    if values[0] < -1e-8 * abs(values[-1]):
        raise ValueError(f"covariance has the negative eigenvalue {values[0]:.3g}; no series has such a covariance")
    return (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T


def _directions(rng: Generator, count: int, dimensions: int) -> np.ndarray:
    vectors = rng.standard_normal((count, dimensions))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
