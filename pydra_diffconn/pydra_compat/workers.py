"""Pydra's `cf` worker with loky's processes: forked ones hang for ever once JAX has run."""

from __future__ import annotations

import os
import sys
import types
from collections.abc import Mapping
from typing import Any


def _pool(n_procs: int) -> Any:
    """Return a pool of processes that start afresh (fork and exec) and need no `if __name__ == "__main__"`."""
    import loky

    return loky.ProcessPoolExecutor(n_procs, initializer=_start_worker, initargs=(worker_settings(),))


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


def require_places(cache_root: Any, worker: Any) -> None:
    """Refuse a cache folder that is no path, and a worker that Pydra has not, also where no job would need them.

    Raises
    ------
    ValueError
        With the workers there are.
    """
    if not (cache_root is None or isinstance(cache_root, str | os.PathLike)):
        raise ValueError(f"cache_root is {cache_root!r}; expected the path of a folder, or None for Pydra's own")
    if worker == "debug":
        return
    from pydra.workers.base import Worker

    if isinstance(worker, Worker) or (isinstance(worker, type) and issubclass(worker, Worker)):
        return
    known = sorted(name.replace("_", "-") for name in Worker.available_plugins())
    if not isinstance(worker, str) or worker.replace("_", "-") not in known:
        raise ValueError(f"worker is {worker!r}; expected one of {', '.join(known)}, or a Worker of Pydra")


def install_worker() -> None:
    """Let Pydra's `cf` worker make its pool here."""
    import pydra.workers.cf as cf_worker

    # the worker reaches the pool class through this module-level name alone
    cf_worker.cf = types.SimpleNamespace(ProcessPoolExecutor=_pool)
