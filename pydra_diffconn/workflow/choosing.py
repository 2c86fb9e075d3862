"""Choices in a graph that are made already: where a mixture's weights are a corner, only that option is computed.

Blocks declare what they mix (`block.define(mixes="weights")`). A mixture whose weights stand in the workflow as one 1
and zeros gives that option unchanged, so everything that takes the mixture may take the option, and what then nobody
takes any more is left out before a file is read or a job is run for it.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from pydra_diffconn import pydra_compat
from pydra_diffconn.graph import (
    Classical,
    Constant,
    Gathered,
    Graph,
    Input,
    Item,
    Learned,
    Reference,
    Source,
    Spread,
    Step,
    given,
    names_of,
    references,
)


def corner(weights: Any) -> int | None:
    """Return which weight is 1 while all others are 0; no weights at all stand for the first option alone.

    >>> corner([0.0, 1.0]), corner([0.5, 0.5]), corner(None)
    (1, None, 0)
    """
    if weights is None:
        return 0
    array = np.asarray(weights)
    if array.ndim != 1 or not np.issubdtype(array.dtype, np.number):
        return None
    return int(np.argmax(array)) if np.count_nonzero(array) == 1 and array.max() == 1 else None


def labels(step: Step) -> dict[str, str]:
    """Return what the options of a mixture are called: the node or the workflow input that each one comes from."""
    found: dict[str, str] = {}
    for option in step.declaration.options(given(step.inputs)):
        source = step.inputs[option]
        paths = [one.path for one in references(source)]
        while isinstance(source, Item | Gathered | Spread):
            source = source.source
        found[option] = paths[0] if paths else source.name if isinstance(source, Input) else option
    several = {label for label in found.values() if list(found.values()).count(label) > 1}
    return {option: f"{label} ({option})" if label in several else label for option, label in found.items()}


def decided(graph: Graph) -> Graph:
    """Return the graph without the mixtures that give one option, and without what only their other options need."""
    for step in graph.steps:
        option = _fixed_option(step, graph.task)
        if option is not None:
            graph = _with_option(graph, graph.step(step.path), option)
    return graph


def _fixed_option(step: Step, task: Any) -> str | None:
    """Return the option that a mixture gives whatever is learned, in all runs alike."""
    name = step.declaration.mixes
    if name is None or any(isinstance(source, Learned) for source in step.inputs.values()):
        return None
    source = step.inputs[name]
    if isinstance(source, Input) and source.name not in set(names_of(pydra_compat.splitter(task))):
        weights = getattr(task, source.name)
    elif isinstance(source, Constant):
        weights = source.value
    else:
        return None
    options, number = step.declaration.options(given(step.inputs)), corner(weights)
    fits = number is not None and (weights is None or len(weights) == len(options))
    return options[number] if fits and number is not None else None


def _with_option(graph: Graph, step: Step, option: str) -> Graph:
    (output,) = step.declaration.outputs
    winner = step.inputs[option]
    fused = {one.path for one in graph.steps}
    above = [one.path for one in references(winner)]
    if above and set(above) <= fused:
        axes = {node.path: node.axes for node in (*graph.steps, *graph.before)}
        spread = set(step.axes) - set(_axes_of(winner, axes))
        taken = _taking(graph, Reference(step.path, output), Spread(winner, step.axes) if spread else winner)
    else:  # what was read from a file is read as the mixture would have read it
        alone = {name: _only(step, name, option) for name in step.inputs}
        taken = replace(graph, steps=tuple(replace(o, inputs=alone) if o == step else o for o in graph.steps))
    kept = _still_taken(graph, taken)
    gone = [path for path in (*fused, *(o.path for o in graph.before)) if path not in kept and path != step.path]
    note = f"{step.path} is {_label(winner, option)}, whose weight is 1"
    note += f"; not computed: {', '.join(sorted(gone))}" if gone else ""
    return replace(_restricted(taken, kept), notes=(*graph.notes, note))


def _only(step: Step, name: str, option: str) -> Source:
    """Return the source of an argument when one option is given alone: as the first, and wherever one must be given."""
    declaration = step.declaration
    if name == declaration.mixes:
        return Constant(None)
    if name not in declaration.options(given(step.inputs)):
        return step.inputs[name]
    return Constant(None) if declaration.arguments[name].optional else step.inputs[option]


def _label(source: Source, option: str) -> str:
    return next((f"{one.path}.{one.field}" for one in references(source)), option)


def _axes_of(source: Source, axes: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    if isinstance(source, Item):
        return (*_axes_of(source.source, axes), source.axis)
    if isinstance(source, Gathered):
        return tuple(axis for axis in _axes_of(source.source, axes) if axis not in source.axes)
    if isinstance(source, Spread):
        return (*source.axes, *_axes_of(source.source, axes))
    return axes[source.path] if isinstance(source, Reference) else ()


def _taking(graph: Graph, old: Reference, new: Source) -> Graph:
    """Return the graph in which everything that takes an output takes another source."""

    def moved(source: Source) -> Source:
        if isinstance(source, Item | Gathered | Spread):
            return replace(source, source=moved(source.source))
        return new if source == old else source

    def of(node: Any) -> Any:
        return replace(node, inputs={name: moved(source) for name, source in node.inputs.items()})

    return replace(
        graph,
        steps=tuple(of(one) for one in graph.steps),
        before=tuple(of(one) for one in graph.before),
        after=tuple(of(one) for one in graph.after),
        outputs={name: moved(source) for name, source in graph.outputs.items()},
    )


def _takers(graph: Graph, nodes: Iterable[Step | Classical]) -> set[str]:
    """Return the paths of what these nodes and the graph's outputs take."""
    sources = [source for node in nodes for source in node.inputs.values()]
    return {one.path for source in [*sources, *graph.outputs.values()] for one in references(source)}


def _still_taken(before: Graph, after: Graph) -> set[str]:
    """Return the nodes of which something is still taken, or never was."""
    everything = (*before.steps, *before.before, *before.after)
    once = _takers(before, everything)
    kept = [*after.steps, *after.before, *after.after]
    while True:
        taken = _takers(after, kept)
        left = [node for node in kept if node.path in taken or node.path not in once]
        if len(left) == len(kept):
            return {node.path for node in left}
        kept = left


def _restricted(graph: Graph, kept: Collection[str]) -> Graph:
    learnables = {}
    for name, learnable in graph.learnables.items():
        targets = tuple(target for target in learnable.targets if target[0] in kept)
        if targets:
            learnables[name] = replace(learnable, targets=targets)
        else:
            warnings.warn(f"{name} is not learned: its branch is not chosen, by weights that are fixed", stacklevel=5)
    return replace(
        graph,
        steps=tuple(one for one in graph.steps if one.path in kept),
        before=tuple(one for one in graph.before if one.path in kept),
        learnables=learnables,
    )
