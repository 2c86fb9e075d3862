"""What `diffconn doctor` says of a machine that can do the work, and of one that cannot."""

import os
import time

from click.testing import CliRunner

from pydra_diffconn.cli import doctor
from pydra_diffconn.cli.main import main


def test_a_machine_that_can_do_the_work(tmp_path):
    shown = CliRunner().invoke(main, ["doctor", "-w", str(tmp_path)])
    assert shown.exit_code == 0, shown.output
    for item in (
        "packages",
        "devices",
        "locks",
        "disk",
        "plugins",
        "fMRIPrep folders",
        "TemplateFlow",
        "a job, debug",
        "a job, cf",
    ):
        assert item in shown.output
    assert "ok    a job, cf" in shown.output


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").touch()
    ((state, told),) = doctor.writable(tmp_path / "file" / "cache", "give another one with -w")
    assert state == "no" and "give another one with -w" in told


def test_locks_that_were_left_behind_are_told(tmp_path):
    lock = tmp_path / "python-abc.lock"
    lock.touch()
    assert list(doctor.locks(tmp_path)) == [("ok", "none was left behind")]
    os.utime(lock, (time.time() - 7200,) * 2)
    ((state, told),) = doctor.locks(tmp_path)
    assert state == "note" and str(lock) in told and "rm " in told


def test_what_fails_is_counted(monkeypatch, tmp_path):
    def broken(worker):
        raise OSError("no more processes")

    monkeypatch.setattr(doctor, "job", broken)
    shown = CliRunner().invoke(main, ["doctor", "-w", str(tmp_path)])
    assert shown.exit_code == 1 and shown.output.count("OSError: no more processes") == 2
    assert "2 of these must be mended first" in shown.output
