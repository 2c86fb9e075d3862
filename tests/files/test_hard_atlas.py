"""Learned maps are written as an atlas: each place to the map that weighs most, or told why not."""

import nibabel
import numpy as np
import pytest

from pydra_diffconn.atlases import write_hard_atlas

AFFINE = np.diag([3.0, 3, 3, 1])


@pytest.fixture
def places(tmp_path):
    """Return an image of three fine parcels, numbered with gaps."""
    labels = np.zeros((3, 2, 1), np.int16)
    labels[0], labels[1], labels[2, 0] = 4, 7, 9
    nibabel.save(nibabel.Nifti1Image(labels, AFFINE), tmp_path / "fine.nii.gz")
    return tmp_path / "fine.nii.gz"


def test_fine_parcels_are_joined_and_named(places, tmp_path):
    made = write_hard_atlas([[0.9, 0.2, 0.1], [0.1, 0.8, 0.3]], places, tmp_path / "out" / "mine.nii.gz", ["a", "b"])
    image = nibabel.load(made)
    assert np.asarray(image.dataobj)[:, :, 0].tolist() == [[1, 1], [2, 2], [2, 0]] and np.allclose(image.affine, AFFINE)
    assert made.with_name("mine.tsv").read_text() == "index\tname\n1\ta\n2\tb\n"


def test_voxels_of_a_mask_are_the_places(places, tmp_path):
    mask = nibabel.Nifti1Image((np.asarray(nibabel.load(places).dataobj) > 0).astype(np.uint8), AFFINE)
    nibabel.save(mask, tmp_path / "mask.nii.gz")
    maps = np.eye(5)[:2] + 0.1
    image = nibabel.load(write_hard_atlas(maps, tmp_path / "mask.nii.gz", tmp_path / "mine.nii", least=0.5))
    assert np.asarray(image.dataobj)[:, :, 0].tolist() == [[1, 2], [0, 0], [0, 0]]


@pytest.mark.parametrize(
    ("maps", "given", "told"),
    [
        (np.ones((2, 4)), {}, "3 labels and 5 voxels"),
        (-np.ones((2, 3)), {}, "no place has a weight above 0"),
        (np.full((2, 3), np.nan), {}, "expected finite weights"),
        (np.ones((2, 3)), {"names": ["a"]}, "1 names for 2 maps"),
        (np.ones((2, 3)), {"names": ["a", "a"]}, "expected each once"),
        (np.ones((2, 3)), {"names": ["a\tb", "c"]}, "without tabs"),
        (np.ones((2, 3)), {"path": "fine.nii.gz"}, "give another path"),
        (np.ones((2, 3)), {"path": "mine.txt"}, "ends in .nii.gz"),
    ],
)
def test_what_is_no_atlas_is_told(places, tmp_path, maps, given, told):
    with pytest.raises(ValueError, match=told):
        write_hard_atlas(maps, places, tmp_path / given.pop("path", "mine.nii.gz"), **given)
