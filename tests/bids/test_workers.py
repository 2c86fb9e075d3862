"""The participant level on Pydra's workers, and what becomes of a run that is stopped."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from pydra_diffconn.bids.status import read_status
from pydra_diffconn.files.tables import read_matrix

SBATCH = """#!/bin/sh
for last; do :; done
number=$$
/bin/sh "$last" > /dev/null 2> "${last%/*}/slurm-$number.err" && echo 0 > "$JOBS/$number" || echo 1 > "$JOBS/$number"
echo "Submitted batch job $number"
"""
SACCT = """#!/bin/sh
while [ "$1" != "-j" ]; do shift; done
code=$(cat "$JOBS/$2")
[ "$code" = 0 ] && state=COMPLETED || state=FAILED
echo "$2 $state $code:0"
"""


@pytest.fixture
def two_people(study, tmp_path):
    root = tmp_path / "fmriprep"
    for part in ("sub-01", "sub-02", "atlases"):
        shutil.copytree(study / part, root / part)
    return root


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """Commands of Slurm that run a job here, where it is submitted."""
    folder = tmp_path / "slurm"
    folder.mkdir()
    for name, text in (("sbatch", SBATCH), ("squeue", "#!/bin/sh\n"), ("sacct", SACCT)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("JOBS", str(folder))


def command(root, out, worker="debug"):
    arguments = ["run", root, out, "participant", "-p", "9P", "--min-time", "60", "--worker", worker]
    return [sys.executable, "-m", "pydra_diffconn.cli", *map(str, arguments)]


@pytest.mark.slow
@pytest.mark.parametrize("worker", ["cf", "dask", "slurm"])
def test_every_worker_gives_the_same(two_people, processed, slurm, tmp_path, worker):
    out = tmp_path / "out"
    told = subprocess.run(
        [*command(two_people, out, worker), "--participant-label", "01"], capture_output=True, text=True, timeout=200
    )
    assert told.returncode == 0, told.stderr
    name = "sub-01/ses-2/func/sub-01_ses-2_task-rest_run-1_space-MNI152NLin2009cAsym_res-2_atlas-Demo"
    path = f"{name}_stat-pearsoncorrelation_relmat.tsv"
    ours, theirs = read_matrix(out / path)[0], read_matrix(processed[0] / path)[0]
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def results(out):
    return {path: path.stat().st_mtime_ns for path in (out / "work").glob("python-*/_result.pklz")}


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_was_stopped_goes_on(two_people, tmp_path, how):
    out = tmp_path / "out"
    started = subprocess.Popen(
        command(two_people, out), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    deadline = time.monotonic() + 240
    while not results(out) and started.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)  # the result that has been seen is written to its end by now
    started.send_signal(how)
    _, said = started.communicate(timeout=120)
    if how == signal.SIGINT:
        assert started.returncode == 130 and "Traceback" not in said, said
    before = results(out)
    assert 1 <= len(before) < 5
    again = subprocess.run(command(two_people, out), capture_output=True, text=True, timeout=300)
    assert again.returncode == 0, again.stderr
    assert (read_status(out)["status"] == "done").all() and len(read_status(out)) == 4
    # what was done is not computed twice, but for the job that an interrupt ended
    assert len(before.items() - results(out).items()) <= (how == signal.SIGINT)
    assert not [
        path for path in out.rglob(".*") if path.is_file() and path.name not in (".bidsignore", ".diffconn.lock")
    ]


@pytest.mark.slow
def test_two_at_once_in_one_folder_leave_it_whole(two_people, tmp_path):
    out = tmp_path / "out"
    both = [
        subprocess.Popen([*command(two_people, out), "--participant-label", person], stdout=subprocess.DEVNULL)
        for person in ("01", "02")
    ]
    assert [one.wait(timeout=300) for one in both] == [0, 0]
    table = read_status(out)
    assert sorted(table["participant_id"]) == ["sub-01", "sub-01", "sub-02", "sub-02"]
    assert (table["status"] == "done").all() and len(list(Path(out).glob("sub-*.html"))) == 2
