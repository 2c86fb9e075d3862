"""Every block on the accelerator, values and gradients, against the same block on the CPU in double precision."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from tests.block_cases import TESTS, block_cases, single

THREADS = 4  # compiling takes nearly all the time, and lets other threads run


def apart(found: Any, expected: Any) -> float:
    """Return the largest difference, relative to the largest value where that is above 1; infinite where one is NaN."""
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    if not found.size:
        return 0.0
    worst = np.max(np.abs(found - expected)) / max(1.0, np.max(np.abs(expected)))
    return float(worst) if np.isfinite(worst) else float("inf")


def compared(case: Any) -> dict[str, Any]:
    """Return the errors of one case: of its outputs and of its gradients, in both precisions."""
    import jax

    from pydra_diffconn.testing.compiled import Compiled

    with jax.enable_x64(True):
        run = Compiled(case)
        _, arguments = run.whole(run.values)
    sides = {}
    for side, device, double in (
        ("reference", jax.devices("cpu")[0], True),
        ("float64", jax.devices()[0], True),
        ("float32", jax.devices()[0], False),
    ):
        with jax.enable_x64(double), jax.default_device(device):
            fresh = Compiled(case, run.values)  # a program is compiled once for each device and precision
            sides[side] = _parts(fresh.whole(run.values)[0](*(arguments if double else single(arguments))))
    row: dict[str, Any] = {"block": case.block.declaration.name, "tolerance": [case.tolerance, case.tolerance32]}
    for side in ("float64", "float32"):
        for part, of_part in zip(("value", "gradient"), sides[side], strict=True):
            expected = sides["reference"][part == "gradient"]
            errors = [apart(one, other) for one, other in zip(of_part, expected, strict=True)]
            row[f"{part}, {side}"] = max(errors, default=None)
    return row


def _parts(found: Any) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the outputs and the gradients of what a case's whole program returns."""
    if isinstance(found, tuple) and len(found) == 2 and isinstance(found[1], dict):
        (_, results), slopes = found
        return [np.asarray(one) for one in results], [np.asarray(slopes[name]) for name in sorted(slopes)]
    return [np.asarray(one) for one in found], []


def rows(share: int, shares: int) -> Iterator[dict[str, Any]]:
    """Yield the errors of a share of all cases."""
    sys.path.insert(0, str(TESTS))  # as pytest does
    found, missing = block_cases()
    if share == 0:
        yield from ({"missing": one} for one in missing)

    def tried(case: Any) -> dict[str, Any]:
        try:
            return compared(case)
        except Exception as error:
            return {"block": case.block.declaration.name, "failed": f"{type(error).__name__}: {str(error)[:300]}"}

    with ThreadPoolExecutor(THREADS) as pool:
        yield from pool.map(tried, found[share::shares])
