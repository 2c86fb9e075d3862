"""Runs over processes that are killed at any time, and that share a cache: the same bits."""

import os
import random
import signal
import subprocess
import sys
import textwrap
import time

import pytest

SCRIPT = """
    import hashlib, sys
    import numpy as np
    from pydra.compose import workflow
    from pydra_diffconn.blocks import BandPass, Correlation, FisherZ

    @workflow.define(outputs=["connectome"])
    def Three(bold):
        band = workflow.add(BandPass(timeseries=bold, tr=1.0, low=0.05, high=0.2))
        r = workflow.add(Correlation(timeseries=band.timeseries))
        return workflow.add(FisherZ(connectome=r.connectome)).connectome

    if __name__ == "__main__":
        bolds = [np.random.default_rng(run).standard_normal((80, 5)) for run in range(4)]
        print("begin", flush=True)
        found = Three().split(bold=bolds)(cache_root=sys.argv[1], worker=sys.argv[2])
        print(hashlib.sha256(np.stack(found.connectome).tobytes()).hexdigest(), flush=True)
"""


@pytest.fixture
def start(tmp_path):
    """Return what starts the script in a process group of its own; none is left behind."""
    script, started = tmp_path / "script.py", []
    script.write_text(textwrap.dedent(SCRIPT), encoding="utf-8")

    def begin(cache, worker="cf"):
        command = [sys.executable, str(script), str(tmp_path / cache), worker]
        started.append(
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
        )
        return started[-1]

    yield begin
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def digest(process):
    printed, told = process.communicate(timeout=300)
    assert process.returncode == 0, told
    return printed.splitlines()[-1]


@pytest.mark.slow
def test_runs_that_are_killed_at_any_time_resume_to_the_same_bits(start):
    moments, whole = random.Random(0), digest(start("other", "debug"))
    for _ in range(4):
        process = start("cache")
        assert process.stdout.readline() == "begin\n"
        time.sleep(moments.uniform(0.5, 8.0))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert digest(start("cache")) == whole


@pytest.mark.slow
@pytest.mark.parametrize("worker", ["debug", "cf"])
def test_two_processes_may_share_a_cache(start, worker):
    whole = digest(start("other", "debug"))
    assert {digest(one) for one in [start("cache", worker), start("cache", worker)]} == {whole}
