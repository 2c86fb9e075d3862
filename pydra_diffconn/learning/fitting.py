"""Learning the marked parameters of a workflow, jointly, on all runs: `fit`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

from pydra_diffconn import pydra_compat
from pydra_diffconn.declare.parameters import Learn
from pydra_diffconn.learning import warnings_of_fits
from pydra_diffconn.learning.checkpoints import Checkpoint, fingerprint
from pydra_diffconn.learning.counterweights import with_counterweights
from pydra_diffconn.learning.learner import Learner
from pydra_diffconn.learning.partition import by_default, partition
from pydra_diffconn.learning.prepared import Asked, Prepared, prepared
from pydra_diffconn.learning.progress import Progress
from pydra_diffconn.learning.result import Result
from pydra_diffconn.learning.settings import Learning, Machine, require_loss, settled
from pydra_diffconn.learning.starts import from_elsewhere
from pydra_diffconn.numerics.process import one_blas_thread
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
    validation: float | Sequence[int] | Sequence[str] | None = None,
    groups: Sequence[Any] | Mapping[str, Sequence[Any]] | None = None,
    seed: int = 0,
    starts: int = 1,
    how: Learning | None = None,
    on: Machine | None = None,
    checkpoint: str | Path | None = None,
    cache_root: Any = None,
    worker: Any = "debug",
    progress: bool = True,
    **old: Any,
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
        Further parameters to learn: `{"BandPass.low": Learn()}`.
    steps, seed : int
        Number of gradient steps; what the validation runs and the batches are drawn from.
    optimizer : optax transformation, optional
        By default Adam with a step of 0.1 in the unbounded space; `optax.lbfgs()` and the like work, too.
    validation : float, list of int, or list of str, optional
        Fraction of the runs (of the groups, if given), indices of runs, or labels of groups to keep out of learning;
        the values that are best there are kept. By default a fifth of the groups, if there are twenty or more and
        nothing is learned for each of them; 0.0 keeps nobody out.
    groups : sequence or mapping, optional
        One label per run (its subject): runs with equal labels are never on both sides; labels of several kinds as
        `{"subject": [...], "session": [...]}`.
    starts : int
        From how many values the steps are taken: the workflow's, and others drawn around them. The best of all are
        kept, on the runs held out if there are any; `result.starts` has what each came to.
    how, on : Learning, Machine, optional
        How steps are taken (batches, patience, rates, schedules), and on what (devices, memory).
    checkpoint : path, optional
        Folder in which the state is saved; called again with the same inputs, the fit goes on from there.
    cache_root, worker, progress
        As for any Pydra task, for nodes that are no blocks; whether a progress bar is shown.

    Raises
    ------
    ValueError
        If nothing is to be learned, an input or the loss at the start is bad, or the checkpoint is another fit's.
    """
    how, on, groups = settled(how, on, groups, old, "fit")
    require_loss(loss, steps=steps, seed=seed)
    if not (checkpoint is None or isinstance(checkpoint, str | PathLike)):
        raise ValueError(f"checkpoint is {checkpoint!r}; expected the path of a folder")
    ready = prepared(task, loss, learn, groups, optimizer, seed, how, on, cache_root, worker, starts)
    loss = with_counterweights(loss, ready.program.parameters)
    subjects = ready.kinds.get("subject")
    if not any(one.mark.per for one in ready.program.graph.learnables.values()):  # who is held out learns no own value
        validation = by_default(validation, subjects)
    sides = partition(len(ready.program.runs), validation, subjects, seed)
    mark = None if checkpoint is None else _mark(ready, loss, targets, *sides)
    savers = [_saver(checkpoint, mark, how, number) for number in range(starts)]
    learner = _run(ready, loss, targets, *sides, steps, savers[0], progress)
    reached = from_elsewhere(learner, savers[1:], seed, progress) if starts > 1 else []
    asked = Asked(ready, task, loss, targets, steps, (cache_root, worker))
    return replace(result_of(learner, asked), starts=reached)


def _saver(folder: str | Path | None, mark: str | None, how: Learning, start: int) -> Checkpoint | None:
    """Return where a start saves its state: the first in the folder itself, each further one in a folder within."""
    if folder is None or mark is None:
        return None
    place = Path(folder) / f"start-{start}" if start else Path(folder)
    return Checkpoint(place, f"{mark}-{start}" if start else mark, how.checkpoint_every)


def _run(
    ready: Prepared,
    loss: Any,
    targets: Any,
    training: list[int],
    held_out: list[int],
    steps: int,
    saver: Checkpoint | None,
    progress: bool,
) -> Learner:
    with Progress(steps, enabled=progress) as bar, one_blas_thread():
        learner = ready.learner(loss, targets, training, held_out, steps)
        warnings_of_fits.warn_of_many(learner, bar)
        learner.run(bar, saver)
        if (told := warnings_of_fits.by_heart(learner.state.history)) is not None:
            bar.warn(told)
        warnings_of_fits.warn_of_ends(learner, bar)
        if not learner.improved:
            bar.warn("nothing better than the start was found; the result is the classical workflow")
    return learner


def _mark(ready: Prepared, loss: Any, targets: Any, training: list[int], held_out: list[int]) -> str:
    """Return what tells this fit from every other, so that its checkpoint is never taken for another's."""
    program, how = ready.program, ready.how
    marks = [(one.name, repr(one.mark)) for one in program.graph.learnables.values()]
    data = (program.inputs, targets, program.parameters, training, held_out)
    steps = (loss, ready.optimizer, how.rates, how.batch_size, how.shrinkage, ready.seed, how.schedules)
    return fingerprint(program.graph.task, *data, *steps, ready.kinds, marks, pydra_compat.environment())


def result_of(learner: Learner, asked: Asked) -> Result:
    """Return what a learner has learned, as parameters with units and as a workflow."""
    program = asked.ready.program
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
        with_parameters(type(asked.task), learned),
        learner.baseline,
        learner.state.best,
        learner.training,
        learner.held_out,
        learner.stopped,
        learner.scores_with(corners(read, values)) if chosen else {},
        chosen,
        program,
        asked=asked,
    )
