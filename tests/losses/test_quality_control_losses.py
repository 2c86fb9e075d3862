import jax
import numpy as np
import pytest
from gradients import assert_gradient, finite_gradient
from scipy.stats import pearsonr, spearmanr

from pydra_diffconn import losses
from pydra_diffconn.losses import quality_control
from pydra_diffconn.losses.quality_control import critical_correlation, distance_dependence_rank

pytestmark = pytest.mark.usefixtures("x64")
qcfc, distance_dependence, quality_correlation = map(
    jax.jit, (quality_control.qcfc, quality_control.distance_dependence, quality_control.quality_correlation)
)
RUNS, PARCELS = 12, 5
EDGES = np.triu_indices(PARCELS, 1)


@pytest.fixture
def data(rng):
    connectomes = rng.standard_normal((RUNS, PARCELS, PARCELS))
    quality = rng.gamma(2, 0.1, RUNS)
    connectomes += 0.5 * quality[:, None, None] * rng.standard_normal((PARCELS, PARCELS)) * 10
    points = rng.random((PARCELS, 3)) * 50
    return connectomes + connectomes.swapaxes(1, 2), quality, np.linalg.norm(points[:, None] - points, axis=-1)


def edgewise(connectomes, quality):
    return np.array([pearsonr(connectomes[:, i, j], quality)[0] for i, j in zip(*EDGES, strict=True)])


def test_qcfc_equals_pearsonr_edge_by_edge(data):
    connectomes, quality, _ = data
    expected = edgewise(connectomes, quality)
    np.testing.assert_allclose(qcfc(connectomes, quality), expected, atol=1e-12)
    found = losses.QcFc("c")({"c": connectomes}, {"quality": quality})
    np.testing.assert_allclose(found, np.abs(expected).mean(), atol=1e-12)
    found = losses.QcFc("c", tolerance=0.3)({"c": connectomes}, {"quality": quality})
    np.testing.assert_allclose(found, np.maximum(np.abs(expected) - 0.3, 0).mean(), atol=1e-12)


def test_the_automatic_tolerance_is_the_border_of_significance(data):
    connectomes, quality, _ = data
    limit = critical_correlation(RUNS)
    x = np.random.default_rng(3).standard_normal(RUNS)
    x, q = x - x.mean(), quality - quality.mean()
    x = x - (x @ q) / (q @ q) * q
    x, q = x / np.linalg.norm(x), q / np.linalg.norm(q)
    at_the_border = limit * q + np.sqrt(1 - limit**2) * x
    np.testing.assert_allclose(pearsonr(at_the_border, quality), (limit, 0.05), atol=1e-10)
    expected = np.maximum(np.abs(edgewise(connectomes, quality)) - limit, 0).mean()
    found = losses.QcFc("c", tolerance="auto")({"c": connectomes}, {"quality": quality})
    np.testing.assert_allclose(found, expected, atol=1e-12)
    with pytest.raises(ValueError, match="2 runs; the significance of a correlation needs at least 3"):
        critical_correlation(2)


def test_any_output_can_be_freed_of_quality(data, rng):
    _, quality, _ = data
    x = rng.standard_normal((RUNS, 4))
    expected = np.mean([abs(pearsonr(column, quality)[0]) for column in x.T])
    found = losses.BatchCorrelation("x", quality="fd")({"x": x}, {"fd": quality})
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_distance_dependence_equals_scipy(data):
    connectomes, quality, distances = data
    edges = edgewise(connectomes, quality)
    expected = pearsonr(edges, distances[EDGES])[0]
    np.testing.assert_allclose(distance_dependence(connectomes, quality, distances), expected, atol=1e-12)
    found = losses.DistanceDependence("c", distances=distances)({"c": connectomes}, {"quality": quality})
    np.testing.assert_allclose(found, abs(expected), atol=1e-12)
    named = losses.DistanceDependence("c", distances="d")({"c": connectomes, "d": distances}, {"quality": quality})
    np.testing.assert_allclose(named, abs(expected), atol=1e-12)
    expected = spearmanr(edges, distances[EDGES])[0]
    np.testing.assert_allclose(distance_dependence_rank(connectomes, quality, distances), expected, atol=1e-12)


def test_gradients_equal_finite_differences(data):
    connectomes, quality, distances = data
    assert_gradient(lambda c: losses.QcFc("c", tolerance=0.1)({"c": c}, {"quality": quality}), connectomes)
    assert_gradient(lambda c: distance_dependence(c, quality, distances), connectomes)
    assert_gradient(lambda q: distance_dependence(connectomes, q, distances), quality)


def test_constant_edges_and_constant_quality_correlate_zero_without_gradient(data):
    connectomes, quality, distances = data
    connectomes[:, 0, 1] = connectomes[:, 1, 0] = 0.3
    assert qcfc(connectomes, quality)[0] == 0
    slope = finite_gradient(lambda c: losses.QcFc("c")({"c": c}, {"quality": quality}), connectomes)
    assert not np.any(slope[:, 0, 1]) and np.any(slope[:, 0, 2])
    np.testing.assert_array_equal(quality_correlation(connectomes, np.full(RUNS, 0.2)), 0)
    finite_gradient(lambda c: distance_dependence(c, np.full(RUNS, 0.2), distances), connectomes)
