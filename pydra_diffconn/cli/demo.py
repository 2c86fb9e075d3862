"""`diffconn demo`: the main job on data that ship with the package, and a folder to try the folder way."""

from __future__ import annotations

from pathlib import Path

import click

from pydra_diffconn.cli.ending import stop_early


@click.command()
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), default=Path("demo"), show_default=True, help="Folder to write."
)
@click.option("--steps", default=60, show_default=True, type=click.IntRange(min=1), help="Gradient steps.")
@click.option("--worker", default="cf", show_default=True, help="Pydra worker of the classical runs.")
@click.option("-w", "--work-dir", type=click.Path(path_type=Path), help="Keep Pydra's cache here (several hundred MB).")
@click.option("--bids", type=click.Path(path_type=Path), help="Write a simulated fMRIPrep folder here, and stop.")
@click.option("--people", default=4, show_default=True, type=click.IntRange(min=1), help="In the simulated folder.")
@click.option("--frames", default=200, show_default=True, type=click.IntRange(min=60), help="Of each simulated run.")
@click.option("--faults", is_flag=True, help="Add people to the simulated folder whose files are faulty.")
def demo(
    output: Path,
    steps: int,
    worker: str,
    work_dir: Path | None,
    bids: Path | None,
    people: int,
    frames: int,
    faults: bool,
) -> None:
    """Learn on real data to recognise people across two sessions, and write a report.

    With --bids DIR, write a small fMRIPrep folder instead, simulated, for `diffconn run` and `diffconn fit`.
    """
    if bids is not None:
        _write_folder(bids, people, frames, faults)
        return
    from pydra_diffconn.demo import fingerprint as demonstration
    from pydra_diffconn.demo import fingerprint_report as demonstration_report

    outcome = demonstration.run(output.resolve(), steps=steps, worker=worker, work=work_dir)
    click.echo()
    for one in outcome.comparison.compared:
        shown = {name: f"{value:.3g}" for name, value in one.values.items()}
        told = ", ".join(f"{name} {value}" for name, value in shown.items())
        click.echo(f"{one.score.name}: {told}")
    for sentence in demonstration_report.sentences(outcome.comparison):
        click.echo(sentence)
    click.echo(f"report      {outcome.report}")
    click.echo(f"parameters  {outcome.folder / 'fit' / 'parameters.json'}")
    click.echo(f"connectomes {outcome.folder / 'sub-*'}")
    stop_early(outcome.result.stopped)


def _write_folder(folder: Path, people: int, frames: int, faults: bool) -> None:
    from pydra_diffconn.demo.folder import FAULTS, write_folder

    write_folder(folder, people, frames, faults=faults, progress=True)
    click.echo(f"{people} simulated people, 2 sessions each, in {folder}; what is hidden in them: {folder / 'truth'}")
    if faults:
        click.echo(f"with faults: {'; '.join(f'sub-{name}: {what}' for name, what in FAULTS.items())}")
    click.echo(f"next        diffconn run {folder} connectomes participant --dry-run")
