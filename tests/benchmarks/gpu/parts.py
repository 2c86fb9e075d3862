"""The parts of the measurement, each run in a process of its own, so that none holds the memory of another."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.benchmarks.gpu import parity, steps

SIZES = {  # runs, frames, places, parcels of a soft atlas
    "gates, 16 runs of 400 x 400": (16, 400, 400, None),
    "gates, 256 runs of 400 x 400": (256, 400, 400, None),
    "atlas, 4 runs of 400 x 59,412 to 400": (4, 400, 59_412, 400),
    "atlas, 32 runs of 400 x 59,412 to 400": (32, 400, 59_412, 400),
}
SMALL = {"gates, 2 runs of 60 x 40": (2, 60, 40, None), "atlas, 2 runs of 60 x 300 to 20": (2, 60, 300, 20)}
FRACTION = 0.9  # of the memory that the largest batch may take
LARGEST = 4096  # runs: more take longer to be made than to be computed


def sizes(small: bool) -> dict[str, tuple[Any, ...]]:
    return SMALL if small else SIZES


def _precisions(size: tuple[Any, ...]) -> tuple[str, ...]:
    """Return in which precisions a step is taken: rounded factors show their use where there is much to compute."""
    return ("float32", "tensorfloat32") if size[0] > 16 else ("float32",)


def machine(small: bool) -> dict[str, Any]:
    """Return what the device is, and its ceilings."""
    import jax

    device = jax.devices()[0]
    limits = dict.fromkeys(("float32", "tensorfloat32", "float64", "bytes"), 1.0) if small else steps.ceilings()
    memory = (device.memory_stats() or {}).get("bytes_limit", 0)
    return {"device": device.device_kind, "jax": jax.__version__, "memory": memory, "limits": limits}


def ours(small: bool, limits: dict[str, float]) -> Iterator[dict[str, Any]]:
    """Yield, of each training step, its seconds, memory and the least that the device's limits allow."""
    import jax

    for name, size in sizes(small).items():
        for precision in _precisions(size):
            with jax.default_matmul_precision("highest" if precision == "float32" else precision):
                began = time.perf_counter()
                step = steps.Step(*size)
                traced = step.traced()
                compiled = traced.lower().compile()
                ready = time.perf_counter() - began
                taken = steps.seconds(step, step.wait)
                cost = steps.least(traced, compiled, limits, precision)
                memory = _memory(compiled)
            yield {"step": name, "precision": precision, "seconds": taken, "ready": ready, "memory": memory, **cost}


def theirs(small: bool) -> Iterator[dict[str, Any]]:
    """Yield the seconds of the same steps in PyTorch, as it comes and compiled by it."""
    import torch

    for name, size in sizes(small).items():
        like = steps.Step(*size)
        for precision in _precisions(size):
            torch.set_float32_matmul_precision("highest" if precision == "float32" else "high")
            step = steps.TorchStep(like)
            yield {"step": name, "precision": precision, "how": "eager", "seconds": steps.seconds(step, step.wait)}
            try:
                step = steps.TorchStep(like, compiled=True)
                taken = steps.seconds(step, step.wait)
            except Exception as error:  # what it does not compile is told, too
                yield {"step": name, "precision": precision, "how": "compiled", "failed": str(error)[:200]}
            else:
                yield {"step": name, "precision": precision, "how": "compiled", "seconds": taken}


def _memory(compiled: Any) -> int:
    """Return the bytes that a program holds at most, as the compiler says."""
    found = compiled.memory_analysis()
    return int(found.temp_size_in_bytes + found.argument_size_in_bytes + found.output_size_in_bytes)


def largest(small: bool) -> dict[str, Any]:
    """Find the largest batch that the device holds, from what two small ones need, and take a step of it."""
    import jax

    frames, places = (60, 40) if small else (2400, 400)
    few = (2, 4) if small else (32, 64)
    need = [_memory(steps.Step(runs, frames, places).traced().lower().compile()) for runs in few]
    each = (need[1] - need[0]) / (few[1] - few[0])
    total = (jax.devices()[0].memory_stats() or {}).get("bytes_limit", 2**30)
    fits = int((FRACTION * total - need[0]) / each) + few[0]
    runs = min(fits, 8 if small else LARGEST)
    step = steps.Step(runs, frames, places)
    taken = statistics.median(steps.seconds(step, step.wait, 2.0))
    peak = (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use", 0)
    return {"fits": fits, "runs": runs, "frames": frames, "each": each, "seconds": taken, "peak": peak, "total": total}


def fitted(small: bool) -> dict[str, Any]:
    """Return what a fit ends with, in double precision."""
    import jax

    from pydra_diffconn import fit, losses

    with jax.enable_x64(True):
        given = steps.data(6, 150, 30)
        task = steps.Gated().split(tuple(given), **given)
        result = fit(task, losses.QcFc("connectome"), {"quality": np.arange(6) ** 2.0}, steps=30, progress=False)
        return {name: np.ravel(value).tolist() for name, value in result.parameters.items()}


def decompositions(small: bool) -> Iterator[dict[str, Any]]:
    """Yield the seconds of decompositions of batches of small matrices, as the blocks need them."""
    import jax
    import jax.numpy as jnp

    with jax.default_matmul_precision("highest"):
        for batch, size in [(2, 8)] if small else [(16, 36), (256, 36)]:
            tall = jax.random.normal(jax.random.key(0), (batch, 436 if size == 36 else size, size))
            square = tall[:, :size]
            symmetric = tall.mT @ tall
            for name, function, given in (
                ("QR", jnp.linalg.qr, tall),
                ("SVD", jnp.linalg.svd, square),
                ("eigen", jnp.linalg.eigh, symmetric),
                ("Cholesky", jnp.linalg.cholesky, symmetric),
                ("product", jnp.matmul, square),
            ):
                call = jax.jit(lambda x, f=function: f(x, x) if f is jnp.matmul else f(x))
                wait = jax.block_until_ready
                taken = statistics.median(steps.seconds(lambda c=call, g=given: c(g), wait, 1.0))
                yield {"of": name, "batch": batch, "size": size, "seconds": taken}


def parities(share: int, shares: int) -> Iterator[dict[str, Any]]:
    """Yield the errors of a share of all blocks."""
    yield from parity.rows(share, shares)
