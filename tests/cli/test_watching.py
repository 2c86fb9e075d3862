"""What is said of many jobs where nobody looks at a terminal: the beginning, what is new, and the end."""

import pytest

from pydra_diffconn.cli import watching
from pydra_diffconn.cli.watching import RESULT, Watch


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(watching, "EVERY", 0.01)
    monkeypatch.setattr(watching, "SPOKEN", 0.02)
    monkeypatch.setattr("sys.stderr.isatty", lambda: False, raising=False)


def finish(cache, number):
    (cache / str(number)).mkdir()
    (cache / str(number) / RESULT).touch()


def wait(capsys, text):
    """Return what was said until a text is there."""
    said = ""
    for _ in range(500):
        said += capsys.readouterr().err
        if text in said:
            return said
        watching.time.sleep(0.01)
    raise AssertionError(said)


def test_each_line_is_new_and_the_last_is_the_end(tmp_path, capsys):
    with Watch(tmp_path).stage("runs", 3):
        said = wait(capsys, "3 jobs")
        watching.time.sleep(0.1)
        finish(tmp_path, 0)
        said += wait(capsys, "1 of 3")
        watching.time.sleep(0.1)
        finish(tmp_path, 1)
        finish(tmp_path, 2)
        watching.time.sleep(0.1)
    lines = (said + capsys.readouterr().err).splitlines()
    assert [line.split(",")[0].split(" in ")[0] for line in lines if "2 of 3" not in line] == [
        "runs: 3 jobs", "runs: 1 of 3", "runs: 3 of 3"
    ]  # fmt: skip


def test_what_comes_from_the_cache_is_done_too(tmp_path, capsys):
    with Watch(tmp_path).stage("runs", 8):
        watching.time.sleep(0.1)
    assert [line.split(" in ")[0] for line in capsys.readouterr().err.splitlines()] == ["runs: 8 jobs", "runs: 8 of 8"]


def test_what_fails_has_no_end(tmp_path, capsys):
    with pytest.raises(RuntimeError), Watch(tmp_path).stage("runs", 8):
        raise RuntimeError
    assert "of 8" not in capsys.readouterr().err
