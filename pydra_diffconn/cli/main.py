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
@click.option("-p", "choices", metavar="no:NAME", multiple=True, help="Leave a plugin out; may be given again.")
def main(verbose: bool, choices: tuple[str, ...]) -> None:
    """Functional-connectomics workflows, differentiable inside Pydra."""
    if not choices:
        return
    from pydra_diffconn.plugins import disable

    for choice in choices:
        if not choice.removeprefix("no:") or not choice.startswith("no:"):
            raise ValueError(f"-p {choice}: expected no:NAME, which leaves the plugin NAME out of this run")
    disable(choice.removeprefix("no:") for choice in choices)


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
    from pydra_diffconn.plugins import BUILT_IN, registry

    found = registry()
    for _, block in sorted(found.blocks.items()):
        parameters = [f"{p}{f' ({d.unit})' if d.unit else ''}" for p, d in block.declaration.parameters.items()]
        summary = (block.__doc__ or "").strip().splitlines()[0]
        owner = found.owners[block.declaration.id]
        origin = "" if owner.name == BUILT_IN else f" [{owner.title}]"
        click.echo(f"{block.declaration.id:38} {summary}{origin}")
        if parameters:
            click.echo(f"{'':38} learnable: {', '.join(parameters)}")


@blocks.command("docs")
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("names", nargs=-1)
@click.option("--parity", type=click.Path(path_type=Path), help="Table that `pytest --diffconn-parity` has written.")
def document_blocks(folder: Path, names: tuple[str, ...], parity: Path | None) -> None:
    """Write a page on each block, or on those of the given NAMES, made from its declaration, into FOLDER."""
    from pydra_diffconn import block_pages
    from pydra_diffconn.plugins import BUILT_IN, registry

    found = registry()
    origins = {name: owner.title for name, owner in found.owners.items() if owner.name != BUILT_IN}
    try:
        chosen = [found.find("diffconn_blocks", name, "pydra_diffconn.blocks") for name in names or found.blocks]
    except AttributeError as error:
        raise ValueError(str(error)) from None
    pages = block_pages.write_pages(chosen, folder, parity, origins)
    click.echo(f"{len(pages)} pages in {folder}")


@main.group()
def plugins() -> None:
    """Find, check and start plugins."""


@plugins.command("list")
def list_plugins() -> None:
    """List the plugins that are installed, and why one cannot be used."""
    from pydra_diffconn.plugins import registry

    for plugin in registry().plugins:
        adds = ", ".join(f"{len(values)} {hook.removeprefix('diffconn_')}" for hook, values in plugin.added.items())
        mark = click.style("ok", fg="green") if plugin.works else click.style("no", fg="red")
        click.echo(f"{mark}  {plugin.name:20} {plugin.title:28} {adds if plugin.works else plugin.problem}")


@plugins.command("check")
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path))
def check_plugin(path: Path) -> None:
    """Check the plugin in the folder PATH: its entry points, its hooks, the contract of each of its blocks."""
    from pydra_diffconn.plugin_tools import check

    failed = 0
    for item, ok, note in check(path):
        failed += not ok
        mark = click.style("ok", fg="green") if ok else click.style("no", fg="red")
        click.echo(f"{mark}  {item}{'' if ok else f': {note}'}")
    if failed:
        raise click.ClickException(f"{failed} items of {path} fail")


@plugins.command("new")
@click.argument("name")
@click.option("--into", type=click.Path(path_type=Path), default=Path(), help="Folder in which to write it.")
def new_plugin(name: str, into: Path) -> None:
    """Write a plugin distribution called NAME, with one block, its tests and its packaging."""
    from pydra_diffconn.plugin_tools import create

    folder = create(name, into)
    click.echo(f"{folder}\nnext: pip install -e {folder} && pytest {folder}")


@main.command()
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
def show(folder: Path) -> None:
    """Show the parameters that a fit has saved in FOLDER."""
    from pydra_diffconn.parameters import load_parameters

    for p in load_parameters(folder):
        click.echo(f"{p.name:32} {p.start} -> {p.value} {p.unit}  in {p.constraint}  [{p.block}@{p.block_version}]")


@main.command()
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
    from pydra_diffconn import comparing

    found = comparing.compare(a, b, rtol, atol, ignore)
    for one in found:
        if not (quiet and one.equal):
            click.echo(str(one))
    different = sum(not one.equal for one in found)
    if different:
        click.echo(f"{different} of {len(found)} differ (rtol {rtol:g}, atol {atol:g})", err=True)
        sys.exit(1)


if __name__ == "__main__":
    sys.exit(main())
