"""Means are given back."""

import numpy as np
import pytest

from pydra_diffconn.blocks import RestoreMean
from pydra_diffconn.testing import Case

SERIES = np.random.default_rng(1).standard_normal((60, 4))


def test_a_reference_of_other_columns_is_named():
    with pytest.raises(ValueError, match="reference has 3 locations, timeseries 4"):
        RestoreMean.check({"timeseries": SERIES, "reference": SERIES[:, :3]})


CASES = [
    Case(
        RestoreMean,
        {"timeseries": SERIES, "reference": SERIES[:30] + 7},
        lambda timeseries, reference: timeseries + reference.mean(axis=0),
        "numpy.mean",
    )
]
