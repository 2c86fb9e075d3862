"""Data larger than memory: what exceeds a limit waits on disk, and a fit reads it batch by batch."""

import nibabel as nib
import numpy as np
import pytest
from fileformats.generic import File
from pydra.compose import workflow

from pydra_diffconn import Learn, Learning, Machine, fit, fuse, losses
from pydra_diffconn.blocks import BandPass, Correlation, IndividualMaps, ProjectMaps
from pydra_diffconn.learning.learner import Learner
from pydra_diffconn.program.spool import Spool

RUNS, GRID, FRAMES = 4, (3, 4, 2), 50


@workflow.define(outputs=["connectome"])
def SoftAtlas(bold, group):
    maps = workflow.add(IndividualMaps(maps=group, deviation=Learn(np.zeros((3, 24)))), name="atlas")
    parcels = workflow.add(ProjectMaps(timeseries=bold, maps=maps.maps))
    band = workflow.add(BandPass(timeseries=parcels.timeseries, tr=0.8, low=Learn(0.02), high=0.2))
    return workflow.add(Correlation(timeseries=band.timeseries)).connectome


@pytest.fixture
def task(rng, tmp_path, x64):
    images = []
    for number in range(RUNS):
        data = rng.standard_normal((*GRID, FRAMES))
        path = tmp_path / f"run-{number}_bold.nii.gz"
        nib.save(nib.Nifti1Image(data, np.eye(4)), path)
        images.append(File(path))
    return SoftAtlas(group=rng.dirichlet(np.ones(3), size=24).T).split("bold", bold=images)


def test_up_to_the_limit_in_memory_then_on_disk(rng):
    spool = Spool(1000)
    small, large = rng.standard_normal(50), rng.standard_normal(100)
    assert spool.keep(small) is small
    kept = spool.keep(large)
    assert isinstance(kept, np.memmap)
    np.testing.assert_array_equal(kept, large)


def test_images_that_exceed_the_limit_wait_on_disk(task):
    held, waiting = fuse(task), fuse(task, memory=0)
    assert isinstance(held.inputs["bold"], np.ndarray)
    assert all(isinstance(series, np.memmap) for series in waiting.inputs["bold"])
    for name, value in held(held.parameters).items():
        np.testing.assert_allclose(waiting(held.parameters)[name], value, rtol=1e-12)


def test_a_fit_from_disk_learns_the_same(task):
    settings = {"targets": np.zeros((RUNS, 3, 3)), "steps": 3, "batch_size": 2, "progress": False}
    loss = losses.MeanSquaredError("connectome")
    held, waiting = fit(task, loss, **settings), fit(task, loss, on=Machine(memory=0), **settings)
    assert held.best == pytest.approx(waiting.best, rel=1e-12)
    np.testing.assert_allclose(held.parameters["atlas.deviation"], waiting.parameters["atlas.deviation"], rtol=1e-12)


def test_scores_of_batches_are_those_of_all_runs(task):
    """Also for a loss that compares runs with each other, of which no mean over batches would do."""

    def unlike(outputs, targets):
        flat = outputs["connectome"].reshape(len(outputs["connectome"]), -1)
        return ((flat[:, None] - flat[None]) ** 2).sum()

    program = fuse(task)
    runs = list(range(RUNS))
    at_once = Learner(program, unlike, None, runs, [])
    batched = Learner(program, unlike, None, runs, [], how=Learning(batch_size=3))
    assert batched.baseline["training"] == pytest.approx(at_once.baseline["training"], rel=1e-12)


def test_targets_may_be_a_list_with_one_entry_for_each_run(task):
    targets = list(np.zeros((RUNS, 3, 3)))
    loss = losses.MeanSquaredError("connectome")
    result = fit(task, loss, targets, steps=1, progress=False)
    same = fit(task, loss, np.zeros((RUNS, 3, 3)), steps=1, progress=False)
    assert result.best == same.best
    with pytest.raises(ValueError, match="3 entries for 4 runs"):
        fit(task, loss, targets[1:], steps=1, progress=False)
