"""Reports: plain data and figures in, one self-contained HTML page out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pydra_diffconn.declare.learned import LearnedParameter, interval_of
from pydra_diffconn.learning.telling_comparison import scores_section, too_few
from pydra_diffconn.learning.warnings_of_fits import NO_BASELINE, NOT_BETTER, by_heart
from pydra_diffconn.plugins.registry import registry
from pydra_diffconn.report import figures, notebook
from pydra_diffconn.report.page import Card, Figure, Section, show, write_page
from pydra_diffconn.workflow.choosing import labels


def write_fit_report(result: Any, path: Path) -> Path:
    """Write the report of a fit: every parameter before and after, and the loss curve."""
    key = "validation" if result.validation else "training"
    notes = [] if result.improved else [NOT_BETTER]
    if result.stopped != "after all steps":
        notes.append(result.stopped)
    notes += [told for told in (by_heart(result.history),) if told]
    scored = result.comparison
    told = [] if scored is None else [scored.sentence_of(o) for o in scored.compared if o.score.higher is not None]
    notes += [NO_BASELINE] if scored is None else told + too_few(scored)
    cards = [
        Card(f"{result.baseline[key]:.4g}", f"loss at the start ({key})"),
        Card(f"{result.best[key]:.4g}", f"loss after learning ({key})"),
    ]
    if result.discrete:
        cards.append(Card(f"{result.discrete[key]:.4g}", f"loss of the winning branches alone ({key})"))
    lead = f"{len(result.training)} runs learned from, {len(result.validation)} held out."
    sections = fit_sections(result.learned, result.history)
    if scored is not None:
        sections.insert(0, scores_section(scored))
    if result.starts:
        sections.append(_starts_section(result.starts))
    if result.program is not None:
        sections += _freedom_sections(result)
    if result.discrete:
        sections.insert(1, _choices_section(result))
    drawn, problems = _sections_of_plugins(result)
    return write_page(path, "What was learned", lead, sections + drawn, cards, notes + problems)


def result_text(result: Any) -> str:
    """Return a fit in a few lines: each parameter and the loss, before and after."""
    rows = [(one.name, show(one.start), show(one.value), one.unit) for one in result.learned]
    rows += [(f"loss ({name})", show(result.baseline[name]), show(result.best[name]), "") for name in result.best]
    wide = max(len(row[0]) for row in rows)
    lines = [f"  {name:{wide}}  {start} -> {value} {unit}".rstrip() for name, start, value, unit in rows]
    lead = f"Result: {len(result.training)} runs learned from, {len(result.validation)} held out; {result.stopped}"
    return "\n".join([lead, *lines, *([] if result.improved else [f"  {NOT_BETTER}"])])


def result_card(result: Any) -> str:
    """Return what stands for a fit in a notebook: parameters, losses and their course."""
    rows = [[one.name, show(one.start), show(one.value), one.unit, one.constraint] for one in result.learned]
    losses = [[name, show(result.baseline[name]), show(result.best[name])] for name in result.best]
    tables = [
        {"head": ["parameter", "start", "learned", "unit", "range"], "rows": rows},
        {"head": ["loss of runs for", "start", "learned"], "rows": losses},
    ]
    lead = f"{len(result.training)} runs learned from, {len(result.validation)} held out; {result.stopped}."
    notes = [] if result.improved else [NOT_BETTER]
    return notebook.card("What was learned", lead, tables, notes, figures.loss_curve(result.history))


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


def _freedom_sections(result: Any) -> list[Section]:
    """Return the section on temporal degrees of freedom: what the start and the learned values leave of each run."""
    start, learned = result.program.degrees_of_freedom(), result.degrees_of_freedom
    rows = [
        [name, *(f"{np.median(found[name]):.3g} ({np.min(found[name]):.3g})" for found in (start, learned))]
        for name in learned
    ]
    text = "Median over runs (and the least): frames, less what censoring, filters and confounds take."
    head = ["output", "start", "learned"]
    return [Section("Temporal degrees of freedom", text, {"head": head, "rows": rows})] if rows else []


def _starts_section(starts: Sequence[Mapping[str, Any]]) -> Section:
    """Return the section on several starts: what each came to."""
    names = [name for name in starts[0] if name != "start"]
    rows = [
        ["the workflow's" if row["start"] == 0 else f"drawn {row['start']}", *(show(row[n]) for n in names)]
        for row in starts
    ]
    text = (
        "The best of each; where the starts end apart, the loss has several valleys, and the values are one of several."
    )
    return Section("Starts", text, {"head": ["start", *names], "rows": rows})


def _choices_section(result: Any) -> Section:
    """Return the section on choices: what won, and what it costs to keep the winners alone."""
    rows = [
        [name, *(show(scores[key]) for key in result.best)]
        for name, scores in (
            ("start", result.baseline),
            ("learned mixture", result.best),
            ("winning branches alone", result.discrete),
        )
    ]
    named = {path: labels(result.program.graph.step(path)) for path in result.winners}
    won = ", ".join(f"{path}: {named[path][option]}" for path, option in result.winners.items())
    text = f"Of each choice, the option of largest weight: {won}."
    return Section("Choices", text, {"head": ["loss", *result.best], "rows": rows})


def fit_sections(learned: Sequence[LearnedParameter], history: Sequence[Any]) -> list[Section]:
    """Return the sections on parameters and loss."""
    rows = [[p.name, show(p.start), show(p.value), p.unit or "-", p.constraint] for p in learned]
    head = ["parameter", "start", "learned", "unit", "where it may lie"]
    if any(p.uncertainty for p in learned):
        sure = [interval_of(p.uncertainty) if p.uncertainty else "-" for p in learned]
        rows = [[*row, told] for row, told in zip(rows, sure, strict=True)]
        head.append("95 % of fits to other people")
    table = {"head": head, "rows": rows}
    drawn = [Figure(figures.loss_curve(history), "Loss over the steps of learning.")] if history else []
    return [
        Section("Learned parameters", table=table, figures=_parameter_figures(learned)),
        Section("Loss", figures=drawn),
    ]


def _parameter_figures(learned: Sequence[LearnedParameter]) -> list[Figure]:
    drawn = []
    for p in learned:
        if p.constraint == "simplex" and np.size(p.value) <= 8:
            options = [f"option {number + 1}" for number in range(np.size(p.value))]
            drawn.append(Figure(figures.weights(p.start, p.value, options), f"Weights {p.name}."))
        elif np.ndim(p.value) in (1, 2) and np.size(p.value) > 2 and "@" not in p.name:  # of a group, not of each of it
            drawn.append(Figure(figures.array(p.start, p.value, p.name), f"{p.name}, {np.shape(p.value)}."))
    return drawn
