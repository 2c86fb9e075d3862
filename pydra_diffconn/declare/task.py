"""How one block runs as a Pydra job: files are read, values checked, the function compiled."""

from __future__ import annotations

import functools
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from fileformats.generic import File
from pydra.compose import python
from pydra.utils.hash import Cache, hash_function

from pydra_diffconn import files, pydra_compat
from pydra_diffconn.declare import freedom, places
from pydra_diffconn.declare.declaration import Declaration, prefixed
from pydra_diffconn.declare.parameters import Learn, plain
from pydra_diffconn.numerics.process import keep_compiled
from pydra_diffconn.report import notebook
from pydra_diffconn.warn import warn

Data = np.ndarray | File
"""Every data field takes an array or a file; Pydra links exactly this union to every file type."""


@attrs.define(kw_only=True, auto_attribs=False, eq=False, repr=False)
class BlockTask(python.Task):
    """A Pydra task whose function is pure JAX; it takes arrays or files and gives what it was given."""

    declaration: typing.ClassVar[Declaration]
    pure: typing.ClassVar[Callable[..., Any]]

    def values(self) -> dict[str, Any]:
        """Return the argument values, each `Learn` as the number it starts from."""
        values = {}
        for name in [*self.declaration.arguments, *(["mask"] if "mask" in self else [])]:
            value = getattr(self, name)
            if isinstance(value, Learn) and value.init is None:
                value = self.declaration.start_of(name, {n: getattr(self, n) for n in self.declaration.arguments})
            values[name] = plain(value)
        return values

    def _repr_html_(self) -> str:
        """Show the block and what it was given, in a notebook."""
        rows = []
        for name, argument in self.declaration.arguments.items():
            value, known = getattr(self, name), argument.parameter
            given = "not given" if value is attrs.NOTHING else notebook.brief(value)
            limits = known.constraint.describe() if known is not None else argument.dims or ""
            rows.append([name, given, known.unit if known is not None else "", limits])
        lead = (self.pure.__doc__ or "").strip().partition("\n")[0]
        outputs = [[name, f"({dims})"] for name, dims in self.declaration.outputs.items()]
        tables = [
            {"head": ["input", "value", "unit", "range or shape"], "rows": rows},
            {"head": ["output", "shape"], "rows": outputs},
        ]
        return notebook.card(self.declaration.name, lead, tables)

    def _compute_hashes(self) -> tuple[str, dict[str, str]]:
        """Hash values, block and process; a `Learn` counts as its number, so that runs share the cache."""
        hashes = {name: hash_function(value) for name, value in self.values().items() if value is not attrs.NOTHING}
        hashes["function"] = source_hash(type(self))
        hashes["environment"] = pydra_compat.environment()
        return hash_function(sorted(hashes.items())), hashes

    def _run(self, job: Any, rerun: bool = True) -> None:
        declaration, given = self.declaration, self.values()
        with prefixed(declaration.name):
            arrays, spaces = files.load_arguments(declaration, given)
        waiting = {n: v for n, v in arrays.items() if isinstance(v, files.ImageSeries)}
        known = {name: value for name, value in arrays.items() if name not in waiting}
        missing, main = None, declaration.main_input
        if declaration.arguments[main].blanks and main in known:
            known[main], missing = places.zeros_for_missing(known[main], declaration.arguments[main].dims)
        with files.naming_files(given):
            values = declaration.checked(known, waiting=waiting, counted=False)
            left = self._left(given, {**values, **waiting})
        results = while_reading(declaration, {**values, **waiting}) if waiting else run(type(self), values)
        _refuse_new_nan(declaration, values, results)
        space = spaces.get(declaration.main_input)
        where = _without_data(declaration, {**values, **waiting}, missing, space, given)
        if where is not None:
            results = places.with_missing(
                results, {name: declaration.mark(name, result.shape, where) for name, result in results.items()}
            )
        if declaration.writes and space is not None:
            results = files.write_outputs(declaration, results, values, spaces, Path(job.cache_dir), given)
        job.return_values = {name: freedom.stored(result, left) for name, result in results.items()}

    def _left(self, given: Mapping[str, Any], values: Mapping[str, Any]) -> freedom.Freedom | None:
        """Count the temporal degrees of freedom that the outputs have; warn of few. None if no frame's was taken."""
        declaration = self.declaration
        with prefixed(declaration.name):
            left, few = declaration.left(values, freedom.of_series(declaration.arguments, values, given))
        if few is not None:
            warn(f"{declaration.name}: {few}")
        return None if left is None or left.left == values[declaration.main_input].shape[0] else left


def source_hash(block: type[BlockTask]) -> str:
    """Return the hash of a block: its version, and its function with all that this reaches."""
    if not block.__module__.startswith("pydra_diffconn."):
        return _hash_of(block)
    # what this package's functions reach does not change while it runs
    known, found = _own_hashes.get(block, (None, ""))
    if known is not block.declaration:
        found = _hash_of(block)
        _own_hashes[block] = block.declaration, found
    return found


_own_hashes: dict[type[BlockTask], tuple[Declaration, str]] = {}


def _hash_of(block: type[BlockTask]) -> str:
    return hash_function(b"".join(pydra_compat.class_bytes(block, Cache())))


def run(block: type[BlockTask], values: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Run a block's function, compiled, on concrete values; return NumPy arrays by output name."""
    arguments, real = block.declaration.arguments, pydra_compat.precision()
    values = {name: _in_precision(value, real) for name, value in values.items()}
    static = {name: value for name, value in values.items() if arguments[name].role == "static" or value is None}
    traced = {name: value for name, value in values.items() if name not in static}
    results = _compiled(block, source_hash(block), tuple(sorted(static.items())))(traced)  # type: ignore[arg-type]
    results = results if isinstance(results, tuple) else (results,)
    return {name: np.asarray(result) for name, result in zip(block.declaration.outputs, results, strict=True)}


def while_reading(declaration: Declaration, values: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Compute a block of one output from an image on disk, in the precision of this process."""
    assert declaration.streamed is not None
    result = declaration.streamed(**values)
    return {next(iter(declaration.outputs)): np.asarray(result, dtype=pydra_compat.precision())}


def _in_precision(value: Any, real: str) -> Any:
    floating = isinstance(value, np.ndarray) and np.issubdtype(value.dtype, np.floating)
    return value.astype(real, copy=False) if floating else value


@functools.lru_cache(maxsize=256)
def _compiled(block: type[BlockTask], source: str, static: tuple[Any, ...]) -> Callable[..., Any]:
    """Return one compiled function per block, all that it reaches, and static arguments: compiling costs the most."""
    import jax

    keep_compiled()
    fixed = dict(static)
    return jax.jit(lambda traced: block.pure(**traced, **fixed))


def _without_data(
    declaration: Declaration,
    values: Mapping[str, Any],
    missing: np.ndarray | None,
    space: files.Space | None,
    given: Mapping[str, Any],
) -> np.ndarray | None:
    """Return the places of the outputs without data; warn of those that have none from here on."""
    if missing is None and not declaration.varies and declaration.places is None:
        return None
    name = declaration.main_input
    main, dims = values[name], declaration.arguments[name].dims
    there = missing
    if declaration.varies:
        constant = places.constant(main, dims, values.get("frame_weights"))
        there = constant if missing is None else missing | constant
    after = declaration.without_data(values, there)
    if after is None:
        return None
    names = None if space is None else files.column_names(len(after), space, values, given)
    told = declaration.lost(missing, after, names or values.get("parcels"))
    if told is not None:
        warn(f"{declaration.name}: {told}")
    return after


def _refuse_new_nan(declaration: Declaration, values: Mapping[str, Any], results: Mapping[str, np.ndarray]) -> None:
    for name, result in results.items():
        if np.issubdtype(result.dtype, np.floating) and not np.all(np.isfinite(result)):
            count = int(np.sum(~np.isfinite(result)))
            given = {key: plain(value) for key, value in values.items() if np.ndim(value) == 0}
            raise ValueError(
                f"{declaration.name}: {count} of {result.size} values of '{name}' are not finite, with {given}; "
                "look for missing values or infinities in the inputs, an input without variance, or what the docstring "
                "says of NaN"
            )
