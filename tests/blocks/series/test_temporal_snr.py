"""The mean against the standard deviation."""

import jax.numpy as jnp
import numpy as np
import scipy.stats

from pydra_diffconn.blocks import TemporalSnr
from pydra_diffconn.testing import Case

SERIES = np.random.default_rng(0).standard_normal((40, 5)) + np.arange(1, 6) * 10
WEIGHTS = (np.arange(40) % 5 > 0).astype(float)


def by_numpy(timeseries, frame_weights, ddof):
    kept = timeseries[frame_weights > 0]
    return 1 / scipy.stats.variation(kept, ddof=ddof), kept.mean(axis=0), kept.std(axis=0, ddof=ddof)


def test_a_constant_has_a_ratio_of_zero():
    ratio, mean, deviation = TemporalSnr.pure(jnp.full((9, 2), 3.0))
    assert (ratio == 0).all() and (mean == 3).all() and (deviation == 0).all()


CASES = [
    Case(
        TemporalSnr,
        {"timeseries": SERIES, "frame_weights": WEIGHTS},
        by_numpy,
        "scipy.stats.variation",
        {"a constant column": {"timeseries": np.stack([np.full(40, 7.0), SERIES[:, 0]], axis=1)}},
    )
]
