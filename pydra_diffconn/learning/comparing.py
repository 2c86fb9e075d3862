"""Whether learning helps: against the best classical pipeline chosen on the same people, on people neither has seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from pydra_diffconn.declare.parameters import Learn
from pydra_diffconn.learning.fitting import result_of
from pydra_diffconn.learning.partition import partition
from pydra_diffconn.learning.prepared import prepared
from pydra_diffconn.learning.progress import Progress
from pydra_diffconn.learning.resampling import folds_of, ran
from pydra_diffconn.learning.result import Result
from pydra_diffconn.learning.settings import Learning, Machine, require_loss, require_runs, settled
from pydra_diffconn.learning.training_data import chosen_targets
from pydra_diffconn.numerics.process import one_blas_thread
from pydra_diffconn.program.fusing import fuse
from pydra_diffconn.program.program import Program

START, CLASSICAL, LEARNED = "start", "classical", "learned"
REPEATS = 2000
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
        `of_runs(outputs, targets, tested) -> (tested,)`: outputs and targets of all runs, and which are held out.
    together : callable, optional
        `together(outputs, targets) -> float`: of held-out runs alone, each computed by the pipeline of its fold.
    higher : bool
        Whether more is better.
    """

    name: str
    of_runs: Callable[[Outputs, Any, np.ndarray], Any] | None = None
    together: Callable[[Outputs, Any], Any] | None = None
    higher: bool = True


@dataclass(frozen=True)
class Compared:
    """One score of held-out runs: of the start, the best classical pipeline of each fold, and the learned one."""

    score: Score
    values: Mapping[str, float]
    interval: tuple[float, float]
    """95 % of the difference, learned less classical, over groups drawn with replacement."""
    of_groups: Mapping[str, np.ndarray] = field(default_factory=dict, repr=False)
    """Of each pipeline, the mean over the held-out runs of each group, in the order of the labels; none for a score
    of all runs together."""
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """95 % of each pipeline's own value over groups."""

    @property
    def difference(self) -> float:
        """Learned less classical."""
        return self.values[LEARNED] - self.values[CLASSICAL]

    @property
    def helped(self) -> bool | None:
        """Whether learning was better; None where the interval holds 0."""
        low, high = self.interval
        if low <= 0 <= high:
            return None
        return bool((self.difference > 0) == self.score.higher)


@dataclass(frozen=True)
class Comparison:
    """What learning was worth."""

    compared: list[Compared]
    folds: list[dict[str, Any]]
    """Of each fold: how many runs and groups, which classical pipeline was chosen, training losses, learned values."""
    groups: int
    pipelines: int
    """How many classical pipelines there were to choose from."""
    results: list[Result] = field(default_factory=list, repr=False)
    """What was learned in each fold, each a classical workflow again."""
    tests: list[list[int]] = field(default_factory=list, repr=False)
    """The runs that each fold held out."""
    labels: list[Any] = field(default_factory=list, repr=False)
    """The groups, in the order of `Compared.of_groups`."""

    @property
    def table(self) -> Any:
        """The scores as a pandas data frame."""
        import pandas

        return pandas.DataFrame(
            {
                "score": one.score.name,
                **one.values,
                "difference": one.difference,
                "low": one.interval[0],
                "high": one.interval[1],
            }
            for one in self.compared
        )

    @property
    def sentence(self) -> str:
        """Whether learning helped, in one sentence, by the first score."""
        return self.sentence_of(self.compared[0])

    def sentence_of(self, one: Compared) -> str:
        """Whether learning helped, in one sentence, by one score."""
        words = {True: "Learning helped", False: "Learning did harm", None: "Learning is not shown to help"}
        low, high = one.interval
        return (
            f"{words[one.helped]}: {one.score.name} is {one.values[LEARNED]:.3g} with learned values and "
            f"{one.values[CLASSICAL]:.3g} with the best of {self.pipelines} classical pipelines, chosen on the same "
            f"training groups; difference {one.difference:+.3g}, 95 % interval {low:+.3g} to {high:+.3g} over the "
            f"{self.groups} groups, each scored where neither had seen it."
        )


def compare(
    task: Any,
    loss: Callable[..., Any],
    targets: Any = None,
    *,
    classical: Sequence[Pipeline],
    scores: Sequence[Score],
    beside: Sequence[Pipeline] = (),
    choose: Callable[..., Any] | None = None,
    folds: int = 5,
    learn: Mapping[str, Learn] | None = None,
    steps: int = 200,
    optimizer: Any = None,
    validation: float | None = None,
    groups: Sequence[Any] | Mapping[str, Sequence[Any]] | None = None,
    seed: int = 0,
    how: Learning | None = None,
    on: Machine | None = None,
    cache_root: Any = None,
    worker: Any = "debug",
    progress: bool = True,
) -> Comparison:
    """Learn on all folds but one, choose the best classical pipeline on the same runs, and score both on that one.

    Parameters
    ----------
    task, loss, targets, learn, steps, optimizer, groups, seed, how, on, cache_root, worker, progress
        As for `fit`.
    classical : sequence of Pipeline
        The pipelines of which the one with the smallest loss on the training runs is chosen, in each fold.
    scores : sequence of Score
        What is reported of held-out runs; the first decides.
    beside : sequence of Pipeline, optional
        Pipelines that are scored, too, as they are: a field's habit, for example.
    choose : callable, optional
        The loss by which the classical pipeline is chosen, such as `loss` without its penalty on learned parameters; by
        default `loss`.
    folds : int
        Number of folds; one per group (leave one subject out) if there are as many.
    validation : float, optional
        Fraction of the training groups on which the best values of a fit are chosen.

    Raises
    ------
    ValueError
        As `cross_validate`, and if there is no classical pipeline or no score.
    """
    how, on, groups = settled(how, on, groups, {}, "compare")
    require_loss(loss, steps=steps, seed=seed, folds=folds)
    if not classical or not scores:
        raise ValueError("compare needs classical pipelines to choose from, and scores of held-out runs")
    ready = prepared(task, learn, groups, optimizer, seed, how, on, cache_root, worker)
    labels = ready.labels
    tests = folds_of(labels, folds, seed)
    rests = [[number for number in range(len(labels)) if number not in set(test)] for test in tests]
    for number, rest in enumerate(rests):
        require_runs(loss, len(rest), f"what fold {number} learns from")
    where = (cache_root, worker)
    reached = _classical_losses(classical, choose or loss, targets, rests, where, progress)
    best = reached.argmin(axis=0)
    learners = []
    for rest in rests:
        mine, others = partition(len(rest), validation, [labels[n] for n in rest], seed)
        learner = ready.learner(loss, targets, [rest[n] for n in mine], [rest[n] for n in others], steps)
        learners.append(ran(learner, progress))
    outputs_of = _compiled(ready.program)
    computed = {
        START: [outputs_of({})] * len(tests),
        **{one.name: [found] * len(tests) for one, found in zip(beside, _all_outputs(beside, where), strict=True)},
        CLASSICAL: _chosen_outputs(classical, best, where),
        LEARNED: [outputs_of(learner.learned()) for learner in learners],
    }
    compared = [_compared(score, computed, targets, tests, labels, seed) for score in scores]
    rows = [
        {
            "fold": number,
            "runs": len(test),
            "classical": classical[best[number]].name,
            "loss_classical": float(reached[best[number], number]),
            "loss_learned": learner.score(learner.state.best_values, rest),
            "stopped": learner.stopped,
            **{name: value for name, value in learner.learned().items() if np.ndim(value) == 0},
        }
        for number, (test, rest, learner) in enumerate(zip(tests, rests, learners, strict=True))
    ]
    results = [result_of(learner, task, ready.program) for learner in learners]
    names = list(dict.fromkeys(labels))
    return Comparison(compared, rows, len(names), len(classical), results, tests, names)


def _functions(classical: Sequence[Pipeline], where: tuple[Any, Any]) -> list[Callable[[], dict[str, Any]]]:
    """Return what computes each pipeline; those of one task share a program, compiled once."""
    made: dict[int, Callable[[Mapping[str, Any]], dict[str, Any]]] = {}
    for one in classical:
        if id(one.task) not in made:
            names = sorted({name for other in classical if other.task is one.task for name in other.values})
            learn = {name: Learn() for name in names} or None
            made[id(one.task)] = _compiled(fuse(one.task, learn, cache_root=where[0], worker=where[1]))
    return [partial(made[id(one.task)], one.values) for one in classical]


def _compiled(program: Program) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """Return a function of some parameters to the outputs of all runs, those that have one shape."""
    import jax

    everyone = list(range(len(program.runs)))
    compiled = jax.jit(lambda values, inputs: program.outputs_of(values, inputs, everyone))

    def outputs(values: Mapping[str, Any]) -> dict[str, Any]:
        given = {name: np.asarray(value, dtype=float) for name, value in {**program.parameters, **values}.items()}
        with one_blas_thread():
            found = compiled(given, program.inputs)
        return {name: np.asarray(value) for name, value in found.items() if not isinstance(value, list)}

    return outputs


def _classical_losses(
    classical: Sequence[Pipeline],
    loss: Any,
    targets: Any,
    rests: Sequence[Sequence[int]],
    where: tuple[Any, Any],
    progress: bool,
) -> np.ndarray:
    """Return the loss of each pipeline on the training runs of each fold, (pipelines, folds); infinite for NaN."""
    found = np.empty((len(classical), len(rests)))
    with Progress(len(classical), progress, "choosing", "pipeline") as bar:
        for number, computed in enumerate(_functions(classical, where)):
            outputs = computed()
            count = len(next(iter(outputs.values())))
            for fold, rest in enumerate(rests):
                mine = {name: value[np.array(rest)] for name, value in outputs.items()}
                found[number, fold] = float(loss(mine, chosen_targets(targets, count, rest)))
            bar.advance(number + 1, found[number].mean(), None)
    return np.where(np.isfinite(found), found, np.inf)


def _chosen_outputs(classical: Sequence[Pipeline], best: np.ndarray, where: tuple[Any, Any]) -> list[dict[str, Any]]:
    """Return the outputs of the pipeline that each fold chose."""
    chosen = sorted(set(best.tolist()))
    of = dict(zip(chosen, _all_outputs([classical[number] for number in chosen], where), strict=True))
    return [of[number] for number in best.tolist()]


def _all_outputs(pipelines: Sequence[Pipeline], where: tuple[Any, Any]) -> list[dict[str, Any]]:
    return [computed() for computed in _functions(pipelines, where)]


def _compared(
    score: Score,
    computed: Mapping[str, Sequence[Outputs]],
    targets: Any,
    tests: Sequence[Sequence[int]],
    labels: Sequence[Any],
    seed: int,
) -> Compared:
    """Score the held-out runs, and find the interval of the difference over groups drawn with replacement."""
    order = np.concatenate([np.array(test) for test in tests])
    names = list(dict.fromkeys(labels))
    rows_of = [np.flatnonzero([labels[run] == name for run in order]) for name in names]
    everyone = chosen_targets(targets, len(labels), range(len(labels)))
    measure = {name: _measure(score, outputs, everyone, tests, order) for name, outputs in computed.items()}
    whole = np.arange(len(order))
    values = {name: one(whole) for name, one in measure.items()}
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(REPEATS if score.of_runs else REPEATS // 4):
        rows = np.concatenate([rows_of[n] for n in rng.integers(0, len(names), len(names))])
        drawn.append([one(rows) for one in measure.values()])
    found = dict(zip(measure, np.transpose(drawn), strict=True))
    of_groups = {}
    if score.of_runs is not None:
        of_groups = {name: np.array([one(rows) for rows in rows_of]) for name, one in measure.items()}
    intervals = {name: _interval(one) for name, one in found.items()}
    return Compared(score, values, _interval(found[LEARNED] - found[CLASSICAL]), of_groups, intervals)


def _interval(values: np.ndarray) -> tuple[float, float]:
    low, high = np.nanquantile(values, [0.025, 0.975])
    return float(low), float(high)


def _measure(
    score: Score, outputs: Sequence[Outputs], targets: Any, tests: Sequence[Sequence[int]], order: np.ndarray
) -> Callable[[np.ndarray], float]:
    """Return the score of some of the held-out runs, by their rows."""
    import jax

    if score.of_runs is not None:
        each = [score.of_runs(one, targets, np.array(test)) for one, test in zip(outputs, tests, strict=True)]
        scores = np.concatenate([np.asarray(one, dtype=float) for one in each])
        return lambda rows: float(np.nanmean(scores[rows]))
    together = score.together
    assert together is not None
    pooled = {
        name: np.concatenate([one[name][np.array(test)] for one, test in zip(outputs, tests, strict=True)])
        for name in outputs[0]
    }
    tested = jax.tree.map(lambda value: np.asarray(value)[order], targets)
    return lambda rows: float(
        together({n: v[rows] for n, v in pooled.items()}, jax.tree.map(lambda v: v[rows], tested))
    )
