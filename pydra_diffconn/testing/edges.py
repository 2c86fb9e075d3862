"""Inputs at the edge of what a block is made for, by its declaration: nothing varies, nothing counts, all is tied."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from pydra_diffconn.testing.cases import Case

MATRICES = ("connectome", "covariance", "covariances")
SINGLE = {"time": "one frame", "parcels": "one parcel", "space": "one location", "samples": "one sample"}
"""Dimensions that may have one entry, where the block's check allows it."""


def edges(case: Case, values: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield degenerate arguments, with a name, of those that a task of this block takes.

    Weights that are all 0 are among them, which no task takes: in a compiled program they are known too late.
    """
    declaration = case.block.declaration
    for label, changed in _changes(case, values):
        found = {**values, **changed}
        if taken(case, found):
            yield label, found
    for name, argument in declaration.arguments.items():
        if argument.weighs:
            length = np.shape(values[declaration.main_input])[0] if values.get(name) is None else len(values[name])
            yield f"all of {name} 0", {**values, name: np.zeros(length)}


def taken(case: Case, values: Mapping[str, Any]) -> bool:
    """Return whether a task of this block takes these arguments."""
    try:
        case.block.declaration.checked(values)
    except ValueError:
        return False
    return True


def _changes(case: Case, values: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    declaration = case.block.declaration
    name = declaration.main_input
    main = np.asarray(values[name], dtype=float)
    dims = declaration.arguments[name].dims.split()
    if name in MATRICES:
        shapes: dict[str, Callable[[np.ndarray], np.ndarray]] = {
            "equal eigenvalues": lambda a: np.broadcast_to(np.eye(a.shape[-1]), a.shape).copy(),
            "a dead parcel": _without_last,
            "all zeros": np.zeros_like,
            "all ones": np.ones_like,
        }
    else:
        shapes = {
            "a constant column": _with_constant_column,
            "all constant": lambda a: np.full_like(a, 3.0),
            "all zeros": np.zeros_like,
            "ties": np.round,
            "equal columns": lambda a: np.broadcast_to(a[..., :1], a.shape).copy(),
        }
    for label, change in shapes.items():
        yield label, {name: change(main)}
    for dim, label in SINGLE.items():
        if dim in dims:
            yield (
                label,
                {other: _first(declaration.arguments[other].dims.split(), dim, v) for other, v in values.items()},
            )


def _without_last(matrix: np.ndarray) -> np.ndarray:
    changed = matrix.copy()
    changed[..., -1, :] = changed[..., :, -1] = 0.0
    return changed


def _with_constant_column(array: np.ndarray) -> np.ndarray:
    changed = array.copy()
    changed[..., -1] = 3.0
    return changed


def _first(dims: list[str], dim: str, value: Any) -> Any:
    """Return the first entry, as one of one, along each dimension of this name."""
    if not dims or value is None or np.ndim(value) != len(dims):
        return value
    return value[tuple(slice(1) if one == dim else slice(None) for one in dims)]
