"""The participant level: every run of a folder as a job, and what they leave put into the output folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydra_diffconn.bids import derivatives, fmriprep, jobs, outputs
from pydra_diffconn.bids.atlas import Atlas, available, find
from pydra_diffconn.bids.fmriprep import Run
from pydra_diffconn.bids.job import Job
from pydra_diffconn.bids.process import first_row, one_line
from pydra_diffconn.bids.settings import Settings, settings
from pydra_diffconn.bids.status import read_status, update_status
from pydra_diffconn.confound_models.strategies import Strategy, strategy
from pydra_diffconn.files import whole_file
from pydra_diffconn.warn import warn

SETTINGS = "settings.json"
LOCK = ".diffconn.lock"
DEFAULT_STRATEGY = "36P"


@dataclass(frozen=True)
class Request:
    """What is asked for: which runs of which folder, how, and where to."""

    root: Path
    out: Path
    participants: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    spaces: tuple[str, ...] = ()
    atlases: tuple[str, ...] = ()
    atlas_folders: tuple[Path, ...] = ()
    strategies: tuple[str, ...] = (DEFAULT_STRATEGY,)
    given: Mapping[str, Any] = field(default_factory=dict)
    """Settings that were asked for; they go before those of a strategy."""
    parameters: Path | None = None
    work: Path | None = None

    @property
    def cache(self) -> Path:
        """Pydra's cache."""
        return self.out / "work" if self.work is None else self.work


@dataclass(frozen=True)
class Planned:
    """The jobs of a request, and the runs that will not be processed, each with its reason."""

    jobs: list[Job]
    left_out: list[dict[str, Any]]
    """Lines of the status table."""
    notes: list[str]
    """What was found and is not used, such as an atlas that cannot be read."""


def plan(request: Request) -> Planned:
    """Find the runs, strategies and atlases of a request.

    Raises
    ------
    ValueError
        If something that is asked for is not there: a folder, person, space, atlas, strategy or setting.
    """
    strategies = [strategy(name) for name in request.strategies]
    names = [one.name for one in strategies]
    if len(set(names)) < len(names):
        raise ValueError(f"strategies are {', '.join(names)}; expected each once")
    runs = fmriprep.runs(request.root, request.participants, request.sessions, request.tasks, request.spaces)
    found, reasons = _atlases(request, runs)
    planned, left_out = [], _unreadable(request, names)
    for one in strategies:
        values, learned = _settings(request, one)
        for run in runs:
            fitting = tuple(found[run.kind, run.space])
            job = Job(run, one, values, fitting, len(strategies) > 1, **learned)
            if fitting:
                planned.append(job)
            else:
                reason = f"no atlas for the space {run.space}: {reasons[run.kind, run.space]}"
                left_out.append({**first_row(job), "status": "skipped", "reason": reason})
    if not planned:
        raise ValueError(f"no run has an atlas; {left_out[0]['reason']}")
    unused = [f"{kind} in {space}: {why}" for (kind, space), why in reasons.items() if found[kind, space]]
    return Planned(planned, left_out, unused)


def _unreadable(request: Request, strategies: Sequence[str]) -> list[dict[str, Any]]:
    """Return lines of the status table for folders that cannot be listed: which runs are in them nobody can tell."""
    lines = []
    for path, reason in fmriprep.unreadable(request.root.absolute(), request.participants, request.sessions):
        parts = [part for part in path.relative_to(request.root.absolute()).parts if part[:4] in ("sub-", "ses-")]
        told = f"the folder {path} cannot be read ({reason}); chmod -R u+rX it, or ask its owner to"
        session = parts[1].removeprefix("ses-") if len(parts) > 1 else None
        line = {"source": "_".join(parts), "participant_id": parts[0], "session": session}
        lines += [{**line, "strategy": one, "status": "failed", "reason": told} for one in strategies]
    return lines


def _settings(request: Request, one: Strategy) -> tuple[Settings, dict[str, Any]]:
    """Return the settings of a strategy, with what was learned, and what is recorded of that."""
    where = f"strategy {one.name}" if one.processing else "settings"
    given = {**one.processing, **request.given}
    if request.parameters is None:
        return settings(given, where), {}
    from pydra_diffconn.bids.learned import learned_settings

    changed, recorded = learned_settings(request.parameters)
    return settings({**given, **changed}, str(request.parameters)), recorded


def _atlases(request: Request, runs: Iterable[Run]) -> tuple[dict[Any, list[Atlas]], dict[Any, str]]:
    """Return the atlases for each kind and space of runs, and why there are none."""
    folders = [*request.atlas_folders, request.root / "atlases"]
    wanted = list(request.atlases) or sorted({one.name for one in available(folders)})
    if not wanted:
        raise ValueError(
            f"no atlas is given, and there is none in {request.root / 'atlases'}; give --atlases NAME or the path of "
            "an image of labels (`diffconn atlas list` shows which there are)"
        )
    places = sorted({(run.kind, run.space) for run in runs})
    found: dict[Any, list[Atlas]] = {place: [] for place in places}
    reasons: dict[Any, str] = {}
    for spec in wanted:
        refused = [_add_atlas(found[kind, space], spec, folders, space, kind) for kind, space in places]
        if request.atlases and None not in refused:
            raise ValueError(refused[0])
        reasons |= {place: why for place, why in zip(places, refused, strict=True) if why and place not in reasons}
    if not any(found.values()):
        raise ValueError(next(iter(reasons.values())))
    return found, reasons


def _add_atlas(found: list[Atlas], spec: str, folders: Sequence[Path], space: str, kind: str) -> str | None:
    """Add an atlas to those of a kind and space of runs; return why it does not fit, None if it does."""
    try:
        atlas = find(spec, folders, space, kind)
    except (ValueError, OSError) as error:
        return one_line(error)
    if twin := next((one for one in found if one.name == atlas.name), None):
        raise ValueError(
            f"{twin.image} and {atlas.image} would both be called {atlas.name} in names of files; rename one of them"
        )
    found.append(atlas)
    return None


def participant(
    request: Request, worker: str = "cf", worker_settings: Mapping[str, Any] | None = None, watch: Any = None
) -> list[dict[str, Any]]:
    """Process the runs of a request; return their lines of the status table.

    Parameters
    ----------
    request : Request
    worker : str
        Of Pydra: "debug", "cf", "slurm", "dask", ...
    worker_settings : mapping, optional
        Such as `n_procs`.
    watch : optional
        Shows progress: its `stage(name, total)` is a context manager.
    """
    planned = plan(request)
    prepare_output(request, planned)
    before = read_status(request.out)
    again = {(row.source, row.strategy) for row in before.itertuples() if row.status == "failed"}
    attempts = [int((job.run.name, job.strategy.name) in again) for job in planned.jobs]
    results = jobs.processed(planned.jobs, attempts, request.cache, worker, worker_settings, watch)
    rows = []
    for job, folder, row in zip(planned.jobs, results.folder, results.row, strict=True):
        rows.append(json.loads(row))
        publish(job, Path(str(folder)), rows[-1], request.out)
    rows += planned.left_out
    for note in planned.notes:
        warn(f"an atlas is not used: {note}")
    with locked(request.out):
        update_status(request.out, rows)
    return rows


def prepare_output(request: Request, planned: Planned) -> None:
    """Describe the data set; refuse a folder that holds results of other settings."""
    out = request.out
    if out.resolve() == request.root.resolve():
        raise ValueError(f"{out} is the folder of the input; give another one for the results")
    out.mkdir(parents=True, exist_ok=True)
    with locked(out):
        _require_same_settings(out, planned.jobs)
        links = {outputs.INPUT: request.root.resolve().as_uri()}
        version = fmriprep.description(request.root).get("GeneratedBy") or [{}]
        sources = [{"URL": request.root.resolve().as_uri(), "Version": str(version[0].get("Version", "n/a"))}]
        derivatives.write_description(out, "Functional connectomes by pydra-diffconn", sources, links)
        for name in ("participants.tsv", "participants.json"):
            if (request.root / name).is_file():
                _copy(request.root / name, out / name)


def _require_same_settings(out: Path, planned: Sequence[Job]) -> None:
    """Record the settings of a folder; refuse others, under which results of both would lie side by side."""
    recorded = {
        job.strategy.name: {**job.settings.recorded(), "learned": job.parameters_hash, "several": job.several}
        for job in planned
    }
    path = out / SETTINGS
    before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for name in before:
        if name not in recorded:
            raise ValueError(
                f"{out} holds results of the strategy {name}; give another folder, or all strategies at once "
                f"(-p {' -p '.join([*before, *recorded])}) for a new one"
            )
    for name, values in recorded.items():
        if name not in before and before:
            raise ValueError(f"{out} holds results of {', '.join(before)}; give another folder for {name}")
        for key, value in values.items():
            known = before.get(name, values).get(key)
            if known != value:
                raise ValueError(
                    f"{out} holds results with {key} = {known!r}, and {value!r} is asked for; give another folder"
                )
    derivatives.write_json(path, recorded)


def publish(job: Job, made: Path, row: Mapping[str, Any], out: Path) -> None:
    """Put a run's files into the output folder, each at once; what an earlier run left there and is no more goes."""
    with locked(out):
        fresh = (
            {path.relative_to(made) for path in made.rglob("*") if path.is_file()} if row["status"] == "done" else set()
        )
        manifest = out / "logs" / f"{job.run.name}{f'_desc-{job.desc}' if job.desc else ''}.json"
        before = json.loads(manifest.read_text(encoding="utf-8"))["files"] if manifest.exists() else []
        for name in set(before) - {one.as_posix() for one in fresh}:
            if Path(name).name.startswith(job.run.name):  # others belong to the run in every space
                (out / name).unlink(missing_ok=True)
        for path in sorted(fresh):
            _copy(made / path, out / path)
        derivatives.write_json(manifest, {"row": dict(row), "files": sorted(one.as_posix() for one in fresh)})


def _copy(source: Path, target: Path) -> None:
    with whole_file(target) as beside:
        shutil.copyfile(source, beside)


def locked(out: Path) -> Any:
    """Keep others from writing into an output folder meanwhile."""
    import filelock

    return filelock.FileLock(out / LOCK, timeout=600)
