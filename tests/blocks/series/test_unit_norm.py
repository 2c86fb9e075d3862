"""Series of length one."""

import numpy as np

from pydra_diffconn.blocks import UnitNorm
from pydra_diffconn.testing import Case

SERIES = np.random.default_rng(2).standard_normal((60, 4)) * [1, 1e3, 1e-30, 5]
DEAD = {"a column of zeros": {"timeseries": np.stack([np.zeros(60), SERIES[:, 0]], axis=1)}}

CASES = [
    Case(
        UnitNorm,
        {"timeseries": SERIES[:, [0, 1, 3]]},
        lambda timeseries: timeseries / np.linalg.norm(timeseries, axis=0),
        "numpy.linalg.norm",
        DEAD,
    )
]


def test_very_small_series_keep_their_shape():
    found = UnitNorm.pure(SERIES.astype(np.float32))
    np.testing.assert_allclose(np.sum(np.square(found), axis=0), 1, rtol=1e-5)
