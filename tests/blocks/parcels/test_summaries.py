"""Summaries of parcels against nilearn's masker and SPM's formula."""

import jax
import jax.numpy as jnp
import nibabel as nib
import numpy as np
import pytest
from gradients import assert_gradient
from nilearn.maskers import NiftiLabelsMasker

from pydra_diffconn.blocks import ParcelEigenvariates, SummarizeParcels
from pydra_diffconn.testing import Case

STATISTICS = ["median", "sum", "variance", "standard_deviation", "minimum", "maximum"]
NUMPYS = {
    "median": np.median, "sum": np.sum, "variance": np.var, "standard_deviation": np.std, "minimum": np.min,
    "maximum": np.max,
}  # fmt: skip
LABELS = np.array([3, 0, 1, 3, 7, 1, 0, 3, 1, 1, 3])
SERIES = np.random.default_rng(0).standard_normal((20, 11))
LARGE = np.repeat([0, 2, 5], [3, 15, 40])
MANY = np.random.default_rng(1).standard_normal((24, 58))


@pytest.mark.parametrize("statistic", STATISTICS)
def test_the_statistics_are_those_of_nilearns_masker(x64, rng, statistic):
    series, labels = rng.standard_normal((12, 64)), rng.choice([0, 2, 5, 9], size=64)
    image = nib.Nifti1Image(series.T.reshape(4, 4, 4, 12), np.eye(4))
    atlas = nib.Nifti1Image(labels.reshape(4, 4, 4).astype(np.int32), np.eye(4))
    expected = NiftiLabelsMasker(atlas, strategy=statistic, standardize=None, verbose=0).fit_transform(image)
    found = SummarizeParcels.pure(jnp.asarray(series), jnp.asarray(labels), statistic, (2, 5, 9))
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_a_size_holds_the_largest_parcel_and_no_more_than_there_is():
    given = {"timeseries": np.ones((9, 6)), "labels": np.array([1, 1, 1, 2, 2, 0])}
    for size in (2, 7):
        with pytest.raises(
            ValueError, match=f"size = {size}; expected the 3 voxels of the largest parcel, or more, up"
        ):
            ParcelEigenvariates.check({**given, "size": size})
    ParcelEigenvariates.check({**given, "size": 3})


@pytest.mark.parametrize("block", [SummarizeParcels, ParcelEigenvariates])
def test_given_parcels_keep_their_order_and_a_missing_one_is_zero(x64, block):
    more = {"size": 4} if block is ParcelEigenvariates else {}
    given = jnp.asarray(SERIES), jnp.asarray(LABELS)
    found = block.pure(*given, parcels=(7, 2, 3), **more)
    np.testing.assert_array_equal(found[:, 1], 0)
    np.testing.assert_array_equal(found[:, [2, 0]], block.pure(*given, parcels=(3, 7), **more))


def test_a_parcel_that_is_missing_comes_out_as_such(tmp_path):
    found = SummarizeParcels(timeseries=SERIES, labels=LABELS, parcels=(1, 2))
    with pytest.warns(UserWarning, match="2"):
        series = found(worker="debug", cache_root=tmp_path).timeseries
    assert np.isnan(series[:, 1]).all() and not np.isnan(series[:, 0]).any()


def test_a_course_with_opposite_signs_in_two_halves_is_found_where_the_mean_is_empty(x64):
    rng = np.random.default_rng(2)
    course = np.sin(np.arange(100) / 5)
    signs = np.r_[np.ones(10), -np.ones(10)]
    series = course[:, None] * signs + 0.3 * rng.standard_normal((100, 20))
    found = ParcelEigenvariates.pure(jnp.asarray(series), jnp.ones(20, int), None, (1,), 20)[:, 0]
    alike = [abs(np.corrcoef(one, course)[0, 1]) for one in (found, series.mean(axis=1))]
    assert alike[0] > 0.99 and alike[1] < 0.5


def test_frames_without_weight_have_no_influence_on_others(x64):
    weights = np.r_[np.zeros(2), np.ones(22)]
    spoiled = MANY.copy()
    spoiled[:2] = 50.0
    run = lambda x: ParcelEigenvariates.pure(jnp.asarray(x), LARGE, jnp.asarray(weights), (2, 5), 40)  # noqa: E731
    np.testing.assert_allclose(run(spoiled)[2:], run(MANY)[2:], atol=1e-12)
    np.testing.assert_allclose(run(MANY)[2:], spms(MANY[2:], LARGE, None, (2, 5)), atol=1e-12)


@pytest.mark.parametrize("equal", [False, True])
def test_the_gradient_of_an_eigenvariate_is_right_and_finite_where_two_are_equal(x64, equal):
    series = np.eye(6)[:, :4] if equal else SERIES[:6, :4]
    run = lambda x: jnp.sum(ParcelEigenvariates.pure(x, jnp.ones(4, int), None, (1,), 4) ** 3)  # noqa: E731
    if equal:
        assert np.all(np.isfinite(jax.jit(jax.grad(run))(jnp.asarray(series))))
    else:
        assert_gradient(run, series)


def by_numpy(timeseries, labels, statistic, parcels):
    return np.stack([NUMPYS[statistic](timeseries[:, labels == p], axis=1) for p in parcels], axis=1)


def spms(timeseries, labels, frame_weights, parcels, size=None):
    """Compute by the singular value decomposition, as `spm_regions`."""
    made = []
    for parcel in parcels:
        voxels = timeseries[:, labels == parcel]
        weights = np.ones(len(voxels)) if frame_weights is None else frame_weights
        voxels = voxels - np.average(voxels, axis=0, weights=weights)
        voxel_weights = np.linalg.svd(np.sqrt(weights)[:, None] * voxels, full_matrices=False)[2][0]
        made.append(voxels @ voxel_weights * np.sign(voxel_weights.sum()) / np.sqrt(voxels.shape[1]))
    return np.stack(made, axis=1)


SOFT = np.random.default_rng(3).uniform(0.1, 1, 24)
CASES = [
    *(
        Case(
            SummarizeParcels,
            {"timeseries": SERIES, "labels": LABELS, "statistic": one},
            by_numpy,
            f"numpy.{NUMPYS[one].__name__}",
            {"a parcel without voxels": {"parcels": (1, 2, 9)}},
        )
        for one in STATISTICS
    ),
    Case(
        ParcelEigenvariates,
        {"timeseries": MANY, "labels": LARGE},
        spms,
        "formula of spm_regions by numpy.linalg.svd",
        {"a parcel without voxels": {"parcels": (1, 2, 9)}},
        undetermined=("a constant column", "equal columns", "ties"),
        tolerance32=1e-4,
    ),
    Case(
        ParcelEigenvariates,
        {"timeseries": MANY, "labels": LARGE, "frame_weights": SOFT},
        spms,
        "formula of spm_regions (weights)",
        tolerance32=1e-4,
    ),
]
