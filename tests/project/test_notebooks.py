"""The notebooks of the documentation run from top to bottom, and show what running them gives."""

import base64
import json
import runpy
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def kinds(notebook):
    """Return what each cell of code gave, by kind."""
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return [[sorted(output.get("data", {"text": ""})) for output in cell["outputs"]] for cell in cells]


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_gives_what_it_shows(path, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    found = runpy.run_path(str(FOLDER / "run.py"))["executed"](path)
    assert kinds(found) == kinds(json.loads(path.read_text(encoding="utf-8")))
    last = found["cells"][-1]["outputs"][-1]["data"]["image/png"]
    assert len(base64.b64decode(last)) > 2000


def test_the_denoising_notebook_shows_that_the_right_gates_open():
    text = (FOLDER / "denoising.ipynb").read_text(encoding="utf-8")
    (shown,) = [line for cell in json.loads(text)["cells"] for o in cell.get("outputs", []) for line in lines(o)]
    gates = [
        float(number) for number in shown.split("0.5, 0.5, 0.5, 0.5</td>")[1].split(">")[1].split("<")[0].split(",")
    ]
    assert min(gates[:2]) > 0.8 and max(gates[2:]) < 0.3


def lines(output):
    """Return the row of the gates, if it is in an output."""
    return [line for line in output.get("data", {}).get("text/html", []) if "<td" in line and ">gates<" in line]


def test_there_are_two():
    assert [path.stem for path in NOTEBOOKS] == ["denoising", "start"]
