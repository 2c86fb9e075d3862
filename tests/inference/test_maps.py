import numpy as np
import pytest
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from pydra_diffconn import inference
from pydra_diffconn.inference.maps import MIRROR, turned


def on_sphere(number):
    """Return points spread evenly over a sphere (Fibonacci's)."""
    z = 1 - (2 * np.arange(number) + 1) / number
    angle = np.pi * (1 + 5**0.5) * np.arange(number)
    return np.column_stack([np.sqrt(1 - z**2) * np.cos(angle), np.sqrt(1 - z**2) * np.sin(angle), z])


PLACES = on_sphere(80)
BOTH = np.concatenate([PLACES, PLACES @ MIRROR])
RIGHT = np.arange(160) >= 80


def smooth(rng, places):
    """Return a map that is alike at places near each other."""
    return np.exp(-((np.linalg.norm(places[:, None] - places, axis=-1) / 0.5) ** 2)) @ rng.standard_normal(len(places))


def test_a_turn_gives_each_parcel_the_nearest_one():
    for matrix in Rotation.random(5, np.random.default_rng(1)).as_matrix():
        expected = cKDTree(PLACES @ matrix.T).query(PLACES)[1]
        np.testing.assert_array_equal(turned(PLACES, matrix, "nearest"), expected)
        unique = turned(PLACES, matrix, "unique")
        assert sorted(unique) == list(range(80))
        assert np.mean(unique == expected) > 0.6
    np.testing.assert_array_equal(turned(PLACES, np.eye(3), "unique"), np.arange(80))


def test_hemispheres_turn_alike_and_mirrored(rng):
    found = inference.spins(100 * BOTH, RIGHT, repeats=20, rng=rng)
    assert found.shape == (20, 160)
    np.testing.assert_array_equal(found[:, 80:], found[:, :80] + 80)
    assert np.mean(found == np.arange(160)) < 0.1


def test_turns_are_uniform(rng):
    found = inference.spins(PLACES, assignment="nearest", repeats=4000, rng=rng)
    mean = PLACES[found].mean(axis=0)
    assert np.linalg.norm(mean, axis=1).max() < 0.08


def moran(values, weights):
    apart = values - values.mean()
    return len(values) / weights.sum() * (apart @ weights @ apart) / (apart @ apart)


def test_surrogates_keep_mean_variance_and_morans_i(rng):
    distance = np.linalg.norm(PLACES[:, None] - PLACES, axis=-1)
    weights = np.where(distance > 0, 1 / np.where(distance > 0, distance, 1.0), 0.0)
    for tried in (weights, (distance < 0.5) * (distance > 0) * 1.0, np.kron(np.eye(2), np.ones((40, 40)))):
        values = smooth(rng, PLACES) + 5
        found = inference.moran_surrogates(values, tried, repeats=30, rng=rng)
        off = tried - np.diag(np.diag(tried))
        np.testing.assert_allclose(found.mean(axis=1), values.mean(), atol=1e-9)
        np.testing.assert_allclose(found.std(axis=1), values.std(), atol=1e-9)
        np.testing.assert_allclose([moran(one, off) for one in found], moran(values, off), atol=1e-9)
        assert np.abs(np.corrcoef(found)[~np.eye(30, dtype=bool)]).mean() < 0.5


@pytest.mark.parametrize("kind", ["spins", "moran"])
def test_smooth_maps_go_together_by_chance_less_often_than_a_naive_test_says(kind):
    rng, wrong, naive = np.random.default_rng(2), 0, 0
    weights = 1 / (np.linalg.norm(PLACES[:, None] - PLACES, axis=-1) + np.eye(80))
    turns = inference.spins(PLACES, repeats=199, rng=rng)
    for _ in range(60):
        first, second = smooth(rng, PLACES), smooth(rng, PLACES)
        surrogates = (
            first[turns] if kind == "spins" else inference.moran_surrogates(first, weights, repeats=199, rng=rng)
        )
        r, p = inference.correlation_with(first, second, surrogates)
        assert r == pytest.approx(np.corrcoef(first, second)[0, 1])
        wrong += p <= 0.05
        naive += abs(r) > 0.22  # p = .05 of 80 independent places
    assert naive > 20 and wrong <= 9
    noisy = first + 0.5 * rng.standard_normal(80)
    assert inference.correlation_with(first, noisy, first[turns])[1] <= 0.05


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: inference.spins(PLACES[:, :2]), r"coordinates has shape \(80, 2\); expected \(parcels, 3\)"),
        (lambda: inference.spins(PLACES * np.linspace(1, 3, 80)[:, None]), "expected those of the spherical surface"),
        (lambda: inference.spins(np.vstack([PLACES, np.zeros(3)])), "parcel 80 has no direction"),
        (lambda: inference.spins(PLACES, RIGHT), r"right has shape \(160,\) for 80 parcels"),
        (lambda: inference.spins(PLACES, assignment="first"), "assignment = 'first'; expected 'nearest' or 'unique'"),
        (lambda: inference.moran_surrogates(np.zeros(3), np.zeros((4, 4))), r"weights has shape \(4, 4\)"),
        (lambda: inference.moran_surrogates(np.zeros(2), np.array([[0, 1], [2, 0]])), "weights are not symmetric"),
        (lambda: inference.correlation_with(np.zeros(3), np.zeros(4), np.zeros((5, 3))), "expected the same places"),
    ],
)
def test_what_has_no_null_is_told(call, told):
    with pytest.raises(ValueError, match=told):
        call()


def test_maps_with_missing_values_and_no_surrogates_are_refused():
    values = np.arange(10.0)
    surrogates = np.random.default_rng(0).permuted(np.tile(values, (99, 1)), axis=1)
    for first, made, told in (
        (np.where(values == 3, np.nan, values), surrogates, "first has values that are missing"),
        (values, np.full((99, 10), np.nan), "surrogates has values that are missing"),
        (values, np.zeros((0, 10)), "there are no surrogates"),
    ):
        with pytest.raises(ValueError, match=told):
            inference.correlation_with(first, values[::-1], made)
    with pytest.raises(ValueError, match="right has other values"):
        inference.spins(np.eye(3).repeat(2, axis=0), np.array(list("LLLRRR")), repeats=2)
