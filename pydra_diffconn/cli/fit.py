"""`diffconn fit`: learn a pipeline over a folder, and compare it with the best classical one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pydra_diffconn.cli.ending import stop_early
from pydra_diffconn.cli.options import ANY, FILE, FOLDER
from pydra_diffconn.cli.run import worker_of
from pydra_diffconn.cli.watching import Watch

EXAMPLE = """\
loss = "identifiability"      # or "prediction" (with target = "age"), or "qcfc"
groups = "participant_id"     # people of one group (family_id, site, ...) never straddle
strategy = "36P"
connectome = "partial"
folds = 5
validation = 0.2              # part of those learned from who say when to stop; 0 for nobody, with few people
steps = 100

[learn]                       # settings, each with the range in which it may lie
low_pass = [0.06, 0.2]
shrinkage = [0.01, 0.95]

[settings]                    # what stays fixed; see `diffconn run --help`
fd_threshold = 0.3

[classical]                   # the pipelines learning must beat: every combination
strategy = ["24P", "36P", "acompcor"]
connectome = ["pearson", "partial"]
low_pass = [0.08, 0.1, 0.15]
shrinkage = [0.1, 0.5]
"""


@click.command()
@click.argument("bids_deriv", type=FOLDER, required=False)
@click.argument("out", type=ANY, required=False)
@click.option("--config", type=FILE, help="TOML file: the data, what is learned, the loss, the classical pipelines.")
@click.option("--example", is_flag=True, help="Print a configuration to start from, and stop.")
@click.option("--atlas-dir", multiple=True, type=FOLDER, help="Folder of BIDS atlases; may be given again.")
@click.option("--nprocs", type=click.IntRange(min=1), help="Processes that read. [default: one for each core]")
@click.option("-w", "--work-dir", type=ANY, help="Pydra's cache. [default: OUT/work]")
@click.option("--worker", default=None, help="Pydra worker of the reading: cf, debug, slurm, dask, ... [default: cf]")
@click.option("--worker-option", multiple=True, metavar="NAME=VALUE", help="Setting of the worker; may be given again.")
def fit(bids_deriv: Path | None, out: Path | None, config: Path | None, example: bool, **options: Any) -> None:
    """Learn settings of a pipeline over the fMRIPrep derivatives BIDS_DERIV, and write them to OUT/fit.

    The learned values are compared with the best classical pipeline of the grid in the configuration, chosen on the
    same training people, on people that neither has seen. `diffconn run ... --parameters OUT/fit` applies them.
    """
    if example:
        click.echo(EXAMPLE, nl=False)
        return
    if bids_deriv is None or out is None or config is None:
        raise click.UsageError("give BIDS_DERIV, OUT and --config FILE (`diffconn fit --example` prints one)")
    from pydra_diffconn.bids.app import Request
    from pydra_diffconn.bids.fit_config import read_config
    from pydra_diffconn.bids.fitting import fit_folder
    from pydra_diffconn.bids.pages.fit_report import classical_of, write_fit

    asked = read_config(config)
    request = Request(
        root=bids_deriv,
        out=out,
        participants=asked.participant_label,
        sessions=asked.session_id,
        tasks=asked.task_id,
        spaces=asked.space,
        atlases=(asked.atlas,) if asked.atlas else (),
        atlas_folders=options["atlas_dir"],
        strategies=(asked.strategy,),
        given=asked.settings,
        work=options["work_dir"],
    )
    worker, settings = worker_of(request, {**options, "mem_gb": None})
    outcome = fit_folder(request, asked, worker, settings, Watch(request.cache))
    page = write_fit(outcome, asked, out / "fit")
    click.echo()
    click.echo(outcome.comparison.sentence)
    for one in outcome.result.learned:
        classical = classical_of(outcome, one.name)
        click.echo(
            f"{one.name:16s} start {float(one.start):.4g} -> learned {float(one.value):.4g} {one.unit}"
            f" (classical pipelines: {classical})"
        )
    for name, reason in outcome.data.left_out:
        click.echo(f"left out: {name}: {reason}", err=True)
    click.echo(f"report      {page}")
    click.echo(f"apply them  diffconn run {bids_deriv} OUT participant --parameters {out / 'fit'}")
    stop_early(outcome.result.stopped)
