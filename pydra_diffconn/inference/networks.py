"""Which connections differ between two groups, or within people: the network-based statistic and TFCE."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pydra_diffconn.inference.differences import Tail, check_drawing, edges_of, permuted, sided

Measure = Literal["extent", "intensity"]


@dataclass(frozen=True)
class NetworkTest:
    """What differs, as components of connected edges."""

    statistic: np.ndarray
    """(parcels, parcels) t of second against first."""
    components: np.ndarray
    """(parcels, parcels) the number of the component that each edge is in, from 1; 0 in none."""
    sizes: np.ndarray
    """Of each component, by number."""
    p: np.ndarray
    """Of each component, by number: family-wise, by the largest component of each permutation."""
    null: np.ndarray
    """The size of the largest component in each permutation."""


@dataclass(frozen=True)
class EdgeTest:
    """What differs, edge by edge."""

    statistic: np.ndarray
    """(parcels, parcels) t of second against first."""
    score: np.ndarray
    """(parcels, parcels) enhanced, with the sign of the difference."""
    p: np.ndarray
    """(parcels, parcels) family-wise, by the largest score of each permutation."""
    null: np.ndarray
    """The largest score in each permutation."""


def network_based(
    first: np.ndarray,
    second: np.ndarray,
    threshold: float,
    *,
    paired: bool = False,
    tail: Tail = "both",
    measure: Measure = "extent",
    repeats: int = 5000,
    rng: np.random.Generator | None = None,
) -> NetworkTest:
    """Find networks of connections that differ: the network-based statistic (NBS).

    Edges with a t beyond the threshold are joined to components, and the size of each is compared with the largest
    when people are permuted. It tells that a component differs, and not which edge of it does. Source: Zalesky et al.
    (2010), doi:10.1016/j.neuroimage.2010.06.041.

    Parameters
    ----------
    first, second : (people, parcels, parcels)
        Symmetric matrices, such as Fisher's z of correlations.
    threshold : float
        Of t, above 0; what is found depends on it.
    paired : bool
        Whether both hold the same people in the same order, as connectomes of two pipelines do.
    tail : {"both", "greater", "less"}
        Of second against first; "both" joins edges that differ either way.
    measure : {"extent", "intensity"}
        How many edges a component has, or by how much their t exceed the threshold together.
    repeats : int
        Permutations.
    rng : numpy.random.Generator, optional
        By default one of seed 0.
    """
    if not threshold > 0:
        raise ValueError(f"threshold = {threshold:g}; expected a t above 0, such as 3")
    if measure not in ("extent", "intensity"):
        raise ValueError(f"measure = {measure!r}; expected 'extent' or 'intensity'")
    parcels, drawn = _drawn(first, second, paired, repeats, rng)
    statistic = next(drawn)
    labels, sizes = components(sided(statistic, tail), threshold, parcels, measure)
    largest = [components(sided(one, tail), threshold, parcels, measure)[1].max(initial=0.0) for one in drawn]
    null = np.array(largest)
    return NetworkTest(_square(statistic, parcels), _square(labels, parcels), sizes, _p_of(sizes, null), null)


def threshold_free(
    first: np.ndarray,
    second: np.ndarray,
    *,
    paired: bool = False,
    tail: Tail = "both",
    extent: float = 0.5,
    height: float = 2.0,
    step: float = 0.1,
    repeats: int = 1000,
    rng: np.random.Generator | None = None,
) -> EdgeTest:
    """Find connections that differ, those of a connected network the more so: threshold-free cluster enhancement.

    Source: Smith & Nichols (2009), doi:10.1016/j.neuroimage.2008.03.061; Vinokur et al. (2015),
    doi:10.1016/j.neuroimage.2015.06.042 (of edges).

    Parameters
    ----------
    first, second, paired, repeats, rng
        As for `network_based`.
    tail : {"both", "greater", "less"}
        Of second against first; edges that differ either way are not joined.
    extent, height, step : float
        As for `enhanced`.
    """
    parcels, drawn = _drawn(first, second, paired, repeats, rng)
    how = {"extent": extent, "height": height, "step": step}

    def score_of(statistic: np.ndarray) -> np.ndarray:
        return sided(enhanced(statistic, parcels, **how), tail)

    statistic = next(drawn)
    null = np.array([score_of(one).max() for one in drawn])
    p = _square(_p_of(score_of(statistic), null), parcels)
    np.fill_diagonal(p, 1.0)
    return EdgeTest(_square(statistic, parcels), _square(enhanced(statistic, parcels, **how), parcels), p, null)


def enhanced(
    statistic: np.ndarray, parcels: int, extent: float = 0.5, height: float = 2.0, step: float = 0.1
) -> np.ndarray:
    """Return the sum over thresholds h of e(h)^extent h^height step for each edge, e the edges connected with it there.

    Edges above and below 0 are enhanced apart, and keep their sign.

    Parameters
    ----------
    statistic : (edges,)
        Of the upper triangle, row by row.
    parcels : int
    extent, height : float
        How much the size of a component counts, and how high above 0 it is.
    step : float
        From one threshold to the next, above 0.
    """
    if not step > 0:
        raise ValueError(f"step = {step:g}; expected more than 0")
    statistic = np.asarray(statistic, dtype=float)
    if statistic.shape != (parcels * (parcels - 1) // 2,):
        edges = parcels * (parcels - 1) // 2
        raise ValueError(f"statistic has shape {statistic.shape}; expected the {edges} edges of {parcels} parcels")
    if not np.isfinite(statistic).all():
        raise ValueError(f"statistic is not finite at edge {int(np.argmin(np.isfinite(statistic)))}; leave parcels out")
    found = np.zeros(len(statistic))
    for sign in (1, -1):
        high = np.floor(np.max(sign * statistic, initial=0.0) / step + 1e-9)
        for threshold in step * np.arange(1, high + 1):
            labels, sizes = components(sign * statistic, threshold - 1e-9 * step, parcels, "extent")
            inside = labels > 0
            found[inside] += sign * sizes[labels[inside] - 1] ** extent * threshold**height * step
    return found


def components(
    statistic: np.ndarray, threshold: float, parcels: int, measure: Measure
) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of the component of each edge above the threshold, from 1, and the size of each component."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    above = statistic > threshold
    rows, columns = (one[above] for one in np.triu_indices(parcels, 1))
    graph = coo_array((np.ones(len(rows)), (rows, columns)), shape=(parcels, parcels))
    of_parcel = connected_components(graph, directed=False)[1]
    names, number = np.unique(of_parcel[rows], return_inverse=True)
    labels = np.zeros(len(statistic), int)
    labels[above] = number + 1
    weights = None if measure == "extent" else statistic[above] - threshold
    return labels, np.bincount(number, weights, minlength=len(names)).astype(float)


def _drawn(
    first: np.ndarray, second: np.ndarray, paired: bool, repeats: int, rng: np.random.Generator | None
) -> tuple[int, Iterator[np.ndarray]]:
    edges = edges_of(first, second, paired)
    return np.shape(first)[1], permuted(*edges, paired, repeats, check_drawing(repeats, rng))


def _p_of(found: np.ndarray, null: np.ndarray) -> np.ndarray:
    """Return how often chance is as large, the observed one among the drawn."""
    ordered = np.sort(null)
    return (1 + len(null) - np.searchsorted(ordered, found - 1e-9 * np.abs(found))) / (1 + len(null))


def _square(edges: np.ndarray, parcels: int) -> np.ndarray:
    made = np.zeros((parcels, parcels), edges.dtype)
    made[np.triu_indices(parcels, 1)] = edges
    return made + made.T
