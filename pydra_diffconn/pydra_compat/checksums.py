"""What is in a task's checksum: its values, the files they name, the graph it builds, and where it runs."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pydra.utils.hash as pydra_hash
from fileformats.core import FileSet
from fileformats.generic import File
from pydra.engine.workflow import Workflow
from pydra.utils.general import get_fields, is_workflow
from pydra.utils.typing import StateArray, is_lazy

from pydra_diffconn.pydra_compat import reach
from pydra_diffconn.pydra_compat.graphs import splitter, without_split
from pydra_diffconn.pydra_compat.submitting import in_users_folder, of_users_folder


def precision() -> str:
    """Return the floating-point type in which blocks compute in this process."""
    jax = sys.modules.get("jax")
    return "float64" if jax is not None and jax.config.jax_enable_x64 else "float32"


def environment() -> str:
    """Return what results of this process depend on, whatever the task: others could not read them, or differ."""
    python, numpy = sys.version_info[:2], np.__version__.split(".")[:2]
    return f"python {python[0]}.{python[1]}, numpy {'.'.join(numpy)}, {precision()}"


def contents(value: Any) -> Iterator[tuple[str, FileSet]]:
    """Yield the files that are named by text or a path within a value: their content decides, not their name."""
    if isinstance(value, str | Path) and not isinstance(value, FileSet):
        path = of_users_folder(value)
        if path is not None:
            yield str(value), File(path)
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from ((f"{key}: {name}", file) for name, file in contents(part))
    elif isinstance(value, list | tuple | set | frozenset):
        for part in value:
            yield from contents(part)


def _of_files(task: Any, cache: Any) -> dict[str, str]:
    """Return, of inputs without a type, the hashes of the files that their values name."""
    found = {}
    for field in get_fields(task):
        value = getattr(task, field.name)
        if field.type is Any and value is not attrs.NOTHING:
            files = sorted(contents(value), key=lambda one: one[0])
            if files:
                found[field.name] = pydra_hash.hash_function(files, cache=cache)
    return found


def graph_bytes(task: Any, cache: Any) -> Iterator[bytes]:
    """Describe the steps that a workflow builds: blocks that it finds by a helper or by name, files that it names."""
    for node in _nodes(task):
        inner = node._task
        yield f"{node.name}:".encode()
        yield from reach.class_bytes(type(inner), cache)
        if is_workflow(inner):
            yield from graph_bytes(inner, cache)
        for field in get_fields(inner):
            value = getattr(inner, field.name)
            if isinstance(value, FileSet):
                yield f"{field.name}=".encode()
                yield pydra_hash.hash_single(value, cache)


def _nodes(task: Any) -> list[Any]:
    """Return the nodes of a workflow, as far as it can be built without values that only a run brings."""
    lazy = tuple(name for name in task if is_lazy(getattr(task, name)) or isinstance(getattr(task, name), StateArray))
    try:
        bare = without_split(task) if splitter(task) else task
        with in_users_folder():
            # a graph with symbols must not be kept: Pydra would take it for that of any values
            return list(Workflow.construct(bare, dont_cache=bool(lazy), lazy=lazy).nodes)
    except Exception:  # it will be told where it is run; its function is in the checksum in any case
        return []


def _task_bytes(task: Any, cache: Any) -> Iterator[bytes]:
    """Describe a task that is a value of another: its class, too, and what else is in its own checksum."""
    yield from reach.class_bytes(type(task), cache)
    yield from _stock_task_bytes(task, cache)
    yield repr(sorted(_of_files(task, cache).items())).encode()
    if is_workflow(task):
        yield from graph_bytes(task, cache)


def _class_bytes(kind: Any, cache: Any) -> Iterator[bytes]:
    """Describe a class that is a value; stock Pydra's words for a class of tasks change once it was run."""
    yield from reach.class_bytes(kind, cache) if isinstance(kind, type) else _stock_class_bytes(kind, cache)


def install_checksums() -> None:
    """Let the checksum of every task know all that its result depends on."""
    from pydra.compose import base

    global _stock_task_bytes, _stock_class_bytes
    _stock_task_bytes, _stock_class_bytes = (pydra_hash.bytes_repr.registry[one] for one in (base.Task, type))
    pydra_hash.register_serializer(base.Task)(_task_bytes)
    pydra_hash.register_serializer(type)(_class_bytes)
    compute_hashes = base.Task._compute_hashes

    @functools.wraps(compute_hashes)
    def complete(self: Any) -> tuple[str, dict[str, str]]:
        _, hashes = compute_hashes(self)
        cache = pydra_hash.Cache()
        for name, found in _of_files(self, cache).items():
            hashes[name] = f"{hashes[name]}:{found}"
        if is_workflow(self):
            hashes["constructor"] += ":" + pydra_hash.hash_function(b"".join(graph_bytes(self, cache)))
        hashes["Outputs"] += f":{environment()}"
        return pydra_hash.hash_function(sorted(hashes.items())), hashes

    base.Task._compute_hashes = complete


_stock_task_bytes: Any = None
_stock_class_bytes: Any = None
