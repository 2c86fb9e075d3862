"""Content hashes: what stock Pydra hashes alike, or not at all, and the precision in a workflow's key."""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import pydra.utils.hash as pydra_hash


def array_bytes(array: np.ndarray) -> Iterator[bytes]:
    """Describe an array by dtype, shape and content; Pydra's own serialiser leaves the first two out."""
    yield f"array:{array.dtype.str}:{array.shape}:".encode()
    if array.dtype == object:
        yield repr(array.tolist()).encode()
    else:
        yield np.ascontiguousarray(array).tobytes()


def _numpy_bytes(array: np.ndarray, cache: Any) -> Iterator[bytes]:
    if isinstance(array, np.ma.MaskedArray):
        yield from array_bytes(np.ma.getmaskarray(array))
        array = array.filled(0) if array.dtype != object else array
    if array.dtype == object:
        yield f"array:object:{array.shape}:".encode()
        yield from pydra_hash.bytes_repr_sequence_contents(list(array.ravel()), cache)
    else:
        yield from array_bytes(np.asarray(array))


def _pytree_bytes(tree: Any, cache: Any) -> Iterator[bytes]:
    """Hash any JAX pytree (JAX arrays, Equinox modules): structure and leaves."""
    import jax

    leaves, structure = jax.tree_util.tree_flatten(tree)
    yield f"pytree:{type(tree).__module__}.{type(tree).__qualname__}:{structure}".encode()
    for leaf in leaves:
        yield b","
        if jax.dtypes.issubdtype(getattr(leaf, "dtype", np.float32), jax.dtypes.prng_key):
            leaf = jax.random.key_data(leaf)
        if isinstance(leaf, jax.Array | np.ndarray):
            yield from array_bytes(np.asarray(leaf))
        else:
            yield pydra_hash.hash_single(leaf, cache)


def _frame_bytes(frame: Any, cache: Any) -> Iterator[bytes]:
    """Hash a pandas DataFrame or Series: columns, types, index and values."""
    from pandas.util import hash_pandas_object

    named = list(frame.columns) if frame.ndim == 2 else frame.name
    types_ = list(frame.dtypes) if frame.ndim == 2 else frame.dtype
    yield f"{type(frame).__name__}:{frame.shape}:{named!r}:{types_!r}:".encode()
    yield hash_pandas_object(frame, index=True).to_numpy().tobytes()


def _sparse_bytes(matrix: Any, cache: Any) -> Iterator[bytes]:
    coordinates = matrix.tocoo()
    yield f"sparse:{type(matrix).__name__}:{matrix.shape}:".encode()
    for part in (coordinates.data, *coordinates.coords):
        yield from array_bytes(np.asarray(part))


def _partial_bytes(partial: functools.partial[Any], cache: Any) -> Iterator[bytes]:
    parts = (partial.func, partial.args, partial.keywords)  # kept alive here: the cache is keyed by id()
    yield b"partial:"
    yield from pydra_hash.bytes_repr_sequence_contents(parts, cache)


def _function_bytes(function: types.FunctionType, cache: Any) -> Iterator[bytes]:
    """Add to Pydra's source hash what the source does not say: defaults, closed-over values, inner functions."""
    yield from pydra_hash.bytes_repr_function(function, cache)
    for name in sorted(_names_in(function.__code__)):
        value = function.__globals__.get(name)
        for token in sorted(_versions.get(getattr(value, "__name__", name), ())):
            yield token.encode()
    if "<lambda>" in function.__qualname__ or "<locals>" in function.__qualname__:
        yield from _code_bytes(function.__code__)
    hidden = [function.__defaults__, function.__kwdefaults__]
    hidden += [cell.cell_contents for cell in function.__closure__ or () if not _is_empty(cell)]
    for value in hidden:
        if isinstance(value, types.ModuleType):
            yield value.__name__.encode()
        elif value is not None:
            yield pydra_hash.hash_single(value, cache)


def _code_bytes(code: types.CodeType) -> Iterator[bytes]:
    """Describe code by its instructions, names and constants; the text of code within it would hold an address."""
    yield code.co_code + repr(code.co_names).encode()
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _code_bytes(constant)
        else:  # a set's order changes from process to process
            yield repr(sorted(constant, key=repr) if isinstance(constant, frozenset) else constant).encode()


def _is_empty(cell: types.CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return True
    return False


_versions: dict[str, set[str]] = {}


def declare_version(name: str, token: str) -> None:
    """Let the hash of every function that mentions the class `name` depend on `token` (a block's id and version).

    A workflow's checksum covers its constructor's source and its inputs, not the tasks that the constructor adds.
    """
    _versions.setdefault(name, set()).add(token)


def _names_in(code: types.CodeType) -> set[str]:
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _names_in(constant)
    return names


class _LazyType:
    """Register a serialiser for a type of a package that is loaded only if somebody uses it."""

    serializers: ClassVar[dict[Any, Any]] = {
        ("pandas", "DataFrame"): _frame_bytes,
        ("pandas", "Series"): _frame_bytes,
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


def _install_hashes() -> None:
    register = pydra_hash.register_serializer
    register(np.ndarray)(_numpy_bytes)
    register(np.generic)(lambda scalar, cache: array_bytes(np.asarray(scalar)))
    register(functools.partial)(_partial_bytes)
    register(types.FunctionType)(_function_bytes)
    hash_single = pydra_hash.hash_single

    def hash_single_with_loaded_types(obj: object, cache: Any) -> Any:
        if _LazyType.serializers:
            _LazyType.register_loaded()
        return hash_single(obj, cache)

    # hash_object, the way in, looks the name up in its module at each call
    pydra_hash.hash_single = hash_single_with_loaded_types


def precision() -> str:
    """Return the floating-point type in which blocks compute in this process."""
    jax = sys.modules.get("jax")
    return "float64" if jax is not None and jax.config.jax_enable_x64 else "float32"


def _install_precision_in_workflow_checksums() -> None:
    """Keep a workflow's float32 result from answering for float64; a block's own checksum has it already."""
    from pydra.compose import workflow

    compute_hashes = workflow.Task._compute_hashes

    @functools.wraps(compute_hashes)
    def with_precision(self: Any) -> tuple[str, dict[str, str]]:
        checksum, hashes = compute_hashes(self)
        if precision() == "float32":
            return checksum, hashes
        hashes = {**hashes, "precision": precision()}
        return pydra_hash.hash_function(sorted(hashes.items())), hashes

    workflow.Task._compute_hashes = with_precision
