"""Parcels on a grid of points: hard, in two hemispheres, soft, and in tiers. Labels start at 1; 0 is background."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator


def grid_coordinates(side: int) -> np.ndarray:
    """Return the (side^2, 2) coordinates of a square grid, row by row, in steps of 1."""
    return np.stack(np.meshgrid(np.arange(side), np.arange(side), indexing="ij"), axis=-1).reshape(-1, 2).astype(float)


def hard_atlas(side: int = 25, across: int = 3) -> np.ndarray:
    """Return labels (side^2,) of `across` x `across` rectangular parcels, as equal as the grid allows."""
    if not 1 <= across <= side:
        raise ValueError(f"{across} parcels do not fit across a grid of {side} points")
    tile = np.arange(side) * across // side
    return (tile[:, None] * across + tile).ravel() + 1


def homologous_atlas(side: int = 25, across: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return labels, coordinates and hemisphere (0 left, 1 right) of two mirrored grids.

    The first coordinate runs from left to right, with the midline at 0; the homologue of parcel k is
    k + across^2.
    """
    labels, points = hard_atlas(side, across), grid_coordinates(side)
    points[:, 0] += 1  # no point lies on the midline
    left, hemisphere = points * [-1, 1], np.repeat([0, 1], side**2)
    return np.concatenate([labels, labels + across**2]), np.concatenate([left, points]), hemisphere


def hierarchical_atlas(side: int = 25, coarse: int = 2, fine: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return coarse labels, fine labels, and the coarse parcel of each fine one (`parent[fine - 1]`).

    Each of the `coarse` x `coarse` parcels is divided into `fine` x `fine` ones.
    """
    small = hard_atlas(side, coarse * fine)
    row, column = np.divmod(np.arange((coarse * fine) ** 2), coarse * fine)
    parent = row // fine * coarse + column // fine + 1
    return parent[small - 1], small, parent


def soft_atlas(rng: Generator, side: int = 25, parcels: int = 9, steps: int = 400, blur: float = 1.0) -> np.ndarray:
    """Return maps (parcels, side^2) of irregular, overlapping parcels; at each point the shares sum to 1.

    Each parcel is where a random walk from its own start has been, blurred; a point that no walk came near belongs to
    the parcel whose start is nearest.

    Parameters
    ----------
    steps : int
        Length of each walk.
    blur : float
        Standard deviation of the blur in grid steps; 0 for none.
    """
    start = rng.choice(side**2, parcels, replace=False)
    place = np.stack(np.divmod(start, side), axis=1)
    visits = np.zeros((parcels, side, side))
    moves = np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])[rng.integers(4, size=(steps, parcels))]
    visits[np.arange(parcels), place[:, 0], place[:, 1]] += 1
    for move in moves:
        place = np.clip(place + move, 0, side - 1)
        visits[np.arange(parcels), place[:, 0], place[:, 1]] += 1
    smooth = _blur(side, blur)
    maps = (smooth @ visits @ smooth.T).reshape(parcels, -1)
    total = maps.sum(axis=0)
    away = np.linalg.norm(grid_coordinates(side) - grid_coordinates(side)[start][:, None], axis=-1)
    nearest = np.eye(parcels)[away.argmin(axis=0)].T
    near = total > 1e-3 * total.max()
    return np.where(near, maps / np.where(near, total, 1.0), nearest)


def series_of_atlas(rng: Generator, atlas: Any, signals: Any, noise: float = 0.5) -> np.ndarray:
    """Return series (time, space): at each point the signals of its parcels, and noise of its own.

    Parameters
    ----------
    atlas : (space,) or (parcels, space)
        Labels (0 gets noise alone) or maps.
    signals : (time, parcels)
        For labels, that of parcel k is column k - 1.
    noise : float
        Standard deviation.
    """
    atlas, signals = np.asarray(atlas), np.asarray(signals, dtype=float)
    hard = atlas.ndim == 1
    series = np.where(atlas > 0, signals[:, np.maximum(atlas - 1, 0)], 0.0) if hard else signals @ atlas
    return series + noise * rng.standard_normal(series.shape)


def _blur(side: int, width: float) -> np.ndarray:
    """Return the matrix of a Gaussian blur along one axis; each row sums to 1 also at the rim."""
    if width == 0:
        return np.eye(side)
    kernel = np.exp(-0.5 * ((np.arange(side)[:, None] - np.arange(side)) / width) ** 2)
    return kernel / kernel.sum(axis=1, keepdims=True)
