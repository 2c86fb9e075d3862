"""What a comparison is."""

from __future__ import annotations

from typing import Any


class Case:
    """One comparison; `ours` and `theirs` are called in turn."""

    name = ""
    against = ""
    goal: float | None = None
    repeats = 3
    equal = True
    """Whether both sides compute the same."""
    measures_itself = False
    """Whether both sides return seconds; the other may have none, NaN."""

    def ours(self) -> Any:
        raise NotImplementedError

    def theirs(self) -> Any:
        raise NotImplementedError
