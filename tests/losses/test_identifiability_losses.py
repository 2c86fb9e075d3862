"""People are recognised by what tells them apart: what all have in common may be subtracted, without a leak."""

import numpy as np
import pytest
from gradients import assert_gradient

from pydra_diffconn import losses
from pydra_diffconn.losses.identifiability import edge_similarity, identification_accuracy, self_others_gap

pytestmark = pytest.mark.usefixtures("x64")
PERSON, SESSION = np.repeat(np.arange(6), 2), np.tile([0, 1], 6)


@pytest.fixture
def connectomes(rng):
    """Return runs of one large pattern that all have, and a small one of each person."""

    def symmetric(*shape):
        made = rng.standard_normal((*shape, 9, 9))
        return made + np.swapaxes(made, -1, -2)

    return 5 * symmetric() + symmetric(6)[PERSON] + 0.8 * symmetric(12)


def test_centred_similarity_is_that_of_deviations(connectomes):
    rows, columns = np.triu_indices(9, 1)
    deviations = (connectomes - connectomes.mean(0))[:, rows, columns]
    found = edge_similarity(connectomes, connectomes.mean(0))
    np.testing.assert_allclose(found, np.corrcoef(deviations), atol=1e-10)


def test_what_all_have_in_common_hides_who_is_who(connectomes):
    reference = connectomes.mean(0)
    plain, centred = (self_others_gap(connectomes, PERSON, SESSION, one) for one in (None, reference))
    assert centred > plain + 0.3
    right = [identification_accuracy(connectomes, PERSON, SESSION, one) for one in (None, reference)]
    assert right[1] >= right[0]


def test_the_loss_centres_on_the_runs_that_it_sees(connectomes):
    targets = {"person": PERSON, "session": SESSION}
    loss = losses.Identifiability("c", center=True)
    expected = -self_others_gap(connectomes, PERSON, SESSION, connectomes.mean(0))
    assert float(loss({"c": connectomes}, targets)) == pytest.approx(float(expected))
    assert_gradient(lambda c: loss({"c": c}, targets), connectomes)


def test_log_deviation_is_the_mean_square_of_logarithms(rng):
    weights = rng.gamma(2.0, 1.0, 7)
    found = losses.LogDeviation("w", around=2.0)({"parameters": {"w": weights}})
    assert float(found) == pytest.approx(np.mean(np.log(weights / 2) ** 2))
    assert float(losses.LogDeviation("w")({"w": np.ones(3)})) == 0
    assert_gradient(lambda w: losses.LogDeviation("w")({"w": w}), weights)


def test_the_gap_is_the_formula_read_aloud(connectomes):
    rows, columns = np.triu_indices(9, 1)
    similarity, same, others = np.corrcoef(connectomes[:, rows, columns]), [], []
    for i in range(12):
        for j in range(12):
            if SESSION[i] != SESSION[j]:
                (same if PERSON[i] == PERSON[j] else others).append(similarity[i, j])
    expected = (np.mean(same) - np.mean(others)) / np.std(others)
    assert float(self_others_gap(connectomes, PERSON, SESSION)) == pytest.approx(expected, rel=1e-10)


def test_too_few_people_are_named():
    loss = losses.Identifiability("c") + losses.Norm("c")
    assert loss.too_few({"person": PERSON, "session": SESSION}) is None and loss.least_runs == 6
    told = loss.too_few({"person": PERSON[:4], "session": SESSION[:4]})
    assert told == "2 people there, and the spread of others needs at least 3"
    assert loss.too_few({"person": PERSON, "session": SESSION * 0}) == "nobody there has two sessions"
    assert losses.Norm("c").too_few(None) is None


def test_over_two_people_the_spread_of_others_is_no_spread(rng):
    def spread(people):
        person, session = np.repeat(np.arange(people), 2), np.tile([0, 1], people)
        found = []
        for _ in range(200):
            edges = rng.standard_normal(36) + rng.standard_normal((people, 36))[person]
            made = np.zeros((2 * people, 9, 9))
            made[:, *np.triu_indices(9, 1)] = edges + 0.5 * rng.standard_normal((2 * people, 36))
            found.append(float(self_others_gap(made, person, session)))
        return np.std(found) / np.median(found)

    assert spread(2) > 5 and spread(3) < 1.5 and spread(12) < 0.3
