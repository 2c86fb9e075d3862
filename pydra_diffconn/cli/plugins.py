"""`diffconn plugins`: who is installed, whether a plugin keeps the contract, a new one from a template."""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def plugins() -> None:
    """Find, check and start plugins."""


@plugins.command("list")
def list_plugins() -> None:
    """List the plugins that are installed, and why one cannot be used."""
    from pydra_diffconn.plugins.registry import registry

    for plugin in registry().plugins:
        adds = ", ".join(f"{len(values)} {hook.removeprefix('diffconn_')}" for hook, values in plugin.added.items())
        mark = click.style("ok", fg="green") if plugin.works else click.style("no", fg="red")
        click.echo(f"{mark}  {plugin.name:20} {plugin.title:28} {adds if plugin.works else plugin.problem}")


@plugins.command("check")
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path))
def check_plugin(path: Path) -> None:
    """Check the plugin in the folder PATH: its entry points, its hooks, the contract of each of its blocks."""
    from pydra_diffconn.plugins.authoring import check

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
    from pydra_diffconn.plugins.authoring import create

    folder = create(name, into)
    click.echo(f"{folder}\nnext: pip install -e {folder} && pytest {folder}")
