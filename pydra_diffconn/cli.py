"""The command line, `diffconn`. Heavy imports live inside the commands, so that help answers at once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from pydra_diffconn import __version__


class Commands(click.Group):
    """Show a user's mistake as one line, not as a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (ValueError, FileNotFoundError) as error:
            if ctx.params.get("verbose"):
                raise
            raise click.ClickException(str(error)) from None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="diffconn")
@click.option("-v", "--verbose", is_flag=True, help="Show tracebacks.")
def main(verbose: bool) -> None:
    """Functional-connectomics workflows, differentiable inside Pydra."""


@main.command()
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), default=Path("demo"), show_default=True, help="Folder to write."
)
@click.option("--steps", default=30, show_default=True, type=click.IntRange(min=1), help="Gradient steps.")
@click.option("--worker", default="cf", show_default=True, help="Pydra worker of the classical runs.")
@click.option("-w", "--work-dir", type=click.Path(path_type=Path), help="Keep Pydra's cache here (several hundred MB).")
def demo(output: Path, steps: int, worker: str, work_dir: Path | None) -> None:
    """Learn on real data to recognise people across two sessions, and write a report."""
    from pydra_diffconn import demo as demonstration

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


@main.group()
def blocks() -> None:
    """Show the blocks."""


@blocks.command("list")
def list_blocks() -> None:
    """List all blocks with their learnable parameters."""
    from pydra_diffconn import blocks as all_blocks

    for name in all_blocks.__all__:
        block = getattr(all_blocks, name)
        parameters = [f"{p}{f' ({d.unit})' if d.unit else ''}" for p, d in block.declaration.parameters.items()]
        summary = (block.__doc__ or "").strip().splitlines()[0]
        click.echo(f"{block.declaration.id:38} {summary}")
        if parameters:
            click.echo(f"{'':38} learnable: {', '.join(parameters)}")


@main.command()
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
def show(folder: Path) -> None:
    """Show the parameters that a fit has saved in FOLDER."""
    from pydra_diffconn.parameters import load_parameters

    for p in load_parameters(folder):
        click.echo(f"{p.name:32} {p.start} -> {p.value} {p.unit}  in {p.constraint}  [{p.block}@{p.block_version}]")


if __name__ == "__main__":
    sys.exit(main())
