"""For authors of plugins: start a distribution, and check one before it is published."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import keyword
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydra_diffconn.plugins import stubs
from pydra_diffconn.plugins.hooks import GROUP
from pydra_diffconn.plugins.registry import BUILT_IN, Registry, built_in, registry
from pydra_diffconn.testing.cases import Case
from pydra_diffconn.testing.contract import examine

TEMPLATES = Path(__file__).parent / "templates"


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
        If the name is no name of a distribution, its block would have the name of another, or the folder exists.
    """
    import jinja2

    short = name.removeprefix("diffconn-")
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", short):
        raise ValueError(f"{name!r} is no name for a plugin; use small letters, digits, hyphens: 'smoothing'")
    block = "".join(part.capitalize() for part in short.split("-"))
    if keyword.iskeyword(block) or block in registry().blocks:
        raise ValueError(f"the block of a plugin {name!r} would be called {block}, which is taken; choose another name")
    module = "diffconn_" + short.replace("-", "_")
    words = {
        "name": short.replace("-", "_"),
        "distribution": f"diffconn-{short}",
        "module": module,
        "block": block,
    }
    folder = into / words["distribution"]
    if folder.exists():
        raise ValueError(f"{folder} exists; choose another name or remove it")
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), keep_trailing_newline=True)
    places = {
        "__init__.py": module,
        "blocks.py": module,
        "blocks.pyi": module,
        "py.typed": module,
        "test_blocks.py": "tests",
    }
    for template in sorted(TEMPLATES.glob("*.jinja")):
        file = template.name.removesuffix(".jinja")
        path = folder / places.get(file, "") / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(environment.get_template(template.name).render(words), encoding="utf-8")
    return folder


def check(folder: Path) -> Iterator[tuple[str, bool, str]]:
    """Yield (item, whether it holds, why not) for the plugin in a folder, installed or not.

    Each of its blocks is examined in the `CASES` that its tests list for it; without any, on data that are drawn.
    """
    project = folder / "pyproject.toml"
    yield "pyproject.toml", project.exists(), f"{project} does not exist"
    if not project.exists():
        return
    entries = entries_of(project)
    yield "entry point", bool(entries), f"[project.entry-points.{GROUP}] names no module"
    yield "README", any(folder.glob("README*")), "say what it adds and how to install it"
    yield "tests", any(folder.rglob("test_*.py")), "write at least one that calls check_block"
    for name, target in entries.items():
        yield from _check_module(folder, name, target)


def entries_of(project: Path) -> dict[str, str]:
    """Return the modules that the packaging of a plugin names, by the names of their entry points.

    Raises
    ------
    ValueError
        If it is no TOML, or what stands there names no modules.
    """
    try:
        entries: Any = tomllib.loads(project.read_text(encoding="utf-8"))
    except ValueError as error:  # also bytes that are no text
        raise ValueError(f"{project} is no TOML ({error}); expected the packaging of a plugin") from None
    where = ("project", "entry-points", GROUP)
    for depth, key in enumerate(where, start=1):
        entries = entries.get(key, {})
        if not isinstance(entries, dict):
            raise ValueError(f"{project}: {'.'.join(where[:depth])} is {entries!r}; expected a table")
    if wrong := [name for name, module in entries.items() if not isinstance(module, str)]:
        raise ValueError(f"{project}: {'.'.join(where)}.{wrong[0]} is {entries[wrong[0]]!r}; expected a module's name")
    return entries


def _check_module(folder: Path, name: str, target: str) -> Iterator[tuple[str, bool, str]]:
    roots = [str((folder / part).resolve()) for part in (".", "src", "tests")]
    sys.path[:0] = roots
    try:
        mine = (name, folder.name, "", importlib.metadata.EntryPoint(name, target, GROUP).load)
        # beside the built-ins, since a name that is theirs is refused once the plugin is installed
        *_, plugin = Registry([(BUILT_IN, "pydra-diffconn", "", built_in), mine]).plugins
        yield f"{name} loads", plugin.works, plugin.problem
        blocks = plugin.added.get("diffconn_blocks", ())
        for one in stubs.stubbed(blocks):
            told = f"they are not those of its blocks; run: python -m {stubs.__name__} {one.__name__}"
            yield f"types of {one.__name__}", stubs.path_of(one).read_text(encoding="utf-8") == stubs.stub(one), told
        cases: list[Case] = []
        for path in sorted(folder.rglob("test_*.py")) if blocks else ():
            try:
                cases += _cases(path)
            except Exception as error:  # whatever a stranger's test does when it is imported
                yield f"cases of {path.name}", False, f"{type(error).__name__}: {error}"
        for block in blocks:
            for case in [case for case in cases if case.block is block] or [Case(block)]:
                title = f"{block.__name__}{f' ({case.source})' if case.source else ''}"
                for finding in examine(case):
                    yield f"{title}: {finding.item}", finding.ok, finding.note
    finally:
        for root in roots:
            sys.path.remove(root)


def _cases(path: Path) -> list[Case]:
    """Return the cases that a test module lists: they know which arguments a block needs."""
    if "CASES" not in path.read_text(encoding="utf-8"):
        return []
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [case for case in getattr(module, "CASES", ()) if isinstance(case, Case)]
