"""Where a parameter may live, and the smooth map on which a learning step is taken.

A value is always *stored constrained*: 0, 1, a corner of the simplex or a band edge in Hz stay exactly what
they were given as. Only while a step is taken does it travel to an unbounded ("free") space and back. A value
that sits exactly on a bound has no free image; it enters the free space from `INTERIOR` (relative) inside.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from pydra_diffconn.numerics.manifolds import FAR, INTERIOR, NEARLY, Orthogonal, Simplex, Spd, Sphere, UnitDisc

REACH = 12.0  # largest |free| coordinate of an interval: sigmoid(12) still differs from 1 in float32


class Constraint(Protocol):
    """What a constraint offers; one of your own is a frozen dataclass with these methods, and needs nothing else.

    `to_free` and `from_free` are traced by JAX; a value and its free image may have different shapes.
    """

    def describe(self) -> str:
        """Name the set, as it is shown beside a parameter: `[0, high]`, `simplex`."""

    def contains(self, value: Any) -> bool:
        """Say whether a given value is legal, up to rounding."""

    def resolved(self, arguments: Mapping[str, Any]) -> Constraint:
        """Return the constraint with what depends on the block's other arguments looked up."""

    def to_free(self, value: Any) -> Any:
        """Map a legal value, also one on the edge of the set, to a space in which every point is allowed."""

    def from_free(self, free: Any) -> Any:
        """Map back; every result is legal."""

    def narrowed(self, within: tuple[float, float]) -> Constraint:
        """Return the constraint for `Learn(within=...)`, or raise ValueError."""


@dataclass(frozen=True)
class Given:
    """A bound that is the value of another argument, or a second bound where that argument is None."""

    name: str
    otherwise: Bound


Bound = float | str | Given | Callable[[Mapping[str, Any]], Any]
"""A number, the name of another argument of the block (or `Given`), or a function of the block's arguments."""


@dataclass(frozen=True)
class Interval:
    """Numbers between two bounds; a bound may be another argument of the same block (`"high"`).

    `closed` says whether the bounds themselves are legal values. Those of an open interval may be given, too, as limits
    of what a learning step reaches (no high-pass is one at 0 Hz), unless it is `strict`: nothing is defined there.
    """

    lower: Bound = -math.inf
    upper: Bound = math.inf
    closed: bool = False
    strict: bool = False

    def describe(self) -> str:
        """Name the ends, square where the bound itself is accepted."""
        left = "(" if self.strict or _unbounded(self.lower) else "["
        right = ")" if self.strict or _unbounded(self.upper) else "]"
        return f"{left}{_bound_name(self.lower)}, {_bound_name(self.upper)}{right}"

    def contains(self, value: Any) -> bool:
        """Say whether a given value is legal."""
        low, high = float(self.lower), float(self.upper)  # type: ignore[arg-type]
        array = np.asarray(value)
        if self.strict:
            return bool(np.all((array > low) & (array < high)))
        return bool(np.all((array >= low) & (array <= high)))

    def resolved(self, arguments: Mapping[str, Any]) -> Interval:
        """Return the interval with its symbolic bounds looked up among the block's arguments."""
        return replace(self, lower=_look_up(self.lower, arguments), upper=_look_up(self.upper, arguments))

    def to_free(self, value: Any) -> Any:
        """Map a constrained value to the whole line (scale-free: logarithm or logit)."""
        import jax.numpy as jnp

        if _unbounded(self.lower) and _unbounded(self.upper):
            return value
        if _unbounded(self.upper):
            return _log_distance(value - self.lower, self.lower)
        if _unbounded(self.lower):
            return -_log_distance(self.upper - value, self.upper)
        width = self.upper - self.lower  # type: ignore[operator]
        inside = (value - self.lower) / width
        if self.closed:
            inside = jnp.where(inside <= 0, INTERIOR, jnp.where(inside >= 1, 1 - INTERIOR, inside))
        inside = jnp.clip(inside, NEARLY, 1 - NEARLY)
        return jnp.log(inside) - jnp.log1p(-inside)

    def from_free(self, free: Any) -> Any:
        """Map back from the whole line; the result lies strictly inside the bounds."""
        import jax
        import jax.numpy as jnp

        low: Any = self.lower
        high: Any = self.upper
        if _unbounded(low) and _unbounded(high):
            return free
        if _unbounded(high):
            return low + jnp.exp(jnp.clip(free, _least(low), FAR))
        if _unbounded(low):
            return high - jnp.exp(jnp.clip(-free, _least(high), FAR))
        return low + (high - low) * jax.nn.sigmoid(jnp.clip(free, -REACH, REACH))

    def narrowed(self, within: tuple[float, float]) -> Interval:
        """Return the intersection with `within`; a symbolic bound stays and is intersected when resolved."""
        lower = _tighter(self.lower, within[0], "maximum")
        upper = _tighter(self.upper, within[1], "minimum")
        return replace(self, lower=lower, upper=upper, strict=self.strict and lower == self.lower)


@dataclass(frozen=True)
class Ordered:
    """Vectors that ascend along the last axis, between two bounds such as those of an `Interval`.

    The free coordinates are logarithms of the gaps: of each to the gap below the upper bound where both bounds are
    finite; without bounds the first is the lowest number itself. Equal neighbours are legal values.
    """

    lower: Bound = -math.inf
    upper: Bound = math.inf

    def describe(self) -> str:
        return f"ascending in {Interval(self.lower, self.upper).describe()}"

    def contains(self, value: Any) -> bool:
        array = np.asarray(value, dtype=float)
        return array.ndim > 0 and bool(np.all(np.diff(array) >= 0)) and Interval(self.lower, self.upper).contains(array)

    def resolved(self, arguments: Mapping[str, Any]) -> Ordered:
        return Ordered(_look_up(self.lower, arguments), _look_up(self.upper, arguments))

    def to_free(self, value: Any) -> Any:
        """Map to the free space; gaps below `NEARLY` (relative) enter from there."""
        import jax.numpy as jnp

        value = jnp.asarray(value)
        low: Any = self.lower
        high: Any = self.upper
        if _unbounded(low) and not _unbounded(high):
            return Ordered(-high).to_free(-value[..., ::-1])
        if _unbounded(low):
            return jnp.concatenate([value[..., :1], _log_gaps(jnp.diff(value), value)], axis=-1)
        gaps = jnp.diff(value, prepend=jnp.full_like(value[..., :1], low))
        if _unbounded(high):
            return _log_gaps(gaps, value)
        least = NEARLY * (high - low)
        return jnp.log(jnp.maximum(gaps, least) / jnp.maximum(high - value[..., -1:], least))

    def from_free(self, free: Any) -> Any:
        """Map back; the result ascends and lies within the bounds."""
        import jax
        import jax.numpy as jnp

        low: Any = self.lower
        high: Any = self.upper
        if _unbounded(low) and not _unbounded(high):
            return -Ordered(-high).from_free(free)[..., ::-1]
        free = jnp.asarray(free)
        if _unbounded(low):
            return free[..., :1] + _summed(free.at[..., 0].set(-jnp.inf))
        if _unbounded(high):
            return low + _summed(free)
        logits = jnp.clip(jnp.pad(free, [(0, 0)] * (free.ndim - 1) + [(0, 1)]), -REACH, REACH)
        below = jnp.cumsum(jax.nn.softmax(logits, axis=-1), axis=-1)[..., :-1]
        return low + (high - low) * jnp.clip(below, NEARLY / 10, 1 - NEARLY / 10)

    def narrowed(self, within: tuple[float, float]) -> Ordered:
        narrower = Interval(self.lower, self.upper).narrowed(within)
        return Ordered(narrower.lower, narrower.upper)


real = Interval()
positive = Interval(lower=0.0)
nonnegative = Interval(lower=0.0, closed=True)
unit_interval = Interval(lower=0.0, upper=1.0, closed=True)
simplex = Simplex()
ordered = Ordered()
spd = Spd()
orthogonal = Orthogonal()
sphere = Sphere()
unit_disc = UnitDisc()


def between(lower: Bound, upper: Bound, closed: bool = False) -> Interval:
    """Numbers between two bounds, each a number, an argument's name or a function of the arguments."""
    return Interval(lower, upper, closed)


def above(lower: float) -> Interval:
    """Numbers above `lower`, at which the block is not defined."""
    return Interval(lower=lower, strict=True)


def at_least(lower: float) -> Interval:
    """Numbers from `lower` upwards, `lower` included."""
    return Interval(lower=lower, closed=True)


def ascending(lower: Bound, upper: Bound) -> Ordered:
    """Ascending vectors between two bounds, such as the cut-offs of neighbouring bands."""
    return Ordered(lower, upper)


def nyquist(arguments: Mapping[str, Any]) -> Any:
    """Half the sampling rate in Hz, from the block's `tr` in seconds."""
    return 0.5 / arguments["tr"]


def intersection(found: Sequence[Constraint]) -> Constraint:
    """Return the set of what is legal under all of some resolved constraints of one kind; only bounds may differ."""
    first = found[0]
    if len(found) == 1 or not isinstance(first, Interval | Ordered):
        return first
    lower = _tightest([one.lower for one in found], -math.inf, max, "maximum")  # type: ignore[attr-defined]
    upper = _tightest([one.upper for one in found], math.inf, min, "minimum")  # type: ignore[attr-defined]
    if isinstance(first, Interval):
        return replace(first, lower=lower, upper=upper, strict=any(one.strict for one in found))  # type: ignore[attr-defined]
    return replace(first, lower=lower, upper=upper)


def _tightest(bounds: Sequence[Any], none: float, choose: Callable[..., Any], traced: str) -> Any:
    import jax.numpy as jnp

    there = list(dict.fromkeys(b for b in bounds if isinstance(b, int | float) and not _unbounded(float(b))))
    computed = [bound for bound in bounds if not isinstance(bound, int | float)]
    number = choose(there) if there else none
    return functools.reduce(getattr(jnp, traced), [number, *computed]) if computed else number


def named(bound: Any) -> str | None:
    """Return the argument that a bound names, if it does."""
    return bound if isinstance(bound, str) else bound.name if isinstance(bound, Given) else None


def _look_up(bound: Bound, arguments: Mapping[str, Any]) -> Any:
    if isinstance(bound, str):
        return arguments[bound]
    if isinstance(bound, Given):
        value = arguments.get(bound.name)
        return _look_up(bound.otherwise, arguments) if value is None else value
    return bound(arguments) if callable(bound) else bound


def _unbounded(bound: Bound) -> bool:
    return isinstance(bound, float) and math.isinf(bound)


def _bound_name(bound: Bound) -> str:
    if name := named(bound):
        return name
    if callable(bound):
        return bound.__name__
    return f"{bound:g}"


def _tighter(bound: Bound, number: float, choose: str) -> Bound:
    if named(bound) or callable(bound):
        return _Tighter(bound, number, choose)
    return float(getattr(np, choose)(bound, number))


@dataclass(frozen=True)
class _Tighter:
    """The tighter one of a number and a bound that is not known yet: an object, which is pickled as no closure is."""

    bound: Bound
    number: float
    choose: str

    @property
    def __name__(self) -> str:
        return f"{self.choose} of {_bound_name(self.bound)} and {self.number:g}"

    def __call__(self, arguments: Mapping[str, Any]) -> Any:
        import jax.numpy as jnp

        return getattr(jnp, self.choose)(_look_up(self.bound, arguments), self.number)


def _log_distance(distance: Any, bound: Any) -> Any:
    """Return the logarithm of the distance to a bound; what lies on it enters from `INTERIOR`.

    A distance that is nearly lost to rounding beside the bound enters from a little further, where the derivative of
    the way back is not zero.
    """
    import jax.numpy as jnp

    distance = jnp.asarray(distance)
    return jnp.log(jnp.where(distance > 0, jnp.maximum(distance, 2 * jnp.exp(_least(bound))), INTERIOR))


def _least(bound: Any) -> Any:
    """Return the logarithm of the least distance to a bound that single precision tells from none."""
    import jax.numpy as jnp

    return jnp.maximum(jnp.log(NEARLY * jnp.abs(bound) + float(np.exp(-FAR))), -FAR)


def _log_gaps(gaps: Any, values: Any) -> Any:
    """Return the logarithms of the gaps between ascending values; equal ones count as `NEARLY` apart."""
    import jax.numpy as jnp

    size = jnp.max(jnp.abs(values), axis=-1, keepdims=True)
    return jnp.log(jnp.maximum(gaps, NEARLY * jnp.maximum(size, NEARLY)))


def _summed(logarithms: Any) -> Any:
    import jax.numpy as jnp

    return jnp.cumsum(jnp.exp(jnp.minimum(logarithms, FAR)), axis=-1)
