"""How the weight of a loss changes over the steps of a fit: pure functions of the step number, also under jit.

>>> from pydra_diffconn import losses
>>> warm = losses.schedules.Ramp(0.0, 1.0, steps=100) * losses.Entropy("maps")
>>> float(losses.schedules.Cascade({0: 0.1, 500: 1e-4, 1000: 10.0})(700)) < 2e-4
True
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal


@dataclass(frozen=True)
class Schedule:
    """A weight at each step; subclasses say which."""

    def __call__(self, step: Any) -> Any:
        """Return the weight at a step, counted from 0."""
        raise NotImplementedError

    def __mul__(self, factor: float | Schedule) -> Schedule:
        return Product(self, factor) if isinstance(factor, int | float | Schedule) else NotImplemented

    __rmul__ = __mul__


@dataclass(frozen=True)
class Product(Schedule):
    """A schedule times a number or another schedule."""

    schedule: Schedule
    factor: float | Schedule

    def __call__(self, step: Any) -> Any:
        return self.schedule(step) * (self.factor(step) if isinstance(self.factor, Schedule) else self.factor)


@dataclass(frozen=True)
class Constant(Schedule):
    """The same weight at every step."""

    value: float

    def __call__(self, step: Any) -> Any:
        return self.value


@dataclass(frozen=True)
class Ramp(Schedule):
    """From `start` to `end` within `steps` steps after step `begin`; constant before and after.

    Parameters
    ----------
    start, end : float
        Weights; both above 0 for the geometric shape.
    steps : int
        At least 1.
    begin : int
        Step of the last `start`.
    shape : {"linear", "cosine", "geometric"}
        Equal steps; half a cosine (slow, fast, slow); equal ratios, for weights that change by orders of magnitude.
    """

    start: float
    end: float
    steps: int
    begin: int = 0
    shape: Literal["linear", "cosine", "geometric"] = "linear"

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"Ramp: steps is {self.steps}; a change takes at least 1 step")
        if self.shape not in ("linear", "cosine", "geometric"):
            raise ValueError(f"Ramp: shape is {self.shape!r}; expected 'linear', 'cosine' or 'geometric'")
        if self.shape == "geometric" and not (self.start > 0 and self.end > 0):
            raise ValueError(f"Ramp: {self.start} to {self.end} has no geometric shape; both must be above 0")

    def __call__(self, step: Any) -> Any:
        import jax.numpy as jnp

        done = jnp.clip((step - self.begin) / self.steps, 0.0, 1.0)
        if self.shape == "geometric":
            return self.start ** (1 - done) * self.end**done
        if self.shape == "cosine":
            done = (1 - jnp.cos(jnp.pi * done)) / 2
        return (1 - done) * self.start + done * self.end


@dataclass(frozen=True)
class Cascade(Schedule):
    """One value after another: `Cascade({0: 0.1, 500: 1e-4})` is 0.1 before step 500 and 1e-4 from it on.

    Parameters
    ----------
    values : mapping of step to weight
        The first step must be 0.
    ramp : int
        Steps that each change takes, linearly; with 0 it is a jump.
    """

    values: Mapping[int, float] | tuple[tuple[int, float], ...]
    ramp: int = 0

    def __post_init__(self) -> None:
        pairs = tuple(sorted(self.values.items() if isinstance(self.values, Mapping) else self.values))
        object.__setattr__(self, "values", pairs)  # a mapping could not be hashed
        if not pairs or pairs[0][0] != 0:
            raise ValueError(
                f"Cascade: the first value must be for step 0, not {pairs[:1]}; add the weight at the start"
            )
        shortest = min((b - a for (a, _), (b, _) in pairwise(pairs[1:])), default=self.ramp)
        if not 0 <= self.ramp <= shortest:
            raise ValueError(
                f"Cascade: ramp is {self.ramp}; changes are {shortest} steps apart, so use 0 to {shortest}"
            )

    def __call__(self, step: Any) -> Any:
        import jax.numpy as jnp

        at, weights = (jnp.asarray(column) for column in zip(*self.values, strict=True))
        weights = weights.astype(jnp.result_type(float))
        place = jnp.searchsorted(at, step, side="right") - 1
        value, previous = weights[place], weights[jnp.maximum(place - 1, 0)]
        done = jnp.clip((step - at[place]) / self.ramp, 0.0, 1.0) if self.ramp else 1.0
        return (1 - done) * previous + done * value
