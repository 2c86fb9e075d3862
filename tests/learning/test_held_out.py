"""What is predicted of people by those who took no part: in a fit, in cross-validation, and what is reported of it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pydra.compose import workflow
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import roc_auc_score

from pydra_diffconn import Learn, Learning, bootstrap, compare, cross_validate, fit, losses, scores
from pydra_diffconn.blocks import BandPass, Correlation
from pydra_diffconn.declare.loss import TESTED
from pydra_diffconn.learning.scoring import GROUP, grid_of

PEOPLE, RUNS, FRAMES, PARCELS = 20, 2, 80, 4
PERSON = np.repeat(np.arange(PEOPLE), RUNS)
rng = np.random.default_rng(0)
FEATURES = rng.standard_normal((len(PERSON), 6))
TARGET = (FEATURES @ rng.standard_normal(6) + rng.standard_normal(len(PERSON))).round(3)


@workflow.define(outputs=["connectome"])
def Connectome(bold, tr: float):
    band = workflow.add(BandPass(timeseries=bold, tr=tr, low=Learn(0.02), high=0.4))
    return workflow.add(Correlation(timeseries=band.timeseries)).connectome


@pytest.fixture(scope="module")
def people():
    """Runs whose fast fluctuations are as alike as the target says, under slow ones that are alike at random."""
    rng = np.random.default_rng(1)
    target = rng.uniform(0, 1, PEOPLE)[PERSON]
    runs = []
    for value in target:
        shared, own = rng.standard_normal((FRAMES, 1)), rng.standard_normal((FRAMES, PARCELS))
        fast = np.diff(np.sqrt(value) * shared + np.sqrt(1 - value) * own, axis=0, prepend=0.0)
        slow = np.cumsum(rng.standard_normal((FRAMES, PARCELS)), axis=0)
        runs.append((fast + slow).astype(np.float32))
    return Connectome(tr=1.0).split("bold", bold=runs), {"target": target, "person": PERSON}, runs


def at_one_scale(features, rest):
    """Return features whose variance is 1 on average in those learned from."""
    return features / np.sqrt(features[rest].var(axis=0).mean())


def ridge(rest, others):
    """Predict by scikit-learn."""
    scaled = at_one_scale(FEATURES, rest)
    return Ridge(0.6).fit(scaled[rest], TARGET[rest]).predict(scaled[others])


@pytest.mark.parametrize("folds", [5, None])
def test_each_person_is_predicted_from_the_other_folds(folds, x64):
    loss = losses.HeldOutPrediction("x", folds=folds, penalty=0.1)
    fold = PERSON if folds is None else PERSON % folds
    expected = np.empty_like(TARGET)
    for number in np.unique(fold):
        rest = fold != number
        expected[~rest] = ridge(rest, ~rest)
    shuffled = np.random.default_rng(2).permutation(len(PERSON))
    given = {"target": TARGET[shuffled], "person": 10 * PERSON[shuffled] + 3}  # labels have gaps and no order
    found = loss({"x": jnp.asarray(FEATURES[shuffled])}, given)
    assert float(found) == pytest.approx(np.mean((expected - TARGET) ** 2) / np.var(TARGET), rel=1e-9)


def test_who_is_held_out_is_predicted_from_those_learned_from_and_nobody_else(x64):
    tested, loss = np.array([0, 1, 4, 5]), losses.HeldOutPrediction("x", penalty=0.1)
    rest = np.setdiff1d(np.arange(len(PERSON)), tested)
    expected = ridge(rest, tested)
    outputs = {"x": jnp.asarray(FEATURES), TESTED: tested}
    found = float(loss(outputs, {"target": TARGET}))
    assert found == pytest.approx(np.mean((expected - TARGET[tested]) ** 2) / np.var(TARGET), rel=1e-9)


def test_the_unit_of_an_output_is_nothing_to_a_prediction(x64):
    for head, target in (("ridge", TARGET), ("logistic", (TARGET > 0).astype(float))):
        loss = losses.HeldOutPrediction("x", head=head)
        found = [float(loss({"x": scale * jnp.asarray(FEATURES)}, {"target": target})) for scale in (1.0, 1e-3)]
        assert found[1] == pytest.approx(found[0], rel=1e-7)
    slope = jax.grad(lambda x: loss({"x": x}, {"target": target}))(jnp.zeros_like(FEATURES))
    assert np.isfinite(slope).all()


def test_a_term_that_refers_to_nobody_sees_the_held_out_runs_alone(x64):
    tested = np.array([1, 3])
    outputs = {"x": jnp.asarray(FEATURES), TESTED: tested, "parameters": {"a": jnp.ones(2)}}
    loss = losses.HeldOutPrediction("x") + losses.Norm("x", axis=1) + losses.Norm("a")
    found = loss.terms(outputs, {"target": TARGET})
    assert float(found["Norm(x)"]) == pytest.approx(np.linalg.norm(FEATURES[tested], axis=1).mean())
    assert float(found["Norm(a)"]) == pytest.approx(np.sqrt(2))


def test_what_centres_takes_the_mean_of_those_learned_from(x64):
    rng = np.random.default_rng(3)
    connectomes = rng.standard_normal((8, 5, 5)) + 5
    tested = np.array([4, 5, 6, 7])
    who = {"person": np.repeat(np.arange(4), 2), "session": np.tile([0, 1], 4)}
    loss = losses.Identifiability("c", center=True)
    found = loss({"c": jnp.asarray(connectomes), TESTED: tested}, who)
    mean = connectomes[:4].mean(axis=0)
    expected = losses.self_others_gap(connectomes[4:], who["person"][4:], who["session"][4:], mean)
    assert float(found) == pytest.approx(-float(expected))


def test_learning_to_predict_is_judged_on_people_who_took_no_part(people):
    task, given, runs = people
    loss = losses.HeldOutPrediction("connectome")
    metrics = [scores.correlation(), scores.absolute_error(), scores.reliability()]
    grid = {"BandPass.low": [0.02, 0.1, 0.2]}
    found = cross_validate(
        task, loss, given, folds=4, groups=PERSON.tolist(), steps=25, metrics=metrics, grid=grid, progress=False
    )
    assert found.table.learned.mean() < 0.8 * found.table.classical.mean()  # the error, by learned and start values
    assert list(found.metrics.columns) == ["score", "start", "learned", "classical", "difference", "low", "high"]
    r, error, _ = found.compared
    assert r.values["learned"] > r.values["start"] + 0.1 and error.values["learned"] < error.values["start"]
    assert set(found.table.grid) <= {"BandPass.low = 0.02", "BandPass.low = 0.1", "BandPass.low = 0.2"}
    # the same by hand: each fold's edges by its own values, and a ridge regression of the others
    predicted = np.empty(len(PERSON))
    for low, test in zip(found.parameters["BandPass.low"], found.tested, strict=True):
        edges = np.stack([_edges(run, low) for run in runs])
        rest = np.setdiff1d(np.arange(len(PERSON)), test)
        scaled = at_one_scale(edges, rest)
        predicted[test] = Ridge(0.06).fit(scaled[rest], given["target"][rest]).predict(scaled[test])
        np.testing.assert_allclose(
            found.outputs["connectome"][test][:, *np.triu_indices(PARCELS, 1)], edges[test], atol=1e-5
        )
    assert r.values["learned"] == pytest.approx(np.corrcoef(predicted, given["target"])[0, 1], abs=1e-3)


def _edges(bold, low):
    return np.asarray(Correlation.pure(BandPass.pure(bold, 1.0, low, 0.4)))[np.triu_indices(PARCELS, 1)]


def test_fit_bootstrap_and_compare_hold_people_out_of_the_head_too(people):
    task, given, _ = people
    loss, groups = losses.HeldOutPrediction("connectome"), PERSON.tolist()
    result = fit(task, loss, given, steps=8, validation=0.25, groups=groups, progress=False)
    assert result.best["validation"] <= result.baseline["validation"]
    drawn = bootstrap(task, loss, given, repeats=2, steps=4, groups=groups, progress=False)
    assert np.isfinite(drawn.table[["classical_out", "learned_out"]].to_numpy()).all()
    told = compare(
        task,
        loss + 0.1 * losses.LogDeviation("BandPass.low"),  # no classical pipeline has learned it
        given,
        classical=grid_of(task, {"BandPass.high": [0.3, 0.4]}),
        scores=[scores.absolute_error()],
        folds=2,
        steps=4,
        groups=groups,
        progress=False,
    )
    assert told.compared[0].score.name == "absolute error" and told.pipelines == 2


def test_the_area_under_the_curve_is_that_of_scikit_learn(x64):
    classes = (TARGET > 0).astype(float)
    tested = np.arange(10)
    rest = np.arange(10, len(TARGET))
    score = scores.area_under_curve("x", penalty=0.1)
    decision = score.of_runs({"x": FEATURES}, {"target": classes}, tested)
    scaled = at_one_scale(FEATURES, rest)
    fitted = LogisticRegression(C=1 / 0.6, tol=1e-10).fit(scaled[rest], classes[rest])
    expected = fitted.decision_function(scaled[tested])
    np.testing.assert_allclose(decision, expected, atol=1e-5)
    tied = decision.round(1)
    assert score.together(tied, {"target": classes[tested]}) == pytest.approx(roc_auc_score(classes[tested], tied))


def test_reliability_is_the_intraclass_correlation_of_shrout_and_fleiss():
    ratings = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]])
    outputs, targets = {"x": ratings.reshape(-1, 1)}, {GROUP: np.repeat(np.arange(6), 4)}
    assert scores.reliability("x").together(outputs, targets) == pytest.approx(0.166, abs=5e-4)  # their table 4


def test_a_grid_names_what_it_holds():
    with pytest.raises(ValueError, match="values to choose from for each parameter"):
        grid_of(None, {"BandPass.low": 0.1})


def test_a_loss_reads_what_each_person_has_of_their_own(people):
    task, _, _ = people
    seen = {}

    def pulled(outputs, targets):
        seen["own"] = outputs["BandPass.high@subject"].shape
        return jnp.mean((outputs["BandPass.high@subject"] - targets["wanted"]) ** 2)

    wanted = np.where(PERSON % 2, 0.2, 0.3)
    result = fit(
        task,
        pulled,
        {"wanted": wanted},
        steps=60,
        validation=None,
        learn={"BandPass.high": Learn(0.25, per="subject")},
        groups={"subject": PERSON.tolist()},
        how=Learning(shrinkage=1e-4),
        progress=False,
    )
    assert seen["own"] == (len(PERSON),)
    assert result.parameters["BandPass.high@1"] < 0.23 < 0.27 < result.parameters["BandPass.high@0"]
