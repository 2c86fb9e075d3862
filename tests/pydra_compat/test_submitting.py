"""Runs started in notebooks, in threads, in other folders, and where no home can be written."""

import asyncio
import os
import pickle
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import cloudpickle
import numpy as np
import pytest
from pydra.compose import workflow

from pydra_diffconn import Fit, fuse
from pydra_diffconn.blocks import Correlation, Covariance
from pydra_diffconn.confound_models.design import ConfoundModel
from pydra_diffconn.workflow.deriving import with_node_values

X = np.random.default_rng(0).standard_normal((30, 4))


@workflow.define(outputs=["connectome"])
def Connectome(bold):
    return workflow.add(Correlation(timeseries=bold), name="fc").connectome


@pytest.mark.parametrize("task", [Correlation(timeseries=X), Connectome(bold=X)], ids=["block", "workflow"])
@pytest.mark.parametrize("worker", ["debug", "cf"])
def test_a_notebooks_event_loop_is_no_obstacle(task, worker, tmp_path):
    async def cell():
        return task(worker=worker, cache_root=tmp_path).connectome

    np.testing.assert_allclose(asyncio.run(cell()), np.corrcoef(X.T), atol=1e-5)


def test_an_error_in_a_notebook_is_the_users(tmp_path):
    async def cell():
        return Correlation(timeseries=np.full((30, 4), np.nan))(cache_root=tmp_path, worker="debug")

    with pytest.raises(ValueError, match="Correlation: timeseries"):
        asyncio.run(cell())


def test_threads_take_turns(tmp_path):
    runs = [np.random.default_rng(seed).standard_normal((30, 4)) for seed in range(6)]

    def one(x):
        return Connectome(bold=x)(cache_root=tmp_path, worker="debug").connectome, fuse(Connectome(bold=x))({})

    with ThreadPoolExecutor(4) as pool:
        for x, (classical, fused) in zip(runs, pool.map(one, runs), strict=True):
            np.testing.assert_allclose(classical, np.corrcoef(x.T), atol=1e-5)
            np.testing.assert_allclose(fused["connectome"], np.corrcoef(x.T), atol=1e-5)


@pytest.mark.parametrize("kind", ["text", "path"])
@pytest.mark.parametrize("mode", ["block", "workflow", "split", "fused"])
def test_a_relative_path_is_one_of_the_users_folder(kind, mode, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = "a folder/é x.tsv"
    (tmp_path / "a folder").mkdir()
    np.savetxt(tmp_path / name, X, header="a\tb\tc\td", comments="", delimiter="\t", encoding="utf-8")
    given = name if kind == "text" else (tmp_path / name).relative_to(tmp_path)
    settings = {"cache_root": tmp_path / "cache", "worker": "debug"}
    if mode == "block":
        found = Correlation(timeseries=given)(**settings).connectome
    elif mode == "workflow":
        found = Connectome(bold=given)(**settings).connectome
    elif mode == "split":
        (found,) = Connectome().split("bold", bold=[given])(**settings).connectome
    else:
        np.testing.assert_allclose(fuse(Connectome(bold=given))({})["connectome"], np.corrcoef(X.T), atol=1e-5)
        return
    np.testing.assert_allclose(np.loadtxt(str(found), skiprows=1, usecols=(1, 2, 3, 4)), np.corrcoef(X.T), atol=1e-5)


SCRIPT = """
import tempfile, numpy as np
from pathlib import Path
from fileformats.generic import File
from pydra.compose import python, workflow
from pydra_diffconn.blocks import Correlation

@python.define(outputs=["n"])
def Count(f: File) -> int:
    return len(Path(f).read_text())

@workflow.define(outputs=["n"])
def Whole(f: File):
    return workflow.add(Count(f=f)).n

path = Path(tempfile.mkdtemp()) / "x.txt"
path.write_text("abc")
for task in (Count(f=path), Whole(f=path)):
    before = task._checksum
    print(task(worker="cf"{cache}).n, task._checksum == before)
x = np.random.default_rng(0).standard_normal((30, 4))
print(np.allclose(Correlation(timeseries=x)(worker="debug"{cache}).connectome, np.corrcoef(x.T), atol=1e-5))
"""


@pytest.mark.parametrize("place", ["own", "under a file"])
def test_tasks_of_a_script_run_in_processes_wherever_home_is(place, tmp_path):
    script = tmp_path / "script.py"
    cache = ", cache_root=Path(tempfile.mkdtemp())" if place == "own" else ""
    script.write_text(textwrap.dedent(SCRIPT.replace("{cache}", cache)))
    home = {} if place == "own" else {"HOME": "/dev/null/home", "XDG_CACHE_HOME": "/dev/null/home/.cache"}
    environment = os.environ | home | {"TMPDIR": str(tmp_path)}
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, env=environment, timeout=200)
    assert done.stdout.split() == ["3", "True", "3", "True", "True"], done.stderr[-2000:]


TRAVEL = {
    "block": Correlation,
    "block with values": Correlation(timeseries=X),
    "workflow": Connectome,
    "workflow with values": Connectome(bold=X),
    "split workflow": Connectome().split("bold", bold=[X, X]),
    "derived workflow": with_node_values(Connectome, {"fc.frame_weights": np.ones(30)}),
    "derived twice": with_node_values(with_node_values(Connectome, {"fc.frame_weights": None}), {}, {"bold": X}),
    "task of ours": ConfoundModel,
    "fit": Fit(workflow=Connectome(bold=X), loss=Covariance.pure),
    "program": fuse(Connectome(bold=X)),
}


@pytest.mark.parametrize("kind", list(TRAVEL))
@pytest.mark.parametrize("pickler", [pickle, cloudpickle])
def test_tasks_and_programs_travel(kind, pickler):
    again = pickle.loads(pickler.dumps(TRAVEL[kind]))
    if kind == "program":
        np.testing.assert_allclose(again({})["connectome"], np.corrcoef(X.T), atol=1e-5)
    elif not isinstance(again, type):
        assert again._splitter == TRAVEL[kind]._splitter
        assert again.split is not None and repr(again) == repr(TRAVEL[kind])


def test_a_derived_workflow_that_travelled_is_the_same(tmp_path):
    derived = with_node_values(Connectome, {"fc.frame_weights": np.r_[np.zeros(10), np.ones(20)]})
    again = pickle.loads(pickle.dumps(derived))
    assert again(bold=X)._checksum == derived(bold=X)._checksum
    found = again(bold=X)(cache_root=tmp_path, worker="debug").connectome
    np.testing.assert_allclose(found, np.corrcoef(X[10:].T), atol=1e-5)
