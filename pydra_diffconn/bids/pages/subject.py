"""The page of a person: which runs there are, what was done with each, and what came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydra_diffconn import report
from pydra_diffconn.bids.derivatives import write_text
from pydra_diffconn.bids.pages import references
from pydra_diffconn.bids.pages.methods import families, methods
from pydra_diffconn.bids.pages.results import FIGURES, Result, results, status_rows
from pydra_diffconn.bids.status import read_status

FEW = 20  # temporal degrees of freedom: below, a correlation has a standard error above 0.2
HEAVIEST = 2_700_000  # bytes of figures in a page; more are linked
CAPTIONS = {
    "carpetbefore": (
        "Before denoising",
        "Each row a parcel, in units of its standard deviation (s.d.), like ones next to each other. Bright or dark "
        "columns through all parcels are motion or breathing. FD: framewise displacement; the dashed line is its "
        "threshold.",
    ),
    "censoring": ("Censoring", "Which frames have no weight in regression and connectome, and why."),
    "design": (
        "Confounds",
        "What was regressed out: each row a confound over time, in units of its s.d., before it was filtered.",
    ),
    "carpetafter": (
        "After denoising",
        "The same parcels in the same order; censored frames are pale. Columns that are still seen are artefacts that "
        "are left.",
    ),
    "coverage": (
        "Coverage",
        "Share of each parcel that has data. Parcels below the dashed line (orange) are missing in series and "
        "connectomes.",
    ),
    "connectome": ("Connectivity", "Of parcels over kept frames; red above 0, blue below."),
    "versus": (
        "Before and after learning",
        "The same run by the values before learning, by the learned ones, and the second less the first.",
    ),
    "response": ("Frequency response", "Gain of the temporal filter before and after learning."),
    "loss": ("Loss", "Over the steps of the fit that the parameters come from; lower is better."),
}
ONCE = ("censoring", "design", "response", "loss")  # the same for every atlas


def write_subject(out: Path, participant: str) -> Path:
    """Write the page of a person, OUT/sub-XX.html, from what lies in the output folder; return its path.

    Parameters
    ----------
    out : path
        An output folder of the participant level.
    participant : str
        With or without `sub-`.

    Raises
    ------
    ValueError
        If the status table has no run of that person.
    """
    participant = f"sub-{participant.removeprefix('sub-')}"
    rows = [row for row in status_rows(read_status(out)) if row["participant_id"] == participant]
    if not rows:
        raise ValueError(f"{out / 'status.tsv'} has no run of {participant}; run the level `participant` for it first")
    found = results(out, participant)
    sections = [_summary(rows), *_runs(found, out), _settings(found), *methods_sections(found), _errors(rows)]
    done = [row for row in rows if row["status"] == "done"]
    cards = [report.Card(f"{len(done)} of {len(rows)}", jobs_done(rows))]
    if done:
        minutes = sum(
            row["minutes_kept"] or 0 for row in {row["source"].partition("_space-")[0]: row for row in done}.values()
        )
        cards.append(report.Card(f"{minutes:.1f} min", "kept after censoring"))
        cards.append(report.Card(_span(row["mean_fd"] for row in done), "mean displacement of runs (mm)"))
        cards.append(report.Card(_span((row["dof"] for row in done), 0), "temporal degrees of freedom"))
    lead = "From preprocessed runs to connectomes: what went in, what was taken out, what came out."
    path = out / f"{participant}.html"
    return report.write_page(path, participant, lead, [one for one in sections if one], cards, warnings(rows, found))


def jobs_done(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return what the lines of the status table are, to stand below how many of them are done."""
    several = len({row["strategy"] for row in rows}) > 1
    return "runs done, each by every strategy" if several else "runs done"


def warnings(rows: Sequence[Mapping[str, Any]], found: Sequence[Result]) -> list[str]:
    """Return what must not be overlooked: runs that are not done, missing parcels, few degrees of freedom."""
    notes = []
    for status, told in (("failed", "failed"), ("skipped", "left out")):
        those = [row for row in rows if row["status"] == status]
        if those:
            notes.append(f"{_count(len(those), 'run')} {told}: {_shortened(_run_names(those, rows))}.")
    for one in found:
        missing = one.sidecar.get("ParcelsMissing") or []
        if missing:
            notes.append(f"{_title(one, found)}: {_count(len(missing), 'parcel')} missing: {_shortened(missing)}.")
        freedom = one.sidecar.get("TemporalDegreesOfFreedom")
        if freedom is not None and freedom < FEW:
            notes.append(
                f"{_title(one, found)}: {freedom:.3g} temporal degrees of freedom, fewer than {FEW}: correlations are "
                "mostly noise. Regress fewer confounds, censor less, or widen the band."
            )
    return notes


def _summary(rows: Sequence[Mapping[str, Any]]) -> report.Section:
    head = [
        "run", "space", "strategy", "status", "TR (s)", "frames", "kept", "minutes kept", "mean FD (mm)", "max FD (mm)",
        "degrees of freedom", "parcels missing",
    ]  # fmt: skip
    body = [
        [
            _run_name(row), row["space"] or "", row["strategy"] or "", row["status"], _number(row["tr"]),
            _number(row["frames"]), _number(row["kept"]), _number(row["minutes_kept"]), _number(row["mean_fd"]),
            _number(row["max_fd"]), _number(row["dof"]), _number(row["parcels_missing"]),
        ]
        for row in rows
    ]  # fmt: skip
    # a column of sentences beside so many of numbers would be off the page, and its rows tall
    told = [
        f"{name}: {row['reason']}" for name, row in zip(_run_names(rows, rows), rows, strict=True) if _remarked(row)
    ]
    return report.Section("Summary", "\n\n".join(told), {"head": head, "rows": body})


def _remarked(row: Mapping[str, Any]) -> bool:
    """Say whether a run is done with a remark; why others are not stands under Errors."""
    return row["status"] == "done" and bool(row["reason"])


def _runs(found: Sequence[Result], out: Path) -> list[report.Section]:
    """Return a section of figures for each result; what would make the page too heavy is linked."""
    sections, weight, seen = [], 0, set()
    for one in found:
        drawn = []
        for name in FIGURES:
            key = (one.source, one.strategy, name)
            path = one.figure(name)
            if not path.is_file() or (name in ONCE and key in seen):
                continue
            seen.add(key)
            svg = path.read_text(encoding="utf-8")
            weight += len(svg.encode())
            drawn.append(_figure(name, svg, path.relative_to(out).as_posix(), weight <= HEAVIEST))
        table = _learned_table(one.processing.get("learned") or {})
        sections.append(report.Section(_title(one, found), _sentence(one), table, drawn))
    return sections


def _figure(name: str, svg: str, link: str, light: bool) -> report.Figure:
    title, caption = CAPTIONS[name]
    if not report.is_drawing(svg):
        return report.Figure("", f"{link} is no plain drawing and is not shown.", title)
    return report.Figure(svg, caption, title) if light else report.Figure("", caption, title, link)


def _sentence(one: Result) -> str:
    about = one.sidecar
    columns = one.processing.get("columns") or []
    parts = [
        f"Frames: {about.get('FramesKept', '?')} kept of {about.get('Frames', '?')}, after "
        f"{about.get('DummyScans', 0)} dummy scans.",
        f"Confounds: {len(columns)} ({families(columns)})." if columns else "No confounds.",
    ]
    if about.get("TemporalDegreesOfFreedom") is not None:
        parts.append(f"Temporal degrees of freedom: {about['TemporalDegreesOfFreedom']:.3g}.")
    return " ".join(parts)


def _learned_table(learned: Mapping[str, Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return every learned parameter before and after learning, in its unit."""
    rows = [
        [name, _number(one.get("start")), _number(one.get("value")), one.get("unit") or "-"]
        for name, one in learned.items()
    ]
    return {"head": ["learned parameter", "before learning", "after", "unit"], "rows": rows} if rows else None


def _settings(found: Sequence[Result]) -> report.Section | None:
    """Return the settings, a column for each strategy, and the versions of what computed."""
    by_strategy = {one.strategy: one.processing for one in found}
    if not found:
        return None
    names = list(dict.fromkeys(name for processing in by_strategy.values() for name in processing))
    rows = [
        [name, *(_told(processing.get(name)) for processing in by_strategy.values())]
        for name in names
        if name not in ("learned", "citations")
    ]
    versions = found[0].sidecar.get("SoftwareVersions") or {}
    text = "Every setting, as it stands in the side-cars."
    if versions:
        text += f" Computed by {', '.join(f'{name} {number}' for name, number in versions.items())}."
    return report.Section("About", text, {"head": ["setting", *by_strategy], "rows": rows})


def methods_sections(found: Sequence[Result]) -> list[report.Section]:
    """Return the section with the methods paragraph, which is written into the output folder, too."""
    if not found:
        return []
    texts = methods_of(found)
    whole = "\n\n".join(texts)
    cited = references.cited(whole)
    bibtex = "\n".join(one.bibtex for one in cited)
    out = found[0].out
    write_text(out / "methods.md", f"{whole}\n")
    write_text(out / "methods.bib", bibtex)
    listed = [[one.line] for one in cited]
    shown = references.readable(whole)
    text = f"For a paper; also in methods.md and methods.bib.\n\n{shown}"
    return [report.Section("Methods", text, {"head": ["References"], "rows": listed}, code=bibtex)]


def methods_of(found: Sequence[Result]) -> list[str]:
    """Return a paragraph for each strategy."""
    texts = []
    for strategy in dict.fromkeys(one.strategy for one in found):
        those = [one for one in found if one.strategy == strategy]
        about = those[0].sidecar
        texts.append(
            methods(
                those[0].processing,
                strategy,
                sorted({one.atlas for one in those}),
                sorted({str(one.sidecar.get("Space")) for one in those}),
                _measures(those[0]),
                about.get("SoftwareVersions"),
            )[0]
        )
    return texts


def _measures(one: Result) -> list[str]:
    import json

    sidecars = [json.loads(path.with_suffix(".json").read_text(encoding="utf-8")) for path in one.relmats()]
    return [sidecar["RelationshipMeasure"] for sidecar in sidecars if "RelationshipMeasure" in sidecar]


def _errors(rows: Sequence[Mapping[str, Any]]) -> report.Section:
    bad = [row for row in rows if row["status"] != "done"]
    if not bad:
        return report.Section("Errors", "None: every run is done.")
    table = [[_run_name(row), row["strategy"] or "", row["status"], row["reason"] or ""] for row in bad]
    return report.Section("Errors", table={"head": ["run", "strategy", "status", "reason"], "rows": table})


def _run_name(row: Mapping[str, Any]) -> str:
    """Return the entities that tell the runs of a person."""
    names = [f"{key}-{row[name]}" for key, name in (("ses", "session"), ("task", "task"), ("run", "run")) if row[name]]
    return " ".join(names) or str(row["source"])


def _run_names(those: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the names of some runs, with what else tells lines of the table: template and strategy."""
    told = [name for name in ("space", "strategy") if len({row[name] for row in rows}) > 1]
    return [" ".join([_run_name(row), *(str(row[name]) for name in told if row[name])]) for row in those]


def _title(one: Result, found: Sequence[Result]) -> str:
    """Return a title that tells a result from all others of the person."""
    parts = [_run_name(one.row)]
    if len({(other.source, other.row["space"]) for other in found}) > len({_run_name(other.row) for other in found}):
        parts.append(str(one.row["space"]))
    if len({other.atlas for other in found}) > 1:
        parts.append(one.atlas)
    if len({other.strategy for other in found}) > 1:
        parts.append(one.strategy)
    return ", ".join(parts)


def _number(value: Any) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, int | float) else str(value)


def _span(values: Any, digits: int = 2) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "unknown"
    low, high = f"{min(known):.{digits}f}", f"{max(known):.{digits}f}"
    return low if low == high else f"{low} to {high}"


def _told(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _shortened(names: Sequence[str], most: int = 10) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
