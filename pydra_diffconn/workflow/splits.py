"""The algebra of splits: the runs of a task, and how Pydra nests what is combined in part."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from pydra_diffconn import pydra_compat


def runs(task: Any) -> list[dict[str, Any]]:
    """Return the values of the split inputs for each run, in Pydra's order; one empty run if there is no split."""
    splitter = pydra_compat.splitter(task)
    if splitter is None:
        return [{}]
    found = list(_expand(splitter, task))
    if not found:
        raise ValueError(f"{type(task).__name__} is split over {', '.join(names_of(splitter))}, which holds no runs")
    return found


def folding(task: Any) -> np.ndarray | None:
    """Return, for a split that is combined in part, the runs' numbers as Pydra nests them: (not combined, combined)."""
    combined, splitter = set(pydra_compat.combiner(task) or ()), pydra_compat.splitter(task)
    if splitter is None or not combined:
        return None
    parts = [set(names_of(part)) for part in splitter] if isinstance(splitter, list) else [set(names_of(splitter))]
    inner = [axis for axis, names in enumerate(parts) if names & combined]
    outer = [axis for axis in range(len(parts)) if axis not in inner]
    if not outer:
        return None
    lengths = [len(list(_expand(part, task))) for part in splitter]
    numbers = np.arange(math.prod(lengths)).reshape(lengths).transpose([*outer, *inner])
    return numbers.reshape(math.prod(lengths[axis] for axis in outer), -1)


def _expand(splitter: Any, task: Any) -> Iterator[dict[str, Any]]:
    if isinstance(splitter, str):
        for value in getattr(task, splitter):
            yield {splitter: value}
    elif isinstance(splitter, tuple):
        parts = [list(_expand(part, task)) for part in splitter]
        if len({len(part) for part in parts}) > 1:
            sizes = {str(name): len(part) for name, part in zip(splitter, parts, strict=True)}
            raise ValueError(f"{type(task).__name__} is split over inputs of different length: {sizes}")
        for together in zip(*parts, strict=True):
            yield {name: value for part in together for name, value in part.items()}
    else:
        for together in itertools.product(*(list(_expand(part, task)) for part in splitter)):
            yield {name: value for part in together for name, value in part.items()}


def names_of(splitter: Any) -> Iterator[str]:
    """Return the field names in a splitter, nested tuples and lists included."""
    if isinstance(splitter, str):
        yield splitter
    else:
        for part in splitter or ():
            yield from names_of(part)
