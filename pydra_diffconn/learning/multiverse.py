"""Every pipeline that a workflow's choices hold, computed and scored, with the learned one among them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pydra_diffconn import pydra_compat
from pydra_diffconn.declare.loss import PARAMETERS, Loss, Sum
from pydra_diffconn.learning.result import Result
from pydra_diffconn.learning.training_data import chosen_targets
from pydra_diffconn.learning.universes import Asked, Row, outputs_of
from pydra_diffconn.workflow import reading, splits
from pydra_diffconn.workflow.choosing import labels
from pydra_diffconn.workflow.graph import Graph, Input, Learned, Step

LAST = 2**30  # a step at which every schedule of a loss has reached its end
LEARNED, WINNERS = "learned", "learned, winners alone"


@dataclass
class Multiverse:
    """What every pipeline scored; `rows` are in the order of the scores, the best first."""

    rows: list[dict[str, Any]]
    """Pipeline, the option of each choice (None where they are mixed), and the score."""
    choices: list[str]
    runs: list[int]
    """The runs on which was scored."""

    @property
    def table(self) -> Any:
        """The rows as a pandas data frame."""
        import pandas

        return pandas.DataFrame(self.rows)

    @property
    def best(self) -> dict[str, Any]:
        """The row of the best discrete pipeline, of those that were not learned."""
        return next(row for row in self.rows if row["pipeline"] not in (LEARNED, WINNERS))

    def row(self, pipeline: str) -> dict[str, Any]:
        """Return the row of a pipeline by its name."""
        return next(row for row in self.rows if row["pipeline"] == pipeline)

    def figure(self) -> Any:
        """Return a matplotlib figure: the sorted scores, and below them which option each pipeline chose."""
        from pydra_diffconn.report import figures

        chosen = {name: [row[name] for row in self.rows] for name in self.choices}
        learned = [row["pipeline"] in (LEARNED, WINNERS) for row in self.rows]
        return figures.specification_curve([row["score"] for row in self.rows], chosen, learned, "loss")


def multiverse(
    task: Any,
    loss: Callable[[Mapping[str, Any], Any], Any],
    targets: Any = None,
    *,
    result: Result | None = None,
    choices: Sequence[str] | None = None,
    runs: Sequence[int] | None = None,
    cache_root: Any = None,
    worker: Any = "debug",
) -> Multiverse:
    """Compute every combination of the options of a workflow's choices, each as its classical workflow, and score them.

    What several combinations share is computed once. Where the choices lie between blocks, each step is compiled once
    and called in this process; else one Pydra split over combinations and runs has a job for each node. The numbers
    agree to rounding.

    Parameters
    ----------
    task : workflow task
        As for `fit`, split over runs or not. Marked parameters that are no weights count as their start values.
    loss, targets
        As for `fit`; a loss with schedules counts as at its last step.
    result : Result, optional
        Of `fit` on this workflow: the learned mixture, and its winners alone, are run and scored as well.
    choices : sequence of str, optional
        Paths of the nodes to vary, by default all that mix; the others stay as they are.
    runs : sequence of int, optional
        The runs to score on; by default those that `result` held out of learning, or all.
    cache_root, worker
        Of nodes that run in Pydra, as for any Pydra task.

    Raises
    ------
    ValueError
        If the workflow has no choice, or not the named one.
    """
    read = reading.read(task)
    choices_of = _choices(read, choices)
    values = splits.runs(task)
    scored = list(runs if runs is not None else (result.validation if result is not None else ()))
    scored = scored or list(range(len(values)))
    if wrong := [number for number in scored if number not in range(len(values))]:
        raise ValueError(f"multiverse: runs has {wrong[0]!r}; expected numbers from 0 to {len(values) - 1}")
    asked = Asked(task, read, loss, scored, result, {"cache_root": cache_root, "worker": worker})
    rows = [*_discrete_rows(read, choices_of), *([] if result is None else _learned_rows(read, result, choices_of))]
    wanted = _as_jax(chosen_targets(targets, len(values), scored) if pydra_compat.splitter(task) else targets)
    score = _compiled(loss.at(LAST) if hasattr(loss, "at") else loss, wanted)
    found = [
        {**row.shown, "score": float(score({**_as_jax(outputs), PARAMETERS: _as_jax(row.parameters)}))}
        for row, outputs in zip(rows, outputs_of(asked, rows), strict=True)
    ]
    return Multiverse(sorted(found, key=lambda row: (np.isnan(row["score"]), row["score"])), list(choices_of), scored)


def _discrete_rows(read: Graph, choices_of: Mapping[str, list[Step]]) -> Iterator[Row]:
    """Yield the row of each combination, what is learned besides as the workflow has it before."""
    starts = {name: learnable.start for name, learnable in read.learnables.items()}
    for number, taken in enumerate(itertools.product(*_options(choices_of)), start=1):
        universe = dict(zip(choices_of, taken, strict=True))
        picked = _picked(choices_of, universe)
        yield Row({"pipeline": str(number), **universe}, picked, starts | _corners(read, picked))


def _learned_rows(read: Graph, result: Result, choices_of: Mapping[str, list[Step]]) -> Iterator[Row]:
    """Yield the row of the learned mixture, and that of its winners alone."""
    for name, winners in ((LEARNED, {}), *([(WINNERS, result.winners)] if result.winners else [])):
        universe = {key: _label(steps, winners) for key, steps in choices_of.items()}
        yield Row({"pipeline": name, **universe}, winners, result.parameters | _corners(read, winners), learned=True)


def _compiled(loss: Any, targets: Any) -> Any:
    """Return a function of outputs, compiled if the loss is one of ours; another may do with NumPy what it likes.

    The targets are no arguments of it: of numbers that are not known a loss could refuse none.
    """
    import jax

    def score(outputs: Mapping[str, Any]) -> Any:
        return loss(outputs, targets)

    return jax.jit(score) if isinstance(loss, Loss | Sum) else score


def _choices(read: Graph, wanted: Sequence[str] | None) -> dict[str, list[Step]]:
    """Return the steps that mix, by name; those that share their weights vary together, under the weights' name."""
    found: dict[str, list[Step]] = {}
    for step in (*read.steps, *read.before):
        if not isinstance(step, Step) or step.declaration.mixes is None:
            continue
        source = step.inputs[step.declaration.mixes]
        own = f"{step.path}.{step.declaration.mixes}"
        shared = isinstance(source, Learned | Input) and source.name != own
        found.setdefault(source.name if shared else step.path, []).append(step)  # type: ignore[union-attr]
    found = {steps[0].path if len(steps) == 1 else name: steps for name, steps in found.items()}
    unknown = sorted(set(wanted or ()) - set(found))
    workflow = type(read.task).__name__
    if not found:
        raise ValueError(f"multiverse: {workflow} has no choice: add a Choose between outputs of alternative branches")
    if unknown:
        raise ValueError(f"multiverse: {workflow} has no choice {', '.join(unknown)}; it has {', '.join(found)}")
    return {name: steps for name, steps in found.items() if wanted is None or name in wanted}


def _options(choices: Mapping[str, list[Step]]) -> list[list[str]]:
    """Return what the options of each choice are called."""
    return [list(labels(steps[0]).values()) for steps in choices.values()]


def _picked(choices: Mapping[str, list[Step]], universe: Mapping[str, str]) -> dict[str, str]:
    """Return the option of each node that mixes."""
    picked: dict[str, str] = {}
    for name, steps in choices.items():
        place = list(labels(steps[0]).values()).index(universe[name])
        picked |= {step.path: list(labels(step))[place] for step in steps}
    return picked


def _label(steps: list[Step], winners: Mapping[str, str]) -> str | None:
    return labels(steps[0])[winners[steps[0].path]] if steps[0].path in winners else None


def _corners(read: Graph, picked: Mapping[str, str]) -> dict[str, Any]:
    """Return the weights that are learned of what was picked, each at its corner."""
    found: dict[str, Any] = {}
    for name, learnable in read.learnables.items():
        for path, argument in learnable.targets:
            step = read.step(path)
            if path in picked and argument == step.declaration.mixes:
                options = list(labels(step))
                found[name] = np.eye(len(options))[options.index(picked[path])]
    return found


def _as_jax(values: Any) -> Any:
    import jax
    import jax.numpy as jnp

    return jax.tree.map(jnp.asarray, values)
