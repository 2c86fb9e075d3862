"""Maps that keep how they lie in space: spins of the sphere, and Moran spectral randomisation."""

from __future__ import annotations

from typing import Literal

import numpy as np

from pydra_diffconn.inference.differences import check_drawing

MIRROR = np.diag([-1.0, 1.0, 1.0])
"""From a left hemisphere to a right one: the first coordinate changes its sign."""


def spins(
    coordinates: np.ndarray,
    right: np.ndarray | None = None,
    *,
    assignment: Literal["nearest", "unique"] = "unique",
    repeats: int = 1000,
    rng: np.random.Generator | None = None,
) -> np.ndarray:
    """Return which parcel stands for each one when the sphere is turned at random, (repeats, parcels).

    `values[spins(...)]` are maps with as much spatial autocorrelation as `values`. Hemispheres turn alike, mirrored.
    Source: Alexander-Bloch et al. (2018), doi:10.1016/j.neuroimage.2018.05.070 (nearest); Markello & Misic (2021),
    doi:10.1016/j.neuroimage.2021.118052 (unique, by the Hungarian algorithm).

    Parameters
    ----------
    coordinates : (parcels, 3)
        Of parcels on the spherical surface; x from left to right.
    right : (parcels,), optional
        Which parcels are of the right hemisphere; by default all lie on one sphere.
    assignment : {"nearest", "unique"}
        Each parcel takes the nearest one after the turn; or all are taken once, with the least distance together.
    repeats : int
        Turns.
    rng : numpy.random.Generator, optional
        By default one of seed 0.
    """
    from scipy.spatial.transform import Rotation

    places = _on_sphere(coordinates)
    if right is not None and not set(np.ravel(np.asarray(right)).tolist()) <= {0, 1}:
        raise ValueError(
            "right has other values than True and False; expected which parcels lie in the right hemisphere"
        )
    sides = np.zeros(len(places), bool) if right is None else np.asarray(right, bool)
    if sides.shape != (len(places),):
        raise ValueError(f"right has shape {sides.shape} for {len(places)} parcels; expected one entry for each")
    if assignment not in ("nearest", "unique"):
        raise ValueError(f"assignment = {assignment!r}; expected 'nearest' or 'unique'")
    generator = check_drawing(repeats, rng)
    found = np.empty((repeats, len(places)), int)
    for number, turn in enumerate(Rotation.random(repeats, generator).as_matrix()):
        for side, matrix in ((False, turn), (True, MIRROR @ turn @ MIRROR)):
            chosen = np.flatnonzero(sides == side)
            if len(chosen):
                found[number, chosen] = chosen[turned(places[chosen], matrix, assignment)]
    return found


def turned(places: np.ndarray, matrix: np.ndarray, assignment: str) -> np.ndarray:
    """Return which place stands for each one after a turn by a rotation matrix."""
    from scipy.optimize import linear_sum_assignment

    distance = np.linalg.norm(places[:, None] - places @ matrix.T, axis=-1)
    return distance.argmin(axis=1) if assignment == "nearest" else linear_sum_assignment(distance)[1]


def _on_sphere(coordinates: np.ndarray) -> np.ndarray:
    places = np.asarray(coordinates, dtype=float)
    if places.ndim != 2 or places.shape[1] != 3:
        raise ValueError(f"coordinates has shape {places.shape}; expected (parcels, 3)")
    radius = np.linalg.norm(places, axis=1, keepdims=True)
    if not np.all(radius > 0) or not np.isfinite(radius).all():
        raise ValueError(f"parcel {int(np.argmin(radius > 0))} has no direction from the centre of the sphere")
    if np.ptp(radius) > 0.2 * radius.mean():
        raise ValueError(
            f"coordinates lie {radius.min():g} to {radius.max():g} from the centre; expected those of the spherical "
            "surface: for places in the brain use moran_surrogates"
        )
    return places / radius


def moran_surrogates(
    values: np.ndarray, weights: np.ndarray, *, repeats: int = 1000, rng: np.random.Generator | None = None
) -> np.ndarray:
    """Return maps with the same mean, variance and Moran's I as a map, (repeats, places): Moran spectral randomisation.

    The map is a sum of the eigenvectors of the doubly centred weights; each one's sign is drawn anew, which is the
    procedure "singleton" of BrainSpace. Source: Wagner & Dray (2015), doi:10.1111/2041-210X.12407.

    Parameters
    ----------
    values : (places,)
        A map, without missing values.
    weights : (places, places)
        How near places are: symmetric, such as inverse distances; the diagonal does not count.
    repeats : int
        Maps.
    rng : numpy.random.Generator, optional
        By default one of seed 0.
    """
    values, weights = np.asarray(values, dtype=float), np.array(weights, dtype=float)
    if values.ndim != 1 or weights.shape != (len(values),) * 2:
        raise ValueError(f"weights has shape {weights.shape} for {values.shape} values; expected places x places")
    np.fill_diagonal(weights, 0.0)
    if not (np.isfinite(values).all() and np.isfinite(weights).all() and np.allclose(weights, weights.T)):
        raise ValueError("values or weights are missing, or weights are not symmetric; leave places without data out")
    centred = weights - weights.mean(axis=0)
    centred = centred - centred.mean(axis=1, keepdims=True)
    # the constant is made an eigenvector of its own: mixed with others of value 0 it would change the mean
    apart = centred + (1 + 2 * np.abs(centred).sum(axis=1).max()) / len(values)
    vectors = np.linalg.eigh((apart + apart.T) / 2)[1]
    parts = vectors.T @ (values - values.mean())
    signs = check_drawing(repeats, rng).choice([-1.0, 1.0], (repeats, len(values)))
    return values.mean() + (signs * parts) @ vectors.T


def correlation_with(first: np.ndarray, second: np.ndarray, surrogates: np.ndarray) -> tuple[float, float]:
    """Return the correlation of two maps, and how often surrogates of the first one are as large (two-sided p).

    Parameters
    ----------
    first, second : (places,)
    surrogates : (repeats, places)
        Maps like the first: `first[spins(...)]` or `moran_surrogates(first, ...)`.
    """
    shapes = {np.shape(first), np.shape(second), np.shape(surrogates)[1:]}
    if len(shapes) > 1:
        raise ValueError(f"first, second and a surrogate have shapes {sorted(shapes)}; expected the same places")
    if not len(surrogates):
        raise ValueError("there are no surrogates; expected (repeats, places), a thousand or more")
    for name, maps in (("first", first), ("second", second), ("surrogates", surrogates)):
        if not np.isfinite(np.asarray(maps, float)).all():
            raise ValueError(f"{name} has values that are missing or infinite; leave these places out of all maps")

    def unit(maps: np.ndarray) -> np.ndarray:
        apart = np.asarray(maps, float) - np.mean(maps, axis=-1, keepdims=True)
        size = np.linalg.norm(apart, axis=-1, keepdims=True)
        return apart / np.where(size > 0, size, 1.0)

    r, chance = float(unit(first) @ unit(second)), unit(surrogates) @ unit(second)
    return r, float((1 + np.sum(np.abs(chance) >= abs(r) - 1e-12)) / (1 + len(chance)))
