"""Putting another task into the place of a workflow's node: every connection is made again, or refused by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import attrs
import numpy as np
from fileformats.generic import FileSet
from pydra.utils.hash import hash_single
from pydra.utils.typing import is_lazy

from pydra_diffconn import pydra_compat
from pydra_diffconn.workflow import deriving
from pydra_diffconn.workflow.construction import as_tuple, moved_to, used_outputs
from pydra_diffconn.workflow.splits import names_of


@dataclass(frozen=True)
class Replacements:
    """A change of a workflow (see `rewire.derive`): other tasks in the place of some nodes.

    Attributes
    ----------
    steps : tuple of (which, task, fields)
        Name of a node (in nested workflows with dots) or class of nodes; what stands in its place, whose own values
        count before those of the node; and the node's fields to the new task's, where they have other names.
    """

    steps: tuple[tuple[str | type, Any, Mapping[str, str | None]], ...]
    nested: bool = False

    def __call__(self, under_construction: Any, outputs: Any) -> Any:
        """Replace the nodes of a workflow that is being built; return the workflow's outputs."""
        found: set[int] = set()
        for node in list(under_construction.nodes):
            old = pydra_compat.node_task(node)
            for number, (which, task, fields) in enumerate(self.steps):
                if which == node.name or which is type(old):
                    outputs = replace_node(under_construction, outputs, node.name, task, fields, defaults=True)
                    found.add(number)
                    break
            else:
                if pydra_compat.is_workflow(old) and (inner := self._within(node.name)):
                    pydra_compat.replace_node_task(
                        node, deriving.derive_task(old, change=Replacements(tuple(inner.values()), nested=True))
                    )
                    found |= {n for n in inner if not isinstance(self.steps[n][0], type) or self._holds(old, n)}
        missing = [str(which) for number, (which, _, _) in enumerate(self.steps) if number not in found]
        if self.nested:  # a class need not be in every nested workflow
            missing = [which for which in missing if which in [step[0] for step in self.steps]]
        if missing:
            nodes = {node.name: type(pydra_compat.node_task(node)).__name__ for node in under_construction.nodes}
            raise ValueError(f"swap: there is no node {', '.join(missing)}; the nodes (and their tasks) are {nodes}")
        return outputs

    def _holds(self, workflow: Any, number: int) -> bool:
        """Say whether a nested workflow, or one within it, has a node of the class of a step."""
        for task in inside(workflow):
            if task is None or type(task) is self.steps[number][0]:
                return True
            if pydra_compat.is_workflow(task) and self._holds(task, number):
                return True
        return False

    def _within(self, name: str) -> dict[int, tuple[Any, ...]]:
        """Return, by their numbers, the steps for the nodes of a nested workflow."""
        inner: dict[int, tuple[Any, ...]] = {}
        for number, (which, task, fields) in enumerate(self.steps):
            if isinstance(which, type):
                inner[number] = (which, task, fields)
            elif which.startswith(f"{name}."):
                inner[number] = (which.removeprefix(f"{name}."), task, fields)
        return inner

    def __bytes_repr__(self, cache: Any) -> Iterable[bytes]:
        """Let the checksum of a derived workflow depend on what was put in."""
        for which, task, fields in self.steps:
            yield f"{which}:{sorted(fields.items())}:".encode()
            yield hash_single(task, cache)


def inside(task: Any) -> list[Any]:
    """Return the tasks in a workflow task, or None for them where its construction must wait for values."""
    values = deriving.inputs_of(task)
    unknown = tuple(name for name, value in values.items() if is_lazy(value) or value is attrs.NOTHING)
    split = tuple(names_of(pydra_compat.splitter(task)))
    symbolic = attrs.evolve(pydra_compat.without_split(task), **dict.fromkeys(unknown, attrs.NOTHING))
    try:
        nodes = pydra_compat.construct(symbolic, (*split, *unknown), check=False).nodes
    except ValueError:
        return [None]
    return [pydra_compat.node_task(node) for node in nodes]


def replace_node(
    under_construction: Any,
    outputs: Any,
    name: str,
    task: Any,
    fields: Mapping[str, str | None],
    defaults: bool = False,
) -> Any:
    """Put a task into the place of a node and connect it; return the workflow's outputs.

    With `defaults`, numbers that the node has by default are taken over, too: the new task's own defaults are others.

    Raises
    ------
    ValueError
        If a field that is connected, split or combined has no counterpart; the message names both sides.
    """
    node = under_construction[name]
    old = pydra_compat.node_task(node)
    connection = _Connection(name, old, task, fields, defaults)
    several = as_tuple(outputs)
    used = used_outputs(under_construction, name, several)
    names = {output: connection.output(output, used) for output in used}
    new = attrs.evolve(task, **connection.values())
    connection.split(new)
    pydra_compat.replace_node_task(node, new)
    pydra_compat.reconnect(node, {})
    moved: dict[tuple[str | None, str], Any] = {
        (name, output): getattr(node.lzout, target) for output, target in names.items()
    }
    for other in under_construction.nodes:
        if other is not node:
            renamed = {f"{name}.{a}": f"{name}.{b}" for a, b in connection.inputs.items()}
            pydra_compat.rename_split(pydra_compat.node_task(other), renamed)
            pydra_compat.reconnect(other, moved)
    several = moved_to(several, moved)
    return several if isinstance(outputs, tuple) else several[0]


class _Connection:
    """What of one task's fields goes where in another's."""

    def __init__(self, name: str, old: Any, new: Any, fields: Mapping[str, str | None], defaults: bool = False) -> None:
        self.name, self.old, self.new, self.fields = name, old, new, fields
        self.theirs = set(pydra_compat.field_names(old)) - pydra_compat.output_names(old)
        self.their_outputs = set(pydra_compat.field_names(type(old).Outputs))
        self.ours = set(pydra_compat.field_names(new))
        self.our_outputs = set(pydra_compat.field_names(type(new).Outputs))
        self.own = {name for name, _ in pydra_compat.given_values(new)}
        self._refuse_unknown()
        self.defaults: list[str] = []
        taken = {field: self.fields.get(field, field) for field in self.theirs}
        self.inputs = {old: new for old, new in taken.items() if new in self.ours}
        if defaults:
            self.defaults = [name for name in self.inputs if isinstance(getattr(old, name), int | float | str)]
        if pydra_compat.splitter(new) is not None:
            raise ValueError(f"swap: give {self.title(new)} without a split; it takes over that of {name}")

    def title(self, task: Any) -> str:
        return type(task).__name__

    def _refuse_unknown(self) -> None:
        for theirs, ours in self.fields.items():
            if theirs not in self.theirs | self.their_outputs:
                known = sorted(self.theirs | self.their_outputs)
                raise ValueError(
                    f"swap: fields: {self.name} ({self.title(self.old)}) has no field {theirs!r}; it has {known}"
                )
            wanted = self.our_outputs if theirs not in self.theirs else self.ours | self.our_outputs
            if ours is not None and ours not in wanted:
                raise ValueError(
                    f"swap: fields: {self.name}.{theirs} is to become {ours!r}, which {self.title(self.new)} does not "
                    f"have; it has {sorted(wanted)}"
                )

    def values(self) -> dict[str, Any]:
        """Return the values that the new task takes over: connections, and numbers where it has none of its own."""
        taken: dict[str, Any] = {}
        split = {n.rpartition(".")[2] for n in names_of(pydra_compat.splitter(self.old))}
        # what equals a default of the old task is taken over where it is said what it becomes: ours may have another
        given = dict(pydra_compat.given_values(self.old))
        named = {name: getattr(self.old, name) for name in self.fields if name in self.theirs}
        given |= {name: value for name, value in named.items() if value is not None and value is not attrs.NOTHING}
        for name, value in given.items():
            if name not in self.theirs or self.fields.get(name, name) is None:
                continue
            target = self.inputs.get(name)
            connected = is_lazy(value) or name in split or isinstance(value, np.ndarray | FileSet)
            if target is None and connected:
                raise ValueError(
                    f"swap: {self.name}.{name} is connected to {_origin(value)}, and {self.title(self.new)} has no "
                    f"field {name!r}; say which of {sorted(self.ours)} takes it: "
                    f"fields={{{self.name!r}: {{{name!r}: ...}}}}"
                )
            if target in taken:
                raise ValueError(f"swap: two fields of {self.name}, one of them {name!r}, would become {target!r}")
            if target is not None and (connected or target not in self.own):
                taken[target] = value
        for name in self.defaults:
            value, target = getattr(self.old, name), self.inputs[name]
            if target not in taken and target not in self.own:
                taken[target] = value
        missing = sorted(pydra_compat.mandatory(self.new) - self.own - set(taken))
        if missing:
            unused = sorted(self.theirs - set(self.inputs))
            raise ValueError(
                f"swap: {self.title(self.new)} needs {', '.join(missing)}, which {self.name} does not give; fields of "
                f"{self.title(self.old)} that go nowhere: {unused}"
            )
        return taken

    def split(self, new: Any) -> None:
        """Split and combine the new task as the old one, under the new names."""
        pydra_compat.copy_split(self.old, new)
        pydra_compat.rename_split(new, self.inputs)

    def output(self, output: str, used: list[str]) -> str:
        """Return the name of the new task's output that stands for one of the old task's."""
        try:
            return _our_output(self.old, self.new, self.fields, output, used)
        except ValueError as error:
            raise ValueError(f"swap: {self.name}: {error}") from None


def _our_output(old: Any, new: Any, fields: Mapping[str, str | None], output: str, used: list[str]) -> str:
    """Return the new task's output for one of the old task's: the one named, of the same name, or the only one."""
    ours = set(pydra_compat.field_names(type(new).Outputs))
    theirs = set(pydra_compat.field_names(type(old).Outputs)) - set(pydra_compat.field_names(old))
    theirs |= pydra_compat.output_names(old)
    named = fields.get(output)
    if named is not None:
        return named
    if output in ours:
        return output
    # where some are named, or there are several, none is guessed
    if len(used) == 1 and len(ours) == 1 and len(theirs) == 1 and not theirs & set(fields):
        return next(iter(ours))
    raise ValueError(
        f"its output {output!r} is used, and {type(new).__name__} has none of that name; if one of {sorted(ours)} "
        f"stands for it, say so in the node's fields: {{{output!r}: ...}}"
    )


def _origin(value: Any) -> str:
    if not is_lazy(value):
        return "a value or list of data"
    node, name = pydra_compat.lazy_source(value)
    return f"input {name!r} of the workflow" if node is None else f"{node}.{name}"
