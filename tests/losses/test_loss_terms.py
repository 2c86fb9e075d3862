"""Names, weights, schedules and sums: what all losses share."""

import jax
import numpy as np
import optax
import pytest

from pydra_diffconn import losses
from pydra_diffconn.declare.loss import PARAMETERS, over_runs
from pydra_diffconn.declare.schedules import Cascade, Constant, Ramp


@pytest.fixture
def outputs(rng):
    return {"x": rng.random((3, 4)), "y": rng.random((3, 4)), PARAMETERS: {"Block.maps": rng.random((2, 5))}}


def test_terms_add_up_and_are_reported_one_by_one(outputs):
    loss = 2 * (losses.Norm("x") + 0.5 * losses.Bimodal("y")) + losses.Norm("y")
    assert loss.labels == ("Norm(x)", "Bimodal", "Norm(y)")
    terms, scores = loss.terms(outputs), loss.scores(outputs)
    np.testing.assert_allclose(sum(terms.values()), loss(outputs), rtol=1e-6)
    np.testing.assert_allclose(terms["Norm(x)"], 2 * scores["Norm(x)"], rtol=1e-6)
    np.testing.assert_allclose(terms["Bimodal"], scores["Bimodal"], rtol=1e-6)


def test_a_scheme_names_its_terms_and_nests(outputs):
    inner = losses.scheme(length=losses.Norm("x"), modes=losses.Bimodal("x"))
    loss = losses.scheme(shape=0.1 * inner, size=losses.Norm("y"))
    assert loss.labels == ("shape.length", "shape.modes", "size")
    assert set(loss.terms(outputs)) == set(loss.labels)


def test_equal_terms_keep_separate_names():
    loss = losses.Norm("x") + losses.Norm("x", order=1)
    assert loss.labels == ("Norm(x)#1", "Norm(x)#2")


def test_a_term_may_read_a_learned_parameter(outputs):
    np.testing.assert_allclose(
        losses.Norm("Block.maps")(outputs), np.linalg.norm(outputs[PARAMETERS]["Block.maps"]), rtol=1e-6
    )
    with pytest.raises(
        ValueError, match=r"no output, learned parameter or input 'z'; there are \['Block.maps', 'x', 'y'\]"
    ):
        losses.Norm("z")(outputs)


def test_targets_are_an_array_or_a_mapping_by_output(outputs):
    loss, target = losses.MeanSquaredError("x"), np.ones((3, 4))
    assert loss(outputs, target) == loss(outputs, {"x": target, "other": None})
    with pytest.raises(ValueError, match=r"MeanSquaredError: the targets need an entry 'x'; they have \['y'\]"):
        loss(outputs, {"y": target})
    with pytest.raises(ValueError, match="none were given"):
        loss(outputs)


def test_runs_of_different_lengths_are_averaged(rng):
    runs = [rng.random((5, 2)), rng.random((9, 2))]
    expected = np.mean([np.mean(np.linalg.norm(np.diff(run, axis=0), axis=0)) for run in runs])
    np.testing.assert_allclose(losses.Smoothness("x", axis=-2)({"x": runs}), expected, rtol=1e-5)
    assert over_runs(lambda x, shared: x + shared, [1, 3], 10) == 12


STEPS = np.array([0, 1, 9, 10, 11, 30, 59, 60, 61, 200])


@pytest.mark.parametrize(
    ("schedule", "oracle"),
    [
        (Constant(0.3), optax.constant_schedule(0.3)),
        (Ramp(2.0, 0.5, steps=50, begin=10), optax.linear_schedule(2.0, 0.5, 50, 10)),
        (Ramp(2.0, 0.5, steps=50, shape="cosine"), optax.cosine_decay_schedule(2.0, 50, alpha=0.25)),
        (Ramp(1e6, 1.0, steps=50, begin=10, shape="geometric"), lambda s: 1e6 ** (1 - np.clip((s - 10) / 50, 0, 1))),
        (Cascade({0: 0.1, 10: 1e-4, 60: 3.0}), lambda s: np.where(s < 10, 0.1, np.where(s < 60, 1e-4, 3.0))),
        (
            Cascade({0: 0.1, 10: 1e-4, 60: 3.0}, ramp=20),
            lambda s: np.interp(s, [10, 30, 60, 80], [0.1, 1e-4, 1e-4, 3.0]),
        ),
        (2 * Ramp(0.0, 1.0, steps=20) * Constant(3.0), lambda s: 6 * np.clip(s / 20, 0, 1)),
    ],
)
def test_schedules_equal_their_oracles_also_under_jit(x64, schedule, oracle):
    assert hash(schedule) == hash(schedule)
    inside = jax.jit(lambda step: schedule(step) + 0.0)
    for step in STEPS:
        np.testing.assert_allclose(float(schedule(int(step))), float(oracle(step)), rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(float(inside(step)), float(oracle(step)), rtol=1e-12, atol=1e-15)


def test_a_scheduled_weight_needs_the_step(outputs):
    loss = Ramp(0.0, 1.0, steps=10) * (0.5 * losses.Norm("x")) + losses.Norm("y")
    with pytest.raises(ValueError, match=r"its weight is a schedule; call loss.at\(step\)"):
        loss(outputs)
    value = jax.jit(lambda step: loss.at(step)(outputs))(4)
    np.testing.assert_allclose(value, 0.2 * losses.Norm("x")(outputs) + losses.Norm("y")(outputs), rtol=1e-6)
    assert loss.scores(outputs).keys() == loss.at(3).terms(outputs).keys()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Ramp(1, 2, steps=0), "takes at least 1 step"),
        (lambda: Ramp(0, 2, steps=5, shape="geometric"), "both must be above 0"),
        (lambda: Ramp(0, 2, steps=5, shape="round"), "expected 'linear', 'cosine' or 'geometric'"),
        (lambda: Cascade({5: 1.0}), "must be for step 0"),
        (lambda: Cascade({0: 1.0, 5: 2.0, 8: 1.0}, ramp=4), "3 steps apart"),
    ],
)
def test_bad_schedules_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_an_unknown_loss_is_named():
    with pytest.raises(AttributeError, match="has no loss 'Entropie'"):
        losses.Entropie  # noqa: B018
    assert "QcFc" in dir(losses)


def test_the_likelihood_of_states_is_that_of_scipy(x64):
    from scipy.stats import multivariate_normal

    rng = np.random.default_rng(0)
    series, state = rng.standard_normal((90, 3)) @ rng.standard_normal((3, 3)), np.arange(90) % 2
    covariances = np.stack([np.cov(series[state == k].T, ddof=0) for k in range(2)])
    means = [series[state == k].mean(axis=0) for k in range(2)]
    each = [
        multivariate_normal(means[k], covariances[k]).logpdf(x) + np.log(0.5)
        for x, k in zip(series, state, strict=True)
    ]
    loss = losses.StateLikelihood("c", shares="shares", ridge=0.0)
    found = float(loss({"c": covariances, "shares": np.eye(2)[state]}))
    assert found == pytest.approx(-np.mean(each) - 1.5 * (1 + np.log(2 * np.pi)), abs=1e-5)
    # two runs with the same states count as one of both
    runs = [series[:40], series[40:]]
    shares = [np.eye(2)[state[:40]], np.eye(2)[state[40:80]]]
    own = np.stack(
        [[np.cov(x[:40].T, aweights=w[:, k], ddof=0) for k in range(2)] for x, w in zip(runs, shares, strict=True)]
    )
    pooled = loss({"c": own, "shares": np.stack(shares)})
    assert float(pooled) == pytest.approx(float(loss({"c": own.mean(axis=0), "shares": shares[0]})), abs=1e-6)
