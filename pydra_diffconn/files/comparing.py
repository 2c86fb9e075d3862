"""Whether two outputs are equal within a tolerance, and where they differ most: images, tables, arrays, folders."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pydra_diffconn.files.opening import json_of
from pydra_diffconn.files.table_text import Text, read_text
from pydra_diffconn.files.tables import numbers

IMAGES = (".nii", ".nii.gz", ".gii", ".mgz", ".mgh")
TABLES = (".tsv", ".csv", ".tsv.gz")


@dataclass(frozen=True)
class Comparison:
    """Two files, or parts of them, beside each other."""

    name: str
    equal: bool
    note: str

    def __str__(self) -> str:
        return f"{'equal    ' if self.equal else 'different'}  {self.name}: {self.note}"


def compare(
    a: str | Path, b: str | Path, rtol: float = 1e-5, atol: float = 1e-8, ignore: Sequence[str] = ()
) -> list[Comparison]:
    """Compare two files or two folders.

    Parameters
    ----------
    a, b : path
        Images (NIfTI, CIFTI, GIFTI), tables (TSV, CSV), arrays (.npy, .npz, .safetensors), JSON, or folders of them,
        which are compared file by file; anything else is compared byte by byte.
    rtol, atol : float
        Values are equal if |a - b| <= atol + rtol |b|; a missing value equals a missing one.
    ignore : sequence of str
        Patterns of files in folders to leave out (`*.html`).

    Returns
    -------
    list of Comparison
        One for each file.

    Raises
    ------
    FileNotFoundError
        If `a` or `b` does not exist.
    ValueError
        If one is a folder and the other a file.
    """
    a, b = Path(a), Path(b)
    for path in (a, b):
        if not path.exists():
            raise FileNotFoundError(f"{path} does not exist")
    if a.is_dir() != b.is_dir():
        raise ValueError(f"{a} and {b}: one is a folder, the other a file; expected two of a kind")
    if not a.is_dir():
        return [_files(a, b, a.name, rtol, atol)]
    names = sorted({path.relative_to(root) for root in (a, b) for path in root.rglob("*") if path.is_file()})
    kept = [name for name in names if not any(fnmatch.fnmatch(str(name), pattern) for pattern in ignore)]
    return [_in_folders(a, b, name, rtol, atol) for name in kept]


def _in_folders(a: Path, b: Path, name: Path, rtol: float, atol: float) -> Comparison:
    for root in (a, b):
        if not (root / name).exists():
            return Comparison(str(name), False, f"is missing in {root}")
    return _files(a / name, b / name, str(name), rtol, atol)


def _files(a: Path, b: Path, name: str, rtol: float, atol: float) -> Comparison:
    if a.read_bytes() == b.read_bytes():
        return Comparison(name, True, "the same bytes")
    try:
        one, other = read(a), read(b)
    except Exception as error:  # whatever a library makes of a broken file: it is told
        return Comparison(name, False, f"cannot be read ({type(error).__name__}: {error})")
    if one is None or other is None:
        return Comparison(name, False, f"other bytes ({a.stat().st_size} and {b.stat().st_size})")
    notes = list(_differences(one, other, rtol, atol))
    if notes:
        return Comparison(name, False, "; ".join(notes))
    largest = max((_largest(one[key], other[key]) for key in one), default=0.0)
    return Comparison(name, True, f"largest difference {largest:.3g}")


def read(path: Path) -> Mapping[str, Any] | None:
    """Return the parts of a file by name, arrays where there are numbers; None if it is of no known kind."""
    name = path.name.lower()
    if name.endswith(IMAGES):
        return _image(path)
    if name.endswith(TABLES):
        return _table(path)
    if name.endswith(".npy"):
        return {"array": np.load(path)}
    if name.endswith(".npz"):
        return dict(np.load(path))
    if name.endswith(".safetensors"):
        from safetensors.numpy import load_file

        return load_file(path)
    if name.endswith(".json"):
        return dict(_leaves(json_of(path), ""))
    return None


def _image(path: Path) -> Mapping[str, Any]:
    import nibabel as nib

    image: Any = nib.load(path)
    if hasattr(image, "darrays"):
        arrays = {f"data array {number}": np.asarray(one.data) for number, one in enumerate(image.darrays)}
        return arrays | {f"metadata {key}": np.asarray(value) for key, value in dict(image.meta).items()}
    parts = {"values": np.asanyarray(image.dataobj)}
    if getattr(image, "affine", None) is not None:
        parts["affine"] = image.affine
    if hasattr(image.header, "get_zooms"):
        parts["voxel sizes and repetition time"] = np.asarray(image.header.get_zooms())
    if hasattr(image.header, "get_axis"):
        parts |= _axes(image.header)
    return parts


def _axes(header: Any) -> dict[str, Any]:
    """Return what the rows and columns of a CIFTI file are: names, or times."""
    found: dict[str, Any] = {}
    for number in range(header.number_of_mapped_indices):
        axis = header.get_axis(number)
        found[f"axis {number}"] = np.asarray(axis.name) if hasattr(axis, "name") else np.array([axis.start, axis.step])
        places = {"vertices": "vertex", "voxels": "voxel"}  # where the rows of a dense file lie
        found |= {
            f"{what} of axis {number}": np.asarray(getattr(axis, a)) for what, a in places.items() if hasattr(axis, a)
        }
    return found


def _table(path: Path) -> Mapping[str, Any]:
    text = read_text(path)
    return {f"column {name!r}": _column(text, place) for place, name in enumerate(text.names)}


def _column(text: Text, place: int) -> np.ndarray:
    """Return the numbers of a column, or else its text."""
    try:
        return numbers(text, [place])[:, 0]
    except ValueError:
        return np.asarray(text.column(place))


def _leaves(value: Any, where: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict | list) and not value:
        yield where, np.asarray(str(value))
    elif isinstance(value, dict):
        for key in value:
            yield from _leaves(value[key], f"{where}.{key}" if where else str(key))
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _leaves(one, f"{where}[{number}]")
    else:
        yield where, np.asarray(value)


def _differences(one: Mapping[str, Any], other: Mapping[str, Any], rtol: float, atol: float) -> Iterator[str]:
    """Yield a line on each part that differs; of many such parts, the worst alone."""
    for mine, yours, place in ((one, other, "second"), (other, one, "first")):
        missing = [key for key in mine if key not in yours]
        if missing:
            shown = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
            yield f"{shown} missing in the {place}"
    found = [(part, *unlike) for part in one if part in other if (unlike := _part(one[part], other[part], rtol, atol))]
    for part, _, told in sorted(found, key=lambda each: -each[1])[:1]:
        more = f" (and {len(found) - 1} more parts differ)" if len(found) > 1 else ""
        yield f"{part}: {told}{more}"


def _part(one: Any, other: Any, rtol: float, atol: float) -> tuple[float, str] | None:
    """Return how much two arrays differ at most, and where; None if they are equal within the tolerance."""
    one, other = np.asarray(one), np.asarray(other)
    if one.shape != other.shape:
        return np.inf, f"shapes {one.shape} and {other.shape}"
    if (np.issubdtype(one.dtype, np.number) != np.issubdtype(other.dtype, np.number)) and one.size:
        return np.inf, f"{one.dtype.name} and {other.dtype.name}"
    if not np.issubdtype(one.dtype, np.number):
        unequal = np.atleast_1d(one.astype(str) != other.astype(str))
        if not unequal.any():
            return None
        first = tuple(int(n) for n in np.argwhere(unequal)[0])
        values = f"{np.atleast_1d(one)[first]!s} and {np.atleast_1d(other)[first]!s}"
        return np.inf, f"{int(unequal.sum())} of {unequal.size} differ, the first at {_place(first)}: {values}"
    equal = np.isclose(one, other, rtol=rtol, atol=atol, equal_nan=True)
    if equal.all():
        return None
    size = np.where(equal, 0.0, _difference(one, other).reshape(one.shape))
    size = np.where(np.isnan(size), np.inf, size)
    worst = np.unravel_index(int(np.argmax(size)), one.shape) if one.ndim else ()
    where = _place(tuple(int(n) for n in worst))
    return float(size.max()), (
        f"{int((~equal).sum())} of {one.size} values differ, most at {where}: {one[worst]:.9g} and {other[worst]:.9g} "
        f"(difference {size.max():.3g})"
    )


def _place(index: tuple[int, ...]) -> str:
    return str(index[0]) if len(index) == 1 else str(index)


def _largest(one: Any, other: Any) -> float:
    one, other = np.asarray(one), np.asarray(other)
    if not np.issubdtype(one.dtype, np.number) or not one.size:
        return 0.0
    return float(np.nanmax(_difference(one, other), initial=0.0))


def _difference(one: Any, other: Any) -> Any:
    kind = np.result_type(one, other, float)  # unsigned numbers have no negative differences
    return np.abs(np.atleast_1d(one.astype(kind) - other.astype(kind)))
