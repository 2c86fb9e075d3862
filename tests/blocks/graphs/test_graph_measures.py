"""Graph measures against the Brain Connectivity Toolbox and networkx."""

import bct
import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
import pytest
import scipy.linalg
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from pydra_diffconn.blocks import (
    ClusteringCoefficient,
    Communicability,
    Efficiency,
    EigenvectorCentrality,
    NodeStrength,
    ParticipationCoefficient,
)
from pydra_diffconn.blocks.graphs.measures import path_lengths
from pydra_diffconn.testing import Case


def symmetric(rng, parcels, low=0.05, absent=0.0):
    upper = np.triu(rng.uniform(low, 1.0, (parcels, parcels)) * (rng.random((parcels, parcels)) >= absent), 1)
    return upper + upper.T


@pytest.fixture
def real(x64, real_series):
    connectome = np.corrcoef(real_series[:, real_series.std(axis=0) > 0][:, :40].T)
    np.fill_diagonal(connectome, 0)
    return (connectome + connectome.T) / 2


@pytest.mark.parametrize(("sign", "place"), [("positive", 0), ("negative", 1)])
def test_signed_measures_equal_the_toolbox_on_real_data(real, rng, sign, place):
    labels = rng.integers(3, size=40)
    strengths = np.abs(bct.strengths_und_sign(real.copy())[place])
    np.testing.assert_allclose(NodeStrength.pure(real, sign), strengths, atol=1e-12)
    found = ParticipationCoefficient.pure(real, np.eye(3)[labels], sign)
    np.testing.assert_allclose(found, bct.participation_coef_sign(real, labels)[place], atol=1e-12)
    for kind, name in (("zhang", "zhang"), ("onnela", "default")):
        expected = bct.clustering_coef_wu_sign(real.copy()[:15, :15], name)[place]
        np.testing.assert_allclose(ClusteringCoefficient.pure(real[:15, :15], kind, sign), expected, atol=1e-12)


def test_efficiency_and_centrality_equal_the_toolbox_on_real_data(real):
    positive = np.maximum(real, 0)
    np.testing.assert_allclose(Efficiency.pure(real)[1], bct.efficiency_wei(positive), atol=1e-12)
    expected = bct.eigenvector_centrality_und(positive)
    np.testing.assert_allclose(EigenvectorCentrality.pure(positive), expected, atol=1e-12)


def test_onnelas_clustering_equals_networkx(x64, rng):
    weights = symmetric(rng, 10, absent=0.4)
    expected = list(nx.clustering(nx.from_numpy_array(weights), weight="weight").values())
    np.testing.assert_allclose(ClusteringCoefficient.pure(weights / weights.max(), "onnela"), expected, atol=1e-12)


@examples(15)
@given(st.integers(0, 2**31))
def test_soft_paths_are_never_shorter_and_tend_to_the_shortest(seed):
    weights = symmetric(np.random.default_rng(seed), 9, absent=0.5)
    with jax.enable_x64(True):
        hard = lengths(weights, 0.0)
        assert np.all(np.asarray(lengths(weights, 0.3)) >= np.asarray(hard) * (1 - 1e-12))
        np.testing.assert_allclose(lengths(weights, 1e-5), hard, atol=1e-3)


lengths = jax.jit(path_lengths)


def test_parcels_without_a_path_have_no_efficiency(x64):
    weights = scipy.linalg.block_diag(np.ones((2, 2)), np.ones((3, 3)))
    nodal, total = Efficiency.pure(weights)
    np.testing.assert_allclose(nodal, [0.25, 0.25, 0.5, 0.5, 0.5])
    assert float(total) == pytest.approx(0.4)


def test_without_scale_communicability_is_the_identity(x64, rng):
    np.testing.assert_allclose(Communicability.pure(symmetric(rng, 6), 0.0), np.eye(6), atol=1e-14)


def test_measures_do_not_see_the_diagonal(x64, rng):
    weights, shares = symmetric(rng, 7), rng.dirichlet(np.ones(2), 7)
    for block, more in [(NodeStrength, ()), (ClusteringCoefficient, ()), (ParticipationCoefficient, (shares,))]:
        np.testing.assert_array_equal(block.pure(weights + np.eye(7), *more), block.pure(weights, *more))
    np.testing.assert_allclose(Efficiency.pure(weights + np.eye(7))[0], Efficiency.pure(weights)[0], atol=1e-14)


def test_weights_are_recovered_from_their_efficiency_by_descent(x64, rng):
    weights, mask = symmetric(rng, 8), 1 - np.eye(8)
    target = Efficiency.pure(weights)[0]
    loss = jax.jit(jax.value_and_grad(lambda w: jnp.sum((Efficiency.pure((w + w.T) / 2 * mask)[0] - target) ** 2)))
    found = np.full((8, 8), 0.5)
    for _ in range(200):
        value, slope = loss(found)
        found = np.clip(found - 2 * np.asarray(slope), 0.01, 1)
    assert float(value) < 1e-8


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"connectome": np.tri(4)}, "connectome is not symmetric"),
        ({"affiliation": np.ones((3, 1))}, "affiliation has 3 parcels, connectome 4"),
        ({"sign": "both"}, "sign = 'both'; expected one of 'positive', 'negative', 'all'"),
        ({"kind": "barrat"}, "kind = 'barrat'; expected one of 'zhang', 'onnela'"),
    ],
)
def test_bad_arguments_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        block = ClusteringCoefficient if "kind" in change else ParticipationCoefficient
        block.check({"connectome": np.ones((4, 4)), **change})


def zhang(connectome, kind, sign):
    return bct.clustering_coef_wu_sign(connectome.copy(), "zhang")[0]


def toolbox_efficiency(connectome, softness):
    with np.errstate(divide="ignore"):
        length = nx.floyd_warshall_numpy(nx.from_numpy_array(np.where(connectome > 0, 1 / connectome, 0)))
    np.fill_diagonal(length, np.inf)
    return (1 / np.asarray(length)).sum(axis=1) / (len(connectome) - 1), bct.efficiency_wei(connectome)


def normalized_expm(connectome, scale, normalize):
    root = np.sqrt(connectome.sum(axis=1))
    return scipy.linalg.expm(scale * connectome / np.outer(root, root))


RNG = np.random.default_rng(7)
WEIGHTS, SPARSE, SIGNED = symmetric(RNG, 9), symmetric(RNG, 9, absent=0.5), symmetric(RNG, 9, low=-0.8)
LABELS = np.arange(9) % 3
DEGENERATE = {
    "no connections": {"connectome": np.zeros((9, 9))},
    "a dead parcel": {"connectome": WEIGHTS * np.outer(np.arange(9) != 2, np.arange(9) != 2)},
    "one connection": {"connectome": np.outer(np.arange(9) < 2, np.arange(9) < 2) - np.diag(1.0 * (np.arange(9) < 2))},
    "equal weights": {"connectome": np.ones((9, 9))},
}
CASES = [
    Case(
        NodeStrength,
        {"connectome": SIGNED},
        lambda connectome, sign: bct.strengths_und(connectome),
        "bct.strengths_und",
        DEGENERATE,
    ),
    Case(ClusteringCoefficient, {"connectome": SIGNED}, zhang, "bct.clustering_coef_wu_sign", DEGENERATE),
    Case(
        ClusteringCoefficient,
        {"connectome": WEIGHTS, "kind": "onnela"},
        lambda connectome, kind, sign: bct.clustering_coef_wu(connectome),
        "bct.clustering_coef_wu",
        DEGENERATE,
    ),
    Case(
        ParticipationCoefficient,
        {"connectome": SPARSE, "affiliation": np.eye(3)[LABELS]},
        lambda connectome, affiliation, sign: bct.participation_coef(connectome, LABELS),
        "bct.participation_coef",
        DEGENERATE,
        smooth=("connectome", "affiliation"),
    ),
    Case(
        Efficiency,
        {"connectome": WEIGHTS},
        toolbox_efficiency,
        "bct.efficiency_wei",
        DEGENERATE,
        smooth=("connectome",),
    ),
    Case(Efficiency, {"connectome": WEIGHTS, "softness": 0.4}, degenerate=DEGENERATE),
    Case(
        EigenvectorCentrality,
        {"connectome": WEIGHTS},
        lambda connectome: bct.eigenvector_centrality_und(connectome),
        "bct.eigenvector_centrality_und",
        DEGENERATE,
    ),
    Case(Communicability, {"connectome": WEIGHTS, "scale": 1.7}, normalized_expm, "scipy.linalg.expm", DEGENERATE),
    Case(
        Communicability,
        {"connectome": SIGNED, "normalize": False},
        lambda connectome, scale, normalize: scipy.linalg.expm(scale * connectome),
        "scipy.linalg.expm, signed",
        DEGENERATE,
    ),
]
