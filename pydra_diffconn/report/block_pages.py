"""A page of documentation for each block, made from its declaration."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydra_diffconn.report import block_figures

FACTS = {"time": "mixes frames, the same for every location", "space": "mixes locations, the same for every frame"}


def write_pages(
    blocks: Iterable[Any], folder: Path, parity: Path | None = None, origins: Mapping[str, str] | None = None
) -> list[Path]:
    """Write `Name.md` for each block, with a picture where there is one, and `index.md`; return the pages' paths.

    Parameters
    ----------
    parity : path, optional
        The table that `pytest --diffconn-parity` writes; its rows go into the blocks' pages.
    origins : mapping, optional
        Where blocks of plugins come from: their ids to what to install.
    """
    (folder / "images").mkdir(parents=True, exist_ok=True)
    rows, origins = measured(parity), origins or {}
    places = {block: f"{block.__name__}.md" for block in sorted(blocks, key=lambda block: block.__name__)}
    for block, place in places.items():
        figure = block_figures.draw(block)
        image = f"images/{block.__name__}.png" if figure is not None else ""
        if image:
            block_figures.save(figure, folder / image)
        origin = origins.get(block.declaration.id, "")
        (folder / place).write_text(page(block, rows.get(block.__name__, []), image, origin), encoding="utf-8")
    (folder / "index.md").write_text("\n".join(["# Blocks", "", *table(places), ""]), encoding="utf-8")
    return [folder / place for place in ("index.md", *places.values())]


def table(places: Mapping[Any, str]) -> list[str]:
    """Return the Markdown of a table of blocks, given where their pages are."""
    lines = ["| block | purpose | can be learned |", "|---|---|---|"]
    for block, place in places.items():
        learnable = ", ".join(f"`{name}`" for name in block.declaration.parameters)
        lines.append(f"| [{block.__name__}]({place}) | {sentence(block)} | {learnable} |")
    return lines


def sentence(block: Any) -> str:
    """Return the first line of a block's docstring."""
    return (inspect.getdoc(block) or "").strip().partition("\n")[0]


def page(block: Any, measured: Sequence[str] = (), picture: str = "", origin: str = "", prose: str = "") -> str:
    """Return the Markdown of one block: purpose, inputs with shapes, parameters with units and ranges, facts.

    `measured` are rows of the parity table, without the block's name; `origin` is the distribution of a plugin; `prose`
    stands in the place of the docstring's.
    """
    declared = block.declaration
    described, helps = _documented(block)
    lines = [f"# {block.__name__}", "", prose or described, ""]
    lines += [f"![What {block.__name__} does]({picture})", ""] if picture else []
    lines += _inputs(declared, helps)
    lines += ["", "| output | shape |", "|---|---|"]
    lines += [f"| `{name}` | ({dims}) |" for name, dims in declared.outputs.items()]
    facts = [f"linear in `{declared.linear_in}`"] if declared.linear_in else []
    facts += [FACTS[declared.acts_along]] if declared.acts_along else []
    facts += ["computed while an image is read"] if declared.streamed else []
    lines += ["", f"Declared: {'; '.join(facts)}." if facts else "Declared: nothing that lets it be reordered."]
    if measured:
        lines += [
            "",
            "| compared with | error, float64 | error, float32 | error of the gradient |",
            "|---|---|---|---|",
        ]
        lines += [f"|{row}" for row in measured]
    source = f", from the plugin {origin}" if origin else ""
    return "\n".join([*lines, "", f"`{declared.id}`, version {declared.version}{source}."]) + "\n"


def _inputs(declared: Any, helps: Mapping[str, str]) -> list[str]:
    lines = ["| input | shape or range | unit | start | what |", "|---|---|---|---|---|"]
    for name, argument in declared.arguments.items():
        parameter = argument.parameter
        where = f"({argument.dims})" if argument.dims else argument.role
        if parameter is not None:
            where = f"{parameter.constraint.describe()}, learnable"
        default = "" if argument.default is inspect.Parameter.empty else f"`{argument.default!r}`"
        text = helps.get(name, "") or (parameter.help if parameter is not None else "")
        unit = parameter.unit if parameter is not None else ""
        lines.append(f"| `{name}` | {where} | {unit} | {default} | {text} |".replace("  ", " "))
    return lines


def measured(parity: Path | None) -> dict[str, list[str]]:
    """Return the rows of a parity table by block, without the block's name."""
    found: dict[str, list[str]] = {}
    if parity is not None and parity.exists():
        for line in parity.read_text(encoding="utf-8").splitlines():
            name, _, row = line.removeprefix("| ").partition(" |")
            if line.startswith("| ") and name != "block":
                found.setdefault(name, []).append(row)
    return found


def _documented(block: Any) -> tuple[str, dict[str, str]]:
    """Return the prose of a docstring, and what its section on parameters says of each."""
    prose, _, rest = (inspect.getdoc(block) or "").partition("\nParameters\n")
    helps: dict[str, str] = {}
    names: list[str] = []
    for line in rest.splitlines():
        if line and not line.startswith((" ", "-")):
            names = [name.strip() for name in line.partition(":")[0].split(",")]
        elif line.startswith(" ") and names:
            for name in names:
                helps[name] = f"{helps.get(name, '')} {line.strip()}".strip().replace("|", "\\|")
    return prose.strip(), helps
