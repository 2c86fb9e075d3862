"""What every pipeline of a multiverse computes: step by step in this process, or else by a split of Pydra."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pydra_diffconn import files, pydra_compat
from pydra_diffconn.declare.loss import Loss, Sum
from pydra_diffconn.declare.parameters import Learn
from pydra_diffconn.learning.prepared import with_inputs_read
from pydra_diffconn.learning.result import Result
from pydra_diffconn.program.accounts import Accounts
from pydra_diffconn.program.fusing import program_of
from pydra_diffconn.program.program import Program
from pydra_diffconn.program.universes import Universe, outputs_of_each
from pydra_diffconn.workflow import deriving, graph, reading, splits
from pydra_diffconn.workflow.choosing import Chosen
from pydra_diffconn.workflow.graph import Graph

Outputs = Mapping[str, Any]


@dataclass(frozen=True)
class Row:
    """One pipeline of a multiverse."""

    shown: Mapping[str, Any]
    """Its name, and the option of each choice."""
    picked: Mapping[str, str]
    """The option of each node that mixes and is decided."""
    parameters: Mapping[str, Any]
    """What is learned, as the pipeline has it."""
    learned: bool = False


@dataclass(frozen=True)
class Asked:
    """Of what the pipelines are computed."""

    task: Any
    read: Graph
    loss: Any
    runs: Sequence[int]
    result: Result | None
    settings: Mapping[str, Any]
    """Cache and worker."""

    @functools.cached_property
    def split(self) -> dict[str, list[Any]]:
        """The values of the runs, of each input that the task is split over."""
        values = splits.runs(self.task)
        return {name: [values[number][name] for number in self.runs] for name in values[0]}

    def of(self, workflow: type, changes: Any = None, learned: Collection[str] = ()) -> Any:
        """Return a workflow with the inputs of the task, split over the chosen runs, and over changes if there are."""
        split: dict[str, Any] = self.split
        splitter: list[Any] = [tuple(split) if len(split) > 1 else next(iter(split))] if split else []
        if changes is not None:
            splitter, split = [deriving.CHANGES, *splitter], {deriving.CHANGES: changes, **split}
        own = {n: v for n, v in deriving.inputs_of(self.task).items() if n not in split and n not in learned}
        made = workflow(**own)
        return made.split(splitter if len(splitter) > 1 else splitter[0], **split) if split else made


def outputs_of(asked: Asked, rows: Sequence[Row]) -> Iterator[Outputs]:
    """Yield the outputs of each pipeline, of all runs along a leading axis if the task is split."""
    found = _together(asked, rows)
    return _classically(asked, rows) if found is None else found


# --- in this process ---------------------------------------------------------------------------------------------


def _together(asked: Asked, rows: Sequence[Row]) -> Iterator[Outputs] | None:
    """Compute all pipelines in this process; None where only a job of each says what is right.

    That is where a choice lies between nodes that are no blocks, where steps of several options cannot stand in one
    program, and where places have no data or nothing is left of a run, which is told of each pipeline by itself.
    """
    try:
        program = _program(asked)
        if _lacks_data(program):
            return None
        names = [name for name in program.runs[0].outputs if name in _named(asked.loss, program)]
        universes = [Universe(row.picked, {**program.parameters, **_own(row, program)}) for row in rows]
        of_runs = []
        for found in outputs_of_each(program, universes, names):
            if not all(np.all(np.isfinite(value)) for one in found for value in one.values()):
                return None
            of_runs.append([{name: program.spool.keep(value) for name, value in one.items()} for one in found])
    except (ValueError, TypeError):
        return None
    return (
        {name: _joined([one[place][name] for one in of_runs], asked) for name in names} for place in range(len(rows))
    )


def _program(asked: Asked) -> Program:
    """Return the program of the chosen runs; what was learned besides what the workflow marks is a parameter, too."""
    task, toggled = asked.of(type(asked.task)), {}
    if asked.result is not None and asked.result.program is not None:
        toggled = {name: Learn() for name in asked.result.program.parameters if name not in asked.read.learnables}
    # not decided by weights that are fixed: these choices are varied, too
    program = program_of(task, reading.read(task, toggled or None), **asked.settings)
    return with_inputs_read(program, asked.loss)


def _own(row: Row, program: Program) -> dict[str, Any]:
    """Return the parameters of a pipeline; weights of choices that are decided are not asked for."""
    return {name: row.parameters[name] for name in program.parameters if row.learned and name in row.parameters}


def _named(loss: Any, program: Program) -> set[str]:
    parts = loss.parts if isinstance(loss, Sum) else (loss,)
    if all(isinstance(part, Loss) for part in parts):
        return {name for part in parts for name in part.names}
    return set(program.runs[0].outputs)


def _lacks_data(program: Program) -> bool:
    """Whether some place of a step has no data, in some run."""
    for run in program.runs:
        accounts = Accounts(program.graph, run, program.parameters, exact=False)
        for step in program.graph.steps:
            if any(accounts.missing(step.path, number) is not None for number in range(run.counts[step.path] or 1)):
                return True
    return False


# --- by Pydra ----------------------------------------------------------------------------------------------------


def _classically(asked: Asked, rows: Sequence[Row]) -> Iterator[Outputs]:
    """Run all pipelines in Pydra: the discrete ones by one split, over them and the runs."""
    base = deriving.derive(type(asked.task))
    kept = pydra_compat.get_fields(base)[deriving.CHANGES].default
    discrete = [row for row in rows if not row.learned]
    yield from _by_jobs(asked, base, [[*kept, Chosen(tuple(row.picked.items()))] for row in discrete])
    for row in (row for row in rows if row.learned):
        assert asked.result is not None
        workflow = asked.result.discretise() if row.picked else asked.result.workflow
        targets = [target for one in asked.result.learned for target in one.targets]
        yield from _by_jobs(asked, workflow, learned={target for target in targets if "." not in target})


def _by_jobs(asked: Asked, workflow: type, changes: Any = None, learned: Collection[str] = ()) -> Sequence[Outputs]:
    """Run a workflow, with each of these changes; return the outputs, as `fit` sees them.

    Inputs of the workflow that were learned are its defaults, and not what the task was given.
    """
    results = asked.of(workflow, changes, learned)(**asked.settings)
    count = 1 if changes is None else len(changes)
    found: list[dict[str, Any]] = [{} for _ in range(count)]
    for name, source in asked.read.outputs.items():
        column = getattr(results, name) if asked.split or changes is not None else [getattr(results, name)]
        arrays = [array for one in column if (array := _array(asked.read, source, one)) is not None]
        if len(arrays) < len(column):
            continue
        size = len(arrays) // count
        for number, one in enumerate(found):
            one[name] = _joined(arrays[number * size : (number + 1) * size], asked)
    return found


def _joined(arrays: list[np.ndarray], asked: Asked) -> Any:
    """Return an output of all runs: along a leading axis, or a list where they differ in shape."""
    if not asked.split:
        return arrays[0]
    return np.stack(arrays) if len({array.shape for array in arrays}) == 1 else arrays


def _array(read: Graph, source: Any, value: Any) -> np.ndarray | None:
    """Return an output as an array, read if it is a file; None for what is neither."""
    if files.is_file(value):
        path, output = next((one.path, one.field) for one in graph.references(source))
        dims = next(step.declaration.outputs[output] for step in read.steps if step.path == path)
        value = files.as_array(Path(str(value)), dims, output)
    try:
        array = np.asarray(value)
    except ValueError:
        return None
    return array if np.issubdtype(array.dtype, np.number) or array.dtype == bool else None
