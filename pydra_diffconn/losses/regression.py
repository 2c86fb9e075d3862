"""How far an output is from its target."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydra_diffconn.losses.base import Loss


@dataclass(frozen=True)
class MeanSquaredError(Loss):
    """Mean squared difference between an output and the targets (of the same shape)."""

    def score(self, outputs: Mapping[str, Any], targets: Any) -> Any:
        """Return the mean over all runs and entries."""
        return ((outputs[self.output] - targets) ** 2).mean()
