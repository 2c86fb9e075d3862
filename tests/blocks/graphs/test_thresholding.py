"""Sparse connectomes against the Brain Connectivity Toolbox, networkx and the disparity filter's definition."""

import bct
import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from pydra_diffconn.blocks import AbsoluteThreshold, DisparityFilter, SoftThreshold, SpanningTree
from pydra_diffconn.numerics.gates import largest
from pydra_diffconn.testing import Case


def symmetric(rng, parcels, low=-0.5):
    upper = np.triu(rng.uniform(low, 1.0, (parcels, parcels)), 1)
    return upper + upper.T


compiled = jax.jit(lambda weights, density: SoftThreshold.pure(weights, density))


@examples(25)
@given(st.integers(0, 2**31), st.floats(0, 1))
def test_a_hard_density_equals_the_toolbox(seed, density):
    weights = symmetric(np.random.default_rng(seed), 11)
    weights[2, 5] = weights[5, 2] = 0.0
    with jax.enable_x64(True):
        np.testing.assert_array_equal(compiled(weights, density), bct.threshold_proportional(weights, density))


def test_a_hard_density_equals_the_toolbox_on_real_data(x64, real_series):
    weights = np.corrcoef(real_series[:, real_series.std(axis=0) > 0][:, :60].T)
    weights = (weights + weights.T) / 2
    np.testing.assert_array_equal(SoftThreshold.pure(weights, 0.15), bct.threshold_proportional(weights, 0.15))


@pytest.mark.parametrize("density", [0.0, 0.031, 0.3, 0.77, 0.98, 1.0])
def test_a_soft_density_tends_to_the_hard_one(x64, rng, density):
    weights = symmetric(rng, 9)
    hard = SoftThreshold.pure(weights, density)
    np.testing.assert_allclose(SoftThreshold.pure(weights, density, 1e-6), hard, atol=1e-6)


@pytest.mark.parametrize("softness", [0.0, 0.1])
def test_densities_of_zero_and_one_are_exact(x64, rng, softness):
    weights = symmetric(rng, 9)
    assert np.all(SoftThreshold.pure(weights, 0.0, softness) == 0)
    np.testing.assert_array_equal(SoftThreshold.pure(weights, 1.0, softness), weights)


def test_the_density_is_recovered_from_a_thresholded_connectome(x64, rng):
    weights = symmetric(rng, 15)
    target = SoftThreshold.pure(weights, 0.3, 0.02)

    @jax.jit
    def slope(density):
        return jax.grad(lambda d: jnp.sum((SoftThreshold.pure(weights, d, 0.02) - target) ** 2))(density)

    density = 0.55
    for _ in range(200):
        density -= 0.001 * float(slope(density))
    assert density == pytest.approx(0.3, abs=0.01)


def test_each_row_keeps_its_own_largest(x64, rng):
    values = rng.standard_normal((4, 7))
    kept = np.asarray(largest(values, 3, 0.0))
    assert np.all(kept.sum(axis=1) == 3)
    assert np.all(np.sort(values, axis=1)[:, -3] == np.where(kept > 0, values, np.inf).min(axis=1))


def test_an_absolute_threshold_equals_the_toolbox(x64, rng):
    weights = symmetric(rng, 9)
    expected = bct.threshold_absolute(weights, 0.3)
    np.testing.assert_array_equal(AbsoluteThreshold.pure(weights, 0.3), expected)
    np.testing.assert_allclose(AbsoluteThreshold.pure(weights, 0.3, 1e-6), expected, atol=1e-6)


def test_a_hub_keeps_its_heavy_connection_only(x64):
    weights = np.zeros((6, 6))
    weights[0, 1:] = weights[1:, 0] = [10.0, 0.1, 0.1, 0.1, 0.1]
    kept = np.asarray(DisparityFilter.pure(weights, 0.05))
    assert kept[0, 1] == 10 and np.count_nonzero(kept) == 2


def test_bad_connectomes_are_named():
    for block in (SoftThreshold, AbsoluteThreshold, DisparityFilter, SpanningTree):
        with pytest.raises(ValueError, match="connectome is not symmetric"):
            block.check({"connectome": np.tri(3)})


def disparity(connectome, significance, softness):
    weights = np.clip(connectome, 0, None)
    size = len(weights)
    probability = np.ones((size, size))
    for i in range(size):
        degree, strength = np.sum(weights[i] > 0), weights[i].sum()
        for j in np.flatnonzero(weights[i]):
            if degree > 1:
                probability[i, j] = (1 - weights[i, j] / strength) ** (degree - 1)
    margin = significance - np.minimum(probability, probability.T)
    return weights * (1 / (1 + np.exp(-margin / softness)) if softness else margin > 0)


def spanning_tree(connectome, softness):
    graph = nx.complete_graph(len(connectome))
    for i, j in graph.edges:
        graph[i][j]["weight"] = connectome[i, j]
    tree = nx.maximum_spanning_tree(graph)
    return nx.to_numpy_array(tree)


def logistic_threshold(connectome, threshold, softness):
    kept = connectome / (1 + np.exp((threshold - connectome) / softness))
    return kept - np.diag(np.diag(kept))


WEIGHTS = symmetric(np.random.default_rng(2), 8)
SPARSE = np.where(np.abs(WEIGHTS) > 0.3, WEIGHTS, 0.0)
SAME = {"equal connections": {"connectome": np.ones((8, 8))}, "no connections": {"connectome": np.zeros((8, 8))}}
CASES = [
    Case(
        SoftThreshold,
        {"connectome": WEIGHTS, "density": 0.35},
        lambda connectome, density, softness: bct.threshold_proportional(connectome, density),
        "bct.threshold_proportional",
        {**SAME, "all": {"density": 1.0, "softness": 0.1}, "nothing": {"density": 0.0, "softness": 0.1}},
    ),
    Case(SoftThreshold, {"connectome": WEIGHTS, "density": 0.35, "softness": 0.1}, degenerate=SAME),
    Case(
        AbsoluteThreshold,
        {"connectome": WEIGHTS, "threshold": 0.25, "softness": 0.1},
        logistic_threshold,
        "NumPy",
        {**SAME, "hard": {"softness": 0.0}},
    ),
    Case(
        DisparityFilter,
        {"connectome": WEIGHTS, "significance": 0.3, "softness": 0.05},
        disparity,
        "Serrano et al. (2009), in NumPy",
        {
            **SAME,
            "hard": {"softness": 0.0},
            "one connection": {"connectome": np.eye(8)[::-1] * (np.arange(8) % 7 == 0)},
        },
    ),
    Case(DisparityFilter, {"connectome": SPARSE, "significance": 0.3}, disparity, "Serrano, hard", smooth=()),
    Case(SpanningTree, {"connectome": WEIGHTS}, spanning_tree, "networkx.maximum_spanning_tree", SAME),
    Case(SpanningTree, {"connectome": WEIGHTS, "softness": 0.2}),
]
