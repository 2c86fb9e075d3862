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
    folder.mkdir(parents=True, exist_ok=True)
    measured, origins = _measured(parity), origins or {}
    made, lines = [], ["# Blocks", "", "| block | purpose | can be learned |", "|---|---|---|"]
    for block in sorted(blocks, key=lambda block: block.__name__):
        path = folder / f"{block.__name__}.md"
        picture = folder / "images" / f"{block.__name__}.png"
        drawn = block_figures.draw(block, picture)
        origin = origins.get(block.declaration.id, "")
        image = f"images/{picture.name}" if drawn else ""
        path.write_text(page(block, measured.get(block.__name__, []), image, origin))
        made.append(path)
        learnable = ", ".join(f"`{name}`" for name in block.declaration.parameters)
        lines.append(f"| [{block.__name__}]({path.name}) | {sentence(block)} | {learnable} |")
    index = folder / "index.md"
    index.write_text("\n".join(lines) + "\n")
    return [index, *made]


def sentence(block: Any) -> str:
    """Return the first line of a block's docstring."""
    return (inspect.getdoc(block) or "").strip().partition("\n")[0]


def page(block: Any, measured: Sequence[str] = (), picture: str = "", origin: str = "") -> str:
    """Return the Markdown of one block: purpose, inputs with shapes, parameters with units and ranges, facts.

    `measured` are rows of the parity table, without the block's name; `origin` is the distribution of a plugin.
    """
    declared = block.declaration
    described, helps = _documented(block)
    lines = [
        f"# {block.__name__}",
        "",
        described,
        "",
        *([f"![What {block.__name__} does]({picture})", ""] if picture else []),
        "| input | shape or range | unit | start | what |",
        "|---|---|---|---|---|",
    ]
    for name, argument in declared.arguments.items():
        parameter = argument.parameter
        where = f"({argument.dims})" if argument.dims else argument.role
        if parameter is not None:
            where = f"{parameter.constraint.describe()}, learnable"
        default = "" if argument.default is inspect.Parameter.empty else f"`{argument.default!r}`"
        text = helps.get(name, "") or (parameter.help if parameter is not None else "")
        unit = parameter.unit if parameter is not None else ""
        lines.append(f"| `{name}` | {where} | {unit} | {default} | {text} |".replace("  ", " "))
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


def _measured(parity: Path | None) -> dict[str, list[str]]:
    """Return the rows of a parity table by block, without the block's name."""
    found: dict[str, list[str]] = {}
    if parity is not None and parity.exists():
        for line in parity.read_text().splitlines():
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
