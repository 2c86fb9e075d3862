"""Measure how cost grows with what is given, and write it into docs/performance.md.

python -m tests.benchmarks.growth [--repeats 3] [runs lengths blocks ...]

Seconds are those of all processors together, of a fresh process for each point: other work on the machine, and what was
compiled before, do not count.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import os
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pydra.compose import workflow

from pydra_diffconn import Learn
from pydra_diffconn.blocks import BandPass, Correlation, Parcellate, RegressConfounds, Standardize

ROOT = Path(__file__).parents[2]
PHASES = ("construct", "hash", "fuse", "prepare", "compile", "step")
A_FIT, LONG = "fit of 50 steps", 50
RECORD = ROOT / "docs" / "performance-growth.json"
STEPS = 5


@workflow.define(outputs=["connectome"])
def Series(series, confounds):
    """A small chain of series of parcels."""
    band = workflow.add(BandPass(timeseries=series, tr=2.0, low=Learn(0.01), high=0.2))
    clean = workflow.add(RegressConfounds(timeseries=band.timeseries, confounds=confounds, penalty=Learn(0.1)))
    return workflow.add(Correlation(timeseries=clean.timeseries)).connectome


@workflow.define(outputs=["connectome"])
def Voxels(bold, confounds, labels):
    """The same of voxels, averaged last."""
    band = workflow.add(BandPass(timeseries=bold, tr=2.0, low=Learn(0.01), high=0.2))
    clean = workflow.add(RegressConfounds(timeseries=band.timeseries, confounds=confounds, penalty=Learn(0.1)))
    parcels = workflow.add(Parcellate(timeseries=clean.timeseries, labels=labels))
    return workflow.add(Correlation(timeseries=parcels.timeseries)).connectome


@workflow.define(outputs=["connectome"])
def Chain(series, blocks: int):
    """Filters and standardisations in turn, each filter with a cut-off of its own to learn."""
    for number in range(blocks // 2):
        band = workflow.add(BandPass(timeseries=series, tr=2.0, low=Learn(0.01), high=0.2), name=f"band{number}")
        series = workflow.add(Standardize(timeseries=band.timeseries), name=f"standard{number}").timeseries
    return workflow.add(Correlation(timeseries=series)).connectome


@dataclass(frozen=True)
class Against:
    """What is varied, and what of it the mathematics of each phase says: the power with which the cost grows."""

    sizes: tuple[int, ...]
    of: str
    """What stays as it is."""
    make: Callable[[int], Any]
    expected: dict[str, str] = field(default_factory=dict)


def _runs(
    count: int, frames: Callable[[int], int] = lambda number: 100, columns: int = 10
) -> dict[str, list[np.ndarray]]:
    rng = np.random.default_rng(0)
    lengths = [frames(number) for number in range(count)]
    return {
        "series": [rng.standard_normal((length, columns), dtype=np.float32) for length in lengths],
        "confounds": [rng.standard_normal((length, 2), dtype=np.float32) for length in lengths],
    }


def _split(task: Any, given: dict[str, list[np.ndarray]]) -> Any:
    return task.split(tuple(given), **given)


def _voxels(frames: int, voxels: int, parcels: int) -> Any:
    given = _runs(2, lambda number: frames, voxels)
    given = {"bold": given["series"], "confounds": given["confounds"]}
    return lambda: _split(Voxels(labels=1 + np.arange(voxels) * parcels // voxels), given)


def _of_runs(count: int) -> Any:
    given = _runs(count)
    return lambda: _split(Series(), given)


def _of_lengths(count: int) -> Any:
    given = _runs(100, lambda number: 100 + (number % count) * 300 // max(count - 1, 1) if count > 1 else 250, 100)
    return lambda: _split(Series(), given)


def _of_blocks(count: int) -> Any:
    given = {"series": _runs(4)["series"]}
    return lambda: Chain(blocks=count).split("series", **given)


EACH = {"construct": "1", "hash": "1", "fuse": "1", "prepare": "1"}
"""What is given is looked at once."""
AGAINST = {
    "runs": Against(
        (100, 400, 1600, 6400, 10000), "100 frames, 10 parcels", _of_runs, EACH | {"compile": "0", "step": "1"}
    ),
    "lengths": Against(
        (1, 5, 20, 50), "100 runs of 100 to 400 frames, on average 250, 100 parcels", _of_lengths,
        {"construct": "0", "hash": "0", "fuse": "0", "prepare": "0", "compile": "0", "step": "0"},
    ),
    "blocks": Against((8, 16, 32, 64), "4 runs of 100 frames, 10 parcels", _of_blocks, {
        "construct": "0", "hash": "1", "fuse": "1", "prepare": "1", "compile": "1", "step": "1",
    }),
    "frames": Against(
        (250, 500, 1000, 2000), "2 runs, 2,000 voxels, 50 parcels", lambda n: _voxels(n, 2000, 50),
        EACH | {"compile": "0", "step": "1, and n log n of transforms"},
    ),
    "voxels": Against(
        (5000, 20000, 80000), "2 runs, 200 frames, 50 parcels", lambda n: _voxels(200, n, 50),
        EACH | {"compile": "0", "step": "0: voxels are averaged once, before"},
    ),
    "parcels": Against(
        (50, 100, 200, 400), "2 runs, 200 frames, 5,000 voxels", lambda n: _voxels(200, 5000, n),
        {"construct": "0", "hash": "0", "fuse": "0", "prepare": "1", "compile": "0", "step": "1 to 2: correlations"},
    ),
}  # fmt: skip


# --- one point, in a process of its own --------------------------------------------------------------------------


def memory(line: str) -> float:
    """Return what this process holds, or held at most since the peak was set back, in MB."""
    status = Path("/proc/self/status").read_text().splitlines()
    return int(next(one for one in status if one.startswith(line)).split()[1]) / 1024


class Clock:
    """Seconds of processors, and what the peak of memory rose by, of each phase."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.memory: dict[str, float] = {}

    def __call__(self, phase: str, call: Callable[[], Any], repeats: int = 1) -> Any:
        gc.collect()
        ctypes.CDLL("libc.so.6").malloc_trim(0)  # what was freed before would be taken again unseen
        Path("/proc/self/clear_refs").write_text("5")  # the peak is set back to what is held now
        before, found, result = memory("VmRSS"), [], None
        for _ in range(repeats):
            began = time.process_time()
            result = call()
            found.append(time.process_time() - began)
        self.seconds[phase], self.memory[phase] = statistics.median(found), memory("VmHWM") - before
        return result


def measure(against: str, size: int) -> dict[str, Any]:
    import jax

    from pydra_diffconn import fuse, losses
    from pydra_diffconn.learning.prepared import Prepared
    from pydra_diffconn.learning.settings import Learning
    from pydra_diffconn.program.hoisting import with_constants_computed

    warnings.simplefilter("ignore")  # of few degrees of freedom: the series are short
    loss = losses.MeanSquaredError("connectome")
    build = AGAINST[against].make(size)
    _warm(loss)
    clock = Clock()
    task = clock("construct", build, 3)
    clock("hash", lambda: build()._checksum)
    program = clock("fuse", lambda: fuse(task))
    targets = np.zeros((len(program.runs), *_shape(program)), np.float32)
    shorter = clock("prepare", lambda: with_constants_computed(program.padded))
    ready = Prepared(program, shorter, {}, None, 0, Learning())
    everyone = list(range(len(program.runs)))
    learner = clock("compile", lambda: ready.learner(loss, targets, everyone, [], LONG))

    def step() -> None:
        state = learner.state
        jax.block_until_ready(learner._step(state.values, state.optimizer, 1.0, 0, **learner.batch(0))[0])

    clock("step", step, STEPS)
    return {"seconds": clock.seconds, "memory": clock.memory}


def _shape(program: Any) -> tuple[int, ...]:
    import jax

    first = {name: value[0] if name in program.varying else value for name, value in program.inputs.items()}
    found = jax.eval_shape(lambda p, a: program._one(p, a, program.runs[0]), program.parameters, first)
    return found["connectome"].shape


def _warm(loss: Any) -> None:
    """Load what any first fit loads."""
    from pydra_diffconn import fit

    task = _of_runs(2)()
    task._checksum  # noqa: B018  the hash is what is wanted
    fit(task, loss, np.zeros((2, 10, 10), np.float32), steps=1, progress=False)


# --- all points --------------------------------------------------------------------------------------------------


def in_process(*module: str) -> dict[str, Any]:
    """Return what a module, called with these arguments, prints last, with nothing compiled before."""
    command = [sys.executable, "-m", *module]
    settings = {**os.environ, "JAX_ENABLE_COMPILATION_CACHE": "false"}
    found = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=settings, timeout=1800)
    if found.returncode:
        raise RuntimeError(found.stderr[-2000:])
    return json.loads(found.stdout.splitlines()[-1])


def point(against: str, size: int, repeats: int) -> dict[str, Any]:
    """Return the medians of some processes."""
    found = [in_process("tests.benchmarks.growth", "--one", against, str(size)) for _ in range(repeats)]
    made = {
        what: {phase: statistics.median(one[what][phase] for one in found) for phase in PHASES}
        for what in ("seconds", "memory")
    }
    seconds = made["seconds"]
    seconds[A_FIT] = seconds["fuse"] + seconds["prepare"] + seconds["compile"] + (LONG - 1) * seconds["step"]
    return made


def main() -> None:
    from tests.benchmarks.__main__ import write_page

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wanted", nargs="*", metavar="against")
    parser.add_argument("--repeats", type=int, default=3, help="processes for each size")
    given = parser.parse_args()
    record = json.loads(RECORD.read_text()) if RECORD.exists() else {"against": {}}
    record["repeats"] = given.repeats
    for name in given.wanted or AGAINST:
        one = AGAINST[name]
        points = []
        for size in one.sizes:
            points.append(point(name, size, given.repeats))
            print(name, size, {phase: f"{value:.3g}" for phase, value in points[-1]["seconds"].items()}, flush=True)
        found = {"sizes": one.sizes, "of": one.of, "expected": one.expected, "points": points}
        record["against"][name] = found
        RECORD.write_text(json.dumps(record, indent=1) + "\n")
    write_page()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(sys.argv[2], int(sys.argv[3]))))
    else:
        main()
