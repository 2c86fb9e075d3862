"""Nothing changes for other people's tasks: Pydra's own tests have the same outcomes with and without this package."""

import os
import subprocess
import sys
import tarfile
import urllib.request
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree

import pytest

ARCHIVE = "https://github.com/nipype/pydra/archive/refs/tags/{}.tar.gz"  # the distributions hold no tests
CHOSEN = ("engine/tests", "compose/tests", "utils/tests")
LONGEST = 240  # seconds, of each of the two

PLUGIN = '''
"""Use this package as a user does: a block is defined, and with it all patches of Pydra are in place."""

from jaxtyping import Array, Float

from pydra_diffconn import block, fuse


@block.define(outputs=["timeseries"])
def Same(timeseries: Float[Array, "time space"]) -> Float[Array, "time space"]:
    """Return a series."""
    return timeseries
'''


def outcomes(root, tests, with_us):
    """Run tests; return the outcome of each by its name."""
    (root / "with_diffconn.py").write_text(PLUGIN, encoding="utf-8")
    report = root / f"{'with' if with_us else 'without'}.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-o", "addopts=", f"--junitxml={report}"]
    # plugins of other packages, ours among them, would be there in both
    alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "JAX_PLATFORMS": "cpu"}
    alone["PYTHONPATH"] = os.pathsep.join([str(root), str(Path(__file__).parents[2])])
    chosen = ["-p", "with_diffconn"] if with_us else []
    found = subprocess.run(
        [*command, *chosen, *tests], cwd=root, env=alone, timeout=LONGEST, capture_output=True, text=True
    )
    assert report.exists(), found.stdout + found.stderr
    return {
        f"{case.get('classname')}::{case.get('name')}": [part.tag for part in case if part.tag != "system-out"]
        for case in ElementTree.parse(report).iter("testcase")
    }


def test_outcomes_are_told_apart(tmp_path):
    (tmp_path / "test_some.py").write_text(
        "import sys\n"
        "def test_passes():\n    pass\n"
        "def test_fails():\n    assert False\n"
        "def test_that_sees_us():\n    assert 'pydra_diffconn.pydra_compat' not in sys.modules\n",
        encoding="utf-8",
    )
    without, with_us = (outcomes(tmp_path, ["test_some.py"], one) for one in (False, True))
    assert without == {
        f"test_some::{n}": o for n, o in (("test_passes", []), ("test_fails", ["failure"]), ("test_that_sees_us", []))
    }
    assert with_us == {**without, "test_some::test_that_sees_us": ["failure"]}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Return the sources of the Pydra that is installed: a checkout named by PYDRA_SOURCE, or its archive."""
    if "PYDRA_SOURCE" in os.environ:
        return Path(os.environ["PYDRA_SOURCE"])
    folder, address = tmp_path_factory.mktemp("source"), ARCHIVE.format(version("pydra"))
    try:
        with urllib.request.urlopen(address, timeout=20) as answer:
            (folder / "pydra.tar.gz").write_bytes(answer.read())
    except OSError as error:
        pytest.skip(
            f"Pydra's tests are in its repository alone, and {address} cannot be reached ({error}); set PYDRA_SOURCE"
        )
    with tarfile.open(folder / "pydra.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    root = next(path for path in folder.iterdir() if path.is_dir())
    (root / "pydra" / "_version.py").write_text(f'__version__ = "{version("pydra")}"\n', encoding="utf-8")
    return root


@pytest.mark.slow
@pytest.mark.parametrize("folder", CHOSEN)
def test_pydras_own_tests_have_the_same_outcomes(source, folder):
    tests = [str(source / "pydra" / folder)]
    without, with_us = (outcomes(source, tests, one) for one in (False, True))
    assert without == with_us
    assert sum(not outcome for outcome in without.values()) > 20  # most of them pass
