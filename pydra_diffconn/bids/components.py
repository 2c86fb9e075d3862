"""Courses of an ICA beside a run's confounds, and which of its components are noise: ICA-AROMA's files, or tedana's."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from pydra_diffconn.bids.fmriprep import Run
from pydra_diffconn.confound_models.strategies import Strategy

MIXING = {"aroma": "desc-MELODIC_mixing.tsv", "tedana": "desc-ICA_mixing.tsv"}
CLASSES = {
    "aroma": ("AROMAnoiseICs.csv",),
    "tedana": ("desc-tedana_metrics.tsv", "desc-ICA_status_table.tsv"),  # the second in newer ones
}


def component_files(strategy: Strategy, run: Run) -> tuple[Path, Path]:
    """Return where the courses of an ICA lie, and what its components are: beside the confounds."""
    assert run.confounds is not None
    folder = run.confounds.parent
    classes = [folder / f"{run.source}_{name}" for name in CLASSES[strategy.ica]]
    found = next((path for path in classes if path.is_file()), classes[0])
    return folder / f"{run.source}_{MIXING[strategy.ica]}", found


def read_components(strategy: Strategy, run: Run, frames: int) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return courses (all frames, components), 1 for each component that is noise, and the components' names.

    Raises
    ------
    ValueError
        If a file is missing, or they do not belong together.
    """
    mixing, classes = component_files(strategy, run)
    for path in (mixing, classes):
        if not path.is_file():
            raise ValueError(f"strategy {strategy.name} needs {path.name}, which is not beside the confounds")
    courses, noise, names = (_aroma if strategy.ica == "aroma" else _tedana)(mixing, classes)
    if len(courses) != frames:
        raise ValueError(f"{mixing.name} has {len(courses)} rows for {frames} frames")
    return courses, noise, names


def _aroma(mixing: Path, numbers: Path) -> tuple[np.ndarray, np.ndarray, list[str]]:
    try:  # FSL's files have no names
        courses = np.loadtxt(mixing, ndmin=2)
        numbered = np.loadtxt(numbers, delimiter=",", dtype=int, ndmin=1)
    except ValueError as error:
        raise ValueError(f"{mixing.name} or {numbers.name} is no table of numbers: {error}") from None
    noise = np.zeros(courses.shape[1])
    if numbered.size and not 1 <= numbered.min() <= numbered.max() <= len(noise):
        raise ValueError(f"{numbers.name} names component {numbered.max()}, {mixing.name} has {len(noise)}")
    noise[numbered - 1] = 1.0
    return courses, noise, [f"component_{number + 1:02d}" for number in range(len(noise))]


def _tedana(mixing: Path, metrics: Path) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Read tedana's tables; releases write the same component as ICA_4 in one and ICA_04 in the other."""
    import pandas as pd

    from pydra_diffconn.files.tables import read_table

    courses, names = read_table(mixing)
    try:
        table = pd.read_table(metrics, dtype=str)[["Component", "classification"]]
    except (KeyError, ValueError) as error:
        told = (
            f"{metrics.name} has no columns Component and classification ({error}); expected tedana's table of metrics"
        )
        raise ValueError(told) from None
    classes = {_number(one): kind for one, kind in table.itertuples(index=False)}
    unknown = [name for name in names if _number(name) not in classes]
    if unknown:
        raise ValueError(
            f"{metrics.name} does not say what {unknown[0]} of {mixing.name} is; they are of different runs"
        )
    noise = np.array([classes[_number(name)] == "rejected" for name in names], dtype=float)
    return np.asarray(courses, dtype=float), noise, [str(name) for name in names]


def _number(name: str) -> str:
    return re.sub(r"_0*(\d+)$", r"_\1", str(name))
