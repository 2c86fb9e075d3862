"""Plugins: found, checked, started; broken ones stop nobody; installed by pip as a stranger would."""

import ast
import importlib
import os
import subprocess
import sys
import textwrap
import types
from pathlib import Path

import pytest
from click.testing import CliRunner

from pydra_diffconn import constraints, hookimpl, losses
from pydra_diffconn.blocks import FisherZ
from pydra_diffconn.cli import main
from pydra_diffconn.plugins import Registry, built_in, registry
from pydra_diffconn.plugins.authoring import check, create

PLUGINS = sorted(path.parent for path in (Path(__file__).parents[2] / "plugins").glob("*/pyproject.toml"))


def module(**contents):
    made = types.ModuleType("made")
    vars(made).update(contents)
    return made


def source(name, contents):
    def load():
        if isinstance(contents, BaseException):
            raise contents
        return contents

    return name, f"dist-{name}", "1.0", load


@hookimpl
def diffconn_blocks():
    return [FisherZ]


@hookimpl
def diffconn_bloks():
    return []


@hookimpl(specname="diffconn_blocks")
def not_a_block():
    return [int]


@hookimpl
def diffconn_constraints():
    return [1.0]


@hookimpl
def diffconn_losses():
    return [min]


@hookimpl
def diffconn_equivalents():
    return ["detrend"]


@hookimpl
def diffconn_strategies():
    return [FisherZ.pure]


@hookimpl
def diffconn_atlases():
    return ["labels.nii.gz"]


@hookimpl
def diffconn_reportlets():
    return ["a table"]


@hookimpl(specname="diffconn_blocks")
def no_list():
    return FisherZ


@hookimpl(specname="diffconn_blocks")
def nothing_returned():
    [FisherZ]  # noqa: B018


@hookimpl(specname="diffconn_losses")
def a_known_loss():
    return [type("Entropy", (losses.Loss,), {})]


@hookimpl(specname="diffconn_losses")
def two_of_a_name():
    return [type("Mine", (losses.Loss,), {}), type("Mine", (losses.Loss,), {})]


@hookimpl(specname="diffconn_atlases")
def a_known_atlas():
    def schaefer():
        return "schaefer.nii.gz"

    return [schaefer]


GOOD = module(diffconn_blocks=diffconn_blocks)


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (ImportError("no module named torch"), "ImportError: no module named torch"),
        (module(diffconn_bloks=diffconn_bloks), "diffconn_bloks: no such hook; there are diffconn_blocks"),
        (module(diffconn_api=99), "plugin interface 99, this package has 1; upgrade"),
        (module(diffconn_blocks=not_a_block), "which was not made by block.define"),
        (module(diffconn_constraints=diffconn_constraints), "1.0, which is no class of the form of constraints.Const"),
        (module(diffconn_losses=diffconn_losses), "which is no subclass of losses.Loss"),
        (module(diffconn_equivalents=diffconn_equivalents), "'detrend', which is no equivalents.Equivalent"),
        (module(diffconn_strategies=diffconn_strategies), "which was not made by workflow.define"),
        (module(diffconn_atlases=diffconn_atlases), "'labels.nii.gz', which is no function that returns the path"),
        (module(diffconn_reportlets=diffconn_reportlets), "'a table', which is no function of a fit's result"),
        (module(diffconn_blocks=no_list), "FisherZ'>; return a list"),
        (module(diffconn_blocks=nothing_returned), "diffconn_blocks returned None; return a list"),
        (module(diffconn_blocks=lambda: [FisherZ]), "diffconn_blocks: not marked as a hook; write @hookimpl above it"),
        (module(diffconn_losses=two_of_a_name), "it has two losses of the name Mine"),
        (module(), "it adds nothing; it needs a function marked by @hookimpl"),
        (SystemExit("no licence"), "SystemExit: no licence"),
        (ValueError("one\n  two"), "ValueError: one two"),
    ],
)
def test_a_broken_plugin_is_listed_with_its_reason_and_stops_nobody(broken, reason):
    found = Registry([source("broken", broken), source("good", GOOD)])
    bad, good = found.plugins
    assert not bad.works and reason in bad.problem
    assert good.works and found.blocks == {"FisherZ": FisherZ}


def test_two_plugins_of_one_name_and_two_blocks_of_one_name_are_named():
    copied = module(diffconn_blocks=GOOD.diffconn_blocks)
    found = Registry([source("one", GOOD), source("one", GOOD), source("two", copied), source("three", GOOD)])
    assert "another plugin is named 'one'" in found.plugins[1].problem
    assert "its block FisherZ has the name of one of dist-one 1.0, which was there first" in found.plugins[2].problem
    assert "its module is that of plugin 'one', too" in found.plugins[3].problem


def test_a_loss_or_atlas_of_a_name_that_is_taken_is_refused():
    more = [source("mine", module(diffconn_losses=a_known_loss)), source("map", module(diffconn_atlases=a_known_atlas))]
    found = Registry([("built-in", "pydra-diffconn", "", built_in), *more])
    assert "its loss Entropy has the name of one of pydra-diffconn, which was there first" in found.plugins[1].problem
    assert "its atlas schaefer has the name of one of pydra-diffconn" in found.plugins[2].problem
    assert found.find("diffconn_losses", "Entropy", "") is losses.Entropy
    with pytest.raises(AttributeError, match=r"module 'm' has no loss 'X'; plugin mine is broken \(its loss .* it has"):
        found.find("diffconn_losses", "X", "m")


def test_a_disabled_plugin_is_not_loaded():
    found = Registry([source("off", RuntimeError("loaded")), source("good", GOOD)], disabled=["off"])
    assert found.plugins[0].problem == "disabled" and found.plugins[1].works


@pytest.fixture
def fresh(monkeypatch):
    """Plugins as they are without DIFFCONN_DISABLE_PLUGINS, which the command line may set."""
    monkeypatch.setenv("DIFFCONN_DISABLE_PLUGINS", "")
    yield
    registry.cache_clear()


def test_the_command_line_leaves_plugins_out_here_and_in_its_worker_processes(fresh):
    found = CliRunner().invoke(main, ["-p", "no:built-in", "plugins", "list"])
    assert found.exit_code == 0 and "no  built-in" in found.output and "disabled" in found.output
    assert os.environ["DIFFCONN_DISABLE_PLUGINS"] == "built-in"


@pytest.mark.parametrize(
    ("choice", "problem"),
    [
        ("built-in", "-p built-in: expected no:NAME"),
        ("no:", "-p no:: expected no:NAME"),
        ("no:such", "there is no plugin 'such' to disable; there are all, built-in"),
    ],
)
def test_what_cannot_be_left_out_is_an_error(fresh, choice, problem):
    found = CliRunner().invoke(main, ["-p", choice, "plugins", "list"])
    assert found.exit_code == 2 and problem in found.output


def test_the_built_ins_come_through_the_same_hooks():
    found = Registry([("built-in", "pydra-diffconn", "", built_in)])
    assert found.blocks["FisherZ"] is FisherZ and losses.Entropy in found.get("diffconn_losses")
    assert found.named["diffconn_constraints"]["Interval"] is constraints.Interval


def test_a_new_plugin_passes_its_check(tmp_path):
    runner = CliRunner()
    made = runner.invoke(main, ["plugins", "new", "slow-waves", "--into", str(tmp_path)])
    assert made.exit_code == 0, made.output
    checked = runner.invoke(main, ["plugins", "check", str(tmp_path / "diffconn-slow-waves")])
    assert checked.exit_code == 0 and "ok  SlowWaves: gradient to time_constant" in checked.output
    again = runner.invoke(main, ["plugins", "new", "slow-waves", "--into", str(tmp_path)])
    assert again.exit_code == 2 and "exists; choose another name" in again.output
    for name, problem in (("Slow Waves", "is no name for a plugin"), ("band-pass", "BandPass, which is taken")):
        wrong = runner.invoke(main, ["plugins", "new", name, "--into", str(tmp_path)])
        assert wrong.exit_code == 2 and problem in wrong.output


def test_the_plugin_of_the_repository_is_what_a_new_one_is(tmp_path):
    made = create("smoothing", tmp_path)
    written = {file.relative_to(made): file.read_text() for file in made.rglob("*") if file.is_file()}
    (ours,) = (folder for folder in PLUGINS if folder.name == made.name)
    assert written and written == {name: (ours / name).read_text() for name in written}


def test_the_check_says_what_is_wrong(tmp_path):
    folder = create("rough", tmp_path)
    blocks = folder / "diffconn_rough" / "blocks.py"
    blocks.write_text(blocks.read_text().replace("return weights @ timeseries", "return weights @ timeseries**2"))
    failed = {item for item, ok, _ in check(folder) if not ok}
    assert failed == {"Rough: linear in timeseries"}


def test_the_check_tells_types_that_are_not_those_of_the_blocks(tmp_path):
    folder = create("typed", tmp_path)
    (stub,) = folder.rglob("blocks.pyi")
    stub.write_text(stub.read_text().replace("time_constant", "half_life"))
    told = {item: note for item, ok, note in check(folder) if not ok}
    assert told.keys() == {"types of diffconn_typed.blocks"}
    assert told["types of diffconn_typed.blocks"].endswith("pydra_diffconn.plugins.stubs diffconn_typed.blocks")


def in_python(code: str, installed: Path, cwd: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    finished = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, env=environment, cwd=cwd
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """All distributions of plugins/, installed by pip into a folder of their own."""
    folder = tmp_path_factory.mktemp("site")
    settings = ["-q", "--no-deps", "--no-build-isolation", "--target", str(folder)]
    command = [sys.executable, "-m", "pip", "install", *settings, *map(str, PLUGINS)]
    finished = subprocess.run(command, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    return folder


USE = """
    import pickle
    import numpy as np
    from pydra.compose import workflow
    from pydra_diffconn import Learn, blocks, constraints, fit, fuse, losses
    from pydra_diffconn.blocks import MultitaperCoherence, Parcellate, Smoothing
    from pydra_diffconn.plugins import registry, stubs
    from pydra.tasks.diffconn import MultitaperCoherence as same

    assert same is MultitaperCoherence and {"MultitaperCoherence", "MultitaperSpectrum"} <= set(dir(blocks))
    assert registry().named["diffconn_losses"]["BandConcentration"] is losses.BandConcentration
    assert "BandConcentration" in dir(losses)
    rule = registry().named["diffconn_constraints"]["DescendingSimplex"]
    assert MultitaperCoherence.declaration.parameters["taper_weights"].constraint == rule()

    typed = stubs.stubbed([MultitaperCoherence, Smoothing])
    assert [one.__name__ for one in typed] == ["diffconn_multitaper.blocks", "diffconn_smoothing.blocks"]
    assert all(stubs.path_of(one).read_text() == stubs.stub(one) for one in typed)

    @workflow.define(outputs=["connectome"])
    def W(x, labels):
        s = workflow.add(Smoothing(timeseries=x, tr=1.0, time_constant=Learn(2.0)))
        p = workflow.add(Parcellate(timeseries=s.timeseries, labels=labels))
        return workflow.add(MultitaperCoherence(timeseries=p.timeseries, tr=1.0, low=Learn())).connectome

    rng = np.random.default_rng(0)
    xs, labels = [rng.standard_normal((40, 8)) for _ in range(3)], np.repeat(np.arange(1, 5), 2)
    task = W(labels=labels).split(x=xs)
    explained = str(fuse(task).explain())
    assert "Parcellate before Smoothing" in explained and "diffconn_multitaper:MultitaperCoherence" in explained
    result = fit(task, losses.MeanSquaredError("connectome"), np.stack([np.eye(4)] * 3), steps=3, progress=False)
    result.save("fit")
    print({one.block: one.distribution for one in result.learned})
    learned = result.workflow(labels=labels).split(x=xs)
    for worker in ("cf", "debug"):
        found = learned(worker=worker, cache_root=worker).connectome
        print(np.asarray(found).shape)
    with open("task.pkl", "wb") as file:
        pickle.dump(MultitaperCoherence(timeseries=xs[0], tr=1.0, low=0.02), file)
"""

ELSEWHERE = """
    import pickle
    with open("task.pkl", "rb") as file:
        task = pickle.load(file)
    print(type(task).__module__, task.low, task(worker="debug", cache_root="elsewhere").connectome.shape)

    from click.testing import CliRunner
    from pydra_diffconn import cli
    from pydra_diffconn.equivalents import registered
    def show(*arguments):
        return CliRunner().invoke(cli.main, arguments).output
    assert "[diffconn-multitaper 0.1.0]" in show("blocks", "list")
    assert "ok  scipy                diffconn-scipy 0.1.0         5 equivalents" in show("plugins", "list")
    assert any(one.of == "numpy*:corrcoef" for one in registered())
    assert "2 pages" in show("blocks", "docs", "pages", "MultitaperCoherence")
    assert "plugin diffconn-multitaper 0.1.0" in open("pages/MultitaperCoherence.md").read()
    assert "has no block 'Xyz'; it has" in show("blocks", "docs", "pages", "Xyz")

    off = show("-p", "no:multitaper", "-p", "no:scipy", "plugins", "list")
    assert "no  scipy" in off and "no  multitaper" in off and "ok  smoothing" in off
    assert "Multitaper" not in show("blocks", "list")
    from pydra_diffconn import blocks
    try:
        blocks.MultitaperSpectrum
    except AttributeError as error:
        print(str(error).split("; it has")[0])
"""

LOAD = """
    import warnings
    from pydra_diffconn import load_parameters, with_parameters
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loaded = load_parameters("fit")
    print([str(one.message) for one in caught])
    try:
        with_parameters(type, loaded)
    except ModuleNotFoundError as error:
        print(error)
"""


def test_an_installed_block_is_in_every_way_like_a_built_in(installed, tmp_path):
    printed = in_python(USE, installed, tmp_path).splitlines()
    owners = {
        "diffconn_smoothing:Smoothing": "diffconn-smoothing==0.1.0",
        "diffconn_multitaper:MultitaperCoherence": "diffconn-multitaper==0.1.0",
    }
    assert ast.literal_eval(printed[-3]) == owners and printed[-2:] == ["(3, 4, 4)"] * 2
    printed = in_python(ELSEWHERE, installed, tmp_path).splitlines()
    assert printed[0] == "diffconn_multitaper.blocks 0.02 (8, 8)"
    problem = "has no block 'MultitaperSpectrum'; plugin scipy is disabled; plugin multitaper is disabled"
    assert printed[1].endswith(problem)
    told, refused = in_python(LOAD, tmp_path, tmp_path).splitlines()
    assert all(f"pip install {name}" in told for name in owners.values())
    assert "not installed here; pip install diffconn-" in refused


@pytest.mark.slow
@pytest.mark.parametrize("folder", PLUGINS, ids=lambda folder: folder.name)
def test_the_plugins_own_tests_pass(folder, installed, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(folder),
        str(folder / "tests"),
    ]
    finished = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert finished.returncode == 0, finished.stdout


@pytest.mark.parametrize(("module", "name", "meant"), [("blocks", "BandPas", "BandPass"), ("losses", "Nrom", "Norm")])
def test_a_misspelt_name_is_answered_with_the_nearest(module, name, meant):
    with pytest.raises(AttributeError, match=rf"pydra_diffconn.{module}.* {name!r}; did you mean {meant}\?"):
        getattr(importlib.import_module(f"pydra_diffconn.{module}"), name)
