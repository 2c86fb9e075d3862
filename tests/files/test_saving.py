"""A folder appears at once, or not at all."""

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
