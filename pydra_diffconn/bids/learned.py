"""Learned parameters as settings: what `diffconn fit` found is applied like any strategy."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from pydra_diffconn.declare.learned import READABLE, load_parameters

HISTORY = "history.tsv"

SETTINGS = ("high_pass", "low_pass", "fd_threshold", "penalty", "shrinkage")
"""Inputs of the workflow of a run that can be learned, which are settings of the same name."""
MOST_STEPS = 200
"""Of the history of a fit that a job takes along for the figure of its loss."""


def learned_settings(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the settings that a file of learned parameters holds, and what is recorded of them beside results.

    Raises
    ------
    ValueError
        If it is of another workflow.
    """
    found = load_parameters(path)
    changed: dict[str, Any] = {}
    for one in found:
        name = one.name.rpartition(".")[2]
        if name not in SETTINGS or np.ndim(one.value):
            raise ValueError(
                f"{path} holds {one.name}, which is no setting of a run; expected what `diffconn fit` learns: "
                f"{', '.join(SETTINGS)}"
            )
        changed[name] = float(one.value)
    file = path / READABLE if path.is_dir() else path
    told = {one.name: {"start": float(one.start), "value": float(one.value), "unit": one.unit} for one in found}
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return changed, {"parameters": file, "parameters_hash": digest, "learned": told, "history": _history(file.parent)}


def _history(folder: Path) -> tuple[dict[str, Any], ...]:
    """Return step, loss and held-out loss of the fit that lies in a folder, thinned; nothing if it has no history."""
    import pandas as pd

    path = folder / HISTORY
    if not path.is_file():
        return ()
    try:
        table = pd.read_csv(path, sep="\t", na_values="n/a")[["step", "loss", "validation"]]
    except (KeyError, ValueError) as error:
        told = f"{path} is no history of a fit: {error}; expected columns step, loss and validation"
        raise ValueError(told) from None
    table = table.iloc[:: max(1, len(table) // MOST_STEPS)]
    return tuple({k: None if pd.isna(v) else v for k, v in row.items()} for row in table.to_dict("records"))
