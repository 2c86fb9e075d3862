import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gradients import assert_gradient, finite_gradient
from scipy import ndimage
from sklearn.cluster import KMeans

from pydra_diffconn import losses
from pydra_diffconn.losses import parcellation

pytestmark = pytest.mark.usefixtures("x64")

equilibrium = jax.jit(parcellation.equilibrium, static_argnames="logits")
second_moment = jax.jit(parcellation.second_moment, static_argnames="normalise")
homogeneity = jax.jit(parcellation.homogeneity)


@pytest.fixture
def labels(rng):
    return np.append(rng.integers(0, 3, 20), [0, 1, 2, 2])


@pytest.fixture
def series(rng):
    return rng.standard_normal((15, 24)) + 50


@pytest.fixture
def hard(labels):
    return np.eye(3)[labels].T


def test_equilibrium_is_the_imbalance_of_shares(rng):
    maps = rng.random((4, 9))
    expected = np.abs(maps.mean(1) - maps.mean())
    np.testing.assert_allclose(equilibrium(maps), expected, atol=1e-14)
    soft = np.asarray(jax.nn.softmax(maps, axis=0))
    np.testing.assert_allclose(equilibrium(maps, logits=True), np.abs(soft.mean(1) - 1 / 4), atol=1e-14)
    np.testing.assert_allclose(losses.Equilibrium("m")({"m": np.stack([maps, maps])}), expected.mean(), atol=1e-14)
    np.testing.assert_allclose(equilibrium(np.eye(4)), 0, atol=1e-14)
    assert_gradient(lambda m: equilibrium(m, logits=True).sum(), maps)


def test_the_second_moment_of_hard_parcels_is_their_variance(hard, labels, series):
    expected = [ndimage.variance(frame, labels, range(3)) for frame in series]
    np.testing.assert_allclose(second_moment(hard, series), expected, atol=1e-10)
    assert_gradient(lambda x: second_moment(hard, x).sum(), series)


def test_without_normalising_it_is_the_sum_of_squares_of_k_means(series):
    model = KMeans(3, n_init=1, random_state=0).fit(series.T)
    maps = jnp.asarray(np.eye(3)[model.labels_].T)
    np.testing.assert_allclose(second_moment(maps, series, normalise=False).sum(), model.inertia_, rtol=1e-10)
    found = losses.SecondMoment("m", timeseries="x", centres="c", normalise=False)
    centres = model.cluster_centers_.T
    np.testing.assert_allclose(found({"m": maps, "x": series, "c": centres}) * centres.size, model.inertia_, rtol=1e-8)


def test_the_second_moment_of_soft_signed_maps_follows_its_definition(rng, series):
    maps = rng.standard_normal((4, 24)) + 0.5
    size = np.abs(maps)
    centres = series @ maps.T / maps.sum(1)
    expected = np.einsum("pv,tpv->tp", size, (series[:, None] - centres[..., None]) ** 2)
    np.testing.assert_allclose(second_moment(maps, series, normalise=False), expected, rtol=1e-9)
    np.testing.assert_allclose(second_moment(maps, series), expected / size.sum(1), rtol=1e-9)
    about = np.einsum("pv,tv->tp", size, series**2)
    np.testing.assert_allclose(second_moment(maps, series, jnp.zeros((15, 4)), normalise=False), about, rtol=1e-10)
    assert_gradient(lambda m: second_moment(m, series).sum(), np.abs(maps))
    maps[1] = 0
    finite_gradient(lambda m: second_moment(m, series).sum(), maps)


def test_homogeneity_of_hard_parcels_is_the_mean_correlation_of_pairs(hard, labels, series):
    correlation = np.corrcoef(series.T)
    expected = []
    for label in range(3):
        inside = correlation[np.ix_(labels == label, labels == label)]
        expected.append(inside[np.triu_indices(len(inside), 1)].mean())
    found, valid = homogeneity(hard, series)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert np.all(valid)
    loss = losses.Homogeneity("m", timeseries="x")
    np.testing.assert_allclose(loss({"m": hard, "x": series}), -np.mean(expected), atol=1e-12)
    runs = {"m": hard, "x": np.stack([series, series])}
    np.testing.assert_allclose(loss(runs), -np.mean(expected), atol=1e-12)


def test_parcels_without_pairs_do_not_count_and_leave_gradients_finite(hard, series, rng):
    expected = homogeneity(hard, series)[0].mean()
    single, empty = np.zeros((1, 24)), np.zeros((1, 24))
    single[0, 4] = 1
    more = np.concatenate([hard, single, empty])
    loss = losses.Homogeneity("m", timeseries="x")
    np.testing.assert_allclose(loss({"m": more, "x": series}), -expected, atol=1e-12)
    finite_gradient(lambda m: loss({"m": m, "x": series}), more)
    series[:, 3] = 7.0
    finite_gradient(lambda x: loss({"m": more, "x": x}), series)
    assert_gradient(lambda m: loss({"m": m, "x": series}), rng.random((3, 24)))


@pytest.mark.parametrize("loss", [losses.Homogeneity, losses.SecondMoment])
def test_frames_without_weight_have_no_influence(loss, hard, series):
    kept = np.arange(15) % 4 > 0
    holed = np.where(kept[:, None], series, np.nan)
    term = loss("m", timeseries="x", frame_weights="w")
    found = term({"m": hard, "x": holed, "w": kept.astype(float)})
    np.testing.assert_allclose(found, loss("m", timeseries="x")({"m": hard, "x": series[kept]}), atol=1e-12)
    finite_gradient(lambda m: term({"m": m, "x": holed, "w": kept.astype(float)}), hard)


def test_float32_agrees_with_float64(hard, series):
    single = [np.float32(hard), np.float32(series)]
    for function in (second_moment, lambda *a: homogeneity(*a)[0]):
        found = function(*single)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, function(hard, np.float64(single[1])), atol=2e-5)
