"""Temporal degrees of freedom: counted from step to step, carried along by the series, told when few are left.

A run begins with one for each frame. Censored frames take theirs, a filter leaves the part of the spectrum that it
passes, a regression takes one for each independent confound. A statistic of what is left says less than one of as many
frames, and nothing at all once none is left: the rest is rounding.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from pydra.utils.hash import bytes_repr, register_serializer

from pydra_diffconn import files

FEW = 20
"""Fewer than this are told: correlations of pure noise are then beyond .4 in one of twenty pairs."""
LEAST, ALMOST = 1.0, 0.75
KEY = "TemporalDegreesOfFreedom"
KEPT = "KeptFrames"
FILTERED = "Filtered"


@dataclass(frozen=True)
class Freedom:
    """What of a run is left for statistics."""

    frames: float
    """Frames that were not censored, soft weights added up."""
    share: float = 1.0
    """The part of each frame's freedom that filters and regressions have left."""
    filtered: bool = False
    """Whether it went through a filter."""

    @property
    def left(self) -> float:
        """Temporal degrees of freedom."""
        return self.frames * self.share

    def weighted(self, weights: Any) -> Freedom:
        """Return what is left where frames have weights, as far as these are known; none is counted twice."""
        if not isinstance(weights, np.ndarray):
            return self
        return replace(self, frames=min(self.frames, float(np.sum(weights))))


Rule = Callable[[Mapping[str, Any], Mapping[str, Freedom]], Freedom]
"""How a block counts: from its arguments, and what was left of each series among them, to what it leaves."""


def regresses(*names: str) -> Callable[[Rule], Rule]:
    """Mark the rule of a block that removes from its series what other series, the arguments of these names, explain.

    >>> regresses("confounds")(lambda arguments, known: known["timeseries"]).regressors
    ('confounds',)
    """

    def marked(rule: Rule) -> Rule:
        rule.regressors = names  # type: ignore[attr-defined]
        return rule

    return marked


class Counted(np.ndarray):
    """An array that knows from how many temporal degrees of freedom it was made; what is computed of it does not."""

    freedom: Freedom | None = None

    @property
    def degrees_of_freedom(self) -> float | None:
        """Temporal degrees of freedom; None if this is no output of a block as it was."""
        return None if self.freedom is None else self.freedom.left

    def __array_finalize__(self, other: Any) -> None:
        self.freedom = None

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        return array[()] if return_scalar else np.asarray(array)

    def __reduce__(self) -> Any:
        return counted, (np.asarray(self), self.freedom)


def counted(array: np.ndarray, freedom: Freedom | None) -> np.ndarray:
    """Return an array that knows what of a run was left for it."""
    if freedom is None:
        return array
    made = np.asarray(array).view(Counted)
    made.freedom = freedom
    return made


@register_serializer(Counted)
def _bytes(array: Counted, cache: Any) -> Iterator[bytes]:
    if array.freedom is not None:
        yield f"freedom:{array.freedom}:".encode()
    yield from bytes_repr(np.asarray(array), cache)


def known(value: Any) -> Freedom | None:
    """Return what an array, or the JSON file beside a file, says of its degrees of freedom; None if nothing."""
    if isinstance(value, Counted):
        return value.freedom
    if not files.is_file(value):
        return None
    beside = _beside(Path(str(value)))
    try:
        found = json.loads(beside.read_text(encoding="utf-8")) if beside.is_file() else {}
    except ValueError:
        return None  # whoever needs this file complains
    frames, left = (found.get(key) if isinstance(found, dict) else None for key in (KEPT, KEY))
    if not isinstance(frames, int | float) or not isinstance(left, int | float) or not frames > 0:
        return None
    return Freedom(float(frames), float(left) / float(frames), found.get(FILTERED) is True)


def of_series(
    arguments: Mapping[str, Any], values: Mapping[str, Any], given: Mapping[str, Any] | None = None
) -> dict[str, Freedom]:
    """Return what is left of each series among a block's arguments, by what is said of it or by its frames.

    Parameters
    ----------
    arguments : mapping
        As the block declares them.
    values, given : mapping
        Arrays, of which the shape counts; and what was given for them, files or arrays that know.
    """
    said = {name: known((given or {}).get(name)) for name in series_among(arguments, values)}
    return {name: begun(np.shape(values[name])[0], freedom) for name, freedom in said.items()}


def series_among(arguments: Mapping[str, Any], values: Mapping[str, Any]) -> list[str]:
    """Return the arguments that are series over time, and are given."""
    return [
        name
        for name, argument in arguments.items()
        if argument.role == "data" and argument.dims.startswith("time ") and values.get(name) is not None
    ]


def begun(frames: int, said: Freedom | None) -> Freedom:
    """Return what is left of a series that is given: what is said of it, unless that is of a longer one."""
    return said if said is not None and said.frames <= frames else Freedom(float(frames))


def stored(result: Any, freedom: Freedom | None) -> Any:
    """Return an output that knows what was left: an array by itself, a file by the JSON file beside it."""
    if freedom is None or isinstance(result, np.ndarray):
        return counted(result, freedom)
    said = {KEY: freedom.left, KEPT: freedom.frames, FILTERED: freedom.filtered}
    _beside(Path(str(result))).write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
    return result


def _beside(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(".gz").rpartition(".")[0] + ".json")


def told(before: Freedom, after: Freedom) -> str | None:
    """Return what is to be said of a step that leaves few degrees of freedom; refuse one that leaves none."""
    if after.left >= min(FEW, before.left) or (after.left >= LEAST and after.left > ALMOST * before.frames):
        return None  # a run that is short itself is nothing new
    came = f"of {before.left:.3g}" + ("" if before.share == 1 else f" (of {before.frames:g} frames)")
    if after.left < LEAST:
        raise ValueError(
            f"no temporal degrees of freedom are left {came}: filters, confounds and censoring leave nothing of the "
            "data; choose fewer confounds, a wider band, or censor less"
        )
    return f"only {after.left:.2g} temporal degrees of freedom are left {came}"


def unlike(rule: Rule | None, before: Freedom, given: Mapping[str, Freedom]) -> str | None:
    """Return what is to be said where a series was filtered and what is regressed from it was not."""
    raw = (
        [n for n in getattr(rule, "regressors", ()) if n in given and not given[n].filtered] if before.filtered else []
    )
    if not raw:
        return None
    return (
        f"the series was filtered and {' and '.join(raw)}, as far as is known, not: regression puts back the "
        "frequencies that the filter removed; filter them alike, or regress first"
    )
