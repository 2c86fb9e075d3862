"""Running a workflow with every differentiable stretch as one job: `optimise`.

Neighbouring blocks become one task whose job runs the fused, planned program, so that nothing between them is hashed,
pickled or written. What the job depends on (blocks with their versions and source, values, inputs) is in its checksum.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from fileformats.generic import FileSet
from pydra.compose import python, workflow
from pydra.utils.typing import is_lazy

from pydra_diffconn import files, pydra_compat
from pydra_diffconn.declare.parameters import plain
from pydra_diffconn.declare.task import BlockTask, Data, source_hash
from pydra_diffconn.program.preparing import prepare
from pydra_diffconn.program.program import Program
from pydra_diffconn.program.spool import Loaded
from pydra_diffconn.program.wires import Static
from pydra_diffconn.workflow import deriving
from pydra_diffconn.workflow.choosing import made_already
from pydra_diffconn.workflow.construction import as_tuple, moved_to, split_over, taken_by
from pydra_diffconn.workflow.graph import Constant, Graph, Input, Reference, Source, Step


def optimise(task: Any) -> Any:
    """Return a workflow that gives the same outputs, with each differentiable stretch as one job.

    Parameters
    ----------
    task : workflow class or workflow task
        Unchanged. Marked parameters count as their start values, as in any classical run. Splits of the whole workflow
        and of nodes stay; blocks that are split or combined themselves stay jobs of their own.

    Returns
    -------
    workflow class or task
        What was given: a class, or a task with the same inputs and split.
    """
    if isinstance(task, type):
        return deriving.derive(task, merge=merge_blocks)
    return deriving.derive_task(task, merge=merge_blocks)


def merge_blocks(under_construction: Any, outputs: Any) -> Any:
    """Replace stretches of blocks in a workflow that is being built; nested workflows are optimised, too."""
    outputs = made_already(under_construction)(under_construction, outputs)
    nodes = {node.name: node for node in under_construction.nodes}
    for node in nodes.values():
        task = pydra_compat.node_task(node)
        if pydra_compat.is_workflow(task):
            pydra_compat.replace_node_task(node, optimise(task))
    moved: dict[tuple[str | None, str], Any] = {}
    for names in _stretches(nodes):
        if len(names) > 1:
            moved |= _merge(under_construction, nodes, names)
    merged = {name for name, _ in moved}
    pydra_compat.keep_nodes(under_construction, set(under_construction.node_names) - merged)
    for node in under_construction.nodes:
        pydra_compat.reconnect(node, moved)
    several = moved_to(as_tuple(outputs), moved)
    return several if isinstance(outputs, tuple) else several[0]


def _stretches(nodes: Mapping[str, Any]) -> list[list[str]]:
    """Return groups of neighbouring blocks that run over the same states, with nothing else between them.

    A node's level grows wherever the way from above leads through something that cannot be merged, so that merging
    equal levels never closes a circle.
    """
    level: dict[str, int] = {}
    group: dict[str, int] = {}
    members: dict[int, list[str]] = {}
    for name, node in nodes.items():
        above = [n for n in taken_by(node) if n in nodes]
        near = [
            n for n in above if _mergeable(node) and _mergeable(nodes[n]) and split_over(node) == split_over(nodes[n])
        ]
        level[name] = max([level[n] + (n not in near) for n in above], default=0)
        joined = sorted({group[n] for n in near if level[n] == level[name]})
        target = joined[0] if joined else len(group)
        for other in joined[1:]:
            for member in members.pop(other):
                group[member] = target
                members[target].append(member)
        group[name] = target
        members.setdefault(target, []).append(name)
    order = list(nodes)
    return [sorted(names, key=order.index) for names in members.values() if _mergeable(nodes[names[0]])]


def _mergeable(node: Any) -> bool:
    task = pydra_compat.node_task(node)
    return isinstance(task, BlockTask) and not pydra_compat.splitter(task) and not pydra_compat.combiner(task)


def _merge(under_construction: Any, nodes: Mapping[str, Any], names: list[str]) -> dict[tuple[str | None, str], Any]:
    """Add one task for several blocks; return what stands for each of their outputs."""
    steps: list[Any] = []
    inputs: dict[str, Any] = {}
    for name in names:
        task = pydra_compat.node_task(nodes[name])
        wiring: dict[str, Any] = {}
        for field in task:
            value = getattr(task, field)
            if field == "function":
                continue
            source = pydra_compat.lazy_source(value) if is_lazy(value) else (None, "")
            if source[0] in names:
                wiring[field] = ("step", *source)
            elif is_lazy(value) or isinstance(value, np.ndarray | FileSet):
                inputs[f"{name}_{field}"] = value
                wiring[field] = ("input", f"{name}_{field}")
            else:
                wiring[field] = ("value", task.values().get(field, plain(value)))
        block = type(task)
        version = f"{block.declaration.id}@{block.declaration.version}"
        steps.append([name, f"{block.__module__}:{block.__qualname__}", version, source_hash(block), wiring])
    outputs = [f"{name}_{out}" for name in names for out in pydra_compat.node_task(nodes[name]).declaration.outputs]
    typed = dict.fromkeys(("steps", "precision", *inputs), Any)
    stretch = python.define(run_stretch, inputs=typed, outputs=dict.fromkeys(outputs, Data), name="Stretch")
    made = workflow.add(stretch(steps=steps, precision=pydra_compat.precision(), **inputs), name="_".join(names))
    return {
        (name, out): getattr(made, f"{name}_{out}")
        for name in names
        for out in pydra_compat.node_task(nodes[name]).declaration.outputs
    }


def run_stretch(steps: list[Any], precision: str, **inputs: Any) -> Any:
    """Run a stretch of blocks as one fused program (the function of the job); files give files, as block by block."""
    import jax

    read = [_step(*one) for one in steps]
    outputs = {f"{step.path}_{out}": Reference(step.path, out) for step in read for out in step.declaration.outputs}
    run = prepare(Graph(None, tuple(read), (), (), outputs, {}), inputs, {}, Loaded(), 0)
    program = Program(Graph(None, tuple(read), (), (), outputs, {}), [run])
    results = jax.jit(program)({}, **program.inputs)
    found: dict[str, Any] = {}
    names: dict[str, list[str] | None] = {}
    for step in read:
        made = {out: np.asarray(results[f"{step.path}_{out}"]) for out in step.declaration.outputs}
        found |= {f"{step.path}_{out}": value for out, value in _like_input(step, made, run, inputs, names).items()}
    return tuple(found.values()) if len(found) > 1 else next(iter(found.values()))


def _step(path: str, block: str, version: str, source: str, wiring: Mapping[str, Any]) -> Step:
    import importlib

    module, _, name = block.partition(":")
    sources: dict[str, Source] = {}
    for field, (kind, *rest) in wiring.items():
        sources[field] = (
            Reference(*rest) if kind == "step" else Input(rest[0]) if kind == "input" else Constant(rest[0])
        )
    return Step(path, getattr(importlib.import_module(module), name), sources)


def _like_input(
    step: Step, made: dict[Any, Any], run: Any, inputs: Mapping[Any, Any], names: dict[str, list[str] | None]
) -> dict[Any, Any]:
    """Write the outputs of a step to files if its main input is, or would have been, a file; else return them."""
    declaration = step.declaration
    source = step.inputs[declaration.main_input]
    above = names.get(source.path) if isinstance(source, Reference) else None
    space = run.spaces[step.path, declaration.main_input][0]
    if not declaration.writes or (space is None and above is None):
        names[step.path] = None
        return made
    given = {n: inputs[s.name] for n, s in step.inputs.items() if isinstance(s, Input)}
    if space is None and above is not None:
        space = files.Space("table", Path(), len(above), (len(above),), names=tuple(above))
    values = {name: wire.value for name, wire in run.wires[step.path].items() if isinstance(wire, Static)}
    names[step.path] = files.column_names(next(iter(made.values())).shape[-1], space, values, given)
    folder = Path.cwd() / step.path
    folder.mkdir(exist_ok=True)
    return files.write_outputs(declaration, made, values, {declaration.main_input: space}, folder, given)
