"""t statistics of all edges at once, of people as they are and as they are permuted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from pydra_diffconn.warn import warn

Tail = Literal["both", "greater", "less"]
AT_ONCE = 64  # permutations that are computed by one product
ROUNDINGS = 10


def edges_of(first: np.ndarray, second: np.ndarray, paired: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the upper triangles of two groups of connectomes, (people, edges) each.

    Raises
    ------
    ValueError
        If they are no connectomes of the same parcels, hold missing values, or are too few.
    """
    groups = [np.asarray(one, dtype=float) for one in (first, second)]
    for name, one in zip(("first", "second"), groups, strict=True):
        if one.ndim != 3 or one.shape[1] != one.shape[2] or one.shape[1:] != groups[0].shape[1:]:
            raise ValueError(
                f"{name} has shape {one.shape}; expected (people, parcels, parcels), of the same parcels in both"
            )
        if one.shape[1] < 2:
            raise ValueError(f"{name} has shape {one.shape}: one parcel has no connection; expected 2 parcels or more")
        if not np.allclose(one, np.swapaxes(one, 1, 2), equal_nan=True):
            raise ValueError(f"{name} is not symmetric; a connectome says the same of a pair both ways")
        if len(one) < 2:
            raise ValueError(f"{name} has {len(one)} connectome; expected those of 2 people or more")
    if paired and len(groups[0]) != len(groups[1]):
        raise ValueError(
            f"first has {len(groups[0])} connectomes and second {len(groups[1])}; paired=True needs two of each "
            "person, in the same order"
        )
    upper = np.triu_indices(groups[0].shape[1], 1)
    both = [one[:, *upper] for one in groups]
    for name, one in zip(("first", "second"), both, strict=True):
        if not np.isfinite(one).all():
            person, edge = np.argwhere(~np.isfinite(one))[0]
            pair = f"parcels {upper[0][edge]} and {upper[1][edge]}"
            raise ValueError(f"{name} is missing between {pair} in person {person}; leave these parcels out")
    _tell_of_constant_edges(both[0], both[1], paired)
    return both[0], both[1]


def _tell_of_constant_edges(first: np.ndarray, second: np.ndarray, paired: bool) -> None:
    """Tell of what differs, but by how much more than by chance nobody can say; refuse it if that is so of all."""
    spread = [second - first] if paired else [first, second]
    rounding = ROUNDINGS * np.finfo(float).eps * np.max([np.abs(one).max(axis=0) for one in (first, second)], axis=0)
    still = np.all([np.ptp(one, axis=0) <= rounding for one in spread], axis=0)
    still &= np.abs(second.mean(axis=0) - first.mean(axis=0)) > rounding
    if not still.any():
        return
    told = "differs by the same in all people" if paired else "is the same in all people of a group"
    if still.all():
        raise ValueError(f"every connection {told}: nothing to tell chance by")
    warn(f"{int(still.sum())} of {still.size} connections: each {told}, its t is taken as 0")


def check_drawing(repeats: int, rng: np.random.Generator | None) -> np.random.Generator:
    """Return the generator to draw from, that of seed 0 if none is given; refuse what draws nothing."""
    if isinstance(repeats, bool) or not isinstance(repeats, int | np.integer) or repeats < 1:
        raise ValueError(f"repeats = {repeats!r}; expected a whole number, 1 or more")
    if rng is not None and not isinstance(rng, np.random.Generator):
        raise ValueError(f"rng = {rng!r}; expected a generator, such as numpy.random.default_rng(0)")
    return np.random.default_rng(0) if rng is None else rng


def permuted(
    first: np.ndarray, second: np.ndarray, paired: bool, repeats: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Yield t statistics (edges,) of second against first: as people are, then with them permuted `repeats` times.

    Pairs exchange their sides; people of two groups exchange groups.
    """
    if paired:
        difference = second - first
        yield of_signs(difference, np.ones((1, len(first))))[0]
        for count in _portions(repeats):
            yield from of_signs(difference, rng.choice([-1.0, 1.0], (count, len(first))))
        return
    people = np.concatenate([first, second])
    people = people - people.mean(axis=0)  # squares of a large mean would take all digits
    member = np.arange(len(people)) >= len(first)
    yield of_groups(people, member[None])[0]
    for count in _portions(repeats):
        yield from of_groups(people, rng.permuted(np.tile(member, (count, 1)), axis=1))


def _portions(repeats: int) -> Iterator[int]:
    for start in range(0, repeats, AT_ONCE):
        yield min(AT_ONCE, repeats - start)


def of_signs(difference: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """Return paired t statistics (permutations, edges) of differences with these signs."""
    count, square = len(difference), np.sum(difference**2, axis=0)
    mean = signs @ difference / count
    return _over(mean, (square / count - mean**2) / (count - 1), square / count)


def of_groups(people: np.ndarray, member: np.ndarray) -> np.ndarray:
    """Return t statistics (permutations, edges), of equal variances, of those who are members against the others."""
    size = member.sum(axis=1, keepdims=True)
    rest = len(people) - size
    total, square = people.sum(axis=0), np.sum(people**2, axis=0)
    inside = member.astype(float) @ people
    means = inside / size, (total - inside) / rest
    within = square - size * means[0] ** 2 - rest * means[1] ** 2
    return _over(means[0] - means[1], within / (len(people) - 2) * (1 / size + 1 / rest), square / len(people))


def _over(mean: np.ndarray, variance: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return means over their standard errors; 0 where nothing varies but rounding."""
    there = variance > ROUNDINGS * np.finfo(float).eps * size
    return np.where(there, mean / np.sqrt(np.where(there, variance, 1.0)), 0.0)


def sided(statistic: np.ndarray, tail: Tail) -> np.ndarray:
    """Return statistics of which large ones speak against chance."""
    if tail not in ("both", "greater", "less"):
        raise ValueError(f"tail = {tail!r}; expected 'both', 'greater' (second above first) or 'less'")
    return np.abs(statistic) if tail == "both" else statistic if tail == "greater" else -statistic
