"""Frames are left out."""

import numpy as np
import pytest
from pydra.compose import workflow

from pydra_diffconn import fuse
from pydra_diffconn.blocks import ButterworthFiltFilt, Correlation, KeepFrames, Parcellate
from pydra_diffconn.testing import Case

SERIES = np.random.default_rng(2).standard_normal((30, 4))
WEIGHTS = (np.arange(30) % 4 > 0).astype(float)


def test_which_frames_follows_from_the_weights(tmp_path):
    found = KeepFrames(timeseries=SERIES, frame_weights=WEIGHTS)(worker="debug", cache_root=tmp_path).timeseries
    np.testing.assert_allclose(found, SERIES[WEIGHTS > 0], rtol=1e-6)


def test_weights_that_are_not_known_are_named():
    with pytest.raises(ValueError, match="come out of an earlier step; give frames"):
        KeepFrames.declaration.checked({"timeseries": SERIES})


CASES = [
    Case(
        KeepFrames,
        {"timeseries": SERIES, "frame_weights": WEIGHTS},
        lambda timeseries, frame_weights, frames: timeseries[list(frames)],
        "numpy",
        smooth=("timeseries",),
    )
]


@workflow.define(outputs=["series", "connectome"])
def Kept(bold, weights, labels, wide: bool):
    band = workflow.add(ButterworthFiltFilt(timeseries=bold, tr=1.0, order=2))
    kept = workflow.add(KeepFrames(timeseries=band.timeseries, frame_weights=weights)).timeseries
    last = workflow.add(Parcellate(timeseries=kept, labels=labels)).timeseries if not wide else kept
    return last, workflow.add(Correlation(timeseries=last)).connectome


@pytest.mark.parametrize(
    ("wide", "told"), [(False, "Parcellate before KeepFrames"), (True, "ButterworthFiltFilt, KeepFrames as one time x")]
)
def test_a_chain_is_reordered_across_it(wide, told):
    bold = np.random.default_rng(0).standard_normal((30, 140))
    task = Kept(bold=bold, weights=WEIGHTS, labels=np.arange(140) % 3, wide=wide)
    found, expected = fuse(task), fuse(task, reorder=False)
    assert told in str(found.explain())
    for name, value in expected({}).items():
        np.testing.assert_allclose(found({})[name], value, atol=2e-5)
