"""Frames are left out."""

import numpy as np
import pytest

from pydra_diffconn.blocks import KeepFrames
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
