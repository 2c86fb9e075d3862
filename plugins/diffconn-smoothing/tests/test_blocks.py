import numpy as np
from diffconn_smoothing.blocks import Smoothing

from pydra_diffconn.testing import Case, check_block


def by_hand(timeseries, tr, time_constant):
    distance = np.abs(np.subtract.outer(np.arange(len(timeseries)), np.arange(len(timeseries)))) * tr
    weights = np.exp(-distance / time_constant)
    return np.stack([np.average(timeseries, axis=0, weights=row) for row in weights])


def test_the_block_keeps_the_contract():
    check_block(
        Case(
            Smoothing, oracle=by_hand, source="numpy.average", degenerate={"constant": {"timeseries": np.ones((30, 2))}}
        )
    )


def test_a_constant_stays():
    np.testing.assert_allclose(Smoothing.pure(np.full((20, 1), 3.0), 2.0), 3.0, rtol=1e-6)
