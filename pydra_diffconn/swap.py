"""Putting learned values into a workflow: the result is a classical workflow with numbers in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pydra_diffconn import rewire
from pydra_diffconn.parameters import LearnedParameter


def with_parameters(workflow: type, parameters: Mapping[str, Any] | list[LearnedParameter]) -> type:
    """Return the workflow class with learned values in place.

    Parameters
    ----------
    workflow : workflow class
        The one that was learned (or one with the same nodes); it is not changed.
    parameters : mapping or list
        What `load_parameters(folder)` returns, or `{"BandPass.low": 0.0131}`. A name without a dot is an input of
        the workflow, whose default it becomes.
    """
    values: dict[str, Any] = {}
    if isinstance(parameters, Mapping):
        values = dict(parameters)
    else:
        for parameter in parameters:
            values |= dict.fromkeys(parameter.targets or (parameter.name,), parameter.value)
    values = {name: float(value) if np.ndim(value) == 0 else np.asarray(value) for name, value in values.items()}
    inputs = {name: value for name, value in values.items() if "." not in name}
    nodes = {name: value for name, value in values.items() if "." in name}
    return rewire.with_node_values(workflow, nodes, inputs)
