"""Courses of an ICA and which of its components are noise, as ICA-AROMA, fMRIPost-AROMA and tedana leave them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
from fileformats.generic import File
from pydra.compose import python

from pydra_diffconn import pydra_compat  # noqa: F401 - before a class of tasks is made, so that processes find it
from pydra_diffconn.files import FileError
from pydra_diffconn.files.tables import read_named, write_table

NOISE = ("rejected", "motion", "noise")
SIGNAL = ("accepted", "ignored", "signal")


class Components(NamedTuple):
    """Components of a run."""

    courses: np.ndarray
    """(time, components)."""
    noise: np.ndarray
    """(components,): 1 for noise, 0 for signal."""
    names: tuple[str, ...]


def noise_components(mixing: str | Path, status: str | Path) -> Components:
    """Read the courses of an ICA, and which of its components are noise.

    Parameters
    ----------
    mixing : path
        The courses, with or without a line of names: tedana's `*_desc-ICA_mixing.tsv`, fMRIPrep's
        `*_desc-MELODIC_mixing.tsv`, fMRIPost-AROMA's `*_desc-melodic_mixing.tsv`, FSL's `melodic_mix`.
    status : path
        Which are noise: a table with the column `classification`, a row for each component (tedana's
        `*_desc-tedana_metrics.tsv` or `*_desc-ICA_status_table.tsv`, fMRIPost-AROMA's `*_desc-aroma_metrics.tsv`), or
        their numbers from 1 (`*_AROMAnoiseICs.csv`, `classified_motion_ICs.txt`).

    Raises
    ------
    ValueError
        If they do not belong together, or are no such files.
    """
    mixing, status = Path(mixing), Path(status)
    courses, names = _courses(mixing)
    noise = _classified(status, mixing, names) if _is_table(status) else _numbered(status, mixing, courses.shape[1])
    return Components(courses, noise, names)


def _courses(mixing: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    names: tuple[str, ...] = ()
    try:  # FSL's files have no names, whatever their ending
        courses = np.loadtxt(mixing, ndmin=2)
    except ValueError:
        try:
            courses, names = read_named(mixing)
        except FileError as error:
            raise ValueError(f"{mixing.name} is no table of numbers: {error}") from None
    return courses, names or tuple(f"component_{number + 1:02d}" for number in range(courses.shape[1]))


def _is_table(status: Path) -> bool:
    with status.open(encoding="utf-8", errors="replace") as file:
        return bool(re.search(r"[A-Za-z]", file.readline()))


def _numbered(status: Path, mixing: Path, count: int) -> np.ndarray:
    try:
        numbers = np.array(status.read_text(encoding="utf-8").replace(",", " ").split(), dtype=int)
    except ValueError as error:
        raise ValueError(f"{status.name} is no table of numbers: {error}") from None
    if numbers.size and not 1 <= numbers.min() <= numbers.max() <= count:
        raise ValueError(f"{status.name} names component {numbers.max()}, {mixing.name} has {count}")
    return np.isin(np.arange(1, count + 1), numbers) * 1.0


def _classified(status: Path, mixing: Path, names: tuple[str, ...]) -> np.ndarray:
    """Read a table of metrics; tedana's releases write the same component as ICA_4 in one and ICA_04 in the other."""
    import pandas as pd

    try:
        table = pd.read_table(status, dtype=str)
        kinds = table["classification"].str.lower()
    except (KeyError, ValueError) as error:
        raise ValueError(
            f"{status.name} has no columns Component and classification ({error}); expected a table of metrics"
        ) from None
    if "Component" in table:
        by_name = dict(zip(map(_plain, table["Component"]), kinds, strict=True))
        unknown = [name for name in names if _plain(name) not in by_name]
        if unknown:
            raise ValueError(
                f"{status.name} does not say what {unknown[0]} of {mixing.name} is; they are of different runs"
            )
        kinds = [by_name[_plain(name)] for name in names]
    elif len(kinds) != len(names):
        raise ValueError(f"{status.name} has {len(kinds)} rows for the {len(names)} components of {mixing.name}")
    strange = [kind for kind in kinds if kind not in (*NOISE, *SIGNAL)]
    if strange:
        raise ValueError(f"{status.name}: classification {strange[0]!r} is none of {', '.join((*NOISE, *SIGNAL))}")
    return np.isin(list(kinds), NOISE) * 1.0


def _plain(name: str) -> str:
    return re.sub(r"_0*(\d+)$", r"_\1", str(name))


@python.define(outputs=["components", "noise"])
def NoiseComponents(mixing: File, status: File) -> tuple[File, File]:
    """Write the courses of an ICA, and 1 for each that is noise, as `NonAggressiveRegression` takes them.

    Parameters
    ----------
    mixing : File
        Courses of the components, see `noise_components`.
    status : File
        Which are noise: a table with the column `classification`, or their numbers from 1.
    """
    found = noise_components(str(mixing), str(status))
    components = write_table(found.courses, list(found.names), Path.cwd() / "components.tsv")
    return File(components), File(write_table(found.noise[:, None], ["noise"], Path.cwd() / "noise.tsv"))
