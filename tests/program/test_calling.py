"""What a program is called with is converted and checked, and what a job would refuse is no NaN."""

import jax
import numpy as np
import pytest
from pydra.compose import workflow

from pydra_diffconn import Learn, fit, fuse, losses
from pydra_diffconn.blocks import (
    Alff,
    BandPass,
    ButterworthFiltFilt,
    Censor,
    CompCor,
    Correlation,
    Covariance,
    Detrend,
    FramewiseDisplacement,
    HighPass,
    Interpolate,
    LagMaps,
    Precision,
    Standardize,
    WindowCovariance,
)

FRAMES, RUNS = 60, 3
BOLD = [np.random.default_rng(run).standard_normal((FRAMES, 4)).astype(np.float32) for run in range(RUNS)]
STILL = np.zeros((FRAMES, 6), np.float32)
MOVING = np.cumsum(np.eye(1, 6, dtype=np.float32) * np.ones((FRAMES, 1), np.float32), axis=0)


@workflow.define(outputs=["connectome", "filled"])
def Censored(bold, motion, tr: float):
    band = workflow.add(BandPass(timeseries=bold, tr=tr, low=Learn(0.02), high=0.1))
    moved = workflow.add(FramewiseDisplacement(motion=motion))
    censor = workflow.add(Censor(framewise_displacement=moved.framewise_displacement, threshold=0.4))
    filled = workflow.add(Interpolate(timeseries=band.timeseries, frame_weights=censor.frame_weights))
    r = workflow.add(Correlation(timeseries=filled.timeseries, frame_weights=censor.frame_weights))
    return r.connectome, filled.timeseries


@workflow.define(outputs=["precision"])
def Inverse(bold):
    covariance = workflow.add(Covariance(timeseries=bold))
    return workflow.add(Precision(covariance=covariance.covariance)).precision


def runs(*motion):
    return Censored(tr=2.0).split(("bold", "motion"), bold=BOLD, motion=list(motion))


def test_a_run_that_is_censored_altogether_is_named():
    # the first frame has no displacement and stays, so that it is by the correlation that nothing is left
    told = r"Correlation \(run 1\): 1 of 60 frames can be used, at least 2 must"
    task = runs(STILL, MOVING, STILL)
    program = fuse(task)
    with pytest.raises(ValueError, match=told):
        program(program.parameters)
    with pytest.raises(ValueError, match=told):
        fit(task, losses.Norm("connectome"), steps=2, progress=False)


def test_it_is_nan_in_a_compiled_program_and_its_gradient_is_finite():
    program = fuse(runs(STILL, MOVING, STILL))
    outputs = jax.jit(program)(program.parameters)
    assert [bool(np.isnan(one).any()) for one in outputs["connectome"]] == [False, True, False]
    slope = jax.jit(jax.grad(lambda p: program(p)["connectome"].sum()))(program.parameters)
    assert np.isfinite(slope["BandPass.low"])


def test_a_covariance_that_has_no_inverse_is_refused_after_the_step_that_makes_it():
    program = fuse(Inverse().split(bold=[BOLD[0], BOLD[0][:3]]))
    with pytest.raises(ValueError, match=r"Precision \(run 1\): covariance of 4 parcels has rank 2 and no inverse"):
        program({})


@pytest.mark.parametrize("kind", ["i2", ">i2", "u1", ">f4", "f2", bool])
def test_inputs_of_a_call_are_converted_as_those_of_a_task(kind):
    program = fuse(runs(STILL, STILL, STILL))
    given = (np.stack(BOLD) * 20 + 100).astype(kind)
    found = program(program.parameters, bold=given)["connectome"]
    expected = program(program.parameters, bold=given.astype(np.float32))["connectome"]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("bold", "told"),
    [
        (np.stack(BOLD) + 1j, "timeseries holds complex numbers"),
        (np.stack(BOLD)[..., 0], r"BandPass \(run 0\): timeseries has shape \(60,\); expected \(time, space\)"),
        (
            np.where(np.stack(BOLD) == BOLD[1][5, 2], np.nan, np.stack(BOLD)),
            r"BandPass \(run 1\): .* in frame 5, column 2",
        ),
        (np.ma.masked_greater(np.stack(BOLD), 1), "masked values"),
        (np.stack(BOLD)[:2], "2 entries along its first axis for 3 runs"),
    ],
)
def test_inputs_of_a_call_are_refused_as_those_of_a_task(bold, told):
    program = fuse(runs(STILL, STILL, STILL))
    with pytest.raises(ValueError, match=told):
        program(program.parameters, bold=bold)


@pytest.mark.parametrize(
    ("low", "told"), [(0.2, "are no band"), (0.3, "Nyquist"), (-0.1, "are no band"), (np.nan, "not a number")]
)
def test_parameters_of_a_call_are_checked(low, told):
    program = fuse(runs(STILL, STILL, STILL))
    with pytest.raises(ValueError, match=rf"BandPass \(run 0\): .*{told}"):
        program({"BandPass.low": low})


LATE = {
    "filters slower than the run": (BandPass, {"tr": 2.0, "low": 0.0001, "high": 0.0002}, "nothing would be left"),
    "padding longer than the run": (ButterworthFiltFilt, {"tr": 2.0, "order": 12}, "frames of padding needs more than"),
    "bands without a frequency": (Alff, {"tr": 2.0, "low": 0.0001, "high": 0.0002}, "no frequency of 60 frames"),
    "windows longer than the run": (WindowCovariance, {"length": 90}, "do not fit 60 frames"),
    "lags longer than the run": (LagMaps, {"tr": 2.0, "max_lag": 70}, "in a series of 60"),
    "more components than voxels": (CompCor, {"components": 5, "tissue": np.ones(4)}, "components = 5 of 4 voxels"),
}


@pytest.mark.parametrize("what", list(LATE))
@pytest.mark.parametrize("first", [Standardize, HighPass])
def test_what_the_length_of_a_series_forbids_is_refused_also_behind_other_steps(what, first):
    block, settings, told = LATE[what]
    output = next(iter(block.declaration.outputs))

    def Late(bold):
        before = workflow.add(first(timeseries=bold, **({"tr": 2.0} if first is HighPass else {})), name="before")
        return getattr(workflow.add(block(timeseries=before.timeseries, **settings), name="late"), output)

    program = fuse(workflow.define(Late, outputs=["result"])().split(bold=BOLD))
    for call in (program, jax.jit(program)):
        with pytest.raises(ValueError, match=f"^late: .*{told}"):
            call({})


def test_what_is_none_is_known_when_a_program_is_made():
    def NoTime(bold):
        return workflow.add(Detrend(timeseries=bold, cutoff=0.01), name="drift").timeseries

    with pytest.raises(ValueError, match=r"drift: cutoff = 0.01 Hz is given without tr"):
        fuse(workflow.define(NoTime, outputs=["result"])(bold=BOLD[0]))


def test_parameters_are_freed_as_they_are_called_with():
    program = fuse(Censored(bold=BOLD[0], motion=STILL, tr=1.0))
    start = {name: float(value) for name, value in program.parameters.items()}
    name = next(iter(start))
    assert program.from_free(program.to_free(start))[name] == pytest.approx(start[name])
    for wrong in (7.0, -0.01, np.nan):
        with pytest.raises(ValueError, match=f"{name} = {wrong:g} is outside"):
            program.to_free({**start, name: wrong})
    assert np.isfinite(jax.jit(program.to_free)(start)[name])
    with pytest.raises(TypeError, match="the program takes"):
        program.to_free({f"{name}s": 0.02})
    with pytest.raises(TypeError, match="the program takes"):
        program.from_free({f"{name}s": 0.02})
