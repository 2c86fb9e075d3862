"""Content hashes of values: what stock Pydra hashes alike, or not at all.

The rule: two values that a task could tell apart have different hashes, or the value is refused with TypeError.
"""

from __future__ import annotations

import abc
import contextlib
import copyreg
import functools
import hashlib
import os
import sys
import threading
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pydra.utils.hash as pydra_hash
from fileformats.core import FileSet

from pydra_diffconn.pydra_compat import reach

DIGEST = 16  # bytes of a hash of Pydra


def array_bytes(array: np.ndarray) -> Iterator[bytes]:
    """Describe an array by dtype, shape and content; Pydra's own serialiser leaves the first two out."""
    yield f"array:{array.dtype.str if array.dtype.names is None else array.dtype.descr}:{array.shape}:".encode()
    if array.dtype == object:
        yield repr(array.tolist()).encode()
    else:
        yield np.ascontiguousarray(array).tobytes()


def _numpy_bytes(array: np.ndarray, cache: Any) -> Iterator[bytes]:
    if type(array) is not np.ndarray:
        yield f"{type(array).__module__}.{type(array).__qualname__}:".encode()
    if isinstance(array, np.ma.MaskedArray):
        yield from array_bytes(np.ma.getmaskarray(array))
        yield pydra_hash.hash_single(array.fill_value, cache)
        array = array.filled(0) if array.dtype != object else array
    if array.dtype.hasobject:
        yield f"array:object:{array.dtype}:{array.shape}:".encode()
        yield from _each(array.ravel().tolist(), cache)
    else:
        yield from array_bytes(np.asarray(array))


def _scalar_bytes(scalar: np.generic, cache: Any) -> Iterator[bytes]:
    yield b"scalar:"
    yield from array_bytes(np.asarray(scalar))


def _each(values: Any, cache: Any) -> Iterator[bytes]:
    """Hash values that stay alive while they are hashed: the cache knows them by address."""
    yield from pydra_hash.bytes_repr_sequence_contents(list(values), cache)


def _pytree_bytes(tree: Any, cache: Any) -> Iterator[bytes]:
    """Hash any JAX pytree (JAX arrays, Equinox modules): structure and leaves."""
    import jax

    leaves, structure = jax.tree_util.tree_flatten(tree)
    yield f"pytree:{type(tree).__module__}.{type(tree).__qualname__}:{structure}".encode()
    for leaf in leaves:
        yield f",{getattr(leaf, 'weak_type', False)}:".encode()
        if jax.dtypes.issubdtype(getattr(leaf, "dtype", np.float32), jax.dtypes.prng_key):
            leaf = jax.random.key_data(leaf)
        if isinstance(leaf, jax.Array | np.ndarray):
            yield from array_bytes(np.asarray(leaf))
        else:
            yield pydra_hash.hash_single(leaf, cache)


def _frame_bytes(frame: Any, cache: Any) -> Iterator[bytes]:
    """Hash a pandas DataFrame or Series: columns, types, index and values."""
    named = frame.columns if frame.ndim == 2 else [frame.name]
    types_ = list(frame.dtypes) if frame.ndim == 2 else frame.dtype
    yield f"{type(frame).__name__}:{frame.shape}:{types_!r}:".encode()
    parts = [frame.index, named, *(frame.iloc[:, n].array for n in range(len(named)) if frame.ndim == 2)]
    yield from _each([*parts, frame.array] if frame.ndim == 1 else parts, cache)


def _index_bytes(index: Any, cache: Any) -> Iterator[bytes]:
    yield f"{type(index).__name__}:{index.dtype}:".encode()
    yield from _each([list(index.names), *index.tolist()], cache)


def _extension_bytes(column: Any, cache: Any) -> Iterator[bytes]:
    """Hash a column of a frame, whatever pandas keeps it in."""
    values = column.to_numpy()
    yield f"{type(column).__name__}:{column.dtype!r}:".encode()
    yield pydra_hash.hash_single(values, cache)


def _sparse_bytes(matrix: Any, cache: Any) -> Iterator[bytes]:
    coordinates = matrix.tocoo()
    yield f"sparse:{type(matrix).__name__}:{matrix.shape}:".encode()
    for part in (coordinates.data, *coordinates.coords):
        yield from array_bytes(np.asarray(part))


def _method_bytes(method: types.MethodType, cache: Any) -> Iterator[bytes]:
    yield b"method:"
    yield from _each((method.__func__, method.__self__), cache)


def _dict_bytes(mapping: dict[Any, Any], cache: Any) -> Iterator[bytes]:
    """Hash a dictionary in any order of its keys, of any types; of a class of its own, whatever that adds."""
    if type(mapping) is not dict:
        yield f"{type(mapping).__module__}.{type(mapping).__qualname__}:".encode()
        added = vars(mapping) if hasattr(mapping, "__dict__") else {}
        yield from _each([getattr(mapping, "default_factory", None), dict(added)], cache)
    yield b"dict:{"
    items = list(mapping.items())
    yield from sorted(b"".join(_each(item, cache)) for item in items)
    yield b"}"


def _set_bytes(values: Any, cache: Any) -> Iterator[bytes]:
    yield f"{type(values).__name__}:{{".encode()
    kept = list(values)
    yield from sorted(pydra_hash.hash_single(value, cache) for value in kept)
    yield b"}"


def _object_bytes(value: Any, cache: Any) -> Iterator[bytes]:
    """Hash any other object: as Pydra does if all it holds are attributes of Python, else by what pickle would keep."""
    kind = type(value)
    yield f"object:{kind.__module__}.{kind.__qualname__}:".encode()
    if callable(value):
        yield from reach.class_bytes(kind, cache)
    if _is_plain(kind):
        yield from _stock_object_bytes(value, cache)
        return
    if wrapped := getattr(value, "__wrapped__", None):  # a function with a cache, or one to be compiled
        yield from _each([wrapped], cache)
        return
    try:
        registered = copyreg.dispatch_table.get(kind)
        parts = registered(value) if registered else value.__reduce_ex__(4)
    except Exception as error:
        raise TypeError(f"a {kind.__module__}.{kind.__qualname__} has no content that can be hashed") from error
    if isinstance(parts, str):  # the name under which it can be imported
        yield f"{getattr(value, '__module__', '')}.{parts}".encode()
        return
    rebuild, arguments, *rest = parts
    rest = [list(part) if isinstance(part, Iterator) else part for part in rest]
    yield from _each([rebuild, list(arguments), *rest], cache)


def _is_plain(kind: type) -> bool:
    """Say whether a class is made of Python code alone, so that attributes are all there is."""
    import attrs

    heap = 1 << 9  # CPython's flag of types that were made by a class statement
    python = all(one.__flags__ & heap and not one.__module__.startswith("_") for one in kind.__mro__[:-1])
    return attrs.has(kind) or (python and "__reduce__" not in _defined(kind) and "__getstate__" not in _defined(kind))


def _defined(kind: type) -> set[str]:
    return {name for one in kind.__mro__[:-1] for name in vars(one)}


_stock_object_bytes: Callable[..., Iterator[bytes]] = pydra_hash.bytes_repr.registry[object]

COMPANIONS: list[Callable[[Path], list[Path]]] = []
"""Rules that give the files which are read along with a file: its header, its names, its metadata."""


def _file_bytes(files: FileSet, cache: Any) -> Iterator[Any]:
    """Hash files and what is read along with them; Pydra's key, a link's own time, overlooks its target."""
    paths = sorted(Path(path) for path in files.fspaths)
    beside = sorted({one for rule in COMPANIONS for path in paths for one in rule(path)} - set(paths))
    states = [(str(path), *_state(path)) for path in (*paths, *beside)]
    yield pydra_hash.CacheKey(tuple(repr(one) for one in states))
    yield from (part for part in _stock_file_bytes(files, cache) if isinstance(part, bytes))
    for path in beside:
        yield f",beside:{path.name}=".encode()
        with path.open("rb") as file:
            yield from iter(functools.partial(file.read, 1 << 20), b"")


def _state(path: Path) -> tuple[int, ...]:
    """Return what changes when a file's content does; the inode's time also where somebody kept the other one."""
    parts = [path, *sorted(path.rglob("*"))] if path.is_dir() else [path]
    found = [one.stat() for one in parts]
    return tuple(n for s in found for n in (s.st_mtime_ns, s.st_ctime_ns, s.st_size, s.st_ino))


_stock_file_bytes: Callable[..., Iterator[Any]] = pydra_hash.bytes_repr.registry[FileSet]


class _LazyType:
    """Register a serialiser for a type of a package that is loaded only if somebody uses it."""

    serializers: ClassVar[dict[Any, Any]] = {
        ("pandas", "DataFrame"): _frame_bytes,
        ("pandas", "Series"): _frame_bytes,
        ("pandas", "Index"): _index_bytes,
        ("pandas.api.extensions", "ExtensionArray"): _extension_bytes,
        ("scipy.sparse", "spmatrix"): _sparse_bytes,
        ("scipy.sparse", "sparray"): _sparse_bytes,
        ("jax", "Array"): _pytree_bytes,
        ("equinox", "Module"): _pytree_bytes,
    }

    @classmethod
    def register_loaded(cls) -> None:
        for (module, name), serializer in list(cls.serializers.items()):
            if module in sys.modules and hasattr(sys.modules[module], name):
                pydra_hash.register_serializer(getattr(sys.modules[module], name))(serializer)
                del cls.serializers[module, name]


def _descriptor_bytes(descriptor: Any, cache: Any) -> Iterator[bytes]:
    """Describe an attribute of a class that is written in C."""
    owner = descriptor.__objclass__
    yield f"{owner.__module__}.{owner.__qualname__}.{descriptor.__name__}".encode()


SERIALIZERS: dict[Any, Any] = {
    **dict.fromkeys((types.GetSetDescriptorType, types.MemberDescriptorType), _descriptor_bytes),
    **dict.fromkeys((types.MethodDescriptorType, types.WrapperDescriptorType), _descriptor_bytes),
    types.ClassMethodDescriptorType: _descriptor_bytes,
    type(abc.ABC._abc_impl): lambda memory, cache: iter([b"what an abstract class remembers"]),  # type: ignore[attr-defined]
    property: lambda one, cache: _each((one.fget, one.fset, one.fdel), cache),
    object: _object_bytes,
    np.ndarray: _numpy_bytes,
    np.generic: _scalar_bytes,
    types.FunctionType: reach.function_bytes,
    types.ModuleType: lambda module, cache: reach.module_bytes(module),
    types.MethodType: _method_bytes,
    dict: _dict_bytes,
    set: _set_bytes,
    frozenset: _set_bytes,
    FileSet: _file_bytes,
}


def install_hashes() -> None:
    """Let Pydra hash by these rules, in this process."""
    for kind, serializer in SERIALIZERS.items():
        pydra_hash.register_serializer(kind)(serializer)
    hash_single = pydra_hash.hash_single

    def hash_single_and_keep(obj: object, cache: Any) -> Any:
        if _LazyType.serializers:
            _LazyType.register_loaded()
        # the cache knows values by address, which another value could have once this one is gone
        cache._hashes.setdefault("kept", []).append(obj)
        return hash_single(obj, cache)

    # hash_object, the way in, looks the name up in its module at each call
    pydra_hash.hash_single = hash_single_and_keep
    pydra_hash.PersistentCache.get_or_calculate_hash = _stored_or_calculated


def _stored_or_calculated(self: Any, key: Any, calculate: Callable[[], bytes]) -> bytes:
    """Return the hash of a file from the store; without locks, which outlive a process that was killed."""
    if key in self._hashes:
        return self._hashes[key]
    path = self.location / hashlib.blake2b(str(key).encode()).hexdigest()
    try:
        found = path.read_bytes()
    except OSError:
        found = b""
    if len(found) != DIGEST:  # none yet, or cut while it was written
        found = calculate()
        part = path.with_name(f"{path.name[:40]}.{os.getpid()}.{threading.get_ident()}.part")
        with contextlib.suppress(OSError):  # a full disk costs the store alone
            part.write_bytes(found)
            part.replace(path)
    self._hashes[key] = found
    return found
