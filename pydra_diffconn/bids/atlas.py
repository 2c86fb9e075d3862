"""Atlases by name or path: in BIDS folders, of the registry, shipped by installed packages, and of TemplateFlow."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from pydra_diffconn import files
from pydra_diffconn.bids.atlas_files import (
    IMAGES,
    AtlasFile,
    atlas_file,
    fetched,
    in_folders,
    in_templateflow,
    packaged,
)
from pydra_diffconn.files.label_tables import read_names


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
        The path of an image, or of an image and its table of names, `IMAGE:TABLE`; or a name, see `candidates`.
    folders : sequence of path
        Where BIDS atlases are looked for.
    space : str, optional
        The template of the runs; an atlas of another one is refused.
    kind : str
        "nifti" or "cifti", as the runs.

    Raises
    ------
    ValueError
        If there is none, none that fits, or more than one, with what there is.
    """
    found = candidates(spec, folders, space, kind)
    fitting = [one for one in found if one.suits(space, kind)]
    if not fitting:
        there = ", ".join(sorted({f"{one.kind} in {one.space or 'an unnamed space'}" for one in found}))
        words = {"nifti": "volumes", "cifti": "CIFTI (a dlabel)"}
        raise ValueError(
            f"the atlas {spec} is {there}; the run needs {words[kind]} in {space}: give one of that space, or run with "
            "--space of the atlas'"
        )
    several = sorted({f"{one.name} of cohort {one.cohort}" if one.cohort else one.name for one in fitting})
    if len(several) > 1:
        raise ValueError(f"{spec} is the name of several atlases: {', '.join(several)}; give one of them, or its path")
    return read_atlas(fitting[0])


def candidates(
    spec: str, folders: Sequence[Path] = (), space: str | None = None, kind: str | None = None
) -> list[AtlasFile]:
    """Return the images that go by a name, those of other spaces and kinds too; the finest resolution first.

    A name is looked for among the BIDS atlases in the folders (`4S156`, `4S_scale-156` and `4S156Parcels` are one),
    what installed packages ship (`atlas_files.PACKAGED`), the functions of `pydra_diffconn.atlases`, and TemplateFlow;
    no further than where one is of the space and kind.

    Raises
    ------
    ValueError
        If there is none, with the nearest names.
    """
    if (by_path := _by_path(spec)) is not None:
        return [by_path]
    known: set[str] = set()
    found: list[AtlasFile] = []
    for source in (in_folders(folders), packaged(), _registered(spec, known), in_templateflow()):
        offered = list(source)
        known.update(name for one in offered for name in one.names)
        named = [one for one in offered if spec in one.names]
        found += named
        if any(one.suits(space, kind) for one in named):
            break
    if found:
        return found
    near = difflib.get_close_matches(spec, sorted(known), 6, cutoff=0.3) or sorted(known)[:12]
    where = ", ".join([*(str(one) for one in folders if one.is_dir()), "installed packages or TemplateFlow"])
    raise ValueError(
        f"there is no atlas {spec!r} in {where}, and it is no image of labels ({', '.join(IMAGES)}); the nearest are "
        f"{', '.join(near)}"
    )


def available(folders: Sequence[Path]) -> list[AtlasFile]:
    """Return the atlases in folders, each image; none of them is read."""
    return list(in_folders(folders))


def read_atlas(found: AtlasFile) -> Atlas:
    """Read an atlas: which labels there are, and how they are called in its table or in the image.

    Raises
    ------
    ValueError
        If it is no image of labels, or its table is of another one.
    """
    found = fetched(found)
    for path in (found.image, found.table):
        if path is not None and not path.is_file():
            raise ValueError(f"{path}: there is no such file; expected an image of labels, and its table of names")
    return _read(found, tuple(_state(path) for path in (found.image, found.table) if path))


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


def names_in(found: AtlasFile) -> dict[int, str]:
    """Return the names of an atlas' labels, from its table or the image; empty without."""
    named = read_names(found.table) if found.table else None
    return {label: name for label, name in (named or files.label_names(found.image)).items() if label}


@lru_cache(maxsize=64)
def _read(found: AtlasFile, state: tuple[tuple[int, int], ...]) -> Atlas:
    """Read an atlas; files that have changed, which `state` tells, are read anew."""
    labels, known = present_labels(found.image), names_in(found)
    where = found.table or found.image
    if known and not set(labels) & set(known):
        raise ValueError(f"{where} names none of the labels of {found.image.name}: is it of another atlas?")
    unnamed = sorted(set(labels) - set(known)) if known else []
    if unnamed:
        raise ValueError(
            f"{where} has no name for {len(unnamed)} labels of {found.image.name}, such as {unnamed[0]}; "
            "add them to the table"
        )
    listed = tuple(sorted(known)) or labels
    names = tuple(known.get(label, str(label)) for label in listed)
    if twice := repeated(names):
        raise ValueError(f"{where}: the name {twice[0]!r} is there twice; names must differ")
    return Atlas(found.name, found.image, found.table, listed, names, found.space, found.kind, str(found.image))


def repeated(names: Iterable[str]) -> list[str]:
    """Return the names that are there more than once."""
    return [name for name, count in Counter(names).items() if count > 1]


def _state(path: Path) -> tuple[int, int]:
    told = path.stat()
    return told.st_mtime_ns, told.st_size


def _by_path(spec: str) -> AtlasFile | None:
    """Return an atlas that is named by its path, and maybe that of its table after a colon."""
    image, colon, table = spec.rpartition(":")
    if colon and image.endswith(tuple(IMAGES)):
        return atlas_file(Path(image), Path(table))
    is_path = spec.endswith(tuple(IMAGES)) or Path(spec).is_file()
    return atlas_file(Path(spec)) if is_path else None


def _registered(spec: str, known: set[str]) -> Iterator[AtlasFile]:
    """Yield the atlas of that name in the registry, which may fetch it; all their names become known."""
    from pydra_diffconn.plugins.registry import registry

    functions = {one.__name__: one for one in registry().get("diffconn_atlases")}
    known.update(functions)
    if spec in functions:
        try:
            image = functions[spec]()
        except OSError as error:  # what libraries raise that cannot reach a network is one
            raise ValueError(
                f"the atlas {spec} cannot be had ({type(error).__name__}): it is fetched once, by the network; "
                "give the path of an image, or one of `diffconn atlas list`"
            ) from None
        yield atlas_file(Path(image), name=spec)
