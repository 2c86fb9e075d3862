"""Every fence of the documentation runs as it stands, and every example in a docstring.

A fence marked `py` goes on from the one before; one that cannot run here says so in its title and is in `NOT_RUN`.
"""

import doctest
import importlib
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]  # the README's Python has a test of its own
FENCE = re.compile(r"^```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.S | re.M)
NOT_RUN = {  # they install, download, need minutes or a container; or show what is written
    "README.md": ["python3 -m venv", "python3 -m venv"],
    "CONTRIBUTING.md": ["python3 -m venv", "uv venv"],
    "folder.md": ["pip install", "connectomes/", "docker build"],
    "large-studies.md": ["diffconn run STUDY"],
}
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in (ROOT / "pydra_diffconn").rglob("*.py")
    if re.search(r"^\s*>>> ", path.read_text(encoding="utf-8"), re.M)
)


def fences(page: Path) -> list[tuple[str, str, str]]:
    """Return the language, the title and the code of each."""
    return FENCE.findall(page.read_text(encoding="utf-8"))


def left_out(language: str, title: str) -> bool:
    return language == "text" or title == "not run here"


examples = runpy.run_path(str(ROOT / "docs" / "pictures.py"))["examples"]
"""A page's Python, each example with the fences that go on from it: what its pictures are made by."""


def private(folder: Path) -> dict[str, str]:
    """Return an environment with a cache of its own, where no earlier result hides a failure, and our commands."""
    commands = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "XDG_CACHE_HOME": str(folder / "cache"), "PATH": commands}


def run(command: list[str], folder: Path) -> None:
    settings = {"cwd": folder, "env": private(folder), "capture_output": True, "text": True, "timeout": 300}
    done = subprocess.run(command, **settings)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


FOUND = [(page, n) for page in PAGES[1:] for n in range(len(examples(page)))]
COMMANDS = {page: [code for kind, title, code in fences(page) if kind == "sh" and not title] for page in PAGES}
SHELLS = [  # a page all of whose commands stand on another one is run there
    page
    for page, codes in COMMANDS.items()
    if codes and not any(set(codes) < set(others) for others in COMMANDS.values())
]
TABLES = {title: code for page in PAGES for language, title, code in fences(page) if language == "toml"}


@pytest.mark.slow
@pytest.mark.parametrize(("page", "number"), FOUND, ids=[f"{page.name}-{number}" for page, number in FOUND])
def test_an_example_runs_when_pasted_and_draws_what_the_page_shows(page, number, tmp_path):
    code = examples(page)[number]
    (tmp_path / "pasted.py").write_text(code, encoding="utf-8")
    run([sys.executable, "pasted.py"], tmp_path)
    for name in re.findall(r"savefig\(\"([^\"]+)\"", code):
        assert (tmp_path / name).stat().st_size > 2000
        assert f"](images/{name})" in page.read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("page", SHELLS, ids=lambda page: page.name)
def test_the_commands_of_a_page_run_in_their_order(page, tmp_path):
    lines = [line for code in COMMANDS[page] for line in code.splitlines() if line.strip()]
    assert all(line.startswith("diffconn ") for line in lines)
    for name, text in TABLES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    run(["bash", "-e", "-c", "\n".join(lines)], tmp_path)


def test_the_strategy_of_a_page_is_one(tmp_path):
    from pydra_diffconn.confound_models.strategies import strategy

    (tmp_path / "mine.toml").write_text(TABLES["mine.toml"], encoding="utf-8")
    assert strategy(tmp_path / "mine.toml").model


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_is_not_run_is_known_and_every_fence_is_of_a_kind_that_runs(page):
    found, known = fences(page), NOT_RUN.get(page.name, [])
    hidden = [code for language, title, code in found if left_out(language, title)]
    assert len(hidden) == len(known) and all(map(str.startswith, hidden, known))
    assert len(re.findall(r"^```", page.read_text(encoding="utf-8"), re.M)) == 2 * len(found)
    assert {language for language, _, _ in found} <= {"python", "py", "sh", "toml", "text"}


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_docstrings_give_what_they_show(name):
    failed, tried = doctest.testmod(importlib.import_module(name))
    assert tried and not failed


def test_there_are_examples():
    assert len(FOUND) >= 17 and len(MODULES) >= 20
