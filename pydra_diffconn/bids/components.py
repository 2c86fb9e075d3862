"""Courses of an ICA beside a run's confounds: ICA-AROMA's files of fMRIPrep or fMRIPost-AROMA, or tedana's."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pydra_diffconn.bids.fmriprep import Run
from pydra_diffconn.confound_models.components import noise_components
from pydra_diffconn.confound_models.strategies import Strategy

FILES = {
    "aroma": (
        ("desc-MELODIC_mixing.tsv", "AROMAnoiseICs.csv"),  # fMRIPrep, to 23
        ("*desc-melodic_mixing.tsv", "desc-aroma_metrics.tsv"),  # fMRIPost-AROMA, which names the space, too
    ),
    "tedana": (
        ("desc-ICA_mixing.tsv", "desc-tedana_metrics.tsv"),
        ("desc-ICA_mixing.tsv", "desc-ICA_status_table.tsv"),  # of newer ones
    ),
}


def component_files(strategy: Strategy, run: Run) -> tuple[Path, Path]:
    """Return where the courses of an ICA lie, and what its components are: beside the confounds."""
    assert run.confounds is not None
    folder = run.confounds.parent
    for names in FILES[strategy.ica]:
        found = [next(iter(sorted(folder.glob(f"{run.source}_{name}"))), None) for name in names]
        if all(found):
            return found[0], found[1]  # type: ignore[return-value]
    mixing, classes = FILES[strategy.ica][0]
    return folder / f"{run.source}_{mixing}", folder / f"{run.source}_{classes}"


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
    courses, noise, names = noise_components(mixing, classes)
    if len(courses) != frames:
        raise ValueError(f"{mixing.name} has {len(courses)} rows for {frames} frames")
    return courses, noise, list(names)
