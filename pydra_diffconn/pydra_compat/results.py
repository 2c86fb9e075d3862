"""Results in Pydra's cache: values without code, checked when they are taken out again.

Stock Pydra pickles the classes of a script's tasks, byte code and all, which another Python cannot read, and hands out
whatever lies in the cache. Here what cannot be read, or whose files are not those that were written, is no result, and
is computed again.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pydra.engine.result as result_module
import pydra.utils.hash as pydra_hash
from fileformats.core import FileSet

from pydra_diffconn.pydra_compat.submitting import submission_began


class Stored:
    """The outputs of a task as they lie in the cache, until the task that asks for them gives them its class."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values
        self.files = {str(path): _state(path) for path in _paths(list(values.values()))}
        self.hashes = [pydra_hash.hash_function(one) for one in _filesets(list(values.values()))]

    def intact(self) -> bool:
        """Say whether all files are there as they were written."""
        if all(Path(path).exists() and _state(Path(path)) == state for path, state in self.files.items()):
            return True
        try:  # a copied cache has other times, and the same content
            return self.hashes == [pydra_hash.hash_function(one) for one in _filesets(list(self.values.values()))]
        except OSError:
            return False

    def as_outputs(self, kind: type) -> Any:
        """Return the outputs as an instance of a task's own class."""
        outputs: Any = object.__new__(kind)
        for name, value in self.values.items():
            object.__setattr__(outputs, name, value)
        return outputs


def _filesets(value: Any) -> Iterator[FileSet]:
    if isinstance(value, FileSet):
        yield value
    elif isinstance(value, dict):
        yield from _filesets(list(value.values()))
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _filesets(part)


def _paths(values: list[Any]) -> Iterator[Path]:
    for files in _filesets(values):
        for path in files.fspaths:
            yield Path(path)
            if Path(path).is_dir():
                yield from sorted(Path(path).rglob("*"))


def _state(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_mtime_ns, 0 if path.is_dir() else found.st_size


def install_results() -> None:
    """Let results be stored without code, and be checked when they are loaded."""
    from pydra.engine import job, result

    load, get, state_of = result.load_result, job.Job.result, job.Job.__getstate__

    def getstate(self: Any) -> dict[str, Any]:
        state = {one.name: getattr(self, one.name) for one in attrs.fields(type(self))} | {"task": None}
        outputs = state["outputs"]
        if outputs is not None and not isinstance(outputs, Stored):
            outputs = Stored({one.name: getattr(outputs, one.name) for one in attrs.fields(type(outputs))})
        return state | {"outputs": None if outputs is None else result_module.cp.dumps(outputs)}

    @functools.wraps(load)
    def load_intact(checksum: str, caches: list[Path], *args: Any, **settings: Any) -> Any:
        for location in caches or []:
            try:
                found = load(checksum, [location], *args, **settings)
            except Exception:  # whatever a damaged or foreign pickle raises
                continue
            if found is None or (isinstance(found.outputs, Stored) and not found.outputs.intact()):
                continue
            written = (Path(location) / checksum / "_result.pklz").stat().st_mtime
            if (found.errored or found.outputs is None) and written < submission_began():
                continue  # an earlier run's failure or interrupt, or a process that was lost: tried again
            return found
        return None

    @functools.wraps(get)
    def of_own_class(self: Any, *args: Any, **settings: Any) -> Any:
        found = get(self, *args, **settings)
        if not isinstance(found, result.Result):
            return found
        if isinstance(found.outputs, Stored):
            found.outputs, found.task = found.outputs.as_outputs(self.task.Outputs), self.task
        for field in attrs.fields(type(found.outputs)) if found.outputs is not None else ():
            value = getattr(found.outputs, field.name)
            if hasattr(type(value), "as_plain"):  # a mark that a workflow hands out as it took it in
                object.__setattr__(found.outputs, field.name, value.as_plain())
        return found

    def with_checksum(self: Any) -> dict[str, Any]:
        self.checksum  # noqa: B018 - computed here, once, and not again in another process
        return state_of(self)

    result.Result.__getstate__ = getstate
    result.load_result = job.load_result = load_intact
    job.Job.result = of_own_class
    job.Job.__getstate__ = with_checksum
