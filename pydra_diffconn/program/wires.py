"""How the arguments of fused steps get their values in one run: one small class for each kind of wire."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

LENGTH = "frames of the run"
"""The array with the true length of a run that was filled up, and the argument by which steps take it."""
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
