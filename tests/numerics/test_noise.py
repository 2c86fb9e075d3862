import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gradients import gradient
from scipy.linalg import expm

from pydra_diffconn import noise

KEY = jax.random.key(3)
X = jnp.asarray(np.random.default_rng(0).standard_normal((6, 5)))


@pytest.mark.parametrize("axes", [None, (), (0,), (1,), (-1,), (0, 1)])
def test_draws_differ_along_the_chosen_axes_alone(axes):
    drawn = np.broadcast_to(noise.draw(KEY, X, axes=axes), X.shape)
    wanted = {0, 1} if axes is None else {axis % 2 for axis in axes}
    for axis in (0, 1):
        assert bool(np.any(np.ptp(drawn, axis=axis) > 0)) == (axis in wanted)


@pytest.mark.parametrize(
    "function",
    [
        noise.add,
        noise.drop,
        noise.blend,
        lambda key, x: noise.multiply(key, x, jax.random.uniform, 0.5),
        lambda key, x: noise.windows(key, x, 3, 4),
    ],
)
def test_the_same_key_gives_the_same_noise_also_compiled(function):
    one, two, other = function(KEY, X), jax.jit(function)(KEY, X), function(jax.random.key(4), X)
    np.testing.assert_allclose(one, two, atol=1e-6)
    assert one.dtype == X.dtype and not np.array_equal(one, other)


def test_added_noise_has_the_scale_asked_for():
    drawn = noise.add(KEY, jnp.zeros(20_000), scale=3.0)
    np.testing.assert_allclose([drawn.mean(), drawn.std()], [0, 3], atol=0.05)


@pytest.mark.parametrize(
    "function",
    [
        lambda key, x: noise.drop(key, x, 0.3),
        lambda key, x: noise.multiply(key, x, jax.random.exponential),
        lambda key, x: noise.multiply(key, x, jax.random.uniform, 0.5),
    ],
)
def test_multiplied_noise_keeps_the_mean(function):
    np.testing.assert_allclose(function(KEY, jnp.full(40_000, 2.0)).mean(), 2, atol=0.05)


def test_dropped_entries_are_zero_and_the_others_scaled():
    whole = np.asarray(noise.drop(KEY, jnp.ones((50, 4)), 0.4, axes=(0,)))
    assert set(np.round(np.unique(whole), 5)) == {0, np.float32(np.round(1 / 0.6, 5))}
    assert np.all(np.ptp(whole, axis=1) == 0)
    np.testing.assert_array_equal(noise.drop(KEY, X, 0.0), X)


def test_a_blend_is_convex():
    np.testing.assert_array_equal(noise.blend(KEY, X, 0.0), X)
    drawn = noise.draw(KEY, X)
    np.testing.assert_allclose(noise.blend(KEY, X, 0.25), 0.75 * X + 0.25 * drawn, atol=1e-6)
    np.testing.assert_array_equal(noise.blend(KEY, X, 1.0), drawn)


def test_windows_are_cut_from_the_series():
    cut = np.asarray(noise.windows(KEY, jnp.arange(20.0)[:, None], 5, count=40))
    assert cut.shape == (40, 5, 1)
    np.testing.assert_array_equal(np.diff(cut[..., 0], axis=1), 1)
    assert cut[:, 0].min() == 0 and cut[:, 0].max() == 15
    with pytest.raises(ValueError, match="a window of 7 frames cannot be cut from 6"):
        noise.windows(KEY, X, 7)


def test_reconditioning_parts_eigenvalues_and_lifts_them_off_zero(x64):
    matrix = jnp.zeros((2, 4, 4))
    found = noise.recondition(KEY, matrix, floor=0.1, jitter=0.05)
    values = np.linalg.eigvalsh(found)
    assert values.min() >= 0.05 and values.max() <= 0.1 and np.diff(values).min() > 0
    np.testing.assert_allclose(noise.recondition(KEY, matrix, floor=0.1), 0.1 * np.stack([np.eye(4)] * 2))
    slope = gradient(lambda m: jnp.sum(jnp.linalg.eigh(noise.recondition(KEY, m, 0.1, 0.05))[1] ** 3))(matrix)
    assert np.all(np.isfinite(slope))


def test_random_matrices_are_what_they_are_called(x64):
    assert np.count_nonzero(noise.diagonal(KEY, 5)) == 5
    drawn = noise.symmetric(KEY, 6)
    np.testing.assert_array_equal(drawn, drawn.T)
    product = noise.outer_product(KEY, 6, 2)
    assert np.linalg.matrix_rank(product) == 2 and np.linalg.eigvalsh(product).min() > -1e-12
    exponential = noise.matrix_exponential(KEY, 6, 0.5)
    np.testing.assert_allclose(exponential, expm(0.5 * np.asarray(drawn)), atol=1e-10)
    mean = jax.vmap(lambda key: noise.outer_product(key, 3, 2))(jax.random.split(KEY, 5000)).mean(axis=0)
    np.testing.assert_allclose(mean, np.eye(3), atol=0.1)
