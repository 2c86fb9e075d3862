"""BIDS derivatives out: one table of names, side-cars, and the description of the data set."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from pydra_diffconn.files import tables
from pydra_diffconn.files.saving import whole_file

BIDS_VERSION = "1.10.0"
NAMES = {
    "motion": "{source}_motion.tsv",
    "outliers": "{source}[_desc-{desc}]_outliers.tsv",
    "design": "{source}[_desc-{desc}]_design.tsv",
    "timeseries": "{source}_atlas-{atlas}[_desc-{desc}]_stat-mean_timeseries.tsv",
    "coverage": "{source}_atlas-{atlas}_stat-coverage_bold.tsv",
    "relmat": "{source}_atlas-{atlas}[_desc-{desc}]_stat-{stat}_relmat.tsv",
    "denoised": "{source}_desc-denoised{desc}_bold{ending}",
    "map": "{source}[_desc-{desc}]_stat-{stat}_boldmap{ending}",
    "figure": "{source}_atlas-{atlas}_desc-{desc}{figure}_bold.svg",
}
"""Names of files; what stands in brackets is left out where it has no value."""
LABEL = re.compile(r"[A-Za-z0-9+]+")
IGNORED = (
    "*_relmat.*",
    "*_timeseries.*",
    "*_motion.*",
    "*_outliers.*",
    "*_design.*",
    "*_boldmap.*",
    "*_stat-coverage_bold.*",
    "sub-*/figures",
    "group*",
    "methods.*",
    "status.tsv",
    "settings.json",
    "/fit",
    "/work",
    "/logs",
    "*.html",
    "*.lock",
)
"""What the BIDS validator does not know yet; a pattern may have two asterisks, and a folder's no slash at its end."""
README = """Functional connectomes of preprocessed runs, made by pydra-diffconn.

What was done with which run, and why some were left out, stands in status.tsv; how, in the JSON file beside each
result. Series (`*_timeseries.tsv`) have a column for each parcel, connectomes (`*_relmat.tsv`) a row and a column;
n/a is a parcel without data.
"""


def file_name(kind: str, **parts: Any) -> str:
    """Return the name of a file by the table; labels that could leave the folder are refused.

    >>> file_name("relmat", source="sub-01_task-rest", atlas="Demo", stat="pearsoncorrelation")
    'sub-01_task-rest_atlas-Demo_stat-pearsoncorrelation_relmat.tsv'
    """
    for name, value in parts.items():
        if name not in ("source", "ending") and value:
            _require_label(name, value)
    template = re.sub(r"\[([^]]*)\]", r"\1" if parts.get("desc") else "", NAMES[kind])
    return template.format(**{"desc": "", **{name: value or "" for name, value in parts.items()}})


def label_of(text: str) -> str:
    """Return a text as a BIDS label: letters, digits and + alone.

    >>> label_of("acompcor_gsr")
    'acompcorgsr'
    """
    return "".join(LABEL.findall(text))


def entities_of(path: Path) -> dict[str, str]:
    """Return the entities in a file's name.

    >>> entities_of(Path("tpl-fsLR_atlas-4S_scale-156_dseg.dlabel.nii"))
    {'tpl': 'fsLR', 'atlas': '4S', 'scale': '156'}
    """
    parts = path.name.partition(".")[0].split("_")
    return {name: label for name, _, label in (part.partition("-") for part in parts) if label}


def _require_label(name: str, value: Any) -> None:
    if not LABEL.fullmatch(str(value)):
        raise ValueError(f"{name}-{value} is no legal BIDS label; only letters, digits and + are")


def source_path(root: Path, **entities: Any) -> tuple[Path, str]:
    """Return the `func` folder and the leading entities of a run; refuse labels that could leave `root`.

    >>> source_path(Path("out"), sub="01", ses="2", task="rest")
    (PosixPath('out/sub-01/ses-2/func'), 'sub-01_ses-2_task-rest')
    """
    for name, value in entities.items():
        _require_label(name, value)
    folder = root.joinpath(*(f"{name}-{entities[name]}" for name in ("sub", "ses") if name in entities), "func")
    return folder, "_".join(f"{name}-{value}" for name, value in entities.items())


def write_relmat(
    root: Path,
    entities: Mapping[str, Any],
    connectome: np.ndarray,
    names: Sequence[str],
    metadata: Mapping[str, Any],
    **label: str,
) -> Path:
    """Write a connectome with its side-car; `label` fills atlas, desc and stat of the name."""
    folder, source = source_path(root, **entities)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / file_name("relmat", source=source, **label)
    tables.write_matrix(connectome, list(names), path)
    sidecar = {"Weighted": True, "Directed": False, "ValidDiagonal": False, "StorageFormat": "Full", **metadata}
    write_json(path.with_suffix(".json"), sidecar)
    return path


def write_json(path: Path, content: Mapping[str, Any]) -> Path:
    """Write a JSON file for people to read."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    return path


def write_text(path: Path, text: str) -> None:
    """Write a text so that a reader sees all of it or what was there before."""
    with whole_file(path) as beside:
        beside.write_text(text, encoding="utf-8")


def write_description(
    root: Path, name: str, sources: Sequence[Mapping[str, str]], links: Mapping[str, str] | None = None
) -> None:
    """Write dataset_description.json, and the .bidsignore for names that the validator does not know yet.

    Parameters
    ----------
    root : path
        The data set's folder.
    sources : sequence of mapping
        Where the data came from: URL, DOI or Version of each.
    links : mapping, optional
        Names of data sets in BIDS URIs, and where they are.
    """
    root.mkdir(parents=True, exist_ok=True)
    ours: dict[str, Any] = {"Name": "pydra-diffconn", "Version": version("pydra-diffconn")}
    if container := os.environ.get("DIFFCONN_CONTAINER"):  # set by the container recipe
        ours["Container"] = {"Type": "docker", "Tag": container}
    description = {
        "Name": name,
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [ours],
        "SourceDatasets": list(sources),
        **({"DatasetLinks": dict(links)} if links else {}),
    }
    write_json(root / "dataset_description.json", description)
    write_text(root / ".bidsignore", "\n".join(IGNORED) + "\n")
    if not (root / "README.md").exists():
        write_text(root / "README.md", README)
