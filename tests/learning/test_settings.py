"""Settings of another kind than meant are one sentence that names them."""

import re

import numpy as np
import pytest
from pydra.compose import workflow

from pydra_diffconn import Learn, Learning, Machine, bootstrap, cross_validate, fit, fuse, losses, swap
from pydra_diffconn.blocks import BandPass, Correlation


@workflow.define(outputs=["connectome"])
def Small(bold):
    band = workflow.add(BandPass(timeseries=bold, tr=1.0, low=Learn(0.05), high=0.2))
    return workflow.add(Correlation(timeseries=band.timeseries)).connectome


TASK = Small().split(bold=[np.random.default_rng(n).standard_normal((60, 3)) for n in range(4)])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"how": {"batch_size": 2}}, "how is {'batch_size': 2}; expected how=Learning(...)"),
        ({"how": 3}, "how is 3; expected how=Learning"),
        ({"on": "cpu"}, "on is 'cpu'; expected on=Machine"),
        ({"steps": "3"}, "steps is '3'; expected a whole number"),
        ({"steps": None}, "steps is None; expected a whole number"),
        ({"seed": 1.5}, "seed is 1.5; expected a whole number"),
        ({"groups": 3}, "groups is 3; expected one label for each run"),
        ({"groups": "abcd"}, "groups is 'abcd'; expected one label for each run"),
        ({"checkpoint": 3}, "checkpoint is 3; expected the path of a folder"),
        ({"batch": 2}, "fit() has no argument 'batch'; did you mean 'batch_size'?"),
    ],
)
def test_settings_of_a_fit(change, told):
    with pytest.raises((ValueError, TypeError), match=re.escape(told)):
        fit(TASK, losses.Norm("connectome"), **{"steps": 1, "progress": False, **change})


@pytest.mark.parametrize(
    ("kind", "change", "told"),
    [
        (Learning, {"batch_size": "2"}, "batch_size is '2'; expected a whole number"),
        (Learning, {"rates": 3}, "rates is 3; expected factors of at least 0 by name"),
        (
            Learning,
            {"rates": {"BandPass.low": "x"}},
            "rates: BandPass.low is 'x'; expected factors of at least 0 by name",
        ),
        (Learning, {"schedules": ["a"]}, "schedules is ['a']; expected functions of the step"),
        (Learning, {"schedules": {"BandPass.low": 0.1}}, "schedules: BandPass.low is 0.1; expected functions"),
        (Learning, {"shrinkage": -1}, "shrinkage is -1; expected a number of at least 0"),
        (Machine, {"devices": "cpu"}, "devices is 'cpu'; expected devices of JAX, such as jax.devices()"),
        (Machine, {"devices": 3}, "devices is 3; expected devices of JAX"),
        (Machine, {"devices": ["cpu"]}, "devices is ['cpu']; expected devices of JAX"),
        (Machine, {"remat": "yes"}, "remat is 'yes'; expected True or False"),
        (Machine, {"memory": "4GB"}, "memory is '4GB'; expected a number"),
        (Machine, {"memory": float("nan")}, "memory is nan; expected a number"),
    ],
)
def test_settings_of_steps_and_of_a_machine(kind, change, told):
    with pytest.raises(ValueError, match=re.escape(told)):
        kind(**change)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: fuse(TASK, memory="4GB"), "memory is '4GB'; expected a number of bytes"),
        (lambda: fuse(TASK, worker="none"), "worker is 'none'; expected one of cf, dask, debug"),
        (lambda: fuse(TASK, cache_root=5), "cache_root is 5; expected the path of a folder"),
        (lambda: fuse(TASK, reorder="no"), "reorder is 'no'; expected True or False"),
        (lambda: Learning(rates={"a.b": -1.0}), "rates: a.b is -1.0; expected factors of at least 0"),
        (lambda: swap(TASK, 3), "swap: steps is 3; expected tasks by name of the node"),
        (lambda: cross_validate(TASK, losses.Norm("connectome"), folds="a"), "folds is 'a'; expected a whole number"),
        (
            lambda: bootstrap(TASK, losses.Norm("connectome"), repeats=0),
            "repeats is 0; expected a whole number of at least 2",
        ),
    ],
)
def test_settings_of_other_functions(call, told):
    with pytest.raises(ValueError, match=re.escape(told)):
        call()


@pytest.mark.parametrize(
    ("loss", "targets", "told"),
    [
        (
            losses.Hinge("connectome"),
            np.full((4, 3, 3), 0.5),
            "Hinge: the targets have 0.5 in entry .*expected -1 or 1",
        ),
        (
            losses.BinaryCrossEntropy("connectome"),
            np.full((4, 3, 3), 2.0),
            "the targets have 2 in entry .*probabilities",
        ),
        (losses.SoftmaxCrossEntropy("connectome"), np.full((4, 3), 7), "SoftmaxCrossEntropy: the targets have 7"),
        (losses.MeanSquaredError("connectome"), np.full((4, 3, 3), np.nan), "the targets have nan in entry"),
        (
            losses.Norm("connectome") + losses.Hinge("connectome"),
            np.zeros((4, 3, 3)),
            "Hinge: the targets have 0 in entry",
        ),
    ],
)
@pytest.mark.parametrize("split", [True, False])
def test_values_that_targets_cannot_have_are_told_before_the_first_step(loss, targets, told, split):
    bold = [np.random.default_rng(n).standard_normal((60, 3)) for n in range(4)]
    task = Small().split(bold=bold) if split else Small(bold=bold[0])
    with pytest.raises(ValueError, match=told):
        fit(task, loss, targets if split else targets[0], steps=1, progress=False)
