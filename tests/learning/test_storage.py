"""Fits that are killed, that share a folder, that find no room: the same bits, and nothing half-written."""

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from learning.test_learning import quick, start, targets_at, wait_for_checkpoint  # noqa: F401

from learning.test_learning import bolds, task, targets  # noqa: F401, isort: skip  (fixtures)

from pydra_diffconn.learning.checkpoints import LEFT_AFTER

STEPS = 3000


def last_line(process):
    printed, _ = process.communicate(timeout=300)
    return printed.splitlines()[-1]


@pytest.mark.slow
def test_a_fit_that_is_killed_at_any_time_resumes_to_the_same_bits(tmp_path, task, targets):  # noqa: F811
    moments = random.Random(0)
    for _ in range(5):
        process = start(tmp_path, STEPS)
        assert process.stdout.readline() == "begin\n"
        time.sleep(moments.uniform(0.5, 4.0))
        process.send_signal(signal.SIGKILL)
        process.wait()
    whole = quick(task, targets, steps=STEPS)
    assert last_line(start(tmp_path, STEPS)) == f"{sorted(whole.parameters.items())!r} after all steps"


@pytest.mark.slow
def test_two_fits_may_share_a_checkpoint(tmp_path, task, targets):  # noqa: F811
    two = [start(tmp_path, STEPS) for _ in range(2)]
    whole = quick(task, targets, steps=STEPS)
    assert {last_line(one) for one in two} == {f"{sorted(whole.parameters.items())!r} after all steps"}
    assert [path.name for path in (tmp_path / "checkpoint").iterdir()] == ["checkpoint.safetensors"]


def test_parts_that_a_killed_fit_left_are_removed(tmp_path, task, targets):  # noqa: F811
    (tmp_path / "1-2.part").write_bytes(b"half")
    long_ago = time.time() - 2 * LEFT_AFTER
    os.utime(tmp_path / "1-2.part", (long_ago, long_ago))
    (tmp_path / "3-4.part").write_bytes(b"of one that writes now")
    quick(task, targets, steps=1, checkpoint=tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"3-4.part", "checkpoint.safetensors"}


NO_ROOM = """
    import resource, sys, warnings
    import numpy as np
    sys.path.insert(0, {tests!r})
    from learning.test_learning import Small, quick, targets_at
    folder = sys.argv[1]
    rng = np.random.default_rng(0)
    bolds = [rng.standard_normal((80, 5)).astype(np.float32) for _ in range(6)]
    task, targets = Small().split(bold=bolds), targets_at(bolds)
    quick(task, targets, steps=2).save(f"{{folder}}/fit")
    with open(f"{{folder}}/before.txt", "w") as file:
        file.write(open(f"{{folder}}/fit/parameters.json").read())
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        result = quick(task, targets, steps=5, checkpoint=f"{{folder}}/checkpoint")
    print([str(one.message) for one in told if "could not be written" in str(one.message)][0][:200])
    print(len(result.history), result.stopped)
    try:
        result.save(f"{{folder}}/fit")
    except OSError as error:
        print(type(error).__name__, error)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="the size of files cannot be limited")
def test_a_full_disk_costs_neither_the_result_nor_what_was_saved_before(tmp_path):
    code = textwrap.dedent(NO_ROOM.format(tests=str(Path(__file__).parents[1])))
    # compiled programs are written beside, too
    quiet = {**os.environ, "JAX_ENABLE_COMPILATION_CACHE": "false"}
    found = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, env=quiet, timeout=300
    )
    lines = found.stdout.splitlines()
    assert len(lines) == 3, found.stderr
    assert "checkpoint.safetensors could not be written" in lines[0] and lines[1] == "6 after all steps"
    assert lines[2].startswith("OSError") and "what was there before is unchanged" in lines[2]
    assert (tmp_path / "fit" / "parameters.json").read_text() == (tmp_path / "before.txt").read_text()
    assert {path.name for path in tmp_path.iterdir() if path.name.startswith(".")} == set()
    assert list((tmp_path / "checkpoint").iterdir()) == []
