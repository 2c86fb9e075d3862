"""Once: equal steps on equal inputs are computed once."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from pydra_diffconn.program.planning.plan import Plan, redirect
from pydra_diffconn.program.wires import Run, Wire


def _once(made: Plan, run: Run, varying: Collection[str]) -> None:
    first: dict[tuple, str] = {}
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
            redirect(made, (one.path, output), Wire("step", (first[key], output)))
        made.notes.append(f"{one.path} is {first[key]}: the same step on the same inputs")


def _identity(wire: Wire, run: Run, varying: Collection[str]) -> tuple:
    index = None if wire.index is None else (wire.index.shape, wire.index.tobytes())
    spaces = None if wire.spaces is None else id(wire.spaces)
    value = repr(wire.value) if wire.kind in ("static", "ragged") else wire.value
    if wire.kind == "array" and wire.value not in varying and wire.value in run.arrays:
        array = run.arrays[wire.value]  # equal numbers may have stood in two places
        value = repr(array) if np.ndim(array) == 0 else id(array)
    return wire.kind, str(value), str(index), str(spaces)
