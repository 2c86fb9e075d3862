"""`diffconn blocks`: what there is, and a page on each."""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def blocks() -> None:
    """Show the blocks."""


@blocks.command("list")
def list_blocks() -> None:
    """List all blocks with their learnable parameters."""
    from pydra_diffconn.plugins.registry import BUILT_IN, registry
    from pydra_diffconn.report.block_pages import sentence

    found = registry()
    for _, block in sorted(found.blocks.items()):
        parameters = [f"{p}{f' ({d.unit})' if d.unit else ''}" for p, d in block.declaration.parameters.items()]
        summary = sentence(block)
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
