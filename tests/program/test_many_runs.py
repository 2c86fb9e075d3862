"""Thousands of runs cost what each costs: nothing is compiled, listed or drawn once for each of them again."""

import jax
import numpy as np
import pytest
from pydra.compose import workflow

from pydra_diffconn import Learn, fuse, losses
from pydra_diffconn.blocks import BandPass, Correlation
from pydra_diffconn.learning.learner import Learner
from pydra_diffconn.learning.settings import Learning
from pydra_diffconn.learning.training_data import TrainingData

LENGTHS = (40, 90, 44, 46, 95, 42, 41)


@workflow.define(outputs=["connectome"])
def Banded(bold, low: float = 0.02):
    band = workflow.add(BandPass(timeseries=bold, tr=1.0, low=low, high=0.2)).timeseries
    return workflow.add(Correlation(timeseries=band)).connectome


def program_of(lengths=LENGTHS, columns=3):
    rng = np.random.default_rng(0)
    bold = [rng.standard_normal((length, columns)) for length in lengths]
    return fuse(Banded(low=Learn(0.02)).split("bold", bold=bold))


@pytest.fixture(scope="module")
def padded():
    return program_of().padded


def test_a_step_takes_one_array_for_each_group_of_runs_whatever_their_number(padded):
    given = TrainingData(padded, None).of(range(len(LENGTHS)))["inputs"]
    assert len(padded.groups) == 2 and all(len(jax.tree.leaves(value)) <= 2 for value in given.values())


def test_runs_of_several_groups_come_back_as_chosen_and_so_do_their_derivatives(padded):
    weights = np.arange(1.0, 8.0)[:, None, None]

    def total(low, inputs, chosen):
        found = padded.outputs_of({"low": low}, inputs, list(chosen))["connectome"]
        return (weights[list(chosen)] * found**3).sum(), found

    slope_of = jax.jit(jax.grad(total, has_aux=True), static_argnames="chosen")
    alone = [slope_of(0.02, TrainingData(padded, None).of([n])["inputs"], (n,)) for n in range(len(LENGTHS))]
    for chosen in (tuple(range(7)), (6, 1, 0, 4, 2)):
        slope, found = slope_of(0.02, TrainingData(padded, None).of(chosen)["inputs"], chosen)
        np.testing.assert_allclose(found, np.concatenate([alone[n][1] for n in chosen]), atol=1e-5)
        np.testing.assert_allclose(slope, sum(alone[n][0] for n in chosen), rtol=1e-3)


def test_the_batches_of_an_epoch_are_drawn_once():
    program = program_of((40,) * 9)
    loss, targets = losses.MeanSquaredError("connectome"), np.zeros((9, 3, 3))
    learner = Learner(program, loss, targets, range(9), [], how=Learning(batch_size=2))
    assert learner.batches(3) is learner.batches(3)
    assert sorted(run for batch in learner.batches(4) for run in batch) == list(range(9))


def test_what_a_fit_needs_is_said_before_it_starts():
    one, several = program_of((200,), 20).explain(), program_of((200,) * 10, 20).explain()
    assert "fit     1 program(s) to compile; about " in one and "for each run of a batch" in several
    (size,) = {run.arrays["bold"].nbytes for run in program_of((200,), 20).runs}
    assert f"{size / 1000:.3g} kB of inputs" in one and f"{10 * size / 1000:.3g} kB of inputs" in several


def test_nothing_is_said_of_a_fit_where_nothing_is_learned(rng):
    assert "fit  " not in fuse(Banded(bold=rng.standard_normal((40, 3)))).explain()
