"""The report of a comparison: whether learning helped, with every score, fold and learned value."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pydra_diffconn.learning.resampling import mean_correlation
from pydra_diffconn.learning.scoring import CLASSICAL, LEARNED, START, Compared
from pydra_diffconn.report import figures, score_figures
from pydra_diffconn.report.page import Card, Figure, Section, show, write_page

FEW = 20
"""Groups below which an interval over them is often too narrow."""
WORDS = {START: "start values", CLASSICAL: "best classical", LEARNED: "learned"}
"""What pipelines are called, in the order in which they are shown."""


def write_comparison(comparison: Any, path: Path, title: str, sections: Sequence[Section] = ()) -> Path:
    """Write a page on a comparison; `sections` of one's own stand after the scores."""
    cards = cards_of(comparison, "groups, each scored by what was chosen and learned on others")
    told = [comparison.sentence_of(one) for one in comparison.compared if one.score.higher is not None]
    notes = [*told, *too_few(comparison)]
    lead = f"The best of {comparison.pipelines} classical pipelines is chosen on the very runs that learning sees."
    every = [scores_section(comparison), *sections, _values(comparison), _folds(comparison), _losses(comparison)]
    return write_page(path, title, lead, every, cards, notes)


def cards_of(comparison: Any, groups: str) -> list[Card]:
    """Return the numbers that matter; `groups` says what the groups are."""
    first = comparison.compared[0]
    change = f"{first.values[first.against]:.3g} → {first.values[LEARNED]:.3g}"
    return [
        Card(change, f"{first.score.name}: best classical → learned"),
        Card(f"{first.interval[0]:+.2g} to {first.interval[1]:+.2g}", "95 % interval of the difference, over groups"),
        Card(f"{comparison.groups}", groups),
    ]


def too_few(comparison: Any) -> list[str]:
    """Return the note that there are few groups, if so."""
    if comparison.groups >= FEW:
        return []
    return [f"{comparison.groups} groups are few: an interval over so few is often too narrow."]


def bars_of(compared: Sequence[Compared]) -> list[score_figures.Bars]:
    """Return scores as they are drawn."""
    return [score_figures.Bars(one.score.name, one.values, one.intervals, one.of_groups) for one in compared]


def words_of(one: Compared) -> dict[str, str]:
    """Return what pipelines are called, in the order in which they are shown."""
    return {name: name for name in one.values if name not in WORDS} | WORDS


def scores_section(comparison: Any) -> Section:
    """Return the section with each score of each pipeline, and the interval of the difference."""
    words = words_of(comparison.compared[0])
    rows = []
    for one in comparison.compared:
        for name, told in words.items():
            if name in one.values:
                low, high = one.intervals[name]
                rows.append([one.score.name, told, f"{one.values[name]:.3g}", f"{low:.3g} to {high:.3g}"])
        low, high = one.interval
        better = {True: " (more is better)", False: " (less is better)", None: ""}[one.score.higher]
        difference = f"learned less classical{better}"
        rows.append([one.score.name, difference, f"{one.difference:+.3g}", f"{low:+.3g} to {high:+.3g}"])
    drawn = score_figures.svg(bars_of(comparison.compared), words, LEARNED)
    text = "Everybody is scored where neither choosing nor learning had seen them. Intervals of 95 % are over groups."
    title = "On people never seen"
    if comparison.seen:
        title = "On people held out"
        text = "The step of the learned values was chosen on these very runs. Intervals of 95 % are over groups."
    head = ["score", "pipeline", "value", "95 % interval"]
    caption = "A dot is a group, such as a person; a line is the interval."
    return Section(
        title,
        text,
        {"head": head, "rows": rows},
        [Figure(drawn, caption)],
    )


def _values(comparison: Any) -> Section:
    rows = []
    for number, parameter in enumerate(comparison.results[0].learned):
        values = [one.learned[number].value for one in comparison.results]
        told = [show(value) for value in values]
        alike = ""
        if np.size(parameter.value) > 2 and len(values) > 1:
            alike = f"{mean_correlation(values):.2f}"
        rows.append([parameter.name, show(parameter.start), *told, alike, parameter.unit or "-"])
    head = ["learned", "start", *(f"fold {n + 1}" for n in range(len(comparison.results))), "correlation", "unit"]
    text = (
        "Of each fold. Where they differ, the data do not say which is right, and other values do as well. The "
        "correlation is that of two folds' arrays, on average."
    )
    return Section("Learned values", text, {"head": head, "rows": rows})


def _folds(comparison: Any) -> Section:
    shown = ["fold", "runs", "classical", "loss_classical", "loss_learned", "stopped"]
    rows = [
        [show(row[name]) if isinstance(row[name], float) else row[name] for name in shown] for row in comparison.folds
    ]
    text = "Losses are those of the training runs; the learned one counts the penalties on what is learned, too."
    return Section("Folds", text, {"head": shown, "rows": rows})


def _losses(comparison: Any) -> Section:
    drawn = [
        Figure(figures.loss_curve(one.history), f"Fold {number + 1}.")
        for number, one in enumerate(comparison.results)
        if one.history
    ]
    return Section("Loss", "Over the steps of learning, on the runs learned from.", figures=drawn)
