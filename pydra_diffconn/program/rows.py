"""What runs of several shapes have, by group of runs that share a compiled program, and again in the order of the runs.

Each array of each run by itself would be an argument of its own of the compiled step, and each output a slice of its
own whose derivative is as large as the whole: thousands of runs are a few arrays here, whatever their number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pydra_diffconn.numerics.aligned import stacked
from pydra_diffconn.program.run import Run

Found = tuple[list[int], Run, Mapping[str, Any]]
"""Of one group: where its runs stand among those chosen, one of them, and their outputs along a leading axis."""


def of_group(values: Any, place: int, positions: list[int], total: int) -> Any:
    """Return what one group of the chosen runs has of an input: the `place`-th of the groups that occur.

    Parameters
    ----------
    values : array, list or tuple
        With a leading axis of all chosen runs, one value for each of them, or one stack for each group.
    """
    import jax.numpy as jnp

    if isinstance(values, tuple):
        return values[place]
    if isinstance(values, list):
        return jnp.stack([jnp.asarray(values[position]) for position in positions])
    return values if len(positions) == total else values[np.array(positions)]


def by_group(values: Sequence[Any], groups: Sequence[Sequence[int]]) -> Any:
    """Return values of each run as one stack for each group of positions; None for a group that has none."""
    stacks = tuple(None if values[one[0]] is None else stacked([values[n] for n in one]) for one in groups)
    return stacks[0] if len(stacks) == 1 else stacks


def in_order(found: Sequence[Found], runs: Sequence[Run]) -> dict[str, Any]:
    """Return the outputs of all groups in the order of the chosen runs: a list where they differ in shape."""
    timed = frozenset().union(*(run.timed for _, run, _ in found))
    if len(found) == 1 and not timed:
        return dict(found[0][2])
    order = np.argsort(np.concatenate([positions for positions, _, _ in found]))
    return {name: _together(name, found, runs, order, name in timed) for name in found[0][2]}


def _together(name: str, found: Sequence[Found], runs: Sequence[Run], order: np.ndarray, timed: bool) -> Any:
    import jax.numpy as jnp

    parts = [outputs[name] for _, _, outputs in found]
    if not timed and len({part.shape[1:] for part in parts}) == 1:
        # each run stands at one place, which makes the derivative a permutation, too
        return jnp.concatenate(parts).at[order].get(unique_indices=True, mode="promise_in_bounds")
    results: list[Any] = [None] * len(runs)
    for (positions, _, _), part in zip(found, parts, strict=True):
        for row, position in enumerate(positions):
            # without the frames that the run was filled up with
            results[position] = part[row][: runs[position].length] if timed else part[row]
    return jnp.stack(results) if len({one.shape for one in results}) == 1 else results
