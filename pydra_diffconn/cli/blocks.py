"""`diffconn blocks`: what there is, and a page on each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


@click.group()
def blocks() -> None:
    """Show the blocks."""


@blocks.command("list")
def list_blocks() -> None:
    """List all blocks with their learnable parameters."""
    from pydra_diffconn.plugins.registry import registry

    found = registry()
    for name, block in sorted(found.blocks.items()):
        try:
            lines = _lines(block, found.owners[block.declaration.id])
        except Exception as error:  # whatever is wrong with a stranger's block stops nobody else
            lines = [f"{name:38} cannot be shown ({type(error).__name__}: {error})"]
        click.echo("\n".join(lines))


def _lines(block: Any, owner: Any) -> list[str]:
    from pydra_diffconn.plugins.registry import BUILT_IN
    from pydra_diffconn.report.block_pages import sentence

    parameters = [f"{p}{f' ({d.unit})' if d.unit else ''}" for p, d in block.declaration.parameters.items()]
    origin = "" if owner.name == BUILT_IN else f" [{owner.title}]"
    lines = [f"{block.declaration.id:38} {sentence(block)}{origin}"]
    return lines + ([f"{'':38} learnable: {', '.join(parameters)}"] if parameters else [])


@blocks.command("docs")
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("names", nargs=-1)
@click.option("--parity", type=click.Path(path_type=Path), help="Table that `pytest --diffconn-parity` has written.")
def document_blocks(folder: Path, names: tuple[str, ...], parity: Path | None) -> None:
    """Write a page on each block, or on those of the given NAMES, made from its declaration, into FOLDER."""
    from pydra_diffconn.plugins.registry import BUILT_IN, registry
    from pydra_diffconn.report import block_pages

    found = registry()
    origins = {name: owner.title for name, owner in found.owners.items() if owner.name != BUILT_IN}
    try:
        chosen = [found.find("diffconn_blocks", name, "pydra_diffconn.blocks") for name in names or found.blocks]
    except AttributeError as error:
        raise ValueError(str(error)) from None
    pages = block_pages.write_pages(chosen, folder, parity, origins)
    click.echo(f"{len(pages)} pages in {folder}")
