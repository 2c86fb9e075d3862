"""A fit says when its values are those of its runs alone, and holds people out where it knows them."""

import warnings

import numpy as np
import pytest
from pydra.compose import workflow

from pydra_diffconn import Learn, fit, losses
from pydra_diffconn.blocks import Correlation, WeightParcels
from pydra_diffconn.learning.warnings_of_fits import NO_BASELINE, by_heart

LOSS = losses.MeanSquaredError("connectome")
QCFC_ALONE, PENALTY = losses.QcFc("connectome", alone=True), losses.LogDeviation("weights")


@workflow.define(outputs=["connectome"])
def Weighted(bold, weights):
    connectome = workflow.add(Correlation(timeseries=bold)).connectome
    return workflow.add(WeightParcels(connectome=connectome, weights=weights)).connectome


def weighted(rng, runs, parcels=20, per=None):
    bold = [rng.standard_normal((30, parcels)) for _ in range(runs)]
    return Weighted(weights=Learn(np.ones(parcels), per=per)).split("bold", bold=bold), np.stack(
        [np.eye(parcels)] * runs
    )


def rows(losses, held_out):
    return [{"step": n, "loss": a, "validation": b} for n, (a, b) in enumerate(zip(losses, held_out, strict=True))]


@pytest.mark.parametrize(
    ("losses", "held_out", "step"),
    [
        ([5, 4, 3, 2, 1], [5, 4, 3, 4, 4.5], 2),
        ([5, 4, 3, 2, 1], [5, 4, 3, 2, 1], None),
        ([5, 4, 3, 3.5, 4], [5, 4, 3, 4, 5], None),  # both rise: too large a step
        ([5, 4, 3, 2, 1], [5, 4, 3, 3.01, 3.02], None),
        ([5, 4, 3, 2, 1], [None] * 5, None),
        ([5, 4, 3, 2, 1], [5, None, 3, None, 6], 2),
    ],
)
def test_people_learned_by_heart_are_told(losses, held_out, step):
    told = by_heart(rows(losses, held_out))
    assert (told is None) == (step is None) and (step is None or told.startswith(f"from step {step} on"))


@pytest.mark.parametrize(
    ("loss", "warned"),
    [
        (QCFC_ALONE, True),
        (QCFC_ALONE + losses.BatchCorrelation("connectome"), True),
        (losses.QcFc("connectome") + 0.5 * losses.SignalLost("connectome"), False),
        (losses.SignalLost("connectome"), False),
    ],
)
def test_a_loss_that_wants_nothing_left_is_warned_about(rng, loss, warned):
    _, said = fitted(rng, loss)
    assert any("smallest where no signal is left" in one for one in said) == warned


@pytest.mark.parametrize(
    ("loss", "terms"),
    [
        (losses.QcFc("connectome"), losses.SignalLost("connectome")),
        (0.5 * losses.QcFc("connectome"), 0.5 * losses.SignalLost("connectome")),
        (losses.QcFc("connectome") + PENALTY, losses.SignalLost("connectome")),
        (losses.DistanceDependence("connectome", distances=np.eye(4)), losses.SignalLost("connectome")),
        (QCFC_ALONE, None),
        (QCFC_ALONE + PENALTY, None),
    ],
)
def test_what_must_be_kept_is_added_where_no_term_keeps_it(rng, loss, terms):
    seed = rng.integers(99)
    found, said = fitted(np.random.default_rng(seed), loss)
    written = loss if terms is None else loss + terms
    expected, _ = fitted(np.random.default_rng(seed), written)
    assert [row["loss"] for row in found.history] == [row["loss"] for row in expected.history]
    assert any("SignalLost('connectome') is added" in one for one in said) == (terms is not None)
    assert (found.history[0].get("loss.SignalLost") is not None) == (terms is not None)
    if terms is not None:
        alone, _ = fitted(np.random.default_rng(seed), QCFC_ALONE)
        assert found.history[-1]["loss"] != alone.history[-1]["loss"]


def test_what_is_added_to_a_loss_over_sites_is_made_alike_over_them_too(rng):
    loss = losses.Harmonized("connectome", loss=losses.QcFc("connectome"))
    found, said = fitted(rng, loss, site=np.array([0, 1] * 3))
    assert any("SignalLost('connectome') is added" in one for one in said)
    assert {"loss.QcFc", "loss.SignalLost"} <= found.history[0].keys()


def fitted(rng, loss, **targets):
    task, _ = weighted(rng, 6, parcels=4)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = fit(task, loss, {"quality": rng.random(6), **targets}, steps=2, progress=False)
    return found, [str(one.message) for one in said]


def test_more_numbers_than_runs_are_warned_about_unless_somebody_is_held_out(rng):
    task, targets = weighted(rng, 4)
    with pytest.warns(UserWarning, match="20 numbers are learned from 4 runs and nobody is held out"):
        result = fit(task, LOSS, targets, steps=1, progress=False)
    assert result.validation == []
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*numbers are learned")
        fit(task, LOSS, targets, steps=1, validation=0.25, progress=False)


@pytest.mark.parametrize(("given", "held_out"), [({}, 8), ({"validation": 0.0}, 0), ({"validation": [0, 1]}, 2)])
def test_people_are_held_out_by_default_where_they_are_known(rng, given, held_out, tmp_path):
    task, targets = weighted(rng, 40, parcels=4)
    result = fit(task, LOSS, targets, steps=1, groups=np.repeat(np.arange(20), 2).tolist(), progress=False, **given)
    assert len(result.validation) == held_out and NO_BASELINE[:30] in result.report(tmp_path / "page.html").read_text()


def test_nobody_is_held_out_of_few_or_where_each_has_values_of_their_own(rng):
    task, targets = weighted(rng, 6, parcels=4)
    assert not fit(task, LOSS, targets, steps=1, groups=list("aabbcc"), progress=False).validation
    task, targets = weighted(rng, 20, parcels=4, per="subject")
    assert not fit(task, LOSS, targets, steps=1, groups=list("abcdefghijklmnopqrst"), progress=False).validation
