"""The real sample that ships with the package: people scanned twice, parcel series with and without global signal."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent / "data" / "stages_fep"
TR = 2.0  # seconds
SOURCE = (
    "STAGES first-episode psychosis study (Chopra et al. 2021, doi:10.1001/jamapsychiatry.2021.1422), parcel series as "
    "published by izachp/psychosis-FC-prediction, Apache-2.0; a subset, see NOTICE in the package"
)


@dataclass(frozen=True)
class Window:
    """A stretch of one session, denoised in two ways, as (time, parcels) arrays."""

    person: str
    session: int
    number: int
    without_gsr: np.ndarray
    with_gsr: np.ndarray


def people() -> list[str]:
    """Return the participant labels."""
    lines = (FOLDER / "participants.tsv").read_text(encoding="utf-8").splitlines()[1:]
    return [line.split("\t")[0] for line in lines]


@functools.cache
def parcels() -> np.ndarray:
    """Return which parcels have data in every session, counted from 0: a few lie outside of one person's image."""
    with np.load(FOLDER / "timeseries.npz") as file:
        series = (file[key] for key in file.files if not key.endswith("_scale"))
        return np.flatnonzero(np.all([np.any(one != one[0], axis=0) for one in series], axis=0))


def windows(length: int = 60) -> list[Window]:
    """Return consecutive windows of `length` frames, by person, session and time, of the parcels that all have."""
    found, kept = [], parcels()
    with np.load(FOLDER / "timeseries.npz") as file:
        for person in people():
            for session in (1, 2):
                series = [_series(file, f"{person}_ses-{session}_{kind}")[:, kept] for kind in ("noGSR", "GSR")]
                for number in range(len(series[0]) // length):
                    part = slice(number * length, (number + 1) * length)
                    found.append(Window(person, session, number + 1, series[0][part], series[1][part]))
    return found


def _series(file: np.lib.npyio.NpzFile, key: str) -> np.ndarray:
    return file[key].astype(np.float32) * file[f"{key}_scale"]
