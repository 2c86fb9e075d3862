"""Files like in, like out, on real images; a write followed by a read disappears when fused."""

import gzip

import nibabel as nib
import numpy as np
import pytest
from fileformats.generic import File
from fileformats.medimage import NiftiGz
from nilearn.connectome import ConnectivityMeasure
from nilearn.maskers import NiftiLabelsMasker
from pydra.compose import python, workflow
from sklearn.covariance import EmpiricalCovariance

from pydra_diffconn import fuse
from pydra_diffconn.blocks import (
    BandPass,
    Censor,
    Correlation,
    Efficiency,
    Parcellate,
    RegressConfounds,
    RestoreMean,
    WindowCovariance,
)
from pydra_diffconn.confound_models import ConfoundModel
from pydra_diffconn.files import label_names, read_labels, read_timeseries, write_timeseries
from pydra_diffconn.files.tables import read_matrix, read_table, write_table

CONFOUNDS = "ds000228_sub-pixar123_task-pixar_desc-confounds_regressors.tsv"


@pytest.fixture(scope="module")
def pyhrf(shared, tmp_path_factory):
    """A crop of a real run in MNI space with its mask, and an atlas on its grid made from the mask's regions."""
    folder = tmp_path_factory.mktemp("pyhrf")
    image = nib.load(shared / "bold4d_pyhrf" / "real_data_vol_4_regions_BOLD.nii.gz")
    mask = nib.load(shared / "bold4d_pyhrf" / "real_data_vol_4_regions_mask.nii.gz")
    labels = np.asarray(mask.dataobj).astype("i2")
    nib.save(nib.Nifti1Image((labels > 0).astype("u1"), image.affine), folder / "mask.nii.gz")
    nib.save(nib.Nifti1Image(labels, image.affine), folder / "atlas.nii.gz")
    return {
        "bold": shared / "bold4d_pyhrf" / "real_data_vol_4_regions_BOLD.nii.gz",
        "mask": folder / "mask.nii.gz",
        "labels": folder / "atlas.nii.gz",
    }


@pytest.fixture(scope="module")
def simulated(shared, tmp_path_factory, request):
    """A whole-brain run of known truth: parcel signals plus real motion and tissue signals, with its atlas."""
    rng, folder = np.random.default_rng(0), tmp_path_factory.mktemp("simulated")
    table, names = read_table(shared / "confounds_real" / CONFOUNDS)
    motion = table[:, [names.index(n) for n in ("trans_x", "trans_y", "rot_z", "csf", "white_matter")]]
    motion = (motion - motion.mean(0)) / motion.std(0)
    shape, frames = (12, 14, 10), len(motion)
    labels = rng.integers(0, 9, shape).astype("i2")
    truth = rng.standard_normal((frames, 9)).cumsum(0)
    truth = (truth - truth.mean(0)) / truth.std(0)
    data = (
        1000
        + 5 * truth[:, labels.reshape(-1)]
        + motion @ rng.normal(0, 8, (5, labels.size))
        + rng.standard_normal((frames, labels.size))
    )
    affine = np.diag([3.0, 3.0, 3.0, 1.0])
    image = nib.Nifti1Image(data.T.reshape(*shape, frames).astype("f4"), affine)
    image.header.set_zooms((3, 3, 3, 2.0))
    image.header.set_xyzt_units("mm", "sec")
    nib.save(image, folder / "bold.nii.gz")
    nib.save(nib.Nifti1Image(labels, affine), folder / "atlas.nii.gz")
    return {
        "bold": folder / "bold.nii.gz",
        "labels": folder / "atlas.nii.gz",
        "confounds": shared / "confounds_real" / CONFOUNDS,
    }


@workflow.define(outputs=["connectome", "clean"])
def FromFiles(bold: File, confounds: File, labels: File, tr: float):
    band = workflow.add(BandPass(timeseries=bold, tr=tr, low=0.01, high=0.15))
    chosen = workflow.add(ConfoundModel(confounds=confounds, model="rps + csf + wm"))
    regressors = workflow.add(
        BandPass(timeseries=chosen.confounds, tr=tr, low=0.01, high=0.15), name="BandPassConfounds"
    )
    censor = workflow.add(Censor(framewise_displacement=confounds, threshold=0.9))
    clean = workflow.add(
        RegressConfounds(
            timeseries=band.timeseries, confounds=regressors.timeseries, frame_weights=censor.frame_weights
        )
    )
    parcels = workflow.add(Parcellate(timeseries=clean.timeseries, labels=labels))
    r = workflow.add(Correlation(timeseries=parcels.timeseries, frame_weights=censor.frame_weights))
    return r.connectome, clean.timeseries


def test_a_file_based_workflow_writes_files_and_fuses_to_the_same_numbers(simulated, tmp_path):
    task = FromFiles(**simulated, tr=2.0)
    outputs = task(cache_root=tmp_path)
    matrix, names = read_matrix(outputs.connectome)
    assert names == tuple(str(label) for label in range(1, 9))
    cleaned, original = nib.load(outputs.clean), nib.load(simulated["bold"])
    assert cleaned.shape == original.shape and str(outputs.clean).endswith(".nii.gz")
    np.testing.assert_array_equal(cleaned.affine, original.affine)
    assert cleaned.header.get_zooms()[3] == 2.0 and cleaned.get_data_dtype() == np.float32
    program = fuse(task, cache_root=tmp_path)
    fused = program(program.parameters)
    np.testing.assert_allclose(fused["connectome"], matrix, atol=1e-5)
    flat = np.asarray(cleaned.dataobj).reshape(-1, cleaned.shape[3]).T
    np.testing.assert_allclose(fused["clean"], flat, atol=1e-5 * np.asarray(original.dataobj).std())


@python.define(outputs=["filtered"])
def TheirFilter(in_file: NiftiGz) -> NiftiGz:
    """Stand for somebody's classical step on files."""
    return in_file


@pytest.mark.parametrize("block", [False, True])
def test_one_line_replaces_a_node_of_a_file_based_workflow(simulated, tmp_path, block):
    @workflow.define(outputs=["out"])
    def Theirs(bold: NiftiGz, replaced: bool):
        if replaced:
            filtered = workflow.add(BandPass(timeseries=bold, tr=2.0)).timeseries
        else:
            filtered = workflow.add(TheirFilter(in_file=bold)).filtered
        return workflow.add(TheirFilter(in_file=filtered), name="after").filtered

    found = Theirs(bold=simulated["bold"], replaced=block)(cache_root=tmp_path).out
    assert nib.load(found).shape == nib.load(simulated["bold"]).shape


def test_parcels_of_a_real_run_equal_nilearns(x64, pyhrf, tmp_path):
    found = Parcellate(timeseries=pyhrf["bold"], labels=pyhrf["labels"])(cache_root=tmp_path).timeseries
    series, _ = read_table(found)
    expected = NiftiLabelsMasker(pyhrf["labels"], standardize=None).fit_transform(pyhrf["bold"])
    np.testing.assert_allclose(series, expected, atol=1e-10 * np.abs(expected).max())
    connectome, _ = read_matrix(Correlation(timeseries=found)(cache_root=tmp_path).connectome)
    measure = ConnectivityMeasure(EmpiricalCovariance(), kind="correlation", standardize=False)
    np.testing.assert_allclose(connectome, measure.fit_transform([expected])[0], atol=1e-10)


@workflow.define(outputs=["connectome"])
def Masked(bold: File, mask: File, labels: File, masked_later: bool):
    band = workflow.add(BandPass(timeseries=bold, tr=2.4, mask=mask))
    parcels = workflow.add(Parcellate(timeseries=band.timeseries, labels=labels, mask=mask if masked_later else None))
    return workflow.add(Correlation(timeseries=parcels.timeseries)).connectome


@pytest.mark.parametrize("masked_later", [True, False])
def test_masked_voxels_are_zero_for_later_steps_fused_or_not(pyhrf, tmp_path, masked_later):
    task = Masked(**pyhrf, masked_later=masked_later)
    matrix, _ = read_matrix(task(cache_root=tmp_path).connectome)
    program = fuse(task)
    np.testing.assert_allclose(program(program.parameters)["connectome"], matrix, atol=1e-5)


def test_a_real_parcel_series_with_real_confounds_runs_as_arrays(tmp_path):
    """The package brainfc ships one person's series before temporal denoising, with motion, FD, CSF and WM."""
    from importlib.resources import files

    pytest.importorskip("brainfc")  # may be left out, since it bounds NumPy, SciPy and nilearn on both sides
    folder = files("brainfc") / "data" / "rest01"
    series, _ = read_table(folder / "timeseries.tsv")
    confounds, names = read_table(folder / "confounds.tsv")
    fd = confounds[:, names.index("framewise_displacement")]
    motion = confounds[:, [n for n, name in enumerate(names) if name != "framewise_displacement"]]
    weights = Censor(framewise_displacement=fd, threshold=0.5)(cache_root=tmp_path).frame_weights
    clean = RegressConfounds(timeseries=series, confounds=motion, frame_weights=weights)(cache_root=tmp_path).timeseries
    band = BandPass(timeseries=clean, tr=2.0)(cache_root=tmp_path).timeseries
    connectome = Correlation(timeseries=band, frame_weights=weights)(cache_root=tmp_path).connectome
    assert connectome.shape == (100, 100) and np.all(np.isfinite(connectome))


@pytest.mark.parametrize("kind", ["dtseries", "ptseries"])
def test_cifti_goes_in_and_out_with_its_axes(shared, tmp_path, kind):
    path = next((shared / "cifti").glob(f"*.{kind}.nii"))
    array, space = read_timeseries(path)
    written = write_timeseries(array * 2, space, tmp_path / "out")
    assert written.name == f"out.{kind}.nii"
    again, _ = read_timeseries(written)
    np.testing.assert_array_equal(again, array * 2)
    assert nib.load(written).header.get_axis(1) == nib.load(path).header.get_axis(1)


def test_a_cifti_atlas_names_its_parcels_and_is_refused_where_it_holds_several_maps(shared):
    atlas = shared / "cifti" / "Conte69.parcellations_VGD11b.32k_fs_LR.dlabel.nii"
    _, space = read_timeseries(shared / "cifti" / "Conte69.MyelinAndCorrThickness.32k_fs_LR.dtseries.nii")
    assert label_names(atlas)
    with pytest.raises(ValueError, match=r"dlabel.nii holds 3 maps .* choose one"):
        read_labels(atlas, space)


def test_gifti_goes_in_and_out(tmp_path, rng):
    data = rng.standard_normal((4, 30)).astype("f4")
    parts = [nib.gifti.GiftiDataArray(row, "NIFTI_INTENT_TIME_SERIES") for row in data]
    nib.save(nib.gifti.GiftiImage(darrays=parts), tmp_path / "in.func.gii")
    array, space = read_timeseries(tmp_path / "in.func.gii")
    np.testing.assert_array_equal(array, data)
    written = write_timeseries(array, space, tmp_path / "out")
    np.testing.assert_array_equal(read_timeseries(written)[0], data)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_tables_read_back_to_the_same_numbers(tmp_path, rng, dtype):
    data = rng.standard_normal((5, 2)).astype(dtype)
    data[0, 1] = np.nan
    path = write_table(data, ["a", "b"], tmp_path / "t.tsv")
    assert "n/a" in path.read_text()
    np.testing.assert_array_equal(read_table(path)[0].astype(dtype), data)


def test_integer_images_are_not_rounded_on_the_way_out(tmp_path, rng):
    image = nib.Nifti1Image(rng.integers(0, 900, (3, 3, 2, 20)).astype("i2"), np.eye(4))
    nib.save(image, tmp_path / "in.nii")
    array, space = read_timeseries(tmp_path / "in.nii")
    written = write_timeseries(array + np.float32(0.123), space, tmp_path / "out")
    np.testing.assert_array_equal(read_timeseries(written)[0], array + np.float32(0.123))


def broken_files(folder, simulated):
    image = nib.load(simulated["bold"])
    raw = simulated["bold"].read_bytes()
    (folder / "cut.nii.gz").write_bytes(raw[: len(raw) // 2])
    (folder / "page.nii.gz").write_bytes(gzip.compress(b"<html>not found</html>"))
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj)[..., 0], image.affine), folder / "3d.nii.gz")
    holes = np.asarray(image.dataobj).copy()
    holes[1, 1, 1, 5] = np.nan
    nib.save(nib.Nifti1Image(holes, image.affine), folder / "nan.nii.gz")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cut.nii.gz", "truncated or damaged"),
        ("page.nii.gz", "not an image that can be read"),
        ("3d.nii.gz", "expected a 4D run"),
        ("nan.nii.gz", "1 values are not finite, the first in frame 5"),
        ("none.nii.gz", "does not exist"),
    ],
)
def test_bad_images_are_named(simulated, tmp_path, name, message):
    broken_files(tmp_path, simulated)
    with pytest.raises((ValueError, FileNotFoundError), match=message) as caught:
        read_timeseries(tmp_path / name)
    assert name in str(caught.value)


def test_an_atlas_with_another_affine_is_refused_with_both_names(simulated, shared, tmp_path):
    atlas = nib.load(simulated["labels"])
    nib.save(nib.Nifti1Image(np.asarray(atlas.dataobj), np.diag([2.0, 2, 2, 1])), tmp_path / "other.nii.gz")
    with pytest.raises(ValueError, match=r"other.nii.gz and .*bold.nii.gz have different affines(.|\n)*resample"):
        fuse(FromFiles(**{**simulated, "labels": tmp_path / "other.nii.gz"}, tr=2.0), cache_root=tmp_path)
    _, space = read_timeseries(shared / "bold4d_fsl_native" / "filtered_func_data.nii.gz")
    nib.save(nib.Nifti1Image(np.ones(space.grid, "i2"), np.diag([4.0, 4, 4, 1])), tmp_path / "native.nii.gz")
    with pytest.raises(ValueError, match="it has no spatial header"):
        read_labels(tmp_path / "native.nii.gz", space)


@workflow.define(outputs=["series"])
def CleanThenParcels(bold, labels, confounds, tr: float):
    band = workflow.add(BandPass(timeseries=bold, tr=tr))
    clean = workflow.add(RegressConfounds(timeseries=band.timeseries, confounds=confounds))
    return workflow.add(Parcellate(timeseries=clean.timeseries, labels=labels)).timeseries


@pytest.mark.parametrize(("suffix", "slope"), [(".nii", None), (".nii.gz", None), (".nii", 0.5), (".nii.gz", 0.5)])
def test_an_image_is_averaged_while_it_is_read_also_behind_steps_over_time(x64, tmp_path, rng, suffix, slope):
    data = rng.integers(900, 1100, (4, 5, 3, 40)).astype(np.int16)
    image = nib.Nifti1Image(data, np.eye(4))
    if slope is not None:
        image.header.set_slope_inter(slope, 7.0)
    nib.save(image, tmp_path / f"bold{suffix}")
    labels = rng.integers(0, 4, (4, 5, 3)).astype(np.int32)
    nib.save(nib.Nifti1Image(labels, np.eye(4)), tmp_path / "atlas.nii.gz")
    task = CleanThenParcels(
        bold=File(tmp_path / f"bold{suffix}"),
        labels=File(tmp_path / "atlas.nii.gz"),
        confounds=rng.standard_normal((40, 2)),
        tr=1.0,
    )
    program = fuse(task)
    assert "Parcellate while its image is read" in program.explain()
    assert "bold" not in program.inputs
    written = fuse(task, reorder=False)
    found, expected = program({})["series"], written({})["series"]
    np.testing.assert_allclose(found, expected, atol=1e-9)
    whole = np.asarray(nib.load(tmp_path / f"bold{suffix}").dataobj, dtype=float).reshape(-1, 40).T
    means = np.stack([whole[:, labels.ravel() == k].mean(axis=1) for k in (1, 2, 3)], axis=1)
    parcels = Parcellate(timeseries=task.bold, labels=task.labels)(worker="debug", cache_root=tmp_path / "c").timeseries
    np.testing.assert_allclose(read_table(str(parcels))[0], means, atol=1e-9)


def test_numbers_vectors_and_stacks_are_files_too(rng, tmp_path):
    series = rng.standard_normal((60, 5)).astype(np.float32)
    run = File(write_table(series, [f"p{n}" for n in range(5)], tmp_path / "run.tsv"))
    windows = WindowCovariance(timeseries=run, length=20)(worker="debug", cache_root=tmp_path).covariance
    expected = WindowCovariance(timeseries=series, length=20)(worker="debug", cache_root=tmp_path).covariance
    np.testing.assert_allclose(np.load(str(windows)), expected, atol=1e-6)
    matrix = Correlation(timeseries=run)(worker="debug", cache_root=tmp_path).connectome
    found = Efficiency(connectome=matrix)(worker="debug", cache_root=tmp_path)
    assert read_table(str(found.global_efficiency))[0].shape == (1, 1)
    assert read_table(str(found.nodal_efficiency))[0].shape == (5, 1)


@pytest.mark.parametrize("ending", ["csv", "tsv"])
def test_a_table_without_a_header_is_refused(tmp_path, rng, ending):
    path = tmp_path / f"table.{ending}"
    np.savetxt(path, rng.standard_normal((5, 3)), delimiter="," if ending == "csv" else "\t")
    with pytest.raises(ValueError, match="the first line holds numbers"):
        read_table(path)


def test_an_image_beside_an_image(rng, tmp_path):
    path = tmp_path / "bold.nii.gz"
    nib.save(nib.Nifti1Image(rng.standard_normal((3, 3, 2, 20)).astype(np.float32), np.eye(4)), path)
    task = RestoreMean(timeseries=File(path), reference=File(path))
    restored = nib.load(str(task(worker="debug", cache_root=tmp_path / "cache").timeseries)).get_fdata()
    data = nib.load(path).get_fdata()
    np.testing.assert_allclose(restored, data + data.mean(axis=-1, keepdims=True), atol=1e-5)
