"""How the arguments of fused steps get their values in one run: one small class for each kind of wire."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pydra_diffconn import files

if TYPE_CHECKING:
    from pydra_diffconn.program.planning.plan import Plan

Key = tuple[str, str]
"""The path of a step, and the name of one of its outputs."""


@dataclass(frozen=True)
class Static:
    """A plain value, the same whatever is computed."""

    value: Any
    varies: ClassVar[bool] = False


@dataclass(frozen=True)
class FromParameter:
    """A parameter to be learned."""

    name: str
    varies: ClassVar[bool] = False


@dataclass(frozen=True, eq=False)
class FromArray:
    """An array of the run, by name."""

    name: str
    index: np.ndarray | None = None
    """Which entries along the leading axis, for each instance (and each gathered value)."""
    spaces: Any = None
    """For a series that was masked otherwise upstream: (where it lies, where it is wanted), for each instance if they
    differ."""

    @property
    def varies(self) -> bool:
        return self.index is not None


@dataclass(frozen=True, eq=False)
class FromStep:
    """An output of another step; `index` and `spaces` as for an array."""

    key: Key
    index: np.ndarray | None = None
    spaces: Any = None

    @property
    def path(self) -> str:
        return self.key[0]

    @property
    def varies(self) -> bool:
        return self.index is not None


@dataclass(frozen=True)
class OnePerInstance:
    """Values of different shape, or some of them missing: one for each instance of a split step."""

    items: tuple[FromArray | Static, ...]
    varies: ClassVar[bool] = True


Wire = Static | FromParameter | FromArray | FromStep | OnePerInstance


def arrays_of(wire: Wire) -> Iterator[str]:
    """Yield the arrays of the run that a wire takes."""
    match wire:
        case FromArray():
            yield wire.name
        case OnePerInstance():
            yield from (item.name for item in wire.items if isinstance(item, FromArray))


@dataclass
class Run:
    """One run made ready on the host: its arrays by name and the wiring of the steps."""

    arrays: dict[str, Any] = field(default_factory=dict)
    wires: dict[str, dict[str, Wire]] = field(default_factory=dict)
    counts: dict[str, int | None] = field(default_factory=dict)
    """Number of instances of each step; None if it is not split."""
    outputs: dict[str, FromArray | FromStep] = field(default_factory=dict)
    streamed: dict[str, str] = field(default_factory=dict)
    """Steps that were computed while their image was read, and the array with the result."""
    spaces: dict[Key, list[files.Space | None]] = field(default_factory=dict)
    """Where the series of each argument and output lie, one entry for each instance; None if they were arrays."""
    plan: Plan | None = None
    """What is computed, in which order; made when the run is first computed."""

    def signature(self) -> tuple[Any, ...]:
        """Runs with equal signatures share one compiled program."""
        shapes = tuple(
            (name, np.shape(value), np.asarray(value).dtype.str) for name, value in sorted(self.arrays.items())
        )
        statics = [
            (path, name, *_signature(wire)) for path, wires in self.wires.items() for name, wire in wires.items()
        ]
        return shapes, tuple(statics), tuple(self.counts.items())


def _signature(wire: Wire) -> tuple[Any, ...]:
    """Return what of a wire is compiled into the program."""
    match wire:
        case Static() | OnePerInstance():
            return (repr(wire),)
        case FromArray() | FromStep():
            index = () if wire.index is None else (wire.index.shape, wire.index.tobytes())
            return (*index, *(tuple(space.positions.tobytes() for space in pair) for pair in _pairs(wire.spaces)))
    return ()


def _pairs(spaces: Any) -> list[tuple[files.Space, files.Space]]:
    if spaces is None:
        return []
    return [pair for pair in spaces if pair is not None] if isinstance(spaces, list) else [spaces]
