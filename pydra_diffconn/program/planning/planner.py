"""Reordering a fused program by rules that hold exactly, from the facts that blocks declare.

Four rules. *Once*: equal steps on equal inputs are computed once. *Space first*: a linear step that mixes locations and
reduces them (a parcellation) moves ahead of linear steps that treat every location alike (filters, regression), since
P (X W) = (P X) W. *One operator*: consecutive linear steps over time become one time x time matrix, applied once, where
locations outnumber frames. Nothing moves across a step that does not declare that it is linear: a voxel-wise z-score,
say, is none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pydra_diffconn.graph import Graph, Step
from pydra_diffconn.wiring import Run, Wire

WIDE = 4  # locations per frame from which one product with a time x time matrix is cheaper than the steps themselves


@dataclass(frozen=True)
class Planned:
    """One thing to compute: a step, or several steps over time as one matrix (`chain`)."""

    step: Step
    wires: Mapping[str, Wire]
    chain: tuple[tuple[Step, Mapping[str, Wire]], ...] = ()
    """The steps before `step` that are applied together with it; the first one's main wire is the input."""

    @property
    def path(self) -> str:
        return self.step.path


@dataclass
class Plan:
    """What is computed, in this order, and where the workflow's outputs come from."""

    planned: list[Planned]
    outputs: dict[str, Wire]
    notes: list[str] = field(default_factory=list)
    """What was changed, and why that is allowed."""

    def consumers(self, key: tuple[str, str]) -> Iterator[tuple[Planned, str]]:
        for one in self.planned:
            for name, wire in one.wires.items():
                if wire.kind == "step" and wire.value == key:
                    yield one, name

    def is_output(self, path: str) -> bool:
        return any(wire.kind == "step" and wire.value[0] == path for wire in self.outputs.values())


def plan(graph: Graph, run: Run, varying: Collection[str], reorder: bool = True) -> Plan:
    """Return what to compute for a run and all like it, whose `varying` arrays differ; or the steps as written."""
    made = Plan([Planned(step, run.wires[step.path]) for step in graph.steps], dict(run.outputs))
    if reorder:
        _once(made, run, varying)
        while _space_first(made, run):
            pass
        _one_operator(made, run)
    for path, array in run.streamed.items():
        one = next(p for p in made.planned if p.path == path)
        made.planned.remove(one)
        redirect(made, _output(one), Wire("array", array))
        made.notes.append(f"{path} while its image is read, some frames at a time")
    return made


def first_on(graph: Graph, run: Run, images: Collection[str], reorder: bool) -> Iterator[tuple[Planned, str]]:
    """Yield the steps that can be computed while an image is read, and the image's name: nothing else may need it."""
    made = plan(graph, run, (), reorder)
    wires = [wire for one in made.planned for wire in one.wires.values()] + list(made.outputs.values())
    for one in made.planned:
        main = one.wires[one.step.declaration.main_input]
        if one.step.declaration.streamed is None or main.value not in images or main.spaces is not None:
            continue
        plain = all(wire.kind in ("array", "static") for wire in one.wires.values())
        if plain and run.counts[one.path] is None and [wire.value for wire in wires].count(main.value) == 1:
            yield one, main.value


# --- once -----------------------------------------------------------------------------------------------------


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


def redirect(made: Plan, old: tuple[str, str], new: Wire) -> None:
    """Let everything that takes an output take another one, with its own index and space."""

    def moved(wire: Wire) -> Wire:
        taken = wire.kind == "step" and wire.value == old
        return replace(wire, kind=new.kind, value=new.value) if taken else wire

    def all_moved(wires: Mapping[str, Wire]) -> dict[str, Wire]:
        return {name: moved(wire) for name, wire in wires.items()}

    made.planned[:] = [
        replace(one, wires=all_moved(one.wires), chain=tuple((s, all_moved(w)) for s, w in one.chain))
        for one in made.planned
    ]
    made.outputs = all_moved(made.outputs)


def inputs_of(one: Planned) -> Iterator[Wire]:
    """Yield the wires by which values come to what is planned: within a chain, the series is handed on."""
    steps = [*one.chain, (one.step, one.wires)]
    for number, (step, wires) in enumerate(steps):
        yield from (wire for name, wire in wires.items() if number == 0 or name != _main(step))


def arrays_of(wire: Wire) -> Iterator[str]:
    """Yield the arrays of the run that a wire takes."""
    if wire.kind == "array":
        yield wire.value
    elif wire.kind == "ragged":
        assert wire.index is not None  # says which of the values are names of arrays
        yield from (name for name, is_array in zip(wire.value, wire.index, strict=True) if is_array)


def independent(made: Plan, arrays: Collection[str] = (), parameters: Collection[str] = ()) -> list[Planned]:
    """Return what depends on none of these arrays and parameters, in order."""
    found: dict[str, Planned] = {}
    for one in made.planned:
        if all(_is_free(wire, found, arrays, parameters) for wire in inputs_of(one)):
            found[one.path] = one
    return list(found.values())


def shared_products(made: Plan, run: Run, arrays: Collection[str], parameters: Collection[str]) -> list[Planned]:
    """Return the steps that multiply one of these arrays of a run by a matrix over space that all runs share.

    The products of all runs are then one, which comes nearer to the machine's limit than one after the other.
    """
    free = {one.path for one in independent(made, arrays, parameters)}
    return [one for one in made.planned if _is_shared_product(one, run, free, arrays, parameters)]


def _is_shared_product(
    one: Planned, run: Run, free: Collection[str], arrays: Collection[str], parameters: Collection[str]
) -> bool:
    main = _main(one.step)
    series = one.wires[main]
    others = [wire for name, wire in one.wires.items() if name != main]
    over_space = [a for a in one.step.declaration.arguments.values() if a.name != main and a.dims.endswith(" space")]
    return (
        _reduces_space(one.step)
        and bool(over_space)
        and run.counts[one.path] is None
        and series.kind == "array"
        and series.value in arrays
        and series.index is None
        and series.spaces is None
        and all(_is_free(wire, free, arrays, parameters) for wire in others)
    )


def _is_free(wire: Wire, known: Collection[str], arrays: Collection[str], parameters: Collection[str]) -> bool:
    if wire.kind == "parameter":
        return wire.value not in parameters
    return wire.value[0] in known if wire.kind == "step" else not any(name in arrays for name in arrays_of(wire))


# --- space first ------------------------------------------------------------------------------------------------


def _space_first(made: Plan, run: Run) -> bool:
    """Move one space step ahead of one time step; return whether there was one to move."""
    for over_space in made.planned:
        if not _reduces_space(over_space.step):
            continue
        wire = over_space.wires[_main(over_space.step)]
        over_time = next((p for p in made.planned if wire.kind == "step" and p.path == wire.value[0]), None)
        if over_time is None or not _over_time(over_time.step) or not _aligned(wire, over_space, over_time, run):
            continue
        if made.is_output(over_time.path) or len(list(made.consumers(wire.value))) > 1:
            continue  # the series before parcellation is wanted, too
        before = over_time.wires[_main(over_time.step)]
        if before.kind not in ("array", "step") or (before.spaces is not None and wire.spaces is not None):
            continue
        _swap(made, over_time, over_space, replace(before, spaces=before.spaces or wire.spaces))
        made.notes.append(
            f"{over_space.path} before {over_time.path}: {over_time.step.declaration.name} is linear and the same for "
            f"all locations, {over_space.step.declaration.name} is linear and the same for all frames"
        )
        return True
    return False


def _swap(made: Plan, over_time: Planned, over_space: Planned, source: Wire) -> None:
    (time_out,), (space_out,) = over_time.step.declaration.outputs, over_space.step.declaration.outputs
    redirect(made, (over_space.path, space_out), Wire("step", (over_time.path, time_out)))
    index = over_space.wires[_main(over_space.step)].index
    first = replace(over_space, wires={**over_space.wires, _main(over_space.step): source})
    between = Wire("step", (over_space.path, space_out), index=index)
    second = replace(over_time, wires={**over_time.wires, _main(over_time.step): between})
    paths = [one.path for one in made.planned]
    early, late = paths.index(over_time.path), paths.index(over_space.path)
    # both come where the later one stood: by then all their other inputs are known
    rest = [one for number, one in enumerate(made.planned) if number not in (early, late)]
    made.planned[:] = [*rest[: late - 1], first, second, *rest[late - 1 :]]


def _main(step: Step) -> str:
    return step.declaration.linear_in or step.declaration.main_input


def _linear(step: Step, along: str) -> bool:
    declared = step.declaration
    return declared.acts_along == along and declared.linear_in == declared.main_input and len(declared.outputs) == 1


def _reduces_space(step: Step) -> bool:
    return _linear(step, "space") and "space" not in next(iter(step.declaration.outputs.values())).split()


def _over_time(step: Step) -> bool:
    """Say whether a step is linear over time and the same for all locations."""
    others = (a for a in step.declaration.arguments.values() if a.name != step.declaration.main_input)
    return _linear(step, "time") and not any("space" in argument.dims.split() for argument in others)


def _aligned(wire: Wire, one: Planned, other: Planned, run: Run) -> bool:
    """Say whether two steps run once each, or instance by instance."""
    count = run.counts[one.path]
    if count != run.counts[other.path]:
        return False
    return wire.index is None or (wire.index.ndim == 1 and np.array_equal(wire.index, np.arange(count or 0)))


# --- one operator -------------------------------------------------------------------------------------------------


def _one_operator(made: Plan, run: Run) -> None:
    for last in list(made.planned):
        if last not in made.planned or not _single(last, run):
            continue
        if any(_single(c, run) and name == _main(c.step) for c, name in made.consumers(_output(last))):
            continue  # not the last of its chain
        chain = _chain(made, last, run)
        source = chain[0].wires[_main(chain[0].step)]
        if len(chain) < 2 or not _is_wide(source, run):
            continue
        before = tuple((one.step, one.wires) for one in chain[:-1])
        place = made.planned.index(last)
        made.planned[place] = replace(last, chain=before)
        made.planned[:] = [one for one in made.planned if one not in chain[:-1]]
        names = ", ".join(one.path for one in chain)
        made.notes.append(f"{names} as one time x time matrix: each is linear and the same for all locations")


def _single(one: Planned, run: Run) -> bool:
    return _over_time(one.step) and run.counts[one.path] is None and not one.chain


def _output(one: Planned) -> tuple[str, str]:
    return one.path, next(iter(one.step.declaration.outputs))


def _chain(made: Plan, last: Planned, run: Run) -> list[Planned]:
    """Return the steps over time that lead to `last` and to nothing else."""
    chain = [last]
    while True:
        wire = chain[0].wires[_main(chain[0].step)]
        before = next((p for p in made.planned if wire.kind == "step" and p.path == wire.value[0]), None)
        if before is None or wire.spaces is not None or not _single(before, run) or made.is_output(before.path):
            return chain
        if len(list(made.consumers(_output(before)))) > 1:
            return chain
        chain.insert(0, before)


def _is_wide(source: Wire, run: Run) -> bool:
    if source.kind != "array":
        return False
    shape: Any = np.shape(run.arrays[source.value])
    return len(shape) == 2 and shape[1] > WIDE * shape[0]
