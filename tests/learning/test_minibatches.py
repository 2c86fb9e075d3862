"""A training loop of one's own takes the batches, the programs and the numbers that a fit takes."""

from functools import partial

import jax
import numpy as np
import optax
import pytest
from pydra.compose import workflow

from pydra_diffconn import Learn, Learning, Minibatches, fit, fuse, joined_groups, losses
from pydra_diffconn.blocks import BandPass, Correlation

LENGTHS = [90, 100, 95, 110, 105, 98]


@workflow.define(outputs=["connectome"])
def Banded(bold, low: float = 0.02):
    band = workflow.add(BandPass(timeseries=bold, tr=1.0, low=low, high=0.2)).timeseries
    return workflow.add(Correlation(timeseries=band)).connectome


def task_of(rng):
    return Banded().split("bold", bold=[rng.standard_normal((length, 5)) for length in LENGTHS])


def test_a_loop_of_ones_own_learns_what_a_fit_learns(rng):
    task, targets = task_of(rng), rng.standard_normal((len(LENGTHS), 5, 5))
    loss, optimizer, steps = losses.MeanSquaredError("connectome"), optax.adam(0.1), 12
    expected = fit(
        task, loss, targets, learn={"low": Learn()}, steps=steps, how=Learning(batch_size=2), seed=3, progress=False
    )
    program = fuse(task, {"low": Learn()})
    batches = Minibatches(program, targets, size=2, seed=3)
    free = program.to_free()
    state, traced, seen = optimizer.init(free), [], []

    @partial(jax.jit, static_argnames="chosen")
    def step(free, state, inputs, targets, chosen):
        traced.append(chosen)
        of = lambda free: loss(batches.outputs(program.from_free(free), inputs, chosen), targets)  # noqa: E731
        value, slope = jax.value_and_grad(of)(free)
        updates, state = optimizer.update(slope, state)
        return optax.apply_updates(free, updates), state, value

    for epoch in range(4):
        for batch in batches.epoch(epoch):
            free, state, value = step(free, state, batch.inputs, batch.targets, batch.chosen)
            seen.append(float(value))
    np.testing.assert_allclose(seen, expected.table["loss"][: len(seen)], rtol=1e-5)
    assert len(traced) == 1  # six lengths, one compiled step
    runs = sorted(run for batch in batches.epoch(0) for run in batch.runs)
    assert runs == list(range(len(LENGTHS)))


def test_batches_of_some_runs_hold_these_alone(rng):
    program = fuse(task_of(rng), {"low": Learn()})
    batches = Minibatches(program, np.arange(6.0), size=2, runs=[1, 4, 5])
    assert sorted(float(one) for batch in batches.epoch() for one in batch.targets) == [1.0, 4.0, 5.0]
    with pytest.raises(ValueError, match="runs has 6; expected numbers of runs from 0 to 5"):
        Minibatches(program, size=2, runs=[6])
    with pytest.raises(ValueError, match="not split over runs"):
        Minibatches(fuse(Banded(bold=rng.standard_normal((50, 4))), {"low": Learn()}), size=2)
    with pytest.raises(ValueError, match="expected what fuse"):
        Minibatches(Banded, size=2)


def test_what_shares_a_family_or_a_scanner_is_held_out_together():
    families, scanners = ["A", "A", "B", "C", None], ["x", "y", "y", "z", "z"]
    found = joined_groups(families, scanners)
    assert found[0] == found[1] == found[2] and found[3] == found[4] != found[0]
    assert joined_groups([1, 1, 2]) == ["1", "1", "2"]
    assert len(set(joined_groups([None, None]))) == 2


@pytest.mark.parametrize(
    ("labels", "told"),
    [([["a"], ["b", "c"]], r"there are \[1, 2\] labels"), ([], "there are"), ([["a", "a"]], "all runs hang together")],
)
def test_labels_that_hold_nobody_apart_are_refused(labels, told):
    with pytest.raises(ValueError, match=told):
        joined_groups(*labels)


def test_what_is_unknown_joins_nobody():
    assert len(set(joined_groups(["a", "b", "c"], [np.nan, np.nan, 1.0]))) == 3
