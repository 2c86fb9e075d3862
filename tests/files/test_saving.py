"""A folder appears at once, or not at all."""

import numpy as np
import pytest

from pydra_diffconn.files import whole_folder


def test_a_folder_appears_when_all_of_it_is_written(tmp_path):
    with whole_folder(tmp_path / "new" / "fit") as made:
        (made / "a").write_text("1")
        assert not (tmp_path / "new" / "fit").exists()
    assert [path.name for path in tmp_path.rglob("*")] == ["new", "fit", "a"]


def test_what_fails_leaves_what_was_there_and_no_trace(tmp_path):
    (tmp_path / "fit").mkdir()
    (tmp_path / "fit" / "a").write_text("old")
    with (
        pytest.raises(OSError, match=r"fit could not be written .*No space left.*unchanged"),
        whole_folder(tmp_path / "fit") as made,
    ):
        (made / "a").write_text("new")
        raise OSError(28, "No space left on device")
    assert (tmp_path / "fit" / "a").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["fit"]


def test_other_files_of_a_folder_stay(tmp_path):
    (tmp_path / "fit").mkdir()
    (tmp_path / "fit" / "mine").write_text("kept")
    with whole_folder(tmp_path / "fit") as made:
        (made / "sub").mkdir()
        (made / "sub" / "a").write_text("new")
    assert (tmp_path / "fit" / "mine").read_text() == "kept"
    assert (tmp_path / "fit" / "sub" / "a").read_text() == "new"


@pytest.mark.parametrize("endianness", ["<", ">"])
@pytest.mark.parametrize("kind", ["Nifti1Image", "Nifti2Image"])
@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_an_image_is_written_as_its_template_is(tmp_path, kind, endianness, ending):
    import nibabel as nib

    from pydra_diffconn import files

    made = getattr(nib, kind)
    values = np.random.default_rng(0).standard_normal((4, 5, 6, 7)).astype("f4")
    image = made(values, np.diag([3, 3, 3, 1.0]), made.header_class(endianness=endianness))
    image.header.set_zooms((3, 3, 3, 2.0))
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"kept as it is"))
    nib.save(image, tmp_path / f"in{ending}")
    series, space = files.read_timeseries(tmp_path / f"in{ending}")
    written = nib.load(files.write_timeseries(2 * series, space, tmp_path / "out"))
    assert type(written) is made and written.header.endianness == endianness and len(written.header.extensions) == 1
    np.testing.assert_array_equal(written.get_fdata(), 2 * values)
    np.testing.assert_array_equal(written.affine, image.affine)
