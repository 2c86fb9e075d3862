"""How a command ends that does not end well: one line, and a code that says why."""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

import click

BAD_INPUT, DIVERGED, INTERRUPTED = 2, 3, 130  # exit codes; a difference found, or an item that fails, is 1
AGAIN = 0.05  # seconds after which an interrupt that came at a bad time comes again


class Stop(click.ClickException):
    """The end of a command, told in one line."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(" ".join(message.split()))
        self.exit_code = exit_code


def nobody_reads() -> bool:
    """Return whether the pipe that the output goes into is closed at its other end."""
    poll = getattr(select, "poll", None)
    try:
        watched = poll() if poll else None
        if watched is None:
            return False
        watched.register(sys.stdout.fileno(), 0)
    except (OSError, ValueError):  # no file at all
        return False
    return any(event & select.POLLERR for _, event in watched.poll(0))


@contextlib.contextmanager
def hearing_interrupts() -> Iterator[None]:
    """Let an interrupt from the keyboard end the command wherever it comes.

    Python drops an exception that is raised while garbage is collected, and an interrupt with it.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _interrupt(number: int, frame: FrameType | None) -> Any:
    while frame is not None:
        if frame.f_code.co_name in ("__del__", "_xla_gc_callback"):
            threading.Timer(AGAIN, os.kill, (os.getpid(), number)).start()
            return
        frame = frame.f_back
    raise KeyboardInterrupt


_leaving: list[int] = []


def leave_as(code: int) -> None:
    """Let the process end with this code as soon as everything is tidied up.

    Threads of XLA may still compute what was interrupted, and crash where Python takes itself apart around them.
    """
    _leaving.append(code)


@atexit.register  # before JAX and all others register what they tidy up, and so called after them
def _leave() -> None:
    if _leaving:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(_leaving[-1])


def stop_early(stopped: str) -> None:
    """End a command whose fit did not take all its steps (`Result.stopped`) for a reason that is not wanted."""
    for word, code in (("diverged", DIVERGED), ("interrupted", INTERRUPTED)):
        if stopped.startswith(word):
            raise Stop(f"the fit {'was ' * (code == INTERRUPTED)}{stopped}", code)
