"""Examples of the documentation run as they stand; fragments that go on from others are marked `py`, not `python`."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FOUND = [
    (page, n) for page in PAGES for n in range(len(re.findall(r"^```python\n", page.read_text(encoding="utf-8"), re.M)))
]


@pytest.mark.slow
@pytest.mark.parametrize(("page", "number"), FOUND, ids=[f"{page.name}-{number}" for page, number in FOUND])
def test_an_example_runs_when_pasted(page, number, tmp_path):
    code = re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.S | re.M)[number]
    (tmp_path / "pasted.py").write_text(code, encoding="utf-8")
    done = subprocess.run([sys.executable, "pasted.py"], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]


def test_there_are_examples():
    assert len(FOUND) >= 10
