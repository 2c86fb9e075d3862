"""Cases: a block, its inputs, and what a trusted implementation makes of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

TOLERANCE = {"float64": 1e-10, "float32": 1e-5}


@dataclass(frozen=True)
class Case:
    """Inputs of a block, and what a trusted implementation makes of them.

    Parameters
    ----------
    block : Pydra task class
        The block.
    arguments : dict, or callable(rng) -> dict
        Float64 arrays, numbers and static values by argument name; what is left out is drawn from the declared
        dimensions, or the default.
    oracle : callable, optional
        Takes the same arguments by keyword and returns what the block must return (a tuple if several).
    source : str
        Name of the trusted implementation, for the parity table.
    degenerate : dict of name to arguments
        Inputs on which values and gradients must stay finite: a dead parcel, repeated eigenvalues, ...
    smooth : sequence of str, optional
        Arguments whose gradient is compared with finite differences; by default the first data argument and all
        learnable ones.
    undetermined : sequence of str
        Edges of the declaration (`testing.edges`) at which several results are right, so that rounding chooses among
        them: there they need not be the same compiled and not.
    tolerance, tolerance32 : float
        Largest absolute error against the oracle, relative to the largest value where that is above 1.
    """

    block: Any
    arguments: Mapping[str, Any] | Callable[[np.random.Generator], Mapping[str, Any]] = field(default_factory=dict)
    oracle: Callable[..., Any] | None = None
    source: str = ""
    degenerate: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    smooth: Sequence[str] | None = None
    undetermined: Sequence[str] = ()
    tolerance: float = TOLERANCE["float64"]
    tolerance32: float = TOLERANCE["float32"]

    def filled(self, extra: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return all arguments as concrete float64 values."""
        rng = np.random.default_rng(0)
        given = self.arguments(rng) if callable(self.arguments) else self.arguments
        return example(self.block, {**given, **(extra or {})}, rng)


@dataclass(frozen=True)
class Finding:
    """One item of the contract: whether it holds, and the measured figure or the reason."""

    item: str
    ok: bool
    note: str = ""
    error: float | None = None


def example(block: Any, given: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Complete the arguments of a block: data of the declared dimensions, defaults for the rest."""
    sizes = {"time": 60, "space": 12, "parcels": 5, "regressors": 3}
    for name, argument in block.declaration.arguments.items():
        if name in given and np.ndim(given[name]):
            sizes |= {
                d: s for d, s in zip(argument.dims.split(), np.shape(given[name]), strict=False) if d.isidentifier()
            }
    values: dict[str, Any] = {}
    for name, argument in block.declaration.arguments.items():
        if name in given:
            values[name] = given[name]
        elif argument.default is not inspect.Parameter.empty:
            values[name] = getattr(argument.default, "init", argument.default)
        elif argument.role == "data":
            values[name] = _drawn(name, argument.dims, sizes, rng)
        elif name == "tr":
            values[name] = 2.0
        else:
            raise ValueError(f"{name!r} has no default; give it a value: Case({block.__name__}, {{{name!r}: ...}})")
    values = {k: float(v) if isinstance(v, float) else v for k, v in values.items()}
    return block.declaration.checked(values)


def _drawn(name: str, dims: str, sizes: dict[str, int], rng: np.random.Generator) -> np.ndarray:
    shape = tuple(int(dim) if dim.isdigit() else sizes.setdefault(dim, 4) for dim in dims.split())
    if name == "labels":
        return np.arange(shape[0]) % 4
    if name == "frame_weights":
        return rng.uniform(0.2, 1.0, shape)
    if name == "maps":
        return rng.uniform(0.0, 1.0, shape)
    if name in ("covariance", "connectome"):
        made = np.cov(rng.standard_normal((50, shape[0])), rowvar=False)
        scale = np.sqrt(np.diag(made))
        return made if name == "covariance" else made / np.outer(scale, scale)
    return rng.standard_normal(shape)
