"""Runs of many lengths share few programs, and each gives what it gives alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pydra.compose import workflow

from pydra_diffconn import Learn, fit, fuse, losses
from pydra_diffconn.blocks import (
    BandPass,
    ButterworthFiltFilt,
    Censor,
    Correlation,
    Detrend,
    HighPass,
    Interpolate,
    KeepFrames,
    Parcellate,
    RegressConfounds,
)  # fmt: skip
from pydra_diffconn.learning.settings import Learning
from pydra_diffconn.program.hoisting import with_constants_computed

LENGTHS = (61, 50, 64, 55, 70, 55)


@workflow.define(outputs=["connectome", "timeseries"])
def Chain(bold, confounds, displacement, labels, tr: float, threshold: float = 0.5, low: float = 0.02):
    kept = workflow.add(Censor(framewise_displacement=displacement, threshold=threshold, softness=0.1)).frame_weights
    filled = workflow.add(Interpolate(timeseries=bold, frame_weights=kept, method="spline")).timeseries
    flat = workflow.add(Detrend(timeseries=filled)).timeseries
    band = workflow.add(BandPass(timeseries=flat, tr=tr, low=low, high=0.2)).timeseries
    clean = workflow.add(RegressConfounds(timeseries=band, confounds=confounds, frame_weights=kept)).timeseries
    parcels = workflow.add(Parcellate(timeseries=clean, labels=labels)).timeseries
    return workflow.add(Correlation(timeseries=parcels, frame_weights=kept)).connectome, parcels


@workflow.define(outputs=["connectome"])
def Voxels(bold, labels, tr: float, low: float = 0.02, high: float = 0.2):
    band = workflow.add(ButterworthFiltFilt(timeseries=bold, tr=tr, low=low, high=high, order=2)).timeseries
    fast = workflow.add(HighPass(timeseries=band, tr=tr, cutoff=0.03)).timeseries
    flat = workflow.add(Detrend(timeseries=fast)).timeseries
    return workflow.add(Correlation(timeseries=flat)).connectome


@workflow.define(outputs=["connectome"])
def Dropped(bold, used, low: float = 0.02):
    kept = workflow.add(KeepFrames(timeseries=bold, frame_weights=used)).timeseries
    band = workflow.add(BandPass(timeseries=kept, tr=1.0, low=low, high=0.2)).timeseries
    return workflow.add(Correlation(timeseries=band)).connectome


def runs(lengths=LENGTHS, columns=12, seed=0):
    rng = np.random.default_rng(seed)
    bold = [rng.standard_normal((n, columns)) + 5 for n in lengths]
    confounds = [rng.standard_normal((n, 2)) for n in lengths]
    displacement = [np.r_[0.0, rng.gamma(2, 0.15, n - 1)] for n in lengths]
    return {"bold": bold, "confounds": confounds, "displacement": displacement}


def chain(data, **settings):
    names = tuple(data)
    return Chain(labels=1 + np.arange(12) // 3, tr=1.0, **settings).split(names, **data)


def each_alone(data):
    for row in zip(*data.values(), strict=True):
        yield chain(
            {name: [value] for name, value in zip(data, row, strict=True)}, threshold=Learn(0.5), low=Learn(0.02)
        )


def test_values_and_gradients_are_those_of_each_run_alone():
    data = runs()
    with jax.enable_x64(True):
        program = fuse(chain(data, threshold=Learn(0.5), low=Learn(0.02)))
        assert len(program.groups) == 5 and len(program.padded.groups) == 1
        start = {name: jnp.asarray(value) for name, value in program.parameters.items()}

        def with_slope(made):
            def total(parameters):
                found = made(parameters)
                return sum(jnp.sum(one**3) for one in [*found["connectome"], *found["timeseries"]]), found

            (value, found), slope = jax.jit(jax.value_and_grad(total, has_aux=True))(start)
            return value, found, slope

        value, together, slope = with_slope(program)
        assert [one.shape for one in together["timeseries"]] == [(n, 4) for n in LENGTHS]
        apart = [with_slope(fuse(task)) for task in each_alone(data)]
        for number, (_, found, _) in enumerate(apart):
            np.testing.assert_allclose(together["connectome"][number], found["connectome"][0], atol=1e-10)
            np.testing.assert_allclose(together["timeseries"][number], found["timeseries"][0], atol=1e-10)
        for name in start:
            np.testing.assert_allclose(slope[name], sum(one[name] for *_, one in apart), rtol=1e-8)
        assert float(value) == pytest.approx(float(sum(one for one, *_ in apart)), rel=1e-10)


def test_other_inputs_of_the_same_lengths_are_taken():
    first, second = runs(), runs(seed=1)
    with jax.enable_x64(True):
        program, other = fuse(chain(first)), fuse(chain(second))
        assert program.padded is not program
        found = jax.jit(lambda inputs: program({}, **inputs))(second)
        for one, two in zip(found["connectome"], other({})["connectome"], strict=True):
            np.testing.assert_allclose(one, two, atol=1e-12)


@workflow.define(outputs=["connectome", "band"])
def Fixed(bold, confounds, penalty: float = 0.1):
    band = workflow.add(BandPass(timeseries=bold, tr=1.0, low=0.02, high=0.2)).timeseries
    clean = workflow.add(RegressConfounds(timeseries=band, confounds=confounds, penalty=penalty)).timeseries
    return workflow.add(Correlation(timeseries=clean)).connectome, band


def test_what_no_parameter_changes_is_computed_by_one_program_for_all_lengths():
    data = {name: one for name, one in runs().items() if name != "displacement"}
    with jax.enable_x64(True):
        program = fuse(Fixed(penalty=Learn(0.1)).split(tuple(data), **data))
        shorter = with_constants_computed(program.padded)
        (numbers,) = shorter.groups.values()
        planned = shorter.plan_of(shorter.runs[numbers[0]]).planned
        assert [one.path for one in planned] == ["RegressConfounds", "Correlation"]
        found, expected = (
            one.outputs_of(program.parameters, one.inputs, list(range(len(LENGTHS)))) for one in (shorter, program)
        )
        np.testing.assert_allclose(found["connectome"], expected["connectome"], atol=1e-10)
        for one, two in zip(found["band"], expected["band"], strict=True):
            np.testing.assert_allclose(one, two, atol=1e-10)


def test_lengths_far_apart_are_in_programs_of_their_own():
    program = fuse(chain(runs((40, 45, 50, 100, 110, 120, 400))))
    assert sorted(len(numbers) for numbers in program.padded.groups.values()) == [1, 3, 3]
    assert len(fuse(chain(runs((50, 60, 70)))).padded.groups) == 3  # few enough to be compiled each
    assert "2 compiled shape(s)" in fuse(chain(runs((40, 42, 44, 46, 90)))).explain()


@pytest.mark.parametrize("columns", [12, 700])  # with many, the steps over time become one matrix
def test_chains_made_one_matrix_are_filled_up_too(columns):
    data = {"bold": runs((40, 41, 42, 43), columns)["bold"]}
    with jax.enable_x64(True):
        program = fuse(Voxels(labels=None, tr=1.0, high=Learn(0.2)).split("bold", **data))
        assert len(program.padded.groups) == 1
        start = {"high": jnp.asarray(0.2)}
        slope = jax.grad(lambda given: jnp.sum(program(given)["connectome"] ** 3))(start)["high"]
        for bold, found in zip(data["bold"], program(start)["connectome"], strict=True):
            alone = fuse(Voxels(bold=bold, labels=None, tr=1.0, high=Learn(0.2)))
            np.testing.assert_allclose(found, alone(start)["connectome"], atol=1e-10)
            slope -= jax.grad(lambda given, alone=alone: jnp.sum(alone(given)["connectome"] ** 3))(start)["high"]
        assert abs(slope) < 1e-6 * columns**2


def test_what_cannot_be_filled_up_is_computed_as_before():
    bold = runs((40, 41, 42, 43))["bold"]
    used = [np.r_[0.0, 0.0, np.ones(len(one) - 2)] for one in bold]
    program = fuse(Dropped().split(("bold", "used"), bold=bold, used=used))
    assert program.padded is program and len(program.groups) == 4


@pytest.mark.parametrize("batch_size", [None, 2])
def test_a_fit_over_many_lengths_is_that_over_programs_of_each(batch_size, monkeypatch):
    data, how = runs(), Learning(batch_size=batch_size)
    loss = losses.MeanSquaredError("connectome")
    targets = np.stack([np.eye(4)] * len(LENGTHS))
    with jax.enable_x64(True):
        task = chain(data, threshold=Learn(0.5), low=Learn(0.02))
        found = fit(task, loss, targets, steps=4, progress=False, how=how)
        monkeypatch.setattr("pydra_diffconn.program.padding.FEWEST", 99)
        if batch_size is None:  # batches are drawn from runs that share a program
            plain = fit(task, loss, targets, steps=4, progress=False, how=how)
            np.testing.assert_allclose(found.table["loss"], plain.table["loss"], rtol=1e-9)
            assert found.parameters == pytest.approx(plain.parameters, rel=1e-7)
    assert sorted(found.training) == list(range(len(LENGTHS)))
