"""All that changes from step to step of a fit, and so all that a checkpoint holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class State:
    """All that changes from step to step, and so all that a checkpoint holds."""

    number: int
    values: dict[str, Any]
    optimizer: Any
    good: tuple[dict[str, Any], Any]
    """The last values and optimiser state whose loss was a number."""
    best_values: dict[str, Any]
    best: dict[str, float]
    best_number: int = 0
    scale: float = 1.0
    failures: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)


def is_better(scores: Mapping[str, float], others: Mapping[str, float]) -> bool:
    """Say whether a score is lower: that of the validation runs, or without any, that of the training runs."""
    key = "validation" if "validation" in scores else "training"
    return scores[key] < others[key]
