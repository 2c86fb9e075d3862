"""Folds as one likes them, scores of people not drawn, and numbers that the data do not determine."""

import numpy as np
import pytest
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold
from test_warnings_of_fits import weighted

from pydra_diffconn import Learn, Pipeline, Score, bootstrap, compare, cross_validate, losses
from pydra_diffconn.learning.resampling import Resampled, folds_from

LOSS = losses.MeanSquaredError("connectome")
LABELS = np.repeat(np.arange(6), 2).tolist()
SITES = np.repeat(["a", "a", "a", "b", "b", "b"], 2).tolist()


def test_folds_are_taken_as_given_or_made_by_a_splitter():
    given = [[0, 1, 2, 3], [4, 5], [6, 7, 8, 9, 10, 11]]
    assert folds_from(LABELS, given, 0, None) == given
    made = folds_from(LABELS, GroupKFold(3), 0, None)
    assert sorted(number for test in made for number in test) == list(range(12)) and all(
        len(test) == 4 for test in made
    )
    assert len(folds_from(LABELS, StratifiedGroupKFold(2), 0, SITES)) == 2


def test_strata_are_shared_out():
    made = folds_from(LABELS, 3, 0, SITES)
    assert sorted(number for test in made for number in test) == list(range(12))
    for test in made:
        assert sorted({LABELS[n] // 3 for n in test}) == [0, 1] and len(test) == 4


@pytest.mark.parametrize(
    ("folds", "stratify", "told"),
    [
        ([[0], [1, 2, 3]], None, "fold 0 tests some runs of .* and learns from others"),
        ([[0, 1], [12, 13]], None, "fold 1 tests the runs"),
        ([[0, 1], []], None, "fold 1 tests the runs"),
        ([[0, 1], [2, 3, 0, 1]], None, "run 0 is tested in fold 0 and again in fold 1; expected each run in one"),
        ([[0, 1, 1]], None, "run 1 is tested in fold 0 and again in fold 0"),
        ("five", None, "folds is 'five'; expected a whole number"),
        (7, None, "7 folds of 6 groups"),
        (7, SITES, "7 folds of 6 groups"),
        (2, SITES[:-1], "stratify has 11 labels for 12 runs"),
    ],
)
def test_folds_that_cannot_be_are_refused(folds, stratify, told):
    with pytest.raises(ValueError, match=told):
        folds_from(LABELS, folds, 0, stratify)


@pytest.mark.slow
def test_given_folds_are_those_that_are_tested(rng):
    task, targets = weighted(rng, 6, parcels=4)
    found = cross_validate(task, LOSS, targets, folds=[[0, 3], [1, 2], [4, 5]], steps=2, progress=False)
    assert found.tested == [[0, 3], [1, 2], [4, 5]] and found.table["runs"].tolist() == [2, 2, 2]


@pytest.mark.slow
def test_a_run_that_no_fold_holds_out_has_no_outputs(rng):
    task, targets = weighted(rng, 6, parcels=4)
    found = cross_validate(task, LOSS, targets, folds=[[3], [1]], steps=2, progress=False)
    outputs = found.outputs["connectome"]
    assert len(outputs) == 6
    assert np.isfinite(outputs).all(axis=(1, 2)).tolist() == [False, True, False, True, False, False]


def test_one_group_is_refused(rng):
    task, targets = weighted(rng, 3, parcels=4)
    alone = {"groups": ["a"] * 3, "steps": 2, "progress": False}
    with pytest.raises(ValueError, match="a bootstrap draws groups, and there is one; expected 2 or more"):
        bootstrap(task, LOSS, targets, repeats=2, **alone)
    with pytest.raises(ValueError, match="folds hold groups out, and there is one; expected 2 or more"):
        cross_validate(task, LOSS, targets, folds=2, **alone)


def test_classical_pipelines_are_those_of_the_same_runs(rng):
    task, targets = weighted(rng, 6, parcels=4)
    other, _ = weighted(rng, 4, parcels=4)
    score = Score("first", of_runs=lambda outputs, targets, tested: outputs["connectome"][tested, 0, 1])
    with pytest.raises(ValueError, match="the pipeline 'other' has 4 runs and what is learned 6"):
        compare(task, LOSS, targets, classical=[Pipeline("other", other)], scores=[score], folds=2, progress=False)
    with pytest.raises(ValueError, match="no finite number for any of the 1 classical pipelines on what fold 0 learns"):
        compare(
            task, LOSS, targets, classical=[Pipeline("same", task)], scores=[score], folds=2, progress=False,
            choose=lambda outputs, targets: outputs["connectome"].sum() * np.nan,
        )  # fmt: skip


@pytest.mark.slow
def test_who_was_not_drawn_is_scored_apart(rng):
    task, targets = weighted(rng, 6, parcels=4)
    found = bootstrap(task, LOSS, targets, repeats=4, steps=8, progress=False)
    table = found.table
    for out, score in zip(found.tested, table["learned_out"], strict=True):
        assert np.isfinite(score) == bool(out)
    assert (table["learned"] < table["classical"]).all()
    assert -1 <= found.uncertainty["weights"]["alike"] <= 1 and "identified" not in found.uncertainty["weights"]


@pytest.mark.parametrize(
    ("values", "identified"),
    [
        (np.linspace(0.4, 0.45, 20), True),
        (np.linspace(0.05, 0.95, 20), False),  # anything will do
        (np.r_[np.zeros(5), np.ones(5)], False),  # one end or the other
        (np.r_[np.full(39, 0.5), 0.0], True),
    ],
)
def test_what_the_data_do_not_determine_is_said(values, identified):
    found = Resampled([], {"a": values}, ranges={"a": (0.0, 1.0)}).uncertainty["a"]
    assert found["identified"] is identified
    assert "identified" not in Resampled([], {"a": values}).uncertainty["a"]  # a scale without an end
    assert "identified" not in Resampled([], {"a": values[:9]}, ranges={"a": (0.0, 1.0)}).uncertainty["a"]  # too few


def test_the_range_of_a_number_is_its_own(rng):
    from pydra.compose import workflow

    from pydra_diffconn import fuse
    from pydra_diffconn.blocks import BandPass, Correlation
    from pydra_diffconn.learning.resampling import _ranges

    @workflow.define(outputs=["connectome"])
    def Banded(bold, tr: float):
        band = workflow.add(BandPass(timeseries=bold, tr=tr, low=Learn(0.02), high=Learn(0.1, within=(0.05, 0.2))))
        return workflow.add(Correlation(timeseries=band.timeseries)).connectome

    found = _ranges(fuse(Banded(bold=rng.standard_normal((60, 4)), tr=1.0)))
    assert (
        found["BandPass.high"] == pytest.approx((0.05, 0.2))
        and found["BandPass.low"][0] == 0
        and found["BandPass.low"][1] <= 0.2
    )
