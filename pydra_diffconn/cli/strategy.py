"""`diffconn strategy`: which confound strategies there are, and what one makes of a table."""

from __future__ import annotations

from pathlib import Path

import click

from pydra_diffconn.cli.options import FILE


@click.group()
def strategy() -> None:
    """Confound strategies: which regressors a run is denoised with."""


@strategy.command("list")
def list_strategies() -> None:
    """List the strategies that come with the package."""
    from pydra_diffconn.confound_models import strategies

    for name in strategies.names():
        click.echo(f"{name:20s} {strategies.strategy(name).description}")


@strategy.command()
@click.argument("name")
@click.option("--confounds", type=FILE, help="fMRIPrep's table of a run, of which the strategy's columns are shown.")
@click.option("--bold", type=FILE, help="The run, for strategies whose columns nilearn selects.")
def show(name: str, confounds: Path | None, bold: Path | None) -> None:
    """Show what a strategy is, by its NAME or file; with a table of confounds also its columns."""
    from pydra_diffconn.bids.design import design_of
    from pydra_diffconn.confound_models import strategies

    found = strategies.strategy(name)
    click.echo(found.description)
    told = {
        "model": found.model,
        "components": found.components,
        **{f"nilearn {k}": v for k, v in found.nilearn.items()},
    }
    told |= {"image": found.bold if found.bold != "preproc" else "", **found.processing}
    for key, value in told.items():
        if value not in ("", None):
            click.echo(f"  {key:22s} {value}")
    if confounds is None and bold is None:
        return
    if found.nilearn and bold is None:
        raise ValueError(f"the columns of {found.name} are selected by nilearn, by the run's name; give --bold")
    if not found.nilearn and confounds is None:
        raise ValueError("give --confounds, the run's table")
    table = confounds or bold
    assert table is not None
    beside = table.with_suffix(".json")
    columns = list(design_of(found, table, beside if beside.is_file() else None, bold or table))
    click.echo(f"{len(columns)} columns: {', '.join(columns)}")
