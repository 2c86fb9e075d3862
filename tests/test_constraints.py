import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pydra_diffconn import constraints

CASES = {
    "real": (constraints.real, 3.0),
    "positive": (constraints.positive, 0.4),
    "nonnegative": (constraints.nonnegative, 0.0),
    "unit interval": (constraints.unit_interval, 1.0),
    "at least one": (constraints.at_least(1.0), 2.0),
    "between": (constraints.between(0.01, 0.1), 0.05),
    "simplex": (constraints.simplex, np.array([1.0, 0.0, 0.0])),
}


@pytest.mark.parametrize("name", list(CASES))
def test_a_hundred_random_steps_stay_inside(name):
    constraint, value = CASES[name]
    rng = np.random.default_rng(0)
    for _ in range(100):
        free = np.asarray(constraint.to_free(value))
        value = np.asarray(constraint.from_free(free + rng.normal(0, 3, free.shape)))
        assert constraint.contains(value) and np.all(np.isfinite(value))


@settings(max_examples=25, deadline=None)
@given(st.floats(0.02, 0.98))
def test_the_map_goes_there_and_back(share):
    for constraint in (constraints.between(-2.0, 5.0), constraints.unit_interval):
        width = float(constraint.upper) - float(constraint.lower)
        value = float(constraint.lower) + share * width
        assert float(constraint.from_free(constraint.to_free(value))) == pytest.approx(value, abs=1e-5)


def test_bounds_can_be_other_arguments_and_narrower_intervals_keep_them():
    low = constraints.between(0.0, "high").narrowed((0.02, 0.5)).resolved({"high": 0.1})
    assert (float(low.lower), float(low.upper)) == pytest.approx((0.02, 0.1))
    assert float(constraints.between(0.0, constraints.nyquist).resolved({"tr": 2.0}).upper) == 0.25


def test_two_learned_bounds_of_one_band_stay_ordered():
    from workflows_under_test import Connectome, example

    from pydra_diffconn import Learn, fuse
    from pydra_diffconn.free import FreeSpace

    data = example(np.random.default_rng(0), runs=1)
    task = Connectome(bold=data["bold"][0], confounds=data["confounds"][0], labels=data["labels"], tr=0.8)
    space = FreeSpace(fuse(task, learn={"BandPass.high": Learn()}))
    values, rng = {"BandPass.low": 0.01, "BandPass.high": 0.1}, np.random.default_rng(1)
    back = space.from_free(space.to_free(values))
    assert {n: float(v) for n, v in back.items()} == pytest.approx(values, rel=1e-4)
    for _ in range(100):
        free = {name: value + rng.normal(0, 3) for name, value in space.to_free(values).items()}
        values = space.from_free(free)
        assert 0 < float(values["BandPass.low"]) < float(values["BandPass.high"]) < 0.625
