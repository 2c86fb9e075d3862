"""What no learned parameter changes is computed once before learning, with the same result."""

import numpy as np
import pytest
from gradients import gradient
from pydra.compose import workflow

from pydra_diffconn import Learn, fit, fuse, losses
from pydra_diffconn.blocks import BandPass, Correlation, EdgeTimeSeries, Parcellate, RegressConfounds
from pydra_diffconn.program.hoisting import with_constants_computed

TR = 0.8


@workflow.define(outputs=["connectome", "band"])
def Weighted(bold, confounds, labels):
    band = workflow.add(BandPass(timeseries=bold, tr=TR))
    parcels = workflow.add(Parcellate(timeseries=band.timeseries, labels=labels))
    regressors = workflow.add(BandPass(timeseries=confounds, tr=TR), name="regressors")
    clean = workflow.add(
        RegressConfounds(timeseries=parcels.timeseries, confounds=regressors.timeseries, penalty=Learn(0.1)),
        name="clean",
    )
    return workflow.add(Correlation(timeseries=clean.timeseries)).connectome, parcels.timeseries


@workflow.define(outputs=["edges"])
def Growing(series):
    edges = workflow.add(EdgeTimeSeries(timeseries=series))
    return workflow.add(BandPass(timeseries=edges.edge_timeseries, tr=TR, low=Learn(0.01))).timeseries


@pytest.fixture
def split(x64, rng):
    lengths = (60, 60, 80)
    bold = [rng.standard_normal((n, 12)) for n in lengths]
    confounds = [rng.standard_normal((n, 3)) for n in lengths]
    labels = np.repeat(np.arange(1, 5), 3)
    return Weighted(labels=labels).split(("bold", "confounds"), bold=bold, confounds=confounds)


def test_only_what_depends_on_the_parameter_is_left(split):
    program = fuse(split)
    shorter = with_constants_computed(program)
    for run in shorter.runs:
        assert [one.path for one in shorter.plan_of(run).planned] == ["clean", "Correlation"]
    assert "bold" not in shorter.inputs
    assert shorter.parameters.keys() == program.parameters.keys()


def test_outputs_and_gradients_are_the_same(x64, split):
    program = fuse(split)
    shorter = with_constants_computed(program)

    def loss(program):
        return lambda parameters: sum((value**2).sum() for value in program(parameters)["connectome"])

    for name, value in program(program.parameters).items():
        for a, b in zip(value, shorter(program.parameters)[name], strict=True):
            np.testing.assert_allclose(a, b, atol=1e-12)
    slopes = [gradient(loss(one))(program.parameters)["clean.penalty"] for one in (program, shorter)]
    np.testing.assert_allclose(*slopes, rtol=1e-9)


def test_what_all_runs_share_is_computed_and_kept_once(rng):
    bold, confounds = rng.standard_normal((60, 12)), [rng.standard_normal((60, 3)) for _ in range(3)]
    task = Weighted(bold=bold, labels=np.repeat(np.arange(1, 5), 3)).split("confounds", confounds=confounds)
    shorter = with_constants_computed(fuse(task))
    (parcels,) = (value for name, value in shorter.inputs.items() if name.startswith("BandPass"))
    assert parcels.shape == (60, 4)


def test_what_would_take_much_more_memory_is_not_kept(rng):
    program = fuse(Growing(series=rng.standard_normal((40, 30))))
    assert with_constants_computed(program) is program


def test_a_fit_learns_the_same(split):
    target = np.zeros((3, 4, 4))
    result = fit(split, losses.MeanSquaredError("connectome"), target, steps=3, progress=False)
    program = fuse(split)

    def loss(parameters):
        return losses.MeanSquaredError("connectome")(program(parameters), target)

    assert result.baseline["training"] == pytest.approx(float(loss(program.parameters)), rel=1e-9)
    assert result.best["training"] == pytest.approx(float(loss(result.parameters)), rel=1e-9)
    assert result.program.inputs.keys() == program.inputs.keys()
