"""Training steps on one device: ours, PyTorch's of the same work, and what the device could do at most."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
from jax.extend import core
from pydra.compose import workflow

from pydra_diffconn import Learn, fuse, losses
from pydra_diffconn.blocks import BandPass, Correlation, GateConfounds
from tests.benchmarks import training
from tests.benchmarks.training import CONFOUNDS, HIGH, LOW, TR

DRAWN = 4


@workflow.define(outputs=["connectome"])
def Gated(bold, confounds):
    """Parcel series: band and gates of confounds are learned."""
    band = workflow.add(BandPass(timeseries=bold, tr=TR, low=Learn(LOW), high=Learn(HIGH)), name="band")
    clean = workflow.add(
        GateConfounds(
            timeseries=band.timeseries, confounds=confounds, gates=Learn(np.full(CONFOUNDS, 0.9)), penalty=0.1
        )
    )
    return workflow.add(Correlation(timeseries=clean.timeseries)).connectome


def data(runs: int, frames: int, places: int) -> dict[str, list[np.ndarray]]:
    """Return series and confounds; of many runs each is a multiple of one of four, which is quick to draw."""
    rng = np.random.default_rng(0)
    series = [rng.standard_normal((frames, places), dtype=np.float32) for _ in range(min(runs, DRAWN))]
    tables = [rng.standard_normal((frames, CONFOUNDS), dtype=np.float32) for _ in range(min(runs, DRAWN))]
    factors = (1 + np.arange(runs) / runs).astype(np.float32)
    return {
        "bold": [series[n % DRAWN] * factors[n] for n in range(runs)],
        "confounds": [tables[n % DRAWN] * factors[n] for n in range(runs)],
    }


class Step:
    """A step of a fit: loss, gradients and Adam, of all runs at once."""

    def __init__(self, runs: int, frames: int, places: int, parcels: int | None = None) -> None:
        from pydra_diffconn.learning.learner import Learner
        from pydra_diffconn.program.hoisting import with_constants_computed

        self.given, self.parcels = data(runs, frames, places), parcels
        self.size = parcels or places
        if parcels is None:
            task = Gated()
        else:
            self.atlas = np.random.default_rng(1).dirichlet(np.ones(parcels), size=places).T.astype(np.float32)
            task = training.FilterFirst(atlas=self.atlas)
        program = with_constants_computed(fuse(task.split(tuple(self.given), **self.given)).padded)  # as in `fit`
        self.learner = Learner(program, losses.Norm("connectome", order=2.0), None, list(range(runs)), [])
        self.batch = self.learner.batch(0)
        state = self.learner.state
        self.values, self.state = state.values, state.optimizer

    def traced(self) -> Any:
        """Return the step before it is compiled, which tells its operations; the compiled one tells bytes and memory."""
        return self.learner._step.trace(self.values, self.state, 1.0, 0, **self.batch)

    def __call__(self) -> Any:
        self.values, self.state, loss, *_ = self.learner._step(self.values, self.state, 1.0, 0, **self.batch)
        return loss

    def wait(self, found: Any) -> None:
        found.block_until_ready()


class TorchStep:
    """The same step in PyTorch, of all runs in one batch, projecting before it filters where there is an atlas."""

    def __init__(self, like: Step, compiled: bool = False) -> None:
        import torch

        self.torch = torch
        cuda = {"device": "cuda"}
        self.series = torch.from_numpy(np.stack(like.given["bold"])).to(**cuda)
        self.confounds = torch.from_numpy(np.stack(like.given["confounds"])).to(**cuda)
        learned = {"low": torch.tensor(LOW, **cuda), "high": torch.tensor(HIGH, **cuda)}
        self.atlas = None
        if like.parcels is None:
            learned["gates"] = torch.full((CONFOUNDS,), float(np.log(9)), **cuda)
        else:
            self.atlas = torch.from_numpy(np.log(like.atlas)).to(**cuda)
            learned["deviation"] = torch.zeros_like(self.atlas)
        self.learned = {name: value.requires_grad_() for name, value in learned.items()}
        self.adam = torch.optim.Adam(self.learned.values(), lr=1e-4)
        self.loss = torch.compile(self._loss) if compiled else self._loss

    def _loss(self) -> Any:
        torch, learned, series = self.torch, self.learned, self.series
        if self.atlas is not None:
            series = training.project(series, torch.softmax(self.atlas + learned["deviation"], 0))
        series = training.filtered(series, learned["low"], learned["high"])
        if self.atlas is not None:
            series = training.regressed(series, self.confounds)
        else:
            series = gated(series, self.confounds, torch.sigmoid(learned["gates"]))
        series = series - series.mean(1, keepdim=True)
        unit = series / series.norm(dim=1, keepdim=True)
        return (unit.mT @ unit).square().mean()

    def __call__(self) -> Any:
        self.adam.zero_grad()
        loss = self.loss()
        loss.backward()
        self.adam.step()
        return loss

    def wait(self, found: Any) -> None:
        self.torch.cuda.synchronize()


def gated(series: Any, confounds: Any, gates: Any) -> Any:
    """Regress by least squares with a penalty for each confound, by a QR decomposition of the stacked equations."""
    import torch

    design = confounds - confounds.mean(1, keepdim=True)
    design = design / design.norm(dim=1, keepdim=True)
    opened = design * gates.sqrt()
    closed = torch.diag((0.1 * (1 - gates)).sqrt()).expand(len(design), -1, -1)
    orthogonal, triangular = torch.linalg.qr(torch.cat([opened, closed], 1))
    explained = orthogonal[:, : series.shape[1]].mT @ (series - series.mean(1, keepdim=True))
    return series - opened @ torch.linalg.solve_triangular(triangular, explained, upper=True)


def seconds(step: Callable[[], Any], wait: Callable[[Any], None], most: float = 3.0) -> list[float]:
    """Return the seconds of a step, of seven rows of steps after each of which the device is waited for."""
    for _ in range(3):
        wait(step())
    began = time.perf_counter()
    wait(step())
    count = int(np.clip(most / 7 / (time.perf_counter() - began), 1, 50))
    found = []
    for _ in range(7):
        began = time.perf_counter()
        for _ in range(count):
            last = step()
        wait(last)
        found.append((time.perf_counter() - began) / count)
    return found


def ceilings() -> dict[str, float]:
    """Return what the device does at most, measured: operations of products (in 1e12 a second), bytes copied."""
    import jax.numpy as jnp

    found = {}
    for name, dtype, precision, size in (
        ("float32", jnp.float32, "highest", 8192),
        ("tensorfloat32", jnp.float32, "tensorfloat32", 8192),
        ("float64", jnp.float64, "highest", 8192),
    ):
        with jax.enable_x64(dtype == jnp.float64), jax.default_matmul_precision(precision):
            one = jax.random.normal(jax.random.key(0), (size, size), dtype)
            product = jax.jit(jnp.matmul)
            taken = np.median(seconds(lambda p=product, x=one: p(x, x), lambda x: x.block_until_ready(), 1.0))
            found[name] = 2 * size**3 / taken / 1e12
    large = jnp.zeros(2**29, jnp.float32) + 1
    copy = jax.jit(lambda x: x + 1)
    taken = np.median(seconds(lambda: copy(large), lambda x: x.block_until_ready(), 1.0))
    return {**found, "bytes": 2 * large.nbytes / taken / 1e12}


def operations(jaxpr: Any, times: int = 1) -> float:
    """Return the operations of all products of a traced program; a loop whose turns are not known counts once."""
    found = 0.0
    for equation in jaxpr.eqns:
        if equation.primitive.name == "dot_general":
            (contracted, _), _ = equation.params["dimension_numbers"]
            inner = np.prod([equation.invars[0].aval.shape[axis] for axis in contracted])
            found += 2 * times * inner * np.prod(equation.outvars[0].aval.shape)
        turns = equation.params.get("length", 1) if equation.primitive.name == "scan" else 1
        for value in jax.tree.leaves(equation.params, is_leaf=lambda one: isinstance(one, core.Jaxpr)):
            if isinstance(value, core.Jaxpr | core.ClosedJaxpr):
                found += operations(getattr(value, "jaxpr", value), times * turns)
    return float(found)


def least(traced: Any, compiled: Any, limits: Mapping[str, float], precision: str) -> dict[str, Any]:
    """Return a program's operations and bytes, and the seconds that the nearer of the device's limits allows.

    Bytes are those of what the compiler makes itself; of the products, which it hands to a library, only the operations
    count.
    """
    flops = operations(traced.jaxpr.jaxpr)
    moved = float(compiled.cost_analysis().get("bytes accessed", 0.0))
    by = {"operations": flops / limits[precision] / 1e12, "bytes": moved / limits["bytes"] / 1e12}
    return {"flops": flops, "moved": moved, "least": max(by.values()), "limit": max(by, key=lambda name: by[name])}
