"""What was measured, as docs/performance-gpu.md."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

SIDES = ("value, float64", "gradient, float64", "value, float32", "gradient, float32")
WORST = {"value, float64": 1e-9, "gradient, float64": 1e-8, "value, float32": 1e-4, "gradient, float32": 1e-2}


def page(record: Mapping[str, Any]) -> str:
    """Return the page of a record; what was not measured does not appear."""
    sections = [_head(record)]
    for part, section in (
        ("steps", _steps),
        ("memory", _memory),
        ("decompositions", _decompositions),
        ("fit", _fit),
        ("parity", _parity),
    ):
        if part in record:
            sections.append(section(record))
    failed = [row["failed"] for part in record.values() if isinstance(part, list) for row in part if "failed" in row]
    if failed:
        sections.append("## Failed\n\n" + "\n".join(f"- {one.strip().splitlines()[-1]}" for one in failed))
    return "\n\n".join(sections) + "\n"


def _head(record: Mapping[str, Any]) -> str:
    machine = record["machine"]
    limits = machine.get("limits", {})
    took = ", ".join(f"{part} {seconds:.0f} s" for part, seconds in record["took"].items())
    return f"""# Performance on a GPU

Measured by `python -m tests.benchmarks.gpu` on one {machine.get("device", "?")} with JAX {machine.get("jax", "?")} ({took}).
What the device does at most was measured, too: products of 8192 x 8192 at {limits.get("float32", 0):.0f} TFLOP/s in float32,
{limits.get("tensorfloat32", 0):.0f} in tensorfloat32, {limits.get("float64", 0):.0f} in float64; {limits.get("bytes", 0):.2f} TB/s read and
written. Products are computed with all digits unless `JAX_DEFAULT_MATMUL_PRECISION` says otherwise."""


def _median(row: Mapping[str, Any]) -> float:
    return statistics.median(row["seconds"]) if isinstance(row["seconds"], Sequence) else float(row["seconds"])


def _spread(row: Mapping[str, Any]) -> str:
    return f"{1000 * _median(row):.2f} ({1000 * min(row['seconds']):.2f}-{1000 * max(row['seconds']):.2f})"


def _steps(record: Mapping[str, Any]) -> str:
    theirs: dict[tuple[str, str], dict[str, Any]] = {}
    for row in record.get("torch", []):
        if "seconds" in row:
            theirs.setdefault((row["step"], row["precision"]), {})[row["how"]] = row
    lines = []
    for row in record["steps"]:
        if "failed" in row:
            continue
        peers = theirs.get((row["step"], row["precision"]), {})
        best = min((_median(one) for one in peers.values()), default=None)
        told = [_spread(peers[how]) if how in peers else "" for how in ("eager", "compiled")]
        ratio = "" if best is None else f"{_median(row) / best:.2f}"
        lines.append(
            f"| {row['step']} | {row['precision']} | {_spread(row)} | {told[0]} | {told[1]} | {ratio} "
            f"| {row['flops'] / 1e9:.0f} | {row['moved'] / 1e9:.2f} | {row['limit']} "
            f"| {100 * row['least'] / _median(row):.0f} % | {row['memory'] / 1e9:.2f} | {row['ready']:.0f} |"
        )
    rows = "\n".join(lines)
    return f"""## A training step

Loss, gradients and Adam of all runs at once, in ms (median and range of seven rows of steps). PyTorch does the same
work, as it comes and by `torch.compile`; the ratio is to the quicker of both. Operations, bytes and memory are the compiled
program's. The share is what the nearer of the device's two limits would take, of what was taken; decompositions count
for nothing in it.

| step | precision | ours | PyTorch | compiled | ratio | GFLOP | GB | nearer limit | share | GB held | s to compile |
|---|---|---|---|---|---|---|---|---|---|---|---|
{rows}"""


def _memory(record: Mapping[str, Any]) -> str:
    row = record["memory"][-1]
    if "failed" in row:
        return "## The largest batch\n\nnot measured"
    return f"""## The largest batch

A step of the gated regression above, of runs of {row["frames"]} x 400, takes {row["each"] / 1e6:.1f} MB a run: {row["fits"]:,} runs
would fill nine tenths of the {row["total"] / 1e9:.0f} GB. A step of {row["runs"]:,} took {row["seconds"]:.2f} s and {row["peak"] / 1e9:.1f} GB."""


def _decompositions(record: Mapping[str, Any]) -> str:
    rows = [row for row in record["decompositions"] if "of" in row]
    kinds = list(dict.fromkeys((row["batch"], row["size"]) for row in rows))
    lines = []
    for name in dict.fromkeys(row["of"] for row in rows):
        found = {(row["batch"], row["size"]): row["seconds"] for row in rows if row["of"] == name}
        lines.append(f"| {name} | " + " | ".join(f"{1000 * found[kind]:.2f}" for kind in kinds) + " |")
    head = " | ".join(f"{batch} of {size}" for batch, size in kinds)
    rule = "|---" * (len(kinds) + 1) + "|"
    return f"## Decompositions of batches\n\nIn ms, float32.\n\n| | {head} |\n{rule}\n" + "\n".join(lines)


def _fit(record: Mapping[str, Any]) -> str:
    sides = record["fit"]
    if any("failed" in side for side in sides.values()):
        return "## A fit\n\nfailed: " + "; ".join(side.get("failed", "")[-300:] for side in sides.values())
    pairs = [
        (one, other)
        for name, values in sides["accelerator"].items()
        for one, other in zip(values, sides["cpu"][name], strict=True)
    ]
    worst = max(abs(one - other) / max(1.0, abs(other)) for one, other in pairs)
    return f"""## A fit

Thirty steps of gates, band and QC-FC in float64 end at the same {len(pairs)} values as on the CPU, to {worst:.0e}."""


def _parity(record: Mapping[str, Any]) -> str:
    rows = [row for row in record["parity"] if "value, float64" in row]
    worst: dict[str, dict[str, float]] = {}
    for row in rows:
        mine = worst.setdefault(row["block"], {})
        for side in SIDES:
            if row[side] is not None:
                mine[side] = max(mine.get(side, 0.0), row[side])
    lines = [
        f"| {name} | " + " | ".join(f"{mine[side]:.0e}" if side in mine else "" for side in SIDES) + " |"
        for name, mine in sorted(worst.items())
    ]
    over = sorted({n for n, mine in worst.items() for side, most in WORST.items() if mine.get(side, 0.0) > most})
    told = f"Over them are {', '.join(over)}." if over else "None is over them."
    limits = ", ".join(f"{most:.0e} ({side})" for side, most in WORST.items())
    missing = [row["missing"] for row in record["parity"] if "missing" in row]
    left = f" Not compared, for want of an oracle's library: {'; '.join(missing)}." if missing else ""
    return f"""## Each block against the CPU

{len(rows)} cases of {len(worst)} blocks, against the CPU in float64: the largest differences, relative to the largest value where that
is above 1. Looked at is what is over {limits}. {told}{left}

| block | {" | ".join(SIDES)} |
|---|---|---|---|---|
""" + "\n".join(lines)
