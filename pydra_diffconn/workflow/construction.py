"""Questions to a workflow that is being built."""

from __future__ import annotations

from typing import Any

from pydra.utils.typing import is_lazy

from pydra_diffconn import pydra_compat


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


def used_outputs(under_construction: Any, name: str, outputs: Any) -> list[str]:
    """Return the outputs of a node that other nodes, or the workflow's outputs, take."""
    several = outputs if isinstance(outputs, tuple) else (outputs,)
    values = [value for node in under_construction.nodes for _, value in node.input_values]
    sources = [pydra_compat.lazy_source(value) for value in [*values, *several] if is_lazy(value)]
    return list(dict.fromkeys(field for node, field in sources if node == name))


def ancestors(under_construction: Any, names: list[str]) -> set[str]:
    """Return these nodes of a workflow that is being built, and all that they depend on."""
    found: set[str] = set()
    while names:
        name = names.pop()
        if name not in found:
            found.add(name)
            names += _sources(under_construction, name)
    return found


def _sources(under_construction: Any, name: str) -> list[str]:
    """Return the nodes whose outputs a node takes."""
    values = dict(under_construction[name].input_values).values()
    sources = [pydra_compat.lazy_source(value)[0] for value in values if is_lazy(value)]
    return [source for source in sources if source is not None]
