"""How many jobs are done: a bar with the time left in a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

EVERY = 0.5  # seconds between looks
SPOKEN = 10.0  # seconds between lines
RESULT = "_result.pklz"  # what Pydra writes when a job is done


class Watch:
    """Watches a cache of Pydra while jobs run."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache

    @contextlib.contextmanager
    def stage(self, name: str, total: int) -> Iterator[None]:
        """Show the progress of a stage of so many jobs."""
        self.stop, self.ended = threading.Event(), False
        began = time.time()
        thread = threading.Thread(target=self._show, args=(name, total, began), daemon=True)
        thread.start()
        try:
            yield
            self.ended = True
        finally:
            self.stop.set()
            thread.join()

    def done(self, since: float) -> int:
        """Return how many jobs have ended since a time."""
        found = 0
        for path in self.cache.glob(f"*/{RESULT}"):
            with contextlib.suppress(OSError):
                found += path.stat().st_mtime >= since - 1
        return found

    def _show(self, name: str, total: int, began: float) -> None:
        if not sys.stderr.isatty():
            self._say(name, total, began)
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns: list[Any] = [
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        ]
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            line = bar.add_task(name, total=total)
            while not self.stop.wait(EVERY):
                bar.update(line, completed=min(self.done(began), total))

    def _say(self, name: str, total: int, began: float) -> None:
        click.echo(f"{name}: {total} jobs", err=True)
        spoken, told = began, 0
        while not self.stop.wait(EVERY):
            now = time.time()
            if now - spoken < SPOKEN:
                continue
            spoken, done = now, self.done(began)
            if told < done < total:  # a line that says nothing new is none; the last one is said at the end
                told = done
                left = (now - began) / done * (total - done)
                click.echo(f"{name}: {done} of {total}, about {left:.0f} s left", err=True)
        if self.ended:  # what came from the cache counts, too
            click.echo(f"{name}: {total} of {total} in {time.time() - began:.0f} s", err=True)
