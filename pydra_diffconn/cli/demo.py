"""`diffconn demo`: the main job on data that ship with the package."""

from __future__ import annotations

from pathlib import Path

import click

from pydra_diffconn.cli.ending import stop_early


@click.command()
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), default=Path("demo"), show_default=True, help="Folder to write."
)
@click.option("--steps", default=30, show_default=True, type=click.IntRange(min=1), help="Gradient steps.")
@click.option("--worker", default="cf", show_default=True, help="Pydra worker of the classical runs.")
@click.option("-w", "--work-dir", type=click.Path(path_type=Path), help="Keep Pydra's cache here (several hundred MB).")
def demo(output: Path, steps: int, worker: str, work_dir: Path | None) -> None:
    """Learn on real data to recognise people across two sessions, and write a report."""
    from pydra_diffconn.demo import fingerprint as demonstration

    outcome = demonstration.run(output.resolve(), steps=steps, worker=worker, work=work_dir)
    before, after = outcome.classical, outcome.learned
    click.echo()
    click.echo(f"gap between self and others  {before.gap:.2f} -> {after.gap:.2f} s.d.  (people unseen in learning)")
    click.echo(f"recognised across sessions   {before.accuracy:.0%} -> {after.accuracy:.0%}")
    click.echo(f"parameters learned           {len(outcome.result.learned)}")
    click.echo(f"report      {outcome.report}")
    click.echo(f"parameters  {outcome.folder / 'fit' / 'parameters.json'}")
    click.echo(f"connectomes {outcome.folder / 'sub-*'}")
    if after.gap <= before.gap:
        click.echo("Learning did not improve the score on unseen people.", err=True)
    stop_early(outcome.result.stopped)
