"""Learned values written back into a copy of a workflow of Nipype."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
from nipype.pipeline.engine import Workflow

from pydra_diffconn.declare.learned import LearnedParameter
from pydra_diffconn.nipype.expanding import can_be_fused, home, is_identity, located, path_of
from pydra_diffconn.nipype.interfaces import interface
from pydra_diffconn.nipype.placing import put
from pydra_diffconn.workflow import deriving
from pydra_diffconn.workflow.writing_back import values_of_parameters


def with_parameters(
    workflow: Workflow, parameters: Mapping[str, Any] | list[LearnedParameter], entity: str | None = None
) -> Workflow:
    """Return a copy of a workflow with learned values in its nodes, in the same folder."""
    made = copy.deepcopy(workflow)
    flat = workflow._create_flat_graph()
    known = {path_of(node): node for node in flat.nodes()}
    for name, value in values_of_parameters(parameters, entity).items():
        place = located(made, name)
        if place is None or not (can_be_fused(place[2]) or is_identity(place[2])):
            blocks = ", ".join(path for path, node in known.items() if can_be_fused(node))
            raise ValueError(f"{name} is no parameter of a block of {workflow.name}; its blocks are {blocks}")
        path, field, node = place
        if "." in field:
            _set_within(node, field, value)
            continue
        origin = home(flat, known[path], field)
        if origin is None:
            raise ValueError(f"{name} cannot be written back: {path}.{field} is connected to a step that makes it")
        _set(made.get_node(path_of(origin[0])), origin[1], value)
    return made


def _set(node: Any, field: str, value: Any) -> None:
    if not hasattr(node.inputs, field):
        raise ValueError(f"{node.name} has no input {field!r}")
    if node.iterables and field in str(node.iterables):
        raise ValueError(f"{node.name}.{field} cannot be written back: the workflow has iterables of it")
    node.set_input(field, value if np.ndim(value) else float(value))


def _set_within(node: Any, field: str, value: Any) -> None:
    """Set a parameter of a block within a workflow of blocks that is one node."""
    derived = deriving.with_node_values(node.interface.task_class, {field: value})
    made = interface(derived)()
    kept = {name: value for name, value in node.interface.inputs.get_traitsfree().items() if name != "block_version"}
    made.inputs.trait_set(**kept)
    put(node, made)
