"""`diffconn run`: from a folder of fMRIPrep derivatives to connectomes and reports, as a BIDS App."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from pydra_diffconn.cli.ending import BAD_INPUT, Stop
from pydra_diffconn.cli.options import ANY, FILE, FOLDER, processing_options, selection_options
from pydra_diffconn.cli.watching import Watch

FAILED = 1


@click.command()
@click.argument("bids_deriv", type=FOLDER)
@click.argument("out", type=ANY)
@click.argument("level", type=click.Choice(["participant", "group"]))
@selection_options
@processing_options
@click.option("--parameters", type=FILE, help="What `diffconn fit` learned, applied like any strategy.")
@click.option(
    "--config-file",
    type=FILE,
    help="TOML file with these options, by their long names; the command line goes before it.",
)
@click.option("--nprocs", type=click.IntRange(min=1), help="Processes. [default: one for each core]")
@click.option("--mem-gb", type=click.FloatRange(min=0, min_open=True), help="Memory for all processes together.")
@click.option(
    "-w",
    "--work-dir",
    type=ANY,
    help="Pydra's cache, with which a run goes on where it was stopped. [default: OUT/work]",
)
@click.option("--worker", default=None, help="Pydra worker: cf, debug, slurm, dask, ... [default: cf]")
@click.option("--worker-option", multiple=True, metavar="NAME=VALUE", help="Setting of the worker; may be given again.")
@click.option("--dry-run", is_flag=True, help="Show what would be done with each run, and stop.")
@click.pass_context
def run(context: click.Context, /, bids_deriv: Path, out: Path, level: str, **options: Any) -> None:
    """Go from the fMRIPrep derivatives BIDS_DERIV to connectomes and reports in OUT.

    The level `participant` processes every run and writes a page for each person; `group` reads what lies in OUT and
    compares people. What went wrong with which run stands in OUT/status.tsv; the exit code is 0 only if every run is
    done, 1 if some are not.
    """
    options = with_config(context, options)
    if level == "group":
        group(out, options)
        return
    request = request_of(bids_deriv, out, options)
    if options["dry_run"]:
        dry_run(request)
        return
    from pydra_diffconn.bids import app
    from pydra_diffconn.bids.pages.subject import write_subject

    worker, settings = worker_of(request, options)
    rows = app.participant(request, worker, settings, Watch(request.cache))
    for person in sorted({row["participant_id"] for row in rows}):
        write_subject(out, person)
    tell(rows, out)


def with_config(context: click.Context, options: dict[str, Any]) -> dict[str, Any]:
    """Return the options, those of a configuration file where the command line has none."""
    path = options.pop("config_file")
    if path is None:
        return options
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no TOML: {error}") from None
    long = {
        max(one.opts, key=len).removeprefix("--"): one
        for one in context.command.params
        if one.param_type_name == "option"
    }
    for name, value in found.items():
        option = long.get(name.replace("_", "-"))
        if option is None or option.name is None:
            import difflib

            near = ", ".join(difflib.get_close_matches(name.replace("_", "-"), long)) or ", ".join(sorted(long))
            raise ValueError(f"{path}: there is no option {name!r} (the nearest are {near})")
        source = context.get_parameter_source(option.name)
        if source is not None and source.name == "COMMANDLINE":
            continue
        values = value if isinstance(value, list) else [value]
        taken = tuple(option.type.convert(one, option, context) for one in values)
        options[option.name] = taken if option.multiple else taken[0]
    return options


def request_of(bids_deriv: Path, out: Path, options: dict[str, Any]) -> Any:
    """Return what is asked for, from the options of the command line."""
    import dataclasses

    from pydra_diffconn.bids.app import DEFAULT_STRATEGY, Request
    from pydra_diffconn.bids.settings import Settings

    names = {one.name for one in dataclasses.fields(Settings)}
    given = {name: value for name, value in options.items() if name in names and value not in (None, ())}
    if isinstance(given.get("dummy_scans"), str) and given["dummy_scans"].isdigit():
        given["dummy_scans"] = int(given["dummy_scans"])
    if isinstance(given.get("head_radius"), str) and given["head_radius"] != "auto":
        given["head_radius"] = _number(given["head_radius"])
    return Request(
        root=bids_deriv,
        out=out,
        participants=options["participant_label"],
        sessions=options["session_id"],
        tasks=options["task_id"],
        spaces=options["space"],
        atlases=options["atlases"],
        atlas_folders=options["atlas_dir"],
        strategies=options["nuisance_regressors"] or (DEFAULT_STRATEGY,),
        given=given,
        parameters=options.get("parameters"),
        work=options.get("work_dir"),
    )


def _number(text: str) -> float | str:
    """Return the number that a text is, or the text, which the settings refuse."""
    try:
        return float(text)
    except ValueError:
        return text


def worker_of(request: Any, options: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the worker and its settings: as many processes as are asked for and fit into the memory."""
    import os

    worker = options["worker"] or "cf"
    settings: dict[str, Any] = {}
    for one in options["worker_option"]:
        name, sign, value = one.partition("=")
        if not sign:
            raise ValueError(f"--worker-option {one}: expected NAME=VALUE")
        settings[name] = int(value) if value.isdigit() else value
    if worker != "cf":
        return worker, settings
    count = options["nprocs"] or os.cpu_count() or 1
    if options["mem_gb"]:
        from pydra_diffconn.bids.app import plan
        from pydra_diffconn.bids.dry_run import memory_of

        needed = max(_or_zero(memory_of, job) for job in plan(request).jobs)
        count = max(1, min(count, int(1000 * options["mem_gb"] // max(needed, 1))))
    return worker, {"n_procs": count, **settings}


def _or_zero(measure: Callable[[Any], float], job: Any) -> float:
    try:
        return measure(job)
    except (ValueError, OSError, EOFError):  # an image that cannot be opened: its own line says so
        return 0.0


def dry_run(request: Any) -> None:
    """Print what would be done with each run."""
    from pydra_diffconn.bids import app, dry_run
    from pydra_diffconn.cli.tables import print_table

    planned = app.plan(request)
    for note in planned.notes:
        click.echo(f"an atlas is not used: {note}", err=True)
    lines = list(dry_run.foreseen(planned))
    head = ["run", "strategy", "TR s", "frames", "minutes kept", "regressors", "needs", "what"]
    rows = [
        [
            line["source"], line["strategy"], _shown(line.get("tr")), _shown(line.get("frames")),
            _shown(line.get("minutes_kept")), _shown(line.get("regressors")),
            f"{line['disk_mb']:.1f} MB, {line['time_s']:.0f} s" if "disk_mb" in line else "",
            line["status"] + (f": {line['reason']}" if line.get("reason") else ""),
        ]
        for line in lines
    ]  # fmt: skip
    print_table(head, rows)
    total = dry_run.totals(lines)
    click.echo(
        f"{total['runs']} of {len(lines)} runs would be processed: about {total['disk_mb']:.0f} MB on disk, "
        f"{total['time_s'] / 60:.1f} minutes in one process of {total['memory_mb'] / 1000:.1f} GB. Nothing was written."
    )


def _shown(value: Any) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def tell(rows: list[dict[str, Any]], out: Path) -> None:
    """Say how it went; the exit code is not 0 if a run failed or was left out."""
    counts = {status: sum(row["status"] == status for row in rows) for status in ("done", "skipped", "failed")}
    for row in rows:
        if row["status"] != "done" or row.get("reason"):  # the reason of one that is done is what was noted of it
            click.echo(f"{row['status']}: {row['source']} ({row['strategy']}): {row['reason']}", err=True)
    click.echo(
        f"{counts['done']} done, {counts['skipped']} skipped, {counts['failed']} failed; see {out / 'status.tsv'}"
    )
    click.echo(f"reports     {out / 'sub-*.html'}")
    if counts["done"] < len(rows):
        raise Stop(f"{len(rows) - counts['done']} of {len(rows)} runs are not done", FAILED)


def group(out: Path, options: dict[str, Any]) -> None:
    """Compare people, from what lies in the output folder."""
    if not (out / "status.tsv").is_file():
        raise Stop(f"{out} holds no status.tsv; run the level `participant` into it first", BAD_INPUT)
    from pydra_diffconn.bids.pages.group import write_group

    click.echo(f"report      {write_group(out, tangent='tangent' in options['connectomes'])}")
