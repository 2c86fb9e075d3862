"""How a block computes a run that is filled up with frames at its end, so that runs of many lengths share a program."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

EACH = "each frame"
"""The rule of a block that computes each frame by itself, or from those before it."""

Rule = str | Callable[..., Any]
"""`EACH`; the argument by which frames are weighed, where a weight of 0 leaves no trace of a frame; or the block's
function with the true length before its arguments, by name: `rule(length, **arguments)`. What it gives for the frames
beyond the length does not matter, and what these hold (zeros) must not."""

Padding = Rule | Callable[[Mapping[str, Any]], Rule | None] | None


def only(rule: Rule, possible: Callable[[Mapping[str, Any]], bool]) -> Callable[[Mapping[str, Any]], Rule | None]:
    """Return a declaration that gives a rule if the arguments, as far as they are known, let it hold."""

    def found(given: Mapping[str, Any]) -> Rule | None:
        return rule if possible(given) else None

    return found


def by(function: Callable[..., Any]) -> Callable[[Mapping[str, Any]], Rule | None]:
    """Return a declaration that always gives this function, which takes the true length first."""
    return only(function, lambda given: True)
