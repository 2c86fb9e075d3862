"""`ConfoundModel`: a formula and a confounds table give the design of a regression, as a classical Pydra task."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from fileformats.generic import File
from pydra.compose import python

from pydra_diffconn import pydra_compat  # noqa: F401 - before a class of tasks is made, so that processes find it
from pydra_diffconn.confound_models.grammar import Design, Metadata, design
from pydra_diffconn.files import json_of
from pydra_diffconn.files.tables import read_table, write_table

METADATA = "the JSON file beside a confounds table: of each column, Method, Mask and more"


def confound_design(
    table: str | Path | Mapping[str, Any],
    model: str,
    metadata: str | Path | Metadata | None = None,
    first_row: str = "copy_second",
    extra: str | Path | Mapping[str, Any] | None = None,
) -> Design:
    """Make the design of a confound formula: complete columns, to be stacked or put in a data frame.

    Parameters
    ----------
    table : path, data frame or mapping
        An fMRIPrep `*_desc-confounds_timeseries.tsv`, or columns (time,) by name.
    model : str
        A formula such as `(dd1(rps + wm + csf))^^2 + cosine*`, or the name of a model such as `36P`; the syntax is in
        `pydra_diffconn.confound_grammar`.
    metadata : path or mapping, optional
        The JSON file beside the table, for formulas that select by it.
    first_row : {"copy_second", "zero"}
        What stands for the first frames where differences have no value: the first one that is there (as nilearn does)
        or zeros (as XCP-D does).
    extra : path, data frame or mapping, optional
        Regressors of one's own, such as physiological ones, with as many rows: the formula may name them, too, and
        those that it does not name are added as they are.
    """
    if first_row not in ("copy_second", "zero"):
        raise ValueError(f"first_row = {first_row!r}; expected 'copy_second' or 'zero'")
    paths = [str(one) for one in (table, metadata) if isinstance(one, str | Path)]
    where = f"{', '.join(paths)}: " if paths else ""
    columns, own = _columns(table), _columns({} if extra is None else extra)
    described = column_metadata(metadata)
    try:
        made = design(model, _joined(columns, own, extra), described) if model else Design({}, [])
        if not made.columns and not own:
            raise ValueError(f"nothing in this table fits the model {model!r}; add a term that is always there")
        added = {name: np.asarray(c, float) for name, c in own.items() if name not in made.columns}
        terms = [*made.terms, *range(1 + max(made.terms, default=-1), 1 + max(made.terms, default=-1) + len(added))]
        return Design({n: _complete(c, n, first_row) for n, c in {**made.columns, **added}.items()}, terms)
    except ValueError as error:
        raise ValueError(f"{where}{error}") from None


def _columns(table: str | Path | Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the columns of a table by name."""
    if not isinstance(table, str | Path):
        return table
    array, names = read_table(table)
    return dict(zip(names, array.T, strict=True))


def _joined(columns: Mapping[str, Any], own: Mapping[str, Any], source: Any) -> Mapping[str, Any]:
    """Return both tables as one; refuse one of another length, or with names that are there already."""
    if not len(own):
        return columns
    where = source if isinstance(source, str | Path) else "the extra table"
    both = [name for name in own if name in columns]
    if both:
        raise ValueError(f"{where} has a column {both[0]!r}, as the confounds have; rename it")
    rows, expected = (len(next(iter(dict(one).values()))) for one in (own, columns))
    if rows != expected:
        raise ValueError(f"{where} has {rows} rows for {expected} frames; one row for each frame is expected")
    return {**columns, **own}


def column_metadata(metadata: str | Path | Any) -> Metadata | None:
    """Return what is said of each column by its name: of a mapping, or a list with a mapping for each column.

    In a list a column is named by `Name` or `Column`, or by the one key of its mapping.
    """
    where = f"{metadata}: " if isinstance(metadata, str | Path) else ""
    given = json_of(metadata, METADATA) if isinstance(metadata, str | Path) else metadata
    if isinstance(given, dict) and isinstance(given.get("Columns"), dict | list):
        given = given["Columns"]
    if isinstance(given, list):
        named = [_named(entry) for entry in given]
        if not all(named):
            raise ValueError(f"{where}entry {named.index(None)} of the list names no column; expected {METADATA}")
        given = dict(pair for pair in named if pair)
    if given is not None and not isinstance(given, Mapping):
        raise ValueError(f"{where}the metadata are {type(given).__name__}; expected {METADATA}")
    return given


def _named(entry: Any) -> tuple[str, Any] | None:
    if not isinstance(entry, Mapping):
        return None
    for key in ("Name", "name", "Column", "column", "ColumnName"):
        if isinstance(entry.get(key), str):
            return entry[key], entry
    (only,) = entry.items() if len(entry) == 1 else (("", None),)
    return only if isinstance(only[1], Mapping) else None


def _complete(column: np.ndarray, name: str, first_row: str) -> np.ndarray:
    """Fill the first frames, where differences have no value; a value missing later is an error."""
    seen = np.isfinite(column)
    if not seen.any():
        raise ValueError(f"column {name!r} has no value at all")
    first = int(seen.argmax())
    if not seen[first:].all():
        hole = first + int(seen[first:].argmin())
        raise ValueError(f"column {name!r} is n/a in frame {hole}; only the first frames may be")
    stand_in = column[first] if first_row == "copy_second" else 0.0
    return np.where(seen, column, stand_in)


@python.define(outputs=["confounds", "terms"])
def ConfoundModel(
    confounds: File,
    model: str,
    metadata: File | None = None,
    first_row: str = "copy_second",
    extra: File | None = None,
) -> tuple[File, File]:
    """Write the design that a confound formula makes of a confounds table, and which term each of its columns is from.

    Parameters
    ----------
    confounds : File
        An fMRIPrep `*_desc-confounds_timeseries.tsv`.
    model : str
        A formula such as `(dd1(rps + wm + csf))^^2 + cosine*`, or the name of a model such as `36P`; the syntax is in
        `pydra_diffconn.confound_grammar`.
    metadata : File, optional
        The JSON file beside the table, for formulas that select by it.
    first_row : {"copy_second", "zero"}
        What stands for the first frames where differences have no value: the first one that is there (as nilearn does)
        or zeros (as XCP-D does).
    extra : File, optional
        A table of regressors of one's own, a row for each frame: the formula may name them, too, and those that it does
        not name are added as they are.
    """
    paths = [None if one is None else str(one) for one in (metadata, extra)]
    made = confound_design(str(confounds), model, paths[0], first_row, paths[1])
    table = write_table(np.stack(list(made.columns.values()), axis=1), list(made.columns), Path.cwd() / "confounds.tsv")
    return File(table), File(write_table(np.array(made.terms)[:, None], ["terms"], Path.cwd() / "terms.tsv"))
