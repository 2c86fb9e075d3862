"""Workflows with alternatives in them, in a module of their own as a user's would be."""

import numpy as np
from pydra.compose import python, workflow

from pydra_diffconn import Learn
from pydra_diffconn.blocks import BandPass, Choose, Correlation, Covariance, FisherZ, RegressConfounds


@python.define(outputs=["series"])
def Count(series: np.ndarray, folder: str, name: str) -> np.ndarray:
    """Hand a series on, and leave a trace of having run."""
    from pathlib import Path

    (Path(folder) / name).touch()
    return series


@workflow.define(outputs=["connectome"])
def TwoBands(bold, tr: float, weights=None):
    slow = workflow.add(BandPass(timeseries=bold, tr=tr, low=0.01, high=0.1), name="slow")
    fast = workflow.add(BandPass(timeseries=bold, tr=tr, low=0.2, high=0.3), name="fast")
    band = workflow.add(Choose(option_1=slow.timeseries, option_2=fast.timeseries, weights=weights), name="band")
    return workflow.add(Correlation(timeseries=band.chosen)).connectome


@workflow.define(outputs=["connectome"])
def FastAlone(bold, tr: float):
    fast = workflow.add(BandPass(timeseries=bold, tr=tr, low=0.2, high=0.3), name="fast")
    return workflow.add(Correlation(timeseries=fast.timeseries)).connectome


@workflow.define(outputs=["connectome"])
def TwoJobs(bold, folder: str, tr: float, weights=None):
    """Each branch begins with a step that is no block."""
    options = {}
    for number, name in enumerate(("one", "two")):
        job = workflow.add(Count(series=bold, folder=folder, name=name), name=f"job_{name}")
        band = workflow.add(BandPass(timeseries=job.series, tr=tr, low=0.01 + 0.1 * number, high=0.3), name=name)
        options[f"option_{number + 1}"] = band.timeseries
    band = workflow.add(Choose(weights=weights, **options), name="band")
    return workflow.add(Correlation(timeseries=band.chosen)).connectome


@workflow.define(outputs=["connectome"])
def Pipelines(bold, confounds, tr: float, band=None, denoising=None, matrix=None):
    """Eight pipelines: confounds or not, which band, which kind of matrix; everything is learned."""
    clean = workflow.add(RegressConfounds(timeseries=bold, confounds=confounds), name="clean")
    weights = Learn() if denoising is None else denoising
    denoised = workflow.add(Choose(option_1=bold, option_2=clean.timeseries, weights=weights), name="denoising")
    slow = workflow.add(BandPass(timeseries=denoised.chosen, tr=tr, low=0.01, high=0.1), name="slow")
    fast = workflow.add(BandPass(timeseries=denoised.chosen, tr=tr, low=0.2, high=0.35), name="fast")
    weights = Learn() if band is None else band
    chosen = workflow.add(Choose(option_1=slow.timeseries, option_2=fast.timeseries, weights=weights), name="band")
    correlation = workflow.add(Correlation(timeseries=chosen.chosen))
    covariance = workflow.add(Covariance(timeseries=chosen.chosen))
    weights = Learn() if matrix is None else matrix
    kind = workflow.add(
        Choose(option_1=covariance.covariance, option_2=correlation.connectome, weights=weights), name="matrix"
    )
    return kind.chosen


@workflow.define(outputs=["connectome"])
def Around(bold, confounds, tr: float):
    """The pipelines as one branch of another choice, nested."""
    inner = workflow.add(Pipelines(bold=bold, confounds=confounds, tr=tr), name="inner")
    plain = workflow.add(Correlation(timeseries=bold), name="plain")
    z = workflow.add(FisherZ(connectome=plain.connectome), name="z")
    outer = workflow.add(
        Choose(option_1=z.connectome, option_2=inner.connectome, weights=Learn([0.25, 0.75])), name="outer"
    )
    return outer.chosen


@workflow.define(outputs=["connectome"])
def Orders(bold, confounds, tr: float, weights=None):
    """Filter and regress, or regress and filter; the choice runs in a nested, split workflow."""
    band = workflow.add(BandPass(timeseries=bold, tr=tr), name="filter_first")
    one = workflow.add(RegressConfounds(timeseries=band.timeseries, confounds=confounds), name="then_regress")
    clean = workflow.add(RegressConfounds(timeseries=bold, confounds=confounds), name="regress_first")
    two = workflow.add(BandPass(timeseries=clean.timeseries, tr=tr), name="then_filter")
    order = workflow.add(Choose(option_1=one.timeseries, option_2=two.timeseries, weights=weights), name="order")
    return workflow.add(Correlation(timeseries=order.chosen)).connectome


@workflow.define(outputs=["connectome"])
def OverRuns(bolds, confounds, tr: float, weights=None):
    runs = workflow.add(Orders(confounds=confounds, tr=tr, weights=weights).split(bold=bolds), name="runs")
    return runs.connectome


@workflow.define(outputs=["connectome"])
def NodeSplit(bolds, tr: float, weights=None):
    """The branches are split node by node; one option is an input that is not split."""
    slow = workflow.add(BandPass(tr=tr, high=0.1).split(timeseries=bolds), name="slow")
    fast = workflow.add(BandPass(timeseries=slow.timeseries, tr=tr, low=0.02), name="fast")
    band = workflow.add(Choose(option_1=slow.timeseries, option_2=fast.timeseries, weights=weights), name="band")
    return workflow.add(Correlation(timeseries=band.chosen)).connectome


@workflow.define(outputs=["connectome"])
def GivenOptions(first, second, tr: float, weights=None):
    """The options are inputs of the workflow."""
    series = workflow.add(Choose(option_1=first, option_2=second, weights=weights), name="series")
    return workflow.add(Correlation(timeseries=series.chosen)).connectome


@workflow.define(outputs=["connectome"])
def Drawn(bold, confounds, tr: float, hard: bool, key=None):
    """Which band, by weights that are drawn anew at every step of learning."""
    clean = workflow.add(RegressConfounds(timeseries=bold, confounds=confounds))
    slow = workflow.add(BandPass(timeseries=clean.timeseries, tr=tr, low=0.01, high=0.1), name="slow")
    fast = workflow.add(BandPass(timeseries=clean.timeseries, tr=tr, low=0.2, high=0.35), name="fast")
    weights = {"weights": Learn(), "key": key, "temperature": 0.7, "hard": hard}
    band = workflow.add(Choose(option_1=slow.timeseries, option_2=fast.timeseries, **weights), name="band")
    return workflow.add(Correlation(timeseries=band.chosen)).connectome
