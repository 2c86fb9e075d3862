"""Values as blocks take them: real numbers of the declared dimensions, none missing, none out of bounds.

What a signature declares is checked here for every block, before anything is traced; a block's own check adds what a
signature cannot say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pydra_diffconn.declare import places
from pydra_diffconn.declare.argument import Argument
from pydra_diffconn.declare.constraints import Interval

Shape = tuple[int, ...]

COUNTED = {"time": "frames", "space": "locations"}
"""What the entries along a dimension are called; elsewhere they have the name of the dimension."""
NUMBERED = {"time": "frame", "space": "location", "parcels": "parcel", "subjects": "subject", "regressors": "column"}
HINTS = {
    "space": "are both in the same space, with the same mask?",
    "parcels": "use the same parcels",
    "subjects": "expected one entry for each subject",
}
MUST_BE = ("time", "parcels", "subjects", "samples")  # of others, such as edges, there may be none
MANY_DUMMY_SCANS = 20  # more are no explanation


def check_shapes(arguments: Mapping[str, Argument], shapes: Mapping[str, Shape]) -> None:
    """Refuse arrays of another rank than declared, or whose lengths along one dimension differ."""
    seen: dict[str, tuple[str, int]] = {}
    for name, shape in shapes.items():
        dims = arguments[name].dims.split()
        _check_rank(name, dims, shape)
        for dim, size in zip(dims, shape, strict=False):
            if dim.isdigit() and size != int(dim):
                raise ValueError(f"{name} has shape {shape}; expected ({', '.join(dims)})")
            if not dim.isidentifier():  # "..." and "*key" stand for any number of dimensions
                break
            other, known = seen.setdefault(dim, (name, size))
            if size != known:
                raise ValueError(_mismatch(name, dims, shape, dim, other, known, shapes))


def _check_rank(name: str, dims: Sequence[str], shape: Shape) -> None:
    several = [dim for dim in dims if dim == "..." or dim.startswith("*")]
    if len(shape) == len(dims) or (several and len(shape) >= len(dims) - 1):
        if dims and dims[0] in MUST_BE and shape[0] == 0:
            raise ValueError(f"{name} has shape {shape}: there is nothing in it; expected ({', '.join(dims)})")
        return
    hint = f"; a single column is {name}[:, None]" if len(shape) == 1 and len(dims) == 2 else ""
    raise ValueError(f"{name} has shape {shape}; expected ({', '.join(dims)}){hint}")


def _mismatch(
    name: str, dims: Sequence[str], shape: Shape, dim: str, other: str, known: int, shapes: Mapping[str, Shape]
) -> str:
    size = shape[list(dims).index(dim)]
    if name == other:
        return f"{name} has shape {shape}; expected as many rows as columns, ({', '.join(dims)})"
    word = COUNTED.get(dim, dim)
    told = f"{name} has {size} {word}, {other} {known} (shapes {shape} and {shapes[other]})"
    if len(shape) == 2 and known in shape and shape[0] != shape[1]:
        return f"{told}; is {name} transposed? expected ({', '.join(dims)})"
    hint = HINTS.get(dim, "expected as many")
    if dim == "time":
        difference = abs(size - known)
        scans = "1 dummy scan" if difference == 1 else f"{difference} dummy scans"
        hint = f"were {scans} removed from one of them?" if difference <= MANY_DUMMY_SCANS else "expected as many"
    return f"{told}; {hint}"


def check_finite(argument: Argument, value: Any) -> None:
    """Refuse missing values and infinities, naming the first place."""
    if argument.gaps or argument.role == "static" or np.asarray(value).dtype.kind != "f":
        return
    if np.ndim(value) == 0:
        if np.isnan(value):
            raise ValueError(f"{argument.name} is not a number")
        return
    # a sum is finite only if all its terms are, and costs no array of truth values
    with np.errstate(invalid="ignore", over="ignore"):
        if np.isfinite(np.sum(value, dtype=np.float64)):
            return
    missing = ~np.isfinite(value)
    nowhere = places.missing(value) if places.dimension(argument.dims) is not None else None
    if nowhere is not None:
        which = places.named(nowhere, None, str(places.dimension(argument.dims)))
        raise ValueError(f"{argument.name} has no data (NaN throughout) for {which}; {places.TOGETHER}")
    if missing.any():
        raise ValueError(
            f"{argument.name} has {int(missing.sum())} values that are not finite, the first in "
            f"{place(argument, np.argwhere(missing)[0])}; replace or remove them before this step"
        )


def place(argument: Argument, index: Sequence[int]) -> str:
    """Say where an entry of an array is, by the names of its dimensions."""
    dims = argument.dims.split()
    if len(dims) != len(index) or len(index) > 2:
        return str([int(number) for number in index])
    first = f"{NUMBERED.get(dims[0], 'row')} {index[0]}"
    return first if len(index) == 1 else f"{first}, column {index[1]}"


def check_weights(argument: Argument, value: Any) -> None:
    """Refuse weights that are all 0: whatever is averaged by them, nothing is left of it."""
    if argument.weighs and not np.any(value):
        word = COUNTED.get(argument.dims, argument.dims)
        hint = "censor less or leave this run out" if argument.dims == "time" else "give some a weight above 0"
        raise ValueError(f"0 of {len(value)} {word} can be used, all of {argument.name} are 0; {hint}")


SYMMETRIC = ("connectome", "covariance")
"""Names of arguments that are matrices of pairs: an entry and its mirror image say the same thing."""


def check_matrix(argument: Argument, value: Any) -> None:
    """Refuse a matrix of pairs that is not symmetric."""
    from pydra_diffconn.numerics.spd import check_symmetric

    if argument.name in SYMMETRIC and argument.dims == "parcels parcels":
        check_symmetric(value, argument.name)


def check_bounds(argument: Argument, values: Mapping[str, Any]) -> None:
    """Refuse a value outside what is declared for it, naming the first place."""
    value = values.get(argument.name)
    if value is None or argument.constraint is None:
        return
    try:
        constraint = argument.constraint.resolved(values)
    except KeyError:  # its bound is an argument that is not known yet
        return
    if constraint.contains(value):
        return
    expected, here = argument.constraint.describe(), constraint.describe()
    more = "" if here == expected else f", here {here}"
    unit = argument.parameter.unit if argument.parameter is not None else ""
    elementwise = isinstance(constraint, Interval) and np.ndim(value) == 1
    if elementwise and (outside := [n for n, one in enumerate(value) if not constraint.contains(one)]):
        where = f" in {place(argument, outside[:1])}"
        raise ValueError(
            f"{argument.name} has {value[outside[0]]:g}{' ' * bool(unit)}{unit}{where}, outside {expected}{more}"
        )
    shown = f"{value:g}" if np.ndim(value) == 0 else str(np.asarray(value))
    raise ValueError(f"{argument.name} = {shown} {unit} is outside {expected}{more}".replace("  ", " "))


def check_option(argument: Argument, value: Any) -> None:
    """Refuse what is none of the declared options."""
    if argument.options and value not in argument.options and not (value is None and argument.optional):
        known = ", ".join(map(repr, argument.options))
        raise ValueError(f"{argument.name} = {value!r}; expected one of {known}")
