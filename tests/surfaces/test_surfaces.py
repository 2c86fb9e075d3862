"""Two hemispheres as one space: there and back, through blocks, with labels, meshes and a medial wall."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from pydra.compose import workflow

from pydra_diffconn.blocks import Correlation, Parcellate, SmoothGeodesic
from pydra_diffconn.surfaces import (
    JoinHemispheres,
    SplitHemispheres,
    geodesic_neighbors,
    join_hemispheres,
    mesh,
    split_hemispheres,
)

FRAMES, SIZE = 20, 12
DATA = np.random.default_rng(0).standard_normal((2, FRAMES, SIZE)).astype(np.float32)
LABELS = np.array([np.repeat([0, 1, 2, 3], 3), np.repeat([0, 4, 5, 6], 3)], np.int32)
INSIDE = np.arange(SIZE) > 1
LETTERS = ("L", "R")


def written(folder, name, arrays, intent, side, labels=()):
    parts = [nib.gifti.GiftiDataArray(row, f"NIFTI_INTENT_{intent}") for row in arrays]
    image = nib.gifti.GiftiImage(darrays=parts)
    image.meta["AnatomicalStructurePrimary"] = {"L": "CortexLeft", "R": "CortexRight"}[side]
    for key in labels:
        one = nib.gifti.GiftiLabel(int(key), 0.5, 0.5, 0.5, 1.0)
        one.label = f"parcel {key}"
        image.labeltable.labels.append(one)
    path = folder / f"sub-01_hemi-{side}_{name}"
    nib.save(image, path)
    return path


@pytest.fixture
def files(tmp_path):
    grid = np.stack([*np.divmod(np.arange(SIZE), 4), np.zeros(SIZE)], axis=1).astype(np.float32)
    number = np.arange(SIZE).reshape(3, 4)
    corners = [part.ravel() for part in (number[:-1, :-1], number[:-1, 1:], number[1:, :-1], number[1:, 1:])]
    triangles = np.concatenate([np.stack([corners[n] for n in one], 1) for one in ((0, 1, 2), (1, 3, 2))]).astype(
        np.int32
    )
    made = {}
    for number, side in enumerate(LETTERS):
        made[f"run {side}"] = written(tmp_path, "bold.func.gii", DATA[number], "TIME_SERIES", side)
        made[f"atlas {side}"] = written(
            tmp_path, "a.label.gii", LABELS[number][None], "LABEL", side, np.unique(LABELS[number])
        )
        made[f"roi {side}"] = written(tmp_path, "roi.shape.gii", INSIDE[None].astype(np.float32), "NONE", side)
        surface = nib.gifti.GiftiImage(
            darrays=[
                nib.gifti.GiftiDataArray(grid + np.float32(50 * number), "NIFTI_INTENT_POINTSET", "NIFTI_TYPE_FLOAT32"),
                nib.gifti.GiftiDataArray(triangles, "NIFTI_INTENT_TRIANGLE", "NIFTI_TYPE_INT32"),
            ]
        )
        made[f"surface {side}"] = tmp_path / f"hemi-{side}.surf.gii"
        nib.save(surface, made[f"surface {side}"])
    return made


def both(files, name):
    return [files[f"{name} {side}"] for side in LETTERS]


def test_a_run_goes_into_one_file_and_back(files, tmp_path):
    joined = join_hemispheres(*both(files, "run"), tmp_path / "joined", tr=2.0)
    image = nib.load(joined)
    assert joined.name == "joined.dtseries.nii" and image.header.get_axis(0).step == 2.0
    np.testing.assert_array_equal(image.get_fdata(), np.concatenate(DATA, axis=1))
    for side, path in enumerate(split_hemispheres(joined, tmp_path / "back")):
        back = nib.load(path)
        np.testing.assert_array_equal(np.stack([part.data for part in back.darrays]), DATA[side])
        assert back.meta["AnatomicalStructurePrimary"] == ("CortexLeft", "CortexRight")[side]


def test_a_medial_wall_is_left_out_and_filled_with_zeros(files, tmp_path):
    joined = join_hemispheres(*both(files, "run"), tmp_path / "joined", 2.0, *both(files, "roi"))
    assert nib.load(joined).shape == (FRAMES, 2 * INSIDE.sum())
    left = nib.load(split_hemispheres(joined, tmp_path / "back")[0])
    np.testing.assert_array_equal(np.stack([p.data for p in left.darrays]), DATA[0] * INSIDE)


def test_labels_keep_their_names(files, tmp_path):
    joined = join_hemispheres(*both(files, "atlas"), tmp_path / "atlas")
    assert joined.name == "atlas.dlabel.nii"
    names = nib.load(joined).header.get_axis(0).label[0]
    assert {key: name for key, (name, _) in names.items() if key} == {n: f"parcel {n}" for n in range(1, 7)}
    right = nib.load(split_hemispheres(joined, tmp_path / "back")[1])
    np.testing.assert_array_equal(right.darrays[0].data, LABELS[1])
    assert right.labeltable.get_labels_as_dict()[5] == "parcel 5"


@workflow.define(outputs=["connectome", "series"])
def OfBoth(left, right, left_labels, right_labels):
    run = workflow.add(JoinHemispheres(left=left, right=right, tr=2.0), name="run").joined
    atlas = workflow.add(JoinHemispheres(left=left_labels, right=right_labels), name="atlas").joined
    series = workflow.add(Parcellate(timeseries=run, labels=atlas)).timeseries
    return workflow.add(Correlation(timeseries=series)).connectome, series


def test_a_connectome_has_the_parcels_of_both(files, tmp_path):
    (left, right), (left_labels, right_labels) = both(files, "run"), both(files, "atlas")
    task = OfBoth(left=left, right=right, left_labels=left_labels, right_labels=right_labels)
    found = task(worker="debug", cache_root=tmp_path / "work")
    means = np.concatenate([DATA[side][:, 3:].reshape(FRAMES, 3, 3).mean(axis=2) for side in (0, 1)], axis=1)
    text = Path(str(found.connectome)).read_text().splitlines()
    assert text[0].split("\t")[1:] == [f"parcel {n}" for n in range(1, 7)]
    matrix = np.array([line.split("\t")[1:] for line in text[1:]], float)
    np.testing.assert_allclose(matrix, np.corrcoef(means.T), atol=1e-5)


def test_smoothing_stays_within_a_hemisphere(files, tmp_path):
    joined = join_hemispheres(*both(files, "run"), tmp_path / "joined", 2.0, *both(files, "roi"))
    vertices, triangles = mesh(*both(files, "surface"), joined)
    assert len(vertices) == 2 * INSIDE.sum() and triangles.max() == len(vertices) - 1
    neighbors, distances = geodesic_neighbors(vertices, triangles, 4.0)
    half = INSIDE.sum()
    assert np.all((neighbors < half) == (np.arange(2 * half) < half)[:, None])
    step = SmoothGeodesic(timeseries=joined, neighbors=neighbors, distances=distances, fwhm=2.0)
    smooth = step(worker="debug", cache_root=tmp_path / "work").timeseries
    left, _ = SplitHemispheres(joined=smooth)(worker="debug", cache_root=tmp_path / "work").left, None
    found = np.stack([part.data for part in nib.load(str(left)).darrays])[:, INSIDE]
    alone = SmoothGeodesic.pure(DATA[0][:, INSIDE], neighbors[:half], distances[:half], fwhm=2.0)
    np.testing.assert_allclose(found, alone, atol=1e-5)


def test_what_does_not_belong_together_is_told(files, tmp_path):
    left, right = both(files, "run")
    with pytest.raises(ValueError, match="is of CortexRight, and was given as the left hemisphere"):
        join_hemispheres(right, left, tmp_path / "x", 2.0)
    with pytest.raises(ValueError, match=r"holds series, .* labels; expected two of a kind"):
        join_hemispheres(left, files["atlas R"], tmp_path / "x", 2.0)
    with pytest.raises(ValueError, match="do not say how many seconds"):
        join_hemispheres(left, right, tmp_path / "x")
    short = written(tmp_path, "short.func.gii", DATA[1][:-1], "TIME_SERIES", "R")
    with pytest.raises(ValueError, match=r"has 20 frames or maps, .* 19"):
        join_hemispheres(left, short, tmp_path / "x", 2.0)
    other = written(tmp_path, "b.label.gii", LABELS[0][None], "LABEL", "R", [0, 1])
    image = nib.load(other)
    image.labeltable.labels[1].label = "another"
    nib.save(image, other)
    with pytest.raises(ValueError, match="label 1 is 'parcel 1' on the left and 'another' on the right"):
        join_hemispheres(files["atlas L"], other, tmp_path / "x")
    with pytest.raises(ValueError, match="is no surface"):
        mesh(left, right)
