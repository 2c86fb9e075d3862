"""Compiled programs are kept between processes, where JAX says or in a folder of the user's."""

import os
import subprocess
import sys

import pytest

from pydra_diffconn.numerics import process

pytestmark = pytest.mark.slow  # two processes each

SCRIPT = """
import sys
import jax
import numpy as np
from pydra_diffconn.blocks import Correlation
from pydra_diffconn.numerics.process import cache_folder

hits = []
jax.monitoring.register_event_listener(lambda name, **more: hits.append(name) if name.endswith("cache_hits") else None)
jax.numpy.ones(3) + 1  # something was compiled before
from pydra_diffconn.numerics import process as compilation
compilation.WORTH_KEEPING = 0.0
Correlation(timeseries=np.random.default_rng(0).standard_normal((50, 7)))(worker="debug", cache_root=sys.argv[1])
print(len(hits), sum(1 for _ in cache_folder().glob("*")) if cache_folder().exists() else 0)
"""


def processes(tmp_path, **environment):
    untold = {name: value for name, value in os.environ.items() if not name.startswith("JAX_")}  # by our own conftest
    environment = {**untold, "XDG_CACHE_HOME": str(tmp_path), **environment}
    for number in range(2):
        work = tmp_path / f"work{number}"
        command = [sys.executable, "-c", SCRIPT, str(work)]
        found = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
        assert found.returncode == 0, found.stderr
        yield tuple(map(int, found.stdout.split()))


@pytest.mark.skipif(sys.platform != "linux", reason="the user's cache folder is set by XDG_CACHE_HOME on Linux alone")
def test_a_second_process_compiles_nothing_anew(tmp_path):
    first, second = processes(tmp_path)
    assert first[0] == 0 and first[1] > 0
    assert second[0] > 0


def test_a_folder_given_to_jax_is_respected(tmp_path):
    given = tmp_path / "given"
    for _, ours in processes(tmp_path, JAX_COMPILATION_CACHE_DIR=str(given)):
        assert ours == 0


def test_caching_can_be_refused(tmp_path):
    for hits, ours in processes(tmp_path, JAX_ENABLE_COMPILATION_CACHE="false"):
        assert (hits, ours) == (0, 0)


def test_an_option_that_a_compiler_has_not_is_left_out(monkeypatch):
    monkeypatch.setitem(process.QUICK, "xla_of_another_version", 1)
    found = process.compiler_options(process.SEVERAL_SHAPES, 0)
    assert found is None or "xla_of_another_version" not in found
    assert process.compiler_options(process.SEVERAL_SHAPES - 1, 0) is None


def test_loops_are_made_faster_where_steps_have_much_to_read():
    shapes, option = 3, "xla_backend_optimization_level"
    little, much = (process.compiler_options(shapes, n) for n in (1, shapes * process.LITTLE))
    if little and option in little:
        assert little[option] < much[option]
