"""What sites do to features is learned from the people learned from, in a fit, in cross-validation and in scores."""

import jax.numpy as jnp
import numpy as np
import pytest
from pydra.compose import workflow
from pydra.utils.hash import hash_function
from sklearn.linear_model import Ridge

from pydra_diffconn import Learn, cross_validate, fit, losses, scores
from pydra_diffconn.blocks import BandPass, ComBat, Covariance
from pydra_diffconn.declare.loss import TESTED

PEOPLE, FRAMES, PARCELS = 36, 60, 4
SITES = np.array(["Oslo", "Rome", "Bonn"])[np.arange(PEOPLE) % 3]
NUMBERS = np.unique(SITES, return_inverse=True)[1]
rng = np.random.default_rng(0)
FEATURES = rng.standard_normal((PEOPLE, 6)) + (3 * rng.standard_normal((3, 6)))[NUMBERS]
TARGET = (FEATURES @ rng.standard_normal(6) + rng.standard_normal(PEOPLE)).round(3)
AGE = rng.uniform(20, 40, PEOPLE).round(1)


@workflow.define(outputs=["covariance"])
def Estimate(bold, tr: float):
    band = workflow.add(BandPass(timeseries=bold, tr=tr, low=Learn(0.02), high=0.4))
    return workflow.add(Covariance(timeseries=band.timeseries)).covariance


@pytest.fixture(scope="module")
def task():
    """Runs with a common signal that is as strong as the target says, and that the scanner amplifies."""
    rng = np.random.default_rng(1)
    target = rng.uniform(0.5, 1.5, PEOPLE)
    gain = np.array([1.0, 1.4, 0.7])[NUMBERS]
    runs = [
        (g * (t * rng.standard_normal((FRAMES, 1)) + 0.5 * rng.standard_normal((FRAMES, PARCELS)))).astype(np.float32)
        for t, g in zip(target, gain, strict=True)
    ]
    return Estimate(tr=1.0).split("bold", bold=runs), {"target": target, "site": SITES}


def by_hand(features, sites, target, training, covariates=None, penalty=0.1):
    """Return what a ridge regression of the training people predicts for all, by features that ComBat made alike."""
    made = np.asarray(ComBat.pure(features, sites, covariates, training * 1.0))
    made = made / np.sqrt(made[training].var(axis=0).mean())  # the head's unit
    return Ridge(penalty * features.shape[1]).fit(made[training], target[training]).predict(made)


@pytest.mark.parametrize("covariates", [(), ("age",)])
def test_each_fold_learns_what_sites_do_from_the_others_alone(x64, covariates):
    loss = losses.HeldOutPrediction("x", penalty=0.1, folds=4, harmonize=losses.Harmonize(covariates=covariates))
    kept = AGE[:, None] if covariates else None
    expected = np.empty(PEOPLE)
    for fold in range(4):
        training = np.arange(PEOPLE) % 4 != fold
        expected[~training] = by_hand(FEATURES, NUMBERS, TARGET, training, kept)[~training]
    found = loss({"x": jnp.asarray(FEATURES)}, {"target": TARGET, "site": NUMBERS, "age": AGE})
    assert float(found) == pytest.approx(np.mean((expected - TARGET) ** 2) / np.var(TARGET), rel=1e-9)


def test_who_is_held_out_changes_nothing_that_is_learned(x64):
    tested = np.arange(9)
    training = np.arange(PEOPLE) >= 9
    loss = losses.HeldOutPrediction("x", penalty=0.1, harmonize=losses.Harmonize())
    targets = {"target": TARGET, "site": NUMBERS}
    expected = by_hand(FEATURES, NUMBERS, TARGET, training)[:9]
    found = loss({"x": jnp.asarray(FEATURES), TESTED: tested}, targets)
    assert float(found) == pytest.approx(np.mean((expected - TARGET[:9]) ** 2) / np.var(TARGET), rel=1e-9)
    moved = FEATURES + (np.arange(PEOPLE) < 8)[:, None] * 100
    score = scores.absolute_error("x", penalty=0.1, harmonize=losses.Harmonize())
    named = {**targets, "site": SITES}
    one, other = (score.of_runs({"x": x}, named, tested) for x in (FEATURES, moved))
    np.testing.assert_allclose(one, np.abs(expected - TARGET[:9]), atol=1e-9)
    assert abs(one[8] - other[8]) < 1e-9 and np.abs(one - other)[:8].min() > 1


def test_unseen_people_are_scored_by_what_the_others_say_of_their_site(task):
    workflow, given = task
    plain, made = (
        losses.HeldOutPrediction("covariance"),
        losses.HeldOutPrediction("covariance", harmonize=losses.Harmonize()),
    )
    settings = {"folds": 3, "stratify": SITES, "steps": 4, "progress": False}
    without = cross_validate(workflow, plain, given, **settings)
    found = cross_validate(
        workflow, made, given, metrics=[scores.correlation("covariance", harmonize=made.harmonize)], **settings
    )
    assert found.table.learned.mean() < 0.7 * without.table.learned.mean()
    low = np.asarray(found.outputs["covariance"], float)
    assert low.shape == (PEOPLE, PARCELS, PARCELS) and found.compared[0].values["learned"] > 0.5
    for test, loss in zip(found.tested, found.table.learned, strict=True):
        assert {*SITES[test]} == {*SITES} and np.isfinite(loss)


def test_a_site_of_which_nobody_was_learned_from_is_told(task):
    workflow, given = task
    folds = [np.flatnonzero(site == SITES).tolist() for site in np.unique(SITES)]
    loss = losses.HeldOutPrediction("covariance", harmonize=losses.Harmonize())
    settings = {"folds": folds, "steps": 1, "progress": False}
    with pytest.raises(ValueError, match=r"HeldOutPrediction: site 0 has none to learn from.*unseen='unchanged'"):
        cross_validate(workflow, loss, given, **settings)
    loss = losses.HeldOutPrediction("covariance", harmonize=losses.Harmonize(unseen="unchanged"))
    with pytest.warns(UserWarning, match=r"site . has none to learn from: its features are left as they are"):
        found = cross_validate(workflow, loss, given, **settings)
    assert np.isfinite(found.table.learned).all()
    with pytest.raises(ValueError, match="site 2 has 1 to learn from"):
        held_out = np.flatnonzero(SITES == "Rome")[1:].tolist()
        fit(
            workflow,
            losses.HeldOutPrediction("covariance", harmonize=losses.Harmonize()),
            given,
            steps=1,
            validation=held_out,
        )


def test_any_loss_sees_what_is_alike_over_sites(x64):
    tested, quality = np.arange(12), rng.random(PEOPLE)
    matrices = np.zeros((PEOPLE, 4, 4))
    upper = np.triu_indices(4, 1)
    matrices[:, *upper], matrices[:, *upper[::-1]] = FEATURES, FEATURES
    loss, targets = losses.Harmonized("x", loss=losses.QcFc("x")), {"quality": quality, "site": NUMBERS}
    assert loss.label == "QcFc" and loss.refers and loss.least_runs == losses.QcFc("x").least_runs
    for outputs, training in (({}, np.ones(PEOPLE)), ({TESTED: tested}, 1.0 * (np.arange(PEOPLE) >= 12))):
        made = matrices.copy()
        made[:, *upper] = made[:, *upper[::-1]] = ComBat.pure(FEATURES, NUMBERS, subject_weights=training)
        chosen = tested if outputs else np.arange(PEOPLE)
        expected = losses.QcFc("x")({"x": jnp.asarray(made[chosen])}, {"quality": quality[chosen]})
        assert float(loss({"x": jnp.asarray(matrices), **outputs}, targets)) == pytest.approx(float(expected), rel=1e-9)
    vectors = losses.Harmonized("x", loss=losses.Norm("x"), harmonize=losses.Harmonize())
    made = np.asarray(ComBat.pure(FEATURES, NUMBERS)).reshape(PEOPLE, 2, 3)
    found = vectors({"x": jnp.asarray(FEATURES.reshape(PEOPLE, 2, 3))}, targets)
    assert float(found) == pytest.approx(float(losses.Norm("x")({"x": jnp.asarray(made)})))
    with pytest.raises(ValueError, match="give it harmonize="):
        losses.Harmonized("x", loss=losses.HeldOutPrediction("x"))
    with pytest.raises(ValueError, match="loss is of 'y', not of 'x'"):
        losses.Harmonized("x", loss=losses.Norm("y"))
    with pytest.raises(ValueError, match="QcFc: site 3 has none"):
        loss.check_tested({"site": NUMBERS}, {"site": np.array([3])})


def test_settings_count_for_the_cache_and_other_terms_ask_nothing():
    kinds = [None, losses.Harmonize(), losses.Harmonize("scanner"), losses.Harmonize(shrinkage=0.5)]
    assert len({hash_function(losses.HeldOutPrediction("x", harmonize=kind)) for kind in kinds}) == 4
    both = losses.Norm("x") + losses.HeldOutPrediction("x", harmonize=losses.Harmonize())
    both.check_tested({"site": np.array([0, 0, 1, 1])}, {"site": np.array([1])})
    with pytest.raises(ValueError, match="site 2 has none"):
        both.check_tested({"site": np.array([0, 0, 1, 1])}, {"site": np.array([2])})
