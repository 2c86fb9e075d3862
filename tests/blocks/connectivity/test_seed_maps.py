"""Maps of correlations with seeds, and of degrees, against NumPy and nilearn; written as images."""

import jax
import jax.numpy as jnp
import nibabel as nib
import numpy as np
import pytest
from fileformats.generic import File
from gradients import assert_gradient
from nilearn.maskers import NiftiMasker

from pydra_diffconn.blocks import DegreeCentrality, SeedCorrelation, TemporalSnr
from pydra_diffconn.testing import Case

FRAMES = 60
RNG = np.random.default_rng(0)
COMMON = RNG.standard_normal((FRAMES, 3))
SERIES = COMMON[:, np.arange(12) % 3] + RNG.standard_normal((FRAMES, 12))
SEEDS = np.column_stack([COMMON[:, 0], RNG.standard_normal(FRAMES)])
WEIGHTS = RNG.uniform(0.2, 1.0, FRAMES)


def test_a_map_is_nilearns_from_seed_to_voxel(x64, tmp_path):
    series = np.random.default_rng(1).standard_normal((FRAMES, 4 * 4 * 3)) + 100
    image = nib.Nifti1Image(series.T.reshape(4, 4, 3, FRAMES), np.diag([3, 3, 3, 1.0]))
    mask = nib.Nifti1Image(np.ones((4, 4, 3), np.uint8), image.affine)
    voxels = NiftiMasker(mask, standardize="zscore_sample").fit_transform(image)
    seed = (SEEDS[:, :1] - SEEDS[:, :1].mean()) / SEEDS[:, :1].std(ddof=1)
    expected = voxels.T @ seed[:, 0] / (FRAMES - 1)
    np.testing.assert_allclose(SeedCorrelation.pure(jnp.asarray(series), SEEDS[:, :1])[0], expected, atol=1e-12)


@pytest.mark.parametrize("compressed", [True, False])
def test_maps_of_an_image_are_images_on_its_grid(tmp_path, compressed):
    place = tmp_path / f"bold.nii{'.gz' if compressed else ''}"
    affine = np.diag([3.0, 3, 4, 1])
    data = 100 + np.random.default_rng(2).standard_normal((3, 4, 2, FRAMES)).astype(np.float32)
    nib.save(nib.Nifti1Image(data, affine), place)
    mask = (np.arange(24).reshape(3, 4, 2) % 5 > 0).astype(np.uint8)
    nib.save(nib.Nifti1Image(mask, affine), tmp_path / "mask.nii")
    given = {"timeseries": File(place), "seeds": SEEDS, "mask": File(tmp_path / "mask.nii"), "fisher_z": True}
    found = nib.load(str(SeedCorrelation(**given)(worker="debug", cache_root=tmp_path / "work").maps))
    inside = data[mask > 0].T.astype(float)
    expected = np.arctanh(np.corrcoef(inside.T, SEEDS.T)[-2:, :-2])
    np.testing.assert_allclose(found.affine, affine)
    assert found.shape == (3, 4, 2, 2) and not found.get_fdata()[mask == 0].any()
    np.testing.assert_allclose(found.get_fdata()[mask > 0].T, expected, atol=1e-5)
    ratio = TemporalSnr(timeseries=File(place))(worker="debug", cache_root=tmp_path / "work").tsnr
    np.testing.assert_allclose(nib.load(str(ratio)).get_fdata(), data.mean(axis=3) / data.std(axis=3), rtol=1e-4)


def test_maps_of_grayordinates_and_of_a_surface_are_of_their_kind(tmp_path):
    models = nib.cifti2.BrainModelAxis.from_mask(np.ones(6, bool), name="cortex_left")
    data = np.random.default_rng(3).standard_normal((FRAMES, 6)).astype(np.float32)
    nib.save(nib.Cifti2Image(data, [nib.cifti2.SeriesAxis(0, 2, FRAMES), models]), tmp_path / "run.dtseries.nii")
    parts = [nib.gifti.GiftiDataArray(row, "NIFTI_INTENT_TIME_SERIES") for row in data]
    surface = nib.gifti.GiftiImage(darrays=parts)
    surface.meta["AnatomicalStructurePrimary"] = "CortexLeft"
    nib.save(surface, tmp_path / "run.func.gii")
    expected = np.corrcoef(data.T, SEEDS.T)[-2:, :-2]
    for name, ending in (("run.dtseries.nii", ".dscalar.nii"), ("run.func.gii", ".shape.gii")):
        step = SeedCorrelation(timeseries=File(tmp_path / name), seeds=SEEDS)
        path = str(step(worker="debug", cache_root=tmp_path / "work").maps)
        assert path.endswith(ending)
        image = nib.load(path)
        values = image.get_fdata() if ending == ".dscalar.nii" else np.stack([part.data for part in image.darrays])
        np.testing.assert_allclose(values, expected, atol=1e-5)
    assert image.meta["AnatomicalStructurePrimary"] == "CortexLeft"


@pytest.mark.parametrize("fisher_z", [False, True])
def test_a_voxel_that_equals_the_seed_and_one_that_is_dead_have_finite_values_and_gradients(x64, fisher_z):
    series = SERIES.copy()
    series[:, 0], series[:, 1] = 3 * SEEDS[:, 0] + 2, 7.0
    run = jax.jit(lambda x: SeedCorrelation.pure(x, SEEDS, fisher_z=fisher_z))
    found = np.asarray(run(jnp.asarray(series)))
    assert not found[:, 1].any() and found[0, 0] == pytest.approx(np.arctanh(1 - 2.3e-16) if fisher_z else 1, rel=0.05)
    assert np.all(np.isfinite(jax.grad(lambda x: jnp.sum(run(x) ** 2))(jnp.asarray(series))))


def test_a_seed_without_data_or_variance_stops_no_other_and_is_told(x64, tmp_path):
    seeds = np.column_stack([SEEDS, np.full(FRAMES, np.nan), np.full(FRAMES, 0.1)])
    expected = SeedCorrelation.pure(jnp.asarray(SERIES), SEEDS)
    with pytest.warns(UserWarning, match="seeds has no data, or does not vary, in columns 2, 3 "):
        job = SeedCorrelation(timeseries=SERIES, seeds=seeds)(worker="debug", cache_root=tmp_path).maps
    for found in (jax.jit(SeedCorrelation.pure)(jnp.asarray(SERIES), seeds), job):
        np.testing.assert_allclose(found[:2], expected, atol=1e-12)
        assert not found[2:].any()
    seeds[4, 0] = np.nan
    with pytest.raises(ValueError, match="seeds has a missing value in frame 4, column 0; fill it"):
        SeedCorrelation.check({"timeseries": SERIES, "seeds": seeds})


@pytest.mark.parametrize("places", [12, 256, 300])
def test_degrees_are_those_of_the_whole_matrix_however_it_is_cut(x64, places):
    series = np.random.default_rng(4).standard_normal((30, places))
    found = DegreeCentrality.pure(jnp.asarray(series), threshold=0.2)
    np.testing.assert_array_equal(found, degrees(series, None, 0.2, 0.0, False))


def test_hubs_stand_out(x64):
    """Three groups, of which one is large: its members have the highest degree."""
    group = np.repeat([0, 1, 2], [20, 5, 5])
    series = COMMON[:, group] + 0.5 * np.random.default_rng(5).standard_normal((FRAMES, 30))
    found = np.asarray(DegreeCentrality.pure(jnp.asarray(series), threshold=0.5))
    assert found[group == 0].min() > found[group != 0].max()


def test_a_planted_threshold_is_found_again(x64):
    target = DegreeCentrality.pure(jnp.asarray(SERIES), threshold=0.3, softness=0.05)
    score = lambda v: jnp.mean((DegreeCentrality.pure(SERIES, threshold=v, softness=0.05) - target) ** 2)  # noqa: E731
    scores = [float(score(v)) for v in (0.2, 0.28, 0.3, 0.32, 0.4)]
    assert int(np.argmin(scores)) == 2
    assert_gradient(score, 0.35)


def degrees(timeseries, frame_weights, threshold, softness, weighted):
    covariance = np.cov(timeseries.T, aweights=frame_weights)
    size = covariance / np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    counts = 1 / (1 + np.exp(-(size - threshold) / softness)) if softness else size > threshold
    return np.sum(np.where(np.eye(len(size)) > 0, 0, counts * (size if weighted else 1)), axis=1)


def maps(timeseries, seeds, frame_weights, fisher_z):
    covariance = np.cov(seeds.T, timeseries.T, aweights=frame_weights)
    size = covariance / np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    found = size[: seeds.shape[1], seeds.shape[1] :]
    return np.arctanh(found) if fisher_z else found


CASES = [
    Case(SeedCorrelation, {"timeseries": SERIES, "seeds": SEEDS}, maps, "numpy.corrcoef"),
    Case(
        SeedCorrelation,
        {"timeseries": SERIES, "seeds": SEEDS, "frame_weights": WEIGHTS, "fisher_z": True},
        maps,
        "numpy.arctanh of numpy.cov(aweights)",
        smooth=("timeseries", "seeds", "frame_weights"),
    ),
    Case(DegreeCentrality, {"timeseries": SERIES}, degrees, "numpy.corrcoef (counted)", smooth=()),
    Case(
        DegreeCentrality,
        {"timeseries": SERIES, "frame_weights": WEIGHTS, "softness": 0.1, "weighted": True},
        degrees,
        "numpy.cov(aweights) (soft, summed)",
        smooth=("timeseries", "frame_weights", "threshold", "softness"),
    ),
]
