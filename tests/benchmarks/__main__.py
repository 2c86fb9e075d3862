"""Measure all cases, or those whose names begin as given, and write docs/performance.md.

python -m tests.benchmarks [a c g]

Each case runs in processes of its own: one in which both sides alternate, for the ratio, and one for each side alone, for
its peak of memory.
"""

from __future__ import annotations

import ctypes
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
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
    from tests.benchmarks.cases import CASES, timed

    case = CASES[number](folder)
    if side in ("ours", "theirs"):
        getattr(case, side)()  # the first call loads modules and compiles
        return {"memory": peak_above(getattr(case, side))}
    first, a = timed(case.ours)
    _, b = timed(case.theirs)
    comparable = np.ndim(a) > 0 and np.shape(a) == np.shape(b) and "product" not in case.against
    error = float(np.max(np.abs(np.asarray(a) - b)) / max(1.0, np.max(np.abs(b)))) if comparable else None
    pairs = [(timed(case.ours), timed(case.theirs)) for _ in range(case.repeats)]
    if np.isscalar(a):  # the case measures seconds itself
        return {"ours": [pair[0][1] for pair in pairs], "theirs": [], "first": first, "error": None}
    times = {"ours": [pair[0][0] for pair in pairs], "theirs": [pair[1][0] for pair in pairs]}
    return {**times, "first": first, "error": error}


def in_process(number: int, side: str, folder: str) -> dict:
    command = [sys.executable, "-m", "tests.benchmarks", "--one", str(number), side, folder]
    found = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=1200)
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
            found = in_process(number, "both", folder)
            found["memory"] = in_process(number, "ours", folder)["memory"]
            if found["theirs"]:
                found["their memory"] = in_process(number, "theirs", folder)["memory"]
            record[case.name] = {**found, "against": case.against, "goal": case.goal}
            print(line(case.name, record[case.name]), flush=True)
    RECORD.write_text(json.dumps(record, indent=1) + "\n")
    write_page()


def write_page() -> None:
    """Write the page of what is on record, what grows how included."""
    growth = json.loads(GROWTH.read_text()) if GROWTH.exists() else None
    PAGE.write_text(page(json.loads(RECORD.read_text())) + ("" if growth is None else "\n" + section(growth)))


def line(name: str, found: dict) -> str:
    ours = statistics.median(found["ours"])
    if not found["theirs"]:
        goal = f"{1000 * found['goal']:.0f} ms"
        return f"| {name} | {1000 * ours:.0f} ms | | | {goal} | {found['memory']:.0f} | | |"
    theirs = statistics.median(found["theirs"])
    ratio = statistics.median(a / b for a, b in zip(found["ours"], found["theirs"], strict=True))
    goal = "" if found["goal"] is None else f"{found['goal']:g}"
    error = "" if found["error"] is None else f"{found['error']:.0e}"
    return (
        f"| {name}, against {found['against']} | {seconds(ours)} | {seconds(theirs)} | {ratio:.2g} | {goal} "
        f"| {found['memory']:.0f} | {found['their memory']:.0f} | {error} |"
    )


def seconds(value: float) -> str:
    return f"{value:.2f} s" if value >= 1 else f"{1000 * value:.1f} ms"


def page(record: dict) -> str:
    rows = "\n".join(line(name, found) for name, found in sorted(record.items()))
    return f"""# Performance

Measured by `python -m tests.benchmarks` on {platform.machine()}, 2 cores, without a GPU: medians of alternating pairs in one
process, after a first call of each. Memory is what a second call takes above what there was before it, at its peak, in
MB, of each side alone in a process; a mapped file does not count. The error is the largest difference, relative to the
largest value. Machines are noisy: the ratio is what counts.

| work | ours | theirs | ratio | goal | MB | their MB | error |
|---|---|---|---|---|---|---|---|
{rows}

Where a goal is missed:

- e2: the two products of a step take nine tenths of PyTorch's whole time; nothing else is left to save at this size.
- g: the products alone take 40 ms.
- i: one product of the series with itself is needed, and scikit-learn takes no more than two.
- j: to a gap that scikit-learn reaches only with its inner tolerance lowered, its compiled coordinate descent is faster than
  the sweeps here; those end at the optimum to rounding, which the derivative needs.
- n: the affinity is made in less than half of the time, most of it one product of 1,000 x 1,000; the ten eigenvectors take
  the rest, to rounding, where BrainSpace's are those of an approximation, without derivatives.

c2 takes between 0.9 and 1.3 of NumPy's product from run to run: XLA's own product alone takes 1.3.
"""


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(int(sys.argv[2]), sys.argv[3], Path(sys.argv[4]))))
    else:
        main(sys.argv[1:])
