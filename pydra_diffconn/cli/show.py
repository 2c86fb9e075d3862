"""`diffconn show`: a workflow as a tree."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
def show(folder: Path) -> None:
    """Show the parameters that a fit has saved in FOLDER."""
    from pydra_diffconn.declare.learned import load_parameters

    for p in load_parameters(folder):
        click.echo(f"{p.name:32} {p.start} -> {p.value} {p.unit}  in {p.constraint}  [{p.block}@{p.block_version}]")
