"""Reading a workflow of Nipype: which nodes are fused, what runs in Nipype before, and the values that come of it."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import networkx
import numpy as np
from nipype.interfaces.base import isdefined
from nipype.pipeline.engine import JoinNode, MapNode, Workflow
from nipype.pipeline.engine.utils import evaluate_connect_function

from pydra_diffconn import pydra_compat
from pydra_diffconn.declare.parameters import Learn
from pydra_diffconn.declare.task import BlockTask
from pydra_diffconn.nipype.expanding import (
    Expanded,
    can_be_fused,
    home,
    is_identity,
    located,
    path_of,
    place_among_runs,
    source_of,
)
from pydra_diffconn.nipype.interfaces import argument_of, as_task_value
from pydra_diffconn.nipype.placing import held
from pydra_diffconn.nipype.stretch import Step, Stretch, as_identifier

ABSENT = object()


def read(
    workflow: Workflow, learn: Mapping[str, Learn] | None = None, plugin: Any = None, plugin_args: Any = None
) -> Stretch:
    """Read the blocks of a workflow, after what they need was run in Nipype.

    Raises
    ------
    ValueError
        If a workflow has no blocks, blocks cannot be fused, or a mark lies above a step that is no block.
    """
    expanded = Expanded(workflow, plugin, plugin_args)
    fused, before = _divided(expanded, learn or {})
    runs = _runs(expanded, fused)
    expanded.run(before)
    return _Reader(expanded, fused, runs).stretch()


def runs(workflow: Workflow) -> list[str]:
    """Return what tells the runs of a workflow apart, in Nipype's words; targets stand in this order."""
    expanded = Expanded(workflow)
    return ["/".join(run.label) for run in _runs(expanded, _divided(expanded, {})[0])]


def _divided(expanded: Expanded, learn: Collection[str]) -> tuple[list[Any], set[Any]]:
    """Return the nodes that are fused, in order, and those that run in Nipype before, since blocks need them."""
    graph = expanded.graph
    blocks = {node for node in graph.nodes() if can_be_fused(node)}
    if not blocks:
        classes = sorted({type(node.interface).__name__ for node in graph.nodes()})
        raise ValueError(
            f"{expanded.workflow.name} has no blocks to fuse, only {', '.join(classes)}; put some in place of its "
            "steps first: swap(workflow, {...})"
        )
    between: dict[Any, list[Any]] = {}
    order = {node: number for number, node in enumerate(networkx.topological_sort(graph))}
    for node in order:
        if node in blocks:
            continue
        below = sorted(networkx.descendants(graph, node) & blocks, key=order.__getitem__)
        above = sorted(networkx.ancestors(graph, node) & blocks, key=order.__getitem__) if below else []
        if isinstance(node, JoinNode) and above:
            raise ValueError(
                f"the JoinNode {path_of(node)} lies between the blocks {path_of(above[-1])} and {path_of(below[0])}: "
                "it joins runs, each of which is fused by itself; put what is below it into a workflow of its own"
            )
        for one in above:
            between.setdefault(one, [node, *below])
    for node, way in between.items():
        _refuse_learning(node, path_of(way[0]), path_of(way[1]), learn)
    fused = [node for node in order if node in blocks and node not in between]
    _refuse_functions(graph, set(fused))
    before = set().union(*(networkx.ancestors(graph, node) for node in fused)) - set(fused)
    return fused, before


def _refuse_learning(node: Any, step: str, below: str, learn: Collection[str]) -> None:
    """Refuse to learn a parameter of a block above a step that is no block and that further blocks depend on."""
    path = path_of(node)
    values = {**node.interface.inputs.trait_get(), **node.inputs.trait_get()}
    marked = [f"{path}.{name}" for name, value in values.items() if isinstance(value, Learn)]
    wanted = [name for name in learn if name.startswith(f"{path}.")]
    if marked or wanted:
        raise ValueError(
            f"{(marked + wanted)[0]} cannot be learned: on the way from {path} to {below} lies {step}, which is no "
            "block and so not differentiable"
        )


def _refuse_functions(graph: Any, fused: Collection[Any]) -> None:
    for source, target, data in graph.edges(data=True):
        for taken, field in data["connect"]:
            if source in fused and target in fused and not isinstance(taken, str):
                raise ValueError(
                    f"the connection from {path_of(source)}.{taken[0]} to {path_of(target)}.{field} has a function on "
                    "it, which is not differentiable; make it a step of its own, or a block"
                )


@dataclass(frozen=True)
class _Run:
    """One run: what tells it from others, and the node that stands for each path in it."""

    label: tuple[str, ...]
    nodes: Mapping[str, Any]


def _runs(expanded: Expanded, fused: list[Any]) -> list[_Run]:
    """Return the runs in the order of the iterables, outer ones first."""
    of_run: dict[frozenset[str], Any] = {}
    for node in fused:
        of_run.setdefault(frozenset(node.parameterization), node)
    longest = [one for one in of_run if not any(one < other for other in of_run)]
    longest.sort(key=lambda one: place_among_runs(of_run[one]))
    runs = []
    for one in longest:
        nodes: dict[str, Any] = {}
        for node in fused:
            if not set(node.parameterization) <= one:
                continue
            if path_of(node) in nodes:
                raise ValueError(
                    f"{path_of(node)} runs more than once in the run {_told(one)}; give its runs other values"
                )
            nodes[path_of(node)] = node
        runs.append(_Run(tuple(of_run[one].parameterization), nodes))
    for run in runs:
        if missing := sorted(set(runs[0].nodes) ^ set(run.nodes)):
            has, lacks = (runs[0], run) if missing[0] in runs[0].nodes else (run, runs[0])
            raise ValueError(
                f"{missing[0]} is a step of the run {_told(has.label)}, but not of {_told(lacks.label)}; runs that are "
                "fused together need the same steps"
            )
    return runs


def _told(label: Collection[str]) -> str:
    return "/".join(label) or "without iterables"


class _Reader:
    """Walk the runs of a workflow, collecting the steps and the values that they are given."""

    def __init__(self, expanded: Expanded, fused: list[Any], runs: list[_Run]) -> None:
        self.expanded, self.fused, self.runs = expanded, set(fused), runs
        self.order = [path_of(node) for node in fused if node in set(runs[0].nodes.values())]
        self.flat = {path_of(node): node for node in expanded.flat.nodes()}
        self.shared: dict[str, Any] = {}
        self.varying: dict[str, list[Any]] = {}
        self.results: dict[tuple[Any, Any], Any] = {}

    def stretch(self) -> Stretch:
        steps = tuple(self._step(path) for path in self.order)
        labels = tuple("/".join(run.label) for run in self.runs)
        if any(labels):  # also where no input of a block differs
            self.varying["run_of_nipype"] = list(range(len(self.runs)))
        return Stretch(self.expanded.workflow.name, steps, self.shared, self.varying, labels if self.varying else ())

    def _step(self, path: str) -> Step:
        nodes = [run.nodes[path] for run in self.runs]
        kind = nodes[0].interface.task_class
        iterfield = tuple(nodes[0].iterfield) if isinstance(nodes[0], MapNode) else ()
        if iterfield and nodes[0].nested:
            raise ValueError(f"{path} is a nested MapNode, which cannot be fused; flatten its lists")
        constants: dict[str, Any] = {}
        given: dict[str, str] = {}
        links: dict[str, tuple[str, str]] = {}
        for name in pydra_compat.field_names(kind):
            sources = [source_of(self.expanded.graph, node, name) for node in nodes]
            first = sources[0]
            if first is not None and first[0] in self.fused:
                links[name] = path_of(first[0]), first[1]
                continue
            values = [self._value(node, name, one) for node, one in zip(nodes, sources, strict=True)]
            if all(value is ABSENT for value in values):
                continue
            values = [self._as_task_value(kind, name, value, name in iterfield) for value in values]
            same = len(set(map(id, sources))) == 1 if first is not None else False
            same = same or all(_equal(values[0], value) for value in values[1:])
            if same and (isinstance(values[0], Learn) or _is_option(kind, name, values[0])):
                constants[name] = self._shared_mark(path, name, values[0])
            else:
                given[name] = self._input(as_identifier(f"{path}_{name}"), values, same)
        if missing := sorted(pydra_compat.mandatory(kind) - {*constants, *given, *links}):
            raise ValueError(f"{path}.{missing[0]} is neither set nor connected; {kind.__name__} needs it")
        return Step(path, kind, constants, given, links, iterfield)

    def _value(self, node: Any, name: str, source: Any) -> Any:
        """Return what a node is given from outside: a result of Nipype's, or what stands in it."""
        if source is None:
            value = held(node, name)
            return value if isdefined(value) else ABSENT
        origin, taken = source
        key = origin, taken if isinstance(taken, str) else repr(taken)
        if key not in self.results:
            self.results[key] = _result(origin, taken)
        return self.results[key]

    def _as_task_value(self, kind: Any, name: str, value: Any, each: bool) -> Any:
        if value is ABSENT:
            return None
        if each and isinstance(value, list | tuple):
            return [as_task_value(kind, name, one) for one in value]
        return [as_task_value(kind, name, value)] if each else as_task_value(kind, name, value)

    def _shared_mark(self, path: str, name: str, value: Any) -> Any:
        """Return a value that stands in the node; a mark that a node of inputs passes on is one parameter."""
        found = home(self.expanded.flat, self.flat[path], name)
        if not isinstance(value, Learn) or value.share is not None or found is None or found[0] is self.flat[path]:
            return value
        return Learn(value.init, value.within, f"{path_of(found[0])}.{found[1]}", value.per)

    def _input(self, wanted: str, values: list[Any], same: bool) -> str:
        name, number = wanted, 2
        while name in self.shared or name in self.varying:
            name, number = f"{wanted}_{number}", number + 1
        if same:
            self.shared[name] = values[0]
        else:
            self.varying[name] = values
        return name


def _result(node: Any, taken: Any) -> Any:
    """Return an output of a node that was run, with the function on the connection applied."""
    outputs = node.result.outputs
    found = outputs.trait_get() if hasattr(outputs, "trait_get") else outputs.dictcopy()
    value = found[taken if isinstance(taken, str) else taken[0]]
    if not isdefined(value):
        return ABSENT
    return copy.deepcopy(value) if isinstance(taken, str) else evaluate_connect_function(taken[1], taken[2], value)


def _is_option(kind: Any, name: str, value: Any) -> bool:
    """Say whether a value is better kept in the workflow than among its inputs: numbers and options, no data."""
    argument = argument_of(kind, name)
    if argument is not None and argument.role in ("static", "number", "parameter") and not argument.dims:
        return True
    return not issubclass(kind, BlockTask) and isinstance(value, bool | int | float | type(None))


def _equal(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(_equal(a, b) for a, b in zip(one, other, strict=True))
    return bool(repr(one) == repr(other)) if isinstance(one, Learn) else bool(one == other)


def marks_by_node(workflow: Workflow, learn: Mapping[str, Learn] | None) -> dict[str, Learn]:
    """Return the marks by parameters of blocks; an input that a node passes on is that of all blocks that take it."""
    found: dict[str, Learn] = {}
    names = dict(learn or {})
    flat = workflow._create_flat_graph() if names else None
    for name, mark in names.items():
        place = located(workflow, name)
        if place is None or not is_identity(place[2]) or not isinstance(mark, Learn):
            found[name] = mark
            continue
        takers = list(_takers(flat, place[0], place[1]))
        if not takers:
            raise ValueError(f"learn: no block takes {name}; name a parameter of one, as in band.low")
        start = getattr(place[2].inputs, place[1])
        init = mark.init if mark.init is not None else start if isdefined(start) else None
        found |= dict.fromkeys(takers, Learn(init, mark.within, mark.share or name, mark.per))
    return found


def _takers(flat: Any, path: str, field: str) -> Iterator[str]:
    """Yield the parameters of blocks that take an input which a node passes on."""
    for node in flat.nodes():
        if not can_be_fused(node):
            continue
        for name in pydra_compat.field_names(node.interface.task_class):
            found = home(flat, node, name)
            if found is not None and path_of(found[0]) == path and found[1] == field:
                yield f"{path_of(node)}.{name}"
