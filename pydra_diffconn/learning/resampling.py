"""How well learning generalises, and how sure its parameters are: cross-validation and the bootstrap over subjects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pydra_diffconn.declare.parameters import Learn
from pydra_diffconn.learning.learner import Learner
from pydra_diffconn.learning.partition import partition
from pydra_diffconn.learning.prepared import prepared
from pydra_diffconn.learning.progress import Progress
from pydra_diffconn.learning.settings import Learning, Machine, require_count, require_loss, require_runs, settled
from pydra_diffconn.numerics.process import one_blas_thread


@dataclass
class Resampled:
    """What several fits of one workflow found; one row for each."""

    rows: list[dict[str, Any]]
    parameters: dict[str, np.ndarray]
    """Each parameter's values, one for each fit along the first axis."""
    tested: list[list[int]] = field(default_factory=list)
    """The runs on which each fit was tested."""

    @property
    def table(self) -> Any:
        """The rows as a pandas data frame: test loss of the start (`classical`) and of the learned values."""
        import pandas

        return pandas.DataFrame(self.rows)

    @property
    def uncertainty(self) -> dict[str, dict[str, Any]]:
        """Mean, standard deviation and 95 % interval of each parameter over the fits, in its unit."""
        return {
            name: {
                "mean": values.mean(axis=0),
                "sd": values.std(axis=0, ddof=1),
                "low": np.quantile(values, 0.025, axis=0),
                "high": np.quantile(values, 0.975, axis=0),
            }
            for name, values in self.parameters.items()
        }


def cross_validate(
    task: Any,
    loss: Callable[..., Any],
    targets: Any = None,
    *,
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
    **old: Any,
) -> Resampled:
    """Learn on all folds but one and test on that one, for each; the classical start is tested on the same runs.

    Values learned per subject count with the group's for new subjects.

    Parameters
    ----------
    task, loss, targets, learn, steps, optimizer, seed, how, on, cache_root, worker, progress
        As for `fit`.
    folds : int
        Number of folds; one per group (leave one subject out) if there are as many.
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
    require_loss(loss, steps=steps, seed=seed, folds=folds)
    ready = prepared(task, learn, groups, optimizer, seed, how, on, cache_root, worker)
    labels = ready.labels
    tests = folds_of(labels, folds, seed)
    for number, test in enumerate(tests):
        require_runs(loss, len(test), f"fold {number}")
    found = []
    for test in tests:
        rest = [number for number in range(len(labels)) if number not in set(test)]
        training, held_out = partition(len(rest), validation, [labels[n] for n in rest], seed)
        mine, others = [rest[n] for n in training], [rest[n] for n in held_out]
        found.append(ran(ready.learner(loss, targets, mine, others, steps), progress))
    rows = [
        {
            "fold": number,
            "runs": len(test),
            "classical": learner.score(learner.start, test),
            "learned": learner.score(learner.state.best_values, test),
        }
        for number, (learner, test) in enumerate(zip(found, tests, strict=True))
    ]
    return Resampled(rows, _stacked(found), tests)


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
    how: Learning | None = None,
    on: Machine | None = None,
    cache_root: Any = None,
    worker: Any = "debug",
    progress: bool = True,
    **old: Any,
) -> Resampled:
    """Learn again and again from subjects drawn with replacement: how much the parameters vary by chance.

    Parameters
    ----------
    task, loss, targets, learn, steps, optimizer, seed, how, on, cache_root, worker, progress
        As for `fit`.
    repeats : int
        Number of fits.
    groups : sequence or mapping, optional
        As for `fit`; groups, not runs, are drawn.
    """
    how, on, groups = settled(how, on, groups, old, "bootstrap")
    require_loss(loss, steps=steps, seed=seed)
    require_count("repeats", repeats, 1)
    ready = prepared(task, learn, groups, optimizer, seed, how, on, cache_root, worker)
    labels = ready.labels
    names, rng = list(dict.fromkeys(labels)), np.random.default_rng(seed)
    found, rows = [], []
    for repeat in range(repeats):
        drawn = [names[n] for n in rng.integers(0, len(names), len(names))]
        training = [number for name in drawn for number, label in enumerate(labels) if label == name]
        learner = ready.learner(loss, targets, training, [], steps)
        found.append(ran(learner, progress))
        scores = {"classical": learner.baseline["training"], "learned": learner.state.best["training"]}
        rows.append({"repeat": repeat, **scores})
    return Resampled(rows, _stacked(found))


def ran(learner: Learner, progress: bool) -> Learner:
    """Let a learner take its steps; return it."""
    with Progress(learner.total, enabled=progress) as bar, one_blas_thread():
        learner.run(bar)
    return learner


def folds_of(labels: Sequence[Any], folds: int, seed: int) -> list[list[int]]:
    """Return the runs of each fold; runs of equal labels are in one."""
    names = list(dict.fromkeys(labels))
    if not 2 <= folds <= len(names):
        raise ValueError(f"{folds} folds of {len(names)} groups; expected 2 to {len(names)} folds")
    order = np.random.default_rng(seed).permutation(len(names))
    parts = [{names[n] for n in part} for part in np.array_split(order, folds)]
    return [[number for number, label in enumerate(labels) if label in part] for part in parts]


def _stacked(learners: Sequence[Learner]) -> dict[str, np.ndarray]:
    learned = [learner.learned() for learner in learners]
    return {name: np.stack([np.asarray(values[name]) for values in learned]) for name in learned[0]}
