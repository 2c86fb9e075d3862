"""Results in the cache: without code, and only what was written there."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from fileformats.generic import File
from pydra.compose import python, workflow

from pydra_diffconn import pydra_compat  # noqa: F401
from pydra_diffconn.blocks import Correlation

CALLS = []


@python.define(outputs=["out", "number"])
def Write(k: int) -> tuple[File, int]:
    CALLS.append(k)
    path = Path.cwd() / "out.txt"
    path.write_text(f"number {k}")
    return File(path), k


@workflow.define(outputs=["out", "number"])
def Writes(k: int):
    written = workflow.add(Write(k=k))
    return written.out, written.number


@python.define(outputs=["out"])
def FailsAtFirst(folder: str) -> str:
    marker = Path(folder) / "tried"
    if not marker.exists():
        marker.write_text("")
        raise ValueError("the first time")
    return "done"


def run(cache):
    found = Writes(k=3)(cache_root=cache, worker="debug")
    return Path(found.out).read_text(), found.number, type(found)


DAMAGE = {
    "cut": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "emptied": lambda path: path.write_bytes(b""),
    "of another environment": lambda path: path.write_bytes(b"cnumpy\nno_such_name\n."),
    "one byte flipped": lambda path: path.write_bytes(bytes([path.read_bytes()[0] ^ 255]) + path.read_bytes()[1:]),
    "gone": lambda path: path.unlink(),
}


@pytest.mark.parametrize("kind", list(DAMAGE))
@pytest.mark.parametrize("what", ["_result.pklz", "out.txt"])
def test_what_is_damaged_is_computed_again(what, kind, tmp_path):
    assert run(tmp_path)[:2] == ("number 3", 3)
    files = list(tmp_path.rglob(what))
    assert len(files) == 2  # of the task and of the workflow
    one_each = {path.stat().st_ino: path for path in files}.values()  # the two may be one file, linked
    for path in files if kind == "gone" else one_each:
        DAMAGE[kind](path)
    CALLS.clear()
    assert run(tmp_path)[:2] == ("number 3", 3) and CALLS == [3]
    CALLS.clear()
    assert run(tmp_path)[:2] == ("number 3", 3) and CALLS == []


def test_a_copied_cache_is_a_cache(tmp_path):
    task = Correlation(timeseries=np.random.default_rng(0).standard_normal((20, 3)))
    first = task(cache_root=tmp_path / "a", worker="debug").connectome
    shutil.copytree(tmp_path / "a", tmp_path / "b", copy_function=shutil.copyfile)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "b").rglob("_result.pklz")}
    assert np.array_equal(task(cache_root=tmp_path / "b", worker="debug").connectome, first)
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "b").rglob("_result.pklz")}


def test_results_hold_values_and_no_code(tmp_path):
    @workflow.define(outputs=["out"])
    def Local(k: int):
        return workflow.add(Write(k=k)).out

    Local(k=1)(cache_root=tmp_path, worker="debug")
    held = [path.read_bytes() for path in tmp_path.rglob("_result.pklz")]
    assert held and not any(word in one for one in held for word in (b"_make_function", b"CodeType", b"skeleton"))


def test_outputs_have_the_class_of_their_task(tmp_path):
    assert run(tmp_path)[2] is Writes.Outputs and run(tmp_path)[2] is Writes.Outputs


def test_an_earlier_failure_is_tried_again(tmp_path):
    @workflow.define(outputs=["out"])
    def Tries(folder: str):
        return workflow.add(FailsAtFirst(folder=folder)).out

    task = Tries(folder=str(tmp_path))
    with pytest.raises(ValueError, match="the first time"):
        task(cache_root=tmp_path / "cache", worker="debug")
    assert task(cache_root=tmp_path / "cache", worker="debug").out == "done"
