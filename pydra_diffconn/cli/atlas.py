"""`diffconn atlas`: which atlases there are, and what is missing of one."""

from __future__ import annotations

from pathlib import Path

import click

from pydra_diffconn.cli.options import FILE, FOLDER
from pydra_diffconn.cli.tables import print_table

COLOURS = {"ok": "green", "note": "yellow", "mend": "red"}
FOLDERS = click.option(
    "--folder", "folders", multiple=True, type=FOLDER, help="Folder of BIDS atlases; may be given again."
)


@click.group()
def atlas() -> None:
    """Atlases: which there are, and whether one can be used."""


@atlas.command("list")
@FOLDERS
def list_atlases(folders: tuple[Path, ...]) -> None:
    """List the atlases in folders, of installed packages, of plugins, and of TemplateFlow; none is fetched."""
    from pydra_diffconn.bids.atlas_files import in_folders, in_templateflow, packaged
    from pydra_diffconn.plugins.registry import registry

    found = [*in_folders(folders), *packaged(), *in_templateflow()]
    rows = {(one.name, one.kind, one.space or "", str(one.image)) for one in found}
    rows |= {(one.__name__, "nifti", "", "a function, fetched once") for one in registry().get("diffconn_atlases")}
    print_table(("name", "kind", "space", "where"), sorted(rows))


@atlas.command()
@click.argument("spec")
@click.option("--bold", type=FILE, help="A run that is to be parcellated.")
@click.option("--mask", type=FILE, help="The brain mask of that run.")
@click.option("--labels", type=FILE, help="The table of names, where it does not lie beside the image.")
@click.option("--min-coverage", type=click.FloatRange(0, 1), default=0.5, show_default=True, help="As of `run`.")
@FOLDERS
def check(
    spec: str, bold: Path | None, mask: Path | None, labels: Path | None, min_coverage: float, folders: tuple[Path, ...]
) -> None:
    """Tell what is there and what is missing of an atlas, SPEC: a name, the path of an image, or IMAGE:TABLE.

    The exit code is 1 if something must be mended. Several images may go by a name, of other spaces: each is looked at,
    or, with --bold, those that go with the run.
    """
    from dataclasses import replace

    from pydra_diffconn.bids.atlas import candidates
    from pydra_diffconn.bids.atlas_check import check as checked
    from pydra_diffconn.bids.atlas_check import check_run, of_run

    if mask is not None and bold is None:
        raise ValueError("--mask is that of a run; give the run as --bold, too")
    space, kind = (None, None) if bold is None else of_run(bold)
    found = candidates(spec, folders, space, kind)
    to_mend = 0
    for one in [one for one in found if one.suits(space, kind)] or found:
        known = one if labels is None else replace(one, table=labels.absolute())
        click.echo(str(known.image))
        findings = list(checked(known))
        if bold is not None and not any(state == "mend" for state, _ in findings):
            findings += check_run(known, bold, mask, min_coverage)
        for state, told in findings:
            to_mend += state == "mend"
            click.echo(f"  {click.style(f'{state:4}', fg=COLOURS[state])}  {' '.join(told.split())}")
    if to_mend:
        raise click.ClickException(f"{to_mend} of these must be mended first")
