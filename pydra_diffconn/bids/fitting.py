"""Learning over a folder: its runs as one task, a fair comparison, the learned parameters and a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pydra_diffconn.bids import jobs
from pydra_diffconn.bids.app import Request, plan
from pydra_diffconn.bids.fit_config import FitConfig
from pydra_diffconn.bids.job import Job, Left, Prepared, prepare, workflow_settings
from pydra_diffconn.bids.learning import loss_and_scores
from pydra_diffconn.bids.postprocess import Postprocess
from pydra_diffconn.bids.process import one_line
from pydra_diffconn.confound_models.strategies import strategy
from pydra_diffconn.learning.comparing import compare
from pydra_diffconn.learning.comparison import Comparison
from pydra_diffconn.learning.fitting import fit
from pydra_diffconn.learning.scoring import Pipeline
from pydra_diffconn.losses.identifiability import LEAST_PEOPLE

PER_RUN = ("framewise_displacement", "std_dvars", "design", "used", "tr")


@dataclass(frozen=True)
class Data:
    """The runs of a folder that are learned from."""

    jobs: list[Job]
    averages: list[np.ndarray]
    """(frames, parcels) of each run, those parcels alone that every run has."""
    prepared: Mapping[str, list[Prepared]]
    """Of each strategy."""
    left_out: list[tuple[str, str]]
    """Names of runs, and why."""
    parcels: list[str]
    missing: list[str]
    """Parcels that some run lacks, which nothing is learned from."""


@dataclass(frozen=True)
class Outcome:
    """What a fit over a folder found."""

    data: Data
    result: Any
    comparison: Comparison
    targets: Mapping[str, np.ndarray]
    classical: Mapping[str, list[Any]]
    """Of each learned setting: what the classical pipelines have, each value once."""


def fit_folder(
    request: Request, config: FitConfig, worker: str = "cf", worker_settings: Mapping[str, Any] | None = None,
    watch: Any = None, progress: bool = True,
) -> Outcome:  # fmt: skip
    """Learn over the runs of a folder, and compare with the best classical pipelines.

    Raises
    ------
    ValueError
        If there are too few people or sessions for the loss, or for the folds, or a column is missing.
    """
    data = read(request, config, worker, worker_settings, watch)
    targets, groups = _targets(data, config, request.root)
    if config.folds > len(set(groups)):
        raise ValueError(
            f"folds = {config.folds}, and there are {len(set(groups))} groups ({config.groups}) to learn from; "
            f"expected 2 to {len(set(groups))}"
        )
    loss, scores = loss_and_scores(config.loss, config.retention)
    fitted = task_of(data, config, config.strategy, config.connectome)
    import optax

    own = settings_of(data, config, config.strategy, config.connectome)
    how: dict[str, Any] = {
        "learn": config.learnables(own), "steps": config.steps, "groups": groups, "seed": config.seed,
        "progress": progress,
    }  # fmt: skip
    validation = float(config.validation)  # 0: nobody is held out
    comparison = compare(
        fitted, loss, targets, classical=classical_pipelines(data, config), scores=scores,
        folds=config.folds, validation=validation, optimizer=optax.adam(config.step_size), **how,
    )  # fmt: skip
    result = fit(fitted, loss, targets, validation=validation, optimizer=optax.adam(config.step_size), **how)
    return Outcome(data, result, comparison, targets, classical_values(data, config))


def read(request: Request, config: FitConfig, worker: str, worker_settings: Any, watch: Any) -> Data:
    """Average the parcels of every run, each once, and read its tables by each strategy."""
    names = list(dict.fromkeys([config.strategy, *(one["strategy"] for one in config.grid())]))
    planned = plan(replace(request, strategies=(config.strategy,)))
    if len({len(one.atlases) for one in planned.jobs} | {1}) > 1:
        raise ValueError(f"the runs fit {len(planned.jobs[0].atlases)} atlases; give one: atlas = 'NAME'")
    spaces = sorted({job.run.space for job in planned.jobs})
    if len(spaces) > 1:
        raise ValueError(f"the runs are in the spaces {', '.join(spaces)}; give one: space = {spaces[0]!r}")
    usable: list[tuple[Job, dict[str, Prepared]]] = []
    left_out = [(row["source"], str(row["reason"])) for row in planned.left_out]
    for job in planned.jobs:
        try:
            usable.append((job, {name: prepare(replace(job, strategy=strategy(name))) for name in names}))
        except (Left, ValueError, OSError, EOFError) as error:
            left_out.append((job.run.name, one_line(error)))
    if not usable:
        raise ValueError(f"no run can be learned from; the first: {left_out[0][0]}: {left_out[0][1]}")
    found = jobs.averages([job for job, _ in usable], request.cache, worker, worker_settings, watch)
    kept: list[tuple[Job, dict[str, Prepared]]] = []
    arrays: list[np.ndarray] = []
    gone = np.zeros(len(usable[0][0].atlases[0].labels), bool)
    for (job, tables), (array, missing, problem) in zip(usable, found, strict=True):
        if problem:
            left_out.append((job.run.name, problem))
            continue
        kept.append((job, tables))
        arrays.append(array)
        gone |= missing
    parcels = list(kept[0][0].atlases[0].names) if kept else []
    if not kept or gone.all():
        raise ValueError(f"no run can be learned from: {left_out[0][1] if left_out else 'no parcel is in all runs'}")
    return Data(
        [job for job, _ in kept], [array[:, ~gone] for array in arrays],
        {name: [tables[name] for _, tables in kept] for name in names}, left_out,
        [name for name, out in zip(parcels, gone, strict=True) if not out],
        [name for name, out in zip(parcels, gone, strict=True) if out],
    )  # fmt: skip


def settings_of(data: Data, config: FitConfig, name: str, connectome: str) -> dict[str, Any]:
    """Return the settings that all runs share, by a strategy, where nothing is learned."""
    given = workflow_settings(data.prepared[name][0])
    alike = {key: value for key, value in given.items() if key not in PER_RUN}
    if "fd_threshold" in config.learn and not alike["fd_softness"]:
        alike["fd_softness"] = 0.05
    if alike["shrinkage"] is None and connectome != "pearson" and "shrinkage" in (*config.learn, *config.classical):
        alike["shrinkage"] = 0.1
    return alike


def classical_values(data: Data, config: FitConfig) -> dict[str, list[Any]]:
    """Return, of each learned setting, what the classical pipelines have, each value once."""
    found: dict[str, list[Any]] = {name: [] for name in config.learn}
    for one in config.grid():
        own = {**settings_of(data, config, one["strategy"], one["connectome"]), **one}
        for name, values in found.items():
            value = None if name == "shrinkage" and one["connectome"] == "pearson" else own[name]
            if value not in values:
                values.append(value)
    return found


def task_of(data: Data, config: FitConfig, name: str, connectome: str) -> Any:
    """Return the workflow of a run, split over all runs, with the regressors of a strategy."""
    given = [workflow_settings(one) for one in data.prepared[name]]
    alike = settings_of(data, config, name, connectome)
    split: dict[str, list[Any]] = {"bold": data.averages}
    for key in PER_RUN:
        values = [one[key] for one in given]
        if any(value is None for value in values):
            if any(value is not None for value in values):
                raise ValueError(f"some runs have {key} and others none; leave out what differs, or dummy scans")
            continue
        split[key] = values
    if set(map(str, split["tr"])) == {str(split["tr"][0])}:
        alike["tr"] = split.pop("tr")[0]
    parcels = tuple(range(1, len(data.parcels) + 1))
    if alike["fd_threshold_final"] is not None and "fd_threshold" in (*config.learn, *config.classical):
        raise ValueError(
            "fd_threshold_final cannot be kept below an fd_threshold that is learned or chosen; leave one out"
        )
    task = Postprocess(labels=np.array(parcels), parcels=parcels, connectome=connectome, **alike)
    return task.split(tuple(split), **split)


def classical_pipelines(data: Data, config: FitConfig) -> list[Pipeline]:
    """Return the classical pipelines of the grid; those of one strategy and kind share a task."""
    made: dict[tuple[str, str], Any] = {}
    found: list[Pipeline] = []
    for one in config.grid():
        key = one["strategy"], one["connectome"]
        if key not in made:
            made[key] = task_of(data, config, *key)
        values = {name: value for name, value in one.items() if name not in ("strategy", "connectome")}
        if key[1] == "pearson":
            values.pop("shrinkage", None)
        told = ", ".join([*key, *(f"{name} {value:g}" for name, value in values.items())])
        if told not in [other.name for other in found]:
            found.append(Pipeline(told, made[key], values))
    return found


def _targets(data: Data, config: FitConfig, root: Path) -> tuple[dict[str, np.ndarray], list[str]]:
    """Return what the loss compares with, and the group of each run."""
    people = [f"sub-{job.run.entities['sub']}" for job in data.jobs]
    table = _participants(root, config, people)
    sessions = [_occasion(job) for job in data.jobs]
    targets: dict[str, np.ndarray] = {
        "person": np.unique(people, return_inverse=True)[1],
        "session": np.unique(sessions, return_inverse=True)[1],
        "quality": np.array([one.numbers()["mean_fd"] for one in data.prepared[config.strategy]]),
    }
    if config.loss == "identifiability" and len(set(sessions)) < 2:
        raise ValueError("the loss 'identifiability' needs people with two sessions or runs; there is one for each")
    if config.loss == "identifiability" and len(set(people)) <= LEAST_PEOPLE:
        raise ValueError(
            f"the loss 'identifiability' needs at least {LEAST_PEOPLE + 1} people, each beside {LEAST_PEOPLE} others, "
            f"for the spread of these; there are {len(set(people))}"
        )
    if config.loss == "prediction":
        targets["target"] = _numbers(table, config.target, people)
    groups = people if config.groups == "participant_id" else [str(table.loc[one, config.groups]) for one in people]
    return targets, groups


def _occasion(job: Job) -> str:
    """Return which session a run is of, or which run where there are no sessions."""
    entities = job.run.entities
    return f"ses-{entities['ses']}" if "ses" in entities else f"task-{entities.get('task')}_run-{entities.get('run')}"


def _participants(root: Path, config: FitConfig, people: Sequence[str]) -> pd.DataFrame:
    wanted = [name for name in (config.target, config.groups) if name and name != "participant_id"]
    if not wanted:
        return pd.DataFrame(index=list(dict.fromkeys(people)))
    path = root / "participants.tsv"
    if not path.is_file():
        raise ValueError(f"{wanted[0]!r} is a column of participants.tsv, which is not in {root}; put it there")
    table = pd.read_table(path, dtype=str, na_values=["n/a"], keep_default_na=False)
    if "participant_id" not in table:
        raise ValueError(f"{path} has no column 'participant_id'; it has {', '.join(table)}")
    ids = table["participant_id"].str.removeprefix("sub-")
    table = table.set_axis("sub-" + ids, axis="index")
    for name in wanted:
        if name not in table:
            raise ValueError(f"{path} has no column {name!r}; it has {', '.join(table)}")
    absent = [one for one in dict.fromkeys(people) if one not in table.index]
    if absent:
        raise ValueError(f"{path} has no line for {', '.join(absent[:5])}; add it, or leave these people out")
    return table


def _numbers(table: pd.DataFrame, column: str, people: Sequence[str]) -> np.ndarray:
    found = pd.to_numeric(table.loc[list(people), column], errors="coerce").to_numpy(dtype=float)
    if not np.isfinite(found).all():
        bad = people[int(np.flatnonzero(~np.isfinite(found))[0])]
        raise ValueError(f"participants.tsv: {column} of {bad} is {table.loc[bad, column]!r}; expected a number")
    if np.ptp(found) == 0:
        raise ValueError(f"participants.tsv: {column} is {found[0]:g} for everyone; there is nothing to predict")
    return found
