"""Another interface in a node of Nipype, which keeps its kind, lists, iterables, memory and processes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nipype.interfaces.base import isdefined
from nipype.pipeline.engine import JoinNode, MapNode

Names = Mapping[str, str | None]
"""The old interface's inputs to the new one's, where they have other names."""


def held(node: Any, name: str) -> Any:
    """Return the value that stands in a node: a MapNode keeps its lists apart, a JoinNode all that is set later."""
    apart = isinstance(node, MapNode) and name in node.iterfield
    later = isinstance(node, JoinNode) and isdefined(getattr(node.inputs, name))
    return getattr(node.inputs if apart or later else node.interface.inputs, name)


def put(node: Any, made: Any, names: Names | None = None) -> None:
    """Put an interface with its values into a node; the node's lists and iterables take the new names."""
    names = names or {}
    each = {names.get(name, name): getattr(node.inputs, name) for name in getattr(node, "iterfield", [])}
    joined = [_renamed(name, names) for name in getattr(node, "joinfield", [])]
    node._interface = made
    if isinstance(node, MapNode):
        node.iterfield = list(each)
        node._inputs = node._create_dynamic_traits(made.inputs, fields=node.iterfield)
        node._inputs.on_trait_change(node._set_mapnode_input)
        for name, value in each.items():
            if isdefined(value):
                setattr(node._inputs, name, value)
    elif isinstance(node, JoinNode):
        node.joinfield = joined
        node._inputs = node._override_join_traits(made.inputs, joined)
        # what is not joined stands in the node, too: its hash is of these alone
        for name, value in made.inputs.trait_get().items():
            if name not in joined and isdefined(value):
                setattr(node._inputs, name, value)
    node.iterables = _iterables(node, names)
    node._hashvalue = node._hashed_inputs = None
    node._got_inputs = False


def _renamed(name: str, names: Names) -> str:
    return names.get(name, name) or name


def _iterables(node: Any, names: Names) -> Any:
    """Return a node's iterables, in any of the forms that Nipype takes, under new names."""
    given = node.iterables
    if given is None:
        return None
    if isinstance(given, dict):
        return {_renamed(name, names): values for name, values in given.items()}
    if isinstance(given, tuple) and len(given) == 2 and isinstance(given[0], str):
        return _renamed(given[0], names), given[1]
    if node.synchronize and len(given) == 2 and all(isinstance(name, str) for name in given[0]):
        return [tuple(_renamed(name, names) for name in given[0]), given[1]]  # the fields, and tuples of their values
    return [(_renamed(name, names), values) for name, values in given]
