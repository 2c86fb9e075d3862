"""One run of a folder: read, denoised by the workflow, and written as derivatives into a folder."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydra_diffconn.bids.job import Job, Left, prepare
from pydra_diffconn.warn import heard


def process(job: Job, folder: Path) -> dict[str, Any]:
    """Process a run; return its line of the status table. What goes wrong is told there, and never raised.

    Parameters
    ----------
    job : Job
    folder : path
        Where the derivatives are written, as they lie in a data set.
    """
    from pydra_diffconn.bids import computing, outputs, voxelwise

    started = time.perf_counter()
    row = first_row(job)
    try:
        with heard() as said:
            prepared = prepare(job)
            row.update(prepared.numbers())
            outputs.write_tables(prepared, folder)
            found = [computing.compute(prepared, atlas, folder) for atlas in job.atlases]
            for one in found:
                outputs.write_atlas(prepared, one, folder)
            if job.settings.denoised or job.settings.alff or job.settings.reho:
                voxelwise.write_images(prepared, folder)
        row.update(outputs.numbers_of(found), status="done", reason=reason_of([*prepared.notes, *said]))
    except Left as reason:
        row.update(status="skipped", reason=str(reason))
    except MemoryError:
        row.update(status="failed", reason="not enough memory; give fewer processes (--nprocs)")
    except (ValueError, TypeError, OSError, EOFError, ArithmeticError) as error:
        row.update(status="failed", reason=one_line(error))
    row["seconds"] = round(time.perf_counter() - started, 2)
    return row


def first_row(job: Job) -> dict[str, Any]:
    """Return what the status table says of a run before anything is read."""
    run = job.run
    return {
        "source": run.name,
        "participant_id": f"sub-{run.entities['sub']}",
        "session": run.entities.get("ses"),
        "task": run.entities.get("task"),
        "run": run.entities.get("run"),
        "space": run.space,
        "strategy": job.strategy.name,
        "bold": run.bold.relative_to(run.root).as_posix(),
    }


def one_line(error: BaseException | str) -> str:
    """Return an error as one line; those without words by their kind."""
    said = " ".join(str(error).split())
    return said or type(error).__name__


def reason_of(notes: Iterable[str]) -> str | None:
    """Return what was noted of a run that is done as its reason: each once, in one line."""
    return "; ".join(dict.fromkeys(map(one_line, notes))) or None
