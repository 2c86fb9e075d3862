"""`diffconn compare`: whether two results are equal, and where they differ most."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.command()
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
@click.option("--rtol", default=1e-5, show_default=True, help="Relative tolerance.")
@click.option("--atol", default=1e-8, show_default=True, help="Absolute tolerance.")
@click.option("--ignore", multiple=True, help="Pattern of files to leave out; may be given again.")
@click.option("-q", "--quiet", is_flag=True, help="Show what differs, only.")
def compare(a: Path, b: Path, rtol: float, atol: float, ignore: tuple[str, ...], quiet: bool) -> None:
    """Tell whether A and B (images, tables, arrays or folders of them) are equal, and where they differ most.

    The exit code is 0 if they are and 1 if not.
    """
    from pydra_diffconn.files import comparing

    found = comparing.compare(a, b, rtol, atol, ignore)
    for one in found:
        if not (quiet and one.equal):
            click.echo(str(one))
    different = sum(not one.equal for one in found)
    if different:
        click.echo(f"{different} of {len(found)} differ (rtol {rtol:g}, atol {atol:g})", err=True)
        sys.exit(1)
