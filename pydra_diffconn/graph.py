"""Reading a constructed Pydra workflow: which value reaches which field of which block, nested workflows included.

The graph is data, independent of Pydra: a list of steps in the order of their dependencies, each input of a step
being a constant, a workflow input, a parameter, or the output of an earlier step.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import attrs
import numpy as np

from pydra_diffconn import pydra_compat
from pydra_diffconn.block import BlockTask, Declaration
from pydra_diffconn.parameters import Learn, LearnedParameter, plain


@dataclass(frozen=True)
class Constant:
    """A value that stands in the workflow itself."""

    value: Any


@dataclass(frozen=True)
class Input:
    """An input of the outermost workflow."""

    name: str


@dataclass(frozen=True)
class Reference:
    """Output `field` of the step at `path`."""

    path: str
    field: str


@dataclass(frozen=True)
class Learned:
    """A parameter to be learned, by name."""

    name: str


Source = Constant | Input | Reference | Learned


@dataclass(frozen=True)
class Step:
    """One block of the workflow: its dotted path and where each of its inputs comes from."""

    path: str
    block: type[BlockTask]
    inputs: Mapping[str, Source]

    @property
    def declaration(self) -> Declaration:
        return self.block.declaration


@dataclass(frozen=True)
class Classical:
    """A node that is no block: it runs as a Pydra job, once, before the fused program."""

    path: str
    inputs: Mapping[str, Source]


@dataclass(frozen=True)
class Learnable:
    """A parameter to be learned: its mark, its start value and the arguments of blocks that it feeds."""

    name: str
    mark: Learn
    start: Any
    targets: tuple[tuple[str, str], ...]
    """(step path, argument) pairs."""
    written_to: tuple[str, ...]
    """Where the learned value is written back: workflow inputs (`low`) or node fields (`BandPass.low`)."""


@dataclass(frozen=True)
class Graph:
    """A workflow, read."""

    task: Any
    steps: tuple[Step, ...]
    classical: tuple[Classical, ...]
    outputs: Mapping[str, Source]
    learnables: Mapping[str, Learnable]

    def step(self, path: str) -> Step:
        return next(step for step in self.steps if step.path == path)


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
        If a name in `learn` is unknown, nothing is to be learned where something must, or a parameter to be learned
        lies above a step that is not differentiable.
    """
    reader = _Reader(learn or {})
    base, split_names = pydra_compat.without_split(task), _split_names(task)
    base = reader.mark_workflow_inputs(base)
    # an input of the outermost workflow is recognised in a node by its identity
    known = {id(value): Input(name) for name, value in _given(base) if not _is_scalar(value)}
    reader.walk(base, prefix="", lazy={name: Input(name) for name in split_names}, known=known)
    reader.refuse_unused()
    return Graph(task, *reader.result())


def runs(task: Any) -> list[dict[str, Any]]:
    """Return the values of the split inputs for each run, in Pydra's order; one empty run if there is no split."""
    splitter = pydra_compat.splitter(task)
    if splitter is None:
        return [{}]
    if pydra_compat.combiner(task):
        splitter_names = list(_names(splitter))
        if set(pydra_compat.combiner(task)) != set(splitter_names):
            raise ValueError(f"{type(task).__name__}: combining a part of the split {splitter_names} cannot be fused")
    return list(_expand(splitter, task))


def _expand(splitter: Any, task: Any) -> Iterator[dict[str, Any]]:
    if isinstance(splitter, str):
        for value in getattr(task, splitter):
            yield {splitter: value}
    elif isinstance(splitter, tuple):
        parts = [list(_expand(part, task)) for part in splitter]
        if len({len(part) for part in parts}) > 1:
            sizes = {str(name): len(part) for name, part in zip(splitter, parts, strict=True)}
            raise ValueError(f"{type(task).__name__} is split over inputs of different length: {sizes}")
        for together in zip(*parts, strict=True):
            yield {name: value for part in together for name, value in part.items()}
    else:
        for together in itertools.product(*(list(_expand(part, task)) for part in splitter)):
            yield {name: value for part in together for name, value in part.items()}


def _names(splitter: Any) -> Iterator[str]:
    if isinstance(splitter, str):
        yield splitter
    else:
        for part in splitter or ():
            yield from _names(part)


def _split_names(task: Any) -> tuple[str, ...]:
    return tuple(_names(pydra_compat.splitter(task)))


def _given(task: Any) -> Iterator[tuple[str, Any]]:
    for name in task:
        value = getattr(task, name)
        if name != "constructor" and value is not attrs.NOTHING and value is not None:
            yield name, value


def _is_scalar(value: Any) -> bool:
    return isinstance(value, bool | int | float | str | Learn)


class _Reader:
    """Walk a workflow and its nested workflows, collecting steps; one per call of `read`."""

    def __init__(self, learn: Mapping[str, Learn]) -> None:
        self.wanted = dict(learn)
        self.used: set[str] = set()
        self.steps: list[Step] = []
        self.classical: list[Classical] = []
        self.learnables: dict[str, Learnable] = {}
        self.marks: dict[str, Learn] = {}
        self.outputs: dict[str, Source] = {}
        self.candidates: list[str] = []
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

    def walk(self, task: Any, prefix: str, lazy: Mapping[str, Source], known: Mapping[int, Source]) -> dict[str, Any]:
        """Read one workflow; return its outputs as sources."""
        workflow = _construct(task, tuple(lazy), prefix)
        for node in workflow.nodes:
            self._node(node, prefix, lazy, known)
        outputs = {}
        for field in pydra_compat.get_fields(workflow.outputs):
            outputs[field.name] = self._source(getattr(workflow.outputs, field.name), prefix, lazy, known)
        if not prefix:
            self.outputs = outputs
        return outputs

    def _node(self, node: Any, prefix: str, lazy: Mapping[str, Source], known: Mapping[int, Source]) -> None:
        path, task = prefix + node.name, pydra_compat.node_task(node)
        if pydra_compat.splitter(task) or pydra_compat.combiner(task):
            raise ValueError(
                f"{path} is split inside the workflow, which cannot be fused yet; split the whole workflow instead: "
                "Workflow(...).split(...)"
            )
        fields = [name for name in task if name not in ("function", "constructor")]
        sources = {name: self._source(getattr(task, name), prefix, lazy, known) for name in fields}
        if isinstance(task, BlockTask):
            inputs = {name: self._parameter(path, task, name, source) for name, source in sources.items()}
            self.steps.append(Step(path, type(task), inputs))
        elif pydra_compat.is_workflow(task):
            inner_lazy = {n: s for n, s in sources.items() if not isinstance(s, Constant)}
            inner = self.walk(task, f"{path}.", inner_lazy, known)
            for name, source in inner.items():
                self.nested_outputs[path, name] = source
        else:
            self.classical.append(Classical(path, sources))

    def _source(self, value: Any, prefix: str, lazy: Mapping[str, Source], known: Mapping[int, Source]) -> Source:
        if isinstance(value, pydra_compat.LazyField):
            node, field = pydra_compat.lazy_source(value)
            if node is None:
                return lazy[field]
            return self.nested_outputs.get((prefix + node, field), Reference(prefix + node, field))
        return known.get(id(value), Constant(value))

    def _parameter(self, path: str, task: BlockTask, name: str, source: Source) -> Source:
        """Turn a marked parameter into a `Learned` source, and remember where it is used."""
        argument = task.declaration.arguments.get(name)
        if argument is None or argument.parameter is None:
            if isinstance(source, Constant) and isinstance(source.value, Learn):
                raise ValueError(
                    f"{path}.{name} is marked with Learn, but it is not a parameter of {type(task).__name__}"
                )
            return source
        full = f"{path}.{name}"
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
        start = argument.default if mark.init is None else plain(mark)
        if start is None:
            raise ValueError(f"{full}: Learn() has no start value, and the block declares none; use Learn(init)")
        if key in self.learnables:
            known = self.learnables[key]
            written = known.written_to if own in known.written_to else (*known.written_to, own)
            self.learnables[key] = replace(known, targets=(*known.targets, (path, name)), written_to=written)
        else:
            self.learnables[key] = Learnable(key, mark, start, ((path, name),), (own,))
        return Learned(key)

    def refuse_unused(self) -> None:
        unknown = sorted(set(self.wanted) - self.used)
        if unknown:
            can = ", ".join(sorted(set(self.candidates) | set(self.marks))) or "nothing"
            raise ValueError(
                f"learn: unknown parameter {', '.join(map(repr, unknown))}; what can be learned here: {can}"
            )
        written = {target for learnable in self.learnables.values() for target in learnable.written_to}
        for name in self.marks:
            if name not in written:
                raise ValueError(
                    f"workflow input {name!r} is to be learned, but no block takes it unchanged as a parameter "
                    "(it is unused, or the workflow computes with it, which makes it a plain number)"
                )
        classical = {node.path for node in self.classical}
        above = {path: self._learned_above(path, {}) for path in classical}
        for path, route in above.items():
            if route:
                raise ValueError(
                    f"{route[0]} is to be learned, but it passes through {path}, which is not differentiable: "
                    f"{' -> '.join(route)}"
                )

    def _learned_above(self, path: str, seen: dict[str, list[str]]) -> list[str]:
        """Return the way from a learned parameter down to the node at `path`, or nothing."""
        if path in seen:
            return seen[path]
        seen[path] = []
        nodes: list[Step | Classical] = [*self.steps, *self.classical]
        node = next((n for n in nodes if n.path == path), None)
        for source in node.inputs.values() if node else ():
            if isinstance(source, Learned):
                seen[path] = [source.name, path]
            elif isinstance(source, Reference) and (route := self._learned_above(source.path, seen)):
                seen[path] = [*route, path]
        return seen[path]

    def result(self) -> tuple:
        return tuple(self.steps), tuple(self.classical), self.outputs, self.learnables


def _construct(task: Any, lazy: tuple[str, ...], prefix: str) -> Any:
    try:
        return pydra_compat.construct(task, lazy)
    except TypeError as error:
        if "LazyInField" not in str(error):
            raise
        raise ValueError(
            f"{prefix or type(task).__name__}: the workflow computes with an input that is not known while it is built "
            f"(split over, or passed from another step): {error}; compute it inside a task instead"
        ) from error


def _learnable_value(value: Any) -> bool:
    return isinstance(value, float | int | Learn) or (
        isinstance(value, np.ndarray) and np.issubdtype(value.dtype, np.floating)
    )


def _named(mark: Learn, name: str, start: Any) -> Learn:
    """Return a copy of a mark that knows its name and, if it had none, its start value."""
    named = Learn(mark.init if mark.init is not None else start, mark.within, mark.share)
    named.name = name
    return named


def describe(learnable: Learnable, graph: Graph, value: Any) -> LearnedParameter:
    """Return the record of a learned value, with unit, constraint and block."""
    path, argument = learnable.targets[0]
    declaration = graph.step(path).declaration
    parameter = declaration.parameters[argument]
    constraint = parameter.constraint
    if learnable.mark.within is not None:
        limits = f"{learnable.mark.within[0]:g}, {learnable.mark.within[1]:g}"
        described = f"{constraint.describe()} within ({limits})"
    else:
        described = constraint.describe()
    return LearnedParameter(
        name=learnable.name,
        value=value,
        start=learnable.start,
        unit=parameter.unit,
        constraint=described,
        block=declaration.id,
        block_version=declaration.version,
        targets=learnable.written_to,
    )
