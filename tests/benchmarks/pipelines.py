"""Many pipelines of one workflow, and many subjects of one pipeline."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from pydra.compose import workflow

from pydra_diffconn import Learn, Minibatches, fuse, losses, multiverse
from pydra_diffconn.blocks import BandPass, Choose, Correlation, Covariance, PartialCorrelation, RegressConfounds
from pydra_diffconn.workflow.choosing import with_options
from tests.benchmarks.case import Case

BANDS = ((0.01, 0.1), (0.008, 0.09), (0.01, 0.15), (0.03, 0.2), (0.02, 0.1))
PENALTIES = (0.05, 0.1, 0.2, 0.3, 0.5, 0.9)
RUNS, FRAMES, PARCELS = 8, 300, 100


def among(name: str, values: Any) -> Any:
    options = {f"option_{number}": value for number, value in enumerate(values, start=1)}
    return workflow.add(Choose(**options, weights=Learn()), name=name).chosen


@workflow.define(outputs=["connectome"])
def Pipelines(bold, six, nine, more, most, tr: float):
    """Five ways to denoise, five bands, eight kinds of matrix."""
    cleaned = [
        workflow.add(RegressConfounds(timeseries=bold, confounds=confounds), name=f"clean{number}").timeseries
        for number, confounds in enumerate((six, nine, more, most))
    ]
    series = among("denoising", [bold, *cleaned])
    bands = [
        workflow.add(BandPass(timeseries=series, tr=tr, low=low, high=high), name=f"band{number}").timeseries
        for number, (low, high) in enumerate(BANDS)
    ]
    series = among("band", bands)
    correlation = workflow.add(Correlation(timeseries=series), name="correlation").connectome
    covariance = workflow.add(Covariance(timeseries=series), name="covariance").covariance
    partial = [
        workflow.add(PartialCorrelation(covariance=covariance, penalty=one), name=f"partial{number}").connectome
        for number, one in enumerate(PENALTIES)
    ]
    return among("matrix", [correlation, covariance, *partial])


class Multiverse(Case):
    """All pipelines of eight runs, scored; and one of them by Pydra."""

    name, against = "p: multiverse of 200 pipelines, 8 runs x 300 x 100", "one of them by Pydra (debug worker)"
    goal = 20.0

    def __init__(self, folder: Path) -> None:
        rng = np.random.default_rng(0)

        def each(columns: int) -> list[np.ndarray]:
            return [rng.standard_normal((FRAMES, columns)) for _ in range(RUNS)]

        given = {"bold": each(PARCELS), "six": each(6), "nine": each(9), "more": each(24), "most": each(36)}
        self.task = Pipelines(tr=0.8).split(tuple(given), **given)
        self.targets = np.stack([np.eye(PARCELS)] * RUNS)

    def ours(self) -> None:
        with tempfile.TemporaryDirectory() as cache:
            loss = losses.MeanSquaredError("connectome")
            assert len(multiverse(self.task, loss, self.targets, cache_root=cache).rows) == 200

    def theirs(self) -> None:
        options = {"denoising": "option_4", "band": "option_1", "matrix": "option_4"}
        with tempfile.TemporaryDirectory() as cache:
            with_options(self.task, options)(cache_root=cache)


@workflow.define(outputs=["covariance"])
def OfSubject(series):
    return workflow.add(Covariance(timeseries=series)).covariance


class Subjects(Case):
    """Covariances of subjects from files, some at a time, each written; the memory is to be that of a few subjects."""

    name, against, goal = "r: covariances of 1,000 subjects, 400 x 200, from file to file", "nilearn, one by one", 1.0
    subjects, repeats = 1000, 1

    def __init__(self, folder: Path) -> None:
        rng, self.folder = np.random.default_rng(0), folder / "subjects"
        self.folder.mkdir(exist_ok=True)
        self.files = [self.folder / f"{number}.npy" for number in range(self.subjects)]
        for path in self.files:
            np.save(path, rng.standard_normal((400, 200), dtype=np.float32))

    def ours(self) -> None:
        import jax

        program = fuse(OfSubject().split("series", series=self.files), memory=16e6)
        batches = Minibatches(program, size=16)
        compute = jax.jit(batches.outputs, static_argnames="chosen")
        for batch in batches.epoch():
            found = np.asarray(compute({}, batch.inputs, chosen=batch.chosen)["covariance"])
            for run, covariance in zip(batch.runs, found, strict=True):
                np.save(self.folder / f"ours-{run}.npy", covariance)

    def theirs(self) -> None:
        from nilearn.connectome import ConnectivityMeasure
        from sklearn.covariance import EmpiricalCovariance

        for number, path in enumerate(self.files):
            measure = ConnectivityMeasure(EmpiricalCovariance(), kind="covariance", standardize=False)
            np.save(self.folder / f"theirs-{number}.npy", measure.fit_transform([np.load(path)])[0])


class FewerSubjects(Subjects):
    name, subjects = "r2: covariances of 100 subjects, 400 x 200, from file to file", 100


PIPELINES = [Multiverse, Subjects, FewerSubjects]
