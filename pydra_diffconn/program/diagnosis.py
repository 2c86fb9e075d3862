"""Why a fused program cannot be computed: the error that the classical run of the same steps would give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from pydra_diffconn.program.execution import Lookup, one_step, taken
from pydra_diffconn.program.plan import Planned
from pydra_diffconn.program.planning.planner import plan
from pydra_diffconn.program.run import Run
from pydra_diffconn.program.wires import Wire
from pydra_diffconn.workflow.graph import Graph


def explained(graph: Graph, run: Run, parameters: Mapping[str, Any], failed: Planned, error: Exception) -> ValueError:
    """Return the error that names the step and what is wrong with its inputs.

    What no check finds keeps JAX's own words, after the name of the step.
    """
    message = str(error).splitlines()[0] if str(error) else type(error).__name__
    return refusal(graph, run, Lookup(parameters, run.arrays, {})) or ValueError(f"{failed.path}: {message}")


def refusal(graph: Graph, run: Run, given: Lookup, where: str = "") -> ValueError | None:
    """Return the error that a classical run of these parameters and arrays would end with, if there is one.

    The steps are computed one by one as they were written, and each one's inputs are checked, until one is refused.
    """
    import jax

    lookup = Lookup(given.parameters, given.arrays, done := {})
    for one in plan(graph, replace(run, plan=None), [], reorder=False).planned:
        try:
            with jax.ensure_compile_time_eval():  # numbers, also while somebody compiles the program
                _check(one, run.counts[one.path], lookup, f"{one.path}{where}")
                results = one_step(one.step, one.wires, run.counts[one.path], lookup)
        except ValueError as found:
            return found if str(found).startswith(f"{one.path}{where}: ") else None
        except (TypeError, KeyError):  # no check knows it, or what was written began with an array that nobody holds
            return None
        done.update({(one.path, n): v for n, v in zip(one.step.declaration.outputs, results, strict=True)})
    return None


def _check(one: Planned, count: int | None, lookup: Lookup, where: str) -> None:
    """Check the inputs of a step, of each of its instances if it is split."""
    for known in of_each_instance(one.wires, count, lookup):
        one.step.declaration.checked(known, where)


def of_each_instance(wires: Mapping[str, Wire], count: int | None, lookup: Lookup) -> Iterator[dict[str, Any]]:
    """Yield the arguments of each instance of a step, of the wires given, as a task has them."""
    values = {name: lookup(wire) for name, wire in wires.items()}
    for number in range(count or 1):
        mine = {n: taken(v, np.array(number)) if count and wires[n].varies else v for n, v in values.items()}
        yield {n: np.asarray(v) if hasattr(v, "shape") else v for n, v in mine.items()}
