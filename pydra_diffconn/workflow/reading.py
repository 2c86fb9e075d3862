"""Reading a constructed Pydra workflow, nested workflows and splits included, into a `Graph`."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

import attrs
import numpy as np

from pydra_diffconn import pydra_compat
from pydra_diffconn.declare.parameters import Learn, plain
from pydra_diffconn.declare.task import BlockTask
from pydra_diffconn.workflow import splits
from pydra_diffconn.workflow.construction import constructed
from pydra_diffconn.workflow.dividing import _divided
from pydra_diffconn.workflow.graph import (
    Classical,
    Constant,
    Gathered,
    Graph,
    Input,
    Item,
    Learnable,
    Learned,
    Reference,
    Source,
    Spread,
    Step,
    given,
    references,
)
from pydra_diffconn.workflow.merging import together
from pydra_diffconn.workflow.splits import names_of

Levels = tuple[tuple[str, ...], ...]


def read(task: Any, learn: Mapping[str, Learn] | None = None) -> Graph:
    """Read a workflow task, split or not.

    Parameters
    ----------
    task : workflow task
        What would be run classically. Inputs it is split over stay symbols; everything else must be given.
    learn : mapping, optional
        Parameters to learn, by `Node.parameter` (nested: `Outer.Node.parameter`) or by workflow input.

    Raises
    ------
    ValueError
        If the task is no workflow, a name in `learn` is unknown, or a parameter to be learned lies above a step that is
        not differentiable and on which further blocks depend.
    """
    if isinstance(task, type):
        raise ValueError(f"{task.__name__} is a class; give it its inputs: {task.__name__}(...)")
    pydra_compat.require_workflow(task)
    if learn is not None and not isinstance(learn, Mapping):
        raise ValueError(f"learn is {learn!r}; expected names with marks, as in {{'BandPass.low': Learn()}}")
    for name, mark in (learn or {}).items():
        if not isinstance(mark, Learn):
            raise ValueError(f"learn: {name} is {mark!r}; expected Learn(), or Learn({mark!r}) to start there")
    if several := sorted(set(learn or {}) & set(names_of(pydra_compat.splitter(task)))):
        raise ValueError(f"learn: the workflow is split over {several[0]!r}, which so has a value in each run already")
    base, every = pydra_compat.without_split(task), splits.runs(task)
    # a constructor may decide by any input, so that each run is built as it would run
    read_runs = [_one_run(base, values, learn or {}) for values in every]
    graph = _divided(task, *together(type(task).__name__, read_runs, every))
    # what was made of another kind of workflow has outputs of names that Pydra does not allow
    names = getattr(type(task), "diffconn_outputs", {})
    return replace(graph, outputs={names.get(name, name): source for name, source in graph.outputs.items()})


def _one_run(base: Any, values: Mapping[str, Any], learn: Mapping[str, Learn]) -> tuple[_Reader, dict[str, Source]]:
    """Read the workflow that one run has."""
    reader = _Reader(learn)
    given = _told_apart(reader.mark_workflow_inputs(pydra_compat.with_values(base, **values)), values)
    # an input of the outermost workflow is recognised in a node by its identity
    known = {id(value): Input(name) for name, value in _given(given) if not _is_scalar(value)}
    outputs = reader.walk(given, prefix="", lazy={}, known=known, levels=())
    reader.refuse_unused()
    return reader, outputs


class _Reader:
    """Walk a workflow and its nested workflows, collecting nodes; one per call of `read`."""

    def __init__(self, learn: Mapping[str, Learn]) -> None:
        self.wanted = dict(learn)
        self.used: set[str] = set()
        self.nodes: list[Step | Classical] = []
        self.learnables: dict[str, Learnable] = {}
        self.marks: dict[str, Learn] = {}
        self.candidates: list[str] = []
        self.fed: dict[str, str] = {}
        self.levels: dict[str, Levels] = {}
        self.axes: dict[str, tuple[str, ...]] = {}
        """The axes of each node, combined ones included."""
        self.combined: dict[str, tuple[str, ...]] = {}
        self.axis_of: dict[str, str] = {}
        """Split field, as `path.field`, to the axis it runs along; fields split together share one."""
        self.nested_outputs: dict[tuple[str, str], Source] = {}

    def mark_workflow_inputs(self, task: Any) -> Any:
        """Name the marks among the workflow's own inputs, and put those of `learn` there."""
        values = {}
        for name, value in _given(task):
            mark = self.wanted.get(name, value)
            if name in self.wanted and not _learnable_value(value):
                raise ValueError(f"learn: workflow input {name!r} is {value!r}, not a number or array to start from")
            if isinstance(mark, Learn):
                self.used.add(name)
                values[name] = _named(mark, name, plain(value) if not isinstance(value, Learn) else value.init)
                self.marks[name] = values[name]
        return pydra_compat.with_values(task, **values)

    def walk(
        self, task: Any, prefix: str, lazy: Mapping[str, Source], known: Mapping[int, Source], levels: Levels
    ) -> dict[str, Source]:
        """Read one workflow; return its outputs as sources. `levels` are the axes that it as a whole runs over."""
        workflow = constructed(task, tuple(lazy), prefix)
        for node in workflow.nodes:
            self._node(node, prefix, lazy, known, levels)
        context = tuple(axis for level in levels for axis in level)
        outputs = {}
        for field in pydra_compat.get_fields(workflow.outputs):
            source = self._source(getattr(workflow.outputs, field.name), prefix, lazy, known)
            if isinstance(source, Constant) and isinstance(source.value, Learn):
                source = self._learned_output(field.name, source.value)
            inner = tuple(axis for axis in self.axes_of(source) if axis not in context)
            # Pydra combines what is still split at the end of a workflow
            outputs[field.name] = Gathered(source, inner) if inner else source
        return outputs

    def _learned_output(self, name: str, mark: Learn) -> Source:
        """Return the parameter that a workflow hands out as it took it in."""
        key = mark.share or mark.name
        if key not in self.learnables:
            raise ValueError(
                f"the output {name!r} is marked with Learn ({mark!r}), but no block takes it as a parameter; there is "
                "nothing to learn it from"
            )
        return Learned(key)

    def axes_of(self, source: Source) -> tuple[str, ...]:
        """Return the axes along which a source varies, in Pydra's order."""
        if isinstance(source, Item):
            return _union(self.axes_of(source.source), (source.axis,))
        if isinstance(source, Gathered):
            return tuple(axis for axis in self.axes_of(source.source) if axis not in source.axes)
        if isinstance(source, Spread):
            return _union(source.axes, self.axes_of(source.source))
        return self.axes[source.path] if isinstance(source, Reference) else ()

    def _node(
        self, node: Any, prefix: str, lazy: Mapping[str, Source], known: Mapping[int, Source], levels: Levels
    ) -> None:
        path, task = prefix + node.name, pydra_compat.node_task(node)
        own = self._own_axes(path, pydra_compat.splitter(task))
        fields = [name for name in task if name not in ("function", "constructor")]
        sources = {name: self._source(getattr(task, name), prefix, lazy, known) for name in fields}
        upstream = _union(*(self.axes_of(source) for source in sources.values()))
        axes = _union(upstream, tuple(dict.fromkeys(own.values())))
        sources = {n: Item(s, own[n]) if n in own else s for n, s in sources.items()}
        combined = tuple(self._combined_axis(name, path, prefix) for name in pydra_compat.combiner(task) or ())
        self.axes[path] = axes
        self.combined[path] = tuple(axis for axis in axes if axis in combined)
        context = {axis for level in levels for axis in level}
        left = tuple(axis for axis in axes if axis not in combined and axis not in context)
        here = (*levels, *(level for level in (left, self.combined[path]) if level))
        self.levels[path] = here
        if isinstance(task, BlockTask):
            inputs = {name: self._parameter(path, task, name, sources) for name in sources}
            self.nodes.append(Step(path, type(task), inputs, axes))
        elif pydra_compat.is_workflow(task):
            task = self._mark_nested_inputs(pydra_compat.without_split(task), path, sources)
            inner_lazy = {n: s for n, s in sources.items() if not isinstance(s, Constant | Input | Learned)}
            _refuse_asking_for_none(task, path, {n for n, s in inner_lazy.items() if self._may_be_none(s)})
            inner = self.walk(task, f"{path}.", inner_lazy, known, here)
            for name, source in inner.items():
                missing = [axis for axis in axes if axis not in self.axes_of(source)]
                self.nested_outputs[path, name] = Spread(source, axes) if missing else source
        else:
            for name, source in sources.items():
                if isinstance(source, Constant) and isinstance(source.value, Learn):
                    raise ValueError(
                        f"{path}.{name} is marked with Learn, but {type(task).__name__} is no block and cannot learn; "
                        "give it the number itself"
                    )
            self.nodes.append(Classical(path, sources, axes))

    def _mark_nested_inputs(self, task: Any, path: str, sources: Mapping[str, Source]) -> Any:
        """Name the marks among a nested workflow's inputs: one input is one parameter, whatever takes it."""
        values = {}
        for name, source in sources.items():
            if not isinstance(source, Constant):
                continue
            full, value = f"{path}.{name}", source.value
            if _learnable_value(value):
                self.candidates.append(full)
            mark = self.wanted.get(full, value)
            if isinstance(mark, Learn) and mark.name is None:
                self.used.add(full)
                values[name] = _named(mark, full, plain(value) if not isinstance(value, Learn) else value.init)
                self.marks[full] = values[name]
        return pydra_compat.with_values(task, **values)

    def _may_be_none(self, source: Source) -> bool:
        """Say whether a value that is not known yet can turn out to be None: what a step that is no block makes."""
        blocks = {node.path for node in self.nodes if isinstance(node, Step)}
        return any(reference.path not in blocks for reference in references(source))

    def _own_axes(self, path: str, splitter: Any) -> dict[str, str]:
        """Return the axis of each field that a node is split over; fields in a tuple share one."""
        if splitter is None:
            return {}
        if isinstance(splitter, list | tuple) and any(str(part).startswith("_") for part in splitter):
            splitter = _without_upstream(path, splitter)
        if isinstance(splitter, str):
            name = splitter.removeprefix(f"{path.rpartition('.')[2]}.")
            groups = [[name]]
        elif isinstance(splitter, tuple):
            groups = [[name.rpartition(".")[2] for name in names_of(splitter)]]
        else:
            return {field: axis for part in splitter for field, axis in self._own_axes(path, part).items()}
        own = {name: f"{path}.{group[0]}" for group in groups for name in group}
        self.axis_of |= {f"{path}.{name}": axis for name, axis in own.items()}
        return own

    def _combined_axis(self, name: str, path: str, prefix: str) -> str:
        for full in (f"{path}.{name}", prefix + name):
            if full in self.axis_of:
                return self.axis_of[full]
        raise ValueError(f"{path} combines {name!r}, which nothing above it is split over")

    def _source(self, value: Any, prefix: str, lazy: Mapping[str, Source], known: Mapping[int, Source]) -> Source:
        if isinstance(value, pydra_compat.LazyField):
            node, field = pydra_compat.lazy_source(value)
            if node is None:
                return lazy[field]
            path = prefix + node
            source = self.nested_outputs.get((path, field), Reference(path, field))
            return Gathered(source, self.combined[path]) if self.combined[path] else source
        if pydra_compat.is_split_list(value):
            if any(isinstance(element, Learn) for element in value):
                raise ValueError(
                    f"{prefix}: a list that a node is split over holds a Learn; mark one parameter outside the list"
                )
            return Constant(list(value))
        if isinstance(value, _Given):
            return Input(value.name)
        return known.get(id(value), Constant(value))

    def _parameter(self, path: str, task: BlockTask, name: str, sources: Mapping[str, Source]) -> Source:
        """Turn a marked parameter into a `Learned` source, and remember where it is used."""
        source = sources[name]
        argument = task.declaration.arguments.get(name)
        if argument is None or argument.parameter is None:
            if isinstance(source, Constant) and isinstance(source.value, Learn):
                raise ValueError(
                    f"{path}.{name} is marked with Learn, but it is not a parameter of {type(task).__name__}"
                )
            return source
        full = f"{path}.{name}"
        if isinstance(source, Input):
            self.fed[full] = source.name
        if isinstance(source, Constant):
            self.candidates.append(full)
        if isinstance(source, Constant) and full in self.wanted:
            self.used.add(full)
            old = source.value
            source = Constant(_named(self.wanted[full], full, old.init if isinstance(old, Learn) else old))
        if not (isinstance(source, Constant) and isinstance(source.value, Learn)):
            return source
        mark = source.value
        own = mark.name or full
        key = mark.share or own
        start = task.declaration.start_of(name, given(sources)) if mark.init is None else plain(mark)
        if start is None:
            raise ValueError(f"{full}: Learn() has no start value, and the block declares none; use Learn(init)")
        within = mark.within
        if within is not None and not (
            np.all(np.asarray(start) >= within[0]) and np.all(np.asarray(start) <= within[1])
        ):
            raise ValueError(
                f"{full} starts at {start}, outside within={within}; give a start inside: Learn(start, within={within})"
            )
        if key in self.learnables:
            known = self.learnables[key]
            if not np.array_equal(known.start, start) or known.mark.within != within:
                raise ValueError(
                    f"{full} shares {key!r} with {'.'.join(known.targets[0])}, but starts at {start} (within {within}) "
                    f"where that starts at {known.start} (within {known.mark.within}); one value needs one start"
                )
            written = known.written_to if own in known.written_to else (*known.written_to, own)
            self.learnables[key] = replace(known, targets=(*known.targets, (path, name)), written_to=written)
        else:
            self.learnables[key] = Learnable(key, mark, start, ((path, name),), (own,))
        return Learned(key)

    def refuse_unused(self) -> None:
        unknown = sorted(set(self.wanted) - self.used)
        if unknown:
            can = ", ".join(sorted(set(self.candidates) | set(self.marks) | set(self.fed.values()))) or "nothing"
            fed = [f"{name} comes from the input {self.fed[name]!r}: name that" for name in unknown if name in self.fed]
            told = "; ".join([f"learn: unknown parameter {', '.join(map(repr, unknown))}", *fed])
            raise ValueError(f"{told}; what can be learned here: {can}")
        written = {target for learnable in self.learnables.values() for target in learnable.written_to}
        for name in self.marks:
            if name not in written:
                raise ValueError(
                    f"{name} is to be learned (Learn), but no block takes it unchanged as a parameter (it is unused, "
                    "or the workflow computes with it, which makes it a plain number)"
                )


def _without_upstream(path: str, splitter: Any) -> Any:
    """Return a splitter without Pydra's names of upstream states (`_Node`), whose axes come with their outputs."""
    own = [part for part in splitter if not str(part).startswith("_")]
    if isinstance(splitter, tuple) or [*splitter][-len(own) :] != own:
        upstream = next(part for part in splitter if str(part).startswith("_"))
        raise ValueError(
            f"{path} is split over {splitter!r}: the state {upstream!r} of an earlier node can be fused only ahead of "
            "the node's own inputs, in a list; name it there, or run the workflow classically"
        )
    return own


def _refuse_asking_for_none(task: Any, path: str, names: Collection[str]) -> None:
    """Refuse a nested workflow that asks whether an input is None, which only a run of the step above can tell."""
    for name in pydra_compat.asked_for_none(pydra_compat.constructor(task)) & set(names):
        raise ValueError(
            f"{path}.{name} decides how the workflow is built (it is compared with None), but an earlier step makes "
            "it: what is built is known only in a run. Run the step first and pass its result on, or make the "
            "alternatives a Choose"
        )


def _union(*parts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(axis for part in parts for axis in part))


def _given(task: Any) -> Iterator[tuple[str, Any]]:
    for name in task:
        value = getattr(task, name)
        if name != "constructor" and value is not attrs.NOTHING and value is not None:
            yield name, value


class _Given(float):
    """A number of one run that knows which input it is; what is computed with it is a plain number."""

    name: str

    def __new__(cls, value: float, name: str) -> _Given:
        given = super().__new__(cls, value)
        given.name = name
        return given


def _told_apart(task: Any, values: Mapping[str, Any]) -> Any:
    """Return a task whose every input is an object of its own, also where one was given twice, or is a constant."""
    own: dict[str, Any] = {}
    for name, value in _given(task):
        if isinstance(value, float) and not isinstance(value, Learn) and name in values:
            own[name] = _Given(value, name)
        elif not _is_scalar(value):
            own[name] = value.view() if isinstance(value, np.ndarray) else copy.copy(value)
    return pydra_compat.with_values(task, **own)


def _is_scalar(value: Any) -> bool:
    return isinstance(value, bool | int | float | str | Learn)


def _learnable_value(value: Any) -> bool:
    return isinstance(value, float | int | Learn) or (
        isinstance(value, np.ndarray) and np.issubdtype(value.dtype, np.floating)
    )


def _named(mark: Learn, name: str, start: Any) -> Learn:
    """Return a copy of a mark that knows its name and, if it had none, its start value."""
    named = Learn(mark.init if mark.init is not None else start, mark.within, mark.share, mark.per)
    named.name = name
    return named
