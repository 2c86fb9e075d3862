"""What is in a task's checksum."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydra.compose import python, workflow

from pydra_diffconn import blocks, pydra_compat
from pydra_diffconn.blocks import Correlation
from pydra_diffconn.pydra_compat import checksums


@workflow.define(outputs=["connectome"])
def Untyped(bold, label: str = "a"):
    return workflow.add(Correlation(timeseries=bold), name="fc").connectome


@workflow.define(outputs=["connectome"])
def Named(bold: str):
    return workflow.add(Correlation(timeseries=bold), name="fc").connectome


@workflow.define(outputs=["connectome"])
def Around(bold):
    return workflow.add(Named(bold=bold), name="inner").connectome


@workflow.define(outputs=["connectome"])
def ByName(bold, block: str = "Correlation"):
    return workflow.add(getattr(blocks, block)(timeseries=bold), name="fc").connectome


@python.define(outputs=["text"])
def Reads(files: Any) -> str:
    return "".join(Path(one).read_text() for one in files)


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "x.tsv"

    def write(seed):
        values = np.random.default_rng(seed).standard_normal((30, 3))
        path.write_text("a\tb\tc\n" + "".join("\t".join(map(str, row)) + "\n" for row in values))
        return path

    write(0)
    return write


GIVEN = {
    "text": lambda path: Untyped(bold=str(path)),
    "a path": lambda path: Untyped(bold=path),
    "text of a typed input": lambda path: Named(bold=str(path)),
    "text of a nested workflow": lambda path: Around(bold=str(path)),
    "text in a list": lambda path: Reads(files=[str(path)]),
    "paths in a dictionary": lambda path: Reads(files={"a": (path,)}),
    "a split workflow": lambda path: Untyped().split("bold", bold=[str(path)]),
}


@pytest.mark.parametrize("kind", list(GIVEN))
def test_a_file_counts_by_content_however_it_is_named(kind, table):
    path = table(0)
    made = GIVEN[kind]

    def told(task):
        return pydra_compat.checksums.pydra_hash.hash_function(task)

    before = told(made(path)), made(path)._checksum
    assert before == (told(made(path)), made(path)._checksum)
    after = told(made(table(1))), made(path)._checksum
    assert before[0] != after[0]
    if kind != "a split workflow":  # which has no checksum of its own
        assert before[1] != after[1]


def test_a_replaced_file_is_computed_anew(table, tmp_path):
    def connectome():
        found = Untyped(bold="x.tsv")(cache_root=tmp_path / "cache", worker="debug").connectome
        return np.loadtxt(str(found), skiprows=1, usecols=(1, 2, 3))

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        found = [(connectome(), table(seed))[0] for seed in (1, 1)]
    for seed, one in enumerate(found):
        right = np.corrcoef(np.random.default_rng(seed).standard_normal((30, 3)).T)
        np.testing.assert_allclose(one, right, atol=1e-5)


@pytest.mark.parametrize("what", ["sys", "numpy"])
def test_the_environment_is_in_every_checksum(monkeypatch, what):
    tasks = [Untyped(bold=np.ones((4, 2))), Reads(files=[]), Correlation(timeseries=np.ones((4, 2)))]
    before = [task._checksum for task in tasks]
    if what == "sys":
        monkeypatch.setattr(checksums.sys, "version_info", (3, 99, 1))
    else:
        monkeypatch.setattr(checksums.np, "__version__", "9.9.0")
    assert not set(before) & {task._checksum for task in tasks}


def test_a_block_found_by_name_is_in_the_checksum(monkeypatch):
    before = ByName(bold=np.ones((4, 2)))._checksum
    declaration = Correlation.declaration
    monkeypatch.setattr(
        Correlation, "declaration", importlib.import_module("dataclasses").replace(declaration, version="9")
    )
    assert ByName(bold=np.ones((4, 2)))._checksum != before


def test_the_graph_of_symbols_is_not_taken_for_that_of_values(tmp_path):
    @workflow.define(outputs=["out"])
    def Decides(bold, w=None):
        f = bold if w is None else workflow.add(blocks.BandPass(timeseries=bold, tr=1.0, low=0.05, high=0.2)).timeseries
        return workflow.add(Correlation(timeseries=f)).connectome

    x = np.random.default_rng(0).standard_normal((40, 3))
    task = Decides().split(("bold", "w"), bold=[x], w=[None])
    pydra_compat.checksums.pydra_hash.hash_function(task)
    (found,) = task(cache_root=tmp_path, worker="debug").out
    np.testing.assert_allclose(found, np.corrcoef(x.T), atol=1e-5)
