"""What all runs share is computed once, and products with one matrix are one product."""

import numpy as np
import pytest
from gradients import gradient
from pydra.compose import workflow

from pydra_diffconn import Learn, fuse
from pydra_diffconn.blocks import BandPass, Correlation, IndividualMaps, ProjectMaps
from pydra_diffconn.program.planning.shared import independent, shared_products


@workflow.define(outputs=["connectome", "maps"])
def SoftAtlas(bold, group):
    maps = workflow.add(IndividualMaps(maps=group, deviation=Learn(np.full((3, 10), 0.1))), name="atlas")
    band = workflow.add(BandPass(timeseries=bold, tr=0.8, low=Learn(0.02), high=0.2), name="band")
    parcels = workflow.add(ProjectMaps(timeseries=band.timeseries, maps=maps.maps), name="parcels")
    return workflow.add(Correlation(timeseries=parcels.timeseries), name="r").connectome, maps.maps


@pytest.fixture
def program(x64, rng):
    bold = [rng.standard_normal((n, 10)) for n in (40, 40, 50)]
    return fuse(SoftAtlas(group=rng.dirichlet(np.ones(3), size=10).T).split("bold", bold=bold))


def test_the_plan_knows_what_runs_share(program):
    plan = program.plan_of(program.runs[0])
    run, varying = program.runs[0], program.varying
    assert [one.path for one in independent(plan, varying)] == ["atlas"]
    assert [one.path for one in shared_products(plan, run, varying, [])] == ["parcels"]
    # an atlas of each person is no shared matrix
    assert shared_products(plan, run, varying, ["atlas.deviation"]) == []


def test_runs_together_agree_with_each_run_alone(program):
    together = program(program.parameters)
    for number, run in enumerate(program.runs):
        alone = program.computed(program.parameters, run.arrays, run)
        np.testing.assert_allclose(together["connectome"][number], alone["r", "connectome"], atol=1e-12)
        np.testing.assert_allclose(together["maps"][number], alone["atlas", "maps"], atol=1e-12)


def test_gradients_agree_too(program):
    def together(parameters):
        return sum((one**2).sum() for one in program(parameters)["connectome"])

    def alone(parameters):
        each = [program.computed(parameters, run.arrays, run)["r", "connectome"] for run in program.runs]
        return sum((one**2).sum() for one in each)

    ours, theirs = gradient(together)(program.parameters), gradient(alone)(program.parameters)
    for name in ours:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-9, atol=1e-12)
