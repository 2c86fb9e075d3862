"""Each run as one job of Pydra, which never fails but says what went wrong: one bad run stops no other."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from fileformats.generic import Directory, File
from pydra.compose import python

from pydra_diffconn import pydra_compat
from pydra_diffconn.bids.atlas import Atlas
from pydra_diffconn.bids.components import component_files
from pydra_diffconn.bids.fmriprep import Run
from pydra_diffconn.bids.job import Job, custom_confounds
from pydra_diffconn.bids.settings import Settings
from pydra_diffconn.confound_models.strategies import Strategy

DERIVATIVES = "derivatives"


@python.define(outputs=["folder", "row"])
def ProcessRun(job: str, inputs: list[File], program: str, attempt: int = 0) -> tuple[Directory, str]:
    """Process one run of a folder.

    Parameters
    ----------
    job : str
        What is done, as text; see `described`.
    inputs : list of File
        What is read: their contents are what the result depends on.
    program : str
        What computes: this package's source, and the versions beside it.
    attempt : int
        How often the run failed before, so that a failure is never taken from the cache.
    """
    from pydra_diffconn.bids.process import process
    from pydra_diffconn.numerics.process import one_blas_thread

    folder = Path.cwd() / DERIVATIVES
    folder.mkdir(exist_ok=True)
    with one_blas_thread():
        row = process(understood(job), folder)
    return Directory(folder), json.dumps(row)


def processed(
    jobs: Sequence[Job],
    attempts: Sequence[int],
    cache: Path,
    worker: str,
    worker_settings: Mapping[str, Any] | None,
    watch: Any,
) -> Any:
    """Return the outputs of `ProcessRun` for all jobs; `attempts` says of each how often it failed before."""
    return _ran(ProcessRun, "runs", jobs, cache, worker, worker_settings, watch, attempt=list(attempts))


def _ran(
    kind: Any,
    stage: str,
    jobs: Sequence[Job],
    cache: Path,
    worker: str,
    worker_settings: Mapping[str, Any] | None,
    watch: Any,
    **more: list[Any],
) -> Any:
    """Run a task of this module for all jobs, split over them; return its outputs."""
    split = {
        "job": [described(job) for job in jobs],
        "inputs": [[File(path) for path in files_of(job)] for job in jobs],
        **more,
    }
    task = kind(program=program_version()).split(tuple(split), **split)
    cache.mkdir(parents=True, exist_ok=True)
    with contextlib.nullcontext() if watch is None else watch.stage(stage, len(jobs)):
        return task(worker=worker, cache_root=cache.resolve(), **(worker_settings or {}))


def files_of(job: Job) -> list[Path]:
    """Return the files that a job reads, those that can be; of others the job itself says why not."""
    run = job.run
    found = [run.bold, run.confounds, run.metadata, run.mask, *run.other.values()]
    if run.confounds is not None and job.strategy.components:
        found += component_files(job.strategy, run)
    if run.confounds is not None:
        with contextlib.suppress(ValueError):  # the job itself says what is missing
            found.append(custom_confounds(job))
    for atlas in job.atlases:
        found += [atlas.image, atlas.table]
    return [path for path in found if path is not None and path.is_file() and os.access(path, os.R_OK)]


def described(job: Job) -> str:
    """Return a job as text from which it can be made again."""
    return json.dumps(plain(job))


def understood(text: str) -> Job:
    """Return the job that a text describes."""
    found = json.loads(text)
    run, settings = found.pop("run"), found.pop("settings")
    paths = {name: Path(run[name]) if run[name] else None for name in ("root", "bold", "confounds", "metadata", "mask")}
    other = {desc: Path(path) for desc, path in run["other"].items()}
    strategy = found.pop("strategy")
    atlases = tuple(_atlas(one) for one in found.pop("atlases"))
    parameters = found.pop("parameters")
    return Job(
        Run(**{**run, **paths, "other": other}),
        Strategy(**{**strategy, "cite": tuple(strategy["cite"])}),
        Settings(**settings),
        atlases,
        parameters=Path(parameters) if parameters else None,
        history=tuple(found.pop("history")),
        **found,
    )


def _atlas(described: Mapping[str, Any]) -> Atlas:
    table = described["table"]
    parts = {"image": Path(described["image"]), "table": Path(table) if table else None}
    parts |= {name: tuple(described[name]) for name in ("labels", "names")}
    return Atlas(**{**described, **parts})


def plain(value: Any) -> Any:
    """Return a value as JSON has it: data classes by their fields, paths as text, NumPy's numbers as Python's."""
    if dataclasses.is_dataclass(value):
        return {one.name: plain(getattr(value, one.name)) for one in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return str(value) if isinstance(value, Path) else value.item() if hasattr(value, "item") else value


@functools.cache
def program_version() -> str:
    """Return what tells this version of the package, and what it computes with, from every other."""
    import pydra_diffconn

    total = hashlib.sha256(repr(pydra_compat.environment()).encode())
    for path in sorted(Path(pydra_diffconn.__file__).parent.rglob("*.py")):
        total.update(path.read_bytes())
    return total.hexdigest()


@python.define(outputs=["averages", "missing", "problem"])
def AverageParcels(job: str, inputs: list[File], program: str) -> tuple[np.ndarray, np.ndarray, str]:
    """Average the parcels of a run's atlas in every frame; what goes wrong is said, and never raised.

    Parameters
    ----------
    job, inputs, program
        As for `ProcessRun`.
    """
    from pydra_diffconn.bids import computing
    from pydra_diffconn.bids.process import one_line

    understood_job = understood(job)
    (atlas,) = understood_job.atlases
    try:
        averages, coverage = computing.averages(understood_job, atlas, Path.cwd())
    except (ValueError, TypeError, OSError, EOFError) as error:
        return np.zeros((0, len(atlas.labels))), np.ones(len(atlas.labels), bool), one_line(error)
    return averages, coverage < understood_job.settings.min_coverage, ""


def averages(
    jobs: Sequence[Job], cache: Path, worker: str, worker_settings: Mapping[str, Any] | None, watch: Any
) -> list[tuple[np.ndarray, np.ndarray, str]]:
    """Return of each run its parcels' averages, which parcels it lacks, and what went wrong."""
    reading = [replace(job, settings=_of_reading(job.settings)) for job in jobs]
    found = _ran(AverageParcels, "reading", reading, cache, worker, worker_settings, watch)
    return list(zip(found.averages, found.missing, found.problem, strict=True))


def _of_reading(settings: Settings) -> Settings:
    """Return the settings that decide what is read: others change nothing, and must not read again."""
    return Settings(smoothing=settings.smoothing, min_coverage=settings.min_coverage)
