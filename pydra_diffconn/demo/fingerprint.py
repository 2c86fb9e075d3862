"""The main job: recognise people across two sessions from 40 seconds of data, and say what learning adds to it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from pydra.compose import workflow

from pydra_diffconn import Learn, compare, losses
from pydra_diffconn.blocks import (
    BandPass,
    Choose,
    Correlation,
    FisherZ,
    PartialCorrelation,
    ShrinkCovariance,
    WeightParcels,
)
from pydra_diffconn.demo import fingerprint_report, sample
from pydra_diffconn.demo.fingerprint_report import PEARSON, WINDOW, Outcome
from pydra_diffconn.learning.comparison import Comparison
from pydra_diffconn.learning.scoring import Pipeline, Score
from pydra_diffconn.losses.identifiability import edge_similarity, recognised

FOLDS = 2  # halves of the people, each scored by what was chosen and learned on the other half
RECOGNISED, GAP = "windows recognised", "gap between self and others (s.d.)"
GRID = {  # what is classically chosen from, 112 pipelines
    "GlobalSignal.weights": ([1.0, 0.0], [0.0, 1.0]),
    "ShrinkCovariance.shrinkage": (0.999, 0.5, 0.3, 0.1, 0.03, 0.01, 0.003),
    "BandPass.low": (0.0, 0.03),
    "BandPass.high": (0.1, 0.15, 0.2, 0.24),
}
PENALTY = 0.5  # on the squared logarithm of the parcels' weights


@workflow.define(outputs=["connectome"])
def Fingerprint(without_gsr, with_gsr, tr: float, weights):
    """A connectome from two denoisings of one run, every step a block.

    It starts at a partial correlation that nobody tuned; a shrinkage of 0.999 would make it the Pearson correlation in
    all but scale.
    """
    series = workflow.add(
        Choose(option_1=without_gsr, option_2=with_gsr, weights=Learn([0.5, 0.5])), name="GlobalSignal"
    )
    low = Learn(0.03, within=(1 / (WINDOW * sample.TR), 0.06))  # a window has no slower waves
    band = workflow.add(BandPass(timeseries=series.chosen, tr=tr, low=low, high=Learn(0.15)))
    correlation = workflow.add(Correlation(timeseries=band.timeseries))
    shrunk = workflow.add(ShrinkCovariance(covariance=correlation.connectome, shrinkage=Learn(0.5)))
    partial = workflow.add(PartialCorrelation(covariance=shrunk.covariance))
    z = workflow.add(FisherZ(connectome=partial.connectome))
    return workflow.add(WeightParcels(connectome=z.connectome, weights=weights)).connectome


def run(output: Path, steps: int = 60, worker: str = "cf", progress: bool = True, work: Path | None = None) -> Outcome:
    """Run the demonstration: learn on each half of the people, choose classically on the same, score on the other half.

    Parameters
    ----------
    output : Path
        Folder for connectomes (BIDS derivatives), `fit/` and `report.html`.
    steps : int
        Gradient steps.
    worker : str
        Pydra worker of the classical runs.
    work : Path, optional
        Pydra's cache, several hundred MB; by default a temporary folder, removed at the end.
    """
    if work is None:
        with tempfile.TemporaryDirectory(prefix="diffconn-") as temporary:
            return run(output, steps, worker, progress, Path(temporary))
    windows = sample.windows(WINDOW)
    people = sample.people()
    who = {
        "person": np.array([people.index(w.person) for w in windows]),
        "session": np.array([w.session for w in windows]),
    }
    say = print if progress else lambda *_: None
    say(f"Data: {sample.SOURCE}")
    say(f"{len(people)} people, 2 sessions, {len(windows)} windows of {WINDOW * sample.TR:.0f} s")
    say(f"1/3 on each half of the people: the best of {_count()} classical pipelines, and learning in {steps} steps")
    comparison = _compared(windows, who, steps, progress)
    say("2/3 the learned values in the same workflow, classical again: the other half, through Pydra")
    learned = _through_pydra(comparison, windows, work, worker)
    say("3/3 connectomes and report")
    outcome = Outcome(output, comparison, _difference(comparison, learned))
    fingerprint_report.write(outcome, windows, learned, who)
    return outcome


def _count() -> int:
    return int(np.prod([len(values) for values in GRID.values()]))


def _task(windows: list[sample.Window], weights: Any, kind: type = Fingerprint) -> Any:
    inputs = {"without_gsr": [w.without_gsr for w in windows], "with_gsr": [w.with_gsr for w in windows]}
    return kind(tr=sample.TR, weights=weights).split(("without_gsr", "with_gsr"), **inputs)


def _compared(windows: list[sample.Window], who: Mapping[str, np.ndarray], steps: int, progress: bool) -> Comparison:
    import optax

    parcels = windows[0].with_gsr.shape[1]
    classical = _task(windows, np.ones(parcels))
    pearson = dict(zip(GRID, ([1.0, 0.0], 0.999, 0.0, 0.1), strict=True))
    apart = losses.Identifiability("connectome", center=True)
    return compare(
        _task(windows, Learn(np.ones(parcels))),
        apart + PENALTY * losses.LogDeviation("weights"),
        who,
        classical=[Pipeline(_told(values), classical, values) for values in _grid()],
        scores=[Score(RECOGNISED, of_runs=_recognised), Score(GAP, of_runs=_gap)],
        beside=[Pipeline(PEARSON, classical, pearson)],
        choose=apart,
        folds=FOLDS,
        steps=steps,
        optimizer=optax.adam(0.1),
        groups=who["person"].tolist(),
        progress=progress,
    )


def _grid() -> list[dict[str, Any]]:
    return [dict(zip(GRID, values, strict=True)) for values in product(*GRID.values())]


def _told(values: Mapping[str, Any]) -> str:
    gsr, shrinkage, low, high = values.values()
    return f"{'GSR' if gsr[1] else 'no GSR'}, shrinkage {shrinkage:g}, {low:g} to {high:g} Hz"


def _similarity(outputs: Mapping[str, Any], tested: np.ndarray) -> np.ndarray:
    """Return how alike held-out windows are in what differs from the mean connectome of the others' people."""
    connectomes = np.asarray(outputs["connectome"])
    training = np.delete(connectomes, tested, axis=0)
    return np.asarray(edge_similarity(connectomes[tested], training.mean(axis=0)))


def _recognised(outputs: Mapping[str, Any], targets: Any, tested: np.ndarray) -> np.ndarray:
    """Return 1 for each window whose nearest one of another session is the same person's, else 0."""
    person, session = (np.asarray(targets[name])[tested] for name in ("person", "session"))
    return recognised(_similarity(outputs, tested), person, session)


def _gap(outputs: Mapping[str, Any], targets: Any, tested: np.ndarray) -> np.ndarray:
    """Return how much more alike a window is to its person's other session than to others, in s.d. of all others."""
    similarity = _similarity(outputs, tested)
    person, session = (np.asarray(targets[name])[tested] for name in ("person", "session"))
    apart = session[:, None] != session
    same, others = (person[:, None] == person) & apart, (person[:, None] != person) & apart
    own = np.array([row[mine].mean() for row, mine in zip(similarity, same, strict=True)])
    return (own - similarity[others].mean()) / similarity[others].std()


def _through_pydra(comparison: Comparison, windows: list[sample.Window], cache: Path, worker: str) -> np.ndarray:
    """Return the learned connectome of each window, by the workflow of the fold that held it out, run by Pydra."""
    found: list[Any] = [None] * len(windows)
    for result, test in zip(comparison.results, comparison.tests, strict=True):
        task = _task([windows[n] for n in test], result.parameters["weights"], result.workflow)
        for number, connectome in zip(test, task(worker=worker, cache_root=cache).connectome, strict=True):
            found[number] = connectome
    return np.stack(found)


def _difference(comparison: Comparison, learned: np.ndarray) -> float:
    result, test = comparison.results[0], comparison.tests[0]
    assert result.program is not None
    fused = np.asarray(result.program(result.parameters)["connectome"])
    return float(np.abs(fused[test] - learned[test]).max())
