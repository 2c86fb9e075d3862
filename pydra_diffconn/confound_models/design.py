"""`ConfoundModel`: a formula and a confounds table give the design of a regression, as a classical Pydra task."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from fileformats.generic import File
from pydra.compose import python

from pydra_diffconn import pydra_compat  # noqa: F401 - before a class of tasks is made, so that processes find it
from pydra_diffconn.confound_models.grammar import Design, Metadata, design
from pydra_diffconn.files.tables import read_table, write_table


def confound_design(
    table: str | Path | Mapping[str, Any],
    model: str,
    metadata: str | Path | Metadata | None = None,
    first_row: str = "copy_second",
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
    """
    if first_row not in ("copy_second", "zero"):
        raise ValueError(f"first_row = {first_row!r}; expected 'copy_second' or 'zero'")
    where = f"{table}: " if isinstance(table, str | Path) else ""
    if isinstance(table, str | Path):
        array, names = read_table(table)
        table = dict(zip(names, array.T, strict=True))
    described = json.loads(Path(metadata).read_text()) if isinstance(metadata, str | Path) else metadata
    try:
        made = design(model, table, described)
        if not made.columns:
            raise ValueError(f"nothing in this table fits the model {model!r}; add a term that is always there")
        return Design({name: _complete(c, name, first_row) for name, c in made.columns.items()}, made.terms)
    except ValueError as error:
        raise ValueError(f"{where}{error}") from None


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
    confounds: File, model: str, metadata: File | None = None, first_row: str = "copy_second"
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
    """
    made = confound_design(str(confounds), model, None if metadata is None else str(metadata), first_row)
    table = write_table(np.stack(list(made.columns.values()), axis=1), list(made.columns), Path.cwd() / "confounds.tsv")
    return File(table), File(write_table(np.array(made.terms)[:, None], ["terms"], Path.cwd() / "terms.tsv"))
