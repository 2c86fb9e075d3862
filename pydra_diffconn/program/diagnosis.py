"""Why a fused program cannot be computed: the error that the classical run of the same steps would give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from pydra_diffconn.program.execution import Lookup, one_step, taken
from pydra_diffconn.program.plan import Planned
from pydra_diffconn.program.planning.planner import plan
from pydra_diffconn.program.run import Run
from pydra_diffconn.workflow.graph import Graph


def explained(graph: Graph, run: Run, parameters: Mapping[str, Any], failed: Planned, error: Exception) -> ValueError:
    """Return the error that names the step and what is wrong with its inputs.

    The steps are computed one by one as they were written, and each one's inputs are checked, until one is refused.
    What no check finds keeps JAX's own words, after the name of the step.
    """
    import jax

    message = str(error).splitlines()[0] if str(error) else type(error).__name__
    told = ValueError(f"{failed.path}: {message}")
    lookup = Lookup(parameters, run.arrays, done := {})
    for one in plan(graph, replace(run, plan=None), [], reorder=False).planned:
        try:
            with jax.ensure_compile_time_eval():  # numbers, also while somebody compiles the program
                _check(one, run.counts[one.path], lookup)
                results = one_step(one.step, one.wires, run.counts[one.path], lookup)
        except ValueError as found:
            return found if str(found).startswith(f"{one.path}: ") else told
        except (TypeError, KeyError):  # no check knows it, or what was written began with an array that nobody holds
            return told
        done.update({(one.path, n): v for n, v in zip(one.step.declaration.outputs, results, strict=True)})
    return told


def _check(one: Planned, count: int | None, lookup: Lookup) -> None:
    """Check the inputs of a step, of each of its instances if it is split."""
    values = {name: (lookup(wire), wire.varies) for name, wire in one.wires.items()}
    for number in range(count or 1):
        mine = {n: taken(v, np.array(number)) if count and mapped else v for n, (v, mapped) in values.items()}
        known = {n: np.asarray(v) if hasattr(v, "shape") else v for n, v in mine.items() if v is not None}
        one.step.declaration.checked(known, one.path)
