"""The project as a reader meets it: the README's example, the documentation, the style of the code."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*command: str, cwd: Path = ROOT) -> str:
    finished = subprocess.run([sys.executable, "-m", *command], cwd=cwd, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def test_the_readmes_example_runs_as_written(tmp_path):
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    (tmp_path / "example.py").write_text(example + "\nprint(sorted(result.parameters))\n")
    private = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}  # Pydra's default cache is there
    finished = subprocess.run([sys.executable, "example.py"], cwd=tmp_path, capture_output=True, text=True, env=private)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.strip().endswith("['BandPass.low']")
    assert {path.name for path in (tmp_path / "fit").iterdir()} >= {"parameters.safetensors", "parameters.json"}


def test_the_page_for_authors_of_blocks_runs_as_written_and_its_cases_pass(tmp_path):
    page = (ROOT / "docs" / "block-authors.md").read_text()
    (tmp_path / "test_page.py").write_text("\n".join(re.findall(r"```py(?:thon)?\n(.*?)```", page, re.DOTALL)))
    printed = run("pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--rootdir", ".", ".", cwd=tmp_path)
    assert "2 passed" in printed


@pytest.mark.quick
def test_continuous_integration_runs_the_readmes_test_command():
    command = next(line for line in (ROOT / "README.md").read_text().splitlines() if line.endswith(".venv/bin/pytest"))
    assert (ROOT / ".ci" / "run").read_text().splitlines()[-1] == command


def test_a_clone_without_the_real_data_says_so_and_passes(tmp_path):
    files = ("tests/conftest.py", "tests/real_data.py", "tests/bids/conftest.py", "tests/bids/test_index.py")
    for file in (ROOT / name for name in files):
        copied = tmp_path / "clone" / file.relative_to(ROOT)
        copied.parent.mkdir(parents=True, exist_ok=True)
        copied.write_text(file.read_text())
    (tmp_path / "clone" / "pytest.ini").write_text("[pytest]\npythonpath = tests\nmarkers =\n  quick\n  slow\n  data\n")
    without = {name: value for name, value in os.environ.items() if name != "DIFFCONN_DATA"}
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:xdist", "-k", "real_tree"]
    finished = subprocess.run(command, cwd=tmp_path / "clone", capture_output=True, text=True, env=without)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "2 skipped" in finished.stdout and f"the real data are not at {tmp_path / 'shared'}" in finished.stdout


@pytest.mark.quick
def test_pictures_of_the_readme_exist():
    for name in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", (ROOT / "README.md").read_text()):
        assert (ROOT / name).stat().st_size > 1000


@pytest.mark.parametrize(
    "command", [("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",)], ids=" ".join
)
def test_the_code_is_in_style(command):
    run(*command)
