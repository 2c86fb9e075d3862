"""The group level: what can be said over people, from the derivatives of an output folder alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pydra_diffconn import report
from pydra_diffconn.bids.derivatives import label_of, write_json, write_text
from pydra_diffconn.bids.figures import connectome
from pydra_diffconn.bids.pages import group_figures as figures
from pydra_diffconn.bids.pages.measures import FEWEST, Set, qcfc_edges, sets_of, similarity, summary
from pydra_diffconn.bids.pages.results import results, status_rows
from pydra_diffconn.bids.pages.subject import jobs_done, methods_sections
from pydra_diffconn.bids.postprocess import KINDS
from pydra_diffconn.bids.status import read_status

FEW = 10  # people
WORST = 3
COLUMNS = {
    "strategy": "confound strategy",
    "atlas": "atlas",
    "space": "template",
    "connectome": "kind of connectome",
    "runs": "runs that are done",
    "people": "people",
    "parcels_missing": "parcels that some run lacks; their edges are left out",
    "median_abs_qcfc": "median over edges of |correlation over people of the edge with mean framewise displacement|; "
    "of several runs of a person, the mean counts, of edges by Fisher's z",
    "edges_p05": "share of edges whose correlation over people has p < .05, uncorrected; .05 is chance",
    "edges_q05": "share of edges whose correlation over people has q < .05, by Benjamini & Hochberg",
    "distance_dependence": "Spearman correlation over edges of the correlation with motion, and the parcels' distance",
    "discriminability": "share of comparisons in which a run is nearer to its person's other than to others' runs",
    "identification": "share of runs whose nearest run of another occasion is the same person's",
    "self_others_gap": "similarity to oneself less that to others, in standard deviations of the latter",
    "mean_dof": "mean temporal degrees of freedom",
    "mean_fd": "mean of the mean framewise displacement, mm",
}


def write_group(out: Path, tangent: bool = False) -> Path:
    """Write group.html and the tables of the group; return the page.

    Parameters
    ----------
    out : path
        An output folder of the participant level.
    tangent : bool
        Whether tangent connectomes are written, too.

    Raises
    ------
    ValueError
        If no run is done.
    """
    found = results(out)
    sets = sets_of(found)
    if not sets:
        raise ValueError(f"{out} holds no connectome of a run that is done; see {out / 'status.tsv'} for why")
    edges = [qcfc_edges(one) if one.people >= FEWEST else None for one in sets]
    table = pd.DataFrame([summary(one, each) for one, each in zip(sets, edges, strict=True)])
    table = table.reindex(columns=[name for name in COLUMNS if name in table])
    _write(out / "group_strategies.tsv", table, {name: {"Description": COLUMNS[name]} for name in table})
    for one, each in zip(sets, edges, strict=True):
        if each is not None:
            _write(out / f"group_{_label(one)}_qcfc.tsv", each, {
                "r": {"Description": f"Pearson correlation over {one.people} people of the edge (Fisher's z, mean of a "
                      "person's runs) with mean framewise displacement (mean of a person's runs)"},
                "p": {"Description": f"two-sided, uncorrected; {one.people - 2} degrees of freedom"},
                "q": {"Description": "by Benjamini & Hochberg"},
                "distance": {"Description": "of the parcels' centres", "Units": "mm"},
            })  # fmt: skip
    motion = _motion(out)
    _write(out / "group_motion.tsv", motion, {"runs": {"Description": "runs that are done"}})
    if tangent:
        from pydra_diffconn.bids.pages.tangent import write_tangent

        for one in {(one.strategy, one.atlas, one.space): one for one in sets}.values():
            write_tangent(one)
    return _page(out, sets, edges, table, motion)


def _label(one: Set) -> str:
    return "_".join(
        f"{name}-{label_of(value)}"
        for name, value in (
            ("space", one.space),
            ("atlas", one.atlas),
            ("desc", one.strategy),
            ("stat", KINDS[one.kind][0]),
        )
    )


def _write(path: Path, table: pd.DataFrame, beside: dict[str, Any]) -> None:
    write_text(path, table.to_csv(sep="\t", index=False, na_rep="n/a", float_format="%.8g"))
    write_json(path.with_suffix(".json"), beside)


def _motion(out: Path) -> pd.DataFrame:
    """Return a line for each person: how much they moved, and what is left of their runs."""
    table = read_status(out).drop_duplicates(["source"])
    done = table[table["status"] == "done"]
    grouped = done.groupby("participant_id", sort=True)
    made = grouped.agg(
        runs=("source", "count"), mean_fd=("mean_fd", "mean"), max_fd=("max_fd", "max"),
        minutes_kept=("minutes_kept", "sum"), dof=("dof", "min"),
    )  # fmt: skip
    return made.reset_index()


def _page(
    out: Path, sets: Sequence[Set], edges: Sequence[pd.DataFrame | None], table: pd.DataFrame, motion: pd.DataFrame
) -> Path:
    rows = status_rows(read_status(out))
    left = [row for row in rows if row["status"] != "done"]
    people = len({row["participant_id"] for row in rows if row["status"] == "done"})
    notes = [] if people >= FEW else [
        f"{people} {'person' if people == 1 else 'people'}: correlations over so few say little; below {FEW} they are "
        "shown for orientation alone."
    ]  # fmt: skip
    notes += [
        f"{one.title}: {len(one.left_out)} runs have other parcels than the first and are left out: "
        f"{', '.join(one.left_out[:5])}{', ...' if len(one.left_out) > 5 else ''}."
        for one in sets
        if one.left_out
    ]
    cards = [
        report.Card(str(people), "people"),
        report.Card(f"{len(rows) - len(left)} of {len(rows)}", jobs_done(rows)),
        report.Card(f"{motion['mean_fd'].mean():.2f} mm", "mean framewise displacement"),
    ]
    sections: list[report.Section | None] = [_strategies(table), _left_out(left)]
    for one, each in zip(sets, edges, strict=True):
        sections.append(_section(one, each))
    sections += [
        _motion_section(motion),
        _worst(out, rows),
        *methods_sections(list({result.path: result for one in sets for result in one.results}.values())),
    ]
    lead = "What motion has left in the connectomes, how well people are told apart, and who was left out and why."
    return report.write_page(
        out / "group.html", "The group", lead, [s for s in sections if s is not None], cards, notes
    )


def _strategies(table: pd.DataFrame) -> report.Section:
    text = "\n\n".join(
        [
            "QC-FC: over people, the correlation of each edge with how much the head moved; 0 would be best, and 5 % "
            "of edges have p < .05 by chance. Several runs of a person count once, by their mean, of edges by Fisher's "
            "z. With two runs of a person: how well people are told apart.",
            "A strategy that removes everything leaves no motion either: read both sides together, and the degrees of "
            "freedom.",
        ]
    )
    measures = [name for name in COLUMNS if name in table]
    rows = [[COLUMNS[name], *(_told(value) for value in table[name])] for name in measures]
    return report.Section("By strategy", text, {"head": ["", *map(str, range(1, len(table) + 1))], "rows": rows})


def _section(one: Set, edges: pd.DataFrame | None) -> report.Section:
    mean = np.full((len(one.names), len(one.names)), np.nan)
    kept = np.ix_(one.present, one.present)
    mean[kept] = one.connectomes[:, one.present][:, :, one.present].mean(axis=0)
    drawn = [report.Figure(connectome(mean, one.names, f"mean {KINDS[one.kind][1]}"), "Over runs.", "Mean connectome")]
    text = ""
    if edges is None:
        few = "1 person" if one.people == 1 else f"{one.people} people"
        text = f"{few}; QC-FC is a correlation over people, and needs at least {FEWEST}."
    else:
        drawn.append(
            report.Figure(
                figures.qcfc(edges["r"].to_numpy()),
                f"Of all edges, over {one.people} people; the line is no correlation.",
                "QC-FC",
            )
        )
        if edges["distance"].notna().any():
            drawn.append(report.Figure(figures.by_distance(edges), "Each point an edge.", "By distance"))
        else:
            text = "The atlas' image was not found, so that QC-FC is not shown by distance."
    if len(one.results) > 1:
        labels = [result.source.partition("_space")[0] for result in one.results]
        caption = "Correlation of the edges of each two runs; a person's own runs are framed."
        drawn.append(
            report.Figure(figures.similarity(similarity(one), one.person, labels), caption, "Similarity of runs")
        )
    return report.Section(one.title, text, figures=drawn)


def _left_out(left: Sequence[dict[str, Any]]) -> report.Section:
    rows = [[row["source"], row["strategy"], row["status"], row["reason"] or ""] for row in left]
    if not rows:
        return report.Section("Who was left out", "Nobody: every run is done.")
    return report.Section("Who was left out", "", {"head": ["run", "strategy", "status", "why"], "rows": rows})


def _motion_section(motion: pd.DataFrame) -> report.Section:
    rows = [[_told(value) for value in row] for row in motion.to_numpy()]
    head = ["person", "runs", "mean FD (mm)", "max FD (mm)", "minutes kept", "least degrees of freedom"]
    return report.Section("Motion", "", {"head": head, "rows": rows})


def _worst(out: Path, rows: Sequence[dict[str, Any]]) -> report.Section | None:
    """Return the carpets of the runs in which the head moved most."""
    done = sorted((row for row in rows if row["status"] == "done"), key=lambda row: -(row["mean_fd"] or 0))
    drawn: list[report.Figure] = []
    for row in done:
        folder = out / str(row["participant_id"]) / "figures"
        found = sorted(folder.glob(f"{row['source']}_atlas-*carpetafter_bold.svg"))
        if found and len(drawn) < WORST:
            caption = f"{row['source']}, {row['strategy']}: mean displacement {row['mean_fd']:.2f} mm"
            drawn.append(report.Figure(found[0].read_text(encoding="utf-8"), caption))
    text = "After denoising. Columns through all parcels are artefacts that are left."
    return report.Section("The runs that moved most", text, figures=drawn) if drawn else None


def _told(value: Any) -> str:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return "n/a"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
