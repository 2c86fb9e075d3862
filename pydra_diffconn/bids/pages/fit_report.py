"""What `diffconn fit` leaves: the learned parameters, tables of the comparison, and a page."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from pydra_diffconn import report
from pydra_diffconn.bids import derivatives
from pydra_diffconn.bids.fit_config import FitConfig
from pydra_diffconn.bids.fitting import Outcome
from pydra_diffconn.bids.job import NEVER
from pydra_diffconn.bids.jobs import plain
from pydra_diffconn.learning import telling
from pydra_diffconn.learning.comparison import Comparison
from pydra_diffconn.learning.scoring import CLASSICAL, LEARNED, START
from pydra_diffconn.learning.telling_comparison import WORDS, cards_of, too_few
from pydra_diffconn.report import figures
from pydra_diffconn.report.page import show


def write_fit(outcome: Outcome, config: FitConfig, folder: Path) -> Path:
    """Write everything into a folder; return the page."""
    outcome.result.save(folder)
    comparison = outcome.comparison
    comparison.table.to_csv(folder / "comparison.tsv", sep="\t", index=False)
    pd.DataFrame(comparison.folds).to_csv(folder / "folds.tsv", sep="\t", index=False)
    told = {
        "Sentence": comparison.sentence,
        "Groups": comparison.groups,
        "ClassicalPipelines": comparison.pipelines,
        "Config": {name: getattr(config, name) for name in config.__dataclass_fields__},
        "Runs": [job.run.name for job in outcome.data.jobs],
        "LeftOut": [{"run": name, "reason": reason} for name, reason in outcome.data.left_out],
        "ParcelsMissing": outcome.data.missing,
    }
    derivatives.write_json(folder / "comparison.json", plain(told))
    return _write_page(outcome, config, folder / "report.html")


def _write_page(outcome: Outcome, config: FitConfig, path: Path) -> Path:
    comparison, data = outcome.comparison, outcome.data
    cards = cards_of(comparison, f"groups ({config.groups}), {len(data.jobs)} runs")
    sections = [_comparison(comparison), _folds(comparison, config)]
    _, loss = telling.fit_sections(outcome.result.learned, outcome.result.history)
    sections += [_settings(outcome), loss, _data(outcome), _how(config)]
    lead = f"Learned over {len(data.jobs)} runs: {', '.join(outcome.result.parameters)}; loss: {config.loss}."
    notes = [comparison.sentence, *too_few(comparison)]
    return report.write_page(path, "Does learning help?", lead, sections, cards, notes)


def _comparison(comparison: Comparison) -> report.Section:
    rows = []
    for one in comparison.compared:
        low, high = one.interval
        verdict = {True: "better", False: "worse", None: "not told apart"}[one.helped]
        numbers = [f"{one.values[name]:.4g}" for name in (START, CLASSICAL, LEARNED)]
        better = "more" if one.score.higher else "less"
        change = [f"{one.difference:+.3g}", f"{low:+.3g} to {high:+.3g}"]
        rows.append([f"{one.score.name} ({better} is better)", *numbers, *change, verdict])
    text = (
        "Scores of runs that were held out, each by the pipelines of its fold. The classical pipeline is the best of "
        "the grid on the same training runs. The interval is of differences over groups drawn with replacement."
    )
    head = ["score", *WORDS.values(), "difference", "95 % interval", "learned is"]
    shown = [report.Figure(_differences(comparison), "Learned less classical, with its interval; 0 is no difference.")]
    return report.Section("On people neither has seen", text, {"head": head, "rows": rows}, shown)


def _folds(comparison: Comparison, config: FitConfig) -> report.Section:
    names = list(config.learn)
    learned = [f"learned {name}" for name in names]
    head = [
        "fold",
        "held-out runs",
        "classical pipeline chosen",
        "its training loss",
        "learned training loss",
        *learned,
    ]
    rows = [
        [
            str(row["fold"] + 1), str(row["runs"]), row["classical"], f"{row['loss_classical']:.4g}",
            f"{row['loss_learned']:.4g}", *(f"{row[name]:.4g}" for name in names),
        ]
        for row in comparison.folds
    ]  # fmt: skip
    text = (
        f"{comparison.pipelines} classical pipelines to choose from. Learned values that differ much between folds are "
        "not to be trusted."
    )
    return report.Section("Fold by fold", text, {"head": head, "rows": rows})


def classical_of(outcome: Outcome, name: str) -> str:
    """Tell what the classical pipelines have of a setting: a threshold that nothing exceeds is none."""
    values = outcome.classical[name.rpartition(".")[2]]
    return ", ".join("none" if one is None or one >= NEVER else f"{float(one):.4g}" for one in values)


def _settings(outcome: Outcome) -> report.Section:
    rows = [
        [one.name, classical_of(outcome, one.name), show(one.start), show(one.value), one.unit or "-", one.constraint]
        for one in outcome.result.learned
    ]  # fmt: skip
    text = "Learning over all runs starts where the setting stands without it, or in the middle of its range."
    head = ["setting", "classical pipelines", "start", "learned", "unit", "where it may lie"]
    return report.Section("What learning changed", text, {"head": head, "rows": rows})


def _data(outcome: Outcome) -> report.Section:
    rows = [[name, reason] for name, reason in outcome.data.left_out] or [["none", ""]]
    missing = outcome.data.missing
    text = f"{len(outcome.data.parcels)} parcels; {len(missing)} that some run lacks take no part"
    text += f": {', '.join(missing[:20])}{', ...' if len(missing) > 20 else ''}." if missing else "."
    return report.Section("Runs left out", text, {"head": ["run", "why"], "rows": rows})


def _how(config: FitConfig) -> report.Section:
    rows = [
        [name, str(getattr(config, name))]
        for name in config.__dataclass_fields__
        if getattr(config, name) not in ("", (), {})
    ]
    return report.Section("What was asked", table={"head": ["key", "value"], "rows": rows})


@figures.styled
def _differences(comparison: Comparison) -> str:
    """Draw the difference of each score, in units of the classical one's size."""
    figure, axis = figures.new(6.5, 0.7 + 0.4 * len(comparison.compared))
    for place, one in enumerate(comparison.compared):
        size = abs(one.values[CLASSICAL]) or 1.0
        sign = 100 / size * (1 if one.score.higher else -1)
        low, high = sorted(end * sign for end in one.interval)
        axis.plot([low, high], [place, place], color=figures.LEARNED, lw=3, solid_capstyle="butt")
        axis.plot(one.difference * sign, place, "o", color=figures.INK)
    axis.axvline(0, color=figures.CLASSICAL, lw=1)
    names = [one.score.name for one in comparison.compared]
    axis.set(yticks=range(len(names)), yticklabels=names, xlabel="gain of learning, % of the classical score")
    axis.set_ylim(len(names) - 0.5, -0.5)
    return figures.as_svg(figure)
