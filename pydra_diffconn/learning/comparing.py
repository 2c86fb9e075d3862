"""Whether learning helps: against the best classical pipeline chosen on the same people, on people neither has seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydra_diffconn.declare.parameters import Learn
from pydra_diffconn.learning.fitting import result_of
from pydra_diffconn.learning.prepared import Asked, prepared
from pydra_diffconn.learning.resampling import folds_of, learned_on, rests_of
from pydra_diffconn.learning.result import Result
from pydra_diffconn.learning.scoring import (
    CLASSICAL,
    LEARNED,
    START,
    Compared,
    Outputs,
    Pipeline,
    Score,
    all_outputs,
    chosen,
    compared_of,
    compiled,
    grid_of,
    table_of,
)
from pydra_diffconn.learning.settings import Learning, Machine, require_loss, require_runs, settled


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
    seen: bool = False
    """Whether the step of the learned values was chosen on the very runs that are scored."""

    @property
    def table(self) -> Any:
        """The scores as a pandas data frame."""
        return table_of(self.compared)

    def report(self, path: str | Path = "report.html", title: str = "Does learning help?", sections: Any = ()) -> Path:
        """Write a page with every score, its interval and a dot for each group; `report.Section`s of your own go in."""
        from pydra_diffconn.learning.telling_comparison import write_comparison

        return write_comparison(self, Path(path), title, sections)

    def plot(self) -> Any:
        """Return a matplotlib figure of every pipeline's scores."""
        from pydra_diffconn.learning.telling_comparison import bars_of, words_of
        from pydra_diffconn.report import score_figures

        return score_figures.drawn(bars_of(self.compared), words_of(self.compared[0]), LEARNED)

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
            f"{self.groups} groups, each scored where neither had seen it"
            f"{', but for the step of the learned values, which was chosen there' * self.seen}."
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
    ready = prepared(task, loss, learn, groups, optimizer, seed, how, on, cache_root, worker)
    labels = ready.labels
    tests = folds_of(labels, folds, seed)
    rests = rests_of(tests, len(labels))
    for number, rest in enumerate(rests):
        require_runs(loss, len(rest), f"what fold {number} learns from")
    where = (cache_root, worker)
    best = chosen(classical, choose or loss, targets, rests, where, steps, progress)
    learners = learned_on(rests, ready, loss, targets, steps, validation, progress)
    outputs_of = compiled(ready.shorter)
    computed: dict[str, list[Outputs]] = {
        START: [outputs_of({})] * len(tests),
        **{one.name: [found] * len(tests) for one, found in zip(beside, all_outputs(beside, where), strict=True)},
        CLASSICAL: [one.outputs for one in best],
        LEARNED: [outputs_of(learner.learned()) for learner in learners],
    }
    compared = [compared_of(score, computed, targets, tests, labels, seed) for score in scores]
    rows = [
        {
            "fold": number,
            "runs": len(test),
            "classical": best[number].name,
            "loss_classical": best[number].loss,
            "loss_learned": learner.score(learner.state.best_values, learner.training),
            "stopped": learner.stopped,
            **{name: value for name, value in learner.learned().items() if isinstance(value, float)},
        }
        for number, (test, learner) in enumerate(zip(tests, learners, strict=True))
    ]
    asked = Asked(ready, task, loss, targets, steps, where)
    results = [result_of(learner, asked) for learner in learners]
    names = list(dict.fromkeys(labels))
    return Comparison(compared, rows, len(names), len(classical), results, tests, names)


def comparison_of(
    result: Result,
    classical: Mapping[str, Sequence[Any]] | Sequence[Pipeline],
    scores: Sequence[Score],
    choose: Callable[..., Any] | None,
    progress: bool,
) -> Comparison:
    """Return how the learned values of one fit stand beside the best classical pipeline, on the runs it held out."""
    asked, tests = result.asked, [result.validation]
    assert asked is not None
    if not result.validation:
        raise ValueError(
            "nobody was held out of this fit, and what was learned cannot be compared on the people it was learned "
            "from; give validation=0.25, or groups of at least twenty, or call pydra_diffconn.compare"
        )
    pipelines = grid_of(asked.task, classical) if isinstance(classical, Mapping) else list(classical)
    if not pipelines or not scores:
        raise ValueError("compare needs classical pipelines to choose from, and scores of held-out runs")
    rests = [result.training]
    (best,) = chosen(pipelines, choose or asked.loss, asked.targets, rests, asked.where, asked.steps, progress)
    outputs_of, labels = compiled(asked.ready.shorter), asked.ready.labels
    learned = {name: result.parameters[name] for name in asked.ready.program.parameters}
    computed: dict[str, list[Outputs]] = {
        START: [outputs_of({})],
        CLASSICAL: [best.outputs],
        LEARNED: [outputs_of(learned)],
    }
    seed = asked.ready.seed
    compared = [compared_of(score, computed, asked.targets, tests, labels, seed) for score in scores]
    row = {
        "fold": 0,
        "runs": len(result.validation),
        "classical": best.name,
        "loss_classical": best.loss,
        "loss_learned": result.best["training"],
        "stopped": result.stopped,
    }
    names = list(dict.fromkeys(labels[run] for run in result.validation))
    return Comparison(compared, [row], len(names), len(pipelines), [result], tests, names, seen=True)
