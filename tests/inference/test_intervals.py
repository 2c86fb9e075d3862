"""Intervals over few people."""

import numpy as np
import pytest
from scipy import stats

from pydra_diffconn import inference


@pytest.mark.parametrize("people", [6, 12, 19, 40])
def test_the_interval_of_a_mean_is_as_wide_as_students(people):
    values = np.random.default_rng(people).standard_normal(people)
    low, high = inference.mean_interval(values, repeats=40_000)
    expected = stats.t.interval(0.95, people - 1, values.mean(), stats.sem(values))
    assert high - low == pytest.approx(expected[1] - expected[0], rel=0.06 if people > 10 else 0.12)


@pytest.mark.parametrize("people", [6, 12, 19])
def test_zero_is_left_out_as_often_as_is_said(people):
    rng = np.random.default_rng(0)
    nulls = rng.standard_normal((1500, people))
    out = [low > 0 or high < 0 for low, high in (inference.mean_interval(one, 1000, rng) for one in nulls)]
    assert 0.03 < np.mean(out) < 0.075  # plain percentiles: .12, .08, .07


def test_many_people_have_the_plain_percentiles():
    drawn = np.random.default_rng(1).standard_normal(5000)
    plain = np.quantile(drawn, [0.025, 0.975])
    np.testing.assert_allclose(inference.expanded_percentiles(drawn, 100_000), plain, atol=1e-3)


def test_what_was_not_drawn_does_not_count():
    drawn = np.r_[np.random.default_rng(1).standard_normal(500), np.nan]
    assert inference.expanded_percentiles(drawn, 20) == inference.expanded_percentiles(drawn[:-1], 20)


def test_one_person_and_missing_values_are_refused():
    with pytest.raises(ValueError, match="groups is 1; expected 2 or more"):
        inference.mean_interval([0.3])
    with pytest.raises(ValueError, match="1 missing"):
        inference.mean_interval([0.3, np.nan, 0.1])
    with pytest.raises(ValueError, match=r"shape \(2, 2\)"):
        inference.mean_interval(np.ones((2, 2)))
