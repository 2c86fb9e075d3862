"""Tables: confounds, parcel series and relationship matrices as TSV, exact to the last digit."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?(\.\d+)?")  # pandas adds .1 to a name that is there twice
NODE = "Node"  # name of the first column of a relationship matrix, as XCP-D writes it
PLAIN = (".1D", ".mat", ".par", ".txt", "")  # endings of AFNI's and FSL's tables, which have no header


def read_table(path: str | Path) -> tuple[np.ndarray, tuple[str, ...]]:
    """Read a TSV or CSV of numbers with a header; `n/a` becomes NaN. Returns (rows, columns) and the names.

    Plain numbers without a header (AFNI's .1D, FSL's .mat and text matrices) have columns named 1, 2, ...
    """
    import pandas as pd

    plain = _read_plain(Path(path)) if Path(path).suffix in PLAIN else None
    if plain is not None:
        return plain, tuple(str(number + 1) for number in range(plain.shape[1]))
    separator = "," if str(path).endswith(".csv") else "\t"
    try:
        frame = exact_frame(path, separator)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} does not exist") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no table: {error}; expected a TSV with a header line") from None
    if all(_NUMBER.fullmatch(str(name)) for name in frame.columns) and not all(str(n).isdigit() for n in frame.columns):
        raise ValueError(
            f"{path}: the first line holds numbers ({frame.columns[0]}, ...); expected a header with names"
        )
    for name in frame.columns:
        if not pd.api.types.is_numeric_dtype(frame[name]):
            raise ValueError(f"{path}: column {name!r} is not numeric (first value {frame[name].iloc[0]!r})")
    return frame.to_numpy(dtype=np.float64), tuple(map(str, frame.columns))


def exact_frame(path: str | Path, separator: str = "\t") -> Any:
    """Return a table as a pandas data frame whose numbers are right to the last digit; `n/a` is missing."""
    import pandas as pd

    # from 3.1 on that is the default, and asking for it is deprecated
    release = tuple(int(part) for part in pd.__version__.split(".")[:2])
    digits: Any = {} if release >= (3, 1) else {"float_precision": "round_trip"}
    return pd.read_csv(path, sep=separator, na_values=["n/a"], **digits)


def _read_plain(path: Path) -> np.ndarray | None:
    """Read rows of numbers, without the comments of AFNI (#) and the header of FSL (/); None if there is a header."""
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist")
    try:
        lines = [line.partition("#")[0] for line in path.read_text().splitlines()]
        rows = [line.replace(",", " ").split() for line in lines if line.strip() and not line.startswith("/")]
        return np.array(rows, dtype=np.float64).reshape(len(rows), -1) if rows else None
    except ValueError:  # words, rows of different lengths, or no text at all
        return None


def read_column(path: str | Path, name: str) -> np.ndarray:
    """Read the column `name`, or the only one there is."""
    table, names = read_table(path)
    if name in names:
        return table[:, names.index(name)]
    if len(names) == 1:
        return table[:, 0]
    close = difflib.get_close_matches(name, names) or names[:8]
    raise ValueError(f"{path} has no column {name!r} among its {len(names)}; the nearest are {', '.join(close)}")


def read_matrix(path: str | Path) -> tuple[np.ndarray, tuple[str, ...]]:
    """Read a square table with node names in its header, with or without a first column of names."""
    frame = exact_frame(path)
    if frame.columns[0] == NODE:
        frame = frame.set_index(NODE)
    if frame.shape[0] != frame.shape[1]:
        raise ValueError(f"{path} has {frame.shape[0]} rows and {frame.shape[1]} columns; expected a square matrix")
    return frame.to_numpy(dtype=np.float64), tuple(map(str, frame.columns))


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
    frame.to_csv(path, sep="\t", na_rep="n/a", index=index is not None, index_label=NODE, lineterminator="\n")
    return path
