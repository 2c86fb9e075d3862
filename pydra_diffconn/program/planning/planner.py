"""Reordering a fused program by rules that hold exactly, from the facts that blocks declare.

Four rules. *Once*: equal steps on equal inputs are computed once. *Space first*: a linear step that mixes locations and
reduces them (a parcellation) moves ahead of linear steps that treat every location alike (filters, regression), since
P (X W) = (P X) W. *One operator*: consecutive linear steps over time become one time x time matrix, applied once, where
locations outnumber frames. Nothing moves across a step that does not declare that it is linear: a voxel-wise z-score,
say, is none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from pydra_diffconn.program.plan import Plan, Planned, output_of, redirect
from pydra_diffconn.program.planning.once import once
from pydra_diffconn.program.planning.one_operator import one_operator
from pydra_diffconn.program.planning.space_first import space_first
from pydra_diffconn.program.run import Run
from pydra_diffconn.program.wires import FromArray, Static, arrays_of
from pydra_diffconn.workflow.graph import Graph


def plan(graph: Graph, run: Run, varying: Collection[str], reorder: bool = True) -> Plan:
    """Return what to compute for a run and all like it, whose `varying` arrays differ; or the steps as written."""
    made = Plan([Planned(step, run.wires[step.path]) for step in graph.steps], dict(run.outputs))
    if reorder:
        once(made, run, varying)
        while space_first(made, run):
            pass
        one_operator(made, run)
    for path, array in run.streamed.items():
        one = next(p for p in made.planned if p.path == path)
        made.planned.remove(one)
        redirect(made, output_of(one), FromArray(array))
        made.notes.append(f"{path} while its image is read, some frames at a time")
    return made


def first_on(graph: Graph, run: Run, images: Collection[str], reorder: bool) -> Iterator[tuple[Planned, str]]:
    """Yield the steps that can be computed while an image is read, and the image's name: nothing else may need it."""
    made = plan(graph, run, (), reorder)
    wires = [*(wire for one in made.planned for wire in one.wires.values()), *made.outputs.values()]
    used = [name for wire in wires for name in arrays_of(wire)]
    for one in made.planned:
        main = one.wires[one.step.declaration.main_input]
        if one.step.declaration.streamed is None or not isinstance(main, FromArray) or main.name not in images:
            continue
        plain = main.spaces is None and all(isinstance(wire, FromArray | Static) for wire in one.wires.values())
        if plain and run.counts[one.path] is None and used.count(main.name) == 1:
            yield one, main.name
