"""The plan of a fused program in words: what runs where, what was reordered and why, and what it costs."""

from __future__ import annotations

from typing import Any

import numpy as np

from pydra_diffconn.program.plan import Plan
from pydra_diffconn.report import notebook
from pydra_diffconn.report.page import show
from pydra_diffconn.workflow import graph
from pydra_diffconn.workflow.graph import Graph


def describe(
    read: Graph, planned: Plan, shapes: dict[Any, Any], title: str, costs: dict[str, dict[str, float]], fit: str = ""
) -> str:
    """Return the text; `costs` are those of the program as written and as planned, for one run; `fit` those of all."""
    lines = [title]
    lines += [f"  Pydra   {node.path}" for node in read.before]
    for one in planned.planned:
        made = ", ".join(f"{name} {shapes[one.path, name]}" for name in one.step.declaration.outputs)
        lines.append(f"  fused   {one.paths} ({one.step.declaration.id}) -> {made}")
    lines += [f"  after   {node.path} (in the classical run only)" for node in read.after]
    lines += [f"  plan    {note}" for note in (*read.notes, *planned.notes)]
    for learnable in read.learnables.values():
        described = graph.describe(learnable, read, learnable.start)
        start = f"{float(learnable.start):g}" if np.ndim(learnable.start) == 0 else f"array {np.shape(learnable.start)}"
        lines.append(f"  learn   {learnable.name} = {start} {described.unit} in {described.constraint}")
    for label, cost in costs.items():
        figures = ", ".join(f"{_prefixed(value)}{unit}" for unit, value in cost.items())
        lines.append(f"  cost    {label}: {figures}")
    if fit:
        lines.append(f"  fit     {fit}")
    return "\n".join(line.rstrip() for line in lines)


def needs(runs: int, programs: int, inputs: float, kept: float, results: float) -> str:
    """Say what a fit of all runs at once needs; `kept` and `results` are bytes of all runs.

    Beside what was given, inputs are held in one array for all runs, and as a step takes them; of results there are the
    targets, the difference and the derivative, too.
    """
    step = 2 * inputs + kept + 4 * results
    parts = f"{_prefixed(inputs)}B of inputs, {_prefixed(kept)}B kept for the gradient"
    each = f", {_prefixed(step / runs)}B for each run of a batch" if runs > 1 else ""
    return f"{programs} program(s) to compile; about {_prefixed(step)}B for all runs at once ({parts}){each}"


def card(read: Graph, planned: Plan, shapes: dict[Any, Any], title: str) -> str:
    """Return the same for a notebook, without the costs, for which the program would have to be compiled."""
    steps = [["in Pydra", node.path, "", ""] for node in read.before]
    for one in planned.planned:
        made = ", ".join(f"{name} {shapes[one.path, name]}" for name in one.step.declaration.outputs)
        steps.append(["fused", one.paths, one.step.declaration.id, made])
    steps += [["in the classical run only", node.path, "", ""] for node in read.after]
    learned = []
    for learnable in read.learnables.values():
        described = graph.describe(learnable, read, learnable.start)
        learned.append([learnable.name, show(learnable.start), described.unit, str(described.constraint)])
    tables = [
        {"head": ["where", "step", "block", "makes"], "rows": steps},
        {"head": ["can be learned", "start", "unit", "range"], "rows": learned},
    ]
    return notebook.card(title, "", tables, [*read.notes, *planned.notes])


def _prefixed(number: float) -> str:
    for prefix in ("", "k", "M", "G", "T"):
        if abs(number) < 1000 or prefix == "T":
            break
        number /= 1000
    return f"{number:.3g} {prefix}"
