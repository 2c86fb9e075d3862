"""Pages that list what there is, made while mkdocs builds the documentation: strategies, commands, decisions."""

import inspect
from pathlib import Path
from typing import Any

import click
import mkdocs_gen_files

from pydra_diffconn import strategies as workflows
from pydra_diffconn.cli.main import main
from pydra_diffconn.confound_models import strategies

DECISIONS = Path(__file__).with_name("decisions")


def escaped(text: str) -> str:
    """Return a text as it may stand in a cell of a table."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def settings(found: strategies.Strategy) -> str:
    """Return what else than a formula makes a strategy."""
    parts = {f"nilearn {name}": value for name, value in found.nilearn.items()} | dict(found.processing)
    if found.components:
        parts["components"] = found.components
    if found.bold != "preproc":
        parts["image"] = found.bold
    return "; ".join(f"{name} = `{value}`" for name, value in parts.items())


def strategy_page() -> list[str]:
    """Return the page of all confound strategies."""
    lines = [
        "# Strategies",
        "",
        "What a run is denoised with, by name: `diffconn run ... -p 36P`. A strategy is a small file; "
        "[your own](folder.md#what-is-done) is one, too. Formulas are explained [here](files.md#files-and-confounds).",
        "",
        "| name | what | formula | settings |",
        "|---|---|---|---|",
    ]
    for name in strategies.names():
        found = strategies.strategy(name)
        model = f"`{found.model}`" if found.model else ""
        cells = (f"`{name}`", escaped(found.description), escaped(model), escaped(settings(found)))
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "## As workflows", "", "`from pydra_diffconn import strategies`, or `workflows/` of the sources.", ""]
    for name in workflows.__all__:
        found = getattr(workflows, name)
        if isinstance(found, type):
            lines.append(f"- `strategies.{name}`: {(found.__doc__ or '').strip().partition(chr(10))[0]}")
    return lines


def option_row(option: Any) -> str:
    """Return the row of an option in a command's table."""
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    shown = option.default is not None and not option.is_flag and not callable(option.default)
    default = f"`{option.default}`" if shown and str(option.default) not in ("()", "Sentinel.UNSET") else ""
    return f"| {names} | {escaped(option.help or '')} | {escaped(default)} |"


def command_lines(command: click.Command, path: str, level: int) -> list[str]:
    """Return what a command does, its arguments and options, and those of the commands in it."""
    arguments = [p.make_metavar(click.Context(command)) for p in command.params if isinstance(p, click.Argument)]
    options = [p for p in command.params if isinstance(p, click.Option) and not p.hidden]
    called, prose = " ".join([path, *arguments]), inspect.cleandoc(command.help or "")
    lines = [f"{'#' * level} {path}", "", f"`{called}`", "", prose, ""]
    if options:
        lines += ["| option | what | default |", "|---|---|---|", *map(option_row, options), ""]
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            lines += command_lines(inner, f"{path} {name}", min(level + 1, 4))
    return lines


def decision_pages() -> tuple[list[str], list[str]]:
    """Return the page of all decisions, and its part of the navigation."""
    index = ["# Decisions", "", "What surprises a reader, and was chosen for a reason that the code cannot tell.", ""]
    nav = ["* [All](index.md)\n"]
    for page in sorted(DECISIONS.glob("[0-9]*.md")):
        title = page.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ").lstrip("0123456789. ")
        index.append(f"- [{title}]({page.name})")
        nav.append(f"* [{title}]({page.name})\n")
    return index, nav


def write(place: str, lines: list[str]) -> None:
    """Write a page of the site."""
    with mkdocs_gen_files.open(place, "w") as file:
        file.write("\n".join(lines) + "\n")


write("strategies.md", strategy_page())
write("commands.md", ["# Commands", "", *command_lines(main, "diffconn", 2)])
listed, navigation = decision_pages()
write("decisions/index.md", listed)
with mkdocs_gen_files.open("decisions/SUMMARY.md", "w") as summary:
    summary.writelines(navigation)
