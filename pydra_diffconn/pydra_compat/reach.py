"""What a function does, as bytes to be hashed: its code, and what of other code and constants the code reaches.

Pydra hashes a function's source alone, so that a changed helper, constant or block gives the result of the old one; and
a function that travelled to another process has no source there, and so another hash. The code object travels.
What was installed is described by name, version and file; it is not followed.
"""

from __future__ import annotations

import collections
import dis
import functools
import importlib.metadata
import sys
import sysconfig
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydra.utils.hash as pydra_hash
from pydra.utils.general import get_fields

CHANGES = {
    *("append", "extend", "insert", "remove", "pop", "clear", "sort", "reverse", "update", "setdefault", "popitem"),
    *("add", "discard", "appendleft", "popleft", "extendleft", "write"),
}
"""Methods that change what they are called on: what code changes is no constant of it."""
CHANGEABLE = (list, dict, set, bytearray, collections.deque, np.ndarray)


def function_bytes(function: types.FunctionType, cache: Any) -> Iterator[bytes]:
    """Describe a function."""
    yield from _Reach(cache).function(function)


def class_bytes(klass: type, cache: Any) -> Iterator[bytes]:
    """Describe a class: a task's inputs and what it does, or methods and constants."""
    yield from _Reach(cache).klass(klass)


class _Reach:
    """One walk; what it has met already is named by its number, so that circles end."""

    def __init__(self, cache: Any) -> None:
        self.cache, self.met = cache, {}  # type: Any, dict[int, tuple[int, Any]]

    def _again(self, value: Any) -> Iterator[bytes]:
        if id(value) in self.met:
            yield f"met:{self.met[id(value)][0]}".encode()
        else:
            self.met[id(value)] = len(self.met), value  # kept alive: the number stands for the address

    def function(self, function: types.FunctionType) -> Iterator[bytes]:
        if again := list(self._again(function)):
            yield from again
            return
        code, origin = function.__code__, installed(function.__code__.co_filename)
        yield f"function:{function.__qualname__ if origin else ''}:{origin}:".encode()
        if not origin or "<" in function.__qualname__:
            yield from code_bytes(code)
        names = _names_of(code)
        for value in (function.__defaults__, function.__kwdefaults__):
            if value is not None:
                yield self._hash(value)
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
            if _is_empty(cell):
                continue
            yield f"{name}=".encode()
            value = cell.cell_contents
            yield from _kind(value) if names.changes(name, value) else self.value(value)
        if origin:
            return
        for chain in names.read:
            if chain[0] in function.__globals__:
                yield f"{'.'.join(chain)}=".encode()
                value = function.__globals__[chain[0]]
                yield from _kind(value) if names.changes(chain[0], value) else self._constant(value, chain[1:])

    def _constant(self, value: Any, attributes: tuple[str, ...]) -> Iterator[bytes]:
        """Describe what a name of a module stands for, as far as that has a content."""
        while isinstance(value, types.ModuleType) and attributes:
            path = getattr(value, "__file__", None)
            if path is None or installed(path) or not hasattr(value, attributes[0]):
                break  # known by name and version: what lies in it, such as all loaded modules, may change at any time
            value, attributes = getattr(value, attributes[0]), attributes[1:]
        try:
            yield from list(self.value(value))
        except TypeError:  # a logger, a lock, an open file: it decides on no result
            yield from _kind(value)

    def value(self, value: Any) -> Iterator[bytes]:
        if isinstance(value, types.FunctionType):
            yield from self.function(value)
        elif isinstance(value, types.ModuleType):
            yield from module_bytes(value)
        elif isinstance(value, type):
            yield from self.klass(value)
        else:
            yield self._hash(value)

    def _hash(self, value: Any) -> bytes:
        return pydra_hash.hash_single(value, self.cache)

    def klass(self, klass: type) -> Iterator[bytes]:
        # a class that travelled to another process has its name there, and not always its qualified name
        name = f"{klass.__module__}.{klass.__name__}"
        if klass.__module__ == "builtins":
            yield name.encode()
            return
        if again := list(self._again(klass)):
            yield from again
            return
        # in a worker process, `__main__` is another script
        module = None if klass.__module__ == "__main__" else sys.modules.get(klass.__module__)
        origin = installed(getattr(module, "__file__", None) or "")
        fields = get_fields(klass)
        yield f"class:{klass.__name__ if fields else name}:{origin}:".encode()
        if fields:
            yield from self._task(klass, fields)
        elif not origin:
            for base in klass.__bases__:
                yield from self.klass(base)
            for attribute, value in sorted(vars(klass).items()):
                # what Python writes into a class about it (annotations, say) comes and goes
                if not attribute.startswith("__") or isinstance(value, types.FunctionType):
                    yield f"{attribute}=".encode()
                    yield from self._constant(_unwrapped(value), ())

    def _task(self, klass: Any, fields: Any) -> Iterator[bytes]:
        for field in sorted(fields, key=lambda one: one.name):
            yield f"{field.name}:{field.type!r}=".encode()
            yield from self._constant(field.default, ())
        if outputs := getattr(klass, "Outputs", None):
            yield ",".join(f"{one.name}:{one.type!r}" for one in get_fields(outputs)).encode()
        declaration = klass.__dict__.get("declaration")
        if declaration is not None:
            yield f"{declaration.id}@{declaration.version}:{','.join(declaration.outputs)}".encode()
            for function in (declaration.check, declaration.streamed, *declaration.infer.values()):
                if function is not None:
                    yield from self.value(function)


def module_bytes(module: types.ModuleType) -> Iterator[bytes]:
    """Describe a module: where it was installed from, or the content of its file."""
    path = getattr(module, "__file__", None) or ""
    yield f"module:{module.__name__}:{installed(path) or _content(path)}".encode()


def installed(path: str) -> str:
    """Return `name==version:content` of the distribution and file a module was installed from; '' if it was not."""
    folder = next((folder for folder in _standard() if path.startswith(folder)), None)
    frozen = path.startswith("<frozen")
    if folder is None and not frozen and "site-packages" not in path and "dist-packages" not in path:
        return ""
    parts = Path(path).parts
    packages = [number for number, part in enumerate(parts) if part in ("site-packages", "dist-packages")]
    if not packages:
        return "standard library"
    return f"{_distribution(parts[packages[-1] + 1].removesuffix('.py'))}:{_content(path)}"


@functools.cache
def _standard() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    return tuple(f"{paths[name]}/" for name in ("stdlib", "platstdlib"))


@functools.cache
def _distribution(module: str) -> str:
    version = getattr(sys.modules.get(module), "__version__", None)
    if not isinstance(version, str):
        try:
            version = importlib.metadata.version(module)
        except importlib.metadata.PackageNotFoundError:
            version = ""
    return f"{module}=={version}"


def _content(path: str) -> str:
    if not path:
        return ""
    try:
        state = Path(path).stat()
    except OSError:
        return ""
    return _content_of(path, state.st_mtime_ns, state.st_size)


@functools.lru_cache(maxsize=4096)
def _content_of(path: str, changed: int, size: int) -> str:
    import hashlib

    return hashlib.blake2b(Path(path).read_bytes(), digest_size=16).hexdigest()


def code_bytes(code: types.CodeType) -> Iterator[bytes]:
    """Describe code by its instructions, names and constants; the text of code within it would hold an address."""
    yield code.co_code + repr((code.co_names, code.co_varnames, code.co_argcount, code.co_kwonlyargcount)).encode()
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from code_bytes(constant)
        else:  # a set's order changes from process to process
            yield repr(sorted(constant, key=repr) if isinstance(constant, frozenset) else constant).encode()


@dataclass(frozen=True)
class _Names:
    read: tuple[tuple[str, ...], ...]
    """Names that are not local, each with the attributes that are asked of it at once."""
    changed: frozenset[str]
    """Names of what is changed where it stands, if it is something that can be."""
    assigned: frozenset[str]

    def changes(self, name: str, value: Any) -> bool:
        """Say whether the code changes what a name stands for, which then is no constant of it."""
        return name in self.assigned or (name in self.changed and isinstance(value, CHANGEABLE))


def _kind(value: Any) -> Iterator[bytes]:
    yield f"{type(value).__module__}.{type(value).__qualname__}".encode()


@functools.lru_cache(maxsize=4096)
def _names_of(code: types.CodeType) -> _Names:
    """Return what code, and code within it, reads from outside, and which of it it changes."""
    read: set[tuple[str, ...]] = set()
    changed: set[str] = set()
    assigned: set[str] = set()
    steps = list(dis.get_instructions(code))
    for number, step in enumerate(steps):
        if step.opname in ("STORE_GLOBAL", "DELETE_GLOBAL", "STORE_DEREF"):
            assigned.add(step.argval)
        elif step.opname in ("STORE_SUBSCR", "DELETE_SUBSCR", "STORE_ATTR"):
            before = number if step.opname == "STORE_ATTR" else _start_of(steps, number)
            if before and _is_read(steps[before - 1]):
                changed.add(steps[before - 1].argval)
        elif _is_read(step):
            chain = (step.argval, *_attributes(steps[number + 1 :]))
            read.add(chain)
            if len(chain) > 1 and chain[-1] in CHANGES:
                changed.add(chain[0])
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            inner = _names_of(constant)
            read, changed, assigned = read | set(inner.read), changed | inner.changed, assigned | inner.assigned
    return _Names(tuple(sorted(read)), frozenset(changed), frozenset(assigned))


def _is_read(step: dis.Instruction) -> bool:
    return step.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF", "LOAD_CLASSDEREF")


def _attributes(steps: list[dis.Instruction]) -> Iterator[str]:
    for step in steps:
        if step.opname not in ("LOAD_ATTR", "LOAD_METHOD"):
            return
        yield step.argval


def _start_of(steps: list[dis.Instruction], end: int) -> int:
    """Return the first of the steps that compute what lies on top of the stack before step `end`."""
    depth = 0
    for number in range(end - 1, -1, -1):
        depth += dis.stack_effect(steps[number].opcode, steps[number].arg)
        if depth == 1:
            return number
    return 0


def _is_empty(cell: types.CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return True
    return False


def _unwrapped(value: Any) -> Any:
    """Return the function within a method or property, where there is one."""
    return getattr(value, "__func__", None) or getattr(value, "fget", None) or value
