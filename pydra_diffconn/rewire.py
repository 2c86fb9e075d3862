"""Workflows derived from somebody's workflow without touching their code: other values in nodes, other outputs.

The derived class has the inputs of the original and one more, the recipe: what was changed is an input like any
other, so that it is part of the checksum. A closure would not be, and one fit's result would answer for another's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydra.compose import workflow
from pydra.utils.typing import is_lazy

from pydra_diffconn import pydra_compat

RECIPE = ("original", "node_values", "exposed", "alone", "rebuild")


def with_node_values(original: type, node_values: Mapping[str, Any], defaults: Mapping[str, Any] | None = None) -> type:
    """Return a workflow class with other values in its nodes and other defaults of its inputs.

    Parameters
    ----------
    original : workflow class
        It is not changed.
    node_values : mapping
        `node.field` (nested: `outer.node.field`) to value.
    defaults : mapping, optional
        Input name to its new default.
    """
    return derive(original, dict(node_values), [], defaults or {})


def exposing(original: type, outputs: Sequence[tuple[str, str]]) -> type:
    """Return a workflow class that runs only what the given (node, field) outputs need, and returns those.

    Nodes of nested workflows are named with dots. The outputs are called `output_0`, `output_1`, ...
    """
    return derive(original, {}, [list(pair) for pair in outputs])


def derive(
    original: Any,
    node_values: Mapping[str, Any] | None = None,
    exposed: Sequence = (),
    defaults: Mapping[str, Any] | None = None,
    alone: bool = True,
    rebuild: Callable[[Any, Any], Any] | None = None,
) -> type:
    """Derive a workflow class from another, which is not changed.

    Parameters
    ----------
    original : workflow class
        May be a derived one.
    node_values, defaults
        As for `with_node_values`.
    exposed : sequence of (node, field)
        Outputs of nodes to return, alone or after the workflow's own.
    alone : bool
        Whether the exposed outputs replace those of the workflow.
    rebuild : function, optional
        At the top level of a module; given the workflow that is being built and its outputs, it changes the nodes and
        returns the outputs.
    """
    node_values, defaults, exposed = dict(node_values or {}), defaults or {}, list(exposed)
    inputs: dict[str, Any] = {}
    for field in pydra_compat.get_fields(original):
        if field.name in ("constructor", *RECIPE):
            continue
        settings = {} if field.mandatory else {"default": field.default}
        if field.name in defaults:
            settings = {"default": defaults[field.name]}
        inputs[field.name] = workflow.arg(name=field.name, type=field.type, help=field.help, **settings)
    constructor = pydra_compat.constructor(original)
    if constructor is replay:  # derived once more: start from the same original and add to its recipe
        recipe = {name: pydra_compat.get_fields(original)[name].default for name in RECIPE}
        constructor, node_values = recipe["original"], {**recipe["node_values"], **node_values}
        rebuild = rebuild or recipe["rebuild"]
    for name, value in zip(RECIPE, (constructor, node_values, exposed, alone, rebuild), strict=True):
        inputs[name] = workflow.arg(name=name, type=Any, default=value, help="how this workflow was derived")
    outputs = {field.name: field.type for field in pydra_compat.get_fields(original.Outputs)}
    outputs = {} if exposed and alone else outputs
    outputs |= {f"output_{number}": Any for number in range(len(exposed))}
    derived = workflow.define(replay, inputs=inputs, outputs=outputs, name=original.__name__)
    derived.__doc__ = original.__doc__
    return derived


def replay(**inputs: Any) -> Any:
    """Construct the original workflow, then set the values of its nodes (the constructor of every derived workflow)."""
    original, node_values, exposed, alone, rebuild = (inputs.pop(name) for name in RECIPE)
    outputs = original(**inputs)
    under_construction = workflow.this()
    for path, value in node_values.items():
        _set(under_construction, path, value)
    if rebuild is not None:
        outputs = rebuild(under_construction, outputs)
    if not exposed:
        return outputs
    names = [path.partition(".")[0] for path, _ in exposed]
    kept = _ancestors(under_construction, names)
    wanted = _expose(under_construction, exposed, set(under_construction.node_names) if not alone else kept)
    if not alone:
        return (*(outputs if isinstance(outputs, tuple) else (outputs,)), *wanted)
    pydra_compat.keep_nodes(under_construction, kept)
    return wanted


def _expose(under_construction: Any, exposed: list, kept: set[str]) -> tuple:
    """Return the lazy outputs; a nested workflow is replaced by one that also returns those of its nodes."""
    nested: dict[str, list] = {}
    for path, field in exposed:
        name, _, rest = path.partition(".")
        if rest:
            nested.setdefault(name, []).append([rest, field])
    used = {source for name in kept for source in _sources(under_construction, name)}
    for name, pairs in nested.items():
        node = under_construction[name]
        task = pydra_compat.node_task(node)
        derived = derive(type(task), {}, pairs, alone=name not in used)
        values = {n: getattr(task, n) for n in task if n != "constructor" and n not in RECIPE}
        pydra_compat.replace_node_task(node, pydra_compat.copy_split(task, derived(**values)))
    found = []
    for path, field in exposed:
        name, _, rest = path.partition(".")
        output = f"output_{nested[name].index([rest, field])}" if rest else field
        found.append(getattr(under_construction[name].lzout, output))
    return tuple(found)


def _set(under_construction: Any, path: str, value: Any) -> None:
    name, _, rest = path.partition(".")
    if name not in under_construction.node_names:
        raise ValueError(f"{path}: the workflow has no node {name!r}; its nodes are {under_construction.node_names}")
    node = under_construction[name]
    if "." not in rest:
        setattr(node.inputs, rest, value)
        return
    task = pydra_compat.node_task(node)
    derived = with_node_values(type(task), {rest: value})
    values = {name: getattr(task, name) for name in task if name != "constructor" and name not in RECIPE}
    pydra_compat.replace_node_task(node, pydra_compat.copy_split(task, derived(**values)))


def _ancestors(under_construction: Any, names: list[str]) -> set[str]:
    found: set[str] = set()
    while names:
        name = names.pop()
        if name not in found:
            found.add(name)
            names += _sources(under_construction, name)
    return found


def _sources(under_construction: Any, name: str) -> list[str]:
    """Return the nodes whose outputs a node takes."""
    values = dict(under_construction[name].input_values).values()
    sources = [pydra_compat.lazy_source(value)[0] for value in values if is_lazy(value)]
    return [source for source in sources if source is not None]
