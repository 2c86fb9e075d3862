"""Ways to go from a preprocessed run to its connectome, as workflows: those of Ciric et al. (2017), and plugins'.

Each is a Pydra workflow with the same inputs, so that they can stand for each other, be learned from
(`learn={"band.low": Learn()}`), or be options of a `Choose`:

- bold: (time, space) or image; confounds: fMRIPrep's table; labels: label of each location, or image; tr: seconds.

The series and the confounds are filtered alike (0.01 to 0.1 Hz), regressed, averaged over parcels and correlated.
Source: Ciric et al. (2017), doi:10.1016/j.neuroimage.2017.03.020.
"""

from __future__ import annotations

from typing import Any

from pydra.compose import workflow

from pydra_diffconn.blocks import BandPass, Censor, Correlation, Parcellate, RegressConfounds
from pydra_diffconn.confound_models.design import ConfoundModel

LOW, HIGH = 0.01, 0.1  # Hz
DISPLACEMENT = 0.5  # mm


def _connectome(bold: Any, confounds: Any, labels: Any, tr: float, model: str, metadata: Any = None) -> Any:
    parcels = _cleaned(bold, confounds, labels, tr, model, metadata)
    return workflow.add(Correlation(timeseries=parcels), name="correlation").connectome


def _cleaned(
    bold: Any, confounds: Any, labels: Any, tr: float, model: str, metadata: Any = None, frame_weights: Any = None
) -> Any:
    """Add the steps up to the parcels' series to the workflow that is being built."""
    chosen = workflow.add(ConfoundModel(confounds=confounds, model=model, metadata=metadata), name="model")
    band = workflow.add(BandPass(timeseries=bold, tr=tr, low=LOW, high=HIGH), name="band")
    regressors = workflow.add(BandPass(timeseries=chosen.confounds, tr=tr, low=LOW, high=HIGH), name="regressors")
    clean = workflow.add(
        RegressConfounds(timeseries=band.timeseries, confounds=regressors.timeseries, frame_weights=frame_weights),
        name="clean",
    )
    return workflow.add(Parcellate(timeseries=clean.timeseries, labels=labels), name="parcels").timeseries


@workflow.define(outputs=["connectome"])
def SixParameters(bold, confounds, labels, tr: float):
    """Six realignment parameters (6P)."""
    return _connectome(bold, confounds, labels, tr, "6P")


@workflow.define(outputs=["connectome"])
def TwentyFourParameters(bold, confounds, labels, tr: float):
    """Realignment parameters, their differences and the squares of both (24P)."""
    return _connectome(bold, confounds, labels, tr, "24P")


@workflow.define(outputs=["connectome"])
def ThirtySixParameters(bold, confounds, labels, tr: float):
    """Realignment, tissue means and global signal, their differences and the squares of all (36P)."""
    return _connectome(bold, confounds, labels, tr, "36P")


@workflow.define(outputs=["connectome"])
def ThirtySixParametersScrubbed(bold, confounds, labels, tr: float):
    """36P, with frames of more than 0.5 mm framewise displacement weighted 0 in the regression and the correlation."""
    motion = workflow.add(ConfoundModel(confounds=confounds, model="fd", first_row="zero"), name="motion")
    censor = workflow.add(Censor(framewise_displacement=motion.confounds, threshold=DISPLACEMENT), name="censor")
    parcels = _cleaned(bold, confounds, labels, tr, "36P", frame_weights=censor.frame_weights)
    found = workflow.add(Correlation(timeseries=parcels, frame_weights=censor.frame_weights), name="correlation")
    return found.connectome


@workflow.define(outputs=["connectome"])
def AnatomicalCompCor(bold, confounds, labels, tr: float, metadata):
    """24P and five components each of white matter and CSF; `metadata` is the JSON file beside the table."""
    model = "(dd1(rps))^^2 + n_{{5;acc;Mask=CSF,WM}}"
    return _connectome(bold, confounds, labels, tr, model, metadata)


BUILT_IN = (
    SixParameters,
    TwentyFourParameters,
    ThirtySixParameters,
    ThirtySixParametersScrubbed,
    AnatomicalCompCor,
)
