"""The steps over time in one workflow: what the planner may move or merge gives the same numbers, the z-score stays."""

import jax
import numpy as np
import pytest
from pydra.compose import workflow

from pydra_diffconn import Learn, fuse
from pydra_diffconn.blocks import (
    BandPass,
    Censor,
    Correlation,
    Detrend,
    Dvars,
    FramewiseDisplacement,
    FrequencyGain,
    Interpolate,
    Parcellate,
    SpectralInterpolate,
    Standardize,
)

RNG = np.random.default_rng(0)
STEPS = [0.1, 0.1, 0.1, 0.001, 0.001, 0.001]
INPUTS = {
    "bold": 100 + RNG.standard_normal((40, 200)),
    "motion": (RNG.standard_normal((40, 6)) * STEPS).cumsum(axis=0),
    "labels": np.arange(200) % 5,
    "gain": np.linspace(1, 0.2, 21),
}


@workflow.define(outputs=["connectome"])
def Chain(bold, motion, labels, gain, early: bool, filling: str):
    """Censor, fill, filter, detrend, standardise before or after the parcellation, correlate."""
    moved = workflow.add(FramewiseDisplacement(motion=motion))
    changed = workflow.add(Dvars(timeseries=bold))
    frames = workflow.add(
        Censor(
            framewise_displacement=moved.framewise_displacement,
            threshold=Learn(0.6),
            softness=0.1,
            metrics=changed.std_dvars,
            metric_thresholds=np.array([1.2]),
            metric_softness=np.array([0.05]),
        )
    ).frame_weights
    if filling == "waves":
        filled = workflow.add(SpectralInterpolate(timeseries=bold, frame_weights=frames, tr=2.0))
    else:
        filled = workflow.add(Interpolate(timeseries=bold, frame_weights=frames, method=filling))
    band = workflow.add(BandPass(timeseries=filled.timeseries, tr=2.0, high=0.2))
    flat = workflow.add(
        Detrend(timeseries=band.timeseries, frame_weights=frames, tr=2.0, cutoff=Learn(0.02), softness=0.005)
    )
    series = workflow.add(FrequencyGain(timeseries=flat.timeseries, gain=gain)).timeseries
    if early:
        series = workflow.add(Standardize(timeseries=series, frame_weights=frames)).timeseries
    parcels = workflow.add(Parcellate(timeseries=series, labels=labels))
    return workflow.add(Correlation(timeseries=parcels.timeseries, frame_weights=frames)).connectome


@pytest.mark.parametrize(("early", "filling"), [(True, "spline"), (False, "waves")])
def test_the_planned_chain_gives_the_numbers_of_the_written_one(x64, early, filling):
    task = Chain(**INPUTS, early=early, filling=filling)
    planned, written = fuse(task), fuse(task, reorder=False)
    notes = " ".join(planned.plan_of(planned.runs[0]).notes)
    assert ("Parcellate before Detrend" in notes) is not early
    assert ("as one time x time matrix" in notes) is early
    values = planned.parameters
    total = lambda program: lambda v: (program(v)["connectome"] ** 3).sum()  # noqa: E731
    found, expected = (jax.jit(lambda v, p=p: (p(v), jax.grad(total(p))(v)))(values) for p in (planned, written))
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-9)
        assert np.all(np.isfinite(one))
