import bct
import networkx
import numpy as np
import pytest
from scipy.stats import false_discovery_control, ttest_ind, ttest_rel

from pydra_diffconn import inference
from pydra_diffconn.inference.differences import edges_of, permuted

PARCELS = 12
UPPER = np.triu_indices(PARCELS, 1)
PLANTED = np.zeros((PARCELS, PARCELS))
PLANTED[:4, :4] = 1 - np.eye(4)


def people(rng, number, effect=0.0):
    noise = rng.standard_normal((number, PARCELS, PARCELS)) / np.sqrt(2)
    return noise + np.swapaxes(noise, 1, 2) + effect * PLANTED


def test_statistics_are_those_of_scipy_as_people_are_and_as_they_are_permuted(rng):
    first, second = people(rng, 9) + 100, people(rng, 7) + 100
    edges = edges_of(first, second, False)
    found = next(permuted(*edges, False, 3, rng))
    np.testing.assert_allclose(found, ttest_ind(edges[1], edges[0]).statistic, atol=1e-9)
    pairs = edges_of(first[:7], second, True)
    np.testing.assert_allclose(next(permuted(*pairs, True, 3, rng)), ttest_rel(pairs[1], pairs[0]).statistic, atol=1e-9)
    drawn = np.stack(list(permuted(*edges, False, 500, rng)))[1:]
    assert abs(drawn.mean()) < 0.05 and abs(drawn.std() - np.sqrt(14 / 12)) < 0.1


@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize(("tail", "theirs"), [("both", "both"), ("greater", "left"), ("less", "right")])
def test_components_are_those_of_the_brain_connectivity_toolbox(rng, capsys, paired, tail, theirs):
    first, second = people(rng, 14), people(rng, 14, 1.2)
    first[:, 8:, 8:] += 1.2 * (1 - np.eye(4))
    p, adjacency, null = bct.nbs_bct(
        first.transpose(1, 2, 0), second.transpose(1, 2, 0), 2.5, k=300, tail=theirs, paired=paired, seed=1
    )
    found = inference.network_based(first, second, 2.5, paired=paired, tail=tail, repeats=300, rng=rng)
    assert sorted(found.sizes) == sorted(np.bincount(adjacency[UPPER].astype(int))[1:])
    np.testing.assert_array_equal(found.components > 0, adjacency > 0)
    assert abs(np.mean(found.null) - np.mean(null)) < 1.5
    big = found.sizes == found.sizes.max()
    assert np.all(found.p[big] <= 0.02) and p.min() <= 0.02


def test_a_planted_network_is_found_and_chance_is_not(rng):
    first, second = people(rng, 20), people(rng, 20, 1.5)
    found = inference.network_based(first, second, 3.0, tail="greater", measure="intensity", repeats=400, rng=rng)
    number = found.components[0, 1]
    assert found.p[number - 1] < 0.01 and np.mean(found.components[:4, :4][PLANTED[:4, :4] > 0] == number) > 0.7
    wrong = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        chance = inference.network_based(people(rng, 10), people(rng, 10), 2.0, repeats=99, rng=rng)
        wrong += bool(np.any(chance.p <= 0.05))
    assert wrong <= 6


def by_graphs(statistic, extent, height, step):
    """Add up over thresholds, the components found by networkx."""
    found = np.zeros(len(statistic))
    for sign in (1, -1):
        for number in range(1, int(np.max(sign * statistic) / step) + 1):
            graph = networkx.Graph()
            chosen = np.flatnonzero(sign * statistic >= number * step)
            graph.add_edges_from([(UPPER[0][edge], UPPER[1][edge]) for edge in chosen])
            for nodes in networkx.connected_components(graph):
                inside = [edge for edge in chosen if UPPER[0][edge] in nodes]
                found[inside] += sign * len(inside) ** extent * (number * step) ** height * step
    return found


def test_enhancement_is_the_sum_over_thresholds(rng):
    statistic = rng.standard_normal(len(UPPER[0])) * 2
    found = inference.enhanced(statistic, PARCELS, extent=0.6, height=1.5, step=0.2)
    np.testing.assert_allclose(found, by_graphs(statistic, 0.6, 1.5, 0.2), atol=1e-10)


def test_planted_edges_are_found_without_a_threshold(rng):
    first, second = people(rng, 20), people(rng, 20, 1.3)
    found = inference.threshold_free(first, second, paired=True, repeats=200, rng=rng)
    significant = found.p < 0.05
    assert significant[PLANTED > 0].mean() > 0.8 and significant[PLANTED == 0].mean() < 0.05
    assert np.all(found.score[PLANTED > 0] > 0) and np.allclose(found.p, found.p.T)
    alone = false_discovery_control(ttest_rel(second[:, *UPPER], first[:, *UPPER]).pvalue)  # as the module's text says
    assert np.all(alone[PLANTED[UPPER] == 0] > 0.05) or np.sum(alone < 0.05) < 10


def test_where_nothing_differs_there_is_no_component(rng):
    first = people(rng, 6)
    found = inference.network_based(first, first, 2.0, paired=True, repeats=20)
    assert not found.sizes.size and not found.components.any() and not found.statistic.any() and not found.null.any()
    assert np.all(inference.threshold_free(first, first, paired=True, repeats=5).p == 1)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"second": np.zeros((5, 3, 3))}, r"second has shape \(5, 3, 3\); expected \(people, parcels, parcels\)"),
        (
            {"second": np.zeros((5, PARCELS, PARCELS)), "paired": True},
            "first has 6 connectomes and second 5; paired=True",
        ),
        ({"second": np.zeros((1, PARCELS, PARCELS))}, "second has 1 connectome; expected those of 2 people or more"),
        ({"second": np.full((6, PARCELS, PARCELS), np.nan)}, "second is missing between parcels 0 and 1 in person 0"),
        ({"second": np.triu(np.ones((6, PARCELS, PARCELS)))}, "second is not symmetric"),
        ({"threshold": 0.0}, "threshold = 0; expected a t above 0"),
        ({"measure": "size"}, "measure = 'size'; expected 'extent' or 'intensity'"),
        ({"tail": "left"}, "tail = 'left'; expected 'both', 'greater'"),
        ({"repeats": 0}, "repeats = 0; expected a whole number, 1 or more"),
    ],
)
def test_what_cannot_be_compared_is_told(rng, change, told):
    given = {"first": people(rng, 6), "second": people(rng, 6), "threshold": 2.0, "repeats": 5}
    with pytest.raises(ValueError, match=told):
        inference.network_based(**{**given, **change})
