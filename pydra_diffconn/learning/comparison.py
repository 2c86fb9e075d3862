"""What learning was worth: learned values beside the best classical pipeline, chosen on the same people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydra_diffconn.learning.scoring import (
    CLASSICAL,
    LEARNED,
    LEAST_GROUPS,
    START,
    Compared,
    Outputs,
    Pipeline,
    Score,
    chosen,
    compared_of,
    compiled,
    grid_of,
    require_scores,
    table_of,
)


@dataclass(frozen=True)
class Comparison:
    """What learning was worth."""

    compared: list[Compared]
    folds: list[dict[str, Any]]
    """Of each fold: how many runs and groups, which classical pipeline was chosen, training losses, learned values."""
    groups: int
    pipelines: int
    """How many classical pipelines there were to choose from."""
    results: list[Any] = field(default_factory=list, repr=False)
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
        told = words[one.helped] if one.groups >= LEAST_GROUPS else "Too few groups to say whether learning helped"
        return (
            f"{told}: {one.score.name} is {one.values[LEARNED]:.3g} with learned values and "
            f"{one.values[CLASSICAL]:.3g} with the best of {self.pipelines} classical pipelines, chosen on the same "
            f"training groups; difference {one.difference:+.3g}, 95 % interval {low:+.3g} to {high:+.3g} over the "
            f"{self.groups} groups, each scored where neither had seen it"
            f"{', but for the step of the learned values, which was chosen there' * self.seen}."
            f"{_beside_start(one)}"
        )


def _beside_start(one: Compared) -> str:
    """Say it where learned values are no better than those they started from: then it was the workflow that helped."""
    start, learned, higher = one.values.get(START), one.values[LEARNED], one.score.higher
    if start is None or higher is None or (learned > start if higher else learned < start):
        return ""
    return f" The same workflow with its start values, not learned, has {start:.3g}."


def require_both(classical: Sequence[Pipeline], scores: Sequence[Score]) -> None:
    """Refuse a comparison with nothing, or by nothing."""
    if not classical or not scores:
        raise ValueError("compare needs classical pipelines to choose from, and scores of held-out runs")
    require_scores(scores)


def comparison_of(
    result: Any,
    classical: Mapping[str, Sequence[Any]] | Sequence[Pipeline],
    scores: Sequence[Score],
    choose: Callable[..., Any] | None,
    progress: bool,
) -> Comparison:
    """Return how the learned values of one fit stand beside the best classical pipeline, on the runs it held out."""
    asked, tests = result.given, [result.validation]
    if not result.validation:
        raise ValueError(
            "nobody was held out of this fit, and what was learned cannot be compared on the people it was learned "
            "from; give validation=0.25, or groups of at least twenty, or call pydra_diffconn.compare"
        )
    pipelines = grid_of(asked.task, classical) if isinstance(classical, Mapping) else list(classical)
    require_both(pipelines, scores)
    rests, labels = [result.training], asked.ready.labels
    by, runs = choose or asked.loss, len(labels)
    (best,) = chosen(pipelines, by, asked.targets, rests, runs, asked.where, asked.steps, progress)
    outputs_of = compiled(asked.ready.shorter)
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
