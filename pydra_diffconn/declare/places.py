"""Places without data: what is missing of a parcel or location throughout is left out, and missing in the result.

A place is a column of a series, or a row and column of a matrix of pairs. A statistic that needs variance does not
exist at a place where nothing varies; it is missing there, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pydra_diffconn.numerics.dead_columns import is_alive

PLACES = ("space", "parcels")
EDGES = "edges"
SHOWN = 5  # places that a message names
TOGETHER = (
    "this step takes all places together: leave those out before it, or average parcels first (Parcellate(parcels=...))"
)
ALIKE = 1e-5  # relative; far above the rounding of single precision


def dimension(dims: str) -> str | None:
    """Return the dimension of places of a series or a matrix of pairs; None for anything else."""
    names = dims.split()
    if names in (["parcels", "parcels"], ["parcels"], ["space"]) or (len(names) == 2 and names[0] == "time"):
        return names[-1] if names[-1] in PLACES else None
    return None


def missing(array: np.ndarray) -> np.ndarray | None:
    """Return which places of a series, or of a matrix of pairs, hold nothing but NaN; None if all do, or none does."""
    if array.dtype.kind != "f" or not array.size:
        return None
    with np.errstate(invalid="ignore", over="ignore"):
        if np.isfinite(np.sum(array, dtype=np.float64)):  # true of most, and costs no array of truth values
            return None
    none = np.isnan(array).all(axis=0)
    return none if none.any() and not none.all() else None


def zeros_for_missing(array: Any, dims: str) -> tuple[Any, np.ndarray | None]:
    """Return an array with zeros at places without data, and which these are; itself and None if all have some."""
    if not isinstance(array, np.ndarray) or array.ndim != len(dims.split()):
        return array, None  # a check refuses it, or it waits on disk
    where = missing(array)
    return (array, None) if where is None else (filled(array, where, dims), where)


def filled(array: np.ndarray, where: np.ndarray, dims: str) -> np.ndarray:
    """Return zeros where nothing is known, which have no influence on other places."""
    made = array.copy()
    made[..., where] = 0
    if dims == "parcels parcels":
        made[where] = 0
    return made


def constant(array: np.ndarray, dims: str, weights: np.ndarray | None = None) -> np.ndarray:
    """Return at which places nothing varies: constant columns of a series, zero variances of a matrix."""
    if dims == "parcels parcels":
        variance = np.diagonal(array)
        return np.asarray(variance <= np.finfo(variance.dtype).eps * np.mean(variance))
    array = array if weights is None else array[np.asarray(weights) > 0]
    alike = np.abs(array[-1] - array[0]) <= ALIKE * np.abs(array[0])
    doubtful = np.flatnonzero(alike)  # few; the rest varies for certain
    some = array[:, doubtful]
    result = np.zeros(array.shape[1], dtype=bool)
    square, size = np.sum((some - some.mean(axis=0)) ** 2, axis=0), np.sum(some**2, axis=0)
    result[doubtful] = ~np.asarray(is_alive(square, size))
    return result


def mark(shape: Sequence[int], dims: str, main: str, where: np.ndarray) -> np.ndarray | None:
    """Return which entries of an output belong to places without data; None if none does.

    `main` are the dimensions of the input whose places these are. Edges belong to two parcels: those of a matrix are
    listed as its lower triangle, those of series as the upper one.
    """
    made, place = np.zeros(shape, dtype=bool), dimension(main)
    for axis, dim in enumerate((main if dims == "..." else dims).split()):
        index: list[Any] = [slice(None)] * len(shape)
        if dim == place:
            index[axis] = where
        elif dim == EDGES and place == "parcels":
            index[axis] = _edges(where, shape[axis], main)
        else:
            continue
        made[tuple(index)] = True
    return made if made.any() else None


def _edges(where: np.ndarray, count: int, main: str) -> np.ndarray:
    size = len(where)
    offset = 0 if count == size * (size + 1) // 2 else 1
    rows, columns = np.tril_indices(size, -offset) if main == "parcels parcels" else np.triu_indices(size, offset)
    return where[rows] | where[columns]


def told(where: np.ndarray, names: Sequence[Any] | None, place: str, varies: bool = False) -> str:
    """Say which places have no data from here on: by name, or by number counted from 0."""
    one = np.count_nonzero(where) == 1
    why = ("does not vary" if one else "do not vary") if varies else ("has no data" if one else "have no data")
    return f"{named(where, names, place)} {why}; what depends on {'it' if one else 'them'} is n/a (NaN)"


def named(where: np.ndarray, names: Sequence[Any] | None, place: str) -> str:
    """Say which places: by name, or by number counted from 0."""
    found = np.flatnonzero(where)
    have_names = names is not None and len(names) == len(where)
    shown = [str(names[n] if have_names else n) for n in found[:SHOWN]]  # type: ignore[index]
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    word = {"space": "location", "parcels": "parcel"}[place]
    return f"{word}{'s' * (len(found) > 1)} {', '.join(shown)}{more}{'' if have_names else ' (counted from 0)'}"


def with_missing(results: Mapping[str, np.ndarray], marks: Mapping[str, np.ndarray | None]) -> dict[str, np.ndarray]:
    """Return results with NaN at the marked entries."""
    made = dict(results)
    for name, marked in marks.items():
        if marked is not None and made[name].dtype.kind == "f":
            made[name] = np.where(marked, np.asarray(np.nan, made[name].dtype), made[name])
    return made
