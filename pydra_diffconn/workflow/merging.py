"""One graph of all runs: the runs of a split workflow, each built with its own values, must have the same steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from fileformats.core import FileSet

from pydra_diffconn.workflow.graph import (
    Constant,
    Gathered,
    Input,
    Item,
    PerRun,
    Source,
    Spread,
)

CANNOT = "Give the runs of each kind by themselves, or make the alternatives a Choose"


def together(name: str, read: Sequence[Any], values: Sequence[Mapping[str, Any]]) -> tuple[Any, dict[str, Source]]:
    """Return the reader of the first run, with sources for all runs, and the outputs.

    Parameters
    ----------
    name : str
        Of the workflow, for errors.
    read : sequence
        What each run was read into: its nodes and learnable parameters, and its outputs as sources.
    values : sequence of mappings
        What each run is split over.

    Raises
    ------
    ValueError
        If runs have different steps, or start to learn at different values.
    """
    (first, outputs), *rest = read
    if not rest:
        return first, outputs
    for number, (other, _) in enumerate(rest, start=1):
        _refuse_other_steps(name, first, other, number, values)
    for position, node in enumerate(first.nodes):
        same = [reader.nodes[position] for reader, _ in read]
        inputs = {
            field: _merged([one.inputs[field] for one in same], values, f"{name}: {node.path}.{field}")
            for field in node.inputs
        }
        first.nodes[position] = replace(node, inputs=inputs)
    merged = {field: _merged([made[field] for _, made in read], values, f"{name}: output {field}") for field in outputs}
    return first, merged


def _refuse_other_steps(name: str, first: Any, other: Any, number: int, values: Sequence[Mapping[str, Any]]) -> None:
    shown = [[(node.path, getattr(node, "block", None), node.axes) for node in one.nodes] for one in (first, other)]
    if shown[0] != shown[1]:
        one, two = (", ".join(path for path, _, _ in steps) for steps in shown)
        differs = [key for key in values[0] if not same(values[0][key], values[number][key])]
        raise ValueError(
            f"{name}: {', '.join(differs) or 'an input'} decides how the workflow is built, and its runs differ in it: "
            f"run 0 has the steps {one}, run {number} has {two}. {CANNOT}"
        )
    for key, learnable in first.learnables.items():
        if not same(learnable.start, other.learnables[key].start):
            raise ValueError(
                f"{key} starts at {learnable.start} in run 0 and at {other.learnables[key].start} in run {number}; one "
                "value needs one start: Learn(start)"
            )


def _merged(sources: Sequence[Source], values: Sequence[Mapping[str, Any]], where: str) -> Source:
    """Return the source of an input in all runs."""
    first = sources[0]
    if all(isinstance(one, type(first)) for one in sources):
        if isinstance(first, Item | Gathered | Spread):
            inner = _merged([one.source for one in sources], values, where)  # type: ignore[union-attr]
            return replace(first, source=inner)
        if isinstance(first, Constant):
            alike = all(same(first.value, one.value) for one in sources)  # type: ignore[union-attr]
            return first if alike else PerRun(tuple(one.value for one in sources))  # type: ignore[union-attr]
        if all(one == first for one in sources):
            return first
    if not all(isinstance(one, Constant | Input) for one in sources):
        raise ValueError(f"{where} comes from another place in some runs than in others. {CANNOT}")
    found = tuple(
        run[one.name] if isinstance(one, Input) else one.value  # type: ignore[union-attr]
        for one, run in zip(sources, values, strict=True)
    )
    for name in {one.name for one in sources if isinstance(one, Input)}:
        if all(same(value, run.get(name)) for value, run in zip(found, values, strict=True)):
            return Input(name)  # an input that some runs lack
    return PerRun(found)


def same(one: Any, other: Any) -> bool:
    """Say whether two values are surely the same."""
    if one is other:
        return True
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        equal_nan = one.dtype.kind in "fc"
        return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=equal_nan)
    if type(one) is not type(other):
        return False
    if isinstance(one, FileSet):
        return str(one) == str(other)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return isinstance(one, bool | int | float | str | bytes) and one == other
