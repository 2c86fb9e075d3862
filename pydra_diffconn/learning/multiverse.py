"""Every pipeline that a workflow's choices hold, run classically and scored, with the learned one among them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pydra_diffconn import files, pydra_compat
from pydra_diffconn.declare.loss import PARAMETERS
from pydra_diffconn.learning.result import Result
from pydra_diffconn.learning.training_data import chosen_targets
from pydra_diffconn.workflow import deriving, graph, reading, splits
from pydra_diffconn.workflow.choosing import Chosen, labels
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
    """Run every combination of the options of a workflow's choices, each as a classical workflow, and score them.

    One Pydra split runs them all, over combinations and runs; what several combinations share is computed once.

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
        As for any Pydra task.

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
    universes = [dict(zip(choices_of, taken, strict=True)) for taken in itertools.product(*_options(choices_of))]
    picked = [_picked(choices_of, universe) for universe in universes]
    base = deriving.derive(type(task))
    kept = pydra_compat.get_fields(base)[deriving.CHANGES].default
    changes = [[*kept, Chosen(tuple(one.items()))] for one in picked]
    settings = {"cache_root": cache_root, "worker": worker}
    found = _outputs(task, read, base, scored, settings, changes)
    rows: list[dict[str, Any]] = [
        {"pipeline": str(number), **universe, "parameters": _parameters(read, one), "outputs": outputs}
        for number, (universe, one, outputs) in enumerate(zip(universes, picked, found, strict=True), start=1)
    ]
    if result is not None:
        rows += _learned_rows(task, read, result, choices_of, scored, settings)
    loss = loss.at(LAST) if hasattr(loss, "at") else loss
    wanted = _as_jax(chosen_targets(targets, len(values), scored) if pydra_compat.splitter(task) else targets)
    for row in rows:
        row["score"] = float(loss({**row.pop("outputs"), PARAMETERS: _as_jax(row.pop("parameters"))}, wanted))
    return Multiverse(sorted(rows, key=lambda row: (np.isnan(row["score"]), row["score"])), list(choices_of), scored)


def _learned_rows(
    task: Any,
    read: Graph,
    result: Result,
    choices_of: Mapping[str, list[Step]],
    scored: Sequence[int],
    settings: Mapping[str, Any],
) -> Iterator[dict[str, Any]]:
    """Yield the row of the learned mixture, and that of its winners alone."""
    ways: dict[str, tuple[dict[str, str], type]] = {LEARNED: ({}, result.workflow)}
    if result.winners:
        ways[WINNERS] = (result.winners, result.discretise())
    inputs = {target for one in result.learned for target in one.targets if "." not in target}
    for name, (winners, workflow) in ways.items():
        (outputs,) = _outputs(task, read, workflow, scored, settings, learned=inputs)
        universe = {key: _label(steps, winners) for key, steps in choices_of.items()}
        parameters = result.parameters | {n: v for n, v in _parameters(read, winners).items() if np.ndim(v)}
        yield {"pipeline": name, **universe, "parameters": parameters, "outputs": outputs}


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


def _parameters(read: Graph, picked: Mapping[str, str]) -> dict[str, Any]:
    """Return what is learned as the workflow has it before, the weights of what was picked at their corner."""
    found = {}
    for name, learnable in read.learnables.items():
        found[name] = learnable.start
        for path, argument in learnable.targets:
            step = read.step(path)
            if path in picked and argument == step.declaration.mixes:
                options = list(labels(step))
                found[name] = np.eye(len(options))[options.index(picked[path])]
    return found


def _outputs(
    task: Any,
    read: Graph,
    workflow: type,
    runs: Sequence[int],
    settings: Mapping[str, Any],
    changes: Any = None,
    learned: Collection[str] = (),
) -> list[dict[str, Any]]:
    """Run a workflow on some runs of a task, with each of these changes; return the outputs, as `fit` sees them.

    Inputs of the workflow that were learned are its defaults, and not what the task was given.
    """
    values = splits.runs(task)
    split = {name: [values[number][name] for number in runs] for name in values[0]}
    splitter: list[Any] = [tuple(split) if len(split) > 1 else next(iter(split))] if split else []
    if changes is not None:
        splitter, split = [deriving.CHANGES, *splitter], {deriving.CHANGES: changes, **split}
    made = workflow(**{n: v for n, v in deriving.inputs_of(task).items() if n not in split and n not in learned})
    made = made.split(splitter if len(splitter) > 1 else splitter[0], **split) if split else made
    results = made(**settings)
    count = 1 if changes is None else len(changes)
    found: list[dict[str, Any]] = [{} for _ in range(count)]
    for name, source in read.outputs.items():
        column = getattr(results, name) if split else [getattr(results, name)]
        arrays = [array for one in column if (array := _array(read, source, one)) is not None]
        if len(arrays) < len(column):
            continue
        size = len(arrays) // count
        for number, one in enumerate(found):
            part = arrays[number * size : (number + 1) * size]
            alike = len({array.shape for array in part}) == 1
            one[name] = part[0] if not values[0] else _as_jax(np.stack(part) if alike else part)
    return found


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


def _as_jax(values: Any) -> Any:
    import jax
    import jax.numpy as jnp

    return jax.tree.map(jnp.asarray, values)
