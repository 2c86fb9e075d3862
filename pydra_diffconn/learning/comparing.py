"""Whether learning helps: against the best classical pipeline chosen on the same people, on people neither has seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydra_diffconn.declare.parameters import Learn
from pydra_diffconn.learning.comparison import Comparison, require_both
from pydra_diffconn.learning.counterweights import with_counterweights
from pydra_diffconn.learning.fitting import result_of
from pydra_diffconn.learning.prepared import Asked, prepared
from pydra_diffconn.learning.resampling import folds_of, learned_on, rests_of
from pydra_diffconn.learning.scoring import (
    CLASSICAL,
    LEARNED,
    START,
    Outputs,
    Pipeline,
    Score,
    all_outputs,
    chosen,
    compared_of,
    compiled,
)
from pydra_diffconn.learning.settings import Learning, Machine, require_enough, require_loss, require_runs, settled
from pydra_diffconn.learning.training_data import chosen_targets


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
    starts: int = 1,
    how: Learning | None = None,
    on: Machine | None = None,
    cache_root: Any = None,
    worker: Any = "debug",
    progress: bool = True,
) -> Comparison:
    """Learn on all folds but one, choose the best classical pipeline on the same runs, and score both on that one.

    Parameters
    ----------
    task, loss, targets, learn, steps, optimizer, groups, seed, starts, how, on, cache_root, worker, progress
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
    require_both(classical, scores)
    ready = prepared(task, loss, learn, groups, optimizer, seed, how, on, cache_root, worker, starts)
    loss = with_counterweights(loss, ready.program.parameters)
    labels = ready.labels
    tests = folds_of(labels, folds, seed)
    rests = rests_of(tests, len(labels))
    for number, rest in enumerate(rests):
        require_enough(loss, chosen_targets(targets, len(labels), rest), f"what fold {number} learns from")
        require_runs(loss, len(rest), f"what fold {number} learns from")
    where = (cache_root, worker)
    best = chosen(classical, choose or loss, targets, rests, len(labels), where, steps, progress)
    learners = learned_on(rests, ready, loss, targets, steps, validation, progress)
    outputs_of = compiled(ready.shorter)
    computed: dict[str, list[Outputs]] = {
        START: [outputs_of({})] * len(tests),
        **{
            one.name: [found] * len(tests)
            for one, found in zip(beside, all_outputs(beside, where, len(labels)), strict=True)
        },
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
