"""Scores of held-out runs, of pipelines that are learned or classical, with their intervals over people."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from typing import Any

import numpy as np

from pydra_diffconn.declare.loss import PARAMETERS, Sum
from pydra_diffconn.declare.parameters import Learn
from pydra_diffconn.inference.intervals import expanded_percentiles
from pydra_diffconn.learning.progress import Progress
from pydra_diffconn.learning.training_data import chosen_targets
from pydra_diffconn.numerics.process import one_blas_thread
from pydra_diffconn.program import calling
from pydra_diffconn.program.fusing import fuse
from pydra_diffconn.program.program import Program

START, CLASSICAL, LEARNED = "start", "classical", "learned"
REPEATS = 2000
LEAST_GROUPS = 6
"""Of fewer, all differ in the same direction by chance in more than one case of twenty: no interval of 95 % is."""
GROUP = "group"
"""Key of the targets of a score of all runs together: each run's group, or the draw of it, in the bootstrap."""
Outputs = Mapping[str, Any]


@dataclass(frozen=True)
class Pipeline:
    """A classical pipeline to choose from: a task over the same runs, and values of its parameters."""

    name: str
    task: Any
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Score:
    """What is reported of held-out runs: a number for each of them, or one for all together.

    Parameters
    ----------
    name : str
    of_runs : callable, optional
        `of_runs(outputs, targets, tested) -> (tested,)`: outputs and targets of all runs, and which are held out. The
        mean is reported.
    together : callable, optional
        `together(outputs, targets) -> float`: of held-out runs alone, each computed by the pipeline of its fold. With
        `of_runs`, of what that found, in place of the mean: of a prediction, for example, its correlation.
    higher : bool, optional
        Whether more is better; None where neither is, and no sentence is made of it.
    """

    name: str
    of_runs: Callable[[Outputs, Any, np.ndarray], Any] | None = None
    together: Callable[[Any, Any], Any] | None = None
    higher: bool | None = True


def require_scores(scores: Sequence[Any]) -> None:
    """Refuse, before anything is learned, what is no score."""
    for one in scores:
        if not isinstance(one, Score):
            name = getattr(one, "__name__", repr(one))
            hint = f"call it: scores.{name}()" if callable(one) else "such as scores.recognised()"
            raise ValueError(f"{name} is no score; {hint}")
        if one.of_runs is None and one.together is None:
            raise ValueError(
                f"the score {one.name!r} has neither of_runs= nor together=; expected a function to score by"
            )


@dataclass(frozen=True)
class Compared:
    """One score of held-out runs: of the start, the best classical pipeline of each fold, and the learned one."""

    score: Score
    values: Mapping[str, float]
    interval: tuple[float, float]
    """95 % of the difference, learned less classical, over groups drawn with replacement, widened for few of them
    (`inference.expanded_percentiles`)."""
    of_groups: Mapping[str, np.ndarray] = field(default_factory=dict, repr=False)
    """Of each pipeline, the mean over the held-out runs of each group, in the order of the labels; none for a score
    of all runs together."""
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """95 % of each pipeline's own value over groups."""

    @property
    def against(self) -> str:
        """What the learned pipeline is compared with: the best classical one, or the start where none was searched."""
        return CLASSICAL if CLASSICAL in self.values else START

    @property
    def difference(self) -> float:
        """Learned less classical."""
        return self.values[LEARNED] - self.values[self.against]

    groups: int = LEAST_GROUPS
    """Over how many groups the intervals are."""

    @property
    def helped(self) -> bool | None:
        """Whether learning was better; None where the interval holds 0, or the groups are too few to say it."""
        low, high = self.interval
        if not (low > 0 or high < 0) or self.score.higher is None or self.groups < LEAST_GROUPS:
            return None
        return bool((self.difference > 0) == self.score.higher)


def functions(classical: Sequence[Pipeline], where: tuple[Any, Any], runs: int) -> list[Callable[[], dict[str, Any]]]:
    """Return what computes each pipeline, of as many runs; those of one task share a program, compiled once."""
    made: dict[int, Callable[[Mapping[str, Any]], dict[str, Any]]] = {}
    for one in classical:
        if id(one.task) not in made:
            names = sorted({name for other in classical if other.task is one.task for name in other.values})
            learn = {name: Learn() for name in names} or None
            program = fuse(one.task, learn, cache_root=where[0], worker=where[1])
            if len(program.runs) != runs:
                raise ValueError(
                    f"the pipeline {one.name!r} has {len(program.runs)} runs and what is learned {runs}; expected the "
                    "same runs in the same order"
                )
            made[id(one.task)] = compiled(program)
    return [partial(made[id(one.task)], one.values) for one in classical]


def compiled(program: Program) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """Return a function of some parameters to the outputs of all runs, those that have one shape.

    Values that a block refuses are refused.
    """
    import jax

    everyone = list(range(len(program.runs)))
    alike = replace(program, runs=[program.runs[numbers[0]] for numbers in program.groups.values()])
    run = jax.jit(lambda values, inputs: program.outputs_of(values, inputs, everyone))

    def outputs(values: Mapping[str, Any]) -> dict[str, Any]:
        given = {name: np.asarray(value, dtype=float) for name, value in {**program.parameters, **values}.items()}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a value that is one of many
            calling.check(alike, given, {})
        with one_blas_thread():
            found = run(given, program.inputs)
            return {name: np.asarray(value) for name, value in found.items() if not isinstance(value, list)}

    return outputs


@dataclass(frozen=True)
class Chosen:
    """The classical pipeline that a fold chose, its loss on the runs it was chosen on, and its outputs of all runs."""

    name: str
    loss: float
    outputs: Outputs = field(repr=False)


def chosen(
    classical: Sequence[Pipeline],
    loss: Any,
    targets: Any,
    rests: Sequence[Sequence[int]],
    runs: int,
    where: tuple[Any, Any],
    steps: int,
    progress: bool,
) -> list[Chosen]:
    """Return, of each fold, the pipeline with the smallest loss on its training runs; one that is NaN is not chosen.

    A weight that follows a schedule counts as in the last step.
    """
    loss = loss.at(steps) if hasattr(loss, "at") else loss
    computed, losses = functions(classical, where, runs), np.empty((len(classical), len(rests)))
    with Progress(len(classical), progress, "choosing", "pipeline") as bar:
        for number, one in enumerate(classical):
            outputs = computed[number]()
            for fold, rest in enumerate(rests):
                mine = {name: value[np.array(rest)] for name, value in outputs.items()} | {PARAMETERS: one.values}
                score = _choosable(loss, mine)
                losses[number, fold] = float(score(mine, chosen_targets(targets, runs, rest)))
            bar.advance(number + 1, losses[number].mean(), None)
    losses = np.where(np.isfinite(losses), losses, np.inf)
    if np.isinf(losses.min(axis=0)).any():
        fold = int(np.isinf(losses.min(axis=0)).argmax())
        raise ValueError(
            f"the loss is no finite number for any of the {len(classical)} classical pipelines on what fold {fold} "
            "learns from; expected one that a classical pipeline has, too: choose= is the loss by which they are chosen"
        )
    best = losses.argmin(axis=0).tolist()
    # computed again: the outputs of all pipelines together may not fit in memory
    outputs_of = {number: computed[number]() for number in set(best)}
    return [Chosen(classical[n].name, float(losses[n, fold]), outputs_of[n]) for fold, n in enumerate(best)]


def all_outputs(pipelines: Sequence[Pipeline], where: tuple[Any, Any], runs: int) -> list[dict[str, Any]]:
    """Return the outputs of each pipeline, of all runs."""
    return [computed() for computed in functions(pipelines, where, runs)]


def compared_of(
    score: Score,
    computed: Mapping[str, Sequence[Outputs]],
    targets: Any,
    tests: Sequence[Sequence[int]],
    labels: Sequence[Any],
    seed: int,
) -> Compared:
    """Score the held-out runs, and find the interval of the difference over groups drawn with replacement."""
    order = np.concatenate([np.array(test) for test in tests])
    tested = {labels[run] for run in order}
    names = [name for name in dict.fromkeys(labels) if name in tested]
    rows_of = [np.flatnonzero([labels[run] == name for run in order]) for name in names]
    everyone = chosen_targets(targets, len(labels), range(len(labels)))
    measure = {name: _measure(score, outputs, everyone, tests, order) for name, outputs in computed.items()}
    whole, own = np.arange(len(order)), np.array([names.index(labels[run]) for run in order])
    values = {name: one(whole, own) for name, one in measure.items()}
    if missing := [name for name, value in values.items() if not np.isfinite(value)]:
        raise ValueError(
            f"the score {score.name!r} is {values[missing[0]]} of the pipeline {missing[0]!r}; expected a number for "
            "at least one held-out run: check what it makes of outputs and targets"
        )
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(REPEATS if score.together is None else REPEATS // 4):
        chosen = [rows_of[n] for n in rng.integers(0, len(names), len(names))]
        rows, draws = np.concatenate(chosen), np.repeat(np.arange(len(names)), [len(one) for one in chosen])
        drawn.append([one(rows, draws) for one in measure.values()])
    found = dict(zip(measure, np.transpose(drawn), strict=True))
    of_groups = {}
    if score.together is None:
        of_groups = {name: np.array([one(rows, rows) for rows in rows_of]) for name, one in measure.items()}
    intervals = {name: _interval(one, len(names)) for name, one in found.items()}
    apart = found[LEARNED] - found[CLASSICAL if CLASSICAL in found else START]
    return Compared(score, values, _interval(apart, len(names)), of_groups, intervals, len(names))


def _interval(drawn: np.ndarray, groups: int) -> tuple[float, float]:
    """Return the interval over groups; of one, over which nothing varies, nobody knows it."""
    return expanded_percentiles(drawn, groups) if groups > 1 else (np.nan, np.nan)


def _measure(
    score: Score, outputs: Sequence[Outputs], targets: Any, tests: Sequence[Sequence[int]], order: np.ndarray
) -> Callable[[np.ndarray, np.ndarray], float]:
    """Return the score of some of the held-out runs, by their rows and the groups these stand for."""
    import jax

    tested = jax.tree.map(lambda value: np.asarray(value)[order], targets)
    together: Any = score.together
    if score.of_runs is not None:
        each = [score.of_runs(one, targets, np.array(test)) for one, test in zip(outputs, tests, strict=True)]
        for found, test in zip(each, tests, strict=True):
            if np.shape(found) != (len(test),):
                raise ValueError(
                    f"the score {score.name!r} gives shape {np.shape(found)} of {len(test)} held-out runs; expected a "
                    "number for each of them (together= is for one of all)"
                )
        scores = np.concatenate([np.asarray(one, dtype=float) for one in each])
        if together is None:
            return lambda rows, _: float(np.nanmean(scores[rows]))
        return lambda rows, draws: float(together(scores[rows], _targets_of(tested, rows, draws)))
    pooled = out_of_fold(outputs, tests)
    return lambda rows, draws: float(
        together({name: value[rows] for name, value in pooled.items()}, _targets_of(tested, rows, draws))
    )


def _targets_of(targets: Any, rows: np.ndarray, draws: np.ndarray) -> Any:
    import jax

    found = jax.tree.map(lambda value: value[rows], targets)
    if found is None:
        return {GROUP: draws}
    return {**found, GROUP: draws} if isinstance(found, Mapping) else found


def out_of_fold(outputs: Sequence[Outputs], tests: Sequence[Sequence[int]]) -> dict[str, np.ndarray]:
    """Return the outputs of the held-out runs, fold after fold, each computed by the pipeline of its fold."""
    return {
        name: np.concatenate([one[name][np.array(test)] for one, test in zip(outputs, tests, strict=True)])
        for name in outputs[0]
    }


def in_order(outputs: Sequence[Outputs], tests: Sequence[Sequence[int]], runs: int) -> dict[str, np.ndarray]:
    """Return the outputs of all runs, each from the first fold that held it out; NaN of one that none did."""
    tested, first = np.unique(np.concatenate([np.array(test) for test in tests]), return_index=True)
    pooled = {name: value[first] for name, value in out_of_fold(outputs, tests).items()}
    if len(tested) == runs:
        return pooled
    found = {name: np.full((runs, *value.shape[1:]), np.nan) for name, value in pooled.items()}
    for name, value in pooled.items():
        found[name][tested] = value
    return found


def table_of(compared: Sequence[Compared]) -> Any:
    """Return scores as a pandas data frame."""
    import pandas

    return pandas.DataFrame(
        {
            "score": one.score.name,
            **one.values,
            "difference": one.difference,
            "low": one.interval[0],
            "high": one.interval[1],
        }
        for one in compared
    )


def grid_of(task: Any, grid: Mapping[str, Sequence[Any]]) -> list[Pipeline]:
    """Return a classical pipeline for each combination of values of parameters.

    >>> [one.name for one in grid_of(None, {"low": [0.01, 0.02], "high": [0.1]})]
    ['low = 0.01, high = 0.1', 'low = 0.02, high = 0.1']
    """
    if not grid or any(np.ndim(values) == 0 or not len(values) for values in grid.values()):
        raise ValueError(f"grid is {dict(grid)!r}; expected values to choose from for each parameter, by its name")
    made = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
    return [Pipeline(", ".join(f"{name} = {value}" for name, value in one.items()), task, one) for one in made]


def _choosable(loss: Any, outputs: Outputs) -> Any:
    """Return the terms that say something of a classical pipeline: a penalty on what is learned alone does not."""
    if not isinstance(loss, Sum):
        return loss
    known = {*outputs, *outputs[PARAMETERS]}
    kept = tuple(part for part in loss.parts if part.output in known)
    return Sum(kept) if kept else loss
