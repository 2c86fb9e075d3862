import os
import signal
import subprocess
import sys
import time
import types

import pytest
from click.testing import CliRunner
from jaxtyping import Array, Float

from pydra_diffconn import block, hookimpl
from pydra_diffconn.cli.ending import hearing_interrupts
from pydra_diffconn.cli.main import main
from pydra_diffconn.declare.learned import LearnedParameter, save_parameters
from pydra_diffconn.plugins.registry import Registry, built_in

PARAMETER = LearnedParameter("a.low", 0.0123, 0.01, "Hz", "positive", "pydra_diffconn:BandPass", "1", ("a.low",))


COMMAND = """
from pydra_diffconn.cli.main import main
from pydra_diffconn.warn import warn

@main.command()
def doubtful():
    warn("a value is odd:\\nit is 3")

main(["doubtful"])
"""
WORKER = """
from loky import get_reusable_executor
from pydra_diffconn.warn import warn

get_reusable_executor(max_workers=1).submit(warn, "a value is odd:\\nit is 3").result()
"""


@pytest.mark.parametrize("script", [COMMAND, WORKER], ids=["command", "worker"])
def test_a_warning_that_is_of_none_of_the_users_lines_is_shown_as_what_it_says(script):
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (shown.returncode, shown.stderr) == (0, "Warning: a value is odd: it is 3\n")


def test_blocks_are_listed_with_their_parameters_and_units():
    shown = CliRunner().invoke(main, ["blocks", "list"])
    assert shown.exit_code == 0 and "pydra_diffconn:BandPass" in shown.output and "low (Hz)" in shown.output


def test_pages_on_blocks_are_written_with_what_was_measured(tmp_path):
    parity = tmp_path / "parity.md"
    parity.write_text("| block | compared with |\n|---|---|\n| HighPass | SciPy | 2e-15 |  |  |\n")
    written = CliRunner().invoke(
        main, ["blocks", "docs", str(tmp_path), "HighPass", "FisherZ", "--parity", str(parity)]
    )
    assert written.exit_code == 0 and "3 pages" in written.output
    page = (tmp_path / "HighPass.md").read_text()
    for part in (
        "![What HighPass does](images/HighPass.png)",
        "| `cutoff` | [0, nyquist], learnable | Hz |",
        "| SciPy | 2e-15",
    ):
        assert part in page
    assert (tmp_path / "images" / "HighPass.png").stat().st_size > 1000
    assert "[FisherZ](FisherZ.md) | Transform" in (tmp_path / "index.md").read_text()


def test_saved_parameters_are_shown_and_a_wrong_folder_is_one_line(tmp_path):
    save_parameters(tmp_path, [LearnedParameter("a.low", 0.02, 0.01, "Hz", "[0, high]", "x:Band", "1", ("a.low",))])
    assert "a.low" in CliRunner().invoke(main, ["show", str(tmp_path)]).output
    (tmp_path / "empty").mkdir()
    wrong = CliRunner().invoke(main, ["show", str(tmp_path / "empty")])
    assert wrong.exit_code == 2 and wrong.output.startswith("Error: ") and "Traceback" not in wrong.output


@pytest.mark.parametrize("name", ["", "parameters.safetensors", "parameters.json"])
def test_show_takes_a_folder_and_either_file(tmp_path, name):
    save_parameters(tmp_path / "fit", [PARAMETER])
    shown = CliRunner().invoke(main, ["show", str(tmp_path / "fit" / name)])
    assert shown.exit_code == 0 and "0.0123" in shown.output


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("other.json", b"{}"),
        ("list.json", b"[1]"),
        ("broken.json", b"{"),
        ("x.tsv", b"a\n1\n"),
        ("cut.safetensors", b"\x10\x00\x00\x00\x00\x00\x00\x00{"),
        ("empty.safetensors", b""),
        ("nowhere", None),
    ],
)
def test_what_show_cannot_read_is_one_line_that_names_it(tmp_path, name, content):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    shown = CliRunner().invoke(main, ["show", str(tmp_path / name)])
    assert shown.exit_code == 2 and name in shown.output and len(shown.output.splitlines()) == 1


def test_an_interrupted_command_ends_with_one_line_and_its_code(monkeypatch):
    def interrupted(folder):
        raise KeyboardInterrupt

    monkeypatch.setattr("pydra_diffconn.declare.learned.load_parameters", interrupted)
    shown = CliRunner().invoke(main, ["show", "x"])
    assert shown.exit_code == 130 and shown.output == "Error: interrupted\n"


def test_whoever_reads_may_leave():
    command = f"set -o pipefail; {sys.executable} -m pydra_diffconn.cli blocks list | head -1"
    told = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=120)
    assert told.stderr == "" and len(told.stdout.splitlines()) == 1


def test_a_broken_pipe_within_is_told(monkeypatch):
    def dead(folder):
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr("pydra_diffconn.declare.learned.load_parameters", dead)
    shown = CliRunner().invoke(main, ["show", "x"])
    assert shown.exit_code == 2 and "a process of this command has died" in shown.output


def test_an_interrupt_while_garbage_is_collected_is_not_lost():
    class Slow:
        def __del__(self):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # started in the background, it would be ignored
    try:
        with pytest.raises(KeyboardInterrupt), hearing_interrupts():
            Slow()
            time.sleep(5)
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.slow
@pytest.mark.parametrize("after", [1.5, 5.0])
def test_an_interrupt_from_the_keyboard_ends_jobs_and_processes_in_one_line(tmp_path, after):
    command = [sys.executable, "-m", "pydra_diffconn.cli", "demo", "-o", str(tmp_path / "demo")]
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)  # which the process begins with, as one of a terminal does
    try:
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    finally:
        signal.signal(signal.SIGINT, before)
    time.sleep(after)
    os.killpg(process.pid, signal.SIGINT)  # to all of the group, as a terminal does
    _, told = process.communicate(timeout=120)
    assert process.returncode == 130, told
    assert "Error: interrupted" in told.splitlines() and "destroyed" not in told


@pytest.mark.parametrize(
    ("stopped", "code", "told"),
    [
        ("after all steps", 0, ""),
        ("diverged at step 3; the last good values are kept", 3, "Error: the fit diverged at step 3"),
        ("interrupted at step 3; the best values so far are kept", 130, "Error: the fit was interrupted at step 3"),
    ],
)
def test_a_fit_that_ended_early_is_told_by_the_code(monkeypatch, tmp_path, stopped, code, told):
    result = types.SimpleNamespace(learned=[], stopped=stopped)
    comparison = types.SimpleNamespace(compared=[])
    outcome = types.SimpleNamespace(comparison=comparison, result=result, report="", folder=tmp_path)
    monkeypatch.setattr("pydra_diffconn.demo.fingerprint.run", lambda *given, **how: outcome)
    shown = CliRunner().invoke(main, ["demo", "-o", str(tmp_path)])
    assert shown.exit_code == code and told in shown.output


@pytest.mark.parametrize("verbose", [False, True])
def test_the_traceback_is_shown_on_request_alone(tmp_path, verbose):
    command = [sys.executable, "-m", "pydra_diffconn.cli", *["-v"] * verbose, "show", str(tmp_path / "none")]
    shown = subprocess.run(command, capture_output=True, text=True)
    assert ("Traceback" in shown.stderr) == verbose and shown.returncode == 2


def test_the_package_is_the_command():
    shown = subprocess.run([sys.executable, "-m", "pydra_diffconn.cli", "--version"], capture_output=True, text=True)
    assert shown.returncode == 0 and shown.stdout.startswith("diffconn, version")


@block.define(outputs=["timeseries"])
def Bare(timeseries: Float[Array, "time space"]) -> Float[Array, "time space"]:
    return 2 * timeseries


@pytest.mark.parametrize("broken", [False, True])
def test_a_block_without_docstring_or_description_takes_no_listing_down(monkeypatch, broken):
    plugin = types.ModuleType("bare")
    plugin.diffconn_blocks = hookimpl(lambda: [Bare], specname="diffconn_blocks")
    found = Registry([("built-in", "", "", built_in), ("bare", "diffconn-bare", "1", lambda: plugin)])
    if broken:
        monkeypatch.setattr(Bare, "declaration", types.SimpleNamespace(id=Bare.declaration.id, parameters=None))
    monkeypatch.setattr(sys.modules[Registry.__module__], "registry", lambda: found)
    shown = CliRunner().invoke(main, ["blocks", "list"])
    assert shown.exit_code == 0 and "BandPass" in shown.output
    assert ("cannot be shown" if broken else "[diffconn-bare 1]") in shown.output
