"""Running a workflow with every differentiable stretch as one job: `optimise`.

Neighbouring blocks become one task whose job runs the fused, planned program: nothing between them is hashed, pickled
or written, or even computed, unless something else takes it. What the job depends on (blocks with their versions and
source, values, inputs) is in its checksum.
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
from pydra_diffconn.workflow.construction import as_tuple, moved_to, sources, split_over, taken_by
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
    merged: set[str] = set()
    for names in _stretches(nodes):
        others = [value for name, node in nodes.items() if name not in names for _, value in node.input_values]
        taken = dict.fromkeys(one for one in sources([*others, *as_tuple(outputs)]) if one[0] in names)
        if len(names) > 1 and taken:
            moved |= _merge(nodes, names, list(taken))
            merged |= set(names)
    pydra_compat.keep_nodes(under_construction, set(under_construction.node_names) - merged)
    for node in under_construction.nodes:
        pydra_compat.reconnect(node, moved)
    several = moved_to(as_tuple(outputs), moved)
    return several if isinstance(outputs, tuple) else several[0]


def _stretches(nodes: Mapping[str, Any]) -> list[list[str]]:
    """Return groups of neighbouring blocks that run over the same states; no way leads out of one and back into it."""
    above = {name: [one for one in taken_by(node) if one in nodes] for name, node in nodes.items()}
    group = {name: {name} for name in nodes}
    for name, node in nodes.items():
        for near in above[name]:
            alike = _mergeable(node) and _mergeable(nodes[near]) and split_over(node) == split_over(nodes[near])
            if alike and name not in group[near] and not _leads_around(group[near], group[name], above, group):
                group[near] |= group[name]
                group |= dict.fromkeys(group[near], group[near])
    firsts = {min(names, key=list(nodes).index): names for names in group.values()}
    return [sorted(names, key=list(nodes).index) for first, names in firsts.items() if _mergeable(nodes[first])]


def _leads_around(
    first: set[str], last: set[str], above: Mapping[str, list[str]], group: Mapping[str, set[str]]
) -> bool:
    """Say whether a way leads from one group to another through a third: the two made one would wait for themselves."""
    waiting = [one for name in last for one in above[name] if one not in first | last]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in first:
            return True
        if name not in seen:
            seen |= group[name]
            waiting += [one for member in group[name] for one in above[member] if one not in last]
    return False


def _mergeable(node: Any) -> bool:
    task = pydra_compat.node_task(node)
    return isinstance(task, BlockTask) and not pydra_compat.splitter(task) and not pydra_compat.combiner(task)


def _merge(
    nodes: Mapping[str, Any], names: list[str], taken: list[tuple[str | None, str]]
) -> dict[tuple[str | None, str], Any]:
    """Add one task for several blocks; return what stands for each of their outputs that something else takes."""
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
    outputs = {f"{name}_{out}": (name, out) for name, out in taken}
    typed = dict.fromkeys(("steps", "wanted", "precision", *inputs), Any)
    stretch = python.define(run_stretch, inputs=typed, outputs=dict.fromkeys(outputs, Data), name="Stretch")
    task = stretch(steps=steps, wanted=list(outputs.values()), precision=pydra_compat.precision(), **inputs)
    made = workflow.add(task, name="_".join(names))
    return {output: getattr(made, name) for name, output in outputs.items()}


def run_stretch(steps: list[Any], wanted: list[tuple[str, str]], precision: str, **inputs: Any) -> Any:
    """Run a stretch of blocks as one fused program (the function of the job); files give files, as block by block."""
    import jax

    read = [_step(*one) for one in steps]
    outputs = {f"{path}_{out}": Reference(path, out) for path, out in wanted}
    run = prepare(Graph(None, tuple(read), (), (), outputs, {}), inputs, {}, Loaded(), 0)
    program = Program(Graph(None, tuple(read), (), (), outputs, {}), [run])
    results = jax.jit(program)({}, **program.inputs)
    found: dict[str, Any] = {}
    names: dict[str, list[str] | None] = {}
    for step in read:
        made = {out: np.asarray(results[f"{path}_{out}"]) for path, out in wanted if path == step.path}
        found |= {f"{step.path}_{out}": value for out, value in _like_input(step, made, run, inputs, names).items()}
    return tuple(found[name] for name in outputs) if len(outputs) > 1 else next(iter(found.values()))


def _step(path: str, block: str, version: str, source: str, wiring: Mapping[str, Any]) -> Step:
    import importlib

    module, _, name = block.partition(":")
    inputs: dict[str, Source] = {}
    for field, (kind, *rest) in wiring.items():
        inputs[field] = Reference(*rest) if kind == "step" else Input(rest[0]) if kind == "input" else Constant(rest[0])
    return Step(path, getattr(importlib.import_module(module), name), inputs)


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
    names[step.path] = _names_of_columns(step, made, space, values, given)
    if not made:
        return made
    folder = Path.cwd() / step.path
    folder.mkdir(exist_ok=True)
    return files.write_outputs(declaration, made, values, {declaration.main_input: space}, folder, given)


def _names_of_columns(step: Step, made: Mapping[Any, Any], space: files.Space, values: Any, given: Any) -> list[str]:
    """Return the names of an output's columns; of one that was not computed those it must have, or none."""
    if made:
        return files.column_names(next(iter(made.values())).shape[-1], space, values, given)
    if values.get("parcels"):
        return files.column_names(len(values["parcels"]), space, values, given)
    declaration = step.declaration
    dims = [declaration.arguments[declaration.main_input].dims, next(iter(declaration.outputs.values()))]
    return list(space.names) if len({one.split()[-1] for one in dims}) == 1 else []
