"""The status table: one line for each run, space and strategy; the source of reports and of the exit code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from pydra_diffconn.bids.derivatives import write_text

NAME = "status.tsv"
COLUMNS = (
    "source", "participant_id", "session", "task", "run", "space", "strategy", "bold", "status", "reason", "tr",
    "frames", "dummy", "kept", "minutes_kept", "mean_fd", "max_fd", "mean_dvars", "dof", "parcels_missing", "seconds",
)  # fmt: skip
TEXTS = ("source", "participant_id", "session", "task", "run", "space", "strategy", "bold", "status", "reason")
KEY = ["source", "strategy"]


def read_status(out: Path) -> pd.DataFrame:
    """Return the status table of an output folder; empty if there is none yet."""
    path = out / NAME
    if not path.exists():
        return pd.DataFrame(columns=list(COLUMNS))
    return pd.read_table(path, dtype=dict.fromkeys(TEXTS, str), na_values=["n/a"], keep_default_na=False)


def update_status(out: Path, rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Put lines in the place of those of the same runs; return the table. Call it with the folder locked.

    Lines without an image are of folders that could not be read: those of a person are told anew each time.
    """
    fresh = pd.DataFrame([{name: row.get(name) for name in COLUMNS} for row in rows], columns=list(COLUMNS))
    before = read_status(out)
    keys = set(fresh[KEY].itertuples(index=False, name=None))
    people = set(fresh["participant_id"])
    stay = [
        (row.source, row.strategy) not in keys and (isinstance(row.bold, str) or row.participant_id not in people)
        for row in before.itertuples()
    ]
    parts = [part for part in (before[stay], fresh) if len(part)]
    table = pd.concat(parts, ignore_index=True) if parts else fresh
    table = table.sort_values(KEY, kind="stable").reset_index(drop=True)
    write_text(out / NAME, table.to_csv(sep="\t", index=False, na_rep="n/a"))
    return table
