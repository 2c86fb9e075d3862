"""Tables of numbers: confounds, parcel series and relationship matrices, exact to the last digit."""

from __future__ import annotations

import difflib
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pydra_diffconn.files.opening import FileError, kind_of, reading
from pydra_diffconn.files.table_text import MISSING, Text, is_data, lines_of, read_text, require_names, require_unique

NODE = "Node"  # name of the first column of a relationship matrix, as XCP-D writes it
PLAIN = (".1d", ".mat", ".par", ".txt", "")  # endings of AFNI's, FSL's and SPM's tables, which have no header
DECIMAL_COMMA = re.compile(r"[-+]?\d*,\d+([eE][-+]?\d+)?")
POINT = "write a point, no comma, before decimals"
TRUTH = {"true": 1.0, "false": 0.0}


def read_table(path: str | Path) -> tuple[np.ndarray, tuple[str, ...]]:
    """Read a table of numbers with a header; `n/a` becomes NaN. Returns (rows, columns) and the names.

    Plain numbers without a header (AFNI's .1D, FSL's .mat and text matrices) have columns named 1, 2, ..., as those
    of a NumPy file have, which has no names.
    """
    array, names = read_named(path)
    return array, names or _numbered(array.shape[-1])


def read_named(path: str | Path) -> tuple[np.ndarray, tuple[str, ...]]:
    """Read a table of numbers, with its names; there are none where a file has no header."""
    path = Path(path)
    array = _without_names(path)
    if array is not None:
        return _two_dimensional(array, path), ()
    text = read_text(path)
    require_names(text)
    return numbers(text, range(len(text.names))), text.names


def _without_names(path: Path) -> np.ndarray | None:
    """Return what a file without names holds: a NumPy file, or plain numbers; None if it is a table with a header."""
    _require_table(path)
    if kind_of(path) == "array":
        return read_array(path)
    return _read_plain(path) if is_plain(path) else None


def _two_dimensional(array: np.ndarray, path: Path) -> np.ndarray:
    if array.ndim != 2:
        raise FileError(f"{path} has shape {array.shape}; expected rows and columns")
    return array


def _numbered(count: int) -> tuple[str, ...]:
    return tuple(str(number + 1) for number in range(count))


def _require_table(path: Path) -> None:
    with reading(path, "a table"):
        if kind_of(path) == "image":
            raise FileError(f"{path} is an image; expected a table (.tsv, .csv, .txt, .1D, .npy)")


def is_plain(path: Path) -> bool:
    """Say whether a table may be one without a header, by its ending."""
    return Path(path.name.lower().removesuffix(".gz")).suffix in PLAIN


def numbers(text: Text, places: Sequence[int]) -> np.ndarray:
    """Return some columns of a table, (rows, columns)."""
    import pandas as pd

    # from 3.1 on numbers are exact by default, and asking for it is deprecated
    release = tuple(int(part) for part in pd.__version__.split(".")[:2])
    digits: Any = {} if release >= (3, 1) else {"float_precision": "round_trip"}
    source, wanted = io.StringIO("\n".join(text.lines)), list(places)
    cells: Any = {"dtype": np.float64, "na_values": list(MISSING), "keep_default_na": False, "skip_blank_lines": False}
    try:
        frame = pd.read_csv(source, sep=text.sign, header=None, usecols=wanted, index_col=False, **cells, **digits)
        return np.ascontiguousarray(frame[wanted].to_numpy())
    except ValueError:  # it does not say where
        columns = [
            [_number(text, place, line, cell) for line, cell in enumerate(text.column(place), start=2)]
            for place in wanted
        ]
        return np.array(columns).T.copy()


def _number(text: Text, place: int, line: int, cell: str) -> float:
    stripped = cell.strip()
    if stripped in MISSING:
        return np.nan
    try:
        return TRUTH[stripped.lower()] if stripped.lower() in TRUTH else float(cell)
    except ValueError:
        hint = ""
        if DECIMAL_COMMA.fullmatch(stripped):
            hint = f"; {POINT}"
        elif len(text.names) == 1 and len(cell.split()) > 1:
            hint = "; part the columns by tabs, no blanks"
        raise FileError(
            f"{text.path}: column {text.names[place]!r} is not numeric (line {line}: {cell[:40]!r}){hint}"
        ) from None


def read_array(path: Path) -> np.ndarray:
    """Read a NumPy file of numbers, as long as its header says; never a pickle."""
    with reading(path, "a NumPy array"), path.open("rb") as file:
        array: np.ndarray = np.load(file, allow_pickle=False)
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "biufc":
            raise FileError(f"{path} holds no numbers; expected an array of real numbers")
        if file.read(1):
            raise FileError(f"{path} is damaged: it holds more than its header says; copy or make it again")
        return array


def _read_plain(path: Path) -> np.ndarray | None:
    """Read rows of numbers, without the comments of AFNI (#) and the header of FSL (/); None if there is a header."""
    rows: list[list[float]] = []
    for number, line in enumerate(lines_of(path), start=1):
        line = "" if line.startswith(("/", "%")) else line.partition("#")[0]
        if any(DECIMAL_COMMA.fullmatch(cell) for cell in line.split()):
            raise FileError(f"{path}, line {number}: {line.split()[0]!r} may be one number or two; {POINT}")
        try:
            row = [float(cell) for cell in line.replace(",", " ").split()]
        except ValueError:  # words
            return None
        if row and rows and len(row) != len(rows[0]):
            raise FileError(
                f"{path}: line {number} has {len(row)} numbers, the first row {len(rows[0])}; expected as many"
            )
        rows += [row] if row else []
    if not rows:
        raise FileError(f"{path} has no numbers; expected rows of them")
    return np.array(rows)


def read_column(path: str | Path, name: str) -> np.ndarray:
    """Read the column `name`, or the only one there is; other columns may hold text."""
    path = Path(path)
    array = _without_names(path)
    if array is not None:
        if array.ndim == 1 or array.shape[1:] == (1,):
            return array.reshape(-1)
        raise FileError(f"{path} has shape {array.shape} and no names; expected one column, or a header with {name!r}")
    text = read_text(path)
    require_names(text)
    place = 0 if len(text.names) == 1 else places_of(path, text.names, [name])[0]
    return numbers(text, [place])[:, 0]


def read_columns(path: str | Path, wanted: Sequence[str]) -> np.ndarray:
    """Read some columns by their names, in the order of these; other columns may hold text."""
    path = Path(path)
    _require_table(path)
    if is_plain(path) and _read_plain(path) is not None:
        raise FileError(
            f"{path} does not name its columns, and programs differ in their order; expected a header with "
            f"{', '.join(wanted)}, or an array with the columns in that order: numpy.loadtxt(...)[:, [...]]"
        )
    text = read_text(path)
    require_names(text)
    return numbers(text, places_of(path, text.names, wanted))


def places_of(path: Path, names: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Return where the columns of these names are, whatever their order."""
    stripped = [name.strip() for name in names]
    for one in wanted:
        if one not in stripped:
            close = difflib.get_close_matches(one, stripped) or stripped[:8]
            raise FileError(f"{path} has no column {one!r} among its {len(names)}; the nearest are {', '.join(close)}")
    return [stripped.index(one) for one in wanted]


def read_matrix(path: str | Path) -> tuple[np.ndarray, tuple[str, ...]]:
    """Read a square table with node names in its header; rows with names are put in the order of the columns.

    Without a first column of names the rows stand in the order of the header.
    """
    path = Path(path)
    array = _without_names(path)
    if array is not None:
        _require_square(path, *_two_dimensional(array, path).shape)
        return _require_both_triangles(array, path), _numbered(len(array))
    text = read_text(path)
    named = len(text.names) == len(text.lines) + 1 or text.names[0] == NODE
    columns = text.names[1:] if named else text.names
    _require_square(path, len(text.lines), len(columns))
    # a symmetric matrix without header looks as if its first column named the others
    if is_data(text.names, text) or (text.names[0] != NODE and named and is_data(columns, text, 1)):
        raise FileError(f"{path}: the first line holds numbers ({columns[0]}, ...); expected a header with names")
    require_unique(columns, str(path))
    matrix = numbers(text, range(int(named), len(text.names)))
    if named:
        matrix = matrix[_order(path, [row[0] for row in text.rows], columns)]
    return _require_both_triangles(matrix, path), columns


def _require_square(path: Path, rows: int, columns: int) -> None:
    if rows != columns:
        raise FileError(f"{path} has {rows} rows and {columns} columns; expected a square matrix")


def _order(path: Path, rows: Sequence[str], columns: Sequence[str]) -> list[int]:
    """Return which row belongs to each column."""
    require_unique(rows, f"{path}, first column")
    unknown = [name for name in rows if name not in columns]
    if unknown:
        raise FileError(f"{path}: the row {unknown[0]!r} has no column of that name; expected the names of the header")
    place = {name: number for number, name in enumerate(rows)}
    return [place[name] for name in columns]


def _require_both_triangles(matrix: np.ndarray, path: Path) -> np.ndarray:
    for part, other, side in ((np.tril, np.triu, "lower"), (np.triu, np.tril, "upper")):
        offset = 1 if other is np.triu else -1
        if len(matrix) > 1 and not np.any(np.nan_to_num(other(matrix, offset))) and np.any(part(matrix, -offset)):
            raise FileError(
                f"{path} is not symmetric: its {side} triangle alone is filled; fill the other one: "
                "matrix + matrix.T - numpy.diag(matrix.diagonal())"
            )
    return matrix


def write_table(array: np.ndarray, names: Sequence[str], path: str | Path) -> Path:
    """Write (rows, columns) with a header; NaN as `n/a`; the digits read back to the same numbers."""
    return _write(np.atleast_2d(array), names, Path(path), None)


def write_matrix(array: np.ndarray, names: Sequence[str], path: str | Path) -> Path:
    """Write a square matrix with its node names in the header and the first column."""
    return _write(array, names, Path(path), names)


def _write(array: np.ndarray, names: Sequence[str], path: Path, index: Sequence[str] | None) -> Path:
    import pandas as pd

    # pandas writes the shortest digits that read back to a number, in its own precision
    frame = pd.DataFrame(array, index=index, columns=list(names))
    frame.to_csv(
        path, sep="\t", na_rep="n/a", index=index is not None, index_label=NODE, lineterminator="\n", encoding="utf-8"
    )
    return path
