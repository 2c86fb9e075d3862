"""The types of the inputs of our interfaces: data (an array or a file) and numbers, either of which may be marked."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from nipype.interfaces.base import Undefined, traits

from pydra_diffconn.declare.argument import Argument
from pydra_diffconn.declare.parameters import Learn


class _OfBlock(traits.TraitType):
    """What both have in common: the block and the argument that they are for."""

    def __init__(self, block: str, argument: Argument | None, **metadata: Any) -> None:
        self.block, self.argument = block, argument
        super().__init__(Undefined, **metadata)

    def _refused(self, name: str, value: Any, why: str) -> traits.TraitError:
        shown = f"an array of shape {value.shape}" if isinstance(value, np.ndarray) else repr(value)
        return traits.TraitError(f"{self.block}.{name} = {shown}: {why}")

    def _check_mark(self, name: str, value: Any) -> None:
        if self.argument is not None and self.argument.parameter is None and isinstance(value, Learn):
            raise self._refused(name, value, f"{name} is no parameter of {self.block}, so that it cannot be learned")


class Number(_OfBlock):
    """A number, which a mark (`Learn`) stays in place of; `traits.Float` would make it a plain number."""

    info_text = "a float, or a Learn that starts there"

    def validate(self, owner: Any, name: str, value: Any) -> Any:
        """Return a number or mark within the declared bounds, as far as these are numbers themselves."""
        self._check_mark(name, value)
        if value is Undefined or (value is None and (self.argument is None or self.argument.optional)):
            return value
        if isinstance(value, Learn):
            self._check_bounds(name, value, value.init)
            return value
        if isinstance(value, str | bytes | bool) or np.ndim(value) or not hasattr(value, "__float__"):
            raise self._refused(name, value, "expected a number")
        self._check_bounds(name, value, float(value))
        return float(value)

    def _check_bounds(self, name: str, value: Any, number: float | None) -> None:
        constraint = None if self.argument is None else self.argument.constraint
        if constraint is None or number is None:
            return
        lower, upper = (
            bound if isinstance(bound, int | float) else far
            for bound, far in (
                (getattr(constraint, "lower", None), -math.inf),
                (getattr(constraint, "upper", None), math.inf),
            )
        )
        if not lower <= number <= upper:
            raise self._refused(name, value, f"expected a number in {constraint.describe()}")


class Data(_OfBlock):
    """An array or the path of a file that exists."""

    info_text = "an array, or a pathlike object or string representing an existing file"

    def validate(self, owner: Any, name: str, value: Any) -> Any:
        """Return an array, or the absolute path of a file."""
        self._check_mark(name, value)
        if value is None or value is Undefined or isinstance(value, Learn | np.ndarray):
            return value
        if isinstance(value, str | Path) or hasattr(value, "fspath"):
            path = Path(str(value)).absolute()
            if not path.exists():
                raise self._refused(name, str(value), "there is no such file; expected an array or an existing file")
            return str(path)
        if hasattr(value, "__array__") or isinstance(value, list | tuple | int | float):
            array = np.asarray(value)
            if array.dtype.kind in "biufc":
                return array
        raise self._refused(name, value, "expected an array or the path of an existing file")
