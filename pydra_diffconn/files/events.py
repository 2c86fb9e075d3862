"""Events of a task: BIDS tables with onsets, durations, trial types and, where there is one, a modulation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pydra_diffconn.files.opening import FileError
from pydra_diffconn.files.table_text import MISSING, Text, read_text, require_names
from pydra_diffconn.files.tables import numbers, places_of
from pydra_diffconn.warn import warn

ONE_TYPE = "event"
"""What the events of a table without trial types are called."""


@dataclass(frozen=True)
class Events:
    """What happened when, in seconds from the first frame, an entry for each event."""

    onset: np.ndarray
    duration: np.ndarray
    trial_type: tuple[str, ...]
    modulation: np.ndarray

    def __post_init__(self) -> None:
        lengths = {name: len(value) for name, value in vars(self).items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"events have {lengths}; expected an entry of each for every event")


def read_events(path: str | Path) -> Events:
    """Read the events of a run (BIDS `*_events.tsv`); those whose trial type is `n/a` are left out, with a warning.

    Raises
    ------
    ValueError
        If an onset, duration or modulation is missing or no number, or a duration is negative.
    """
    path = Path(path)
    text = read_text(path)
    require_names(text)
    known = [name.strip() for name in text.names]
    wanted = ["onset", "duration", *(["modulation"] if "modulation" in known else [])]
    values = numbers(text, places_of(path, text.names, wanted))
    types = tuple(one.strip() for one in text.column(known.index("trial_type"))) if "trial_type" in known else None
    named = np.array([one not in MISSING for one in types]) if types is not None else np.ones(len(values), bool)
    if not named.any():
        raise FileError(f"{path}: trial_type is n/a for all {len(named)} events; name them, or leave the column out")
    if not named.all():
        warn(f"{path}: {int((~named).sum())} of {len(named)} events have no trial_type and are left out")
    _require(text, wanted, values, named)
    chosen = values[named]
    return Events(
        chosen[:, 0],
        chosen[:, 1],
        tuple(one for one, kept in zip(types or [ONE_TYPE] * len(values), named, strict=True) if kept),
        chosen[:, 2] if len(wanted) > 2 else np.ones(len(chosen)),
    )


def _require(text: Text, wanted: list[str], values: np.ndarray, named: np.ndarray) -> None:
    """Refuse what is missing, infinite, or shorter than nothing, naming the line."""
    for column, name in enumerate(wanted):
        wrong = ~np.isfinite(values[:, column]) & named
        if name == "duration":
            wrong |= (values[:, column] < 0) & named
        if wrong.any():
            row = int(wrong.argmax())
            expected = "seconds, 0 or more" if name == "duration" else "a number"
            raise FileError(
                f"{text.path}: {name} is {values[row, column]:g} in line {row + 2}; expected {expected}: fill it in, "
                "or leave the event out"
            )
