"""Measure what a cohort of tens of thousands would take, from images to connectomes and for a fit; write the page.

python -m tests.benchmarks.cohort

Images are as large as the resting runs of the UK Biobank (88 x 88 x 64 voxels, 490 frames). Each point is a process of
its own, nothing compiled before; seconds are those of all processors together.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydra.compose import workflow

from pydra_diffconn import Learn
from pydra_diffconn.blocks import BandPass, Correlation, Parcellate, RegressConfounds
from tests.benchmarks.growth import ROOT, Clock, in_process

SHAPE, FRAMES, TR, PARCELS, CONFOUNDS = (88, 88, 64), 490, 0.735, 100, 24
COHORT, EPOCHS, BATCH, HELD = 40_000, 5, 64, 64e6
PRICE = 0.05
"""Euros for an hour of one processor: an assumption, to be replaced by one's own."""
RECORD, PAGE = ROOT / "docs" / "performance-cohort.json", ROOT / "docs" / "large-studies.md"
BEGIN, END = "<!-- measured -->\n", "<!-- end of measured -->\n"


@workflow.define(outputs=["connectome"])
def OfImage(bold, confounds, atlas, tr: float):
    parcels = workflow.add(Parcellate(timeseries=bold, labels=atlas)).timeseries
    clean = workflow.add(RegressConfounds(timeseries=parcels, confounds=confounds)).timeseries
    band = workflow.add(BandPass(timeseries=clean, tr=tr, low=0.01, high=0.1)).timeseries
    return workflow.add(Correlation(timeseries=band)).connectome


@workflow.define(outputs=["connectome"])
def OfSeries(series, confounds, tr: float):
    clean = workflow.add(RegressConfounds(timeseries=series, confounds=confounds, penalty=Learn(0.1))).timeseries
    band = workflow.add(BandPass(timeseries=clean, tr=tr, low=Learn(0.01), high=Learn(0.1))).timeseries
    return workflow.add(Correlation(timeseries=band)).connectome


@dataclass(frozen=True)
class Part:
    """What is measured of some runs, and how many of them."""

    what: str
    sizes: tuple[int, ...]


PARTS = {
    "images": Part("a run's image (.nii.gz) to its connectome, as Pydra jobs", (1, 2, 4)),
    "fit": Part(
        f"a fit of {EPOCHS} epochs, {BATCH} runs of {FRAMES} x {PARCELS} a step, from files", (500, 1000, 2000)
    ),
}


def images(count: int, folder: Path) -> Any:
    """Return what computes the connectomes of images; they are smooth in time, as what is compressed is."""
    import nibabel as nib

    rng = np.random.default_rng(0)
    atlas = np.zeros(SHAPE, np.int16)
    inside = np.indices(SHAPE)
    brain = sum(((axis - size / 2) / (0.4 * size)) ** 2 for axis, size in zip(inside, SHAPE, strict=True)) < 1
    atlas[brain] = 1 + np.arange(brain.sum()) * PARCELS // brain.sum()
    nib.save(nib.Nifti1Image(atlas, np.diag([2.4, 2.4, 2.4, 1])), folder / "atlas.nii.gz")
    given: dict[str, list[Any]] = {"bold": [], "confounds": []}
    for number in range(count):
        data = np.zeros((*SHAPE, FRAMES), np.int16)
        data[brain] = 8000 + 60 * rng.standard_normal((brain.sum(), FRAMES), dtype=np.float32)
        image = nib.Nifti1Image(data, np.diag([2.4, 2.4, 2.4, 1]))
        image.header.set_zooms((2.4, 2.4, 2.4, TR))
        nib.save(image, folder / f"{number}.nii.gz")
        given["bold"].append(folder / f"{number}.nii.gz")
        given["confounds"].append(rng.standard_normal((FRAMES, CONFOUNDS)))
    task = OfImage(atlas=folder / "atlas.nii.gz", tr=TR).split(tuple(given), **given)
    return lambda: task(worker="debug", cache_root=folder / "cache")


def fitting(count: int, folder: Path) -> Any:
    from pydra_diffconn import Learning, Machine, fit, losses

    rng, given = np.random.default_rng(0), {"series": [], "confounds": []}
    for number in range(count):
        for name, columns in (("series", PARCELS), ("confounds", CONFOUNDS)):
            np.save(folder / f"{name}-{number}.npy", rng.standard_normal((FRAMES, columns), dtype=np.float32))
            given[name].append(folder / f"{name}-{number}.npy")
    task = OfSeries(tr=TR).split(tuple(given), **given)
    targets = np.broadcast_to(np.eye(PARCELS, dtype=np.float32), (count, PARCELS, PARCELS))
    how, on = Learning(batch_size=BATCH), Machine(memory=HELD)
    steps = -(-count * EPOCHS // BATCH)
    loss = losses.MeanSquaredError("connectome")
    return lambda: fit(task, loss, targets, steps=steps, how=how, on=on, progress=False)


def measure(name: str, count: int) -> dict[str, float]:
    """Return the seconds of processors, and MB above what was held, of some runs."""
    with tempfile.TemporaryDirectory() as made:
        call, clock = {"images": images, "fit": fitting}[name](count, Path(made)), Clock()
        clock(name, call)
        return {"seconds": clock.seconds[name], "memory": clock.memory[name]}


def rows(record: dict[str, Any]) -> list[str]:
    """Return the table: what was measured, and the straight line through it at the size of a cohort."""
    made = [
        "| work | runs measured | seconds | MB | beginning + a run (s) | 40,000 runs: hours of one core | euros |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, part in PARTS.items():
        points = record[name]
        each, begin = np.polyfit(part.sizes, [one["seconds"] for one in points], 1)
        hours = (max(begin, 0) + each * COHORT) / 3600
        cells = (
            part.what,
            " / ".join(f"{size:,}" for size in part.sizes),
            " / ".join(f"{one['seconds']:.3g}" for one in points),
            " / ".join(f"{one['memory']:.0f}" for one in points),
            f"{max(begin, 0):.2g} + {each:.3g}",
            f"{hours:.3g}",
            f"{hours * PRICE:.2g}",
        )
        made.append(f"| {' | '.join(cells)} |")
    return made


def write_page(record: dict[str, Any]) -> None:
    text = PAGE.read_text(encoding="utf-8")
    begin, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    said = (
        f"On {record['processor']}, by `python -m tests.benchmarks.cohort`; a process for each size, nothing compiled before, "
        "seconds of all processors together. Hours and euros are those of the straight line through the three sizes, "
        f"at {PRICE:.2f} euros for an hour of one core, which is an assumption: put your own price in."
    )
    PAGE.write_text("\n".join([text[:begin], said, "", *rows(record), "", text[end:]]), encoding="utf-8")


def main() -> None:
    record: dict[str, Any] = {"processor": f"{platform.machine()}, {os.cpu_count()} cores"}
    for name, part in PARTS.items():
        record[name] = []
        for size in part.sizes:
            record[name].append(in_process("tests.benchmarks.cohort", name, str(size)))
            print(name, size, record[name][-1], flush=True)
    RECORD.write_text(json.dumps(record, indent=1) + "\n")
    write_page(record)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))
    else:
        main()
