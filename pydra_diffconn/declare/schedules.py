"""How the weight of a loss changes over the steps of a fit: any function of the step, those of optax among them.

>>> import optax
>>> from pydra_diffconn import losses
>>> warm = optax.linear_schedule(0.0, 1.0, 100) * losses.Entropy("maps")
>>> float(losses.schedules.Cascade({0: 0.1, 500: 1e-4, 1000: 10.0})(700)) < 2e-4
True

`Ramp` and `Cascade` are names for what optax has, as values: they are compared, shown, hashed and pickled by their
numbers, which functions are not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

Weight = float | Callable[[Any], Any]
"""A number, or a function of the step (counted from 0), also under jit."""


def at_step(weight: Weight, step: Any) -> Any:
    """Return the number that a weight is at a step."""
    return weight(step) if callable(weight) else weight


def times(one: Weight, other: Weight) -> Weight:
    """Return the product of two weights: a schedule, if one of them is."""
    return Product(one, other) if callable(one) or callable(other) else one * other


@dataclass(frozen=True)
class Schedule:
    """A weight at each step; subclasses say which."""

    def __call__(self, step: Any) -> Any:
        """Return the weight at a step, counted from 0."""
        raise NotImplementedError

    def __mul__(self, factor: Any) -> Any:
        return times(self, factor) if isinstance(factor, int | float) or _is_schedule(factor) else NotImplemented

    __rmul__ = __mul__


def _is_schedule(factor: Any) -> bool:
    return callable(factor) and not hasattr(factor, "score") and not hasattr(factor, "parts")


@dataclass(frozen=True)
class Product(Schedule):
    """A schedule times a number or another schedule."""

    one: Weight
    other: Weight

    def __call__(self, step: Any) -> Any:
        return at_step(self.one, step) * at_step(self.other, step)


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
        import optax

        if self.shape == "linear":
            return optax.linear_schedule(self.start, self.end, self.steps, self.begin)(step)
        done = optax.linear_schedule(0.0, 1.0, self.steps, self.begin)(step)
        if self.shape == "geometric":
            return self.start ** (1 - done) * self.end**done
        return self.start + (self.end - self.start) * (1 - jnp.cos(jnp.pi * done)) / 2


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
        import optax

        pairs = [(int(at), float(value)) for at, value in self.values]
        changes = [
            optax.linear_schedule(before, after, self.ramp) if self.ramp else optax.constant_schedule(after)
            for (_, before), (_, after) in pairwise(pairs)
        ]
        first = optax.constant_schedule(pairs[0][1])
        return optax.join_schedules([first, *changes], [at for at, _ in pairs[1:]])(step)
