"""A CIFTI run is read some grayordinates at a time: the numbers are those of all of it at once."""

import tracemalloc

import nibabel as nib
import numpy as np
import pytest
from fileformats.generic import File
from pydra.compose import workflow

from pydra_diffconn import files, fuse
from pydra_diffconn.blocks import Parcellate
from pydra_diffconn.files import grayordinate_series

FRAMES, PLACES, PARCELS = 7, 101, 5


@workflow.define(outputs=["timeseries"])
def Averaged(bold, labels):
    return workflow.add(Parcellate(timeseries=bold, labels=labels)).timeseries


def run_of(path, data, dtype=np.float32, slope=None):
    brain = nib.cifti2.BrainModelAxis.from_mask(np.ones(data.shape[1], bool), "CORTEX_LEFT")
    image = nib.Cifti2Image(data, (nib.cifti2.SeriesAxis(0, 2, len(data)), brain))
    image.nifti_header.set_data_dtype(dtype)
    if slope is not None:
        image.nifti_header.set_slope_inter(*slope)
    nib.save(image, path)
    return path


@pytest.fixture
def few_at_once(monkeypatch):
    monkeypatch.setattr(grayordinate_series, "TOGETHER", 4 * FRAMES)  # of 101 places the last is alone


@pytest.fixture
def labels(rng):
    return rng.integers(0, PARCELS + 1, PLACES)


@pytest.mark.parametrize(
    ("dtype", "slope"), [(np.float32, None), (np.float64, None), (np.int16, (0.25, 3.0)), (np.dtype(">f4"), None)]
)
@pytest.mark.usefixtures("few_at_once")
def test_all_of_it_and_its_parcels_are_those_read_at_once(tmp_path, rng, labels, dtype, slope):
    path = run_of(tmp_path / "run.dtseries.nii", rng.integers(-99, 99, (FRAMES, PLACES)) * 0.25, dtype, slope)
    whole = np.asarray(nib.load(path).dataobj)
    series, space = files.open_series(path)
    assert isinstance(series, files.ImageSeries) and series.shape == (FRAMES, PLACES) == whole.shape
    np.testing.assert_array_equal(files.read_series(series), whole)
    assert files.read_series(series).dtype == (np.float64 if dtype in (np.float64, np.int16) else np.float32)
    parcels = (4, 2, 9, 1)  # as asked for, one of them without any place
    expected = np.stack([whole[:, labels == p].mean(1, dtype=float) if p < 9 else np.zeros(FRAMES) for p in parcels], 1)
    np.testing.assert_allclose(series.label_means(labels, parcels), expected, rtol=1e-12, atol=1e-12)
    assert space.tr == 2.0


@pytest.mark.usefixtures("few_at_once")
def test_places_without_data_are_left_out_or_refused_as_in_an_array(tmp_path, rng, labels):
    data = rng.standard_normal((FRAMES, PLACES)).astype("f4")
    expected = np.stack([data[:, labels == parcel].mean(1) for parcel in range(1, PARCELS + 1)], 1)
    data[:, labels == 0] = np.nan
    path = run_of(tmp_path / "run.dtseries.nii", data)
    found = fuse(Averaged(bold=File(path), labels=labels))({})["timeseries"]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    with pytest.raises(ValueError, match="values are not finite, the first in frame 0"):
        files.open_series(path)
    data[2, np.flatnonzero(labels == 4)[0]] = np.inf
    run_of(path, data)
    with pytest.raises(ValueError, match=r"the first in frame 2, column \d+ \(parcel 4\)"):
        fuse(Averaged(bold=File(path), labels=labels))


def test_runs_of_the_same_grayordinates_share_their_atlas(tmp_path, rng):
    runs = [run_of(tmp_path / f"{n}.dtseries.nii", rng.standard_normal((FRAMES, PLACES))) for n in range(3)]
    other = nib.cifti2.BrainModelAxis.from_mask(np.ones(PLACES, bool), "CORTEX_RIGHT")
    series = nib.cifti2.SeriesAxis(0, 2, FRAMES)
    nib.save(nib.Cifti2Image(rng.standard_normal((FRAMES, PLACES)), (series, other)), runs[2])
    one, same, different = (files.open_series(run)[1].key for run in runs)
    assert one == same != different


def test_little_more_than_the_parcels_is_in_memory(tmp_path, rng):
    data = rng.standard_normal((300, 50_000)).astype("f4")
    path, labels = run_of(tmp_path / "run.dtseries.nii", data), np.arange(50_000) % 20 + 1
    tracemalloc.start()
    means = files.open_series(path)[0].label_means(labels, range(1, 21))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_allclose(means[:, 0], data[:, labels == 1].mean(1, dtype=float), rtol=1e-10)
    assert most < 0.7 * data.nbytes  # an array of places for the axes among it
