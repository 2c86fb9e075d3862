"""Computing one task in a node's folder, here or, where JAX would hang, in a fresh interpreter.

On Linux, Nipype's MultiProc forks this process by default. A process that was forked after JAX had computed in its
parent waits for ever for threads that it does not have, so that there a new interpreter computes.
"""

from __future__ import annotations

import os
import shutil
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fileformats.core import FileSet

from pydra_diffconn import pydra_compat
from pydra_diffconn.declare.task import BlockTask


def jax_has_computed() -> bool:
    """Say whether JAX has started its threads in this process."""
    bridge = sys.modules.get("jax._src.xla_bridge")
    if bridge is None:
        return False
    started = getattr(bridge, "backends_are_initialized", None)
    return True if started is None else bool(started())


_forked_after_jax = False


def _note_fork() -> None:
    global _forked_after_jax
    _forked_after_jax = _forked_after_jax or jax_has_computed()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)


def computed(kind: type, values: Mapping[str, Any], precision: str, folder: Path) -> dict[str, Any]:
    """Return the outputs of a task by name: arrays and numbers, or paths of files in `folder`."""
    if not _forked_after_jax:
        return _here(kind, values, precision, folder)
    import loky

    settings = {**pydra_compat.worker_settings(), "jax_enable_x64": precision == "float64"}
    with loky.ProcessPoolExecutor(1, initializer=_start, initargs=(settings,)) as pool:
        found: dict[str, Any] = pool.submit(_here, kind, dict(values), precision, folder).result()
    return found


def _start(settings: Mapping[str, Any]) -> None:
    from pydra_diffconn.pydra_compat import workers

    workers._start_worker(settings)


def _here(kind: Any, values: Mapping[str, Any], precision: str, folder: Path) -> dict[str, Any]:
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # several nodes may meet one GPU
    import jax

    with jax.enable_x64(precision == "float64"):
        task = kind(**values)
        if isinstance(task, BlockTask):
            job = types.SimpleNamespace(cache_dir=folder, return_values={})
            task._run(job)
            return {name: with_paths(value) for name, value in job.return_values.items()}
        cache = folder / "pydra"
        outputs = task(cache_root=cache, worker="debug")
        names = pydra_compat.field_names(type(task).Outputs)
        found = {name: _moved(with_paths(getattr(outputs, name)), name, folder) for name in names}
        shutil.rmtree(cache, ignore_errors=True)
    return found


def with_paths(value: Any) -> Any:
    """Return the path of a file as text, and anything else as it is."""
    return str(value) if isinstance(value, FileSet | Path) else value


def _moved(value: Any, name: str, folder: Path) -> Any:
    """Return an output in the node's own folder, under the name of the output."""
    if not isinstance(value, str) or not Path(value).is_file() or folder not in Path(value).parents:
        return value
    suffixes = "".join(one for one in Path(value).suffixes if one[1:].isalnum())
    place = folder / f"{name}{suffixes}"
    shutil.copyfile(value, place)
    return str(place)
