"""What a fit found."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydra_diffconn.declare.learned import LearnedParameter, save_parameters
from pydra_diffconn.files import whole_folder
from pydra_diffconn.learning.state import is_better
from pydra_diffconn.program.program import Program
from pydra_diffconn.workflow.choosing import with_options


@dataclass
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
