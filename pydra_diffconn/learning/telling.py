"""Reports: plain data and figures in, one self-contained HTML page out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pydra_diffconn import __version__, figures
from pydra_diffconn.choosing import labels
from pydra_diffconn.parameters import LearnedParameter
from pydra_diffconn.plugins import registry


@dataclass
class Figure:
    """A figure (our own SVG) and what it shows."""

    svg: str
    caption: str = ""


@dataclass
class Section:
    """A part of a page: text, a table, figures; any may be missing."""

    title: str
    text: str = ""
    table: dict[str, Any] | None = None
    figures: list[Figure] = field(default_factory=list)


@dataclass
class Card:
    """One number that matters."""

    value: str
    label: str


def write_page(
    path: Path,
    title: str,
    lead: str,
    sections: Sequence[Section],
    cards: Sequence[Card] = (),
    notes: Sequence[str] = (),
) -> Path:
    """Write an HTML page without remote parts; text is escaped."""
    import jinja2

    loader = jinja2.FileSystemLoader(Path(__file__).parent / "templates")
    template = jinja2.Environment(loader=loader, autoescape=True).get_template("page.html")
    page = template.render(title=title, lead=lead, sections=sections, cards=cards, notes=notes, version=__version__)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page)
    return path


def write_fit_report(result: Any, path: Path) -> Path:
    """Write the report of a fit: every parameter before and after, and the loss curve."""
    key = "validation" if result.validation else "training"
    notes = [] if result.improved else ["The learned values are not better than the start on these runs."]
    if result.stopped != "after all steps":
        notes.append(result.stopped)
    cards = [
        Card(f"{result.baseline[key]:.4g}", f"loss at the start ({key})"),
        Card(f"{result.best[key]:.4g}", f"loss after learning ({key})"),
    ]
    if result.discrete:
        cards.append(Card(f"{result.discrete[key]:.4g}", f"loss of the winning branches alone ({key})"))
    lead = f"{len(result.training)} runs learned from, {len(result.validation)} held out."
    sections = fit_sections(result.learned, result.history)
    if result.discrete:
        sections.insert(1, _choices_section(result))
    drawn, problems = _sections_of_plugins(result)
    return write_page(path, "What was learned", lead, sections + drawn, cards, notes + problems)


def _sections_of_plugins(result: Any) -> tuple[list[Section], list[str]]:
    """Return what plugins add to the report of a fit, and which of them could not."""
    sections, problems = [], []
    for reportlet in registry().get("diffconn_reportlets"):
        try:
            made = reportlet(result)
        except Exception as error:  # a stranger's drawing never costs the report
            problems.append(f"{reportlet.__module__}.{reportlet.__name__}: {type(error).__name__}: {error}")
        else:
            sections += [made] if made is not None else []
    return sections, problems


def _choices_section(result: Any) -> Section:
    """Return the section on choices: what won, and what it costs to keep the winners alone."""
    rows = [
        [name, *(show(scores[key]) for key in result.best)]
        for name, scores in (
            ("classical start", result.baseline),
            ("learned mixture", result.best),
            ("winning branches alone", result.discrete),
        )
    ]
    named = {path: labels(result.program.graph.step(path)) for path in result.winners}
    won = ", ".join(f"{path}: {named[path][option]}" for path, option in result.winners.items())
    text = f"Of each choice, the option of largest weight: {won}."
    return Section("Choices", text, {"head": ["loss", *result.best], "rows": rows})


def fit_sections(learned: Sequence[LearnedParameter], history: Sequence[Any], tr: float | None = None) -> list[Section]:
    """Return the sections on parameters and loss; with a repetition time, bands are drawn as frequency responses."""
    rows = [[p.name, show(p.start), show(p.value), p.unit or "-", p.constraint] for p in learned]
    table = {"head": ["parameter", "classical", "learned", "unit", "where it may lie"], "rows": rows}
    drawn = [Figure(figures.loss_curve(history), "Loss over the steps of learning.")] if history else []
    return [
        Section("Learned parameters", table=table, figures=_parameter_figures(learned, tr)),
        Section("Loss", figures=drawn),
    ]


def _parameter_figures(learned: Sequence[LearnedParameter], tr: float | None) -> list[Figure]:
    drawn = []
    named = {p.name: p for p in learned}
    for name, low in named.items():
        high = named.get(name.removesuffix("low") + "high")
        if tr and name.endswith("low") and high is not None and low.unit == "Hz":
            response = figures.band((low.start, high.start), (low.value, high.value), 2.0, tr)
            drawn.append(Figure(response, f"Frequency response of {name.rpartition('.')[0]}."))
    for p in learned:
        if p.constraint == "simplex" and np.size(p.value) <= 8:
            options = [f"option {number + 1}" for number in range(np.size(p.value))]
            drawn.append(Figure(figures.weights(p.start, p.value, options), f"Weights {p.name}."))
    return drawn


def show(value: Any) -> str:
    """Return a value as people read it: four digits, short vectors whole.

    >>> show(0.0131234)
    '0.01312'
    """
    if np.ndim(value) == 0:
        return f"{float(value):.4g}"
    array = np.asarray(value)
    return ", ".join(f"{v:.3g}" for v in array) if array.size <= 8 else f"array {array.shape}"
