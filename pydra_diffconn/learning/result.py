"""What a fit found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pydra_diffconn.declare.learned import LearnedParameter, Uncertainty, save_parameters
from pydra_diffconn.files import whole_folder
from pydra_diffconn.learning.prepared import Asked
from pydra_diffconn.learning.scoring import Pipeline, Score
from pydra_diffconn.learning.state import is_better
from pydra_diffconn.program.program import Program
from pydra_diffconn.workflow.choosing import with_options

if TYPE_CHECKING:
    from pydra_diffconn.learning.comparison import Comparison
    from pydra_diffconn.learning.resampling import Resampled


@dataclass(repr=False)
class Result:
    """What was learned; `workflow` is a classical Pydra workflow again."""

    learned: list[LearnedParameter]
    history: list[dict[str, Any]]
    """One row per step: step, loss, validation, seconds, and each scalar parameter."""
    workflow: type
    baseline: dict[str, float]
    """Loss of the start values on the training and the validation runs."""
    best: dict[str, float]
    """Loss of the learned values on the same runs."""
    training: list[int] = field(default_factory=list)
    validation: list[int] = field(default_factory=list)
    stopped: str = "after all steps"
    discrete: dict[str, float] = field(default_factory=dict)
    """Loss of the best values with every learned choice decided for its winner, on the same runs; see `discretise`."""
    winners: dict[str, str] = field(default_factory=dict)
    """The option of largest weight of each learned choice: path of the node to the name of its argument."""
    program: Program | None = field(default=None, repr=False)
    starts: list[dict[str, Any]] = field(default_factory=list)
    """Of a fit from several starts, what each came to: its best scores, and the numbers that have them."""
    asked: Asked | None = field(default=None, repr=False)
    """What the fit was given."""
    comparison: Any = field(default=None, repr=False)
    """What `compare` has found."""
    resampled: Any = field(default=None, repr=False)
    """What `bootstrap` has found."""

    def __getstate__(self) -> dict[str, Any]:
        """Travel without what the fit was given: a loss or an optimiser is often a function that cannot be pickled."""
        return {**vars(self), "asked": None}

    @property
    def given(self) -> Asked:
        """What the fit was given; an error where the result has come from another process."""
        if self.asked is None:
            raise ValueError(
                "this result was pickled, and left behind what its fit was given (task, loss, targets); ask where it "
                "was learned"
            )
        return self.asked

    @property
    def parameters(self) -> dict[str, Any]:
        """The learned values by name, each in its unit."""
        return {parameter.name: parameter.value for parameter in self.learned}

    @property
    def improved(self) -> bool:
        """Whether the learned values beat the start on runs that were not learned from (or, without, on all)."""
        return is_better(self.best, self.baseline)

    def discretise(self) -> type:
        """Return the classical workflow with the winning branch of each learned choice alone, other numbers learned.

        Its loss is in `discrete`, next to that of the mixture in `best`.
        """
        if not self.winners:
            raise ValueError(
                "there is nothing to discretise: no weights of a choice were learned; mark some, as in "
                "Choose(option_1=..., option_2=..., weights=Learn())"
            )
        return with_options(self.workflow, self.winners)

    @property
    def outputs(self) -> dict[str, Any]:
        """The outputs of all runs with the learned values, each run with what was learned for its own entity."""
        assert self.program is not None
        values = {name: self.parameters[name] for name in self.program.parameters}
        marks = {name: one.mark.per for name, one in self.program.graph.learnables.items() if one.mark.per}
        if not marks:
            return self.program(values)
        kinds = self.given.ready.kinds
        each = {n: np.stack([self.parameters[f"{n}@{label}"] for label in kinds[per]]) for n, per in marks.items()}
        found = self.program.outputs_of(values, self.program.inputs, list(range(len(self.program.runs))), each)
        return {name: self.program.with_missing(name, value) for name, value in found.items()}

    def compare(
        self,
        classical: Mapping[str, Sequence[Any]] | Sequence[Pipeline],
        scores: Sequence[Score],
        choose: Callable[..., Any] | None = None,
        progress: bool = True,
    ) -> Comparison:
        """Set the best classical pipeline, chosen on the runs learned from, beside start and learned values.

        All three are scored on the runs held out by `validation`. The step of the learned values was chosen there,
        too, which favours them; the function `compare` holds others out.

        Parameters
        ----------
        classical : mapping or sequence of Pipeline
            Values to choose from for each parameter, or pipelines.
        scores : sequence of Score
            What is reported; the first decides.
        choose : callable, optional
            The loss by which the classical pipeline is chosen; by default that of the fit.
        progress : bool
            Whether progress is shown.

        Raises
        ------
        ValueError
            If no runs were held out.
        """
        from pydra_diffconn.learning.comparison import comparison_of

        self.comparison = comparison_of(self, classical, scores, choose, progress)
        return self.comparison

    def bootstrap(self, repeats: int = 20, progress: bool = True) -> Resampled:
        """Learn again from groups drawn with replacement, each time with another seed: how sure each value is.

        The learned parameters, their file and the report have the intervals from then on.

        Parameters
        ----------
        repeats : int
            Number of fits.
        progress : bool
            Whether progress is shown.
        """
        from pydra_diffconn.learning.resampling import again

        asked = self.given
        self.resampled = again(asked.ready, asked.loss, asked.targets, repeats, asked.steps, progress)
        told = self.resampled.uncertainty
        self.learned = [
            replace(one, uncertainty=Uncertainty(repeats, **told[one.name])) if one.name in told else one
            for one in self.learned
        ]
        return self.resampled

    @property
    def degrees_of_freedom(self) -> dict[str, Any]:
        """Temporal degrees of freedom that the learned values leave each output: a number, or one for each run."""
        assert self.program is not None
        return self.program.degrees_of_freedom({name: self.parameters[name] for name in self.program.parameters})

    @property
    def table(self) -> Any:
        """The history as a pandas data frame, a row per step."""
        import pandas

        return pandas.DataFrame(self.history)

    def plot(self) -> Any:
        """Return a matplotlib figure of the loss over the steps."""
        from pydra_diffconn.report import figures

        return figures.loss_figure(self.history)

    def __repr__(self) -> str:
        from pydra_diffconn.learning.telling import result_text

        return result_text(self)

    def _repr_html_(self) -> str:
        """Show each parameter before and after, and the loss, in a notebook."""
        from pydra_diffconn.learning.telling import result_card

        return result_card(self)

    def report(self, path: str | Path = "report.html") -> Path:
        """Write an HTML page with every parameter before and after, and the loss."""
        from pydra_diffconn.learning.telling import write_fit_report

        return write_fit_report(self, Path(path))

    def save(self, folder: str | Path) -> Path:
        """Write parameters.safetensors and .json, history.tsv and report.html into `folder`: all of them, or none."""
        with whole_folder(folder) as made:
            save_parameters(made, self.learned)
            history = made / "history.tsv"
            self.table.to_csv(history, sep="\t", na_rep="n/a", index=False, lineterminator="\n", encoding="utf-8")
            self.report(made / "report.html")
        return Path(folder)
