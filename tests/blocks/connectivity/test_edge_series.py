"""Edge time series and co-activation patterns against NumPy; their means are correlations."""

import numpy as np
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import zscore

from pydra_diffconn.blocks import CoactivationPattern, EdgeTimeSeries
from pydra_diffconn.testing import Case


def test_the_mean_of_an_edge_is_its_correlation_on_real_data(x64, real_series):
    x = real_series[:, real_series.std(axis=0) > 0][:, :30]
    edges, amplitude = EdgeTimeSeries.pure(x)
    np.testing.assert_allclose(np.mean(edges, axis=0), np.corrcoef(x.T)[np.triu_indices(30, 1)], atol=1e-10)
    np.testing.assert_allclose(amplitude, np.linalg.norm(edges, axis=1), rtol=1e-12)


def test_censored_frames_have_no_influence(x64, rng):
    x, keep = rng.standard_normal((40, 4)), rng.random(40) > 0.3
    spoilt = np.where(keep[:, None], x, 99.0)
    found = EdgeTimeSeries.pure(spoilt, 1.0 * keep)[0]
    np.testing.assert_allclose(np.asarray(found)[keep], EdgeTimeSeries.pure(x[keep])[0], atol=1e-12)
    found = CoactivationPattern.pure(spoilt, spoilt[:, 0], 1.0 * keep)[0]
    np.testing.assert_allclose(found, CoactivationPattern.pure(x[keep], x[keep, 0])[0], atol=1e-12)


@examples(10)
@given(st.integers(0, 2**31), st.floats(-0.5, 1.0))
def test_a_soft_threshold_tends_to_the_hard_one(seed, threshold):
    x = np.random.default_rng(seed).standard_normal((30, 3)).astype(np.float32)
    hard, active = CoactivationPattern.pure(x, x[:, 0], threshold=threshold)
    soft, nearly = CoactivationPattern.pure(x, x[:, 0], threshold=threshold, softness=1e-7)
    np.testing.assert_allclose(nearly, active, atol=0.01)
    np.testing.assert_allclose(soft, hard, atol=0.01)


def test_without_an_active_frame_the_pattern_is_zero(rng):
    x = rng.standard_normal((20, 2))
    assert not np.any(CoactivationPattern.pure(x, x[:, 0], threshold=9.0)[0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": np.ones(3)}, "seed has 3 frames, timeseries 20"),
        ({"threshold": 9.0}, "no frame has the seed above threshold = 9 standard deviations"),
    ],
)
def test_bad_seeds_are_named(rng, change, message):
    x = rng.standard_normal((20, 2))
    arguments = {"timeseries": x, "seed": x[:, 0], "threshold": 1.0, "softness": 0.0}
    with pytest.raises(ValueError, match=message):
        CoactivationPattern.check({**arguments, **change})


def numpy_edges(timeseries, frame_weights):
    mean = np.average(timeseries, axis=0, weights=frame_weights)
    scores = (timeseries - mean) / np.sqrt(np.average((timeseries - mean) ** 2, axis=0, weights=frame_weights))
    rows, columns = np.triu_indices(timeseries.shape[1], 1)
    edges = scores[:, rows] * scores[:, columns]
    return edges, np.linalg.norm(edges, axis=1)


def numpy_pattern(timeseries, seed, frame_weights, threshold, softness):
    active = 1.0 * (zscore(seed) > threshold)
    return zscore(timeseries)[active > 0].mean(axis=0), active


SERIES = np.random.default_rng(0).standard_normal((40, 4))
WEIGHTS = np.random.default_rng(1).uniform(0.2, 1, 40)
DEGENERATE = {
    "a dead parcel": {"timeseries": SERIES * [1, 0, 1, 1] + 3},
    "all but three frames censored": {"frame_weights": 1.0 * (np.arange(40) < 3)},
}
CASES = [
    Case(
        EdgeTimeSeries,
        {"timeseries": SERIES, "frame_weights": WEIGHTS},
        numpy_edges,
        "numpy",
        DEGENERATE,
        ("timeseries", "frame_weights"),
    ),
    Case(
        CoactivationPattern,
        {"timeseries": SERIES, "seed": SERIES[:, 0] + SERIES[:, 1]},
        numpy_pattern,
        "scipy.stats.zscore",
        {"a dead parcel": DEGENERATE["a dead parcel"]},
    ),
    Case(
        CoactivationPattern,
        {"timeseries": SERIES, "seed": SERIES[:, 0] + SERIES[:, 1], "frame_weights": WEIGHTS, "softness": 0.3},
        degenerate={**DEGENERATE, "a dead seed": {"seed": np.ones(40)}},
        smooth=("timeseries", "seed", "frame_weights", "threshold", "softness"),
    ),
]
