"""Learned values written back into a workflow: `with_parameters`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pydra_diffconn.declare.learned import LearnedParameter, require_blocks
from pydra_diffconn.workflow import deriving


def with_parameters(
    workflow: type, parameters: Mapping[str, Any] | list[LearnedParameter], entity: str | None = None
) -> type:
    """Return the workflow class with learned values in place.

    Parameters
    ----------
    workflow : workflow class
        The one that was learned (or one with the same nodes); it is not changed.
    parameters : mapping or list
        What `load_parameters(folder)` returns, or `{"BandPass.low": 0.0131}`. A name without a dot is an input of
        the workflow, whose default it becomes.
    entity : str, optional
        Take this subject's values of what was learned per subject; by default the group's.

    Raises
    ------
    ValueError
        If nothing was learned for that entity.
    """
    values = values_of_parameters(parameters, entity)
    inputs = {name: value for name, value in values.items() if "." not in name}
    nodes = {name: value for name, value in values.items() if "." in name}
    return deriving.with_node_values(workflow, nodes, inputs)


def values_of_parameters(
    parameters: Mapping[str, Any] | list[LearnedParameter], entity: str | None = None
) -> dict[str, Any]:
    """Return the values to write back by where they go: inputs of a workflow, or `node.field`."""
    values: dict[str, Any] = {}
    if isinstance(parameters, Mapping):
        values = dict(parameters)
    else:
        require_blocks(parameters)
        chosen = {p.name: p for p in parameters if "@" not in p.name}
        own = {p.name.partition("@")[0]: p for p in parameters if entity is not None and p.name.endswith(f"@{entity}")}
        if entity is not None and not own:
            known = sorted({p.name.partition("@")[2] for p in parameters if "@" in p.name})
            raise ValueError(
                f"nothing was learned for {entity!r}; there are values for {', '.join(known) or 'no entity'}"
            )
        for parameter in (chosen | own).values():
            values |= dict.fromkeys(parameter.targets or (parameter.name,), parameter.value)
    return {name: float(value) if np.ndim(value) == 0 else np.asarray(value) for name, value in values.items()}
