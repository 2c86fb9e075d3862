"""Pydra's `cf` worker with processes that are spawned: forked ones hang for ever once JAX has run."""

from __future__ import annotations

import contextlib
import multiprocessing.context
import os
import sys
import types
from collections.abc import Iterator, Mapping
from typing import Any


def _spawn_pool(n_procs: int) -> Any:
    """Return a process pool whose workers are spawned: a forked one hangs for ever once JAX has run here."""
    import concurrent.futures

    return concurrent.futures.ProcessPoolExecutor(
        n_procs, mp_context=_SpawnContext(), initializer=_start_worker, initargs=(worker_settings(),)
    )


def worker_settings() -> dict[str, Any]:
    """Return the JAX settings of this process that a worker process must share to give the same numbers."""
    jax = sys.modules.get("jax")
    return {} if jax is None else {"jax_enable_x64": bool(jax.config.jax_enable_x64)}


def _start_worker(settings: Mapping[str, Any]) -> None:
    # several workers may meet one GPU; each taking three quarters of its memory would starve the others
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    if settings:
        import jax

        for name, value in settings.items():
            jax.config.update(name, value)


class _Process(multiprocessing.context.SpawnProcess):
    """A spawned process that does not import `__main__` again.

    Jobs travel by cloudpickle, which carries what `__main__` defines by value; importing the user's script once more
    would run it once more, and is why spawning usually demands an `if __name__ == "__main__"`.
    """

    def start(self) -> None:
        with _main_hidden():
            super().start()


class _SpawnContext(multiprocessing.context.SpawnContext):
    Process = _Process  # type: ignore[assignment]


@contextlib.contextmanager
def _main_hidden() -> Iterator[None]:
    main = sys.modules["__main__"]
    hidden = {name: getattr(main, name) for name in ("__file__", "__spec__") if getattr(main, name, None) is not None}
    for name in hidden:
        setattr(main, name, None)
    try:
        yield
    finally:
        for name, value in hidden.items():
            setattr(main, name, value)


def _install_spawning_worker() -> None:
    import pydra.workers.cf as cf_worker

    # the worker reaches the pool class through this module-level name alone
    cf_worker.cf = types.SimpleNamespace(ProcessPoolExecutor=_spawn_pool)
