"""Edges are weighted by parcels, or each by its own."""

import numpy as np
import pytest
from scipy.stats import gmean

from pydra_diffconn.blocks import WeightEdges, WeightParcels
from pydra_diffconn.testing import Case

RNG = np.random.default_rng(5)
CONNECTOME = np.corrcoef(RNG.standard_normal((5, 40)))
WEIGHTS = RNG.gamma(2.0, 1.0, 5)
OF_EDGES = RNG.gamma(2.0, 1.0, (5, 5))


@pytest.mark.parametrize(
    ("block", "weights", "told"),
    [
        (WeightParcels, np.r_[WEIGHTS[:4], -0.1], "weights"),
        (WeightParcels, WEIGHTS[:4], "parcels"),
        (WeightEdges, OF_EDGES, "not symmetric"),
        (WeightEdges, -np.ones((5, 5)), "weights"),
    ],
)
def test_weights_that_are_none_are_refused(block, weights, told):
    with pytest.raises(ValueError, match=told):
        block.check({"connectome": CONNECTOME, "weights": weights})


def by_parcels(connectome, weights):
    return connectome * gmean(np.stack(np.broadcast_arrays(weights[:, None], weights)), axis=0)


CASES = [
    Case(WeightParcels, {"connectome": CONNECTOME, "weights": WEIGHTS}, by_parcels, "scipy.stats.gmean of the two weights"),
    Case(
        WeightEdges,
        {"connectome": CONNECTOME, "weights": (OF_EDGES + OF_EDGES.T) / 2},
        lambda connectome, weights: np.multiply(connectome, weights),
        "numpy.multiply",
    ),
]  # fmt: skip
