"""Other steps in a copy of a workflow of Nipype: every connection is made again, or refused by naming both ends."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from nipype.interfaces.base import TraitError, isdefined
from nipype.pipeline.engine import Workflow

from pydra_diffconn.nipype.contents import names_a_file
from pydra_diffconn.nipype.expanding import walk
from pydra_diffconn.nipype.interfaces import OWN, TaskInterface, interface
from pydra_diffconn.nipype.known_steps import equivalent, known
from pydra_diffconn.nipype.placing import held, put
from pydra_diffconn.workflow.swapping import Proposal

Fields = Mapping[str, str | None]


def swap(
    their: Workflow,
    steps: Mapping[str | type, Any] | None = None,
    fields: Mapping[str | type, Fields] | None = None,
) -> Workflow:
    """Return a copy of a workflow with other steps in the place of some; see `swap` of Pydra's workflows."""
    made = copy.deepcopy(their)
    if steps is None:
        return _with_equivalents(made)
    if not steps:
        raise ValueError("swap: no steps were given; leave `steps` out to swap all that have a registered equivalent")
    ours = {which: _as_interface(which, task) for which, task in steps.items()}
    if unknown := [str(which) for which in fields or {} if which not in steps]:
        raise ValueError(f"swap: fields were given for {', '.join(unknown)}, which is not to be swapped")
    found: set[Any] = set()
    for path, _, node in walk(made):
        for which, one in ours.items():
            if which == path or which is type(node.interface):
                replace_node(made, path, node, one, (fields or {}).get(which, {}))
                found.add(which)
                break
    if missing := [_told(which) for which in steps if which not in found]:
        nodes = {path: type(node.interface).__name__ for path, _, node in walk(their)}
        raise ValueError(f"swap: there is no node {', '.join(missing)}; the nodes (and their interfaces) are {nodes}")
    return made


def proposals(their: Workflow) -> list[Proposal]:
    """Return, for each node of a workflow, what `swap` would put in its place, or why not."""
    found, registered = [], known()
    for path, _, node in walk(their):
        step, reason = equivalent(node, registered, _connected(their, path, node), _used(their, path))
        found.append(Proposal(path, type(node.interface).__name__, step[0] if step else None, reason))
    return found


def _with_equivalents(made: Workflow) -> Workflow:
    """Put what is known to be equal in the place of every node that has an equivalent."""
    reasons, registered = {}, known()
    for path, _, node in walk(made):
        step, reasons[path] = equivalent(node, registered, _connected(made, path, node), _used(made, path))
        if step is not None:
            replace_node(made, path, node, interface(step[0]), step[1], equal=True)
            del reasons[path]
    if len(reasons) == len(list(walk(made))):
        told = "; ".join(f"{path}: {reason}" for path, reason in reasons.items())
        raise ValueError(f"swap: no step has an equivalent ({told}); name the steps: swap(workflow, {{...}})")
    return made


def _as_interface(which: Any, task: Any) -> TaskInterface:
    if isinstance(task, TaskInterface):
        return task
    try:
        made = task if isinstance(task, type) and issubclass(task, TaskInterface) else interface(task)
        return made() if isinstance(made, type) else made
    except (TypeError, ValueError):
        raise ValueError(
            f"swap: {_told(which)}: {task!r} is no block; give one with its values, as in BandPass(low=0.01)"
        ) from None


def _told(which: Any) -> str:
    return which.__name__ if isinstance(which, type) else str(which)


@dataclass
class _Edge:
    """One connection that ends or begins at a node, also where nested workflows stand between."""

    data: dict[str, Any]
    number: int
    prefix: str
    other: str
    incoming: bool

    @property
    def field(self) -> str:
        taken, target = self.data["connect"][self.number]
        name = target if self.incoming else taken if isinstance(taken, str) else taken[0]
        return str(name)[len(self.prefix) :]

    def rename(self, new: str) -> None:
        taken, target = self.data["connect"][self.number]
        if self.incoming:
            target = self.prefix + new
        else:
            taken = self.prefix + new if isinstance(taken, str) else (self.prefix + new, *taken[1:])
        self.data["connect"][self.number] = (taken, target)


def _edges(workflow: Workflow, path: str) -> Iterator[_Edge]:
    """Yield the connections of a node in its own workflow and in those around it."""
    here, parts = workflow, path.split(".")
    while True:
        name, rest = parts[0], parts[1:]
        prefix = ".".join([*rest, ""])
        end = next(node for node in here._graph.nodes() if node.name == name)
        for source, target, data in here._graph.edges(data=True):
            for number, (taken, field) in enumerate(data["connect"]):
                output = taken if isinstance(taken, str) else taken[0]
                if target is end and str(field).rpartition(".")[0] == ".".join(rest):
                    yield _Edge(data, number, prefix, f"{source.name}.{output}", True)
                elif source is end and str(output).rpartition(".")[0] == ".".join(rest):
                    yield _Edge(data, number, prefix, f"{target.name}.{field}", False)
        if not rest:
            return
        here, parts = end, rest


def _used(workflow: Workflow, path: str) -> list[str]:
    """Return the outputs of a node that something takes."""
    return list(dict.fromkeys(edge.field for edge in _edges(workflow, path) if not edge.incoming))


def _connected(workflow: Workflow, path: str, node: Any) -> dict[str, str]:
    """Return the inputs of a node that are connected, or run over values, and to what."""
    return _run_over(node) | {edge.field: edge.other for edge in _edges(workflow, path) if edge.incoming}


def _run_over(node: Any) -> dict[str, str]:
    """Return the inputs of which a node takes one value after the other, and where these stand."""
    listed = dict.fromkeys(getattr(node, "iterfield", []), "its list of values")
    return listed | dict.fromkeys(_iterated(node), "its iterables")


def _iterated(node: Any) -> list[str]:
    given = node.iterables
    if not given:
        return []
    if isinstance(given, tuple) and isinstance(given[0], str):
        return [given[0]]
    if node.synchronize and len(given) == 2 and all(isinstance(name, str) for name in given[0]):
        return list(given[0])
    return [name for name, _ in (given.items() if isinstance(given, dict) else given)]


def replace_node(
    workflow: Workflow, path: str, node: Any, ours: TaskInterface, fields: Fields, equal: bool = False
) -> None:
    """Put an interface in the place of a node's, with its connections and values.

    An `equal` one was made for this node: it takes only the values of those fields that are said to be its own.
    """
    swapped = _Swapped(workflow, path, node, copy.deepcopy(ours), fields, equal)
    swapped.refuse_unknown()
    names = {name: swapped.target(name) for name in swapped.connected}
    outputs = {name: swapped.output(name) for name in swapped.used}
    swapped.take_values({name for name in names.values() if name is not None})
    for edge in list(_edges(workflow, path)):
        new = (names if edge.incoming else outputs)[edge.field]
        if new is not None:
            edge.rename(new)
    _drop(workflow, path, {name for name, new in names.items() if new is None})
    put(node, swapped.ours, names)
    for _, _, other in walk(workflow):
        if other.itersource and other.itersource[0] == node.name:
            taken = other.itersource[1]
            renamed = names.get(taken, taken) if isinstance(taken, str) else [names.get(one, one) for one in taken]
            other.itersource = (node.name, renamed)


def _drop(workflow: Workflow, path: str, fields: set[str]) -> None:
    for edge in sorted(_edges(workflow, path), key=lambda one: -one.number):
        if edge.incoming and edge.field in fields:
            del edge.data["connect"][edge.number]


class _Swapped:
    """What of one interface goes where in another."""

    def __init__(
        self, workflow: Workflow, path: str, node: Any, ours: TaskInterface, fields: Fields, equal: bool
    ) -> None:
        self.path, self.node, self.ours, self.fields, self.equal = path, node, ours, fields, equal
        self.connected, self.used = _connected(workflow, path, node), _used(workflow, path)
        self.theirs = set(node.interface.inputs.copyable_trait_names()) | set(self.connected)
        made = node.interface._outputs()
        self.their_outputs = set(made.copyable_trait_names() if made is not None else []) | set(self.used)
        self.our_inputs = set(ours.inputs.copyable_trait_names()) - set(OWN)
        self.our_outputs = set(ours._outputs().copyable_trait_names())
        fresh = type(ours)().inputs
        given = {name: getattr(ours.inputs, name) for name in self.our_inputs}
        self.own = {n for n, v in given.items() if isdefined(v) and not _same(v, getattr(fresh, n))}

    @property
    def title(self) -> str:
        return type(self.ours).__name__

    def say(self, name: str) -> str:
        """Say how to name the input of ours for one of theirs."""
        return f"say which of {sorted(self.our_inputs)} takes it: fields={{{self.path!r}: {{{name!r}: ...}}}}"

    def refuse_unknown(self) -> None:
        for theirs, ours in self.fields.items():
            if theirs not in self.theirs | self.their_outputs:
                known = sorted(self.theirs | self.their_outputs)
                raise ValueError(
                    f"swap: fields: {self.path} ({type(self.node.interface).__name__}) has no field {theirs!r}; it has "
                    f"{known}"
                )
            wanted = self.our_inputs if theirs in self.connected else self.our_inputs | self.our_outputs
            if ours is not None and ours not in wanted:
                raise ValueError(
                    f"swap: fields: {self.path}.{theirs} is to become {ours!r}, which {self.title} does not have; it "
                    f"has {sorted(wanted)}"
                )

    def target(self, name: str) -> str | None:
        """Return the input of ours for a connected one of theirs; None if it is left out."""
        target = self.fields.get(name, name)
        if target is None and name in _run_over(self.node):
            raise ValueError(f"swap: {self.path}.{name} is {_run_over(self.node)[name]}, which cannot be left out")
        if target is not None and target not in self.our_inputs:
            raise ValueError(
                f"swap: {self.path}.{name} is connected to {self.connected[name]}, and {self.title} has no input "
                f"{name!r}; {self.say(name)}"
            )
        return target

    def output(self, name: str) -> str:
        """Return the output of ours for one of theirs: the one named, of the same name, or the only one."""
        named = self.fields.get(name)
        if named is not None:
            return named
        if name in self.our_outputs:
            return name
        if len(self.used) == len(self.our_outputs) == 1 and not self.their_outputs & set(self.fields):
            return next(iter(self.our_outputs))
        raise ValueError(
            f"swap: the output {self.path}.{name} is used, and {self.title} has none of that name; if one of "
            f"{sorted(self.our_outputs)} stands for it, say so: fields={{{self.path!r}: {{{name!r}: ...}}}}"
        )

    def take_values(self, connected: set[str]) -> None:
        """Take over the values that ours were not given themselves; refuse data without a place."""
        for name in sorted(self.node.interface.inputs.copyable_trait_names()):
            value = held(self.node, name)
            if (
                not isdefined(value)
                or name in self.connected
                or name in OWN
                or (self.equal and name not in self.fields)
            ):
                continue
            target = self.fields.get(name, name)
            if target is not None and target not in self.our_inputs and _is_data(value):
                raise ValueError(
                    f"swap: {self.path}.{name} is {_shown(value)}, and {self.title} has no input {name!r}; "
                    f"{self.say(name)}"
                )
            if target is None or target not in self.our_inputs or target in self.own | connected or value is None:
                continue
            try:
                setattr(self.ours.inputs, target, value)
            except TraitError as error:
                raise ValueError(f"swap: {self.path}.{name} cannot become {self.title}.{target}: {error}") from None
        needed = [name for name, _ in self.ours.inputs.traits(mandatory=True).items()]
        missing = [n for n in needed if n not in connected and not isdefined(getattr(self.ours.inputs, n))]
        if missing:
            unused = sorted(self.theirs - set(self.fields) - self.our_inputs)
            raise ValueError(
                f"swap: {self.title} needs {', '.join(missing)}, which {self.path} does not give; fields of "
                f"{type(self.node.interface).__name__} that go nowhere: {unused}"
            )


def _is_data(value: Any) -> bool:
    return isinstance(value, np.ndarray) or names_a_file(value)


def _shown(value: Any) -> str:
    return f"an array of shape {value.shape}" if isinstance(value, np.ndarray) else str(value)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return one is other
    return type(one) is type(other) and bool(one == other)
