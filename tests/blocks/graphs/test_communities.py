"""Modularity against networkx and the Brain Connectivity Toolbox; planted communities are found by ascending it."""

import bct
import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
import optax
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from pydra_diffconn.blocks import Modularity
from pydra_diffconn.testing import Case


def symmetric(rng, parcels, low=0.0):
    upper = np.triu(rng.uniform(low, 1.0, (parcels, parcels)), 1)
    return upper + upper.T


def one_hot(labels):
    return np.eye(labels.max() + 1)[labels]


def newman(connectome, labels, resolution=1.0):
    graph = nx.from_numpy_array(np.asarray(connectome))
    groups = [set(np.flatnonzero(labels == label)) for label in np.unique(labels)]
    return nx.community.modularity(graph, groups, resolution=resolution)


@examples(15)
@given(st.integers(0, 2**31), st.floats(0.3, 3.0))
def test_hard_communities_have_newmans_modularity(seed, resolution):
    rng = np.random.default_rng(seed)
    weights, labels = symmetric(rng, 9), rng.integers(3, size=9)
    with jax.enable_x64(True):
        found = Modularity.pure(weights, one_hot(labels), resolution=resolution)
        np.testing.assert_allclose(found, newman(weights, labels, resolution), atol=1e-12)


@pytest.mark.parametrize(("negative", "kind"), [("asymmetric", "sta"), ("gomez", "gja"), ("ignore", "pos")])
def test_signed_modularity_equals_the_toolboxs(x64, real_series, rng, negative, kind):
    alive = real_series[:, real_series.std(axis=0) > 0][:, :40]
    weights = np.corrcoef(alive.T)
    np.fill_diagonal(weights, 0)
    labels = rng.integers(4, size=40)
    expected = bct.modularity_und_sign(weights, labels, kind)[1]
    np.testing.assert_allclose(Modularity.pure(weights, one_hot(labels), negative=negative), expected, atol=1e-12)


def test_it_equals_the_toolboxs_unsigned_modularity(x64, rng):
    weights, labels = symmetric(rng, 12), np.arange(12) % 3
    expected = bct.modularity_und(weights, gamma=1.3, kci=labels + 1)[1]
    np.testing.assert_allclose(Modularity.pure(weights, one_hot(labels), resolution=1.3), expected, atol=1e-12)


def test_the_diagonal_does_not_count(x64, rng):
    weights, labels = symmetric(rng, 8), one_hot(np.arange(8) % 2)
    assert Modularity.pure(weights + np.eye(8), labels) == Modularity.pure(weights, labels)


def test_full_coupling_makes_one_community_of_all(x64, rng):
    weights, shares = symmetric(rng, 8), rng.dirichlet(np.ones(3), 8)
    np.testing.assert_allclose(Modularity.pure(weights, shares, np.ones((3, 3))), 0.0, atol=1e-12)
    assert Modularity.pure(weights, shares, np.eye(3)) == pytest.approx(float(Modularity.pure(weights, shares)))


def planted(rng, labels, inside=0.6, outside=0.15, spread=0.15):
    weights = np.where(labels[:, None] == labels, inside, outside) + spread * rng.standard_normal((len(labels),) * 2)
    return (np.triu(weights, 1) + np.triu(weights, 1).T).astype(np.float32)


def test_planted_communities_are_found_by_maximising_and_lost_by_minimising(rng):
    labels = np.repeat(np.arange(4), 12)
    weights = planted(rng, labels)
    optimiser = optax.adam(0.1)
    start = jnp.asarray(0.1 * rng.standard_normal((48, 4)), jnp.float32)

    def learned(sign):
        def step(state, _):
            free, moments = state
            slope = jax.grad(lambda free: -sign * Modularity.pure(weights, jax.nn.softmax(free)))(free)
            updates, moments = optimiser.update(slope, moments)
            return (free + updates, moments), None

        (free, _), _ = jax.jit(lambda: jax.lax.scan(step, (start, optimiser.init(start)), None, 300))()
        return np.asarray(jax.nn.softmax(free))

    found = learned(1)
    assert adjusted_rand_score(labels, found.argmax(axis=1)) == 1
    assert Modularity.pure(weights, found) == pytest.approx(newman(weights, labels), abs=0.05)
    assert adjusted_rand_score(labels, learned(-1).argmax(axis=1)) < 0.2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"affiliation": np.ones((5, 1))}, "affiliation has 5 parcels, connectome 4"),
        ({"connectome": np.triu(np.ones((4, 4)))}, "connectome is not symmetric: "),
        ({"connectome": np.ones((4, 3))}, r"connectome has shape \(4, 3\)"),
        ({"connectome": np.full((4, 4), np.nan)}, "16 values that are not finite, the first in parcel 0, column 0"),
        ({"negative": "drop"}, "negative = 'drop'; expected"),
        ({"coupling": np.ones((3, 3))}, r"coupling has 3 communities, affiliation 2"),
    ],
)
def test_bad_arguments_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        Modularity.check({"connectome": np.ones((4, 4)), "affiliation": np.ones((4, 2)) / 2, **change})


def definition(connectome, affiliation, coupling, resolution, negative):
    weights = connectome - np.diag(np.diag(connectome))
    alike = affiliation @ coupling @ affiliation.T
    total = {sign: np.maximum(sign * weights, 0).sum() for sign in (1, -1)}

    def excess(sign):
        part = np.maximum(sign * weights, 0)
        strength = part.sum(axis=0)
        return np.sum((part - resolution * np.outer(strength, strength) / total[sign]) * alike)

    return excess(1) / total[1] - excess(-1) / (total[1] + total[-1])


WEIGHTS = symmetric(np.random.default_rng(2), 10, low=-0.6)
SHARES = np.random.default_rng(3).dirichlet(np.ones(3), 10)
MIXED = np.array([[1, 0.2, 0.1], [0.2, 0.8, 0.3], [0.1, 0.3, 0.9]])
CASES = [
    Case(
        Modularity,
        {"connectome": WEIGHTS, "affiliation": SHARES, "coupling": MIXED, "resolution": 1.4},
        definition,
        "Rubinov & Sporns (2011), in NumPy",
        {
            "no connections": {"connectome": np.zeros((10, 10))},
            "no positive connection": {"connectome": -np.abs(WEIGHTS)},
            "one-hot": {"affiliation": np.eye(3)[np.arange(10) % 3], "coupling": None},
        },
    ),
    Case(
        Modularity,
        {"connectome": np.abs(WEIGHTS), "affiliation": np.eye(3)[np.arange(10) % 3]},
        lambda connectome, affiliation, resolution, **_: newman(connectome, affiliation.argmax(axis=1), resolution),
        "networkx.community.modularity",
        smooth=("affiliation", "resolution"),
    ),
]
