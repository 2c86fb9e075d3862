"""One run made ready on the host: its arrays by name, and the wiring of the steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pydra_diffconn import files
from pydra_diffconn.declare.freedom import Freedom
from pydra_diffconn.program.plan import Plan
from pydra_diffconn.program.wires import FromArray, FromParameter, FromStep, Key, OnePerInstance, Static, Wire


@dataclass
class Run:
    """One run made ready on the host: its arrays by name and the wiring of the steps."""

    arrays: dict[str, Any] = field(default_factory=dict)
    wires: dict[str, dict[str, Wire]] = field(default_factory=dict)
    counts: dict[str, int | None] = field(default_factory=dict)
    """Number of instances of each step; None if it is not split."""
    outputs: dict[str, FromArray | FromStep | FromParameter] = field(default_factory=dict)
    streamed: dict[str, str] = field(default_factory=dict)
    """Steps that were computed while their image was read, and the array with the result."""
    read: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """The shapes of images that were used up while they were read, by the name that their array would have."""
    spaces: dict[Key, list[files.Space | None]] = field(default_factory=dict)
    """Where the series of each argument and output lie, one entry for each instance; None if they were arrays."""
    said: dict[tuple[str, str, int], Freedom] = field(default_factory=dict)
    """What was given says of its degrees of freedom: for the argument of an instance of a step."""
    blanks: dict[str, list[np.ndarray | None]] = field(default_factory=dict)
    """Which places of an array have no data, for each entry that a wire's index may take; zeros stand there."""
    length: int | None = None
    """How many frames are its own, if it was filled up with others."""
    timed: frozenset[str] = frozenset()
    """Which outputs have an axis of frames then, of which those beyond the length are cut off."""
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


def plainly_known(run: Run, parameters: Mapping[str, Any], wires: Mapping[str, Wire]) -> dict[str, Any]:
    """Return the arguments of a step that are the same for all its instances and known when the program is made."""
    found: dict[str, Any] = {}
    for name, wire in wires.items():
        match wire:
            case Static(value=value):
                found[name] = value
            case FromParameter(name=parameter):
                found[name] = parameters[parameter]
            case FromArray(name=array, index=None, spaces=None) if array in run.arrays:
                found[name] = run.arrays[array]
    return found


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
