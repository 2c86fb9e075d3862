"""Measure on a machine with one NVIDIA GPU, in less than five minutes, and write docs/performance-gpu.md.

python -m tests.benchmarks.gpu [--small] [--out FOLDER] [parity fit steps torch memory decompositions]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.benchmarks.gpu import page

ROOT = Path(__file__).parents[3]
SHARES = 4  # processes that compare blocks side by side: compiling takes most of their time
PARTS = ("decompositions", "steps", "torch", "memory", "fit", "parity")
SHARED = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", "XLA_FLAGS": "--xla_gpu_autotune_level=0"}
ALONE = {"XLA_PYTHON_CLIENT_MEM_FRACTION": "0.95"}


def in_process(part: str, *arguments: str, **environment: str) -> list[dict[str, Any]]:
    """Run a part in a process; return its rows, or one that says how it failed."""
    command = [sys.executable, "-m", "tests.benchmarks.gpu", "--one", part, *arguments]
    # both processors are asked for by name: the CPU is the reference
    settings = {"JAX_PLATFORMS": "cuda,cpu", **os.environ, **environment}
    found = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=settings, check=False)
    rows = [json.loads(line) for line in found.stdout.splitlines() if line.startswith("{")]
    if found.returncode:
        rows.append({"failed": f"{part}: {found.stderr[-1500:]}"})
    return rows


def measured(wanted: list[str], small: list[str]) -> Iterator[dict[str, Any]]:
    """Yield the record after each part: what comes later may take too long for the machine's time."""
    record: dict[str, Any] = {"machine": in_process("machine", *small, **ALONE)[-1], "took": {}}
    if "failed" in record["machine"]:
        raise SystemExit(record["machine"]["failed"])
    limits = json.dumps(record["machine"]["limits"])
    for part in wanted:
        began = time.perf_counter()
        if part == "parity":
            with ThreadPoolExecutor(SHARES) as pool:
                shares = pool.map(lambda n: in_process("parities", str(n), str(SHARES), **SHARED), range(SHARES))
                record[part] = [row for rows in shares for row in rows]
        elif part == "fit":
            sides = {"accelerator": {}, "cpu": {"JAX_PLATFORMS": "cpu"}}
            record[part] = {side: in_process("fitted", *small, **settings)[-1] for side, settings in sides.items()}
        elif part == "steps":
            record[part] = in_process("ours", *small, "--limits", limits, **ALONE)
        elif part == "torch":
            record[part] = in_process("theirs", *small, XLA_PYTHON_CLIENT_PREALLOCATE="false")
        else:
            record[part] = in_process({"memory": "largest"}.get(part, part), *small, **ALONE)
        record["took"][part] = time.perf_counter() - began
        print(f"{part}: {record['took'][part]:.0f} s", flush=True)
        yield record


def one(part: str, arguments: list[str], small: bool, limits: str) -> None:
    """Print the rows of a part, as they come."""
    from tests.benchmarks.gpu import parts

    if part == "parities":
        found: Any = parts.parities(*map(int, arguments))
    elif part == "ours":
        found = parts.ours(small, json.loads(limits))
    else:
        found = getattr(parts, part)(small)
    for row in found if isinstance(found, Iterable) and not isinstance(found, dict) else [found]:
        print(json.dumps(row), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wanted", nargs="*")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--limits", default="{}", help=argparse.SUPPRESS)
    parser.add_argument("--small", action="store_true", help="small sizes, to try the command on any machine")
    parser.add_argument("--out", type=Path, default=ROOT / "docs")
    given = parser.parse_args()
    if given.one:
        one(given.wanted[0], given.wanted[1:], given.small, given.limits)
        return
    given.out.mkdir(parents=True, exist_ok=True)
    for record in measured(given.wanted or list(PARTS), ["--small"] if given.small else []):
        (given.out / "performance-gpu.json").write_text(json.dumps(record, indent=1) + "\n")
        (given.out / "performance-gpu.md").write_text(page.page(record))


if __name__ == "__main__":
    main()
