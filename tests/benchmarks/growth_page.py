"""How cost grows, as a section of docs/performance.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

POWERS = np.arange(0.1, 3.01, 0.05)
FLAT = 1.3  # how much the cost of the largest may exceed that of the smallest and still count as the same: noise
NEGLIGIBLE = 0.02  # seconds of processors below which nothing is told of growth
LENGTHS_GOAL = 3


def exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float | None:
    """Return the p of a + b n^p, both at least 0, with the least squares of relative errors; None if it is too small.

    A slope in log-log would take what does not grow, such as loading a module, for slow growth.
    """
    from scipy.optimize import nnls

    if max(seconds) < NEGLIGIBLE:
        return None
    if max(seconds) < FLAT * seconds[0]:
        return 0.0
    n, cost = np.asarray(sizes, float) / max(sizes), np.asarray(seconds)
    errors = [
        nnls(np.stack([np.ones_like(n), n**power], axis=1) / cost[:, None], np.ones_like(n))[1] for power in POWERS
    ]
    return float(POWERS[int(np.argmin(errors))])


def section(record: Mapping[str, Any]) -> str:
    """Return the section of a record of growth.py."""
    rows = "\n".join(row for against, found in record["against"].items() for row in _rows(against, found))
    memory = "\n".join(_memory(against, found) for against, found in record["against"].items())
    return f"""## How cost grows

Measured by `python -m tests.benchmarks.growth`: seconds of all processors together, which other work on the machine
changes less than seconds of the clock, in a fresh process for each size, nothing compiled before (processes for each
size, of which the median is shown: {record["repeats"]}). `construct` makes and splits the task, `hash` is Pydra's checksum of it,
`fuse` reads every run, `prepare` fills runs up and computes what no parameter changes, `compile` ends with the first
step, `step` is one of all runs. The exponent is the p of a + b n^p, by least squares of relative errors: 0 where the
largest is less than {FLAT:g} times the smallest, none below {NEGLIGIBLE:g} s. The last column is what the operations alone let grow.
{_lengths(record)}
| what | against | sizes | seconds | exponent | mathematics |
|---|---|---|---|---|---|
{rows}

Memory at its peak, in MB above what was held before:

| against | sizes | fuse | compile | step |
|---|---|---|---|---|
{memory}
"""


def _lengths(record: Mapping[str, Any]) -> str:
    """Say how far a fit of runs of many lengths is from one of a single length."""
    found = record["against"].get("lengths")
    if found is None:
        return ""
    whole = [point["seconds"]["fit of 50 steps"] for point in found["points"]]
    return (
        f"\nA fit of 50 steps over runs of {found['sizes'][-1]} lengths takes {whole[-1] / whole[0]:.1f} times that of one "
        f"length (goal: {LENGTHS_GOAL}). Filters\nof runs that were filled up are transforms of twice the frames.\n"
    )


def _rows(against: str, found: Mapping[str, Any]) -> list[str]:
    sizes, points = found["sizes"], found["points"]
    rows = []
    for phase in points[0]["seconds"]:
        seconds = [point["seconds"][phase] for point in points]
        power = exponent(sizes, seconds)
        told = "" if power is None else f"{power:.2g}"
        rows.append(
            f"| {phase} | {against} ({found['of']}) | {_listed(sizes, ',')} | {_listed(seconds, '.2g')} "
            f"| {told} | {found['expected'].get(phase, '')} |"
        )
    return rows


def _memory(against: str, found: Mapping[str, Any]) -> str:
    columns = [
        _listed([point["memory"][phase] for point in found["points"]], ".0f") for phase in ("fuse", "compile", "step")
    ]
    return f"| {against} | {_listed(found['sizes'], ',')} | " + " | ".join(columns) + " |"


def _listed(values: Sequence[float], how: str) -> str:
    return " / ".join(format(value, how) for value in values)
