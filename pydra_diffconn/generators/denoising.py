"""Parcel series of people who move, with what fMRIPrep would measure of it, and the connectome that is hidden below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from scipy.spatial.distance import cdist

from pydra_diffconn.generators.connectomes import random_correlations, root
from pydra_diffconn.generators.scans import head_motion
from pydra_diffconn.generators.signals import slow_signals

RADIUS = 50.0  # mm, from the centre of the head to where rotations are measured
COMPONENTS = 5


@dataclass(frozen=True)
class DenoisingStudy:
    """What is measured, and what is hidden in it."""

    timeseries: np.ndarray
    """(people, time, parcels): signal and artefacts."""
    confounds: np.ndarray
    """(people, time, columns): in the groups of `terms`."""
    terms: np.ndarray
    """(columns,): the number in `names` of each column's group."""
    names: tuple[str, ...]
    """The groups of confounds."""
    displacement: np.ndarray
    """(people, time): framewise displacement, in mm."""
    distances: np.ndarray
    """(parcels, parcels): in mm."""
    connectome: np.ndarray
    """(parcels, parcels): the correlation from which the signal of everybody is drawn."""


def denoising_study(
    rng: Generator,
    people: int = 60,
    frames: int = 200,
    parcels: int = 30,
    tr: float = 2.0,
    hidden: float = 0.0,
    motion: Sequence[np.ndarray] = (),
) -> DenoisingStudy:
    """Draw people of different restlessness, whose artefacts confounds explain in part.

    In each series there is the slow signal, breathing that all parcels share, what the realignment parameters explain
    (each with a spatial pattern of its own) and, in frames that move, a burst that near parcels share and no confound
    explains.

    Parameters
    ----------
    tr : float
        Seconds between frames.
    hidden : float
        Strength of an artefact that does not follow motion at all, which only the tissue signals hold.
    motion : sequence of (time, 6), optional
        Realignment parameters of real runs, in mm and radians, in place of drawn ones: each person has one of them in
        turn, from a frame drawn at random, back and forth where it is too short, and times its own restlessness.
    """
    connectome = random_correlations(rng, 1, parcels, rank=max(4, parcels // 3))[0]
    mixing = root(connectome)
    places = rng.standard_normal((parcels, 3))
    places *= 60 / np.linalg.norm(places, axis=1, keepdims=True)
    distances = cdist(places, places)
    near = root(np.exp(-distances / 30) + 1e-9 * np.eye(parcels))
    of_motion, of_tissue = rng.standard_normal((6, parcels)), 0.5 + rng.random((2, parcels))
    runs = []
    for number, restless in enumerate(np.exp(0.5 * rng.standard_normal(people))):
        own = _stretch(rng, motion[number % len(motion)], frames) * restless if motion else None
        runs.append(_run(rng, frames, tr, mixing, near, of_motion, of_tissue, restless, hidden, own))
    series, tables, displacement = (np.stack(part).astype(np.float32) for part in zip(*runs, strict=True))
    names = ("rp", "rp'", "rp^2", "rp'^2", "csf + wm", "gs", "a_compcor")
    terms = np.repeat(np.arange(len(names)), [6, 6, 6, 6, 2, 1, COMPONENTS])
    return DenoisingStudy(series, tables, terms, names, displacement, distances, connectome)


def _run(
    rng: Generator,
    frames: int,
    tr: float,
    mixing: np.ndarray,
    near: np.ndarray,
    of_motion: np.ndarray,
    of_tissue: np.ndarray,
    restless: float,
    hidden: float,
    own: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a person's series, confounds and framewise displacement."""
    parcels = len(mixing)
    signal = slow_signals(rng, frames, parcels, tr, 0.01, 0.15)
    signal = signal / signal.std(axis=0) @ mixing
    motion = head_motion(rng, frames, restless)[0] if own is None else own
    scaled = motion * ([1] * 3 + [RADIUS] * 3)
    moved = np.abs(np.diff(scaled, axis=0, prepend=scaled[:1])).sum(axis=1)
    breathing, other = (slow_signals(rng, frames, 1, tr, 0.005, 0.2) for _ in range(2))
    breathing, other = (course / course.std() for course in (breathing, other))
    series = signal + 0.6 * restless * breathing * of_tissue[0] + hidden * other * of_tissue[1]
    series = series + 0.8 * (scaled - scaled.mean(axis=0)) @ of_motion / np.sqrt(6)
    series = series + 2.5 * np.minimum(moved, 2.0)[:, None] * (rng.standard_normal((frames, parcels)) @ near)
    courses = np.concatenate([breathing, other], axis=1)
    tissues = courses @ np.array([[1.0, 0.4], [0.4, 1.0]]) + 0.4 * rng.standard_normal((frames, 2))
    noise_pool = courses @ rng.standard_normal((2, 40)) + scaled @ rng.standard_normal((6, 40)) / 3
    noise_pool = noise_pool + rng.standard_normal((frames, 40))
    left = np.linalg.svd(noise_pool - noise_pool.mean(axis=0), full_matrices=False)[0][:, :COMPONENTS]
    change = np.diff(motion, axis=0, prepend=motion[:1])
    table = [motion, change, motion**2, change**2, tissues, series.mean(axis=1, keepdims=True), left]
    return series, np.concatenate(table, axis=1), moved


def _stretch(rng: Generator, measured: np.ndarray, frames: int) -> np.ndarray:
    """Return as many frames of measured motion, from one drawn at random, back and forth without a jump."""
    measured = np.asarray(measured, float)
    if measured.ndim != 2 or measured.shape[1] != 6 or len(measured) < 2 or not np.isfinite(measured).all():
        raise ValueError(f"motion has shape {measured.shape}; expected finite (time, 6), of at least two frames")
    back_and_forth = np.concatenate([measured, measured[-2:0:-1]])
    start = int(rng.integers(len(back_and_forth)))
    return back_and_forth[(start + np.arange(frames)) % len(back_and_forth)]
