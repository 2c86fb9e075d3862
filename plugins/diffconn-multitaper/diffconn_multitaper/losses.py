"""A loss on spectra."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydra_diffconn.losses import Loss


@dataclass(frozen=True, eq=False)
class BandConcentration(Loss):
    """The share of the power that lies outside a band, averaged over runs and locations.

    0 if all power is within, 1 if none is. Locations without any power do not count.

    Parameters
    ----------
    output : str
        Spectra, (..., frequencies, space), such as `power` of `MultitaperSpectrum`.
    frequencies : str
        The output with their frequencies in Hz, (..., frequencies).
    low, high : float
        The band in Hz, both included.
    """

    low: float = field(default=0.01, kw_only=True)
    high: float = field(default=0.1, kw_only=True)
    frequencies: str = field(default="frequencies", kw_only=True)

    def __post_init__(self) -> None:
        if not 0 <= self.low < self.high:
            raise ValueError(f"BandConcentration: low = {self.low:g} and high = {self.high:g} Hz are no band")

    def score(self, outputs: Mapping[str, Any], targets: Any) -> Any:
        """Return the mean share outside."""
        import jax.numpy as jnp

        power, frequencies = self.read(outputs), self.read(outputs, self.frequencies)
        inside = ((frequencies >= self.low) & (frequencies <= self.high))[..., None]
        total = jnp.sum(power, axis=-2)
        alive = total > 0
        within = jnp.sum(jnp.where(inside, power, 0.0), axis=-2) / jnp.where(alive, total, 1.0)
        return jnp.sum(jnp.where(alive, 1 - within, 0.0)) / jnp.maximum(jnp.sum(alive), 1)
