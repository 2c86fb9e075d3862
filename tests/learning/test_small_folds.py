"""A loss over runs says nothing of too few: it is refused before a step is taken."""

import numpy as np
import pytest
from pydra.compose import workflow

from pydra_diffconn import Learn, Learning, cross_validate, fit, losses
from pydra_diffconn.blocks import Covariance, ShrinkCovariance

RUNS = [np.random.default_rng(seed).standard_normal((30, 4)) for seed in range(6)]
LOSS, TARGETS = losses.QcFc("c"), {"quality": np.arange(6.0)}


@workflow.define(outputs=["c"])
def Shrunk(bold, shrinkage: float = 0.5):
    c = workflow.add(Covariance(timeseries=bold))
    return workflow.add(ShrinkCovariance(covariance=c.covariance, shrinkage=shrinkage)).covariance


TASK = Shrunk(shrinkage=Learn(0.5)).split("bold", bold=RUNS)
REFUSED = {
    "leave one out": (lambda: cross_validate(TASK, LOSS, TARGETS, folds=6), "fold 0 has 1 run,"),
    "folds of two": (lambda: cross_validate(TASK, LOSS, TARGETS, folds=3), "fold 0 has 2 runs"),
    "two held out": (lambda: fit(TASK, LOSS, TARGETS, validation=[0, 1]), "held out has 2 runs"),
    "batches of two": (lambda: fit(TASK, LOSS, TARGETS, how=Learning(batch_size=2)), "a batch has 2 runs"),
    "within a sum": (
        lambda: fit(TASK, LOSS + losses.MeanSquaredError("c"), TARGETS, validation=[0]),
        "held out has 1 run,",
    ),
}


@pytest.mark.parametrize("kind", list(REFUSED))
def test_too_few_runs_are_refused(kind):
    run, match = REFUSED[kind]
    with pytest.raises(ValueError, match=f"{match}.* needs at least 3"):
        run()


def test_enough_runs_are_scored():
    found = cross_validate(TASK, LOSS, TARGETS, folds=2, steps=2, progress=False)
    assert np.all(np.isfinite(found.table["learned"]))
