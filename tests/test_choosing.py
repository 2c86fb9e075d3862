"""Choices: a corner costs its branch alone, the winner is cut out, and every pipeline is run beside the learned one."""

import jax
import numpy as np
import pytest
from choices_under_test import FastAlone, GivenOptions, NodeSplit, Orders, OverRuns, TwoBands, TwoJobs

from pydra_diffconn import Learn, fuse, optimise
from pydra_diffconn.discretising import with_options

ONE, TWO = np.array([1.0, 0.0]), np.array([0.0, 1.0])


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    return {
        "bold": rng.standard_normal((80, 6)).astype(np.float32),
        "confounds": rng.standard_normal((80, 3)).astype(np.float32),
    }


def fused(task, **settings):
    program = fuse(task, **settings)
    return np.asarray(jax.jit(program)(program.parameters, **program.inputs)["connectome"])


def steps_of(program):
    return {step.path for step in program.graph.steps}


# --- fixed weights -----------------------------------------------------------------------------------------------


def test_fixed_weights_leave_one_branch_in_the_program(data, capsys):
    program = fuse(TwoBands(bold=data["bold"], tr=1.0, weights=TWO))
    assert steps_of(program) == {"fast", "Correlation"}
    assert "band is fast.timeseries, whose weight is 1; not computed: slow" in program.explain()
    alone = fuse(FastAlone(bold=data["bold"], tr=1.0))
    costs = [jax.jit(p).lower(p.parameters, **p.inputs).compile().cost_analysis()["flops"] for p in (program, alone)]
    assert costs[0] == costs[1]
    assert steps_of(fuse(TwoBands(bold=data["bold"], tr=1.0))) == {"slow", "Correlation"}


def test_a_corner_is_its_branch_bit_for_bit_in_every_mode(data, tmp_path):
    inputs = {"bold": data["bold"], "tr": 1.0}
    alone = FastAlone(**inputs)
    chosen = TwoBands(**inputs, weights=TWO)
    expected = alone(cache_root=tmp_path).connectome
    np.testing.assert_array_equal(chosen(cache_root=tmp_path).connectome, expected)
    np.testing.assert_array_equal(with_options(chosen, {"band": "option_2"})(cache_root=tmp_path).connectome, expected)
    stretch = optimise(alone)(cache_root=tmp_path).connectome
    np.testing.assert_array_equal(optimise(chosen)(cache_root=tmp_path).connectome, stretch)
    np.testing.assert_array_equal(fused(chosen), fused(alone))
    learned = fused(TwoBands(**inputs), learn={"band.weights": Learn(TWO)})
    np.testing.assert_array_equal(learned, fused(chosen, reorder=False))


def test_jobs_of_the_other_branch_are_not_run(data, tmp_path):
    for way in (fuse, optimise):
        folder = tmp_path / way.__name__
        folder.mkdir()
        task = TwoJobs(bold=data["bold"], folder=str(folder), tr=1.0, weights=TWO)
        if way is fuse:
            fuse(task, cache_root=tmp_path)
        else:
            optimise(task)(cache_root=tmp_path)
        assert [one.name for one in folder.iterdir()] == ["two"]


def test_weights_that_differ_between_runs_or_are_no_corner_stay(data):
    mixed = fuse(TwoBands(bold=data["bold"], tr=1.0, weights=np.array([0.5, 0.5])))
    assert "band" in steps_of(mixed)
    split = fuse(TwoBands(bold=data["bold"], tr=1.0).split("weights", weights=[ONE, TWO]))
    assert "band" in steps_of(split)
    found = split(split.parameters)["connectome"]
    for weights, connectome in zip((ONE, TWO), found, strict=True):
        alone = fused(TwoBands(bold=data["bold"], tr=1.0, weights=weights))
        np.testing.assert_allclose(connectome, alone, atol=1e-6)  # another program, another rounding


@pytest.mark.parametrize("weights", [ONE, TWO])
def test_split_branches_and_given_options(data, tmp_path, weights):
    bolds = [data["bold"], data["bold"][::-1].copy()]
    tasks = [
        NodeSplit(bolds=bolds, tr=1.0, weights=weights),
        OverRuns(bolds=bolds, confounds=data["confounds"], tr=1.0, weights=weights),
        GivenOptions(first=bolds[0], second=bolds[1], tr=1.0, weights=weights),
    ]
    for task in tasks:
        expected = task(cache_root=tmp_path).connectome
        np.testing.assert_allclose(fused(task), expected, atol=1e-5)
        np.testing.assert_allclose(optimise(task)(cache_root=tmp_path).connectome, expected, atol=1e-5)
    number = 1 + int(weights[1])
    for task, path in zip(tasks, ("band", "runs.order", "series"), strict=True):
        cut = with_options(task, {path: f"option_{number}"})
        np.testing.assert_array_equal(cut(cache_root=tmp_path).connectome, task(cache_root=tmp_path).connectome)


def test_a_parameter_of_a_branch_that_is_not_chosen_is_not_learned(data):
    task = TwoBands(bold=data["bold"], tr=1.0, weights=TWO)
    with pytest.warns(UserWarning, match=r"slow.low is not learned"):
        program = fuse(task, learn={"slow.low": Learn(), "fast.low": Learn()})
    assert list(program.parameters) == ["fast.low"]


def test_the_orders_of_steps_are_options(data):
    inputs = {**data, "tr": 1.0}
    assert steps_of(fuse(Orders(**inputs, weights=TWO))) == {"regress_first", "then_filter", "Correlation"}
