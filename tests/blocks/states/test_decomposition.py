"""Decompositions against scikit-learn and networkx; planted communities, parts and sources come out again."""

import warnings

import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
import optax
import pytest
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import SpectralClustering
from sklearn.decomposition import NMF, FastICA, sparse_encode
from sklearn.metrics import adjusted_rand_score

from pydra_diffconn.blocks import (
    ConnectivityGradients,
    IndependentComponents,
    NonnegativeFactors,
    NormalizedCut,
    SoftKMeans,
    SparseCodes,
)
from pydra_diffconn.testing import Case


def planted(rng, labels, inside=0.7, outside=0.2):
    weights = np.where(labels[:, None] == labels, inside, outside) + 0.1 * rng.uniform(-1, 1, (len(labels),) * 2)
    return np.triu(weights, 1) + np.triu(weights, 1).T


def matched(found, expected):
    """Correlate each expected column with the found one that resembles it most."""
    size = expected.shape[1]
    likeness = np.abs(np.corrcoef(found.T, expected.T)[:-size, -size:])
    return likeness[linear_sum_assignment(-likeness)]


def test_the_hard_cut_of_two_equals_networkx(x64, rng):
    weights, labels = planted(rng, np.arange(10) % 2), rng.permutation(np.arange(10) % 2)
    expected = nx.normalized_cut_size(nx.from_numpy_array(weights), np.flatnonzero(labels), weight="weight")
    assert float(NormalizedCut.pure(weights, np.eye(2)[labels])) == pytest.approx(expected, abs=1e-12)


def test_an_empty_community_does_not_pay(x64, rng):
    weights = planted(rng, np.repeat([0, 1], 5))
    assert NormalizedCut.pure(weights, np.eye(2)[np.zeros(10, int)]) > NormalizedCut.pure(
        weights, np.eye(2)[np.repeat([0, 1], 5)]
    )


def test_planted_communities_are_found_by_minimising_the_cut(rng):
    labels = np.repeat(np.arange(3), 10)
    weights = planted(rng, labels).astype(np.float32)
    optimiser = optax.adam(0.1)
    start = jnp.asarray(0.1 * rng.standard_normal((30, 3)), jnp.float32)

    def step(state, _):
        free, moments = state
        slope = jax.grad(lambda free: NormalizedCut.pure(weights, jax.nn.softmax(free)))(free)
        updates, moments = optimiser.update(slope, moments)
        return (free + updates, moments), None

    (free, _), _ = jax.jit(lambda: jax.lax.scan(step, (start, optimiser.init(start)), None, 200))()
    assert adjusted_rand_score(labels, np.argmax(free, axis=1)) == 1


def test_eigenmaps_and_clusters_are_spectral_clustering(x64, rng):
    labels = np.repeat(np.arange(3), 10)
    weights = planted(rng, labels, inside=0.5)
    maps, _ = ConnectivityGradients.pure(weights, 2, method="laplacian", kernel="none", sparsity=0.0)
    affiliation, _ = SoftKMeans.pure(maps, maps[::10], updates=10)
    found = np.argmax(affiliation, axis=1)
    expected = SpectralClustering(3, affinity="precomputed", random_state=0).fit_predict(weights)
    assert adjusted_rand_score(expected, found) == 1 == adjusted_rand_score(labels, found)


def test_planted_parts_are_found(rng):
    parts, activations = rng.random((3, 20)) * (rng.random((3, 20)) > 0.6), rng.random((60, 3)) ** 3
    samples = (activations @ parts).astype(np.float32)
    start = samples[[5, 25, 45]] + 0.05
    found = NonnegativeFactors.pure(samples, start, updates=3000)
    assert np.linalg.norm(found[0] @ found[1] - samples) < 0.02 * np.linalg.norm(samples)
    assert matched(np.asarray(found[1]).T, parts.T).min() > 0.9


def test_planted_sources_are_unmixed(rng):
    sources = np.column_stack([rng.laplace(size=500), rng.uniform(-1, 1, 500), rng.standard_normal(500) ** 3])
    samples = (sources @ rng.standard_normal((3, 6)) + 0.01 * rng.standard_normal((500, 6))).astype(np.float32)
    found, mixing = IndependentComponents.pure(samples, 3)
    assert matched(np.asarray(found), sources).min() > 0.98
    np.testing.assert_allclose(found @ mixing.T, samples - samples.mean(axis=0), atol=0.1)


def test_samples_without_weight_do_not_shape_the_parts(x64, rng):
    x, keep = rng.random((20, 5)), rng.random(20) > 0.3
    spoilt = np.where(keep[:, None], x, 3.0)
    parts = rng.random((2, 5))
    found = NonnegativeFactors.pure(spoilt, parts, 1.0 * keep, updates=5)[1]
    np.testing.assert_allclose(found, NonnegativeFactors.pure(x[keep], parts, updates=5)[1], atol=1e-10)
    found = IndependentComponents.pure(spoilt, 3, 1.0 * keep, updates=5)[1]
    np.testing.assert_allclose(found, IndependentComponents.pure(x[keep], 3, updates=5)[1], atol=1e-10)


def test_a_dictionary_is_learned_from_its_codes(rng):
    atoms = np.linalg.qr(rng.standard_normal((8, 8)))[0][:4]
    samples = (rng.laplace(size=(200, 4)) * (rng.random((200, 4)) > 0.6)) @ atoms
    samples = samples.astype(np.float32)

    def loss(free):
        unit = free / jnp.linalg.norm(free, axis=1, keepdims=True)
        codes = SparseCodes.pure(samples, unit, 0.05, updates=30)
        return jnp.mean((samples - codes @ unit) ** 2) * 4 + 0.05 * 4 * jnp.mean(jnp.abs(codes))

    free = jnp.asarray(atoms + 0.3 * rng.standard_normal(atoms.shape), jnp.float32)
    optimiser = optax.adam(0.02)

    def step(state, _):
        free, moments = state
        updates, moments = optimiser.update(jax.grad(loss)(free), moments)
        return (free + updates, moments), None

    (free, _), _ = jax.jit(lambda: jax.lax.scan(step, (free, optimiser.init(free)), None, 150))()
    unit = np.asarray(free / jnp.linalg.norm(free, axis=1, keepdims=True))
    assert np.abs(np.sum(unit * atoms, axis=1)).min() > 0.99


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"parts": np.ones((2, 4))}, "parts has 4 features, samples 3"),
        ({"parts": np.ones((2, 3)), "samples": -np.ones((5, 3))}, r"samples has negative values \(lowest: -1\)"),
        ({"sample_weights": np.ones(4)}, "sample_weights has 4 samples, samples 5"),
        ({"components": 4}, r"components = 4 of \(5, 3\) samples; expected 1 to 3"),
    ],
)
def test_bad_samples_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        NonnegativeFactors.check({"samples": np.ones((5, 3)), **change})


def scikit_nmf(samples, parts, sample_weights, updates):
    count = len(parts)
    model = NMF(count, init="custom", solver="mu", tol=0, max_iter=updates)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = np.full((len(samples), count), np.sqrt(samples.mean() / count))
        return model.fit_transform(samples, W=start, H=parts), model.components_


def scikit_ica(samples, components, sample_weights, updates):
    model = FastICA(components, w_init=np.eye(components), whiten="unit-variance", max_iter=updates, tol=1e-300)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit_transform(samples), model.mixing_


def definition_of_cut(connectome, affiliation):
    strength = connectome.sum(axis=1)
    return sum(1 - c @ connectome @ c / (c @ strength) for c in affiliation.T)


RNG = np.random.default_rng(3)
WEIGHTS = planted(RNG, np.arange(9) % 3)
POSITIVE, MIXED = RNG.random((12, 6)), RNG.laplace(size=(40, 4)) @ RNG.standard_normal((4, 5))
CASES = [
    Case(
        NormalizedCut,
        {"connectome": WEIGHTS, "affiliation": RNG.dirichlet(np.ones(3), 9)},
        definition_of_cut,
        "Shi & Malik (2000), in NumPy",
        {
            "no connections": {"connectome": np.zeros((9, 9))},
            "an empty community": {"affiliation": np.eye(3)[np.arange(9) % 2]},
        },
    ),
    Case(
        NonnegativeFactors,
        {"samples": POSITIVE, "parts": RNG.random((2, 6)), "updates": 25},
        scikit_nmf,
        "sklearn.decomposition.NMF",
        {"nothing": {"samples": np.zeros((12, 6))}, "a part of zeros": {"parts": np.eye(2, 6) * [[1.0], [0.0]]}},
    ),
    Case(
        IndependentComponents,
        {"samples": MIXED, "components": 3, "updates": 8},
        scikit_ica,
        "sklearn.decomposition.FastICA",
        {
            "rank one": {"samples": np.outer(np.arange(40.0), [1, 2, 3, 4, 5])},
            "equal variances": {"samples": np.eye(40)[:, :5]},
        },
    ),
    Case(
        SparseCodes,
        {"samples": MIXED, "atoms": RNG.standard_normal((3, 5)), "penalty": 0.8, "updates": 400},
        lambda samples, atoms, penalty, updates: sparse_encode(samples, atoms, algorithm="lasso_lars", alpha=penalty),
        "sklearn.decomposition.sparse_encode",
        {"atoms alike": {"atoms": np.ones((3, 5))}, "no atoms": {"atoms": np.zeros((3, 5))}},
    ),
]
