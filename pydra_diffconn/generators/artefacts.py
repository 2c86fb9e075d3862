"""Series of many people with artefacts that grow with a person's motion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from pydra_diffconn.generators.connectomes import random_correlations, root
from pydra_diffconn.generators.signals import slow_signals


@dataclass(frozen=True)
class MotionStudy:
    """What is measured, and what is hidden in it."""

    timeseries: np.ndarray
    """(runs, time, parcels): signal and artefacts."""
    clean: np.ndarray
    """(runs, time, parcels): the signal alone."""
    confounds: np.ndarray
    """(runs, time, regressors): the courses of the artefacts and of as many innocent ones, in random order."""
    guilty: np.ndarray
    """(artefacts,): columns of the confounds that hold artefacts, to be recovered; in the order of `jitter`."""
    quality: np.ndarray
    """(runs,): the motion of each run, such as its mean framewise displacement in mm."""
    amplitudes: np.ndarray
    """(runs, artefacts): how strong each artefact is in each run."""
    connectome: np.ndarray
    """(parcels, parcels): the correlation from which all clean series are drawn."""


def motion_study(
    rng: Generator,
    runs: int = 100,
    frames: int = 200,
    parcels: int = 20,
    jitter: Sequence[float] = (0.1, 0.5, 1.5),
    innocent: int = 17,
    strength: float = 1.0,
    spread: float = 0.5,
) -> MotionStudy:
    """Draw runs with artefacts whose amplitude follows a run's quality measure, the less so the larger their jitter.

    Each artefact has one spatial pattern for all runs and a slow course of its own in each run. Its amplitude is
    `strength` times |z + jitter * noise|, z being the run's quality measure, log-normal around 1, with noise of unit
    variance that differs between artefacts and runs.

    Parameters
    ----------
    jitter : sequence of float
        One for each artefact; 0 couples it to quality exactly.
    innocent : int
        Further confounds that are in no series.
    strength : float
        Mean amplitude, in standard deviations of the clean signal.
    spread : float
        Standard deviation of the logarithm of quality over runs.
    """
    artefacts = len(jitter)
    connectome = random_correlations(rng, 1, parcels)[0]
    clean = rng.standard_normal((runs, frames, parcels)) @ root(connectome)
    quality = np.exp(spread * rng.standard_normal(runs) - spread**2 / 2)
    noise = rng.standard_normal((runs, artefacts))
    amplitudes = strength * np.abs(quality[:, None] + np.asarray(jitter) * noise)
    patterns = rng.standard_normal((artefacts, parcels))
    courses = slow_signals(rng, frames, runs * (artefacts + innocent), high=0.25)
    courses = courses.reshape(frames, runs, -1).transpose(1, 0, 2)
    artefact = (amplitudes[:, None] * courses[..., :artefacts]) @ patterns
    order = rng.permutation(artefacts + innocent)
    guilty = np.argsort(order)[:artefacts]
    return MotionStudy(clean + artefact, clean, courses[..., order], guilty, quality, amplitudes, connectome)
