"""Everything of Pydra that is private, or that we change: content hashes, the spawning `cf` worker, graph access.

One file, with one contract test for each function, so that a Pydra release that moves something fails here alone.
Importing it (any block does) installs the hashes and the worker; `DIFFCONN_PYDRA_PATCHES=0` in the environment
leaves Pydra as it is, at the price of wrong cache hits for arrays that differ in shape alone.
"""

from __future__ import annotations

import contextlib
import functools
import multiprocessing.context
import os
import sys
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import attrs
import numpy as np

os.environ.setdefault("NO_ET", "1")  # Pydra asks a telemetry host for its newest version; we contact nobody

import pydra.utils.hash as pydra_hash
from fileformats.core import FileSet
from pydra.compose import shell
from pydra.engine.lazy import LazyField, LazyInField, LazyOutField
from pydra.engine.node import Node
from pydra.engine.workflow import Workflow
from pydra.utils.general import get_fields, is_workflow
from pydra.utils.typing import StateArray

__all__ = ["LazyField", "LazyInField", "LazyOutField", "Node", "StateArray", "Workflow", "get_fields", "is_workflow"]


# --- content hashes -------------------------------------------------------------------------------------------


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


def _partial_bytes(partial: functools.partial, cache: Any) -> Iterator[bytes]:
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

    serializers: ClassVar[dict] = {
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


# --- showing tasks --------------------------------------------------------------------------------------------


def _install_repr() -> None:
    """Show arrays by shape: Pydra compares each value with its default, which for an array raises, and hides the
    error it was about to report."""
    from pydra.compose import base

    base.Task.__repr__ = base.Outputs.__repr__ = show  # type: ignore[method-assign]


def show(task: Any) -> str:
    """Return `Name(field=value, ...)` with what differs from the defaults; large arrays by shape and type."""
    shown = []
    for field in get_fields(task):
        value = getattr(task, field.name)
        if field.name in ("function", "constructor") or value is attrs.NOTHING:
            continue
        if isinstance(value, np.ndarray) and value.size > 8:
            shown.append(f"{field.name}=<array {value.shape} {value.dtype}>")
        elif isinstance(value, list | tuple) and len(value) > 8:
            shown.append(f"{field.name}=<{len(value)} values>")
        elif isinstance(value, np.ndarray | list | tuple) or (value is not field.default and value != field.default):
            shown.append(f"{field.name}={value!r}")
    return f"{type(task).__name__}({', '.join(shown)})"


# --- the cf worker --------------------------------------------------------------------------------------------


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


# --- reading a constructed workflow ---------------------------------------------------------------------------


def node_task(node: Node) -> Any:
    """Return the task a node holds, with its values and its splitter."""
    return node._task


def replace_node_task(node: Node, task: Any) -> None:
    """Put another task into a node that is still under construction; it has at least the same inputs and outputs."""
    node._task = task
    node._lzout = None  # its lazy outputs are made anew; those handed out before point to this node by name


def is_split_list(value: Any) -> bool:
    """Say whether a value is the list that a task is split over."""
    return isinstance(value, StateArray)


def lazy_source(field: LazyField) -> tuple[str | None, str]:
    """Return (node name, field name) of an upstream output, or (None, field name) of a workflow input."""
    if isinstance(field, LazyOutField):
        return field._node.name, field._field
    return None, field._field


def reconnect(node: Node, moved: Mapping[tuple[str | None, str], Any]) -> None:
    """Let a node take the outputs that stand for those of nodes which were removed; its state follows."""
    for name, value in list(node.input_values):
        if isinstance(value, LazyOutField) and lazy_source(value) in moved:
            object.__setattr__(node._task, name, moved[lazy_source(value)])
    node._set_state()


def splitter(task: Any) -> Any:
    """Return what `task.split(...)` was given, or None."""
    return getattr(task, "_splitter", None)


def combiner(task: Any) -> Any:
    """Return what `task.combine(...)` was given, or None."""
    return task._combiner


def with_values(task: Any, **values: Any) -> Any:
    """Return a copy of a task with other values, its split and combination kept (`attrs.evolve` drops them)."""
    return copy_split(task, attrs.evolve(task, **values))


def copy_split(source: Any, target: Any, combine: bool = True) -> Any:
    """Split and, unless told otherwise, combine `target` as `source` is; return it."""
    target._splitter = source._splitter
    if combine:
        target._combiner = source._combiner
    target._container_ndim = source._container_ndim
    return target


def rename_split(task: Any, names: Mapping[str, str]) -> None:
    """Give the fields that a task is split over, or combines, other names."""

    def renamed(part: Any) -> Any:
        if isinstance(part, str):
            return names.get(part, part)
        return type(part)(renamed(one) for one in part) if part else part

    task._splitter, task._combiner = renamed(task._splitter), renamed(task._combiner)
    task._container_ndim = {names.get(key, key): depth for key, depth in (task._container_ndim or {}).items()}


HOUSEKEEPING = {
    *("function", "constructor", "executable", "append_args"),
    *("stdout", "stderr", "return_code"),
}


def field_names(task: Any) -> list[str]:
    """Return the inputs of a task or task class (or the outputs of an outputs class) that a user connects."""
    return [field.name for field in get_fields(task) if field.name not in HOUSEKEEPING]


def output_names(task: Any) -> set[str]:
    """Return those inputs of a shell task that only name the file an output is written to."""
    return {field.name for field in get_fields(task) if isinstance(field, shell.outarg)}


def given_values(task: Any) -> Iterator[tuple[str, Any]]:
    """Yield what was given to a task: connections, split lists, and values other than the defaults."""
    for name in field_names(task):
        value, default = getattr(task, name), get_fields(task)[name].default
        if value is attrs.NOTHING or value is default:
            continue
        if isinstance(value, bool | int | float | str) and value == default:
            continue
        yield name, value


def mandatory(task: Any) -> set[str]:
    """Return the inputs without which a task cannot run."""
    return {name for name in field_names(task) if get_fields(task)[name].mandatory}


def keep_nodes(workflow: Workflow, names: set[str]) -> None:
    """Drop all other nodes from a workflow that is still under construction."""
    for name in set(workflow._nodes) - names:
        del workflow._nodes[name]


def without_split(task: Any) -> Any:
    """Return a copy of a task whose split inputs are unset and whose split and combination are gone."""
    names = {name for name in task if isinstance(getattr(task, name), StateArray)}
    return attrs.evolve(task, **dict.fromkeys(names, attrs.NOTHING))


def construct(task: Any, lazy: tuple[str, ...] = (), check: bool = True) -> Workflow:
    """Build the graph of a workflow task; the inputs named in `lazy` stay symbols.

    Without `check` its nodes need not be fit to run: they are only looked at.
    """
    # never change the returned graph: Pydra hands the same one to the next caller with equal inputs
    with contextlib.nullcontext() if check else _unchecked(), _undecided():
        return Workflow.construct(task, dont_cache=True, lazy=lazy)


@contextlib.contextmanager
def _unchecked() -> Iterator[None]:
    from pydra.compose import base

    rules = base.Task._check_rules
    base.Task._check_rules = lambda self: None  # type: ignore[method-assign]
    try:
        yield
    finally:
        base.Task._check_rules = rules  # type: ignore[method-assign]


@contextlib.contextmanager
def _undecided() -> Iterator[None]:
    """Refuse that a constructor decides by a symbol: it is always true, and equal to nothing."""
    kept = {name: LazyInField.__dict__.get(name) for name in ("__eq__", "__bool__")}  # a change may construct, too
    equal = LazyInField.__eq__

    def asked(symbol: LazyInField) -> bool:
        package = sys._getframe(2).f_globals.get("__name__", "").partition(".")[0]
        if package in ("pydra", "attr", "attrs", "fileformats"):
            return False
        raise ValueError(
            f"{symbol._field} decides how the workflow is built, but its runs differ in it, or a task makes it: they "
            "would have different steps. Give the runs of each value by themselves, or make the alternatives a Choose"
        )

    def as_bool(symbol: LazyInField) -> bool:
        return not asked(symbol)

    def equals(symbol: LazyInField, other: Any) -> Any:
        if not isinstance(other, LazyInField):
            asked(symbol)
        return equal(symbol, other)

    LazyInField.__bool__, LazyInField.__eq__ = as_bool, equals  # type: ignore[attr-defined, method-assign]
    try:
        yield
    finally:
        for name, method in kept.items():
            if method is None:
                delattr(LazyInField, name)
            else:
                setattr(LazyInField, name, method)


def require_workflow(task: Any) -> None:
    """Refuse anything that is not a workflow task or class."""
    from pydra.compose import workflow

    if not (isinstance(task, workflow.Task) or (isinstance(task, type) and issubclass(task, workflow.Task))):
        name = task.__name__ if isinstance(task, type) else type(task).__name__
        raise ValueError(f"{name} is not a workflow; expected what @workflow.define makes, with this step in it")


def constructor(task: Any) -> Any:
    """Return the user's constructor function of a workflow task or class."""
    return get_fields(task)["constructor"].default


def _install_names_of_copies() -> None:
    """Let a copy of x.nii.gz, where the name is taken, be called `x (1).nii.gz` and not `x.nii (1).gz`."""
    new_path = FileSet._new_copy_path

    def with_whole_ending(self: FileSet, *, stem: str, ext: str, **rest: Any) -> Any:
        inner = Path(stem).suffix
        if ext in (".gz", ".nii", ".gii") and inner[1:].isalpha():  # also of CIFTI and GIFTI: .ptseries.nii, .func.gii
            stem, ext = stem.removesuffix(inner), inner + ext
        return new_path(self, stem=stem, ext=ext, **rest)

    FileSet._new_copy_path = with_whole_ending  # type: ignore[assignment, method-assign]


if os.environ.get("DIFFCONN_PYDRA_PATCHES", "1") != "0":
    _install_hashes()
    _install_precision_in_workflow_checksums()
    _install_repr()
    _install_names_of_copies()
    _install_spawning_worker()
