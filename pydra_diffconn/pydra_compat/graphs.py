"""Reading and changing a constructed Pydra workflow: nodes, connections, splits."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
from pydra.compose import shell
from pydra.engine.lazy import LazyField, LazyInField, LazyOutField
from pydra.engine.node import Node
from pydra.engine.workflow import Workflow
from pydra.utils.general import get_fields
from pydra.utils.typing import StateArray


def node_task(node: Node) -> Any:
    """Return the task a node holds, with its values and its splitter."""
    return node._task


def replace_node_task(node: Node, task: Any) -> None:
    """Put another task into a node that is still under construction; it has at least the same inputs and outputs."""
    node._task = task
    node._lzout = None  # its lazy outputs are made anew; those handed out before point to this node by name


def is_split_list(value: Any) -> bool:
    """Say whether a value is the list that a task is split over."""
    return isinstance(value, StateArray)


def lazy_source(field: LazyField) -> tuple[str | None, str]:
    """Return (node name, field name) of an upstream output, or (None, field name) of a workflow input."""
    if isinstance(field, LazyOutField):
        return field._node.name, field._field
    return None, field._field


def reconnect(node: Node, moved: Mapping[tuple[str | None, str], Any]) -> None:
    """Let a node take the outputs that stand for those of nodes which were removed; its state follows."""
    for name, value in list(node.input_values):
        if isinstance(value, LazyOutField) and lazy_source(value) in moved:
            object.__setattr__(node._task, name, moved[lazy_source(value)])
    node._set_state()


def splitter(task: Any) -> Any:
    """Return what `task.split(...)` was given, or None."""
    return getattr(task, "_splitter", None)


def combiner(task: Any) -> Any:
    """Return what `task.combine(...)` was given, or None."""
    return task._combiner


def with_values(task: Any, **values: Any) -> Any:
    """Return a copy of a task with other values, its split and combination kept (`attrs.evolve` drops them)."""
    return copy_split(task, attrs.evolve(task, **values))


def copy_split(source: Any, target: Any, combine: bool = True) -> Any:
    """Split and, unless told otherwise, combine `target` as `source` is; return it."""
    target._splitter = source._splitter
    if combine:
        target._combiner = source._combiner
    target._container_ndim = source._container_ndim
    return target


def rename_split(task: Any, names: Mapping[str, str]) -> None:
    """Give the fields that a task is split over, or combines, other names."""

    def renamed(part: Any) -> Any:
        if isinstance(part, str):
            return names.get(part, part)
        return type(part)(renamed(one) for one in part) if part else part

    task._splitter, task._combiner = renamed(task._splitter), renamed(task._combiner)
    task._container_ndim = {names.get(key, key): depth for key, depth in (task._container_ndim or {}).items()}


HOUSEKEEPING = {
    *("function", "constructor", "executable", "append_args"),
    *("stdout", "stderr", "return_code"),
}


def field_names(task: Any) -> list[str]:
    """Return the inputs of a task or task class (or the outputs of an outputs class) that a user connects."""
    return [field.name for field in get_fields(task) if field.name not in HOUSEKEEPING]


def output_names(task: Any) -> set[str]:
    """Return those inputs of a shell task that only name the file an output is written to."""
    return {field.name for field in get_fields(task) if isinstance(field, shell.outarg)}


def given_values(task: Any) -> Iterator[tuple[str, Any]]:
    """Yield what was given to a task: connections, split lists, and values other than the defaults."""
    for name in field_names(task):
        value, default = getattr(task, name), get_fields(task)[name].default
        if value is attrs.NOTHING or value is default:
            continue
        if isinstance(value, bool | int | float | str) and value == default:
            continue
        yield name, value


def mandatory(task: Any) -> set[str]:
    """Return the inputs without which a task cannot run."""
    return {name for name in field_names(task) if get_fields(task)[name].mandatory}


def keep_nodes(workflow: Workflow, names: set[str]) -> None:
    """Drop all other nodes from a workflow that is still under construction."""
    for name in set(workflow._nodes) - names:
        del workflow._nodes[name]


def without_split(task: Any) -> Any:
    """Return a copy of a task whose split inputs are unset and whose split and combination are gone."""
    names = {name for name in task if isinstance(getattr(task, name), StateArray)}
    return attrs.evolve(task, **dict.fromkeys(names, attrs.NOTHING))


def construct(task: Any, lazy: tuple[str, ...] = (), check: bool = True) -> Workflow:
    """Build the graph of a workflow task; the inputs named in `lazy` stay symbols.

    Without `check` its nodes need not be fit to run: they are only looked at.
    """
    # never change the returned graph: Pydra hands the same one to the next caller with equal inputs
    with contextlib.nullcontext() if check else _unchecked(), _undecided():
        return Workflow.construct(task, dont_cache=True, lazy=lazy)


@contextlib.contextmanager
def _unchecked() -> Iterator[None]:
    from pydra.compose import base

    rules = base.Task._check_rules
    base.Task._check_rules = lambda self: None
    try:
        yield
    finally:
        base.Task._check_rules = rules


@contextlib.contextmanager
def _undecided() -> Iterator[None]:
    """Refuse that a constructor decides by a symbol: it is always true, and equal to nothing."""
    kept = {name: LazyInField.__dict__.get(name) for name in ("__eq__", "__bool__")}  # a change may construct, too
    equal = LazyInField.__eq__

    def asked(symbol: LazyInField) -> bool:
        package = sys._getframe(2).f_globals.get("__name__", "").partition(".")[0]
        if package in ("pydra", "attr", "attrs", "fileformats"):
            return False
        raise ValueError(
            f"{symbol._field} decides how the workflow is built, but its runs differ in it, or a task makes it: they "
            "would have different steps. Give the runs of each value by themselves, or make the alternatives a Choose"
        )

    def as_bool(symbol: LazyInField) -> bool:
        return not asked(symbol)

    def equals(symbol: LazyInField, other: Any) -> Any:
        if not isinstance(other, LazyInField):
            asked(symbol)
        return equal(symbol, other)

    LazyInField.__bool__, LazyInField.__eq__ = as_bool, equals
    try:
        yield
    finally:
        for name, method in kept.items():
            if method is None:
                delattr(LazyInField, name)
            else:
                setattr(LazyInField, name, method)


def require_workflow(task: Any) -> None:
    """Refuse anything that is not a workflow task or class."""
    from pydra.compose import workflow

    if not (isinstance(task, workflow.Task) or (isinstance(task, type) and issubclass(task, workflow.Task))):
        name = task.__name__ if isinstance(task, type) else type(task).__name__
        raise ValueError(f"{name} is not a workflow; expected what @workflow.define makes, with this step in it")


def constructor(task: Any) -> Any:
    """Return the user's constructor function of a workflow task or class."""
    return get_fields(task)["constructor"].default
