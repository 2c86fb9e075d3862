"""Soft clusters against scikit-learn and SciPy, the Bessel function against mpmath, planted clusters learned."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import optax
import pytest
from examples import examples
from gradients import assert_gradient, gradient
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import gammaln, ive
from scipy.stats import vonmises_fisher
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from pydra_diffconn.blocks import SoftKMeans, VonMisesFisherMixture
from pydra_diffconn.blocks.states.mixtures import log_normalizer
from pydra_diffconn.numerics.bessel import bessel_ratio, log_bessel
from pydra_diffconn.testing import Case


def exact(order, argument):
    with mpmath.workdps(40):
        if argument == 0:
            return float(-mpmath.loggamma(order + 1))
        return float(mpmath.log(mpmath.besseli(order, argument)) - order * mpmath.log(mpmath.mpf(argument) / 2))


ARGUMENTS = np.array([0.0, 1e-3, 0.5, 3.0, 30.0, 200.0, 1e3, 1e5])


@pytest.mark.parametrize("order", [0.0, 0.5, 9.0, 39.5, 40.0, 199.0, 599.0])
def test_the_bessel_function_equals_mpmaths(x64, order):
    expected = np.array([exact(order, x) for x in ARGUMENTS])
    np.testing.assert_allclose(log_bessel(order, ARGUMENTS), expected, rtol=1e-13, atol=1e-13)
    with jax.enable_x64(False):
        single = log_bessel(order, ARGUMENTS.astype(np.float32))
    np.testing.assert_allclose(single, expected, rtol=1e-6, atol=1e-5)
    ratios = [float(mpmath.besseli(order + 1, x) / mpmath.besseli(order, x)) if x else 0.0 for x in ARGUMENTS]
    np.testing.assert_allclose(bessel_ratio(order, ARGUMENTS), ratios, atol=1e-13)


def test_the_bessel_function_equals_scipys(x64):
    x = np.linspace(0.1, 50, 20)
    expected = np.log(ive(2.5, x)) + x - 2.5 * np.log(x / 2)
    np.testing.assert_allclose(log_bessel(2.5, x), expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("order", [0.0, 4.0, 150.0])
def test_the_bessel_function_has_all_derivatives(x64, order):
    for at in (0.3, 7.0, 80.0):
        assert_gradient(lambda x: log_bessel(order, x), at)
        assert_gradient(jax.grad(lambda x: log_bessel(order, x)), at)
        assert_gradient(jax.grad(jax.grad(lambda x: log_bessel(order, x))), at)
    assert float(gradient(lambda x: log_bessel(order, x))(0.0)) == 0.0


def test_without_concentration_the_density_is_one_over_the_area_of_the_sphere(x64):
    for features in (2, 3, 50):
        area = np.log(2) + features / 2 * np.log(np.pi) - gammaln(features / 2)
        assert float(log_normalizer(features, jnp.asarray(0.0))) == pytest.approx(-area, abs=1e-12)


def clusters(rng, count=20, features=6, spread=0.3):
    centers = rng.standard_normal((3, features)) * 2
    labels = np.repeat(np.arange(3), count)
    return centers[labels] + spread * rng.standard_normal((3 * count, features)), labels


@pytest.mark.parametrize("updates", [1, 3, 20])
def test_hard_clusters_equal_scikit_learn_after_each_number_of_updates(x64, rng, updates):
    x, _ = clusters(rng, spread=2.0)
    start = x[[0, 1, 2]]
    model = KMeans(3, init=start, n_init=1, max_iter=updates, tol=0, algorithm="lloyd").fit(x)
    affiliation, centers = SoftKMeans.pure(x, start, updates=updates)
    np.testing.assert_allclose(centers, model.cluster_centers_, atol=1e-10)
    np.testing.assert_array_equal(affiliation, np.eye(3)[model.labels_])


assigned = jax.jit(lambda x, centers, temperature: SoftKMeans.pure(x, centers, None, temperature)[0])


@examples(15)
@given(st.integers(0, 2**31), st.floats(-1e3, 1e3))
def test_soft_clusters_tend_to_hard_ones_wherever_the_origin_is(seed, shift):
    x, _ = clusters(np.random.default_rng(seed))
    with jax.enable_x64(True):
        hard = assigned(x + shift, x[::20] + shift, 0.0)
        np.testing.assert_allclose(assigned(x, x[::20], 1e-6), hard, atol=1e-8)


def test_samples_without_weight_and_clusters_without_samples_move_nothing(x64, rng):
    x, _ = clusters(rng)
    keep = rng.random(60) > 0.3
    start = np.vstack([x[[0, 20]], np.full((1, 6), 1e3)])
    found = SoftKMeans.pure(x, start, 1.0 * keep, updates=5)[1]
    np.testing.assert_allclose(found, SoftKMeans.pure(x[keep], start, updates=5)[1], atol=1e-10)
    np.testing.assert_array_equal(found[2], start[2])


def test_planted_centers_are_learned_by_descending_the_distance(rng):
    x, labels = clusters(rng)
    x = x.astype(np.float32)

    def loss(centers):
        affiliation, _ = SoftKMeans.pure(x, centers, temperature=0.5)
        return jnp.mean(jnp.sum(affiliation * jnp.sum((x[:, None] - centers) ** 2, axis=-1), axis=1))

    found = descend(loss, x[[0, 20, 40]] + 0.5, 0.05, 200)
    means = np.array([x[labels == label].mean(axis=0) for label in range(3)])
    np.testing.assert_allclose(found, means, atol=0.05)


def descend(loss, start, rate, steps):
    optimiser = optax.adam(rate)

    def step(state, _):
        values, moments = state
        updates, moments = optimiser.update(jax.grad(loss)(values), moments)
        return (optax.apply_updates(values, updates), moments), None

    start = jax.tree.map(jnp.asarray, start)
    return jax.jit(lambda start: jax.lax.scan(step, (start, optimiser.init(start)), None, steps)[0][0])(start)


def test_a_planted_mixture_of_directions_is_learned(rng):
    planted = {
        "directions": np.eye(5)[:2],
        "concentration": np.array([20.0, 60.0]),
        "proportions": np.array([0.3, 0.7]),
    }
    counts = (300, 700)
    x = np.concatenate(
        [
            vonmises_fisher(mean, kappa, seed=seed).rvs(count)
            for seed, (mean, kappa, count) in enumerate(
                zip(planted["directions"], planted["concentration"], counts, strict=True)
            )
        ]
    ).astype(np.float32)

    def unfold(free):
        return free["directions"], jnp.exp(free["concentration"]), jax.nn.softmax(free["proportions"])

    def loss(free):
        return -jnp.mean(VonMisesFisherMixture.pure(x, *unfold(free))[1])

    start = {
        "directions": x[[0, 999]],
        "concentration": np.zeros(2, np.float32),
        "proportions": np.zeros(2, np.float32),
    }
    free = descend(loss, start, 0.05, 400)
    _, concentration, proportions = unfold(free)
    np.testing.assert_allclose(proportions, planted["proportions"], atol=0.03)
    np.testing.assert_allclose(concentration, planted["concentration"], rtol=0.15)
    affiliation = VonMisesFisherMixture.pure(x, *unfold(free))[0]
    assert adjusted_rand_score(np.repeat([0, 1], counts), np.argmax(affiliation, axis=1)) > 0.95


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"centers": np.ones((2, 4))}, "centers has 4 features, samples 3"),
        ({"sample_weights": np.ones(4)}, "sample_weights has 4 samples, samples 5"),
        (
            {"directions": np.ones((2, 3)), "concentration": np.ones(3)},
            "concentration has 3 clusters, directions 2",
        ),
        ({"samples": np.full((5, 3), np.nan)}, "samples has 15 values that are not finite"),
        ({"samples": np.ones((5, 1)), "directions": np.ones((2, 1))}, "at least 2 features"),
    ],
)
def test_bad_arguments_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        block = VonMisesFisherMixture if "directions" in change else SoftKMeans
        block.check({"samples": np.ones((5, 3)), **change})


def scikit_learn(samples, centers, sample_weights, temperature, updates):
    model = KMeans(len(centers), init=centers, n_init=1, max_iter=updates, tol=0, algorithm="lloyd")
    model.fit(samples, sample_weight=sample_weights)
    return np.eye(len(centers))[model.labels_], model.cluster_centers_


def softmax_kmeans(samples, centers, sample_weights, temperature, updates):
    for moved in range(updates + 1):
        affiliation = np.exp(-np.sum((samples[:, None] - centers) ** 2, axis=-1) / temperature)
        affiliation /= affiliation.sum(axis=1, keepdims=True)
        if moved < updates:
            share = affiliation * sample_weights[:, None]
            centers = share.T @ samples / share.sum(axis=0)[:, None]
    return affiliation, centers


def scipy_mixture(samples, directions, concentration, proportions):
    unit = samples / np.linalg.norm(samples, axis=1, keepdims=True)
    means = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    joint = np.column_stack(
        [p * vonmises_fisher(m, k).pdf(unit) for m, k, p in zip(means, concentration, proportions, strict=True)]
    )
    return joint / joint.sum(axis=1, keepdims=True), np.log(joint.sum(axis=1))


RNG = np.random.default_rng(2)
X = clusters(RNG, count=6, features=4, spread=1.0)[0]
START = X[[0, 6, 12]]
WEIGHTS = RNG.uniform(0.2, 1, 18)
DEGENERATE = {
    "samples alike": {"samples": np.ones((18, 4))},
    "two centers alike": {"centers": X[[0, 0, 12]]},
    "a distant center": {"centers": START + np.array([[0.0], [0.0], [1e4]])},
}
MIXTURE = {"directions": START, "concentration": np.array([2.0, 15.0, 70.0]), "proportions": np.array([0.2, 0.5, 0.3])}
CASES = [
    Case(
        SoftKMeans,
        {"samples": X, "centers": START, "sample_weights": WEIGHTS, "updates": 3},
        scikit_learn,
        "sklearn.cluster.KMeans",
        DEGENERATE,
        ("samples", "sample_weights"),
    ),
    Case(
        SoftKMeans,
        {"samples": X, "centers": START, "sample_weights": WEIGHTS, "temperature": 2.0, "updates": 3},
        softmax_kmeans,
        "NumPy",
        DEGENERATE,
        ("samples", "centers", "sample_weights", "temperature"),
    ),
    Case(
        VonMisesFisherMixture,
        {"samples": X, **MIXTURE},
        scipy_mixture,
        "scipy.stats.vonmises_fisher",
        {
            "a sample without direction": {"samples": X * (np.arange(18) != 3)[:, None]},
            "no concentration": {"concentration": np.zeros(3)},
            "an absent cluster": {"proportions": np.array([0.0, 0.4, 0.6])},
            "high concentration": {"concentration": np.array([1e4, 1e5, 1e6])},
        },
    ),
]
