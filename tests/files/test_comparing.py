"""`compare`: equal within a tolerance, or where two outputs differ most."""

import json

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from pydra_diffconn.cli.main import main
from pydra_diffconn.files.comparing import compare


def written(folder, values, names=("x", "y")):
    """Write the same numbers in every format."""
    folder.mkdir()
    values = np.asarray(values, dtype=float)
    nib.save(nib.Nifti1Image(values.reshape(2, 1, 1, 2), np.eye(4)), folder / "a_bold.nii.gz")
    image = nib.gifti.GiftiImage(darrays=[nib.gifti.GiftiDataArray(values.astype(np.float32))])
    nib.save(image, folder / "a_bold.func.gii")
    pd.DataFrame(values, columns=names).to_csv(folder / "a_timeseries.tsv", sep="\t", index=False, na_rep="n/a")
    np.save(folder / "a.npy", values)
    np.savez(folder / "a.npz", first=values)
    save_file({"low": values}, folder / "a.safetensors")
    (folder / "a.json").write_text(json.dumps({"Rows": [{"values": list(row)} for row in values]}))
    return folder


VALUES = [[1.0, 2.0], [3.0, 4.0]]


def test_the_same_numbers_are_equal_in_every_format(tmp_path):
    found = compare(written(tmp_path / "a", VALUES), written(tmp_path / "b", VALUES))
    assert len(found) == 7 and all(one.equal for one in found)


def test_what_is_within_the_tolerance_is_equal(tmp_path):
    close = np.array(VALUES) + 1e-7
    folders = written(tmp_path / "a", VALUES), written(tmp_path / "b", close)
    assert all(one.equal for one in compare(*folders))
    assert not any(one.equal for one in compare(*folders, rtol=0, atol=1e-8) if "gii" not in one.name)


def test_the_largest_difference_is_named_in_every_format(tmp_path):
    changed = np.array(VALUES)
    changed[1, 0] += 0.5
    found = {one.name: one for one in compare(written(tmp_path / "a", VALUES), written(tmp_path / "b", changed))}
    assert not any(one.equal for one in found.values())
    assert "column 'x': 1 of 2 values differ, most at 1: 3 and 3.5 (difference 0.5)" in found["a_timeseries.tsv"].note
    assert "values: 1 of 4 values differ, most at (1, 0, 0, 0)" in found["a_bold.nii.gz"].note
    assert "Rows[1].values[0]: 1 of 1" in found["a.json"].note
    assert "low: 1 of 4 values differ, most at (1, 0)" in found["a.safetensors"].note


def test_shapes_columns_missing_files_and_affines(tmp_path):
    a, b = written(tmp_path / "a", VALUES), written(tmp_path / "b", VALUES, names=("x", "z"))
    np.save(b / "a.npy", np.zeros(3))
    (b / "more.txt").write_text("only here")
    nib.save(nib.Nifti1Image(np.array(VALUES).reshape(2, 1, 1, 2), np.eye(4) * 2), b / "a_bold.nii.gz")
    found = {one.name: one.note for one in compare(a, b) if not one.equal}
    assert found["a.npy"] == "array: shapes (2, 2) and (3,)"
    assert "column 'y' missing in the second" in found["a_timeseries.tsv"]
    assert "column 'z' missing in the first" in found["a_timeseries.tsv"]
    assert f"missing in {a}" in found["more.txt"]
    assert "affine" in found["a_bold.nii.gz"]
    assert "more.txt" not in {one.name for one in compare(a, b, ignore=["*.txt"])}


def test_missing_values_equal_each_other_alone(tmp_path):
    a = written(tmp_path / "a", [[np.nan, 2.0], [3.0, 4.0]]) / "a_timeseries.tsv"
    b = written(tmp_path / "b", [[np.nan, 2.0], [3.0, 4.0 + 1e-12]]) / "a_timeseries.tsv"
    c = written(tmp_path / "c", VALUES) / "a_timeseries.tsv"
    assert compare(a, b)[0].equal
    assert not compare(a, c)[0].equal


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=5), st.floats(1e-3, 1e3))
def test_a_change_beyond_the_tolerance_is_always_found(tmp_path_factory, values, change):
    folder = tmp_path_factory.mktemp("pair")
    other = np.array(values)
    other[-1] += change + 1e-5 * abs(other[-1])
    np.save(folder / "a.npy", values)
    np.save(folder / "b.npy", other)
    assert not compare(folder / "a.npy", folder / "b.npy", rtol=1e-6, atol=1e-6)[0].equal
    assert compare(folder / "a.npy", folder / "a.npy")[0].equal


def test_bad_input_is_one_clear_error(tmp_path):
    folder = written(tmp_path / "a", VALUES)
    with pytest.raises(FileNotFoundError, match="nowhere does not exist"):
        compare(folder, tmp_path / "nowhere")
    with pytest.raises(ValueError, match="one is a folder"):
        compare(folder, folder / "a.npy")
    (tmp_path / "broken.nii.gz").write_bytes(b"no image")
    assert "cannot be read" in compare(tmp_path / "broken.nii.gz", folder / "a_bold.nii.gz")[0].note


def test_the_command_line_tells_by_its_exit_code(tmp_path):
    a, b = written(tmp_path / "a", VALUES), written(tmp_path / "b", np.array(VALUES) + 1)
    same = CliRunner().invoke(main, ["compare", str(a), str(a)])
    other = CliRunner().invoke(main, ["compare", str(a), str(b), "--atol", "0.1"])
    assert (same.exit_code, other.exit_code) == (0, 1)
    assert "different  a.npy: array: 4 of 4 values differ" in other.output and "7 of 7 differ" in other.output
    assert CliRunner().invoke(main, ["compare", str(a), str(b), "--atol", "2", "-q"]).output == ""


def test_times_names_and_kinds_count(tmp_path):
    image = nib.Nifti1Image(np.zeros((2, 2, 2, 3), np.float32), np.eye(4))
    for name, tr in {"a": 2.0, "b": 0.8}.items():
        image.header.set_zooms((1, 1, 1, tr))
        nib.save(image, tmp_path / f"{name}.nii")
    (found,) = compare(tmp_path / "a.nii", tmp_path / "b.nii")
    assert not found.equal and "repetition time" in found.note
    for one, other in [({"a": [], "b": 1}, {"b": 1}), ({"a": {}}, {"a": []}), ({"a": "1"}, {"a": 1})]:
        (tmp_path / "a.json").write_text(json.dumps(one))
        (tmp_path / "b.json").write_text(json.dumps(other))
        assert not compare(tmp_path / "a.json", tmp_path / "b.json")[0].equal
    np.save(tmp_path / "a.npy", np.array([1 + 1j, 2]))
    np.save(tmp_path / "b.npy", np.array([1 + 3j, 2]))
    assert "difference 2" in compare(tmp_path / "a.npy", tmp_path / "b.npy")[0].note


def test_names_of_parcels_count(tmp_path):
    for name, parcels in {"a": ["left", "right"], "b": ["right", "left"]}.items():
        voxels = [np.array([[number, 0, 0]]) for number in range(2)]
        axis = nib.cifti2.ParcelsAxis(parcels, voxels, [{}, {}], np.eye(4), (3, 3, 3))
        header = nib.cifti2.Cifti2Header.from_axes((nib.cifti2.SeriesAxis(0, 1, 4), axis))
        nib.save(nib.Cifti2Image(np.ones((4, 2), np.float32), header), tmp_path / f"{name}.ptseries.nii")
    (found,) = compare(tmp_path / "a.ptseries.nii", tmp_path / "b.ptseries.nii")
    assert not found.equal and "axis 1" in found.note
