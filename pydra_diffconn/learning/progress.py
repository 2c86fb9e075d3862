"""The progress of a fit: a bar in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Any, Self

from pydra_diffconn.warn import warn


class Progress:
    """Show step, loss, validation, device and time left."""

    def __init__(self, steps: int, enabled: bool = True, what: str = "learning", unit: str = "step") -> None:
        self.steps, self.enabled, self.done, self.what, self.unit = steps, enabled, 0, what, unit
        self.bar: Any = None

    def __enter__(self) -> Self:
        import jax

        self.device = jax.devices()[0].platform
        self.began = self.shown = time.monotonic()
        if self.enabled and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as RichProgress

            columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()]
            self.bar = RichProgress(*columns, console=Console(stderr=True))
            self.bar.start()
            self.line = self.bar.add_task(f"{self.what} on {self.device}", total=self.steps)
        return self

    def advance(self, step: int, loss: float, validation: float | None) -> None:
        """Show the state before `step`."""
        self.done = step
        if step == 0:  # all has been compiled by now, which took longer than a step
            self.began = time.monotonic()
        if not self.enabled:
            return
        shown = f"loss {loss:.4g}" + (f"  held out {validation:.4g}" if validation is not None else "")
        if self.bar is not None:
            self.bar.update(self.line, completed=step, description=f"{self.what} on {self.device}  {shown}")
        elif step == self.steps or time.monotonic() - self.shown > 5:
            self.shown = time.monotonic()
            left = (self.shown - self.began) / max(self.done, 1) * (self.steps - self.done)
            rest = f"  {left:.0f} s left" if self.done else ""
            print(f"{self.unit} {self.done}/{self.steps}  {shown}{rest}", file=sys.stderr)

    def warn(self, message: str) -> None:
        """Say something that must not be missed."""
        warn(message)

    def __exit__(self, *exception: object) -> None:
        if self.bar is not None:
            self.bar.stop()
