"""`diffconn show`: what a fit has learned."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
def show(path: Path) -> None:
    """Show the parameters that a fit has saved: PATH is its folder, or a file of parameters in it."""
    from pydra_diffconn.declare.learned import interval_of, load_parameters

    for p in load_parameters(path):
        click.echo(f"{p.name:32} {p.start} -> {p.value} {p.unit}  in {p.constraint}  [{p.block}@{p.block_version}]")
        if p.uncertainty is not None:
            click.echo(f"{'':32} {interval_of(p.uncertainty)}")
