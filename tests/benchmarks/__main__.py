"""Measure all cases, or those whose names begin as given, and write docs/performance.md.

python -m tests.benchmarks [a c g]

Each case runs in processes of its own: one in which both sides alternate, for the ratio, and one for each side alone, for
its peak of memory.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from tests.benchmarks.growth_page import section

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "performance.md"
RECORD = PAGE.with_suffix(".json")
GROWTH = ROOT / "docs" / "performance-growth.json"


def own_memory() -> float:
    """Return what this process holds in memory without the files it maps, in MB."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1]) / 1024


def peak_above(call: Callable) -> float:
    """Return the most memory that a call takes on the way, above what there was before, in MB."""
    # what earlier calls freed would be taken again unseen
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    before, seen, ended = own_memory(), [0.0], threading.Event()

    def watch() -> None:
        while not ended.wait(0.002):
            seen.append(own_memory() - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    call()
    ended.set()
    watcher.join()
    return max(seen)


def measure(number: int, side: str, folder: Path) -> dict:
    from tests.benchmarks.cases import CASES

    case = CASES[number](folder)
    if side in ("ours", "theirs"):
        getattr(case, side)()  # the first call loads modules and compiles
        return {"memory": peak_above(getattr(case, side))}
    first, _, a = timed(case.ours)
    *_, b = timed(case.theirs)
    comparable = np.ndim(a) > 0 and np.shape(a) == np.shape(b) and case.equal
    error = float(np.max(np.abs(np.asarray(a) - b)) / max(1.0, np.max(np.abs(b)))) if comparable else None
    pairs = [(timed(case.ours), timed(case.theirs)) for _ in range(case.repeats)]
    if case.measures_itself:
        ours, theirs = ([float(pair[place][2]) for pair in pairs] for place in (0, 1))
        times = {"ours": ours, "theirs": [] if np.isnan(theirs).all() else theirs}
    else:
        times = {side: [pair[place][0] for pair in pairs] for place, side in enumerate(("ours", "theirs"))}
        times |= {f"{side} cpu": [pair[place][1] for pair in pairs] for place, side in enumerate(("ours", "theirs"))}
    return {**times, "first": first, "error": error, "load": os.getloadavg()[0]}


def timed(function: Callable) -> tuple[float, float, object]:
    """Return seconds of the clock, those of all processors together, and what a function returns."""
    began, used = time.perf_counter(), sum(os.times()[:4])
    result = function()
    return time.perf_counter() - began, sum(os.times()[:4]) - used, result


def in_process(number: int, side: str, folder: str, cores: int | None = None) -> dict:
    """Measure a case in a process of its own, on one core with one thread if so asked."""
    command = [sys.executable, "-m", "tests.benchmarks", "--one", str(number), side, folder]
    env, first = dict(os.environ), None
    if cores is not None:
        env |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(cores))
        first = partial(os.sched_setaffinity, 0, range(cores))
    # a process that other threads of this one cannot disturb: it has none
    found = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=3600, env=env, preexec_fn=first)
    if found.returncode:
        raise RuntimeError(found.stderr[-2000:])
    return json.loads(found.stdout.splitlines()[-1])


def main(wanted: list[str]) -> None:
    from tests.benchmarks.cases import CASES

    record = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        for number, case in enumerate(CASES):
            if wanted and not case.name.startswith(tuple(wanted)):
                continue
            try:
                found = measured(number, folder)
            except RuntimeError as error:
                if "ModuleNotFoundError" not in str(error):
                    raise
                print(f"{case.name} is left out: {str(error).strip().splitlines()[-1]}", flush=True)
                continue
            record[case.name] = {**found, "against": case.against, "goal": case.goal}
            print(line(case.name, record[case.name]), flush=True)
            RECORD.write_text(json.dumps(record, indent=1) + "\n")
    write_page()


def measured(number: int, folder: str) -> dict:
    """Return what a case takes: both sides in turn, on all cores and on one, and the memory of each alone."""
    found = in_process(number, "both", folder)
    alone = in_process(number, "both", folder, cores=1)
    found["one core"] = {side: alone[side] for side in ("ours", "theirs")}
    found["memory"] = in_process(number, "ours", folder)["memory"]
    if found["theirs"]:
        found["their memory"] = in_process(number, "theirs", folder)["memory"]
    return found


def write_page() -> None:
    """Write the page of what is on record, what grows how included."""
    growth = json.loads(GROWTH.read_text()) if GROWTH.exists() else None
    PAGE.write_text(page(json.loads(RECORD.read_text())) + ("" if growth is None else "\n" + section(growth)))


def line(name: str, found: dict) -> str:
    against = f"{name}, against {found['against']}" if found["against"] else name
    goal = "" if found["goal"] is None else f"{found['goal']:g}" + ("" if found["theirs"] else " s")
    error = "" if found["error"] is None else f"{found['error']:.0e}"
    alone = found.get("one core", {"ours": [], "theirs": []})
    cells = [
        against,
        seconds(found["ours"]),
        seconds(found["theirs"]),
        ratio(found["ours"], found["theirs"]),
        goal,
        ratio(found.get("ours cpu", []), found.get("theirs cpu", [])),
        ratio(alone["ours"], alone["theirs"]),
        f"{found['memory']:.0f}",
        f"{found['their memory']:.0f}" if "their memory" in found else "",
        error,
        f"{found['load']:.1f}" if "load" in found else "",
    ]
    return f"| {' | '.join(cells)} |"


def ratio(ours: list[float], theirs: list[float]) -> str:
    """Return the median ratio of pairs; none of what took no time that the system counts."""
    if not theirs or min(theirs) <= 0:
        return ""
    return f"{statistics.median(a / b for a, b in zip(ours, theirs, strict=True)):.2g}"


def seconds(values: list[float]) -> str:
    """Return the median, and the range if there is one to see."""
    if not values:
        return ""
    unit, factor = ("s", 1) if statistics.median(values) >= 1 else ("ms", 1000)
    middle, low, high = (f"{factor * one:.3g}" for one in (statistics.median(values), min(values), max(values)))
    return f"{middle} {unit}" if low == high else f"{middle} {unit} ({low} to {high})"


def page(record: dict) -> str:
    rows = "\n".join(line(name, found) for name, found in sorted(record.items()))
    loads = [found["load"] for found in record.values() if "load" in found]
    load = f"; the load was {min(loads):.1f} to {max(loads):.1f}" if loads else ""
    return f"""# Performance

Measured by `python -m tests.benchmarks` on {platform.machine()}, 2 cores, without a GPU: medians of alternating pairs in one
process, with their range, after a first call of each{load}. Ratios are ours by theirs: of seconds of the clock, with two threads;
of seconds of all processors together, which other work on the machine changes less; and of seconds with one thread on one
core. Memory is what a second call takes above what there was before it, at its peak, in
MB, of each side alone in a process; a mapped file does not count. The error is the largest difference, relative to the
largest value. Machines are noisy: the ratio is what counts.

| work | ours | theirs | ratio | goal | in CPU seconds | on one core | MB | their MB | error | load |
|---|---|---|---|---|---|---|---|---|---|---|
{rows}

Where a goal is missed:

- e1, e2: XLA takes .74 of PyTorch's whole time for the two products with the atlas alone (e4), before anything else is done.
  PyTorch is compiled where that is faster; as it comes it takes a tenth to a fifth longer.
- g: three fifths of the time are the products of the step, for which XLA takes as long as NumPy (g2), a tenth the decompositions of
  the confounds; the rest are passes over series and connectomes from memory.
- i: one product of the series with itself is needed, and XLA alone takes .73 for it (i2): it has no routine that computes the half
  of what is symmetric. Three quarters of it, by blocks, take .66 to .72 of that. Why not BLAS:
  [decision 71](decisions/0071-products-are-those-of-xla.md).
- k: the mean is sought in single precision and looked at twice in double, where pyriemann takes every round in double. Of 22 s,
  12 are decompositions by LAPACK (1.7 s for a hundred in single precision, 2.4 in double), 7 the twelve products with the Hessian.
- n: a third of the time takes the affinity, most of it one product of 1,000 x 1,000; the ten eigenvectors take half, to rounding,
  where BrainSpace's are those of an approximation, without derivatives.
- s2: to read and average takes 3 of its seconds (s), smoothing the rest. At a
  border ours is the mean of the voxels that are there: without that the connectome is nilearn's to 1e-4.

j is at a gap of 2e-12, scikit-learn at 2e-4: it does not come nearer with its inner tolerance at 1e-6.

c2 takes between 0.9 and 1.3 of NumPy's product from run to run: XLA's own product alone takes 1.3.

## To install and to begin

The package with what it needs takes 954 MB (Linux, Python 3.11): JAX 380, SciPy and NumPy 216, pandas 84, scikit-learn 51,
Matplotlib and what it needs 80, nilearn 26. Without the last three groups it would be a fifth less, and have no tables, reports,
atlases and confound files: they are no extras. `import pydra_diffconn` takes .1 to .2 s, `diffconn --help` .24 s: nothing
of these is imported before it is used.
"""


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(int(sys.argv[2]), sys.argv[3], Path(sys.argv[4]))))
    else:
        main(sys.argv[1:])
