"""Runs of a head that moves: small volumes with parcels of a known connectome, and the artefacts of real scans.

Nothing here is fitted to data; sizes are those of a 3 T scan, so that the steps of a pipeline have what they expect.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from scipy import ndimage

from pydra_diffconn.generators.connectomes import root
from pydra_diffconn.generators.signals import slow_signals

BASE = 1000.0  # intensity of tissue
GOLDEN = np.pi * (3 - np.sqrt(5))
BAND = (0.01, 0.09)  # Hz, of what is alike between parcels


@dataclass(frozen=True)
class Head:
    """Where what lies on a grid of voxels."""

    affine: np.ndarray
    brain: np.ndarray
    """(x, y, z): truth values, as are white matter and CSF."""
    white_matter: np.ndarray
    csf: np.ndarray
    labels: np.ndarray
    """(x, y, z): parcel of each voxel of grey matter, from 1; 0 elsewhere."""

    @property
    def centres(self) -> np.ndarray:
        """(parcels, 3): centre of each parcel, mm."""
        found = ndimage.center_of_mass(self.labels > 0, self.labels, range(1, self.labels.max() + 1))
        return np.asarray(found) @ self.affine[:3, :3].T + self.affine[:3, 3]


@dataclass(frozen=True)
class Scan:
    """One run, and what is hidden in it."""

    image: np.ndarray
    """(x, y, z, time)."""
    motion: np.ndarray
    """(time, 6): translations in mm, rotations in radians."""
    signals: np.ndarray
    """(time, parcels): what the connectome is of."""
    moved: np.ndarray
    """Frames in which the head jerked."""
    unsteady: int
    """Frames at the start in which magnetisation was not yet steady."""


def head(shape: tuple[int, int, int] = (24, 28, 24), voxel: float = 7.0, parcels: int = 24) -> Head:
    """Return a head of ellipsoids: CSF in the middle, white matter around it, grey matter in parcels outside.

    Parameters
    ----------
    shape : tuple of int
        Of the grid.
    voxel : float
        Edge of a voxel, mm.
    parcels : int
        Even; equal in the left and in the right.
    """
    affine = np.diag([voxel, voxel, voxel, 1.0])
    affine[:3, 3] = -voxel * (np.array(shape) - 1) / 2
    places = np.stack(np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij"), axis=-1)
    radius = np.linalg.norm(places, axis=-1) / 0.92
    brain, white, csf = radius < 1, (radius < 0.62) & (radius >= 0.24), radius < 0.24
    grey = brain & ~white & ~csf
    number = np.arange(parcels) + 0.5
    height, turn = 1 - 2 * number / parcels, GOLDEN * number  # evenly over a sphere
    ring = np.sqrt(1 - height**2)
    seeds = np.stack([ring * np.cos(turn), ring * np.sin(turn), height], axis=1)
    direction = places / np.maximum(np.linalg.norm(places, axis=-1, keepdims=True), 1e-9)
    nearest = (direction @ seeds.T).argmax(axis=-1) + 1
    return Head(affine, brain, white, csf, np.where(grey, nearest, 0))


def head_motion(rng: Generator, frames: int, restless: float) -> tuple[np.ndarray, np.ndarray]:
    """Draw realignment parameters: slow drifts, small tremor, and jerks that pass within some frames.

    Parameters
    ----------
    restless : float
        Of about 0.5 (still) to 3; jerks are as many as 6 times that in 200 frames.

    Returns
    -------
    motion : (time, 6)
        Translations in mm, rotations in radians.
    jerks : (jerks,)
        Frames in which they begin.
    """
    slow = np.cumsum(rng.standard_normal((frames, 6)), axis=0) / np.sqrt(frames)
    tremor = rng.standard_normal((frames, 6))
    jerks = np.sort(rng.choice(np.arange(5, frames - 3), rng.poisson(6 * restless * frames / 200), replace=False))
    course = np.zeros((frames, 6))
    for frame in jerks:
        size = rng.standard_normal(6) * (0.3 + 0.3 * rng.random())
        course[frame:] += size * np.exp(-np.arange(frames - frame)[:, None] / 1.5)
    scale = np.array([1, 1, 1, 0.02, 0.02, 0.02])
    return scale * (0.25 * restless * slow + 0.012 * restless * tremor + course), jerks


def scan(
    rng: Generator, place: Head, connectome: Any, frames: int = 200, tr: float = 2.0, restless: float = 1.0,
    unsteady: int = 0,
) -> Scan:  # fmt: skip
    """Draw a run of parcels with a connectome, with breathing, drift, motion and noise in it.

    Parameters
    ----------
    place : Head
    connectome : (parcels, parcels)
        Correlations of the parcels' signals.
    frames, tr
        Length of the run, and seconds between frames.
    restless : float
        How much the head moves, see `head_motion`.
    unsteady : int
        Brighter frames at the start.
    """
    mixing = root(np.asarray(connectome))
    signals = slow_signals(rng, frames, len(mixing), tr, *BAND) @ mixing
    motion, jerks = head_motion(rng, frames, restless)
    brain = place.brain
    tissue = np.zeros((brain.sum(), frames))
    label = place.labels[brain]
    tissue[label > 0] = 8.0 * signals.T[label[label > 0] - 1]
    tissue += 5.0 * _courses(rng, frames, tr, 1)[:, 0]  # breathing and heart, everywhere
    for region, leak in ((place.white_matter, 0.4), (place.csf, 0.3)):
        field = ndimage.gaussian_filter(region.astype(float), 1.5)[brain]
        tissue += (9.0 * (region[brain] + leak * field))[:, None] * _courses(rng, frames, tr, 1)[:, 0]
    tissue += _drift(rng, brain, frames)
    tissue += _of_motion(rng, place, motion, jerks)
    tissue += 7.0 * rng.standard_normal(tissue.shape)
    image = np.zeros((*brain.shape, frames))
    image[brain] = BASE * (1 + 0.1 * place.csf[brain] - 0.05 * place.white_matter[brain])[:, None] + tissue
    image[..., :unsteady] *= 1 + 0.08 * 0.5 ** np.arange(unsteady)
    return Scan(image, motion, signals, jerks, unsteady)


def _courses(rng: Generator, frames: int, tr: float, count: int) -> np.ndarray:
    return slow_signals(rng, frames, count, tr, 0.005, 0.2)


def _drift(rng: Generator, brain: np.ndarray, frames: int) -> np.ndarray:
    """Return the scanner's drift, a straight line and a wave of another strength at each place, (brain, time)."""
    time = np.linspace(-1, 1, frames)
    fields = [_field(rng, brain, 4.0) for _ in range(2)]
    return 10.0 * np.outer(fields[0], time) + 5.0 * np.outer(fields[1], np.cos(np.pi * time))


def _of_motion(rng: Generator, place: Head, motion: np.ndarray, jerks: np.ndarray) -> np.ndarray:
    """Return what motion does, (brain, time): edges slide with the head; a jerk dims near places alike."""
    brain = place.brain
    slope = np.stack(np.gradient(ndimage.gaussian_filter(brain.astype(float), 1.0)), axis=-1)[brain]
    where = np.argwhere(brain) - np.array(brain.shape) / 2
    turned = np.cross(where, slope)  # how a rotation moves an edge
    moved = 60.0 * slope @ motion[:, :3].T + 2000.0 * turned @ motion[:, 3:].T / 10
    change = np.abs(np.diff(motion, axis=0, prepend=motion[:1])) @ np.array([1, 1, 1, 50, 50, 50])
    for frame in jerks:
        for later in range(frame, min(frame + 3, len(motion))):
            dimmed = 30.0 * min(change[frame], 1.5) * 0.6 ** (later - frame)
            moved[:, later] -= dimmed * (0.6 + _field(rng, brain, 2.0))
    return moved


def _field(rng: Generator, brain: np.ndarray, width: float) -> np.ndarray:
    """Draw a smooth field over the brain, mean 0 and variance 1; `width` counts voxels."""
    field = ndimage.gaussian_filter(rng.standard_normal(brain.shape), width)[brain]
    return (field - field.mean()) / field.std()
