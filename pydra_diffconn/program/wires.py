"""How the arguments of fused steps get their values in one run, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pydra_diffconn import files


@dataclass(frozen=True)
class Wire:
    """How one argument of a fused step gets its value."""

    kind: str
    """`array`, `static`, `parameter`, `step`, or `ragged`: one array or static value for each instance."""
    value: Any
    spaces: Any = None
    """For a series that was masked otherwise upstream: (where it lies, where it is wanted)."""
    index: np.ndarray | None = None
    """Which entries along the leading axis, for each instance (and each gathered value)."""


@dataclass
class Run:
    """One run made ready on the host: its arrays by name and the wiring of the steps."""

    arrays: dict[str, Any] = field(default_factory=dict)
    wires: dict[str, dict[str, Wire]] = field(default_factory=dict)
    counts: dict[str, int | None] = field(default_factory=dict)
    """Number of instances of each step; None if it is not split."""
    outputs: dict[str, Wire] = field(default_factory=dict)
    streamed: dict[str, str] = field(default_factory=dict)
    """Steps that were computed while their image was read, and the array with the result."""
    spaces: dict[tuple[str, str], list[files.Space | None]] = field(default_factory=dict)
    """Where the series of each argument and output lie, one entry for each instance; None if they were arrays."""
    plan: Any = None
    """What is computed, in which order; made when the run is first computed."""

    def signature(self) -> tuple:
        """Runs with equal signatures share one compiled program."""
        shapes = tuple(
            (name, np.shape(value), np.asarray(value).dtype.str) for name, value in sorted(self.arrays.items())
        )
        statics: list[tuple] = []
        for path, wires in self.wires.items():
            for name, wire in wires.items():
                if wire.kind in ("static", "ragged"):
                    statics.append((path, name, repr(wire.value)))
                if wire.index is not None:
                    statics.append((path, name, wire.index.shape, wire.index.tobytes()))
                for pair in _pairs(wire.spaces):
                    statics.append((path, name, *(space.positions.tobytes() for space in pair)))
        return shapes, tuple(statics), tuple(self.counts.items())


def _pairs(spaces: Any) -> list[tuple]:
    if spaces is None:
        return []
    return [pair for pair in spaces if pair is not None] if isinstance(spaces, list) else [spaces]
