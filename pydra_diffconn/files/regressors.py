"""Telling a whole confounds table, which is no choice of regressors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydra_diffconn.files.opening import FileError
from pydra_diffconn.warn import warn

QUALITY = frozenset(
    [
        "framewise_displacement", "FramewiseDisplacement", "dvars", "std_dvars", "stdDVARS", "non-stdDVARS",
        "vx-wisestdDVARS", "rmsd",
    ]
)  # fmt: skip
"""Columns of fMRIPrep's tables that measure quality, and are no signals to remove."""
MANY = 100  # columns; no published model has as many
CHOOSE = "choose columns, for example ConfoundModel(confounds=..., model='36P')"


def refuse_whole_table(path: Path, names: Sequence[str]) -> None:
    """Refuse a whole confounds table where regressors are expected; warn of one that may be."""
    measures = [name for name in names if name in QUALITY]
    if len(measures) > 1:
        raise FileError(
            f"{path} is a whole confounds table: {len(names)} columns, among them {', '.join(measures[:3])}, which "
            f"measure quality and are no regressors; {CHOOSE}"
        )
    if measures or len(names) > MANY:
        with_it = f", among them {measures[0]}, which measures quality" if measures else ""
        warn(f"all {len(names)} columns of {path} are regressors{with_it}; {CHOOSE}")
