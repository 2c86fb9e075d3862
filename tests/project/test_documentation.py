"""Examples of the documentation run as they stand; fragments that go on from others are marked `py`, not `python`."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.md"))  # the README's example has a test of its own
FOUND = [
    (page, n) for page in PAGES for n in range(len(re.findall(r"^```python\n", page.read_text(encoding="utf-8"), re.M)))
]


@pytest.mark.slow
@pytest.mark.parametrize(("page", "number"), FOUND, ids=[f"{page.name}-{number}" for page, number in FOUND])
def test_an_example_runs_when_pasted(page, number, tmp_path):
    code = re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.S | re.M)[number]
    (tmp_path / "pasted.py").write_text(code, encoding="utf-8")
    private = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}  # an earlier result would hide a failure
    run = {"cwd": tmp_path, "env": private, "capture_output": True, "text": True, "timeout": 300}
    done = subprocess.run([sys.executable, "pasted.py"], **run)
    assert done.returncode == 0, done.stderr[-2000:]


def test_there_are_examples():
    assert len(FOUND) >= 10
