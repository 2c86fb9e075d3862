"""Reordering a fused program by rules that hold exactly, from the facts that blocks declare.

Four rules. *Once*: equal steps on equal inputs are computed once. *Space first*: a linear step that mixes locations and
reduces them (a parcellation) moves ahead of linear steps that treat every location alike (filters, regression), since
P (X W) = (P X) W. *One operator*: consecutive linear steps over time become one time x time matrix, applied once, where
locations outnumber frames. Nothing moves across a step that does not declare that it is linear: a voxel-wise z-score,
say, is none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from pydra_diffconn.program.planning.once import _once
from pydra_diffconn.program.planning.one_operator import _one_operator
from pydra_diffconn.program.planning.plan import Plan, Planned, _output, redirect
from pydra_diffconn.program.planning.space_first import _space_first
from pydra_diffconn.program.wires import Run, Wire
from pydra_diffconn.workflow.graph import Graph


def plan(graph: Graph, run: Run, varying: Collection[str], reorder: bool = True) -> Plan:
    """Return what to compute for a run and all like it, whose `varying` arrays differ; or the steps as written."""
    made = Plan([Planned(step, run.wires[step.path]) for step in graph.steps], dict(run.outputs))
    if reorder:
        _once(made, run, varying)
        while _space_first(made, run):
            pass
        _one_operator(made, run)
    for path, array in run.streamed.items():
        one = next(p for p in made.planned if p.path == path)
        made.planned.remove(one)
        redirect(made, _output(one), Wire("array", array))
        made.notes.append(f"{path} while its image is read, some frames at a time")
    return made


def first_on(graph: Graph, run: Run, images: Collection[str], reorder: bool) -> Iterator[tuple[Planned, str]]:
    """Yield the steps that can be computed while an image is read, and the image's name: nothing else may need it."""
    made = plan(graph, run, (), reorder)
    wires = [wire for one in made.planned for wire in one.wires.values()] + list(made.outputs.values())
    for one in made.planned:
        main = one.wires[one.step.declaration.main_input]
        if one.step.declaration.streamed is None or main.value not in images or main.spaces is not None:
            continue
        plain = all(wire.kind in ("array", "static") for wire in one.wires.values())
        if plain and run.counts[one.path] is None and [wire.value for wire in wires].count(main.value) == 1:
            yield one, main.value
