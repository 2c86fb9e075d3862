"""What is read along with a file counts in the key of a result."""

import json

import nibabel as nib
import numpy as np
import pytest
from fileformats.generic import File
from pydra.utils.hash import hash_function

from pydra_diffconn.files import companions


def atlas(folder):
    nib.save(nib.Nifti1Image(np.ones((2, 2, 2), "i2"), np.eye(4)), folder / "x_dseg.nii.gz")
    return folder / "x_dseg.nii.gz"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x_dseg.tsv", "index\tname\n1\tb\n"),
        ("x_dseg.csv", "index,name\n1,b\n"),
        ("x_dseg.txt", "1 b 0 0 0 0\n"),
        ("x_dseg.json", json.dumps({"RepetitionTime": 2})),
    ],
)
def test_names_and_metadata_beside_an_image_change_its_hash(tmp_path, name, content):
    path = atlas(tmp_path)
    (tmp_path / name).write_text("")
    before = hash_function(File(path))
    (tmp_path / name).write_text(content)
    assert companions(path) == [tmp_path / name] and hash_function(File(path)) != before


def test_both_halves_of_a_pair_change_its_hash(tmp_path):
    nib.save(nib.Nifti1Pair(np.ones((2, 2, 2), "i2"), np.eye(4)), tmp_path / "x.img")
    assert companions(tmp_path / "x.hdr") == [tmp_path / "x.img"]
    assert companions(tmp_path / "x.img") == [tmp_path / "x.hdr"]
    before = hash_function(File(tmp_path / "x.hdr"))
    nib.save(nib.Nifti1Pair(np.zeros((2, 2, 2), "i2"), np.eye(4)), tmp_path / "x.img")
    assert hash_function(File(tmp_path / "x.hdr")) != before


def test_what_lies_beside_other_files_does_not_count(tmp_path):
    (tmp_path / "x.npy").write_text("")
    (tmp_path / "x.json").write_text("{}")
    assert companions(tmp_path / "x.npy") == [] and companions(tmp_path) == []
