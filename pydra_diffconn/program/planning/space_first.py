"""Space first: a reduction over space moves ahead of linear steps over time, since P (X W) = (P X) W."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pydra_diffconn.program.plan import Plan, Planned, main_argument, redirect
from pydra_diffconn.program.run import Run
from pydra_diffconn.program.wires import FromArray, FromStep, Wire
from pydra_diffconn.workflow.graph import Step


def space_first(made: Plan, run: Run) -> bool:
    """Move one space step ahead of one time step; return whether there was one to move."""
    for over_space in made.planned:
        if not reduces_space(over_space.step):
            continue
        wire = over_space.wires[main_argument(over_space.step)]
        before = made.maker(wire)
        if before is None or not isinstance(wire, FromStep):
            continue
        if not over_time(before.step) or not _aligned(wire, over_space, before, run):
            continue
        if made.is_output(before.path) or len(list(made.consumers(wire.key))) > 1:
            continue  # the series before parcellation is wanted, too
        source = before.wires[main_argument(before.step)]
        if not isinstance(source, FromArray | FromStep) or (source.spaces is not None and wire.spaces is not None):
            continue
        _swap(made, before, over_space, replace(source, spaces=source.spaces or wire.spaces))
        made.notes.append(
            f"{over_space.path} before {before.path}: {before.step.declaration.name} is linear and the same for "
            f"all locations, {over_space.step.declaration.name} is linear and the same for all frames"
        )
        return True
    return False


def _swap(made: Plan, over_time: Planned, over_space: Planned, source: Wire) -> None:
    """Put a step over space before one over time."""
    (time_out,), (space_out,) = over_time.step.declaration.outputs, over_space.step.declaration.outputs
    redirect(made, (over_space.path, space_out), FromStep((over_time.path, time_out)))
    taken = over_space.wires[main_argument(over_space.step)]
    first = replace(over_space, wires={**over_space.wires, main_argument(over_space.step): source})
    between = FromStep((over_space.path, space_out), taken.index if isinstance(taken, FromStep) else None)
    second = replace(over_time, wires={**over_time.wires, main_argument(over_time.step): between})
    paths = [one.path for one in made.planned]
    early, late = paths.index(over_time.path), paths.index(over_space.path)
    # both come where the later one stood: by then all their other inputs are known
    rest = [one for number, one in enumerate(made.planned) if number not in (early, late)]
    made.planned[:] = [*rest[: late - 1], first, second, *rest[late - 1 :]]


def _linear(step: Step, along: str) -> bool:
    declared = step.declaration
    return declared.acts_along == along and declared.linear_in == declared.main_input and len(declared.outputs) == 1


def reduces_space(step: Step) -> bool:
    """Say whether a step is linear over space, the same for all frames, and leaves no locations."""
    return _linear(step, "space") and "space" not in next(iter(step.declaration.outputs.values())).split()


def over_time(step: Step) -> bool:
    """Say whether a step is linear over time and the same for all locations."""
    others = (a for a in step.declaration.arguments.values() if a.name != step.declaration.main_input)
    return _linear(step, "time") and not any("space" in argument.dims.split() for argument in others)


def _aligned(wire: FromStep, one: Planned, other: Planned, run: Run) -> bool:
    """Say whether two steps run once each, or instance by instance."""
    count = run.counts[one.path]
    if count != run.counts[other.path]:
        return False
    return wire.index is None or (wire.index.ndim == 1 and np.array_equal(wire.index, np.arange(count or 0)))
