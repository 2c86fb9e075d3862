"""How well learning generalises, and how sure its parameters are: cross-validation and the bootstrap over subjects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pydra_diffconn.declare.learned import FEWEST_FITS
from pydra_diffconn.declare.parameters import Learn
from pydra_diffconn.learning.counterweights import with_counterweights
from pydra_diffconn.learning.learner import Learner
from pydra_diffconn.learning.partition import partition
from pydra_diffconn.learning.prepared import Prepared, prepared
from pydra_diffconn.learning.progress import Progress
from pydra_diffconn.learning.scoring import (
    CLASSICAL,
    LEARNED,
    START,
    Compared,
    Pipeline,
    Score,
    chosen,
    compared_of,
    compiled,
    grid_of,
    in_order,
    require_scores,
    table_of,
)
from pydra_diffconn.learning.settings import (
    Learning,
    Machine,
    require_count,
    require_enough,
    require_loss,
    require_runs,
    settled,
    too_few,
)
from pydra_diffconn.learning.starts import from_elsewhere
from pydra_diffconn.learning.training_data import chosen_targets
from pydra_diffconn.numerics.process import one_blas_thread
from pydra_diffconn.program.program import Program

WIDE = 0.5  # part of where a number may lie, from which on an interval says nothing
ONE_GROUP = "one; expected 2 or more, such as people: groups= has one label for each run"
AT_END, AT_BOTH = 0.05, 0.1  # how near an end is, and the part of the fits at each end that a number may not have


@dataclass
class Resampled:
    """What several fits of one workflow found; one row for each."""

    rows: list[dict[str, Any]]
    parameters: dict[str, np.ndarray]
    """Each parameter's values, one for each fit along the first axis."""
    tested: list[list[int]] = field(default_factory=list)
    """The runs on which each fit was tested."""
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Where each number may lie, as far as that is bounded on both sides."""
    outputs: dict[str, np.ndarray] = field(default_factory=dict, repr=False)
    """The outputs of each run by the values learned where it was held out, in the order of the runs: NaN where it never
    was, of several times the first."""
    compared: list[Compared] = field(default_factory=list)
    """Each of the metrics, of held-out runs: of the start, the best of the grid, and the learned values."""

    @property
    def table(self) -> Any:
        """The rows as a pandas data frame: test loss of the start (`classical`) and of the learned values."""
        import pandas

        return pandas.DataFrame(self.rows)

    @property
    def metrics(self) -> Any:
        """The metrics as a pandas data frame: each pipeline's value, learned less the best classical, its interval."""
        return table_of(self.compared)

    @property
    def uncertainty(self) -> dict[str, dict[str, Any]]:
        """Mean, standard deviation and 95 % interval of each parameter over the fits, in its unit.

        A number is not `identified` where the interval is more than half of where it may lie, or a tenth of the fits
        stands at each end of that: its mean then says nothing. Of fewer than ten fits nothing is said. Of arrays,
        `alike` is the mean correlation of two fits.
        """
        return {name: self._uncertainty(name, values) for name, values in self.parameters.items()}

    def _uncertainty(self, name: str, values: np.ndarray) -> dict[str, Any]:
        low, high = np.quantile(values, [0.025, 0.975], axis=0)
        found = {"mean": values.mean(axis=0), "sd": values.std(axis=0, ddof=1), "low": low, "high": high}
        if values.ndim > 1 and values[0].size > 2:
            return {**found, "alike": mean_correlation(values)}
        if name in self.ranges and values.ndim == 1 and len(values) >= FEWEST_FITS:
            first, last = self.ranges[name]
            part = (values - first) / (last - first)
            both_ends = min(np.mean(part < AT_END), np.mean(part > 1 - AT_END)) >= AT_BOTH
            found["identified"] = bool(not both_ends and (high - low) <= WIDE * (last - first))
        return found


def mean_correlation(arrays: Iterable[Any]) -> float:
    """Return the mean correlation of two of several arrays; NaN of one."""
    fits = np.stack([np.ravel(one) for one in arrays])
    pairs = np.atleast_2d(np.corrcoef(fits))[np.triu_indices(len(fits), 1)]
    return float(pairs.mean()) if len(pairs) else np.nan


def cross_validate(
    task: Any,
    loss: Callable[..., Any],
    targets: Any = None,
    *,
    folds: int | Sequence[Sequence[int]] | Any = 5,
    stratify: Sequence[Any] | None = None,
    metrics: Sequence[Score] = (),
    grid: Mapping[str, Sequence[Any]] | Sequence[Pipeline] | None = None,
    learn: Mapping[str, Learn] | None = None,
    steps: int = 200,
    optimizer: Any = None,
    validation: float | None = None,
    groups: Sequence[Any] | Mapping[str, Sequence[Any]] | None = None,
    seed: int = 0,
    starts: int = 1,
    how: Learning | None = None,
    on: Machine | None = None,
    cache_root: Any = None,
    worker: Any = "debug",
    progress: bool = True,
    **old: Any,
) -> Resampled:
    """Learn on all folds but one and test on that one, for each; the classical start is tested on the same runs.

    Values learned per subject count with the group's for new subjects.

    Parameters
    ----------
    task, loss, targets, learn, steps, optimizer, seed, starts, how, on, cache_root, worker, progress
        As for `fit`.
    folds : int, sequence of sequences of int, or splitter of scikit-learn
        Number of folds, one per group (leave one subject out) if there are as many; or the runs that each fold tests;
        or what makes them, such as `GroupKFold(5)`.
    stratify : sequence, optional
        One label for each run, such as its diagnosis: each fold has about as many groups of every label.
    metrics : sequence of Score, optional
        What is reported of the held-out runs besides the loss, such as `scores.correlation()`.
    grid : mapping or sequence of Pipeline, optional
        Values to choose from for each parameter, or classical pipelines: of each fold the best one, by its loss on the
        training runs, is scored on those held out, too.
    validation : float, optional
        Fraction of the learning runs held out of every fit to choose its best values: nested cross-validation.
    groups : sequence or mapping, optional
        As for `fit`; runs with equal labels are in one fold.

    Raises
    ------
    ValueError
        As `fit`, and if there are fewer groups than folds.
    """
    how, on, groups = settled(how, on, groups, old, "cross_validate")
    require_loss(loss, steps=steps, seed=seed)
    require_scores(metrics)
    ready = prepared(task, loss, learn, groups, optimizer, seed, how, on, cache_root, worker, starts)
    loss = with_counterweights(loss, ready.program.parameters)
    labels = ready.labels
    tests = folds_from(labels, folds, seed, stratify)
    for number, test in enumerate(tests):
        require_runs(loss, len(test), f"fold {number}", held_out=True)
        require_enough(loss, chosen_targets(targets, len(labels), test), f"fold {number}", held_out=True)
    rests = rests_of(tests, len(labels))
    found = learned_on(rests, ready, loss, targets, steps, validation, progress)
    rows = [
        {
            "fold": number,
            "runs": len(test),
            "classical": learner.score(learner.start, test),
            "learned": learner.score(learner.state.best_values, test),
        }
        for number, (learner, test) in enumerate(zip(found, tests, strict=True))
    ]
    made = Resampled(rows, _stacked(found), tests, _ranges(ready.program))
    if how.batch_size is not None and not metrics and grid is None:  # the outputs of all runs may not fit in memory
        return made
    outputs_of = compiled(ready.shorter)
    computed = {LEARNED: [outputs_of(one.learned()) for one in found]}
    made.outputs = in_order(computed[LEARNED], tests, len(labels))
    if metrics:
        computed = {START: [outputs_of({})] * len(tests), **computed}
    if grid is not None:
        choices = grid_of(task, grid) if isinstance(grid, Mapping) else list(grid)
        best = chosen(choices, loss, targets, rests, len(labels), (cache_root, worker), steps, progress)
        computed[CLASSICAL] = [one.outputs for one in best]
        made.rows = [{**row, "grid": one.name} for row, one in zip(rows, best, strict=True)]
    made.compared = [compared_of(score, computed, targets, tests, labels, seed) for score in metrics]
    return made


def bootstrap(
    task: Any,
    loss: Callable[..., Any],
    targets: Any = None,
    *,
    repeats: int = 20,
    learn: Mapping[str, Learn] | None = None,
    steps: int = 200,
    optimizer: Any = None,
    groups: Sequence[Any] | Mapping[str, Sequence[Any]] | None = None,
    seed: int = 0,
    starts: int = 1,
    how: Learning | None = None,
    on: Machine | None = None,
    cache_root: Any = None,
    worker: Any = "debug",
    progress: bool = True,
    **old: Any,
) -> Resampled:
    """Learn again and again from subjects drawn with replacement: how much the parameters vary by chance.

    Each fit is scored on the subjects that were not drawn, too (`classical_out`, `learned_out` in the rows), since it
    knows those drawn. Batches have another seed each time.

    Parameters
    ----------
    task, loss, targets, learn, steps, optimizer, seed, starts, how, on, cache_root, worker, progress
        As for `fit`.
    repeats : int
        Number of fits.
    groups : sequence or mapping, optional
        As for `fit`; groups, not runs, are drawn.
    """
    how, on, groups = settled(how, on, groups, old, "bootstrap")
    require_loss(loss, steps=steps, seed=seed)
    ready = prepared(task, loss, learn, groups, optimizer, seed, how, on, cache_root, worker, starts)
    loss = with_counterweights(loss, ready.program.parameters)
    return again(ready, loss, targets, repeats, steps, progress)


def again(ready: Prepared, loss: Any, targets: Any, repeats: int, steps: int, progress: bool) -> Resampled:
    """Return what is learned from groups drawn with replacement, each time with another seed."""
    require_count("repeats", repeats, 2)
    labels, seed = ready.labels, ready.seed
    names, rng = list(dict.fromkeys(labels)), np.random.default_rng(seed)
    if len(names) < 2:
        raise ValueError(f"a bootstrap draws groups, and there is {ONE_GROUP}")
    found, rows, tested = [], [], []
    for repeat in range(repeats):
        training = _drawn(labels, names, loss, targets, rng)
        mine = replace(ready, seed=seed + repeat)
        learner = mine.learner(loss, targets, training, [], steps)
        found.append(ran(learner, mine, progress))
        scores = {"classical": learner.baseline["training"], "learned": learner.state.best["training"]}
        out = [number for number in range(len(labels)) if number not in set(training)]
        enough = len(out) >= max(1, getattr(loss, "least_runs", 1))
        enough = enough and not too_few(loss, chosen_targets(targets, len(labels), out))
        values = {"classical_out": learner.start, "learned_out": learner.state.best_values}
        scores |= {name: learner.score(value, out) if enough else float("nan") for name, value in values.items()}
        rows.append({"repeat": repeat, **scores})
        tested.append(out)
    return Resampled(rows, _stacked(found), tested, _ranges(ready.program))


def _drawn(labels: Sequence[Any], names: Sequence[Any], loss: Any, targets: Any, rng: np.random.Generator) -> list[int]:
    """Return the runs of groups drawn with replacement, again where the loss says nothing of those drawn."""
    require_enough(loss, chosen_targets(targets, len(labels), range(len(labels))), "what is learned from")
    while True:
        drawn = [names[n] for n in rng.integers(0, len(names), len(names))]
        training = [number for name in drawn for number, label in enumerate(labels) if label == name]
        if not too_few(loss, chosen_targets(targets, len(labels), training)):
            return training


def rests_of(tests: Sequence[Sequence[int]], runs: int) -> list[list[int]]:
    """Return, of each fold, the runs that it does not test."""
    return [[number for number in range(runs) if number not in set(test)] for test in tests]


def learned_on(
    rests: Sequence[Sequence[int]],
    ready: Prepared,
    loss: Any,
    targets: Any,
    steps: int,
    validation: float | None,
    progress: bool,
) -> list[Learner]:
    """Learn from each set of runs, a part of them held out of it to choose the best values if so asked."""
    found = []
    for rest in rests:
        training, held_out = partition(len(rest), validation, [ready.labels[n] for n in rest], ready.seed)
        mine, others = [rest[n] for n in training], [rest[n] for n in held_out]
        found.append(ran(ready.learner(loss, targets, mine, others, steps), ready, progress))
    return found


def ran(learner: Learner, ready: Prepared, progress: bool) -> Learner:
    """Let a learner take its steps; return it. One that is interrupted is no part of several."""
    with Progress(learner.total, enabled=progress) as bar, one_blas_thread():
        learner.run(bar)
    if ready.starts > 1:
        from_elsewhere(learner, [None] * (ready.starts - 1), ready.seed, progress)
    if learner.stopped.startswith("interrupted"):
        raise KeyboardInterrupt(learner.stopped)
    return learner


def folds_from(labels: Sequence[Any], folds: Any, seed: int, stratify: Sequence[Any] | None) -> list[list[int]]:
    """Return the runs that each fold tests, as they are given, made by a splitter, or drawn."""
    if hasattr(folds, "get_n_splits"):
        classes = None if stratify is None else list(stratify)
        return [[int(n) for n in test] for _, test in folds.split(np.zeros(len(labels)), classes, list(labels))]
    if isinstance(folds, Sequence) and not isinstance(folds, str):
        tests = [[int(number) for number in test] for test in folds]
        require_folds(tests, labels)
        return tests
    require_count("folds", folds, 2)
    return folds_of(labels, folds, seed) if stratify is None else _stratified(labels, folds, seed, list(stratify))


def require_folds(tests: Sequence[Sequence[int]], labels: Sequence[Any]) -> None:
    """Refuse folds that are empty, hold what is no run or one of another fold, or tear a group apart."""
    fold_of: dict[int, int] = {}
    for number, test in enumerate(tests):
        rest = {labels[n] for n in range(len(labels)) if n not in set(test)}
        if not test or not rest or min(test) < 0 or max(test) >= len(labels):
            raise ValueError(
                f"fold {number} tests the runs {list(test)}; expected some of 0 to {len(labels) - 1}, not all"
            )
        if torn := {labels[n] for n in test} & rest:
            raise ValueError(f"fold {number} tests some runs of {sorted(map(str, torn))} and learns from others of it")
        for run in test:
            if run in fold_of:
                raise ValueError(
                    f"run {run} is tested in fold {fold_of[run]} and again in fold {number}; expected each run in one "
                    "(repeated divisions are made by a splitter, such as RepeatedKFold)"
                )
            fold_of[run] = number


def _require_enough(names: Sequence[Any], folds: int) -> None:
    if len(names) < 2:
        raise ValueError(f"folds hold groups out, and there is {ONE_GROUP}")
    if not 2 <= folds <= len(names):
        raise ValueError(f"{folds} folds of {len(names)} groups; expected 2 to {len(names)} folds")


def _stratified(labels: Sequence[Any], folds: int, seed: int, strata: Sequence[Any]) -> list[list[int]]:
    """Deal out groups stratum by stratum, one to each fold in turn."""
    if len(strata) != len(labels):
        raise ValueError(f"stratify has {len(strata)} labels for {len(labels)} runs; expected one each")
    stratum = dict(zip(labels, strata, strict=True))
    names = list(dict.fromkeys(labels))
    _require_enough(names, folds)
    drawn = [names[n] for n in np.random.default_rng(seed).permutation(len(names))]
    order = sorted(drawn, key=lambda name: str(stratum[name]))
    fold = {name: number % folds for number, name in enumerate(order)}
    return [[n for n, label in enumerate(labels) if fold[label] == number] for number in range(folds)]


def _ranges(program: Program) -> dict[str, tuple[float, float]]:
    """Return where each learned number may lie, given the start values of the others, if both ends are known."""
    found = {}
    for rule in program.free_space.rules:
        limits = rule.resolved(program.parameters)
        ends = [getattr(limits, name, None) for name in ("lower", "upper")]
        if np.ndim(program.parameters[rule.name]) == 0 and all(e is not None and np.isfinite(float(e)) for e in ends):
            found[rule.name] = (float(ends[0]), float(ends[1]))  # type: ignore[arg-type]
    return found


def folds_of(labels: Sequence[Any], folds: int, seed: int) -> list[list[int]]:
    """Return the runs of each fold; runs of equal labels are in one."""
    names = list(dict.fromkeys(labels))
    _require_enough(names, folds)
    order = np.random.default_rng(seed).permutation(len(names))
    parts = [{names[n] for n in part} for part in np.array_split(order, folds)]
    return [[number for number, label in enumerate(labels) if label in part] for part in parts]


def _stacked(learners: Sequence[Learner]) -> dict[str, np.ndarray]:
    learned = [learner.learned() for learner in learners]
    return {name: np.stack([np.asarray(values[name]) for values in learned]) for name in learned[0]}
