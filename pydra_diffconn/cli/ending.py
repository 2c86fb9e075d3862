"""How a command ends that does not end well: one line, and a code that says why."""

from __future__ import annotations

import click

BAD_INPUT, DIVERGED, INTERRUPTED = 2, 3, 130  # exit codes; a difference found, or an item that fails, is 1


class Stop(click.ClickException):
    """The end of a command, told in one line."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(" ".join(message.split()))
        self.exit_code = exit_code


def stop_early(stopped: str) -> None:
    """End a command whose fit did not take all its steps (`Result.stopped`) for a reason that is not wanted."""
    for word, code in (("diverged", DIVERGED), ("interrupted", INTERRUPTED)):
        if stopped.startswith(word):
            raise Stop(f"the fit {'was ' * (code == INTERRUPTED)}{stopped}", code)
