"""The main job: recognise people across two sessions from short windows, classically and with learned parameters."""

from __future__ import annotations

from pydra.compose import workflow

from pydra_diffconn import Learn
from pydra_diffconn.blocks import BandPass, Choose, Correlation, FisherZ, PartialCorrelation, ShrinkCovariance


@workflow.define(outputs=["connectome"])
def Fingerprint(without_gsr, with_gsr, tr: float):
    """A connectome from two denoisings of one run, every step a block.

    As marked it starts at the field's habit: no global signal regression, 0.01 to 0.1 Hz, and a shrinkage so strong
    that the partial correlation is the Pearson correlation in all but scale.
    """
    series = workflow.add(
        Choose(option_1=without_gsr, option_2=with_gsr, weights=Learn([1.0, 0.0])), name="GlobalSignal"
    )
    band = workflow.add(BandPass(timeseries=series.chosen, tr=tr, low=Learn(0.01), high=Learn(0.1)))
    correlation = workflow.add(Correlation(timeseries=band.timeseries))
    shrunk = workflow.add(ShrinkCovariance(covariance=correlation.connectome, shrinkage=Learn(0.999)))
    partial = workflow.add(PartialCorrelation(covariance=shrunk.covariance))
    return workflow.add(FisherZ(connectome=partial.connectome)).connectome
