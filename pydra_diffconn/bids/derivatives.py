"""BIDS derivatives out: one table of names, side-cars, and the description of the data set."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from pydra_diffconn.files import tables

BIDS_VERSION = "1.10.0"
NAMES = {
    "relmat": "{source}_atlas-{atlas}_desc-{desc}_stat-{stat}_relmat.tsv",
    "timeseries": "{source}_atlas-{atlas}_stat-mean_timeseries.tsv",
}


def source_path(root: Path, **entities: Any) -> tuple[Path, str]:
    """Return the `func` folder and the leading entities of a run; refuse labels that could leave `root`.

    >>> source_path(Path("out"), sub="01", ses="2", task="rest")
    (PosixPath('out/sub-01/ses-2/func'), 'sub-01_ses-2_task-rest')
    """
    for name, value in entities.items():
        if not re.fullmatch(r"[A-Za-z0-9+]+", str(value)):
            raise ValueError(f"{name}-{value} is no legal BIDS label; only letters, digits and + are")
    folder = root.joinpath(*(f"{name}-{entities[name]}" for name in ("sub", "ses") if name in entities), "func")
    return folder, "_".join(f"{name}-{value}" for name, value in entities.items())


def write_relmat(
    root: Path,
    entities: Mapping[str, Any],
    connectome: np.ndarray,
    names: list[str],
    metadata: Mapping[str, Any],
    **label: str,
) -> Path:
    """Write a connectome with its side-car; `label` fills atlas, desc and stat of the name."""
    folder, source = source_path(root, **entities)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / NAMES["relmat"].format(source=source, **label)
    tables.write_matrix(connectome, names, path)
    sidecar = {"Weighted": True, "Directed": False, "ValidDiagonal": False, "StorageFormat": "Full", **metadata}
    path.with_suffix(".json").write_text(json.dumps(sidecar, indent=2) + "\n", encoding="utf-8")
    return path


def write_description(root: Path, name: str, sources: list[dict[str, str]]) -> None:
    """Write dataset_description.json, and the .bidsignore for names that the validator does not know yet."""
    root.mkdir(parents=True, exist_ok=True)
    description = {
        "Name": name,
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": "pydra-diffconn", "Version": version("pydra-diffconn")}],
        "SourceDatasets": sources,
    }
    (root / "dataset_description.json").write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
    (root / ".bidsignore").write_text("*_relmat.*\n*_timeseries.*\nfit/\nwork/\n*.html\n", encoding="utf-8")
