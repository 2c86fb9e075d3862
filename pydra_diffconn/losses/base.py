"""What all losses have in common: a name, a weight, and that they add up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self


@dataclass(frozen=True)
class Loss:
    """One term; subclasses say what `score` is."""

    output: str
    weight: float = 1.0

    def score(self, outputs: Mapping[str, Any], targets: Any) -> Any:
        """Return the unweighted value of this term."""
        raise NotImplementedError

    def __call__(self, outputs: Mapping[str, Any], targets: Any = None) -> Any:
        return self.weight * self.score(outputs, targets)

    def __rmul__(self, factor: float) -> Self:
        return replace(self, weight=factor * self.weight)

    def __add__(self, other: Loss | Sum) -> Sum:
        return Sum((self,)) + other


@dataclass(frozen=True)
class Sum:
    """Several terms; `terms` of it gives each one's value."""

    parts: tuple[Loss, ...]

    def __call__(self, outputs: Mapping[str, Any], targets: Any = None) -> Any:
        return sum(part(outputs, targets) for part in self.parts)

    def __rmul__(self, factor: float) -> Sum:
        return Sum(tuple(factor * part for part in self.parts))

    def __add__(self, other: Loss | Sum) -> Sum:
        return Sum(self.parts + (other.parts if isinstance(other, Sum) else (other,)))

    def terms(self, outputs: Mapping[str, Any], targets: Any = None) -> dict[str, Any]:
        """Return the weighted value of each term by name."""
        return {type(part).__name__: part(outputs, targets) for part in self.parts}
