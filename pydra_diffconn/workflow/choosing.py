"""Choices in a graph that are made already: where a mixture's weights are a corner, only that option is computed.

Blocks declare what they mix (`block.define(mixes="weights")`). A mixture whose weights stand in the workflow as one 1
and zeros gives that option unchanged, so everything that takes the mixture may take the option, and what then nobody
takes any more is left out before a file is read or a job is run for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import attrs
import numpy as np
from pydra.utils.typing import is_lazy

from pydra_diffconn import pydra_compat
from pydra_diffconn.declare.declaration import Declaration
from pydra_diffconn.declare.task import BlockTask
from pydra_diffconn.warn import warn
from pydra_diffconn.workflow import deriving
from pydra_diffconn.workflow.construction import (
    as_tuple,
    drop_untaken,
    moved_to,
    split_over,
    still_taken,
    taken,
)
from pydra_diffconn.workflow.graph import (
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
    references,
)
from pydra_diffconn.workflow.splits import names_of


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


def decision(declaration: Declaration, values: Mapping[str, Any], weights: Any) -> str | None:
    """Return the option that a mixture gives by its weights, or None where several have a share.

    This is the one place where that is decided, for graphs and for workflows under construction.
    """
    options, number = declaration.options(values), corner(weights)
    fits = number is not None and (weights is None or len(weights) == len(options))
    return options[number] if fits and number is not None else None


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
    return decision(step.declaration, given(step.inputs), weights)


def _with_option(graph: Graph, step: Step, option: str) -> Graph:
    (output,) = step.declaration.outputs
    winner = step.inputs[option]
    fused = {one.path for one in graph.steps}
    above = [one.path for one in references(winner)]
    if above and set(above) <= fused:
        axes = {node.path: node.axes for node in (*graph.steps, *graph.before)}
        spread = set(step.axes) - set(_axes_of(winner, axes))
        changed = _taking(graph, Reference(step.path, output), Spread(winner, step.axes) if spread else winner)
    else:  # what was read from a file is read as the mixture would have read it
        only = step.declaration.alone(step.declaration.options(given(step.inputs)), winner)
        alone = {**step.inputs, **{n: Constant(None) if source is None else source for n, source in only.items()}}
        changed = replace(graph, steps=tuple(replace(o, inputs=alone) if o == step else o for o in graph.steps))
    kept = _still_taken(graph, changed)
    gone = [path for path in (*fused, *(o.path for o in graph.before)) if path not in kept and path != step.path]
    note = f"{step.path} is {_label(winner, option)}, whose weight is 1"
    note += f"; not computed: {', '.join(sorted(gone))}" if gone else ""
    return replace(_restricted(changed, kept), notes=(*graph.notes, note))


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


def _paths(sources: Iterable[Source]) -> set[str]:
    return {one.path for source in sources for one in references(source)}


def _takers(graph: Graph, nodes: Iterable[Step | Classical]) -> set[str]:
    """Return the paths of what these nodes and the graph's outputs take."""
    return _paths([*(source for node in nodes for source in node.inputs.values()), *graph.outputs.values()])


def _still_taken(before: Graph, after: Graph) -> set[str]:
    """Return the nodes of which something is still taken, or never was."""
    once = _takers(before, (*before.steps, *before.before, *before.after))
    takes = {node.path: _paths(node.inputs.values()) for node in (*after.steps, *after.before, *after.after)}
    return still_taken(takes, _paths(after.outputs.values()), once)


def _restricted(graph: Graph, kept: Collection[str]) -> Graph:
    learnables = {}
    for name, learnable in graph.learnables.items():
        targets = tuple(target for target in learnable.targets if target[0] in kept)
        if targets:
            learnables[name] = replace(learnable, targets=targets)
        else:
            warn(f"{name} is not learned: its branch is not chosen, by weights that are fixed")
    return replace(
        graph,
        steps=tuple(one for one in graph.steps if one.path in kept),
        before=tuple(one for one in graph.before if one.path in kept),
        learnables=learnables,
    )


def with_options(workflow: Any, options: Mapping[str, str]) -> Any:
    """Return a workflow in which some mixtures are one of their options.

    Parameters
    ----------
    workflow : workflow class or workflow task
        It is not changed.
    options : mapping
        Path of the node that mixes (in nested workflows with dots) to the name of its argument that it shall be:
        `{"Choose": "option_2"}`.
    """
    change = Chosen(tuple(options.items()))
    return (
        deriving.derive(workflow, change)
        if isinstance(workflow, type)
        else deriving.derive_task(workflow, change=change)
    )


def winners(graph: Graph, values: Mapping[str, Any]) -> dict[str, str]:
    """Return the option of largest weight (the first of equal ones) of each mixture whose weights were learned."""
    found = {}
    for name, learnable in graph.learnables.items():
        for path, argument in learnable.targets:
            step = graph.step(path)
            if step.declaration.mixes == argument:
                options = step.declaration.options(given(step.inputs))
                found[path] = options[int(np.argmax(values[name]))]
    return found


def corners(graph: Graph, values: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Return, of the learned values, the weights of mixtures, each at the corner of its winner."""
    mixing = {(path, graph.step(path).declaration.mixes) for path in winners(graph, values)}
    weights = [name for name, learnable in graph.learnables.items() if set(learnable.targets) & mixing]
    return {name: np.eye(len(values[name]))[int(np.argmax(values[name]))] for name in weights}


@dataclass(frozen=True)
class Chosen:
    """A change of a workflow (see `rewire.derive`): mixtures become one of their options.

    Attributes
    ----------
    options : tuple of (path, option)
        Path of the node that mixes, and the argument that it shall be.
    """

    options: tuple[tuple[str, str], ...]

    def __call__(self, under_construction: Any, outputs: Any) -> Any:
        """Let what takes a mixture take the option; return the workflow's outputs."""
        several = as_tuple(outputs)
        once = taken(under_construction, several)
        nested: dict[str, list[tuple[str, str]]] = {}
        for path, option in self.options:
            name, _, rest = path.partition(".")
            if name not in under_construction.node_names:
                known = under_construction.node_names
                raise ValueError(f"{path}: the workflow has no node {name!r}; its nodes are {known}")
            if rest:
                nested.setdefault(name, []).append((rest, option))
            else:
                several = _choose(under_construction, several, name, option)
        for name, inner in nested.items():
            node = under_construction[name]
            task = deriving.derive_task(pydra_compat.node_task(node), change=Chosen(tuple(inner)))
            pydra_compat.replace_node_task(node, task)
        drop_untaken(under_construction, several, once)
        return several if isinstance(outputs, tuple) else several[0]


def made_already(under_construction: Any) -> Chosen:
    """Return the change to the options that fixed weights (or the start of learned ones) choose in a workflow."""
    found = []
    for node in under_construction.nodes:
        task = pydra_compat.node_task(node)
        if not isinstance(task, BlockTask) or task.declaration.mixes is None:
            continue
        values = task.values()
        weights = values[task.declaration.mixes]
        known = not (is_lazy(weights) or pydra_compat.is_split_list(weights))
        if known and (option := decision(task.declaration, values, weights)) is not None:
            found.append((node.name, option))
    return Chosen(tuple(found))


def _choose(under_construction: Any, outputs: tuple[Any, ...], name: str, option: str) -> tuple[Any, ...]:
    node = under_construction[name]
    task = pydra_compat.node_task(node)
    declaration, values = task.declaration, task.values()
    options = declaration.options(values)
    if option not in options:
        raise ValueError(f"{name} has no {option!r}; its options are {options}")
    winner = values[option]
    split = pydra_compat.splitter(task) or pydra_compat.combiner(task)
    if not split and is_lazy(winner) and _split_of(under_construction, winner) == split_over(node):
        (output,) = declaration.outputs
        moved: dict[tuple[str | None, str], Any] = {(name, output): winner}
        for other in under_construction.nodes:
            pydra_compat.reconnect(other, moved)
        return moved_to(outputs, moved)
    if split:  # the other options say over what it is split
        alone = {declaration.mixes: np.eye(len(options))[options.index(option)]}
    else:
        alone = declaration.alone(options, winner)
    pydra_compat.replace_node_task(node, pydra_compat.copy_split(task, attrs.evolve(task, **alone)))
    pydra_compat.reconnect(node, {})
    return outputs


def _split_of(under_construction: Any, value: Any) -> str:
    """Return over what a lazy value is split; an input of the workflow never equals what a node is split over."""
    name = pydra_compat.lazy_source(value)[0]
    return "an input" if name is None else split_over(under_construction[name])
