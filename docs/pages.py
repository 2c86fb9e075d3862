"""A page on each block, made while mkdocs builds the documentation (mkdocs-gen-files).

The prose is the block's docstring, rendered by mkdocstrings; tables and pictures are made from its declaration.
"""

import sys
from pathlib import Path
from typing import Any

import mkdocs_gen_files

from pydra_diffconn import blocks
from pydra_diffconn.report import block_figures, block_pages

MEASURED = block_pages.measured(Path(__file__).with_name("parity.md"))


def write(block: Any, folder: str) -> str:
    """Write a block's page, and its picture where there is one, into a folder of `blocks/`; return its place there."""
    name, place = block.__name__, f"{folder}{block.__name__}.md"
    figure = block_figures.draw(block)
    if figure is not None:
        with mkdocs_gen_files.open(f"blocks/{folder}{name}.png", "wb") as file:
            block_figures.save(figure, file)
    with mkdocs_gen_files.open(f"blocks/{place}", "w") as file:
        picture = f"{name}.png" if figure is not None else ""
        prose = f"::: {block.__module__}.{name}"
        file.write(block_pages.page(block, MEASURED.get(name, []), picture, prose=prose))
    return place


domains: dict[str, list[Any]] = {}
for block in (getattr(blocks, name) for name in blocks.__all__):
    domains.setdefault(block.__module__.rpartition(".")[0], []).append(block)
nav, index = mkdocs_gen_files.Nav(), ["# Blocks\n"]
for package, found in sorted(domains.items()):
    domain = package.removeprefix(blocks.__name__).removeprefix(".")
    places = {block: write(block, f"{domain}/" if domain else "") for block in found}
    for block, place in places.items():
        nav[(domain.capitalize(), block.__name__) if domain else block.__name__] = place
    about = sys.modules[package].__doc__ if domain else ""
    index += [f"## {domain.capitalize() or 'Any'}\n", f"{about}\n", *block_pages.table(places), ""]

with mkdocs_gen_files.open("blocks/index.md", "w") as file:
    file.write("\n".join(index))
with mkdocs_gen_files.open("blocks/SUMMARY.md", "w") as file:
    file.writelines(["* [All](index.md)\n", *nav.build_literate_nav()])
