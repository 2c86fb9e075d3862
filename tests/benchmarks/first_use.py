"""What somebody waits for in a fresh process: the first call of a program, and the first fit of the README's example."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.case import Case

ROOT = Path(__file__).parents[2]
CALL = """
import jax, numpy as np, time
from pathlib import Path
from tests.benchmarks.cases import Steady
import pydra_diffconn.blocks.connectivity.correlation, pydra_diffconn.program.program
jax.numpy.ones(3).block_until_ready()
began = time.perf_counter()
Steady(Path(".")).ours()
print(time.perf_counter() - began)
"""
IMPORTS = "import jax, optax, time, warnings\nwarnings.simplefilter('ignore')\n"
STEP = """
import jax.numpy as jnp
from pydra_diffconn import fuse
program, adam, loss = fuse(many), optax.adam(0.01), losses.MeanSquaredError("connectome")
def step(free, state, inputs):
    value, gradient = jax.value_and_grad(lambda free: loss(program(program.from_free(free), **inputs), ys))(free)
    updates, state = adam.update(gradient, state, free)
    return optax.apply_updates(free, updates), state, value
free = jax.tree.map(jnp.asarray, program.to_free())
given = free, adam.init(free), program.inputs
began = time.perf_counter()
jax.jit(step).lower(*given).compile()
print(time.perf_counter() - began)
"""


def example() -> tuple[str, str]:
    """Return the README's example until what is fitted is there, and the fit."""
    text = (ROOT / "README.md").read_text()
    code = next(one for one in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "result = fit(" in one)
    before, line, _ = re.split(r"(?m)^(result = fit.*)$", code, maxsplit=1)
    return before, line


def printed(code: str, cache: Path) -> float:
    """Return the number that a fresh process prints last, its compiled programs in this folder."""
    env = {**os.environ, "JAX_COMPILATION_CACHE_DIR": str(cache)}
    # a module, for what is not importable has no place in a workflow's checksum
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "example.py"
        script.write_text(code)
        env["PYTHONPATH"] = f"{ROOT}{os.pathsep}{folder}"
        command = [sys.executable, "-c", "import example"]
        found = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder, env=env)
    return float(found.stdout.split()[-1])


class FirstCall(Case):
    """Seconds from an imported package and arrays to the first connectome, compiled programs being on disk."""

    name, against, goal = "f3: fused program, first call with a warm cache", "", 0.7
    measures_itself = True

    def __init__(self, folder: Path) -> None:
        self.cache = folder / "warm"

    def ours(self) -> float:
        return printed(CALL, self.cache)

    def theirs(self) -> float:
        return float("nan")


class FirstFit(FirstCall):
    """Seconds of the first fit in a process, after the imports."""

    name, goal = "q: first fit of the README's example, with a warm cache", 3.0

    def ours(self) -> float:
        before, fit = example()
        began, ended = "\nbegan = time.perf_counter()\n", "\nprint(time.perf_counter() - began)\n"
        return printed(IMPORTS + before + began + fit + ended, self.cache)


class ColdFit(FirstFit):
    """The same with nothing compiled before, and JAX's own time for tracing and compiling that step alone."""

    name, against, goal = "q2: the same, nothing compiled before", "JAX's compiling of its step alone", 2.0

    def ours(self) -> float:
        with tempfile.TemporaryDirectory() as folder:
            self.cache = Path(folder)
            return super().ours()

    def theirs(self) -> float:
        with tempfile.TemporaryDirectory() as folder:
            return printed(IMPORTS + example()[0] + STEP, Path(folder))


FIRST_USE = [FirstCall, FirstFit, ColdFit]
