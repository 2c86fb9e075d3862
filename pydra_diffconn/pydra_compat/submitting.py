"""Starting a run: from inside an event loop (notebooks), in threads, with the user's folder kept in mind."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_folder: contextvars.ContextVar[Path | None] = contextvars.ContextVar("folder of the user", default=None)
_began: contextvars.ContextVar[float] = contextvars.ContextVar("start of the submission", default=0.0)
LONGEST = 4096  # characters of a path


def of_users_folder(value: str | Path) -> Path | None:
    """Return the file that a text or path names, seen from the user's folder; None if there is none.

    Pydra runs jobs in folders of its cache, where a relative path would mean something else.
    """
    if len(str(value)) > LONGEST or not str(value):
        return None
    path = (_folder.get() or Path.cwd()) / value
    with contextlib.suppress(OSError, ValueError):  # a name too long, or with a NUL: no file
        return path if path.is_file() else None
    return None


_turn = threading.RLock()
"""Held while the folder of the process is another one: jobs in threads take turns."""


@contextlib.contextmanager
def in_users_folder() -> Iterator[None]:
    """Work in the folder from which the run was started, where constructors look for files."""
    folder = _folder.get()
    if folder is None:
        yield
        return
    with _turn:
        here = os.getcwd()
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(here)


def submission_began() -> float:
    """Return when what is run now was submitted, in seconds of `time.time`."""
    return _began.get()


@contextlib.contextmanager
def _submission() -> Iterator[None]:
    """Remember the user's folder and the time, from the outermost submission on."""
    if _folder.get() is not None:
        yield
        return
    tokens = _folder.set(Path.cwd()), _began.set(time.time())
    try:
        yield
    finally:
        _folder.reset(tokens[0])
        _began.reset(tokens[1])


def install_submitting() -> None:
    """Let `Submitter` run in threads and notebooks."""
    from pydra.compose import workflow
    from pydra.engine.job import Job
    from pydra.engine.submitter import Submitter

    call, run, construct = Submitter.__call__, Job.run, workflow.Task.construct

    @functools.wraps(call)
    def submitted(self: Any, *args: Any, **settings: Any) -> Any:
        with _submission():
            if self.loop.is_running():
                return _in_own_thread(self, functools.partial(call, self, *args, **settings))
            try:
                return call(self, *args, **settings)
            except KeyboardInterrupt:
                _end_jobs(self.loop)
                raise

    @functools.wraps(run)
    def one_at_a_time(self: Any, *args: Any, **settings: Any) -> Any:
        with _turn:  # a job changes the folder of the whole process
            return run(self, *args, **settings)

    @functools.wraps(construct)
    def constructed(self: Any) -> Any:
        with in_users_folder():
            return construct(self)

    workflow.Task.construct = constructed
    Submitter.__call__ = submitted
    Job.run = one_at_a_time


def _end_jobs(loop: Any) -> None:
    """End what still waits in an event loop: left there, each job would print how it was destroyed."""
    if loop is None or loop.is_closed() or loop.is_running():
        return
    waiting = asyncio.all_tasks(loop)
    for one in waiting:
        one.cancel()
    loop.run_until_complete(asyncio.gather(*waiting, return_exceptions=True))


def _in_own_thread(submitter: Any, call: Any) -> Any:
    """Run in a thread with an event loop of its own: the caller's is running, and cannot be entered again."""
    outer, found = submitter.loop, {}  # type: Any, dict[str, Any]

    def work() -> None:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        submitter.loop = submitter.worker.loop = loop
        try:
            found["result"] = call()
        except BaseException as error:
            found["error"] = error
        finally:
            submitter.loop = submitter.worker.loop = outer
            loop.close()

    thread = threading.Thread(target=contextvars.copy_context().run, args=(work,))
    thread.start()
    thread.join()
    if "error" in found:
        raise found["error"]
    return found["result"]


def install_caches() -> None:
    """Keep Pydra's caches in a temporary folder where the user's own cannot be written."""
    import tempfile

    from pydra.engine import submitter
    from pydra.utils import general
    from pydra.utils import hash as pydra_hash

    if pydra_hash.PersistentCache.LOCATION_ENV_VAR not in os.environ and not _writable(general.user_cache_root):
        folder = Path(tempfile.gettempdir()) / f"pydra-{os.getuid() if hasattr(os, 'getuid') else 'user'}"
        os.environ[pydra_hash.PersistentCache.LOCATION_ENV_VAR] = str(folder / "hashes")
        submitter.default_run_cache_root = general.default_run_cache_root = folder / "run-cache"


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK | os.X_OK)
