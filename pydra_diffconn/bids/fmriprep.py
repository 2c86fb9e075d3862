"""The runs of a folder of fMRIPrep derivatives: which images there are, and what lies beside each.

The folder is indexed by `bids2table` (one small function here, so that it can be another library), which also reads
side-cars with what they inherit.
"""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pydra_diffconn.bids.derivatives import entities_of

NOT_SOURCE = ("space", "cohort", "res", "den", "desc")
"""Entities of an image that its table of confounds has not."""
ENDINGS = {".nii.gz": "nifti", ".nii": "nifti", ".dtseries.nii": "cifti"}
TABLES = ("desc-confounds_timeseries.tsv", "desc-confounds_regressors.tsv")  # fMRIPrep since 20.2, and before
DTSERIES = ".dtseries.nii"


@dataclass(frozen=True)
class Run:
    """One preprocessed image, and the files that belong to it."""

    root: Path
    bold: Path
    entities: Mapping[str, str]
    """Of the image's name, in the order of the name."""
    confounds: Path | None
    metadata: Path | None
    """The JSON file beside the table of confounds."""
    mask: Path | None
    other: Mapping[str, Path] = field(default_factory=dict)
    """The same run with another `desc`, such as smoothAROMAnonaggr."""

    @property
    def kind(self) -> str:
        """ "nifti" or "cifti"."""
        return "cifti" if self.bold.name.endswith(DTSERIES) else "nifti"

    @property
    def source(self) -> str:
        """The entities without those of the image's space: what motion and confounds belong to."""
        return _joined(self.entities, NOT_SOURCE)

    @property
    def name(self) -> str:
        """The entities up to the space and its resolution: what series and connectomes belong to."""
        return _joined(self.entities, ("desc",))

    @property
    def space(self) -> str:
        """The template; "T1w" or "native" where the name has none."""
        return self.entities.get("space", "native")

    @property
    def folder(self) -> Path:
        """Where results belong, below the output folder."""
        return Path(*(f"{name}-{self.entities[name]}" for name in ("sub", "ses") if name in self.entities), "func")

    @cached_property
    def sidecar(self) -> dict[str, Any]:
        """What the JSON files say of the image, also those that it inherits from."""
        from bids2table import load_bids_metadata

        return dict(load_bids_metadata(self.bold, inherit=True))

    @cached_property
    def header(self) -> tuple[tuple[int, ...], float | None]:
        """Shape of the image and seconds between frames, as its header has them."""
        import nibabel as nib

        from pydra_diffconn.files.volumes import load_image

        image = load_image(self.bold)
        if isinstance(image, nib.cifti2.Cifti2Image):
            axis = image.header.get_axis(0)
            return image.shape, float(axis.step) if hasattr(axis, "step") else None
        zooms = image.header.get_zooms()
        if len(image.shape) != 4:
            raise ValueError(f"{self.bold} has {len(image.shape)} dimensions; expected a run of volumes, with 4")
        seconds = {"msec": 1e-3, "usec": 1e-6}.get(image.header.get_xyzt_units()[1], 1.0)
        return image.shape, float(zooms[3]) * seconds if zooms[3] > 0 else None

    @property
    def frames(self) -> int:
        """Number of frames of the image."""
        shape = self.header[0]
        return shape[0] if self.kind == "cifti" else shape[3]

    @property
    def tr(self) -> float:
        """Seconds between frames: as the side-car says, else the header.

        Raises
        ------
        ValueError
            If neither says it, or it cannot be.
        """
        told = self.sidecar.get("RepetitionTime")
        found = told if isinstance(told, int | float) else self.header[1]
        if found is None:
            raise ValueError(f"neither the side-car nor the header of {self.bold} has a RepetitionTime; add it")
        if not 0 < found < 100:
            raise ValueError(f"{self.bold}: RepetitionTime = {found:g}; expected seconds")
        return float(found)


def runs(
    root: Path,
    participants: Sequence[str] = (),
    sessions: Sequence[str] = (),
    tasks: Sequence[str] = (),
    spaces: Sequence[str] = (),
) -> list[Run]:
    """Return the preprocessed runs of a folder, in the order of their names.

    Parameters
    ----------
    root : path
        A folder of fMRIPrep derivatives.
    participants, sessions, tasks : sequence of str, optional
        Labels, with or without `sub-`, `ses-`, `task-`; by default all.
    spaces : sequence of str, optional
        Such as "MNI152NLin2009cAsym", "fsLR" or, with a resolution, "MNI152NLin2009cAsym:res-2"; by default every
        space of the folder.

    Raises
    ------
    ValueError
        If there is nothing, or nothing of what is asked for, with the nearest labels.
    """
    root = root.absolute()  # jobs run in folders of their own
    if not root.is_dir():
        raise ValueError(f"{root} is no folder; expected one of fMRIPrep derivatives, with sub-... in it")
    table = _index(root, [one.removeprefix("sub-") for one in participants])
    found = _images(root, table)
    if not found:
        raise ValueError(
            f"{root} holds no run that fMRIPrep preprocessed (sub-*_desc-preproc_bold.nii.gz or "
            f"sub-*_bold.dtseries.nii){_hint(root)}"
        )
    for entity, wanted in (("ses", sessions), ("task", tasks)):
        found = _chosen(found, entity, wanted, root)
    found = _of_spaces(found, spaces, root)
    return sorted(found, key=lambda run: [(k, _natural(v)) for k, v in run.entities.items()])


def _index(root: Path, participants: Sequence[str]) -> list[Path]:
    """Return the files of the people asked for; this is all that is known of the library that indexes."""
    try:
        import bids2table
    except ImportError:
        raise ImportError('folders are indexed by bids2table: pip install "pydra-diffconn[bids]"') from None
    labels = sorted({path.name.removeprefix("sub-") for path in root.glob("sub-*") if path.is_dir()}, key=_natural)
    if not labels:
        raise ValueError(f"{root} has no folder sub-...; expected fMRIPrep derivatives{_hint(root)}")
    for label in participants:
        if label not in labels:
            near = labels if len(labels) <= 8 else difflib.get_close_matches(label, labels, 8, cutoff=0.3) or labels[:8]
            raise ValueError(
                f"there is no participant {label!r} in {root}; the nearest of {len(labels)} are {', '.join(near)}"
            )
    table = bids2table.index_dataset(root, include_subjects=[f"sub-{one}" for one in participants] or None)
    return [root / path for path in table.column("path").to_pylist()]


def unreadable(root: Path, participants: Sequence[str] = (), sessions: Sequence[str] = ()) -> list[tuple[Path, str]]:
    """Return the folders of the people and sessions asked for that cannot be listed, each with the reason.

    Whoever indexes passes over them, and the runs in them would be missing without a word.
    """
    found: list[tuple[Path, str]] = []
    people = {one.removeprefix("sub-") for one in participants}
    wanted = {one.removeprefix("ses-") for one in sessions}

    def failed(error: OSError) -> None:
        path = Path(error.filename)
        labels = dict(part.split("-", 1) for part in path.relative_to(root).parts if part.startswith("ses-"))
        if not wanted or labels.get("ses", next(iter(wanted))) in wanted:
            found.append((path, error.strerror or type(error).__name__))

    for path in sorted(root.glob("sub-*")):
        if path.is_dir() and (not people or path.name.removeprefix("sub-") in people):
            for _ in os.walk(path, onerror=failed):
                pass
    return found


def _images(root: Path, paths: Iterable[Path]) -> list[Run]:
    files = {path.name: path for path in paths}
    tables: dict[str, Path] = {}
    masks: dict[str, Path] = {}
    images: list[tuple[Path, dict[str, str]]] = []
    others: dict[str, dict[str, Path]] = {}
    for name, path in files.items():
        stem, _, ending = name.partition(".")
        entities, suffix = entities_of(path), stem.rpartition("_")[2]
        source = _joined(entities, NOT_SOURCE)
        if name.endswith(TABLES) and entities.get("desc") == "confounds":
            tables[source] = path
        elif suffix == "mask" and entities.get("desc") == "brain" and path.parent.name == "func":
            masks[_joined(entities, ("desc",))] = path
        elif suffix == "bold" and f".{ending}" in ENDINGS and entities.get("part", "mag") == "mag":
            preproc = entities.get("desc", "preproc" if f".{ending}" == DTSERIES else "") == "preproc"
            if preproc and "echo" not in entities:
                images.append((path, entities))
            elif "desc" in entities:
                others.setdefault(source, {})[entities["desc"]] = path
    return [_run(root, path, entities, tables, masks, others) for path, entities in images]


def _run(root: Path, bold: Path, entities: dict[str, str], tables: Any, masks: Any, others: Any) -> Run:
    source = _joined(entities, NOT_SOURCE)
    table = tables.get(source)
    beside = table.with_suffix(".json") if table is not None else None
    mask, other = masks.get(_joined(entities, ("desc",))), others.get(source, {})
    return Run(root, bold, entities, table, beside if beside is not None and beside.is_file() else None, mask, other)


def _joined(entities: Mapping[str, str], without: Sequence[str]) -> str:
    return "_".join(f"{name}-{value}" for name, value in entities.items() if name not in without)


def _natural(text: str) -> list[Any]:
    """Return a key by which 2 comes before 10."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", text)]


def _chosen(found: list[Run], entity: str, wanted: Sequence[str], root: Path) -> list[Run]:
    labels = [one.removeprefix(f"{entity}-") for one in wanted]
    known = sorted({run.entities[entity] for run in found if entity in run.entities})
    for label in labels:
        if label not in known:
            near = difflib.get_close_matches(label, known, cutoff=0.3) or known[:8] or ["none at all"]
            raise ValueError(f"no run in {root} has {entity}-{label}; there are {', '.join(near)}")
    return [run for run in found if not labels or run.entities.get(entity) in labels]


def _of_spaces(found: list[Run], spaces: Sequence[str], root: Path) -> list[Run]:
    if not spaces:
        return found
    chosen = []
    for wanted in spaces:
        name, *more = wanted.removeprefix("space-").split(":")
        asked = {"space": name} | {entity: label for entity, _, label in (one.partition("-") for one in more)}
        fitting = [run for run in found if all(run.entities.get(k) == v for k, v in asked.items())]
        if not fitting:
            known = sorted({run.space for run in found})
            raise ValueError(f"no run in {root} is in the space {wanted!r}; there are {', '.join(known)}")
        chosen += [run for run in fitting if run not in chosen]
    return chosen


def description(root: Path) -> dict[str, Any]:
    """Return what a data set says of itself; empty where it says nothing that can be read."""
    try:
        found = json.loads((root / "dataset_description.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _hint(root: Path) -> str:
    """Return what may be wrong with a folder."""
    found = description(root)
    if found.get("DatasetType", "raw" if found else "") == "raw":
        return "; this is a raw data set: give the folder of its derivatives, such as derivatives/fmriprep"
    below = [one for one in (root / "fmriprep", root / "derivatives" / "fmriprep") if one.is_dir()]
    return f"; did you mean {below[0]}?" if below else ""
