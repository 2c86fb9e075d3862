"""How to learn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydra_diffconn.declare.schedules import Schedule


@dataclass(frozen=True)
class Settings:
    """How to learn; see `fit`."""

    optimizer: Any = None
    rates: Mapping[str, float] = field(default_factory=dict)
    batch_size: int | None = None
    patience: int | None = None
    shrinkage: float = 1.0
    seed: int = 0
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
