import jax
import jax.numpy as jnp
import networkx
import numpy as np
import pytest
import scipy.linalg
from gradients import assert_gradient, finite_gradient, gradient
from scipy.spatial.distance import pdist

from pydra_diffconn import losses
from pydra_diffconn.losses import covariance

pytestmark = pytest.mark.usefixtures("x64")

correlation, determinant, log_determinant, kurtosis = map(
    jax.jit, (covariance.correlation, covariance.determinant, covariance.log_determinant, covariance.kurtosis)
)


@pytest.fixture
def series(rng):
    return rng.standard_normal((40, 5)) @ rng.standard_normal((5, 5)) + 30


def test_determinants_of_correlations_equal_numpy(series):
    r = np.corrcoef(series.T)
    np.testing.assert_allclose(correlation(series), r, atol=1e-12)
    expected = -np.linalg.slogdet(r + 0.01 * np.eye(5))[1]
    np.testing.assert_allclose(losses.LogDetCorrelation("x")({"x": series}), expected, atol=1e-10)
    np.testing.assert_allclose(losses.DetCorrelation("x")({"x": series}), -np.linalg.det(r), atol=1e-12)
    runs = np.stack([series, series])
    np.testing.assert_allclose(losses.LogDetCorrelation("x")({"x": runs}), expected, atol=1e-10)
    assert_gradient(lambda x: losses.LogDetCorrelation("x")({"x": x}), series)
    assert_gradient(lambda x: losses.DetCorrelation("x")({"x": x}), series)


def test_equal_and_dead_columns_and_repeated_eigenvalues_leave_gradients_finite(series):
    same = np.column_stack([series, series[:, 0], np.full(40, 3.0), np.full(40, 2.0)])
    for loss in (losses.LogDetCorrelation("x"), losses.LogDetCorrelation("x", ridge=0.0), losses.DetCorrelation("x")):
        assert np.isfinite(loss({"x": same}))
        finite_gradient(lambda x, loss=loss: loss({"x": x}), same)
    for function in (log_determinant, determinant):
        np.testing.assert_allclose(
            gradient(function)(2 * np.eye(3)), jnp.eye(3) * (0.5 if function is log_determinant else 4)
        )


def mardia(series):
    centred = series - series.mean(0)
    return np.mean(np.einsum("ti,ij,tj->t", centred, np.linalg.inv(np.cov(series.T, ddof=0)), centred) ** 2)


def test_kurtosis_is_mardias(series):
    np.testing.assert_allclose(kurtosis(series), mardia(series), rtol=1e-10)
    np.testing.assert_allclose(losses.MultivariateKurtosis("x")({"x": series}), -mardia(series), rtol=1e-10)
    normalised = losses.MultivariateKurtosis("x", normalise=True)({"x": np.stack([series, series])})
    np.testing.assert_allclose(normalised, -mardia(series) / 35, rtol=1e-10)
    assert_gradient(kurtosis, series)


def test_kurtosis_of_a_gaussian_is_that_of_the_theory(rng):
    x = rng.standard_normal((100_000, 6)) @ rng.standard_normal((6, 6))
    np.testing.assert_allclose(losses.MultivariateKurtosis("x")({"x": x}), -48, rtol=1e-2)
    np.testing.assert_allclose(losses.MultivariateKurtosis("x", normalise=True)({"x": np.float32(x)}), -1, rtol=1e-2)


def test_kurtosis_leaves_dependent_and_dead_columns_out(series):
    more = np.column_stack([series, series[:, 0] - series[:, 1], np.full(40, 3.0)])
    np.testing.assert_allclose(kurtosis(more), mardia(series), rtol=1e-6)
    finite_gradient(kurtosis, more)
    finite_gradient(kurtosis, np.ones((10, 3)))
    finite_gradient(kurtosis, series[:3])


@pytest.mark.parametrize("loss", [losses.LogDetCorrelation, losses.DetCorrelation, losses.MultivariateKurtosis])
def test_frames_without_weight_have_no_influence(loss, series):
    kept = np.arange(40) % 5 > 0
    holed = np.where(kept[:, None], series, np.nan)
    found = loss("x", frame_weights="w")({"x": holed, "w": kept.astype(float)})
    np.testing.assert_allclose(found, loss("x")({"x": series[kept]}), rtol=1e-10)


def test_modularity_is_minus_newmans(rng):
    weights = rng.random((3, 9, 9))
    weights = (weights + weights.swapaxes(1, 2)) * (1 - np.eye(9))
    labels = np.repeat(np.arange(3), 3)
    groups = [set(np.flatnonzero(labels == k).tolist()) for k in range(3)]
    expected = [networkx.community.modularity(networkx.from_numpy_array(w), groups, resolution=1.3) for w in weights]
    loss = losses.Modularity("c", affiliation="q", resolution=1.3)
    hard = np.eye(3)[labels]
    np.testing.assert_allclose(loss({"c": weights, "q": hard}), -np.mean(expected), atol=1e-12)
    np.testing.assert_allclose(loss({"c": weights, "q": np.stack([hard] * 3)}), -np.mean(expected), atol=1e-12)
    np.testing.assert_allclose(loss({"c": weights[0], "parameters": {"q": hard}}), -expected[0], atol=1e-12)
    assert_gradient(lambda q: loss({"c": weights, "q": q}), np.asarray(rng.dirichlet(np.ones(3), 9)))


def test_minimising_modularity_finds_planted_communities(rng):
    labels = np.repeat(np.arange(3), 6)
    connectome = 0.2 * rng.random((18, 18)) + (labels[:, None] == labels)
    connectome = (connectome + connectome.T) / 2
    loss = losses.Modularity("c", affiliation="q")
    free = 0.1 * rng.standard_normal((18, 3))
    step = jax.jit(lambda f: f - 20 * jax.grad(lambda f: loss({"c": connectome, "q": jax.nn.softmax(f)}))(f))
    for _ in range(200):
        free = step(free)
    found = np.argmax(free, axis=1).tolist()
    assert len(set(zip(labels, found, strict=True))) == 3 == len(set(found))


def affinities(rng, runs=3, parcels=9):
    weights = rng.random((runs, parcels, parcels))
    return (weights + weights.swapaxes(1, 2)) * (1 - np.eye(parcels))


def test_connectopy_is_the_weighted_squared_distance(rng):
    weights, points = affinities(rng), rng.standard_normal((9, 2))
    weights[0, 2, 3] = weights[0, 3, 2] = -0.5
    square = ((points[:, None] - points) ** 2).sum(-1)
    expected = np.mean([np.sum(w * square) / np.sum(np.abs(w)) for w in weights])
    loss = losses.Connectopy("c")
    np.testing.assert_allclose(loss({"c": weights, "coordinates": points}), expected, rtol=1e-12)
    np.testing.assert_allclose(loss({"c": weights, "coordinates": np.stack([points] * 3)}), expected, rtol=1e-12)
    assert loss({"c": np.zeros((9, 9)), "coordinates": points}) == 0
    assert_gradient(lambda x: loss({"c": weights, "coordinates": x}), points)
    assert_gradient(lambda w: loss({"c": w, "coordinates": points}), weights + 0.1 * np.eye(9))  # |0| has no slope


def test_eigenmaps_has_its_minimum_at_the_eigenvectors_of_the_laplacian(rng):
    (weights,) = affinities(rng, runs=1)
    degree = np.diag(weights.sum(0))
    values, vectors = scipy.linalg.eigh(degree - weights, degree)
    loss = losses.Eigenmaps("c")
    turned = vectors[:, 1:4] @ rng.standard_normal((3, 3)) + 7  # another scale, rotation and origin
    np.testing.assert_allclose(loss({"c": weights, "coordinates": turned}), values[1:4].sum(), rtol=1e-8)
    points = rng.standard_normal((9, 3))
    assert loss({"c": weights, "coordinates": points}) > values[1:4].sum()
    assert_gradient(lambda x: loss({"c": weights, "coordinates": x}), points)
    step = jax.jit(lambda x: x - 0.5 * jax.grad(lambda x: loss({"c": weights, "coordinates": x}))(x))
    for _ in range(500):
        points = step(points)
    np.testing.assert_allclose(loss({"c": weights, "coordinates": points}), values[1:4].sum(), rtol=1e-3)
    for degenerate in (np.ones((9, 3)), np.repeat(rng.standard_normal((9, 1)), 3, axis=1)):
        assert np.isfinite(loss({"c": weights, "coordinates": degenerate}))


def test_states_within_and_between(rng):
    states = rng.standard_normal((4, 3, 6, 6))
    rows, columns = np.triu_indices(6, 1)
    vectors = states[..., rows, columns]
    templates = rng.standard_normal((3, 6, 6))
    expected = np.linalg.norm(vectors - templates[:, rows, columns], axis=-1).mean()
    outputs = {"s": states, "t": templates, "static": states.mean(1)}
    np.testing.assert_allclose(losses.StateWithin("s", templates="t")(outputs), expected, atol=1e-12)
    expected = np.linalg.norm(vectors - vectors.mean(0), axis=-1).mean()
    np.testing.assert_allclose(losses.StateWithin("s")(outputs), expected, atol=1e-12)
    expected = -np.mean([pdist(run) for run in vectors])
    np.testing.assert_allclose(losses.StateBetween("s")(outputs), expected, atol=1e-12)
    np.testing.assert_allclose(losses.StateBetween("s", static="static")(outputs), expected, atol=1e-12)
    angles = [np.arccos(1 - pdist(run - run.mean(0), "cosine")).mean() for run in vectors]
    found = losses.StateBetween("s", static="static", angle=True)(outputs)
    np.testing.assert_allclose(found, -np.mean(angles), atol=1e-10)
    assert_gradient(lambda s: losses.StateBetween("s", angle=True)({"s": s}), states)
    same = np.stack([states[:, 0]] * 3, 1)
    finite_gradient(lambda s: losses.StateBetween("s")({"s": s}) + losses.StateWithin("s")({"s": s}), same)


def test_identifiability_of_equal_connectomes_is_zero_with_finite_gradient(rng):
    targets = {"person": np.array([0, 0, 1, 1]), "session": np.array([0, 1, 0, 1])}
    same = np.stack([np.corrcoef(rng.standard_normal((4, 20)))] * 4)
    loss = losses.Identifiability("c")
    np.testing.assert_allclose(loss({"c": same}, targets), 0, atol=1e-6)
    finite_gradient(lambda c: loss({"c": c}, targets), same)
