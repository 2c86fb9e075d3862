"""Declaring a parameter (`Parameter`), marking one to be learned (`Learn`), saving and loading learned values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from pydra_diffconn.declare import constraints


@dataclass(frozen=True)
class Parameter:
    """What a block's author says of a learnable argument: where it may live, its unit, one line of help."""

    constraint: constraints.Constraint = constraints.real
    unit: str = ""
    help: str = ""


class Learn:
    """Mark a parameter as learnable, in place of its number or in `fit(..., learn={"Block.parameter": Learn()})`.

    A `Learn` is itself the number (or array) of its start value: a classical run computes with it, and it
    passes wherever that number passes.

    >>> Learn(0.01) == 0.01
    True

    Parameters
    ----------
    init : float or array, optional
        Start value; by default the value that stands there (from outside) or the block's declared default.
    within : (float, float), optional
        A narrower interval, in the parameter's unit.
    share : str, optional
        Parameters with the same name are one value.
    per : str, optional
        One value for each subject (or whatever the runs are labelled by in `fit`), drawn to the group's value.
    """

    init: Any
    within: tuple[float, float] | None
    share: str | None
    per: str | None
    name: str | None
    """Set when a workflow is read: the workflow input or node field that holds the mark."""

    def __new__(
        cls,
        init: Any = None,
        within: tuple[float, float] | None = None,
        share: str | None = None,
        per: str | None = None,
    ) -> Learn:
        if within is not None and not within[0] < within[1]:
            raise ValueError(f"Learn(within={within}): the first bound must be below the second")
        learn: Any
        if init is None or np.ndim(init) == 0:
            learn = float.__new__(_LearnNumber, np.nan if init is None else init)
        else:
            init = _frozen(init)
            learn = init.view(_LearnArray)
        learn.init = float(learn) if init is not None and np.ndim(init) == 0 else init
        learn.within = within
        learn.share = share
        learn.per = per
        learn.name = None
        return learn

    def as_plain(self) -> Any:
        """Return the number or array that this stands for: what a run hands out."""
        return np.array(plain(self)) if isinstance(self, _LearnArray) else plain(self)

    def as_array(self) -> Learn:
        """Return the same mark, without a start value, as one that stands where an array is expected."""
        learn: Any = np.empty(0).view(_LearnArray)
        learn.init, learn.within, learn.share, learn.per, learn.name = (
            None,
            self.within,
            self.share,
            self.per,
            self.name,
        )
        return learn

    def __repr__(self) -> str:
        shown = {"init": self.init, "within": self.within, "share": self.share, "per": self.per}
        return f"Learn({', '.join(f'{key}={value!r}' for key, value in shown.items() if value is not None)})"

    def __reduce__(self) -> Any:
        return _rebuild, (self.init, self.within, self.share, self.name, self.per)

    def __deepcopy__(
        self, memo: Any
    ) -> Learn:  # Pydra copies constructed workflows; an array's own copy loses the mark
        return _rebuild(self.init, self.within, self.share, self.name, self.per)

    def __bytes_repr__(self, cache: Any) -> Iterator[bytes]:
        """Hash apart from the plain number: a workflow built around a mark is another workflow (Pydra's hook)."""
        yield b"pydra_diffconn.Learn:"
        yield repr((self.within, self.share, self.per, self.name)).encode()
        if self.init is not None:
            array = np.asarray(self.init)
            yield repr((array.shape, array.dtype.str)).encode()
            yield array.tobytes()


class _LearnNumber(Learn, float):
    __hash__ = float.__hash__


class _LearnArray(Learn, np.ndarray):
    pass


def _rebuild(init: Any, within: Any, share: str | None, name: str | None, per: str | None = None) -> Learn:
    learn = Learn(init, within, share, per)
    learn.name = name
    return learn


def _frozen(init: Any) -> np.ndarray:
    """Return an array that nobody changes, so that it need not be copied with every mark that is made of it."""
    if isinstance(init, np.ndarray) and init.dtype == float and init.base is None and not init.flags.writeable:
        return init
    array = np.array(init, dtype=float)
    array.flags.writeable = False
    return array


def plain(value: Any) -> Any:
    """Return the number or array that a `Learn` stands for, the array without a copy; anything else unchanged."""
    if isinstance(value, _LearnNumber):
        return float(value)
    if isinstance(value, _LearnArray):
        return value.view(np.ndarray)
    return value
