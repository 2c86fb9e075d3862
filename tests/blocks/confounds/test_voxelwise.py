"""Regressors that each voxel has of its own against least squares voxel by voxel, and ANATICOR's against SciPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gradients import assert_gradient
from scipy.ndimage import gaussian_filter

from pydra_diffconn.blocks import LocalTissueMean, RegressConfounds, RegressVoxelwise
from pydra_diffconn.testing import Case

FRAMES, VOXELS = 60, 6
RNG = np.random.default_rng(0)
SHARED = RNG.standard_normal((FRAMES, 3)).cumsum(axis=0)
OWN = RNG.standard_normal((FRAMES, VOXELS)) + SHARED[:, :1] + 50.0
SERIES = RNG.standard_normal((FRAMES, VOXELS)) + 2 * OWN + SHARED @ RNG.standard_normal((3, VOXELS)) + 1000.0
WEIGHTS = np.where(np.arange(FRAMES) % 7 == 0, 0.0, RNG.uniform(0.2, 1, FRAMES))
regress = jax.jit(RegressVoxelwise.pure, static_argnames=("intercept",))


def by_voxel(timeseries, voxel_confounds, confounds, frame_weights, penalty, intercept, first_row):
    """Fit all regressors of a voxel together, the ridge as a row of data."""
    weights = np.ones(len(timeseries)) if frame_weights is None else frame_weights
    shared = np.zeros((len(timeseries), 0)) if confounds is None else confounds
    cleaned = []
    for series, own in zip(timeseries.T, voxel_confounds.T, strict=True):
        design = np.column_stack([own, shared])
        centre, mean = (np.average(one, axis=0, weights=weights) * intercept for one in (design, series))
        design, root = design - centre, np.sqrt(weights)
        left = own - centre[0] - shared_part(own - centre[0], design[:, 1:], root)
        row = np.zeros((1, design.shape[1]))
        row[0, 0] = np.sqrt(penalty * np.sum(weights * left**2))
        known = np.r_[root * (series - mean), 0.0]
        found = np.linalg.lstsq(np.concatenate([root[:, None] * design, row]), known, rcond=None)[0]
        cleaned.append(series - design @ found)
    return np.stack(cleaned, axis=1)


def shared_part(column, design, root):
    if not design.shape[1]:
        return 0.0
    return design @ np.linalg.lstsq(root[:, None] * design, root * column, rcond=None)[0]


def test_several_regressors_of_a_voxel_go_one_after_the_other(x64):
    second = np.random.default_rng(1).standard_normal((FRAMES, VOXELS)) + 0.5 * OWN
    once = regress(SERIES, OWN, SHARED)
    found = regress(once, regress(second, OWN, SHARED))
    for voxel in range(VOXELS):
        design = np.column_stack([OWN[:, voxel], second[:, voxel], SHARED])
        design = design - design.mean(axis=0)
        series = SERIES[:, voxel]
        expected = series - design @ np.linalg.lstsq(design, series - series.mean(), rcond=None)[0]
        np.testing.assert_allclose(found[:, voxel], expected, atol=1e-9)


def test_a_regressor_that_is_shared_anyway_changes_nothing(x64):
    own = np.stack([SHARED[:, 0] + 3 * SHARED[:, 1]] * VOXELS, axis=1)
    np.testing.assert_allclose(regress(SERIES, own, SHARED), RegressConfounds.pure(SERIES, SHARED), atol=1e-9)
    assert np.all(np.isfinite(jax.grad(lambda z: jnp.sum(regress(SERIES, z, SHARED) ** 2))(jnp.asarray(own))))


def test_a_planted_local_artefact_is_taken_out(x64):
    artefact = np.random.default_rng(2).standard_normal((FRAMES, VOXELS)).cumsum(axis=0)
    signal = np.random.default_rng(3).standard_normal((FRAMES, VOXELS))
    found = np.asarray(regress(signal + 5 * artefact, artefact))
    assert min(np.corrcoef(found[:, v], signal[:, v])[0, 1] for v in range(VOXELS)) > 0.95
    mean = np.asarray(RegressConfounds.pure(signal + 5 * artefact, artefact.mean(axis=1, keepdims=True)))
    assert max(np.corrcoef(mean[:, v], signal[:, v])[0, 1] for v in range(VOXELS)) < 0.9


SHAPE = (7, 6, 5)
PLACES = np.argwhere(np.random.default_rng(4).random(SHAPE) < 0.8)
TISSUE = (np.random.default_rng(5).random(len(PLACES)) < 0.3).astype(float)
BRAIN = 100 + np.random.default_rng(6).standard_normal((8, len(PLACES)))


def scipys_mean(timeseries, tissue, voxels, voxel_size, fwhm, truncate, shape):
    sigma = [fwhm / np.sqrt(8 * np.log(2)) / size for size in voxel_size]

    def smoothed(values):
        volume = np.zeros(shape)
        volume[tuple(voxels.T)] = values
        return gaussian_filter(volume, sigma, mode="constant", truncate=truncate)[tuple(voxels.T)]

    return np.stack([smoothed(tissue * frame) / smoothed(tissue) for frame in timeseries])


def test_where_no_tissue_is_near_the_local_mean_is_zero(x64):
    line = np.stack([np.arange(40), np.zeros(40, int), np.zeros(40, int)], axis=1)
    tissue = (np.arange(40) < 3) * 1.0
    series = 5.0 + np.random.default_rng(7).standard_normal((4, 40))
    found = LocalTissueMean.pure(series, tissue, line, (3.0, 3, 3), fwhm=8.0, shape=(40, 1, 1))
    assert not np.any(found[:, 20:]) and np.all(found[:, :3] != 0)
    assert_gradient(lambda f: jnp.sum(LocalTissueMean.pure(series, tissue, line, (3.0, 3, 3), f, 4.0, (40, 1, 1))), 8.0)


BAD = [
    (LocalTissueMean, {"tissue": np.zeros(3)}, "no voxel with a weight above 0"),
    (RegressVoxelwise, {"timeseries": SERIES, "voxel_confounds": OWN[:, :2]}, "voxel_confounds has 2 locations"),
]


@pytest.mark.parametrize(("block", "arguments", "message"), BAD)
def test_bad_input_is_named(block, arguments, message):
    with pytest.raises(ValueError, match=message):
        block.check(arguments)


CASES = [
    Case(
        RegressVoxelwise,
        {"timeseries": SERIES, "voxel_confounds": OWN, "confounds": SHARED},
        by_voxel,
        "numpy.linalg.lstsq voxel by voxel",
        {"a regressor that does not vary": {"voxel_confounds": np.where(np.arange(VOXELS) > 2, OWN, 4.0)}},
        tolerance32=1e-4,
    ),
    Case(
        RegressVoxelwise,
        {"timeseries": SERIES - 1000, "voxel_confounds": OWN - 50, "frame_weights": WEIGHTS, "penalty": 0.3},
        by_voxel,
        "numpy.linalg.lstsq (weights, ridge)",
        smooth=("timeseries", "voxel_confounds", "frame_weights", "penalty"),
    ),
    Case(
        RegressVoxelwise,
        {"timeseries": SERIES - 1000, "voxel_confounds": OWN - 50, "confounds": SHARED, "intercept": False},
        by_voxel,
        "numpy.linalg.lstsq (no mean)",
    ),
    Case(
        LocalTissueMean,
        {"timeseries": BRAIN, "tissue": TISSUE, "voxels": PLACES, "voxel_size": (3.0, 3.0, 4.0), "fwhm": 15.0},
        scipys_mean,
        "scipy.ndimage.gaussian_filter",
        smooth=("timeseries", "tissue", "fwhm"),
    ),
]
