"""The names of an atlas's labels: in a table beside the image, or in the image itself."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from pydra_diffconn.files import cifti, gifti
from pydra_diffconn.files.opening import FileError, kind_of
from pydra_diffconn.files.table_text import NUMBER, lines_of, read_text, require_unique
from pydra_diffconn.files.volumes import load_image
from pydra_diffconn.warn import warn

BESIDE = (".tsv", ".csv", ".txt")
INDEX = ("index", "label", "id", "value")
NAME = ("name", "label", "labels", "region")
UNNAMED = ("", "n/a")
LOOK_UP = re.compile(r"\s*(-?\d+)\s+(\S.*?)(?:\s+\d+){3,4}\s*")  # FreeSurfer: number, name, red, green, blue, alpha


def table_beside(path: str | Path) -> Path | None:
    """Return the table of names beside an atlas: the same name up to the first point, ending in .tsv, .csv or .txt."""
    path = Path(path)
    found = (path.with_name(path.name.split(".")[0] + ending) for ending in BESIDE)
    return next((one for one in found if one.exists() and one != path), None)


def label_names(path: str | Path) -> dict[int, str]:
    """Return the names of an atlas's labels, from the table beside it or its own; empty without.

    Raises
    ------
    ValueError
        If a number is there twice, or the table has no column of numbers or of names.
    """
    path = Path(path)
    beside = table_beside(path)
    if beside is not None:
        named = read_names(beside)
        if named is not None:
            return named
    if kind_of(path) != "image":
        return {}
    image = load_image(path)
    form = next((one for one in (gifti, cifti) if one.opens(image)), None)
    return {} if form is None else form.label_names(image)


def names_of(labels: Sequence[int], atlas: str | Path) -> list[str]:
    """Return the name of each label, or its number where it has none; no two are equal.

    Warns of labels without a name in an atlas that names others.
    """
    known = label_names(atlas)
    where = str(table_beside(atlas) or atlas)
    unnamed = [label for label in labels if label not in known]
    if known and len(unnamed) == len(labels):
        raise FileError(
            f"{where} names none of the {len(labels)} labels in use, such as {labels[0]}: is it of another atlas?"
        )
    if known and unnamed:
        told = ", ".join(map(str, unnamed[:5])) + (", ..." if len(unnamed) > 5 else "")
        warn(f"{where} has no name for {len(unnamed)} of {len(labels)} labels ({told})")
    names = [known.get(label, str(label)) for label in labels]
    require_unique(names, where)
    return names


def read_names(path: Path) -> dict[int, str] | None:
    """Read a table of names: of BIDS (`index`, `name`) or of FreeSurfer; None if it is of another kind."""
    looked_up = _look_up(path)
    if looked_up is not None:
        return _unique(looked_up, path)
    if path.suffix == ".txt":
        return None
    text = read_text(path)
    titles = [name.strip().lower() for name in text.names]
    index = next((titles.index(one) for one in INDEX if one in titles), None)
    name = next((titles.index(one) for one in NAME if one in titles and titles.index(one) != index), None)
    if index is None or name is None:
        warn(
            f"{path} has no columns 'index' and 'name' among its {len(titles)}; labels keep their own names or numbers"
        )
        return None
    numbered = [(row[index].strip(), row[name]) for row in text.rows if row[index].strip() not in UNNAMED]
    for number, _ in numbered:
        if not NUMBER.fullmatch(number) or float(number) % 1:
            raise FileError(f"{path}: the label {number!r} is no whole number; expected one in {text.names[index]!r}")
    return _unique([(int(float(number)), called) for number, called in numbered], path)


def _look_up(path: Path) -> list[tuple[int, str]] | None:
    lines = [line for line in lines_of(path) if line.strip() and not line.lstrip().startswith("#")]
    found = [LOOK_UP.fullmatch(line) for line in lines]
    if not lines or "\t" in lines[0] or not all(found):
        return None
    return [(int(one[1]), one[2]) for one in found if one is not None]


def _unique(named: Sequence[tuple[int, str]], path: Path) -> dict[int, str]:
    """Return names by number; those that are missing, and equal rows, are left out."""
    names: dict[int, str] = {}
    for number, name in named:
        if name.strip() in UNNAMED:
            continue
        if names.setdefault(number, name) != name:
            raise FileError(f"{path}: the label {number} is there twice, as {names[number]!r} and {name!r}; remove one")
    return names
