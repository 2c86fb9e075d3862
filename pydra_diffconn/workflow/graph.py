"""A workflow as data, independent of Pydra: steps in the order of their dependencies, and where each input comes from.

A node that is split has *axes*: it runs once for every combination of their positions. Axes need no bookkeeping
beyond the sources themselves: `Item` (one element of a list) adds an axis, `Gathered` (what `combine` makes) takes axes
away, and a step runs over all axes of its inputs.
"""

from __future__ import annotations

import functools
import importlib.metadata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydra_diffconn.declare.declaration import Declaration
from pydra_diffconn.declare.learned import LearnedParameter
from pydra_diffconn.declare.parameters import Learn
from pydra_diffconn.declare.task import BlockTask


@dataclass(frozen=True)
class Constant:
    """A value that stands in the workflow itself."""

    value: Any


@dataclass(frozen=True, eq=False)
class PerRun:
    """Values that stand in the workflow itself, one for each run: its constructor made them of what the runs split."""

    values: tuple[Any, ...]


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


@dataclass(frozen=True)
class Item:
    """One element of a list that a node is split over, along an axis of its own."""

    source: Source
    axis: str


@dataclass(frozen=True)
class Gathered:
    """All values of a source along some axes, in one list: what `combine` makes."""

    source: Source
    axes: tuple[str, ...]


@dataclass(frozen=True)
class Spread:
    """A source that counts as running over axes on which it does not depend."""

    source: Source
    axes: tuple[str, ...]


Source = Constant | PerRun | Input | Reference | Learned | Item | Gathered | Spread


@dataclass(frozen=True)
class Step:
    """One block of the workflow: its dotted path, where each input comes from, and the axes it runs over."""

    path: str
    block: type[BlockTask]
    inputs: Mapping[str, Source]
    axes: tuple[str, ...] = ()

    @property
    def declaration(self) -> Declaration:
        return self.block.declaration


@dataclass(frozen=True)
class Classical:
    """A node that is no block: it runs as a Pydra job."""

    path: str
    inputs: Mapping[str, Source]
    axes: tuple[str, ...] = ()


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
    """A workflow, read and divided: what runs in Pydra before, what is fused, what runs in Pydra after."""

    task: Any
    steps: tuple[Step, ...]
    """The blocks that are fused."""
    before: tuple[Step | Classical, ...]
    """Nodes that run in Pydra, once: steps that are no blocks, and all they depend on."""
    after: tuple[Classical, ...]
    """Nodes that are no blocks, below all that is fused; not part of the program."""
    outputs: Mapping[str, Source]
    """The workflow's outputs, without those of nodes in `after`."""
    learnables: Mapping[str, Learnable]
    levels: Mapping[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    """How deep and in which order of axes Pydra nests the lists of a split node's output."""
    notes: tuple[str, ...] = ()
    """What was left out, and why that is allowed."""

    def step(self, path: str) -> Step:
        return next(step for step in self.steps if step.path == path)


def given(sources: Mapping[str, Source]) -> dict[str, Source | None]:
    """Return the sources by name, None for what the workflow gives no value."""
    return {n: None if isinstance(s, Constant) and s.value is None else s for n, s in sources.items()}


def references(source: Source) -> Iterator[Reference]:
    """Return the step outputs that a source is made of."""
    if isinstance(source, Reference):
        yield source
    elif isinstance(source, Item | Gathered | Spread):
        yield from references(source.source)


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
        distribution=_distribution(declaration.namespace),
    )


@functools.cache
def _distribution(module: str) -> str:
    """Return the distribution that a top-level module was installed from, as `name==version`, if any."""
    # who registers blocks has an entry point; to ask of every file installed who owns it takes half a second
    points = importlib.metadata.entry_points(group="pydra_diffconn")
    names = [one.dist.name for one in points if one.dist and one.module.partition(".")[0] == module]
    names = names or importlib.metadata.packages_distributions().get(module, [])
    return f"{names[0]}=={importlib.metadata.version(names[0])}" if names else ""
