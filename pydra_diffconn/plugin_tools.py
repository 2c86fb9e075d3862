"""For authors of plugins: start a distribution, and check one before it is published."""

from __future__ import annotations

import importlib
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from pydra_diffconn.plugins import GROUP, Registry
from pydra_diffconn.testing import Case, examine

TEMPLATES = Path(__file__).parent / "templates" / "plugin"


def create(name: str, into: Path = Path()) -> Path:
    """Write a distribution with one block, whose tests pass as written; return its folder.

    Parameters
    ----------
    name : str
        What it is called, with or without `diffconn-` in front: letters, digits and hyphens.
    into : Path
        Folder in which to write it.

    Raises
    ------
    ValueError
        If the name is no name of a distribution, or the folder exists.
    """
    import jinja2

    short = name.removeprefix("diffconn-")
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", short):
        raise ValueError(f"{name!r} is no name for a plugin; use small letters, digits, hyphens: 'smoothing'")
    module = "diffconn_" + short.replace("-", "_")
    words = {
        "name": short.replace("-", "_"),
        "distribution": f"diffconn-{short}",
        "module": module,
        "block": "".join(part.capitalize() for part in short.split("-")),
    }
    folder = into / words["distribution"]
    if folder.exists():
        raise ValueError(f"{folder} exists; choose another name or remove it")
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), keep_trailing_newline=True)
    places = {"__init__.py": module, "blocks.py": module, "test_blocks.py": "tests"}
    for template in sorted(TEMPLATES.glob("*.jinja")):
        file = template.name.removesuffix(".jinja")
        path = folder / places.get(file, "") / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(environment.get_template(template.name).render(words))
    return folder


def check(folder: Path) -> Iterator[tuple[str, bool, str]]:
    """Yield (item, whether it holds, why not) for the plugin in a folder, installed or not."""
    project = folder / "pyproject.toml"
    yield "pyproject.toml", project.exists(), f"{project} does not exist"
    if not project.exists():
        return
    about = tomllib.loads(project.read_text()).get("project", {})
    entries = about.get("entry-points", {}).get(GROUP, {})
    yield "entry point", bool(entries), f"[project.entry-points.{GROUP}] names no module"
    yield "README", any(folder.glob("README*")), "say what it adds and how to install it"
    yield "tests", any(folder.rglob("test_*.py")), "write at least one that calls check_block"
    for name, target in entries.items():
        yield from _check_module(folder, name, target)


def _check_module(folder: Path, name: str, target: str) -> Iterator[tuple[str, bool, str]]:
    roots = [str(folder.resolve()), str((folder / "src").resolve())]
    sys.path[:0] = roots
    try:
        registry = Registry([(name, folder.name, "", lambda: importlib.import_module(target.partition(":")[0]))])
        (plugin,) = registry.plugins
        yield f"{name} loads", plugin.works, plugin.problem
        for block in plugin.added.get("diffconn_blocks", ()):
            for finding in examine(Case(block)):
                yield f"{block.__name__}: {finding.item}", finding.ok, finding.note
    finally:
        for root in roots:
            sys.path.remove(root)
