"""Which runs are learned from and which are held out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def partition(
    count: int, validation: float | Sequence[int] | Sequence[str] | None, groups: Sequence[Any] | None, seed: int
) -> tuple[list[int], list[int]]:
    """Return the runs to learn from and those held out; runs of one group stay together.

    Raises
    ------
    ValueError
        If a group is on both sides, or a side is empty.
    """
    labels = labels_of(count, groups)
    if validation is None:
        return list(range(count)), []
    names = list(dict.fromkeys(labels))
    chosen = np.ravel(np.asarray(validation, dtype=object)).tolist()
    if isinstance(validation, float) and validation == 0:
        return list(range(count)), []
    if isinstance(validation, float):
        if not 0 < validation < 1:
            raise ValueError(f"validation is {validation}; expected a fraction between 0 and 1, or numbers of runs")
        drawn = np.random.default_rng(seed).permutation(len(names))[: max(1, round(validation * len(names)))]
        out = {number for number, label in enumerate(labels) if label in {names[n] for n in drawn}}
    elif groups is not None and all(isinstance(one, str) and one in names for one in chosen):
        out = {number for number, label in enumerate(labels) if label in chosen}
    else:
        if wrong := [one for one in chosen if not _is_run(one, count)]:
            raise ValueError(
                f"validation has {wrong[0]!r}; expected a fraction, numbers of runs from 0 to {count - 1}, or labels "
                "that are in groups=[...]"
            )
        out = set(chosen)
    training, held_out = [number for number in range(count) if number not in out], sorted(out)
    both = {labels[number] for number in training} & {labels[number] for number in held_out}
    if both:
        raise ValueError(f"groups {sorted(map(str, both))} are in training and in validation; keep each on one side")
    if not training or not held_out:
        raise ValueError(f"validation leaves {len(training)} runs to learn from and {len(held_out)} to validate on")
    return training, held_out


FEWEST_GROUPS, SHARE = 20, 0.2  # of fewer, those held out would say little


def by_default(validation: Any, groups: Sequence[Any] | None) -> Any:
    """Return what is held out where nobody said it: a fifth of the groups, if they are named and not few.

    The values that are best on the groups held out are kept, so that learning stops before it knows people by heart.
    """
    known = groups is not None and len(set(groups)) >= FEWEST_GROUPS
    return SHARE if validation is None and known else validation


def labels_of(count: int, groups: Sequence[Any] | None, name: str = "groups") -> list[Any]:
    """Return one label for each run: those of its group, or by default its number."""
    labels = list(range(count)) if groups is None else list(groups)
    if len(labels) != count:
        raise ValueError(f"{name} has {len(labels)} labels for {count} runs; expected one each")
    return labels


def _is_run(one: Any, count: int) -> bool:
    return isinstance(one, int | np.integer) and not isinstance(one, bool) and bool(0 <= one < count)


def joined_groups(*labels: Sequence[Any]) -> list[str]:
    """Return one label for each run such that runs that share any of several labels share it.

    Keeps whole, at once, what must not be torn apart: families and scanners, for example.

    Parameters
    ----------
    *labels : sequence
        Of each kind, one label for each run; None or NaN where a run has none of that kind.

    Raises
    ------
    ValueError
        If there are not equally many labels of each kind, or all runs hang together.

    Examples
    --------
    >>> joined_groups(["A", "A", "B", "C"], ["x", "y", "y", "z"])
    ['A, B, x, y', 'A, B, x, y', 'A, B, x, y', 'C, z']
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    counts = [len(kind) for kind in labels]
    if not labels or len(set(counts)) > 1:
        raise ValueError(f"there are {counts} labels of the kinds; expected one for each run of every kind")
    nodes: dict[tuple[int, Any], int] = {}
    pairs = [
        (run, counts[0] + nodes.setdefault((kind, label), len(nodes)))
        for kind, given in enumerate(labels)
        for run, label in enumerate(given)
        if label is not None and label == label  # NaN, as pandas reads n/a
    ]
    size, (rows, columns) = counts[0] + len(nodes), np.array(pairs, int).reshape(-1, 2).T
    _, part = connected_components(coo_array((np.ones(len(rows)), (rows, columns)), shape=(size, size)), directed=False)
    if counts[0] > 1 and len(set(part[: counts[0]])) == 1:
        raise ValueError("all runs hang together by these labels, so that none could be held out; give fewer kinds")
    names: dict[int, list[str]] = {}
    for (_, label), node in nodes.items():
        names.setdefault(int(part[counts[0] + node]), []).append(str(label))
    return [", ".join(names.get(int(part[run]), [f"run {run}"])) for run in range(counts[0])]
