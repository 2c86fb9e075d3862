"""What lies in an output folder, as reports and the group level read it: the runs that are done, and their files."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from pydra_diffconn.bids.status import read_status
from pydra_diffconn.files import tables

NAME = re.compile(r"(?P<source>.+)_atlas-(?P<atlas>[A-Za-z0-9+]+)(_desc-(?P<desc>[A-Za-z0-9+]+))?_stat-mean_timeseries")
LEARNED_FIGURES = ("versus", "response", "loss")
FIGURES = ("carpetbefore", "censoring", "design", "carpetafter", "coverage", "connectome", *LEARNED_FIGURES)


@dataclass(frozen=True)
class Result:
    """What one run, strategy and atlas gave."""

    out: Path
    path: Path
    """Of the side-car of its series."""
    source: str
    """Leading entities of its names, with the space."""
    atlas: str
    desc: str | None
    sidecar: Mapping[str, Any]
    row: Mapping[str, Any]
    """Its line of the status table."""

    @property
    def strategy(self) -> str:
        return str(self.sidecar.get("Strategy", self.desc or ""))

    @property
    def processing(self) -> Mapping[str, Any]:
        """Every setting."""
        found: Mapping[str, Any] = self.sidecar.get("Processing", {})
        return found

    @property
    def participant(self) -> str:
        return self.source.partition("_")[0]

    @property
    def prefix(self) -> str:
        """What the names of its files start with, up to the statistic."""
        return self.path.name.removesuffix("_stat-mean_timeseries.json")

    def relmat(self, stat: str = "pearsoncorrelation") -> Path:
        """Return where a connectome lies, whether it does or not."""
        return self.path.with_name(f"{self.prefix}_stat-{stat}_relmat.tsv")

    def relmats(self) -> list[Path]:
        """Return the connectomes there are."""
        return sorted(self.path.parent.glob(f"{self.prefix}_stat-*_relmat.tsv"))

    def series(self) -> tuple[Any, tuple[str, ...]]:
        """Return (time, parcels) and the parcels' names."""
        return tables.read_table(self.path.with_suffix(".tsv"))

    def figure(self, name: str) -> Path:
        """Return where a figure lies, whether it does or not."""
        folder = self.out / self.participant / "figures"
        return folder / f"{self.source}_atlas-{self.atlas}_desc-{self.desc or ''}{name}_bold.svg"


def results(out: Path, participant: str | None = None) -> list[Result]:
    """Return what the runs gave that are done, in the order of their names; of one person, or of all.

    Files whose run is not done by the status table are of an earlier try, and left alone.

    Raises
    ------
    ValueError
        If a side-car is no JSON.
    """
    rows = {(row["source"], row["strategy"]): row for row in status_rows(read_status(out))}
    found = []
    for path in sorted(out.glob(f"{participant or 'sub-*'}/**/func/*_stat-mean_timeseries.json")):
        parts = NAME.fullmatch(path.stem)
        if parts is None:
            continue
        sidecar = _read(path)
        row = rows.get((parts["source"], sidecar.get("Strategy")))
        if row is not None and row["status"] == "done":
            found.append(Result(out, path, parts["source"], parts["atlas"], parts["desc"], sidecar, row))
    return found


def status_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the lines of a status table; what is unknown is None."""
    return [
        {str(name): None if pd.isna(value) else value for name, value in row.items()}
        for row in table.to_dict("records")
    ]


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is no JSON ({error}); remove it and run the level `participant` again") from None
    return found if isinstance(found, dict) else {}
