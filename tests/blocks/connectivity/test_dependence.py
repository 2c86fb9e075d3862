"""Dependence of any kind: distance correlation by all distances, mutual information by scikit-learn's counts."""

import jax.numpy as jnp
import numpy as np
import pytest
from gradients import assert_gradient
from scipy.spatial.distance import cdist
from sklearn.metrics import mutual_info_score, normalized_mutual_info_score

from pydra_diffconn.blocks import Correlation, DistanceCorrelation, MutualInformation
from pydra_diffconn.testing import Case


def by_distances(timeseries, frame_weights):
    """Szekely et al. (2007): products of doubly centred matrices of distances."""
    share = frame_weights / frame_weights.sum()
    centred = []
    for column in timeseries.T:
        distance = cdist(column[:, None], column[:, None])
        rows = distance @ share
        centred.append(distance - rows[:, None] - rows + share @ rows)
    both = np.outer(share, share)
    products = np.array([[np.sum(both * a * b) for b in centred] for a in centred])
    own = np.diag(products)
    return np.sqrt(products / np.sqrt(np.outer(own, own)))


def counted(timeseries, frame_weights, bins, assignment, normalized):
    """Count by scikit-learn, of series put into bins by numpy.histogram_bin_edges."""
    assert assignment == "hard" and np.all(frame_weights == 1)
    inner = [np.histogram_bin_edges(column, bins)[1:-1] for column in timeseries.T]
    numbers = [np.digitize(column, edges) for column, edges in zip(timeseries.T, inner, strict=True)]
    score = normalized_mutual_info_score if normalized else mutual_info_score
    settings = {"average_method": "geometric"} if normalized else {}
    return np.array([[score(a, b, **settings) for b in numbers] for a in numbers])


def shared_out(timeseries, frame_weights, bins, assignment, normalized):
    """Daub et al. (2004): shares by numpy.interp between bins, entropies of the histogram of pairs."""
    least, most = timeseries.min(axis=0), timeseries.max(axis=0)
    place = (timeseries - least) / (most - least) * (bins - 1)
    shares = np.stack([np.interp(place, np.arange(bins), one) for one in np.eye(bins)], axis=-1)
    entropy = lambda p: -np.sum(p[p > 0] * np.log(p[p > 0]))  # noqa: E731
    parcels = timeseries.shape[1]
    found = np.empty((parcels, parcels))
    for a in range(parcels):
        for b in range(parcels):
            joint = np.einsum("t,ti,tj->ij", frame_weights / frame_weights.sum(), shares[:, a], shares[:, b])
            found[a, b] = entropy(joint.sum(axis=0)) + entropy(joint.sum(axis=1)) - entropy(joint)
    return found


def test_dependence_without_correlation_is_found(x64, rng):
    first, noise = rng.standard_normal(500), 0.2 * rng.standard_normal(500)
    series = np.stack([first, first**2 - 1 + noise, rng.standard_normal(500)], axis=1)
    assert abs(Correlation.pure(series)[0, 1]) < 0.15
    distance, information = np.asarray(DistanceCorrelation.pure(series)), np.asarray(MutualInformation.pure(series))
    assert distance[0, 1] > 0.4 > 0.2 > distance[0, 2] and information[0, 1] > 5 * information[0, 2]


def test_of_gaussian_series_both_are_what_theory_says(x64):
    rng, r = np.random.default_rng(5), 0.7
    series = rng.multivariate_normal([0, 0], [[1, r], [r, 1]], 3000)
    # Szekely et al. (2007), theorem 7
    one, two = r * np.arcsin(r) + np.sqrt(1 - r**2), r * np.arcsin(r / 2) + np.sqrt(4 - r**2)
    expected = np.sqrt((one - two + 1) / (1 + np.pi / 3 - np.sqrt(3)))
    np.testing.assert_allclose(DistanceCorrelation.pure(series)[0, 1], expected, atol=0.03)
    hard = MutualInformation.pure(series, bins=16, assignment="hard")[0, 1]
    np.testing.assert_allclose(hard, -0.5 * np.log(1 - r**2), atol=0.05)


def test_frames_without_weight_have_no_influence(x64, rng):
    series, weights = rng.standard_normal((50, 3)), (np.arange(50) % 6 > 0) * 1.0
    other = series + 100 * (weights == 0)[:, None]
    for measure in (DistanceCorrelation.pure, MutualInformation.pure):
        found = measure(series, weights)
        np.testing.assert_allclose(found, measure(other, weights), atol=1e-10)
        np.testing.assert_allclose(found, measure(series[weights > 0]), atol=1e-10)


def test_what_does_not_vary_tells_nothing(x64, rng):
    series = rng.standard_normal((40, 3))
    dead = np.where(np.arange(3) == 2, 4.0, series)
    distance, information = np.asarray(DistanceCorrelation.pure(dead)), np.asarray(MutualInformation.pure(dead))
    assert not distance[2, :2].any() and distance[2, 2] == 1 and not information[2].any()
    assert not np.asarray(MutualInformation.pure(dead, normalized=True))[2].any()
    for measure in (DistanceCorrelation.pure, MutualInformation.pure):
        np.testing.assert_allclose(measure(dead)[:2, :2], measure(series)[:2, :2], atol=1e-12)
        assert_gradient(lambda x, measure=measure: jnp.sum(jnp.triu(measure(x), 1)[:2, :2] ** 2), dead[:, :2])


def test_too_few_bins_are_refused(rng):
    with pytest.raises(ValueError, match="bins = 1; expected 2 or more"):
        MutualInformation.check({"timeseries": rng.standard_normal((40, 3)), "bins": 1})


SERIES = np.random.default_rng(2).standard_normal((60, 4)) @ np.random.default_rng(3).standard_normal((4, 4))
CASES = [
    Case(
        DistanceCorrelation,
        lambda rng: {"timeseries": SERIES, "frame_weights": rng.uniform(0.2, 1, 60)},
        by_distances,
        "Szekely et al. (2007), in SciPy",
    ),
    Case(
        MutualInformation,
        lambda rng: {"timeseries": SERIES, "frame_weights": rng.uniform(0.2, 1, 60), "bins": 6},
        shared_out,
        "Daub et al. (2004), in NumPy",
    ),
    *(
        Case(
            MutualInformation,
            {"timeseries": SERIES, "frame_weights": np.ones(60), "assignment": "hard", "normalized": normalized},
            counted,
            "scikit-learn",
            smooth=[],
        )
        for normalized in (False, True)
    ),
]
