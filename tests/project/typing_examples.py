"""What a user writes, and what an editor makes of it: test_types.py has it checked by pyright.

A line that ends in `# wrong` must be an error, every other line must be none.
"""

# pyright: basic

from pathlib import Path
from typing import Any, assert_type

import numpy as np
from pydra.compose import workflow
from pydra.tasks.diffconn import HighPass

from pydra_diffconn import Learn, blocks, fit, fuse, losses
from pydra_diffconn.blocks import BandPass, Censor, Choose, Correlation, Parcellate, Standardize


@workflow.define(outputs=["connectome"])  # pyright: ignore[reportArgumentType] - Pydra says what it returns too widely
def Connectome(bold: Any, labels: Path, tr: float) -> Any:
    band = workflow.add(BandPass(timeseries=bold, tr=tr, low=Learn(0.01), high=0.1))
    assert_type(band, BandPass.Outputs)
    parcels = workflow.add(Parcellate(timeseries=band.timeseries, labels=labels))
    return workflow.add(Correlation(timeseries=parcels.timeseries), name="r").connectome


series = np.zeros((100, 3))
BandPass(timeseries="bold.nii.gz", tr=2).split(low=[0.01, 0.02])
Standardize(timeseries=[[1.0, 2.0]], mode="psc")
print(HighPass(timeseries=series, tr=2.0, cutoff=Learn(0.01))().timeseries)
Choose(option_1=series, option_2=Path("b.tsv"), weights=Learn())
print(BandPass(timeseries=series, tr=2.0)().timeseries, BandPass.declaration.parameters["low"].unit)
falling = losses.QcFc("connectome") + losses.schedules.Ramp(1.0, 0.0, steps=9) * losses.Entropy("weights")
print(BandPass.pure(series, 2.0, high=0.2).shape, falling.terms, fit, fuse, blocks.BlockOfAPlugin)

BandPass(timeseries=series, tr="2 s")  # wrong
BandPass(timeseries=series, trr=2.0)  # wrong
BandPass(timeseries=2.0, tr=2.0)  # wrong
Standardize(timeseries=series, mode="z")  # wrong
BandPass(series, 2.0)  # wrong
print(workflow.add(BandPass(timeseries=series, tr=2.0)).timeseriess)  # wrong
print(BandPass(timeseries=series, tr=2.0)().connectome)  # wrong
print(Censor.pure(series, treshold=0.5))  # wrong
HighPass(timeseries=series, tr=2.0, low=0.01)  # wrong
