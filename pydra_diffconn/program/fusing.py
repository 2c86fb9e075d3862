"""From a workflow to one pure function of its parameters: `fuse`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydra_diffconn import pydra_compat
from pydra_diffconn.declare.parameters import Learn, plain
from pydra_diffconn.program import accounts
from pydra_diffconn.program.preparing import prepare
from pydra_diffconn.program.program import Program
from pydra_diffconn.program.run import Run
from pydra_diffconn.program.spool import Loaded, Spool
from pydra_diffconn.workflow import choosing, deriving, graph, reading, splits
from pydra_diffconn.workflow.graph import Graph


def fuse(
    task: Any,
    learn: Mapping[str, Learn] | None = None,
    *,
    reorder: bool = True,
    memory: float | None = None,
    cache_root: Any = None,
    worker: Any = "debug",
) -> Program:
    """Fuse the blocks of a Pydra workflow task into one pure function.

    Parameters
    ----------
    task : workflow task
        With its inputs, split over runs or not. It is not changed.
    learn : mapping, optional
        Parameters to learn besides those marked in the workflow: `{"BandPass.low": Learn()}`.
    reorder : bool
        Whether the planner may reorder linear steps and leave out branches whose weights are fixed at 0; the numbers
        agree to rounding either way.
    memory : float, optional
        Bytes of what is read from files to hold in memory, by default a quarter of the machine's; what exceeds them
        waits in a temporary folder (TMPDIR).
    cache_root, worker
        For the nodes that are no blocks, which run in Pydra once, before.

    Raises
    ------
    ValueError
        On an unknown name in `learn`, on bad input to a block (with the block's name), or if a parameter to be learned
        would have to pass through a step that is not differentiable.
    """
    pydra_compat.require_places(cache_root, worker)
    if not isinstance(reorder, bool):
        raise ValueError(f"reorder is {reorder!r}; expected True or False")
    read = reading.read(task, learn)
    return program_of(task, choosing.decided(read) if reorder else read, reorder, memory, cache_root, worker)


def program_of(
    task: Any,
    read: Graph,
    reorder: bool = True,
    memory: float | None = None,
    cache_root: Any = None,
    worker: Any = "debug",
) -> Program:
    """Return the program of a task that was read; the rest is as for `fuse`."""
    needed = _from_pydra(read)
    before = _run_classical(task, needed, cache_root, worker) if needed else None
    prepared: list[Run] = []
    cache = Loaded(Spool(memory))
    for number, values in enumerate(splits.runs(task)):
        upstream = {key: column[number] for key, column in before.items()} if before else {}
        prepared.append(prepare(read, values, upstream, cache, number, reorder))
    accounts.check(read, prepared)
    return Program(read, prepared, reorder, cache.spool)


def _from_pydra(read: Graph) -> list[tuple[str, str]]:
    """Return the outputs of nodes that run in Pydra which steps of the program, its outputs or its axes need."""
    paths = {node.path for node in read.before}
    used = [source for step in read.steps for source in step.inputs.values()] + list(read.outputs.values())
    return sorted({(r.path, r.field) for s in used for r in graph.references(s) if r.path in paths})


def _run_classical(
    task: Any, needed: list[tuple[str, str]], cache_root: Any, worker: Any
) -> dict[tuple[str, str], list[Any]]:
    derived = deriving.exposing(type(task), needed)
    values = {name: plain(value) for name, value in deriving.inputs_of(task).items()}
    outputs = pydra_compat.copy_split(task, derived(**values), combine=False)(cache_root=cache_root, worker=worker)
    columns = [getattr(outputs, f"output_{number}") for number in range(len(needed))]
    split = pydra_compat.splitter(task) is not None
    return {key: column if split else [column] for key, column in zip(needed, columns, strict=True)}
