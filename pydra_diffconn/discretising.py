"""Cutting one option out of a workflow: mixtures give way to it, and what only the other options needed is gone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import attrs
import numpy as np
from pydra.utils.typing import is_lazy

from pydra_diffconn import pydra_compat, rewire
from pydra_diffconn.block import BlockTask
from pydra_diffconn.choosing import corner
from pydra_diffconn.graph import Graph, given


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
        rewire.derive(workflow, change) if isinstance(workflow, type) else rewire.derive_task(workflow, change=change)
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
        several = outputs if isinstance(outputs, tuple) else (outputs,)
        once = _taken(under_construction, several)
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
            task = rewire.derive_task(pydra_compat.node_task(node), change=Chosen(tuple(inner)))
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
        options, weights = task.declaration.options(values), values[task.declaration.mixes]
        number = None if is_lazy(weights) or pydra_compat.is_split_list(weights) else corner(weights)
        if number is not None and (weights is None or len(weights) == len(options)):
            found.append((node.name, options[number]))
    return Chosen(tuple(found))


def _choose(under_construction: Any, outputs: tuple, name: str, option: str) -> tuple:
    node = under_construction[name]
    task = pydra_compat.node_task(node)
    declaration, values = task.declaration, task.values()
    options = declaration.options(values)
    if option not in options:
        raise ValueError(f"{name} has no {option!r}; its options are {options}")
    winner = values[option]
    split = pydra_compat.splitter(task) or pydra_compat.combiner(task)
    if not split and is_lazy(winner) and _states_of(under_construction, winner) == _states(node):
        (output,) = declaration.outputs
        moved: dict[tuple[str | None, str], Any] = {(name, output): winner}
        for other in under_construction.nodes:
            pydra_compat.reconnect(other, moved)
        return tuple(moved.get(pydra_compat.lazy_source(one), one) if is_lazy(one) else one for one in outputs)
    if split:  # the other options say over what it is split
        alone = {declaration.mixes: np.eye(len(options))[options.index(option)]}
    else:
        alone = {one: None if declaration.arguments[one].optional else winner for one in options}
        alone[declaration.mixes] = None
    pydra_compat.replace_node_task(node, pydra_compat.copy_split(task, attrs.evolve(task, **alone)))
    pydra_compat.reconnect(node, {})
    return outputs


def _states(node: Any) -> str:
    return repr(node.state.splitter_rpn_final if node.state else None)


def _states_of(under_construction: Any, value: Any) -> str:
    """Return over what a lazy value is split; an input of the workflow never equals what a node is split over."""
    name = pydra_compat.lazy_source(value)[0]
    return "an input" if name is None else _states(under_construction[name])


def _taken(under_construction: Any, outputs: tuple, names: set[str] | None = None) -> set[str]:
    """Return the nodes of which the outputs of the workflow, or these nodes (by default all), take something."""
    nodes = [node for node in under_construction.nodes if names is None or node.name in names]
    values = [*(value for node in nodes for _, value in node.input_values), *outputs]
    sources = {pydra_compat.lazy_source(value)[0] for value in values if is_lazy(value)}
    return {source for source in sources if source is not None}


def drop_untaken(under_construction: Any, outputs: tuple, once: set[str]) -> None:
    """Remove the nodes of which nothing is taken any more; `once` are those of which something was taken before."""
    kept = set(under_construction.node_names)
    while True:
        left = kept - (once - _taken(under_construction, outputs, kept))
        if left == kept:
            break
        kept = left
    pydra_compat.keep_nodes(under_construction, kept)
