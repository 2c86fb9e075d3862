"""What a fit says of itself where its values are not to be trusted: many numbers of few runs, people known by heart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pydra_diffconn.learning.progress import Progress

AT_END = 0.002  # of the width of an interval: a gradient counts a hundredth of what it does in the middle
MANY = 10  # numbers, below which even few runs may do
NOT_BETTER = "The learned values are not better than the start on these runs."
NO_BASELINE = (
    "No classical baseline was searched: what is compared here is the start, and any start can be beaten by choosing "
    "it badly. `compare` sets the best classical pipeline, chosen on the same runs, beside what is learned."
)


def warn_of_many(learner: Any, bar: Progress) -> None:
    """Warn where more numbers are learned than there are runs, and nobody is held out to tell when it is too much."""
    count = sum(int(np.size(value)) for value in learner.program.parameters.values())
    if not learner.held_out and count > max(MANY, len(learner.training)):
        runs = "1 run" if len(learner.training) == 1 else f"{len(learner.training)} runs"
        bar.warn(
            f"{count} numbers are learned from {runs} and nobody is held out: they may fit these alone; "
            "give validation=0.25, or a penalty such as losses.LogDeviation"
        )


def warn_of_ends(learner: Any, bar: Progress) -> None:
    """Warn of what was learned to the very end of where it may lie: from there, steps hardly move it back."""
    values = learner.learned()
    for rule in learner.program.free_space.rules:
        limits, value = rule.resolved(values), np.asarray(values[rule.name], float)
        ends = [np.asarray(getattr(limits, name, np.nan), float) for name in ("lower", "upper")]
        width = ends[1] - ends[0]
        if not np.all(np.isfinite(width)) or rule.name in learner.how.schedules:
            continue
        start = np.asarray(learner.program.parameters[rule.name], float)
        for end in ends:
            there = (np.abs(value - end) <= AT_END * width) & (np.abs(start - end) > AT_END * width)
            if there.any():
                many = (
                    f"{int(there.sum())} of {value.size} of {rule.name} stand" if value.ndim else f"{rule.name} stands"
                )
                bar.warn(
                    f"{many} at the end {float(np.max(end)):g} of where it may lie, and would hardly move from there; "
                    "starts=5 tells whether other starts end there, too"
                )


def by_heart(history: Sequence[Mapping[str, Any]]) -> str | None:
    """Say where the held-out loss rises while the training loss goes on falling; None if it does not.

    Parameters
    ----------
    history : sequence of mapping
        Of a fit: `step`, `loss` and `validation` of each row.
    """
    known = [row for row in history if row.get("validation") is not None]
    if len(known) < 3:
        return None
    held_out = np.array([row["validation"] for row in known])
    best, last = known[int(held_out.argmin())], known[-1]
    spread = float(np.ptp(held_out[: int(held_out.argmin()) + 1]))
    risen = last["validation"] - best["validation"]
    if not (last["loss"] < best["loss"] and risen > max(0.1 * spread, 1e-6 * abs(best["validation"]))):
        return None
    return (
        f"from step {best['step']} on the held-out loss rises, {best['validation']:.4g} to {last['validation']:.4g}, "
        f"while the training loss falls, {best['loss']:.4g} to {last['loss']:.4g}: the runs are learned by heart; the "
        f"values of step {best['step']} are kept"
    )
