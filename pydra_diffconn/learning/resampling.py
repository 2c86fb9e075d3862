"""How well learning generalises, and how sure its parameters are: cross-validation and the bootstrap over subjects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pydra_diffconn.declare.parameters import Learn
from pydra_diffconn.learning.fitting import learnable_program
from pydra_diffconn.learning.learner import Learner
from pydra_diffconn.learning.partition import labels_of, partition
from pydra_diffconn.learning.progress import Progress
from pydra_diffconn.learning.settings import Settings
from pydra_diffconn.numerics.process import one_blas_thread
from pydra_diffconn.program.hoisting import with_constants_computed
from pydra_diffconn.program.program import Program


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
    loss: Callable,
    targets: Any = None,
    *,
    folds: int = 5,
    groups: Sequence[Any] | None = None,
    validation: float | None = None,
    steps: int = 200,
    seed: int = 0,
    progress: bool = True,
    **settings: Any,
) -> Resampled:
    """Learn on all folds but one and test on that one, for each; the classical start is tested on the same runs.

    Parameters
    ----------
    task, loss, targets, steps, seed, progress
        As for `fit`.
    folds : int
        Number of folds; one per group (leave one subject out) if there are as many.
    groups : sequence, optional
        One label per run; runs with equal labels are in one fold.
    validation : float, optional
        Fraction of the learning runs held out of every fit to choose its best values: nested cross-validation.
    settings
        Further arguments of `fit`: learn, optimizer, rates, schedules, batch_size, entities, shrinkage, patience,
        devices, remat, memory, cache_root, worker. Values learned per subject count with the group's for new subjects.

    Raises
    ------
    ValueError
        As `fit`, and if there are fewer groups than folds.
    """
    program, how, groups, entities = _prepared(task, groups, seed, settings)
    labels = labels_of(len(program.runs), groups)
    tests = _folds(labels, folds, seed)
    found = []
    for test in tests:
        rest = [number for number in range(len(labels)) if number not in set(test)]
        training, held_out = partition(len(rest), validation, [labels[n] for n in rest], seed)
        mine, others = [rest[n] for n in training], [rest[n] for n in held_out]
        found.append(_run(Learner(program, loss, targets, mine, others, how, entities, total=steps), progress))
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
    loss: Callable,
    targets: Any = None,
    *,
    repeats: int = 20,
    groups: Sequence[Any] | None = None,
    steps: int = 200,
    seed: int = 0,
    progress: bool = True,
    **settings: Any,
) -> Resampled:
    """Learn again and again from subjects drawn with replacement: how much the parameters vary by chance.

    Parameters
    ----------
    task, loss, targets, steps, seed, progress
        As for `fit`.
    repeats : int
        Number of fits.
    groups : sequence, optional
        One label per run; groups, not runs, are drawn.
    settings
        Further arguments of `fit`, as for `cross_validate`.
    """
    program, how, groups, entities = _prepared(task, groups, seed, settings)
    labels = labels_of(len(program.runs), groups)
    names, rng = list(dict.fromkeys(labels)), np.random.default_rng(seed)
    found, rows = [], []
    for repeat in range(repeats):
        drawn = [names[n] for n in rng.integers(0, len(names), len(names))]
        training = [number for name in drawn for number, label in enumerate(labels) if label == name]
        learner = Learner(program, loss, targets, training, [], how, entities, total=steps)
        found.append(_run(learner, progress))
        scores = {"classical": learner.baseline["training"], "learned": learner.state.best["training"]}
        rows.append({"repeat": repeat, **scores})
    return Resampled(rows, _stacked(found))


def _prepared(
    task: Any, groups: Sequence[Any] | None, seed: int, given: Mapping[str, Any]
) -> tuple[Program, Settings, Sequence[Any] | None, dict[str, Sequence[Any]]]:
    """Return the program, how to learn, and what says which runs belong together."""
    given, entities = dict(given), dict(given.get("entities") or {})
    groups = entities.get("subject") if groups is None else groups
    schedules = dict(given.pop("schedules", None) or {})
    learn = {**(given.pop("learn", None) or {}), **{name: Learn(float(rule(0))) for name, rule in schedules.items()}}
    how: dict[str, Any] = {
        name: given.pop(name) for name in ("optimizer", "batch_size", "patience", "shrinkage") if name in given
    }
    how["rates"] = given.pop("rates", None) or {}
    given.pop("entities", None)
    program = with_constants_computed(learnable_program(task, learn, **given))
    if groups is not None:
        entities = {"subject": groups, **entities}
    return program, Settings(**how, seed=seed, schedules=schedules), groups, entities


def _run(learner: Learner, progress: bool) -> Learner:
    with Progress(learner.total, enabled=progress) as bar, one_blas_thread():
        learner.run(bar)
    return learner


def _folds(labels: Sequence[Any], folds: int, seed: int) -> list[list[int]]:
    names = list(dict.fromkeys(labels))
    if not 2 <= folds <= len(names):
        raise ValueError(f"{folds} folds of {len(names)} groups; expected 2 to {len(names)} folds")
    order = np.random.default_rng(seed).permutation(len(names))
    parts = [{names[n] for n in part} for part in np.array_split(order, folds)]
    return [[number for number, label in enumerate(labels) if label in part] for part in parts]


def _stacked(learners: Sequence[Learner]) -> dict[str, np.ndarray]:
    learned = [learner.learned() for learner in learners]
    return {name: np.stack([np.asarray(values[name]) for values in learned]) for name in learned[0]}
