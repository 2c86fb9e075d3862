"""Workflows that several tests use, in a module of their own as a user's would be."""

import numpy as np
from pydra.compose import python, workflow

from pydra_diffconn import Learn
from pydra_diffconn.blocks import BandPass, Censor, Correlation, FisherZ, Parcellate, RegressConfounds


@workflow.define(outputs=["connectome"])
def Connectome(bold, confounds, labels, tr: float):
    """The example of the documentation."""
    band = workflow.add(BandPass(timeseries=bold, tr=tr, low=Learn(0.01), high=0.1))
    clean = workflow.add(RegressConfounds(timeseries=band.timeseries, confounds=confounds))
    parcels = workflow.add(Parcellate(timeseries=clean.timeseries, labels=labels))
    return workflow.add(Correlation(timeseries=parcels.timeseries)).connectome


@workflow.define(outputs=["connectome", "frame_weights"])
def Full(bold, confounds, motion, labels, tr: float, threshold: float = 0.4):
    """All blocks of the main job, nothing marked; one input used twice, one block used twice, two outputs."""
    band = workflow.add(BandPass(timeseries=bold, tr=tr, low=0.02, high=0.15))
    regressors = workflow.add(BandPass(timeseries=confounds, tr=tr, low=0.02, high=0.15), name="BandPassConfounds")
    censor = workflow.add(Censor(framewise_displacement=motion, threshold=threshold, softness=0.1))
    clean = workflow.add(
        RegressConfounds(
            timeseries=band.timeseries, confounds=regressors.timeseries, frame_weights=censor.frame_weights
        )
    )
    parcels = workflow.add(Parcellate(timeseries=clean.timeseries, labels=labels))
    r = workflow.add(Correlation(timeseries=parcels.timeseries, frame_weights=censor.frame_weights))
    return workflow.add(FisherZ(connectome=r.connectome)).connectome, censor.frame_weights


@workflow.define(outputs=["connectome"])
def Nested(bold, confounds, labels, tr: float):
    """A workflow around a workflow."""
    inner = workflow.add(Connectome(bold=bold, confounds=confounds, labels=labels, tr=tr), name="inner")
    return workflow.add(FisherZ(connectome=inner.connectome)).connectome


@python.define(outputs=["scaled"])
def Scale(series: np.ndarray, factor: float) -> np.ndarray:
    """A classical step that was never meant to be differentiated."""
    return series * factor


@workflow.define(outputs=["connectome"])
def AfterPython(bold, factor: float, labels, tr: float):
    """A classical step above the blocks."""
    scaled = workflow.add(Scale(series=bold, factor=factor))
    band = workflow.add(BandPass(timeseries=scaled.scaled, tr=tr))
    parcels = workflow.add(Parcellate(timeseries=band.timeseries, labels=labels))
    return workflow.add(Correlation(timeseries=parcels.timeseries)).connectome


@workflow.define(outputs=["connectome"])
def BeforePython(bold, labels, tr: float):
    """A classical step between two blocks."""
    band = workflow.add(BandPass(timeseries=bold, tr=tr))
    scaled = workflow.add(Scale(series=band.timeseries, factor=2.0))
    parcels = workflow.add(Parcellate(timeseries=scaled.scaled, labels=labels))
    return workflow.add(Correlation(timeseries=parcels.timeseries)).connectome


def example(rng, runs=3, frames=120, space=40, regressors=4, lengths=None, dtype=np.float32):
    """Return inputs for the workflows above, one entry per run in the lists."""
    lengths = lengths or [frames] * runs
    return {
        "bold": [rng.standard_normal((t, space)).astype(dtype) for t in lengths],
        "confounds": [rng.standard_normal((t, regressors)).astype(dtype) for t in lengths],
        "motion": [np.abs(rng.standard_normal(t)).astype(dtype) * 0.3 for t in lengths],
        "labels": rng.integers(0, 6, space),
        "tr": 0.8,
    }
