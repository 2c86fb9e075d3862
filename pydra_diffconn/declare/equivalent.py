"""What stands for a classical step: the vocabulary in which equivalents are written."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import attrs
from pydra.utils.hash import hash_function
from pydra.utils.typing import is_lazy

from pydra_diffconn import pydra_compat

Step = tuple[Any, Mapping[str, str | None]]
"""A task, and their fields (inputs and outputs) to ours; None for a field that does not matter any more."""


@dataclass(frozen=True)
class Equivalent:
    """What stands for one classical step.

    Attributes
    ----------
    of : str
        The step, as `module:name` of its task class, of the function of a Python task, or of the function or
        estimator that this function does nothing but call; `*` stands for anything.
    make : function
        Given the options that were set, by name, as a dict, it takes out those it understands and returns a task and
        where the connected fields go; it raises ValueError on what has no equivalent. What it leaves in the dict and
        does not name in the fields counts as not understood; what it took out is not handed on.
    source : str
        Where the meaning of the options is documented.
    """

    of: str
    make: Callable[[dict[str, Any]], Step]
    source: str = ""

    def matches(self, view: View) -> bool:
        """Say whether this is for what a task is seen as."""
        return fnmatch.fnmatchcase(view.identity, self.of)

    def step(self, view: View) -> Step:
        """Return what stands for a task.

        Raises
        ------
        ValueError
            If an option of it has no equivalent.
        """
        options = dict(view.options)
        made, ours = self.make(options)
        left = sorted(name for name in options if name not in ours)
        if left:
            shown = ", ".join(
                f"{name} = {'<connected>' if is_connected(options[name]) else options[name]!r}" for name in left
            )
            raise ValueError(f"there is no equivalent for {shown}")
        known = view.fields if view.fields is not None else _fields(view.task)
        if view.names is None:
            return made, dict.fromkeys(set(view.options) - set(options)) | {
                name: field for name, field in ours.items() if name in known
            }
        literal = {ours[n]: v for n, v in options.items() if n not in view.names and v is not None}
        made = attrs.evolve(made, **literal)  # type: ignore[arg-type]
        used = {view.names[name]: ours[name] for name in options if name in view.names}
        return made, dict.fromkeys(given_options(view.task)) | used

    def __bytes_repr__(self, cache: Any) -> Iterable[bytes]:
        yield f"Equivalent:{self.of}:".encode()
        yield hash_function(self.make).encode()


def given_options(task: Any) -> dict[str, Any]:
    """Return what was set in a task, by name, but for the names of the files that it writes."""
    return {name: v for name, v in pydra_compat.given_values(task) if name not in pydra_compat.output_names(task)}


@dataclass(frozen=True)
class View:
    """A task as the use of a known thing.

    Attributes
    ----------
    task : task
        The task itself.
    identity : str
        What it uses, as `module:name`.
    options : dict
        What was set, by the thing's own names; for a call within a function also `returned` and `read`, see `wrappers`.
    names : dict, optional
        The thing's names to the task's fields, where a function stands between them.
    fields : set, optional
        The inputs and outputs of what is no task of Pydra.
    """

    task: Any
    identity: str
    options: Mapping[str, Any]
    names: Mapping[str, str] | None = None
    fields: frozenset[str] | None = None


@dataclass(frozen=True)
class Connected:
    """Stands for the value of an option that an earlier step makes."""

    origin: str


def setting(options: dict[str, Any], name: str, default: Any = None) -> Any:
    """Take an option out; it must be a plain value, since our step is chosen by it.

    Raises
    ------
    ValueError
        If it is connected to another step, or split.
    """
    value = options.pop(name, default)
    if is_connected(value):
        raise ValueError(f"{name} is connected to another step or split; which step stands for it depends on its value")
    return value


def without_effect(options: dict[str, Any], *names: str) -> None:
    """Take out options that have no effect on the numbers."""
    for name in names:
        options.pop(name, None)


def refuse(options: dict[str, Any], reasons: Mapping[str, str]) -> None:
    """Take out options that have no equivalent, and say why if one of them is set; unset ones, and False, are fine."""
    for name, reason in reasons.items():
        value = options.pop(name, None)
        if is_connected(value) or (value is not None and value is not False):
            raise ValueError(f"there is no equivalent for {name}: {reason}")


def is_connected(value: Any) -> bool:
    """Say whether a value is not known before the workflow runs, or differs between the parts of a split."""
    return is_lazy(value) or isinstance(value, Connected) or pydra_compat.is_split_list(value)


def _fields(task: Any) -> set[str]:
    return {*pydra_compat.field_names(task), *pydra_compat.field_names(type(task).Outputs)}
