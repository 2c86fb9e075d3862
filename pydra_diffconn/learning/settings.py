"""What may be set of a fit besides its data: how steps are taken (`Learning`) and on what it runs (`Machine`).

`fit`, `Fit`, `cross_validate` and `bootstrap` take both under the same names: `how=Learning(...)`, `on=Machine(...)`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from numbers import Real
from typing import Any

from pydra_diffconn.warn import warn

REMOVED_IN = "0.3"


@dataclass(frozen=True)
class Learning:
    """How steps are taken, besides their number and the optimizer.

    Parameters
    ----------
    batch_size : int, optional
        Number of runs in a step, drawn anew in every epoch; by default all.
    patience : int, optional
        Stop when the score has not improved for so many steps.
    rates : mapping
        Factor on the step of a parameter, by name.
    schedules : mapping
        Parameters that follow a function of the step instead of being learned, such as the temperature of a choice:
        `{"Choose.temperature": optax.linear_schedule(1.0, 0.1, 100)}`. Values are scored, and the result has them, as
        at the last step.
    shrinkage : float
        How strongly values per entity are drawn to the group's.
    checkpoint_every : int
        Steps between saves (at most one save a second).
    """

    batch_size: int | None = None
    patience: int | None = None
    rates: Mapping[str, float] = field(default_factory=dict)
    schedules: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    shrinkage: float = 1.0
    checkpoint_every: int = 1

    def __post_init__(self) -> None:
        for name in ("batch_size", "patience", "checkpoint_every"):
            require_count(name, getattr(self, name), 1)
        require_number("shrinkage", self.shrinkage, 0.0)
        _require_each("rates", self.rates, _is_factor, "factors of at least 0 by name, such as {'BandPass.low': 0.1}")
        rule = "functions of the step by name, such as {'Choose.temperature': optax.linear_schedule(1.0, 0.1, 100)}"
        _require_each("schedules", self.schedules, callable, rule)


@dataclass(frozen=True)
class Machine:
    """On what a fit runs.

    Parameters
    ----------
    devices : sequence of jax devices
        Spread the runs over these.
    remat : bool
        Compute intermediate arrays again in the backward pass, one run at a time: less memory, more time.
    memory : float, optional
        Bytes of what is read from files to hold in memory, by default a quarter of the machine's. What exceeds them
        waits in a temporary folder (TMPDIR), from which each batch is read: give a `batch_size` then.
    """

    devices: Sequence[Any] = ()
    remat: bool = False
    memory: float | None = None

    def __post_init__(self) -> None:
        known = not isinstance(self.devices, str) and hasattr(self.devices, "__iter__")
        if not known or not all(hasattr(one, "platform") for one in self.devices):
            raise ValueError(f"devices is {self.devices!r}; expected devices of JAX, such as jax.devices()")
        if not isinstance(self.remat, bool):
            raise ValueError(f"remat is {self.remat!r}; expected True or False")
        if self.memory is not None:
            require_number("memory", self.memory, 0.0)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and value == value


def _is_factor(value: Any) -> bool:
    return _is_number(value) and value >= 0


def require_number(name: str, value: Any, least: float) -> None:
    """Refuse what is no number of at least `least`."""
    if not _is_number(value) or value < least:
        raise ValueError(f"{name} is {value!r}; expected a number of at least {least:g}")


def _require_each(name: str, given: Any, legal: Callable[[Any], bool], expected: str) -> None:
    if not isinstance(given, Mapping):
        raise ValueError(f"{name} is {given!r}; expected {expected}")
    for key, value in given.items():
        if not legal(value):
            raise ValueError(f"{name}: {key} is {value!r}; expected {expected}")


def require_count(name: str, number: Any, least: int) -> None:
    """Refuse what is no whole number of at least `least`; None passes."""
    whole = hasattr(number, "__index__") and not isinstance(number, bool)
    if number is not None and not (whole and number >= least):
        raise ValueError(f"{name} is {number!r}; expected a whole number of at least {least}")


def require_loss(loss: Any, **numbers: Any) -> None:
    """Refuse a loss that cannot be called, and numbers, of steps for example, that are none."""
    if not callable(loss):
        raise ValueError(f"loss is {loss!r}; expected a callable, loss(outputs, targets) -> scalar")
    for name, number in numbers.items():
        if number is None:
            raise ValueError(f"{name} is None; expected a whole number of at least 0")
        require_count(name, number, 0)


def settled(
    how: Learning | None, on: Machine | None, groups: Any, old: Mapping[str, Any], caller: str
) -> tuple[Learning, Machine, Any]:
    """Return the settings, with those that were spelled in the old way put in their place.

    Raises
    ------
    TypeError
        If a name is none of a setting; it names the nearest.
    """
    how, on = Learning() if how is None else how, Machine() if on is None else on
    for name, given, kind in (("how", how, Learning), ("on", on, Machine)):
        if not isinstance(given, kind):
            raise ValueError(f"{name} is {given!r}; expected {name}={kind.__name__}(...)")
    if isinstance(groups, str) or not (groups is None or hasattr(groups, "__iter__")):
        raise ValueError(f"groups is {groups!r}; expected one label for each run, or {{'subject': [...]}}")
    homes: dict[str, str] = {one.name: "how=Learning" for one in fields(Learning)}
    homes |= {one.name: "on=Machine" for one in fields(Machine)} | {"entities": "groups="}
    for name, value in old.items():
        if name not in homes:
            close = difflib.get_close_matches(name, [*homes, "steps", "optimizer", "validation", "checkpoint"])
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise TypeError(f"{caller}() has no argument {name!r}{hint}")
        place = "groups={...}" if name == "entities" else f"{homes[name]}({name}=...)"
        warn(f"{caller}({name}=...) is spelled {place} now; the old spelling goes in {REMOVED_IN}", DeprecationWarning)
        if name == "entities":
            mine = {} if groups is None else dict(groups) if isinstance(groups, Mapping) else {"subject": groups}
            groups = {**(value or {}), **mine} or None
        elif homes[name] == "on=Machine":
            on = Machine(**{**vars(on), name: () if name == "devices" and value is None else value})
        else:
            how = Learning(**{**vars(how), name: value or {} if name in ("rates", "schedules") else value})
    return how, on, groups


def require_runs(loss: Any, runs: int, what: str, held_out: bool = False) -> None:
    """Refuse fewer runs than a loss over runs needs to say anything: of two, every correlation is 1."""
    least = getattr(loss, "least_tested" if held_out else "least_runs", 1)
    if 0 < runs < least:
        way = "use fewer folds, hold out more" if held_out else "learn from more (more folds, a larger batch)"
        raise ValueError(
            f"{what} has {runs} run{'s' * (runs > 1)}, and the loss needs at least {least} to say anything; {way}, or "
            "take a loss of single runs"
        )


def too_few(loss: Any, targets: Any) -> str | None:
    """Return why a loss says nothing of runs with these targets; None where it does, or does not know."""
    ask = getattr(loss, "too_few", None)
    return None if ask is None or targets is None else ask(targets)


def require_enough(loss: Any, targets: Any, what: str, held_out: bool = False) -> None:
    """Refuse runs whose targets say that a loss can say nothing of them: too few people, for example."""
    if told := too_few(loss, targets):
        way = "fewer folds, or hold out nobody" if held_out else "more folds, or hold out fewer"
        raise ValueError(f"{what} says nothing by the loss: {told}; add people, use {way} for validation")
