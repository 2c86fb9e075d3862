"""What every loss keeps: one scalar, single precision stays single, right to its digits, a value for `fit`'s cache."""

import jax
import numpy as np
import pytest
from block_cases import single
from pydra.utils.hash import hash_function

from pydra_diffconn import losses

RNG = np.random.default_rng(0)
SERIES = RNG.standard_normal((4, 30, 5)) @ RNG.standard_normal((5, 5)) + 20
DATA = {
    "connectome": np.stack([np.corrcoef(run.T) for run in SERIES]),
    "states": RNG.standard_normal((4, 3, 5, 5)),
    "timeseries": SERIES,
    "maps": RNG.dirichlet(np.ones(3), 5).T,
    "other": RNG.dirichlet(np.ones(3), 5).T,
    "affiliation": RNG.dirichlet(np.ones(2), 5),
    "coordinates": np.linspace(-1, 2, 10).reshape(5, 2) ** 2,
    "value": RNG.uniform(0.1, 0.9, (4, 3)),
    "shares": RNG.dirichlet(np.ones(3), (4, 9)),
    "course": RNG.standard_normal((4, 9)),
}
POINTS = RNG.random((5, 3)) * 40 + 1
DATA["affinity"] = DATA["connectome"] ** 2
PEOPLE = {"person": np.array([0, 0, 1, 1]), "session": np.array([0, 1, 0, 1])}
QUALITY = {"quality": RNG.random(4)}
CLASSES = RNG.integers(0, 3, 4)
TERMS = [
    (losses.BatchCorrelation("value", tolerance=0.1), QUALITY),
    (losses.Bimodal("value"), None),
    (losses.BinaryCrossEntropy("value"), np.float64(DATA["value"] > 0.5)),
    (losses.Bregman("value", generator=lambda x: (x**2).sum()), DATA["value"][::-1]),
    (losses.Compactness("maps", coordinates=POINTS), None),
    (losses.Connectopy("connectome"), None),
    (losses.ConstraintViolation("value", constraints=(lambda x: x - 0.5,)), None),
    (losses.DetCorrelation("timeseries"), None),
    (losses.Dispersion("maps", coordinates=POINTS, radius=40.0), None),
    (losses.Distance("value", axis=1), DATA["value"][::-1]),
    (losses.DistanceDependence("connectome", distances=np.linalg.norm(POINTS[:, None] - POINTS, axis=-1)), QUALITY),
    (losses.Eigenmaps("affinity"), None),
    (losses.Entropy("maps", axis=0), None),
    (losses.Equilibrium("maps"), None),
    (losses.Harmonized("connectome", loss=losses.QcFc("connectome")), {**QUALITY, "site": np.array([0, 1, 1, 0])}),
    (losses.HemisphereTether("maps", other="other", coordinates=POINTS, other_coordinates=POINTS), None),
    (losses.HeldOutPrediction("course", penalty=0.1, folds=2), {"target": QUALITY["quality"]}),
    (losses.Hinge("value"), np.sign(DATA["value"] - 0.5)),
    (losses.Homogeneity("maps"), None),
    (losses.Identifiability("connectome"), PEOPLE),
    (losses.JensenShannon("maps", other="other", axis=0), None),
    (losses.KullbackLeibler("maps", other="other", axis=0), None),
    (losses.LogDetCorrelation("timeseries"), None),
    (losses.LogDeviation("maps"), None),
    (losses.MeanSquaredError("value"), DATA["value"][::-1]),
    (losses.Modularity("connectome"), None),
    (losses.MultivariateKurtosis("timeseries"), None),
    (losses.Norm("value", order=3.0), None),
    (losses.OutOfRange("value", lower=0.3, upper=0.6), None),
    (losses.QcFc("connectome"), QUALITY),
    (losses.SecondMoment("maps"), None),
    (losses.SignalLost("connectome"), QUALITY),
    (losses.Smoothness("course", n=2), None),
    (losses.SoftmaxCrossEntropy("value"), CLASSES),
    (losses.StateBetween("states", angle=True), None),
    (losses.StateLikelihood("states", shares="shares", ridge=9.0), None),
    (losses.StateWithin("states"), None),
    (losses.Tether("maps", coordinates=POINTS, reference=POINTS[:3]), None),
]


def test_the_table_has_every_loss():
    public = {name for name in losses.__all__ if name[0].isupper()} - {
        "Loss",
        "Sum",
        "Harmonize",
    }  # the last is a setting
    assert public == {type(term).__name__ for term, _ in TERMS}


@pytest.mark.parametrize(("term", "targets"), TERMS, ids=[type(term).__name__ for term, _ in TERMS])
def test_single_precision_stays_single_and_agrees_with_double(term, targets):
    found = term(single(DATA), single(targets))
    with jax.enable_x64(True):
        rounded = jax.tree.map(lambda x: x.astype(np.float64) if x.dtype == np.float32 else x, single((DATA, targets)))
        expected = float(term(*rounded))
    assert found.dtype == np.float32 and found.shape == ()
    # the kurtosis loses the digits of its covariance's condition number
    tolerance = 1e-4 if isinstance(term, losses.MultivariateKurtosis) else 1e-5
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=1e-6)


def test_losses_of_different_settings_have_different_hashes():
    terms = [
        losses.Norm("x"),
        losses.Norm("x", order=1.0),
        0.5 * losses.Norm("x"),
        losses.schedules.Ramp(0.0, 1.0, steps=5) * losses.Norm("x"),
        losses.schedules.Ramp(0.0, 1.0, steps=6) * losses.Norm("x"),
        losses.schedules.Cascade({0: 0.5, 5: 0.1}) * losses.Norm("x"),
        losses.schedules.Cascade({0: 0.5, 5: 0.2}) * losses.Norm("x"),
        losses.Compactness("x", coordinates=POINTS),
        losses.Compactness("x", coordinates=POINTS + 1),
        losses.Norm("x") + losses.Norm("y"),
    ]
    hashes = [hash_function(term) for term in terms]
    assert len(set(hashes)) == len(terms)
    assert hashes[7] == hash_function(losses.Compactness("x", coordinates=POINTS.copy()))


@pytest.mark.parametrize(("term", "targets"), TERMS, ids=[type(term).__name__ for term, _ in TERMS])
def test_a_missing_value_is_a_missing_score(term, targets):
    output = np.array(DATA[term.output])
    output[0] = np.nan
    assert np.isnan(jax.jit(lambda outputs: term.scored(outputs, targets))({**DATA, term.output: output}))


def _edges(name, value):
    """Yield outputs at the edge of what is scored: nothing varies, all is tied."""
    yield "ties", np.round(value)
    if name in ("connectome", "states"):
        yield "the identity", np.broadcast_to(np.eye(value.shape[-1]), value.shape).copy()
    yield "all zeros", np.zeros_like(value)
    yield "all equal", np.full_like(value, 0.5)
    constant = value.copy()
    constant[..., -1] = 0.5
    yield "a constant column", constant


@pytest.mark.slow
@pytest.mark.parametrize(("term", "targets"), TERMS, ids=[type(term).__name__ for term, _ in TERMS])
def test_scores_and_gradients_at_the_edges_are_finite_and_those_of_each_operation(term, targets, x64):
    def score(value):
        return term.scored({**DATA, term.output: value}, targets)

    for label, value in _edges(term.output, np.asarray(DATA[term.output], dtype=float)):
        compiled = jax.jit(jax.value_and_grad(score))(value)
        assert all(np.all(np.isfinite(part)) for part in compiled), label
        for part, alone in zip(compiled, jax.value_and_grad(score)(value), strict=True):
            np.testing.assert_allclose(part, alone, rtol=1e-10, atol=1e-10, err_msg=label)
