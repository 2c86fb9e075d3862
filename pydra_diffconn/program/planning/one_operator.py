"""One operator: consecutive linear steps over time become one time x time matrix."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from pydra_diffconn.program.plan import Plan, Planned, main_argument, output_of
from pydra_diffconn.program.planning.space_first import over_time
from pydra_diffconn.program.run import Run
from pydra_diffconn.program.wires import FromArray, FromStep, Wire

WIDE = 4  # locations per frame from which one product with a time x time matrix is cheaper than the steps themselves


def one_operator(made: Plan, run: Run) -> None:
    """Make one matrix of each chain of steps over time that is applied to many more locations than frames."""
    for last in list(made.planned):
        if last not in made.planned or not _single(last, run):
            continue
        if any(_single(c, run) and name == main_argument(c.step) for c, name in made.consumers(output_of(last))):
            continue  # not the last of its chain
        chain = _chain(made, last, run)
        source = chain[0].wires[main_argument(chain[0].step)]
        if len(chain) < 2 or not _is_wide(source, run):
            continue
        before = tuple((one.step, one.wires) for one in chain[:-1])
        place = made.planned.index(last)
        made.planned[place] = replace(last, chain=before)
        made.planned[:] = [one for one in made.planned if one not in chain[:-1]]
        names = ", ".join(one.path for one in chain)
        made.notes.append(f"{names} as one time x time matrix: each is linear and the same for all locations")


def _single(one: Planned, run: Run) -> bool:
    return over_time(one.step) and run.counts[one.path] is None and not one.chain


def _chain(made: Plan, last: Planned, run: Run) -> list[Planned]:
    """Return the steps over time that lead to `last` and to nothing else."""
    chain = [last]
    while True:
        wire = chain[0].wires[main_argument(chain[0].step)]
        before = made.maker(wire)
        if (
            before is None
            or not isinstance(wire, FromStep)
            or wire.spaces is not None
            or not _single(before, run)
            or made.is_output(before.path)
        ):
            return chain
        if len(list(made.consumers(output_of(before)))) > 1:
            return chain
        chain.insert(0, before)


def _is_wide(source: Wire, run: Run) -> bool:
    if not isinstance(source, FromArray):
        return False
    shape: Any = np.shape(run.arrays[source.name])
    return len(shape) == 2 and shape[1] > WIDE * shape[0]
