"""Workflows derived from somebody's workflow without touching their code: other values in nodes, other outputs.

The derived class has the inputs of the original and one more, the recipe: what was changed is an input like any
other, so that it is part of the checksum. A closure would not be, and one fit's result would answer for another's.
"""

from __future__ import annotations

import copyreg
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydra.compose import workflow

from pydra_diffconn import pydra_compat
from pydra_diffconn.workflow.construction import ancestors, as_tuple, taken_by

Change = Callable[[Any, Any], Any]
RECIPE = tuple(f"diffconn_{name}" for name in ("original", "changes", "exposed", "alone", "merge"))
"""Inputs of a derived workflow that say how it was made; the prefix keeps them apart from the user's own."""
CHANGES = RECIPE[1]


class Derived(type):
    """The kind of derived classes, which are pickled as their recipe: they stand in no module."""


class DerivedTask(workflow.Task, metaclass=Derived):
    """A workflow that was derived from another."""


def _recipe_of(derived: Any) -> Any:
    if "diffconn_defaults" not in vars(derived):
        return derived.__qualname__
    return _define, (_made_of(derived), dict(derived.diffconn_defaults))


def _made_of(derived: type) -> tuple[Any, ...]:
    """Return the values of a derived class's recipe."""
    return tuple(pydra_compat.get_fields(derived)[name].default for name in RECIPE)


copyreg.pickle(Derived, _recipe_of)


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
    return derive(original, dict(node_values), defaults=defaults)


def exposing(original: type, outputs: Sequence[tuple[str, str]]) -> type:
    """Return a workflow class that runs only what the given (node, field) outputs need, and returns those.

    Nodes of nested workflows are named with dots. The outputs are called `output_0`, `output_1`, ...
    """
    return derive(original, exposed=[list(pair) for pair in outputs])


def derive(
    original: Any,
    change: Mapping[str, Any] | Change | None = None,
    exposed: Sequence[Any] = (),
    defaults: Mapping[str, Any] | None = None,
    alone: bool = True,
    merge: Change | None = None,
) -> type:
    """Derive a workflow class from another, which is not changed.

    Parameters
    ----------
    original : workflow class
        May be a derived one, whose changes then come first.
    change : mapping or function, optional
        Values of nodes, as for `with_node_values`; or what changes the nodes: given the workflow that is being built
        and its outputs, it returns the outputs. Pydra must be able to hash and pickle it.
    exposed : sequence of (node, field)
        Outputs of nodes to return, alone or after the workflow's own.
    defaults : mapping, optional
        Input name to its new default.
    alone : bool
        Whether the exposed outputs replace those of the workflow.
    merge : function, optional
        A change that comes after all others, since the names of the nodes do not outlive it.
    """
    pydra_compat.require_workflow(original)
    changes, defaults = [], dict(defaults or {})
    if isinstance(original, Derived):  # derived once more: start from the same original and add to its recipe
        defaults = {**original.diffconn_defaults, **defaults}  # type: ignore[attr-defined]
        original, changes, _, _, before = _made_of(original)
        changes, merge = list(changes), merge or before
    if change:
        changes.append(dict(change) if isinstance(change, Mapping) else change)
    return _define((original, changes, list(exposed), alone, merge), defaults)


def _define(recipe: Sequence[Any], defaults: Mapping[str, Any]) -> type:
    """Define the class of a recipe."""
    original, _, exposed, alone, _ = recipe
    inputs: dict[str, Any] = {}
    for field in pydra_compat.get_fields(original):
        if field.name == "constructor":
            continue
        if field.name in RECIPE:
            raise ValueError(f"{original.__name__}: the input name {field.name!r} is reserved; give it another")
        settings = {} if field.mandatory else {"default": field.default}
        if field.name in defaults:
            settings = {"default": defaults[field.name]}
        inputs[field.name] = workflow.arg(name=field.name, type=field.type, help=field.help, **settings)
    for name, value in zip(RECIPE, recipe, strict=True):
        inputs[name] = workflow.arg(name=name, type=Any, default=value, help="how this workflow was derived")
    outputs = {field.name: field.type for field in pydra_compat.get_fields(original.Outputs)}
    outputs = {} if exposed and alone else outputs
    outputs |= {f"output_{number}": Any for number in range(len(exposed))}
    derived: Any = workflow.define(replay, inputs=inputs, outputs=outputs, name=original.__name__, bases=[DerivedTask])
    derived.__doc__ = original.__doc__
    derived.diffconn_defaults = defaults
    return derived


def derive_task(task: Any, **settings: Any) -> Any:
    """Derive the workflow of a task; return a task with the same inputs and split."""
    return pydra_compat.copy_split(task, derive(type(task), **settings)(**inputs_of(task)))


def inputs_of(task: Any) -> dict[str, Any]:
    """Return the inputs of a workflow task by name, without what it is made of."""
    return {name: getattr(task, name) for name in task if name not in ("constructor", *RECIPE)}


def replay(**inputs: Any) -> Any:
    """Construct the original workflow, then change it (the constructor of every derived workflow)."""
    original, changes, exposed, alone, merge = (inputs.pop(name) for name in RECIPE)
    outputs = pydra_compat.constructor(original)(**inputs)
    under_construction = workflow.this()
    if outputs is None:  # they were set on the workflow itself
        fields = pydra_compat.get_fields(type(under_construction.outputs))
        outputs = tuple(getattr(under_construction.outputs, field.name) for field in fields)
        outputs = outputs if len(outputs) > 1 else outputs[0]
    for change in [*changes, *([merge] if merge else [])]:
        if not isinstance(change, Mapping):
            outputs = change(under_construction, outputs)
            continue
        for path, value in change.items():
            _set(under_construction, path, value)
    if not exposed:
        return outputs
    names = [_split(under_construction, path)[0] for path, _ in exposed]
    kept = ancestors(under_construction, names)
    wanted = _expose(under_construction, exposed, set(under_construction.node_names) if not alone else kept)
    if not alone:
        return (*as_tuple(outputs), *wanted)
    pydra_compat.keep_nodes(under_construction, kept)
    return wanted


def _expose(under_construction: Any, exposed: list[Any], kept: set[str]) -> tuple[Any, ...]:
    """Return the lazy outputs; a nested workflow is replaced by one that also returns those of its nodes."""
    nested: dict[str, list[Any]] = {}
    for path, field in exposed:
        name, rest = _split(under_construction, path)
        if rest:
            nested.setdefault(name, []).append([rest, field])
    used = {source for name in kept for source in taken_by(under_construction[name])}
    for name, pairs in nested.items():
        node = under_construction[name]
        task = pydra_compat.node_task(node)
        pydra_compat.replace_node_task(node, derive_task(task, exposed=pairs, alone=name not in used))
    found = []
    for path, field in exposed:
        name, rest = _split(under_construction, path)
        output = f"output_{nested[name].index([rest, field])}" if rest else field
        found.append(getattr(under_construction[name].lzout, output))
    return tuple(found)


def _split(under_construction: Any, path: str) -> tuple[str, str]:
    """Return the node that a path begins with, and the rest; a node's own name may have dots."""
    known = [name for name in under_construction.node_names if path == name or path.startswith(f"{name}.")]
    name = max(known, key=len, default=path.partition(".")[0])
    return name, path[len(name) + 1 :]


def _set(under_construction: Any, path: str, value: Any) -> None:
    name, rest = _split(under_construction, path)
    if name not in under_construction.node_names:
        raise ValueError(f"{path}: the workflow has no node {name!r}; its nodes are {under_construction.node_names}")
    node = under_construction[name]
    if "." not in rest:
        setattr(node.inputs, rest, value)
        return
    pydra_compat.replace_node_task(node, derive_task(pydra_compat.node_task(node), change={rest: value}))
