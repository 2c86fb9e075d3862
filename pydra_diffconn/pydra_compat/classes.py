"""Classes of tasks that can be found again: by other processes, and by pickle.

Pydra leaves the classes it makes in the module `types`, and the function of a class under the name of the class.
"""

from __future__ import annotations

import functools
from typing import Any

import attrs
from pydra.utils.general import get_fields

EXECUTORS = ("function", "constructor")
"""The inputs of a task that hold its function."""


def put_beside(made: Any, function: Any) -> None:
    """Let a class of tasks, and that of its outputs, say that they stand where their function does."""
    outer = function.__qualname__.rpartition(".")[0]
    made.__qualname__ = f"{outer}.{made.__name__}" if outer else made.__name__
    made.__module__ = made.Outputs.__module__ = function.__module__
    made.Outputs.__qualname__ = f"{made.__qualname__}.Outputs"


def install_classes() -> None:
    """Let every class of tasks say in which module it stands, and every task be pickled without that function."""
    from pydra.compose import base, python, workflow

    build = base.build_task_class

    @functools.wraps(build)
    def in_its_module(*args: Any, klass: type | None = None, **settings: Any) -> Any:
        made = build(*args, klass=klass, **settings)
        function = next((one.default for one in get_fields(made) if one.name in EXECUTORS), None)
        if klass is None and function is not None and hasattr(function, "__qualname__"):
            put_beside(made, function)
        return made

    python.build_task_class = workflow.build_task_class = in_its_module
    base.Task.__reduce_ex__ = _reduced


def _reduced(task: Any, protocol: Any) -> Any:
    state = {one.name: getattr(task, one.name) for one in attrs.fields(type(task)) if one.name != "_constructed"}
    fields = get_fields(type(task))
    for name in EXECUTORS:
        if name in state and state[name] is fields[name].default:
            del state[name]
    return _empty, (type(task),), state


def _empty(kind: Any) -> Any:
    """Return a task of a class with that class's function, and nothing else yet."""
    task = kind.__new__(kind)
    for field in get_fields(kind):
        if field.name in EXECUTORS:
            object.__setattr__(task, field.name, field.default)
    if "_constructed" in {one.name for one in attrs.fields(kind)}:
        object.__setattr__(task, "_constructed", None)
    return task
