"""What the demonstration leaves: learned parameters, learned connectomes, and a page that a doubter can read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pydra_diffconn import report
from pydra_diffconn.bids import derivatives
from pydra_diffconn.demo import sample
from pydra_diffconn.learning.comparison import Comparison
from pydra_diffconn.learning.result import Result
from pydra_diffconn.learning.scoring import CLASSICAL, LEARNED, START, Compared
from pydra_diffconn.learning.telling_comparison import bars_of
from pydra_diffconn.report import figures, score_figures

WINDOW = 20  # frames: 40 s; with two minutes a classical pipeline recognises nearly everybody already
PEARSON = "Pearson"
SHOWN = {
    PEARSON: "Pearson, below 0.1 Hz",
    START: "partial, untuned",
    CLASSICAL: "best classical",
    LEARNED: "learned",
}


@dataclass
class Outcome:
    """What a demonstration gave, and where it lies."""

    folder: Path
    comparison: Comparison
    difference: float
    """Largest one between the learned connectomes of the fused program and those that Pydra's jobs give."""

    @property
    def result(self) -> Result:
        """What was learned on the first half of the people."""
        return self.comparison.results[0]

    @property
    def report(self) -> Path:
        return self.folder / "report.html"


def write(outcome: Outcome, windows: list[sample.Window], learned: np.ndarray, who: Mapping[str, np.ndarray]) -> None:
    """Write everything into the folder of an outcome.

    Parameters
    ----------
    learned : (windows, parcels, parcels)
        The connectome of each window, by what was learned on the other people.
    who : mapping
        Person and session of each window.
    """
    output, comparison = outcome.folder, outcome.comparison
    source = {"URL": "https://github.com/izachp/psychosis-FC-prediction"}
    derivatives.write_description(output, "pydra-diffconn demonstration", [source])
    outcome.result.save(output / "fit")
    comparison.table.to_csv(output / "comparison.tsv", sep="\t", index=False)
    names = [f"parcel{number + 1:03d}" for number in sample.parcels()]
    fold_of = {int(who["person"][run]): fold for fold, test in enumerate(comparison.tests) for run in test}
    for number, person in enumerate(sample.people()):
        for session in (1, 2):
            mine = (who["person"] == number) & (who["session"] == session)
            entities = {"sub": person.removeprefix("sub-"), "ses": session, "task": "rest"}
            values = _plain(comparison.results[fold_of[number]].parameters)
            facts = {
                "RelationshipMeasure": "Fisher z of shrunk partial correlation, weighted by learned weights of parcels",
                "Windows": int(mine.sum()), "FramesOfWindow": WINDOW, "RepetitionTime": sample.TR,
                "LearnedFrom": "people of the other half", "Parameters": values,
            }  # fmt: skip
            derivatives.write_relmat(
                output, entities, learned[mine].mean(axis=0), names, facts,
                atlas=f"{len(names)}parc", desc="learned", stat="fisherz",
            )  # fmt: skip
    _write_page(outcome, windows, learned, who)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: np.asarray(value).tolist() for name, value in values.items() if name != "weights"}


def _write_page(
    outcome: Outcome, windows: list[sample.Window], learned: np.ndarray, who: Mapping[str, np.ndarray]
) -> None:
    comparison = outcome.comparison
    recognised, gap = comparison.compared
    window, test = windows[comparison.tests[0][0]], comparison.tests[0][0]
    label = f"{window.person}, session {window.session}, window {window.number}"
    program = outcome.result.program
    assert program is not None
    start = np.asarray(program(program.parameters)["connectome"])[test]
    cards = [
        report.Card(_change(recognised, "{:.0%}"), "windows recognised: best classical → learned"),
        report.Card(_change(gap, "{:.2f}"), "gap between self and others, s.d.: best classical → learned"),
        report.Card(f"{comparison.groups}", "people, each scored by what was chosen and learned on others"),
    ]
    lead = (
        f"{len(windows)} windows of {WINDOW * sample.TR:.0f} s are looked up among the windows of the other session. "
        "From every connectome the mean connectome of the people learned from is subtracted, which is classical, too."
    )
    sections = [
        _scores(comparison),
        _weights(comparison),
        _values(comparison),
        report.Section(
            "The data",
            sample.SOURCE,
            figures=[
                report.Figure(figures.carpet(window.without_gsr, sample.TR, label), "Parcel series, without GSR.")
            ],
        ),
        report.Section(
            "A connectome",
            "Computed twice, by the fused program and by Pydra's jobs: the largest difference is "
            f"{outcome.difference:.0e}, what single precision rounds and the inverse of a covariance of so few frames "
            "enlarges.",
            figures=[report.Figure(figures.connectomes(start, learned[test], ("start", "learned")), label)],
        ),
    ]
    losses = [
        report.Figure(figures.loss_curve(one.history), f"Half {n + 1}.") for n, one in enumerate(comparison.results)
    ]
    sections.append(report.Section("Loss", "Over the steps of learning, on the people learned from.", figures=losses))
    report.write_page(outcome.report, "What learning adds", lead, sections, cards, sentences(comparison))


def _change(one: Compared, form: str) -> str:
    return f"{form.format(one.values[CLASSICAL])} → {form.format(one.values[LEARNED])}"


def sentences(comparison: Comparison) -> list[str]:
    """Return what the scores say, each in a sentence."""
    return [comparison.sentence_of(one) for one in comparison.compared]


def _scores(comparison: Comparison) -> report.Section:
    rows = []
    for one in comparison.compared:
        for name, told in SHOWN.items():
            low, high = one.intervals[name]
            rows.append([one.score.name, told, f"{one.values[name]:.3g}", f"{low:.3g} to {high:.3g}"])
    text = (
        f"The best classical pipeline is the one of {comparison.pipelines} (global signal regressed or not, shrinkage, "
        "band) with the largest gap on the people that learning sees, too. Intervals of 95 % are over people."
    )
    drawn = [
        report.Figure(
            score_figures.svg(bars_of(comparison.compared), SHOWN, LEARNED),
            "A dot is a person, never seen before; a line is the interval.",
        )
    ]
    return report.Section(
        "On people never seen", text, {"head": ["score", "pipeline", "value", "95 % interval"], "rows": rows}, drawn
    )


def _weights(comparison: Comparison) -> report.Section:
    halves = [np.log(np.asarray(one.parameters["weights"])) for one in comparison.results]
    alike = float(np.corrcoef(halves)[0, 1])
    text = (
        f"One weight for each of {len(halves[0])} parcels, learned twice, on two halves of the people that share "
        f"nobody: their logarithms correlate {alike:.2f}. So they are partly the parcels', and partly chance. The "
        "sample does not say where its parcels lie, so that the weights are drawn by number."
    )
    drawn = [report.Figure(_weights_figure(halves), "Left: each parcel a dot. Right: in the atlas' order.")]
    return report.Section("Weights of parcels", text, figures=drawn)


@figures.styled
def _weights_figure(halves: list[np.ndarray]) -> str:
    figure, (left, right) = figures.new(9.0, 3.0, 2, width_ratios=[1, 2])
    left.plot(*halves, ".", color=figures.LEARNED, markersize=4)
    left.set(xlabel="log weight, one half", ylabel="the other half")
    for half, colour in zip(halves, (figures.LEARNED, figures.CLASSICAL), strict=True):
        right.plot(sample.parcels() + 1, half, color=colour, linewidth=0.9)
    right.axhline(0, color=figures.INK, linewidth=0.8)
    right.set(xlabel="parcel", ylabel="log weight")
    return figures.as_svg(figure)


def _values(comparison: Comparison) -> report.Section:
    rows = []
    for name in (name for name in comparison.results[0].parameters if name != "weights"):
        values = [one.parameters[name] for one in comparison.results]
        unit = next(p.unit for p in comparison.results[0].learned if p.name == name) or "-"
        told = [f"{value[1]:.3g} of GSR" if np.ndim(value) else f"{value:.3g}" for value in values]
        rows.append([name, *told, unit])
    chosen = [f"Half {row['fold'] + 1} chose: {row['classical']}." for row in comparison.folds]
    text = (
        "The values that the two halves of the people learn. Where they differ, the data do not say which is right, "
        f"and other values do as well. Classically: {' '.join(chosen)}"
    )
    head = ["learned", "half 1", "half 2", "unit"]
    return report.Section("The other learned values", text, {"head": head, "rows": rows})
