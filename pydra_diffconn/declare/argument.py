"""One argument of a block, as its signature declares it, and how a value is converted to what the block takes."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

import numpy as np

from pydra_diffconn import pydra_compat
from pydra_diffconn.declare.constraints import Constraint
from pydra_diffconn.declare.parameters import Parameter

KINDS = {"c": "complex numbers; take their magnitude or real part", "O": "objects", "U": "text", "S": "text"}

WEIGHTS = ("frame_weights", "subject_weights", "sample_weights")
"""Names of arguments by which a block weighs its frames, subjects or samples."""


@dataclass(frozen=True)
class Argument:
    """One argument of a block, as its signature declares it."""

    name: str
    role: str
    """`data` (array or file), `parameter` (learnable), `number` (traced, never learned) or `static` (plain Python)."""
    dims: str = ""
    optional: bool = False
    default: Any = inspect.Parameter.empty
    parameter: Parameter | None = None
    bounds: Constraint | None = None
    """Where the values of an argument that is no parameter may lie."""
    whole: str = ""
    """`labels` or `key` where whole numbers are declared."""
    gaps: bool = False
    """Whether missing values (NaN) are allowed; the block's own check says where."""
    options: tuple[Any, ...] = ()
    """The values of a static argument that is declared as a choice (`Literal`)."""
    blanks: bool = False
    """Whether places may have no data at all (NaN throughout); the block leaves them out."""
    columns: tuple[str, ...] = ()
    """The names of the columns, in the order in which the block takes them: a table is read by these."""

    @property
    def constraint(self) -> Constraint | None:
        return self.parameter.constraint if self.parameter is not None else self.bounds

    @property
    def incomplete(self) -> bool:
        """Whether values may be missing in what is read: some, or all of a place."""
        return self.gaps or self.blanks

    @property
    def weighs(self) -> bool:
        """Whether it says how much each frame, subject or sample counts."""
        return self.name in WEIGHTS

    def converted(self, value: Any) -> Any:
        """Return an array as the block takes it: numbers of this process's precision, integers for labels."""
        return converted(self, value)


def converted(argument: Argument, value: Any) -> Any:
    """Return an array as its block takes it.

    Integers, truth values, float16 and extended precision become numbers of this process's precision; float32 and
    float64 stay as they are, in the byte order of the machine; labels become integers.

    Raises
    ------
    ValueError
        If it holds anything but real numbers, masked values, or fractions where whole numbers are declared.
    """
    if argument.role == "static" or not isinstance(value, np.ndarray):
        return value
    if np.ma.is_masked(value):
        count = int(np.ma.count_masked(value))
        raise ValueError(f"{argument.name} has {count} masked values; fill them, or leave those places out")
    value = np.asarray(value) if isinstance(value, np.ma.MaskedArray | np.matrix) else value
    kind = value.dtype.kind
    if kind not in "biuf":
        found = KINDS.get(kind, f"values of type {value.dtype.name}")
        raise ValueError(f"{argument.name} holds {found}; expected real numbers")
    if argument.whole:
        return _whole(argument, value)
    native = value.dtype.newbyteorder("=")
    return value.astype(native if native in (np.float32, np.float64) else pydra_compat.precision(), copy=False)


def _whole(argument: Argument, value: np.ndarray) -> np.ndarray:
    if argument.whole == "key":  # the words of a random key are unsigned
        return value
    real = value.dtype.kind == "f"
    if real and not np.all(np.equal(np.mod(value, 1), 0)):
        raise ValueError(f"{argument.name} are not integers; expected whole numbers, such as those of a label image")
    integer = np.int64 if pydra_compat.precision() == "float64" else np.int32
    limits = np.iinfo(integer)
    largest = value.flat[np.argmax(np.abs(value.astype(float)))] if value.size else 0
    if not limits.min <= int(largest) <= limits.max:
        raise ValueError(
            f"{argument.name} has {int(largest)}, more than {limits.bits} bits hold; number them anew, as "
            "numpy.unique(labels, return_inverse=True) does, or set jax_enable_x64"
        )
    return value.astype(integer, copy=False)
