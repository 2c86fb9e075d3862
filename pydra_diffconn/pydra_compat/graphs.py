"""Reading and changing a constructed Pydra workflow: nodes, connections, splits."""

from __future__ import annotations

import abc
import contextvars
import dis
import inspect
import itertools
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

from pydra_diffconn.pydra_compat.submitting import in_users_folder


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


def with_values(task: Any, /, **values: Any) -> Any:
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
    asked: list[str] = []
    tokens = _unchecked.set(not check), _asked.set(asked)
    try:
        with in_users_folder():
            found = Workflow.construct(task, dont_cache=True, lazy=lazy)
    finally:
        _unchecked.reset(tokens[0])
        _asked.reset(tokens[1])
    if asked:  # a constructor may have swallowed the error
        raise ValueError(UNDECIDED.format(asked[0]))
    return found


_unchecked: contextvars.ContextVar[bool] = contextvars.ContextVar("nodes need not be fit to run", default=False)
_asked: contextvars.ContextVar[list[str] | None] = contextvars.ContextVar("symbols that were asked", default=None)
UNDECIDED = (
    "{} decides how the workflow is built, but its runs differ in it, or a task makes it: they would have different "
    "steps. Give the runs of each value by themselves, or make the alternatives a Choose"
)
OURS = ("workflow", "declare", "equivalents", "pydra_compat", "program", "learning")
PACKAGES = (
    *("pydra.", "attr.", "attrs.", "fileformats.", "typing", "abc", "copy", "functools", "inspect"),
    *(f"pydra_diffconn.{name}." for name in OURS),
)
"""Modules that may ask a symbol anything: they decide nothing by it."""


class Symbol(LazyInField):
    """An input that is not known while a workflow is built: asked by the user's code, it refuses to answer.

    Python asks it for its class (isinstance), its text (f-strings), its number (float), its truth, attributes.
    """

    def _refuse(self) -> bool:
        """Note who asks; say whether it is a library that may."""
        asked, module = _asked.get(), sys._getframe(2).f_globals.get("__name__", "")
        if asked is None or module.startswith(PACKAGES):
            return False
        asked.append(self._field)
        raise ValueError(UNDECIDED.format(self._field))

    def __bool__(self) -> bool:
        return self._refuse()

    def __eq__(self, other: Any) -> bool:
        if not isinstance(other, LazyInField):
            self._refuse()
        return LazyInField.__eq__(self, other)

    __hash__ = None  # type: ignore[assignment]

    @property
    def __class__(self) -> Any:
        self._refuse()
        return Symbol

    def __str__(self) -> str:
        self._refuse()
        return LazyInField.__repr__(self)

    def __format__(self, how: str) -> str:
        self._refuse()
        return LazyInField.__repr__(self)

    def _number(self, *_: Any) -> Any:
        self._refuse()
        raise TypeError("a LazyInField is no number")

    __float__ = __int__ = __index__ = __len__ = __array__ = __lt__ = __le__ = __gt__ = __ge__ = _number

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_"):
            self._refuse()
        raise AttributeError(name)


def _install_symbols() -> None:
    """Let workflows that are only looked at be built with symbols, without checks, and without hashing their inputs."""
    from pydra.compose import base
    from pydra.engine import workflow

    rules, hash_function = base.Task._check_rules, workflow.hash_function

    class Chosen(metaclass=abc.ABCMeta):  # noqa: B024 - it only stands for the two kinds
        def __new__(cls, *args: Any, **settings: Any) -> Any:
            return (LazyInField if _asked.get() is None else Symbol)(*args, **settings)

    def check(self: Any) -> None:
        if not _unchecked.get():
            rules(self)

    def hash_of(value: Any, **settings: Any) -> str:
        # nothing is kept of what is looked at, nor looked up
        return hash_function(value, **settings) if _asked.get() is None else "looked at"

    Chosen.register(LazyInField)
    workflow.LazyInField = Chosen
    workflow.hash_function = hash_of
    base.Task._check_rules = check


def asked_for_none(function: Any) -> set[str]:
    """Return the arguments of a function that it compares with None, directly or under another name."""
    names = {name: name for name in inspect.signature(function).parameters}
    found: set[str] = set()
    steps = list(dis.get_instructions(function))
    for _ in range(2):  # a name may be given before or after it is asked, in a loop
        for step, after in itertools.pairwise(steps):
            origin = names.get(step.argval) if step.opname in ("LOAD_FAST", "LOAD_DEREF") else None
            if origin is None:
                continue
            if after.opname in ("STORE_FAST", "STORE_DEREF"):
                names[after.argval] = origin
            elif "NONE" in after.opname or (after.opname == "LOAD_CONST" and after.argval is None):
                found.add(origin)
    return found


def require_workflow(task: Any) -> None:
    """Refuse anything that is not a workflow task or class."""
    from pydra.compose import workflow

    if not (isinstance(task, workflow.Task) or (isinstance(task, type) and issubclass(task, workflow.Task))):
        kind = task if isinstance(task, type) else type(task)
        if kind.__module__.startswith("nipype."):
            told = "swap, proposals, fuse, fit and with_parameters take one, and nothing else does"
            raise ValueError(f"this is a workflow of Nipype: {told}")
        raise ValueError(
            f"{kind.__name__} is not a workflow; expected what @workflow.define makes, with this step in it"
        )


def constructor(task: Any) -> Any:
    """Return the user's constructor function of a workflow task or class."""
    return get_fields(task)["constructor"].default
