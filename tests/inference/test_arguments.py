"""What the tests of differences refuse, and what they say of connections in which nothing varies."""

import numpy as np
import pytest

from pydra_diffconn import inference

RNG = np.random.default_rng(0)
GROUPS = RNG.standard_normal((2, 6, 4, 4))
FIRST, SECOND = GROUPS + np.swapaxes(GROUPS, 2, 3)


@pytest.mark.parametrize("test", [inference.threshold_free, inference.network_based])
@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"repeats": 1e2}, "repeats = 100.0; expected a whole number, 1 or more"),
        ({"repeats": 0}, "repeats = 0; expected a whole number"),
        ({"rng": 3}, r"rng = 3; expected a generator, such as numpy.random.default_rng\(0\)"),
        ({"first": FIRST[:, :1, :1], "second": SECOND[:, :1, :1]}, "one parcel has no connection"),
        ({"second": FIRST + 0.25, "paired": True}, "every connection differs by the same in all people"),
    ],
)
def test_arguments_that_test_nothing_are_told(test, change, told):
    more = {"threshold": 2.0} if test is inference.network_based else {}
    given = {"first": FIRST, "second": SECOND, **more, **change}
    with pytest.raises(ValueError, match=told):
        test(given.pop("first"), given.pop("second"), **given)


def test_connections_that_do_not_vary_are_counted():
    same = FIRST.copy()
    same[:, 0, 1] = same[:, 1, 0] = SECOND[:, 0, 1] - 0.1
    with pytest.warns(UserWarning, match="1 of 6 connections: each differs by the same in all people"):
        found = inference.network_based(same, SECOND, 2.0, paired=True, repeats=20)
    assert found.statistic[0, 1] == 0


def test_statistics_of_other_parcels_or_with_missing_values_are_not_enhanced():
    with pytest.raises(ValueError, match=r"statistic has shape \(5,\); expected the 6 edges of 4 parcels"):
        inference.enhanced(np.ones(5), 4)
    with pytest.raises(ValueError, match="statistic is not finite at edge 2"):
        inference.enhanced(np.array([1, 2, np.nan, 1, 1, 1]), 4)


@pytest.mark.parametrize("nulls", [inference.moran_surrogates, inference.spins])
def test_nulls_need_a_generator_and_a_whole_number(nulls):
    given = (np.eye(3) + 1,) if nulls is inference.spins else (np.arange(4.0), np.ones((4, 4)))
    with pytest.raises(ValueError, match="rng = 1; expected a generator"):
        nulls(*given, rng=1)
    with pytest.raises(ValueError, match=r"repeats = 2.5; expected a whole number"):
        nulls(*given, repeats=2.5)
