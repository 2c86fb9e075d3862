"""Learning the marked parameters of a workflow, jointly, on all runs: `fit`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pydra_diffconn import pydra_compat
from pydra_diffconn.declare.parameters import Learn
from pydra_diffconn.declare.schedules import Schedule
from pydra_diffconn.learning.checkpoints import Checkpoint, fingerprint
from pydra_diffconn.learning.learner import Learner
from pydra_diffconn.learning.partition import partition
from pydra_diffconn.learning.progress import Progress
from pydra_diffconn.learning.result import Result
from pydra_diffconn.learning.settings import Settings
from pydra_diffconn.numerics.process import one_blas_thread
from pydra_diffconn.program.fusing import fuse
from pydra_diffconn.program.hoisting import with_constants_computed
from pydra_diffconn.program.program import Program
from pydra_diffconn.workflow import graph
from pydra_diffconn.workflow.choosing import corners, winners
from pydra_diffconn.workflow.writing_back import with_parameters


def fit(
    task: Any,
    loss: Callable[[Mapping[str, Any], Any], Any],
    targets: Any = None,
    *,
    learn: Mapping[str, Learn] | None = None,
    steps: int = 200,
    optimizer: Any = None,
    rates: Mapping[str, float] | None = None,
    schedules: Mapping[str, Schedule] | None = None,
    batch_size: int | None = None,
    validation: float | Sequence[int] | Sequence[str] | None = None,
    groups: Sequence[Any] | None = None,
    entities: Mapping[str, Sequence[Any]] | None = None,
    shrinkage: float = 1.0,
    patience: int | None = None,
    checkpoint: str | Path | None = None,
    checkpoint_every: int = 1,
    devices: Sequence[Any] | None = None,
    remat: bool = False,
    memory: float | None = None,
    seed: int = 0,
    progress: bool = True,
    cache_root: Any = None,
    worker: Any = "debug",
) -> Result:
    """Learn the parameters marked with `Learn` so that the loss is smallest over all runs.

    Parameters
    ----------
    task : workflow task
        Split over runs or not; unchanged by fitting.
    loss : callable
        `loss(outputs, targets) -> scalar`; `outputs["connectome"]` holds that output of all runs, and
        `outputs["parameters"]["BandPass.low"]` that parameter, so that it can be penalised.
    targets : array or pytree of arrays, optional
        With a leading axis aligned with the runs; a list holds one entry for each run.
    learn : mapping, optional
        Further parameters to learn, by name: `{"BandPass.low": Learn()}`.
    steps : int
        Number of gradient steps.
    optimizer : optax transformation, optional
        By default Adam with a step of 0.1 in the unbounded space; `optax.lbfgs()` and the like work, too.
    rates : mapping, optional
        Factor on the step of a parameter, by name.
    schedules : mapping, optional
        Parameters that follow a schedule instead of being learned, such as the temperature of a choice:
        `{"Choose.temperature": losses.schedules.Ramp(1.0, 0.1, steps=100)}`. Values are scored, and the result has
        them, as at the last step.
    batch_size : int, optional
        Number of runs in a step, drawn anew in every epoch; by default all.
    validation : float, list of int, or list of str, optional
        Fraction of the runs (of the groups, if given), indices of runs, or labels of groups to keep out of learning;
        the values that are best there are kept.
    groups : sequence, optional
        One label per run (its subject): runs with equal labels are never on both sides.
    entities : mapping, optional
        For `Learn(per="session")`, one label per run: `{"session": [...]}`. "subject" is `groups` by default.
    shrinkage : float
        How strongly values per entity are drawn to the group's.
    patience : int, optional
        Stop when the score has not improved for so many steps.
    checkpoint : path, optional
        Folder in which the state is saved; called again with the same inputs, the fit goes on from there.
    checkpoint_every : int
        Steps between saves (at most one save a second).
    devices : sequence of jax devices, optional
        Spread the runs over these.
    remat : bool
        Compute intermediate arrays again in the backward pass, one run at a time: less memory, more time.
    memory : float, optional
        Bytes of what is read from files to hold in memory, by default a quarter of the machine's. What exceeds them
        waits in a temporary folder (TMPDIR), from which each batch is read: give a `batch_size` then.
    seed : int
        For choosing the validation runs and the batches.
    progress : bool
        Whether to show a progress bar (plain lines when not in a terminal).
    cache_root, worker
        For the nodes that are no blocks.

    Raises
    ------
    ValueError
        If nothing is to be learned, the loss is not a finite number at the start, an input is bad, or the checkpoint
        belongs to another fit.
    """
    if not callable(loss):
        raise ValueError(f"loss is {loss!r}; expected a callable, loss(outputs, targets) -> scalar")
    least = {"steps": (steps, 0), "batch_size": (batch_size, 1), "patience": (patience, 1)}
    for name, (number, lowest) in least.items():
        if number is not None and not (isinstance(number, int | np.integer) and number >= lowest):
            raise ValueError(f"{name} is {number}; expected a whole number of at least {lowest}")
    schedules = dict(schedules or {})
    if schedules:
        learn = {**(learn or {}), **{name: Learn(float(rule(0))) for name, rule in schedules.items()}}
    program = learnable_program(
        task, learn, devices=devices, remat=remat, memory=memory, cache_root=cache_root, worker=worker
    )
    groups = (entities or {}).get("subject") if groups is None else groups
    training, held_out = partition(len(program.runs), validation, groups, seed)
    settings = Settings(optimizer, rates or {}, batch_size, patience, shrinkage, seed, schedules)
    kinds = {**({} if groups is None else {"subject": groups}), **(entities or {})}
    saver = None
    if checkpoint is not None:
        data = (program.inputs, targets, program.parameters, training, held_out)
        marks = [(one.name, repr(one.mark)) for one in program.graph.learnables.values()]
        how = (loss, optimizer, rates, batch_size, shrinkage, seed, schedules, kinds, marks, pydra_compat.precision())
        mark = fingerprint(*data, *how)
        saver = Checkpoint(checkpoint, mark, checkpoint_every)
    with Progress(steps, enabled=progress) as bar, one_blas_thread():
        learner = Learner(with_constants_computed(program), loss, targets, training, held_out, settings, kinds, steps)
        learner.run(bar, saver)
        if not learner.improved:
            bar.warn("nothing better than the start was found; the result is the classical workflow")
    return result_of(learner, task, program)


def learnable_program(task: Any, learn: Any, *, devices: Any = None, remat: bool = False, **settings: Any) -> Program:
    """Fuse a task and refuse one in which nothing is to be learned."""
    program = fuse(task, learn, **settings)
    if not program.graph.learnables:
        raise ValueError(
            f"nothing to learn in {type(task).__name__}: mark a parameter with Learn() in the workflow, or name one in "
            "learn={...}"
        )
    return replace(program, devices=tuple(devices or ()), remat=remat)


def result_of(learner: Learner, task: Any, program: Program) -> Result:
    """Return what a learner has learned, as parameters with units and as a workflow."""
    read, values = program.graph, learner.learned()
    learned = [graph.describe(one, read, values[name]) for name, one in read.learnables.items()]
    for name, of_entity in learner.learned_per_entity().items():
        group = next(one for one in learned if one.name == name)
        learned += [
            replace(group, name=f"{name}@{label}", value=value, start=group.value, targets=group.targets)
            for label, value in of_entity.items()
        ]
    chosen = winners(read, values)
    return Result(
        learned,
        learner.state.history,
        with_parameters(type(task), learned),
        learner.baseline,
        learner.state.best,
        learner.training,
        learner.held_out,
        learner.stopped,
        learner.scores_with(corners(read, values)) if chosen else {},
        chosen,
        program,
    )
