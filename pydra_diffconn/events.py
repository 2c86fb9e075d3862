"""`EventModel`: the events of a run give stimuli over time, as a classical Pydra task; blocks make designs of these."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from fileformats.generic import File
from pydra.compose import python

from pydra_diffconn import files, pydra_compat  # noqa: F401 - before a class of tasks is made, so that processes find it
from pydra_diffconn.declare.task import Data
from pydra_diffconn.files.events import Events, read_events
from pydra_diffconn.warn import warn

BEFORE = 32.0
"""Seconds before the first frame of which responses are still seen."""
STEPS = 50
"""Steps within each frame, as many as nilearn takes."""


@dataclass(frozen=True)
class Stimuli:
    """Events at so many steps within each frame."""

    stimulus: np.ndarray
    """(time, steps, columns); what is not 0 is how strong the event is."""
    earlier: np.ndarray
    """(earlier, steps, columns), the same before the first frame."""
    conditions: np.ndarray
    """The number of the condition of each column, in the order of their names."""
    names: tuple[str, ...]
    """Of the columns."""


def stimuli(
    events: Events | str | Path,
    frames: int,
    tr: float,
    per: Literal["condition", "trial"] = "condition",
    conditions: tuple[str, ...] | None = None,
    steps: int = STEPS,
) -> Stimuli:
    """Lay out events at so many steps within each frame.

    An event lasts from the first step not before its onset to the last one before its end, and at least one step, as in
    nilearn. Of events before the run counts what falls in its last 32 seconds before the first frame.

    Parameters
    ----------
    events : Events or path
        A BIDS `*_events.tsv`, or what is read of it.
    frames : int
    tr : float
        Repetition time in seconds; the first frame is at 0.
    per : {"condition", "trial"}
        A column for each condition, in the order of their names, or for each event.
    conditions : tuple of str, optional
        The trial types that count, in the order of the columns; by default all, by name. One of which the run has no
        event gets a column of zeros, with a warning, so that runs have the same columns.
    steps : int
        Within each frame.
    """
    _check(frames, tr, steps, per)
    where = f"{events}: " if isinstance(events, str | Path) else ""
    found = events if isinstance(events, Events) else read_events(events)
    names = tuple(sorted(set(found.trial_type))) if conditions is None else tuple(conditions)
    if not names:
        raise ValueError("conditions is empty; name the trial types that count, or leave it out for all")
    if len(set(names)) < len(names):
        raise ValueError(f"conditions has {list(names)}; expected each once")
    number = {name: place for place, name in enumerate(names)}
    chosen = [row for row, name in enumerate(found.trial_type) if name in number]
    _tell(found, chosen, names, frames * tr, where)
    of_event = np.array([number[found.trial_type[row]] for row in chosen], dtype=int)
    column, labels = (of_event, names) if per == "condition" else (np.arange(len(chosen)), _numbered(names, of_event))
    before = int(np.ceil(BEFORE / tr))
    # times as nilearn computes them, so that an event that begins on a step does so in both
    last = (frames - 1) * tr * (1 + 1 / (frames - 1)) if frames > 1 else tr
    times = np.linspace(-before * tr, last, (before + frames) * steps + 1)
    onset, end, strength = found.onset[chosen], found.onset[chosen] + found.duration[chosen], found.modulation[chosen]
    strength = np.where((onset >= times[0]) | (end > times[0]), strength, 0.0)
    first = np.searchsorted(times, onset)
    changes = np.zeros((len(times) + 2, len(labels)))
    np.add.at(changes, (first, column), strength)
    np.add.at(changes, (np.maximum(np.searchsorted(times, end), first + 1), column), -strength)
    whole = np.cumsum(changes, axis=0)[: (before + frames) * steps].reshape(before + frames, steps, -1)
    numbers = np.arange(len(names)) if per == "condition" else of_event
    return Stimuli(whole[before:], whole[:before], numbers, labels)


def _check(frames: int, tr: float, steps: int, per: str) -> None:
    if not tr > 0:
        raise ValueError(f"tr = {tr:g} s is not positive; give the repetition time in seconds")
    if frames < 1 or steps < 1:
        raise ValueError(f"frames = {frames} and steps = {steps}; expected 1 or more of each")
    if per not in ("condition", "trial"):
        raise ValueError(f"per = {per!r}; expected 'condition' or 'trial'")


def _tell(events: Events, chosen: list[int], names: tuple[str, ...], end: float, where: str) -> None:
    """Refuse a run without events; warn of conditions that have none, and of events outside of the run."""
    missing = [name for name in names if name not in events.trial_type]
    if missing:
        told = f"{where}there is no event of trial type {missing[0]!r}; there are {sorted(set(events.trial_type))}"
        if not chosen:
            raise ValueError(told)
        warn(f"{told}: its column is 0")
    onset = events.onset[chosen]
    late, early = int((onset >= end).sum()), int((onset < 0).sum())
    if late == len(chosen):
        raise ValueError(
            f"{where}all {late} events begin after the run, which ends at {end:g} s; are onsets in seconds, from its "
            "first frame?"
        )
    if late:
        warn(f"{where}{late} of {len(chosen)} events begin after the run, which ends at {end:g} s")
    if early:
        warn(f"{where}{early} of {len(chosen)} events begin before the first frame; give `earlier` to the design, too")


def _numbered(names: tuple[str, ...], numbers: np.ndarray) -> tuple[str, ...]:
    """Return a name for each trial: its condition and which one of it this is, from 1."""
    count = dict.fromkeys(range(len(names)), 0)
    found = []
    for one in map(int, numbers):
        count[one] += 1
        found.append(f"{names[one]}_{count[one]:03d}")
    return tuple(found)


def frames_of(timeseries: Any) -> int:
    """Return how many frames a series has, an array or a file, of which the header alone is read."""
    if isinstance(timeseries, np.ndarray):
        return len(timeseries)
    opened = files.open_series(Path(str(timeseries)))[0]
    return int(opened.shape[0])


@python.define(outputs=["stimulus", "earlier", "conditions", "names"])
def EventModel(
    events: File,
    timeseries: Data,
    tr: float,
    per: str = "condition",
    conditions: tuple[str, ...] | None = None,
    steps: int = STEPS,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Lay out the events of a run at so many steps within each frame: what a design is made of.

    Parameters
    ----------
    events : File
        A BIDS `*_events.tsv`; onsets in seconds from the first frame of the series.
    timeseries : array or File
        The run, whose number of frames counts.
    tr : float
        Repetition time in seconds.
    per : {"condition", "trial"}
        A column for each condition, in the order of their names, or for each event.
    conditions : tuple of str, optional
        The trial types that count, in the order of the columns; by default all, by name.
    steps : int
        Within each frame.
    """
    made = stimuli(str(events), frames_of(timeseries), tr, per, conditions, steps)  # type: ignore[arg-type]
    return made.stimulus, made.earlier, made.conditions, list(made.names)
