"""Whether learning helps: told right where it does, where it does not, and with the interval that plain counting gives."""

import numpy as np
import pytest
from pydra.compose import workflow

from pydra_diffconn import Learn, Pipeline, Score, compare, cross_validate, losses, scores
from pydra_diffconn.blocks import BandPass, Correlation
from pydra_diffconn.generators import band_study

RUNS, TR = 12, 1.0
BAND = (0.05, 0.15)


@workflow.define(outputs=["connectome"])
def InBand(series, low=0.01, high=0.4):
    band = workflow.add(BandPass(timeseries=series, tr=TR, low=low, high=high))
    return workflow.add(Correlation(timeseries=band.timeseries)).connectome


@pytest.fixture(scope="module")
def planted():
    """Runs whose middle band alone has the connectome that is looked for."""
    studies = [band_study(np.random.default_rng(seed), frames=300, signals=8, latents=3, tr=TR) for seed in range(RUNS)]
    series, targets = [one.timeseries for one in studies], np.stack([one.connectomes[1] for one in studies])
    return InBand().split("series", series=series), targets


def error(outputs, targets, tested):
    return ((np.asarray(outputs["connectome"]) - np.asarray(targets))[tested] ** 2).mean(axis=(1, 2))


def together(outputs, targets):
    return float(((np.asarray(outputs["connectome"]) - np.asarray(targets)) ** 2).mean())


def compared(task, targets, values, **settings):
    classical = [Pipeline(f"low {low:g}", task, {"low": low, "high": high}) for low, high in values]
    return compare(
        task, losses.MeanSquaredError("connectome"), targets, classical=classical,
        scores=[Score("squared error", of_runs=error, higher=False), Score("the same", together=together, higher=False)],
        folds=3, steps=40, learn={"low": Learn(0.02, within=(0.005, 0.1)), "high": Learn(0.3, within=(0.11, 0.45))},
        progress=False, **settings,
    )  # fmt: skip


@pytest.mark.slow
def test_learning_that_helps_is_said_to(planted):
    found = compared(*planted, [(0.01, 0.4), (0.02, 0.3)])
    one, same = found.compared
    assert one.helped is True and one.difference < 0 and one.interval[1] < 0
    assert found.sentence.startswith("Learning helped: squared error is") and "best of 2 classical" in found.sentence
    assert same.values == pytest.approx(one.values, rel=1e-5)  # a mean over runs is the same either way
    assert len(found.table) == 2 and [row["runs"] for row in found.folds] == [4, 4, 4]


@pytest.mark.slow
def test_the_best_classical_pipeline_is_chosen_and_nearly_as_good(planted):
    found = compared(*planted, [(0.01, 0.4), BAND])
    assert all(row["classical"] == "low 0.05" for row in found.folds)
    assert abs(found.compared[0].difference) < 0.1 * found.compared[0].values["start"]


@pytest.mark.slow
def test_of_noise_learning_is_not_said_to_help(planted):
    task, targets = planted
    noise = np.random.default_rng(0).standard_normal(targets.shape)
    found = compared(task, noise, [(0.01, 0.4), BAND, (0.1, 0.3)])
    assert found.compared[0].helped is not True
    assert found.sentence.startswith(("Learning is not shown to help", "Learning did harm"))


@pytest.mark.slow
def test_groups_are_drawn_whole(planted):
    task, targets = planted
    groups = [f"family {number // 4}" for number in range(RUNS)]
    found = compared(task, targets, [BAND], groups=groups)
    assert found.groups == 3
    low, high = found.compared[0].interval
    assert low <= found.compared[0].difference <= high


def test_nothing_to_choose_from_is_refused(planted):
    task, targets = planted
    with pytest.raises(ValueError, match="classical pipelines to choose from"):
        compare(task, losses.MeanSquaredError("connectome"), targets, classical=[], scores=[], learn={"low": Learn()})


def test_a_score_that_was_not_called_is_told_before_anything_is_learned(planted):
    task, targets = planted
    told = r"recognised is no score; call it: scores.recognised\(\)"
    with pytest.raises(ValueError, match=told):
        cross_validate(task, losses.MeanSquaredError("connectome"), targets, metrics=[scores.recognised])
    with pytest.raises(ValueError, match=told):
        compare(task, losses.MeanSquaredError("connectome"), targets, classical=[{}], scores=[scores.recognised])
