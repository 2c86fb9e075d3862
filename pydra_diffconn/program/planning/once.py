"""Once: equal steps on equal inputs are computed once."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from pydra_diffconn.program.plan import Plan, redirect
from pydra_diffconn.program.run import Run
from pydra_diffconn.program.wires import FromArray, FromStep, Wire


def once(made: Plan, run: Run, varying: Collection[str]) -> None:
    """Let what takes the output of an equal step take that of the first one."""
    first: dict[tuple[Any, ...], str] = {}
    for one in list(made.planned):
        one = next(p for p in made.planned if p.path == one.path)  # its wires may have changed since
        key = (
            one.step.block,
            run.counts[one.path],
            *sorted((n, _identity(w, run, varying)) for n, w in one.wires.items()),
        )
        if key not in first:
            first[key] = one.path
            continue
        made.planned.remove(one)
        for output in one.step.declaration.outputs:
            redirect(made, (one.path, output), FromStep((first[key], output)))
        made.notes.append(f"{one.path} is {first[key]}: the same step on the same inputs")


def _identity(wire: Wire, run: Run, varying: Collection[str]) -> tuple[str, ...]:
    """Return what two wires have in common that carry the same value."""
    match wire:
        case FromArray(name=name):
            known = name not in varying and name in run.arrays
            array: Any = run.arrays[name] if known else None  # equal numbers may have stood in two places
            value = name if not known else repr(array) if np.ndim(array) == 0 else str(id(array))
        case FromStep(key=key):
            value = str(key)
        case _:
            return (repr(wire),)
    index = "" if wire.index is None else str((wire.index.shape, wire.index.tobytes()))
    return type(wire).__name__, value, index, "" if wire.spaces is None else str(id(wire.spaces))
