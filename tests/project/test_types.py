"""What editors and type checkers know of the package."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

from pydra_diffconn import blocks
from pydra_diffconn.plugins import stubs

ROOT = Path(__file__).parents[2]
EXAMPLES = Path(__file__).with_name("typing_examples.py")


def test_right_usage_is_accepted_and_wrong_usage_flagged():
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "--outputjson", EXAMPLES]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    problems = json.loads(found.stdout)["generalDiagnostics"]
    lines = EXAMPLES.read_text().splitlines()
    wrong = {number for number, line in enumerate(lines) if line.endswith("# wrong")}
    assert {problem["range"]["start"]["line"] for problem in problems} == wrong, found.stdout


def test_the_types_of_the_blocks_are_those_of_their_declarations():
    hint = "run: python -m pydra_diffconn.plugins.stubs pydra_diffconn.blocks"
    assert stubs.path_of(blocks).read_text() == stubs.stub(blocks), hint


def test_types_are_shipped(tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    shipped = set(zipfile.ZipFile(wheel).namelist())
    here = {str(path.relative_to(ROOT)) for path in (ROOT / "pydra_diffconn").rglob("__init__.pyi")}
    assert {"pydra_diffconn/py.typed", "pydra/tasks/diffconn.pyi", *here} <= shipped
