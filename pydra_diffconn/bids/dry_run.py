"""What a request would do: a line for each run, without reading an image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydra_diffconn.bids.app import Planned
from pydra_diffconn.bids.job import Job, Left, prepare
from pydra_diffconn.bids.process import first_row, one_line, reason_of
from pydra_diffconn.warn import heard

MB = 1e6
READ = 120.0  # MB of an image, uncompressed, that are decompressed and averaged in a second on a slow core
START = 1.5  # seconds for what does not depend on the size of the image
FIGURES = 0.3  # MB


def foreseen(planned: Planned) -> Iterable[dict[str, Any]]:
    """Yield the line of each run: numbers known from its tables, and what it will need or why it is left out."""
    for job in planned.jobs:
        yield _line(job)
    yield from planned.left_out


def _line(job: Job) -> dict[str, Any]:
    row = first_row(job)
    try:
        with heard() as said:
            prepared = prepare(job)
    except Left as reason:
        return {**row, "status": "skipped", "reason": str(reason)}
    except (ValueError, TypeError, OSError, EOFError) as error:
        return {**row, "status": "failed", "reason": one_line(error)}
    size = image_size(job)
    parcels = sum(len(one.labels) for one in job.atlases)
    written = len(job.atlases) * FIGURES + parcels * prepared.kept * 12 / MB
    written += sum(len(one.labels) ** 2 * 12 for one in job.atlases) * len(job.settings.connectomes) / MB
    voxelwise = job.settings.denoised or job.settings.alff or job.settings.reho
    return {
        **row,
        **prepared.numbers(),
        "status": "ready",
        "reason": reason_of([*prepared.notes, *said]),
        "regressors": prepared.design.shape[1],
        "disk_mb": round(written + size * (0.7 if job.settings.denoised else 0), 1),
        "memory_mb": round(memory_of(job)),
        "time_s": round(START + size / READ * (len(job.atlases) + (3 if voxelwise else 0)), 1),
    }


def image_size(job: Job) -> float:
    """Return the size of a run's image as float32, in MB."""
    size = 4.0
    for length in job.run.header[0]:
        size *= length
    return size / MB


def memory_of(job: Job) -> float:
    """Return about how much memory a job needs at most, in MB."""
    whole = job.settings.denoised or job.settings.alff or job.settings.reho or job.settings.smoothing
    return 500.0 + image_size(job) * (2.0 if whole else 0.1)


def totals(lines: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Return what all of it needs: runs, MB on disk, seconds in one process, MB of memory of the largest."""
    ready = [line for line in lines if line["status"] == "ready"]
    return {
        "runs": len(ready),
        "disk_mb": sum(line["disk_mb"] for line in ready),
        "time_s": sum(line["time_s"] for line in ready),
        "memory_mb": max((line["memory_mb"] for line in ready), default=0.0),
    }
