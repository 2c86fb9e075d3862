"""A function becomes a Pydra task: `@block.define`.

The decorated name is a task class; the function stays reachable, plain, as `Block.pure`. What the author wrote in the
signature (shapes, parameters, units, defaults) is read once into `Block.declaration` and used by all other modules.
"""

from __future__ import annotations

import functools
import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from fileformats.generic import File
from pydra.compose import python
from pydra.compose.base import build_task_class, parse_doc_string
from pydra.utils.hash import hash_function
from pydra.utils.typing import is_lazy

from pydra_diffconn import constraints, pydra_compat
from pydra_diffconn.compilation import keep_compiled
from pydra_diffconn.parameters import Learn, Parameter, plain

Data = np.ndarray | File
"""Every data field takes an array or a file; Pydra links exactly this union to every file type."""


@dataclass(frozen=True)
class Argument:
    """One argument of a block, as its signature declares it."""

    name: str
    role: str
    """`data` (array or file), `parameter` (learnable), `number` (traced, never learned) or `static` (plain Python)."""
    dims: str = ""
    optional: bool = False
    default: Any = inspect.Parameter.empty
    parameter: Parameter | None = None


@dataclass(frozen=True)
class Declaration:
    """All that a block's author declared."""

    name: str
    namespace: str
    version: str
    arguments: Mapping[str, Argument]
    outputs: Mapping[str, str]
    """Output name to dimensions, in the order of the function's return value."""
    linear_in: str | None = None
    acts_along: str | None = None
    check: Callable[[Mapping[str, Any]], None] | None = None
    infer: Mapping[str, Callable[[Mapping[str, Any]], Any]] = field(default_factory=dict)
    streamed: Callable[..., Any] | None = None
    """The block on an image that is still on disk (`files.ImageSeries`), for one that need not hold all of it."""
    mixes: str | None = None
    """The parameter with the weights by which the options are mixed; a weight of one gives an option unchanged."""
    writes: bool = True
    """Whether the outputs are files if the main input is one."""

    @property
    def id(self) -> str:
        return f"{self.namespace}:{self.name}"

    @property
    def parameters(self) -> dict[str, Parameter]:
        """The learnable arguments."""
        return {name: a.parameter for name, a in self.arguments.items() if a.parameter is not None}

    @property
    def main_input(self) -> str:
        """The first data argument: if it comes as a file, the outputs are files."""
        return next(name for name, argument in self.arguments.items() if argument.role == "data")

    def options(self, given: Mapping[str, Any]) -> list[str]:
        """Return those data arguments, of the main input's dimensions, that are given: what `mixes` mixes."""
        dims = self.arguments[self.main_input].dims
        alike = [n for n, a in self.arguments.items() if a.role == "data" and a.dims == dims]
        return [name for name in alike if given.get(name) is not None]

    def start_of(self, name: str, given: Mapping[str, Any]) -> Any:
        """Return the number at which a parameter marked with a bare `Learn()` starts: its default, or equal weights."""
        if name == self.mixes:
            count = len(self.options(given))
            return np.full(count, 1 / count)
        return self.arguments[name].default

    def checked(self, values: Mapping[str, Any], where: str = "") -> dict[str, Any]:
        """Fill in inferred static arguments and raise one clear error on bad values.

        `values` are concrete; what is not known yet (the output of an earlier, fused step) is absent.
        """
        complete = dict(values)
        try:
            if self.check is not None:
                self.check(complete)
            for name, parameter in self.parameters.items():
                self._check_bounds(name, parameter, complete)
            for name, rule in self.infer.items():
                if complete.get(name) is None:
                    complete[name] = rule(complete)
        except ValueError as error:
            raise ValueError(f"{where or self.name}: {error}") from None
        return complete

    def _check_bounds(self, name: str, parameter: Parameter, values: Mapping[str, Any]) -> None:
        value = values.get(name)
        if value is None:
            return
        constraint = parameter.constraint.resolved(values)
        if not constraint.contains(value):
            shown = f"{value:g}" if np.ndim(value) == 0 else str(np.asarray(value))
            expected, here = parameter.constraint.describe(), constraint.describe()
            more = "" if here == expected else f", here {here}"
            raise ValueError(f"{name} = {shown} {parameter.unit} is outside {expected}{more}".replace("  ", " "))


@attrs.define(kw_only=True, auto_attribs=False, eq=False, repr=False)
class BlockTask(python.Task):
    """A Pydra task whose function is pure JAX; it takes arrays or files and gives what it was given."""

    declaration: typing.ClassVar[Declaration]
    pure: typing.ClassVar[Callable]

    def values(self) -> dict[str, Any]:
        """Return the argument values, each `Learn` as the number it starts from."""
        values = {}
        for name in [*self.declaration.arguments, *(["mask"] if "mask" in self else [])]:
            value = getattr(self, name)
            if isinstance(value, Learn) and value.init is None:
                value = self.declaration.start_of(name, {n: getattr(self, n) for n in self.declaration.arguments})
            values[name] = plain(value)
        return values

    def _compute_hashes(self) -> tuple[str, dict[str, str]]:
        """Hash values, block version and precision; a `Learn` counts as its number, so that runs share the cache."""
        hashes = {name: hash_function(value) for name, value in self.values().items() if value is not attrs.NOTHING}
        hashes["function"] = source_hash(type(self))  # type: ignore[arg-type]
        hashes["block"] = f"{self.declaration.id}@{self.declaration.version}:{','.join(self.declaration.outputs)}"
        hashes["precision"] = pydra_compat.precision()
        return hash_function(sorted(hashes.items())), hashes

    def _run(self, job: Any, rerun: bool = True) -> None:
        from pydra_diffconn import files

        declaration, given = self.declaration, self.values()
        arrays, spaces = files.load_arguments(declaration, given)
        waiting = {n: v for n, v in arrays.items() if isinstance(v, files.ImageSeries)}
        values = declaration.checked({name: value for name, value in arrays.items() if name not in waiting})
        results = while_reading(declaration, {**values, **waiting}) if waiting else run(type(self), values)
        _refuse_new_nan(declaration, values, results)
        if declaration.writes and spaces.get(declaration.main_input) is not None:
            results = files.write_outputs(declaration, results, values, spaces, Path(job.cache_dir), given)
        job.return_values = results


@functools.cache
def source_hash(block: type[BlockTask]) -> str:
    """Return the hash of a block's function as it is written."""
    return hash_function(block.pure)


def run(block: type[BlockTask], values: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Run a block's function, compiled, on concrete values; return NumPy arrays by output name."""
    arguments, real = block.declaration.arguments, pydra_compat.precision()
    values = {name: _in_precision(value, real) for name, value in values.items()}
    static = {name: value for name, value in values.items() if arguments[name].role == "static" or value is None}
    traced = {name: value for name, value in values.items() if name not in static}
    results = _compiled(block, tuple(sorted(static.items())))(traced)  # type: ignore[arg-type]
    results = results if isinstance(results, tuple) else (results,)
    return {name: np.asarray(result) for name, result in zip(block.declaration.outputs, results, strict=True)}


def while_reading(declaration: Declaration, values: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Compute a block of one output from an image on disk, in the precision of this process."""
    from pydra_diffconn import files

    assert declaration.streamed is not None
    with files.reading(values[declaration.main_input].path):
        result = declaration.streamed(**values)
    return {next(iter(declaration.outputs)): np.asarray(result, dtype=pydra_compat.precision())}


def _in_precision(value: Any, real: str) -> Any:
    floating = isinstance(value, np.ndarray) and np.issubdtype(value.dtype, np.floating)
    return value.astype(real, copy=False) if floating else value


@functools.lru_cache(maxsize=256)
def _compiled(block: type[BlockTask], static: tuple) -> Callable:
    """Return one compiled function per block and static arguments: compiling anew costs more than most blocks."""
    import jax

    keep_compiled()
    fixed = dict(static)
    return jax.jit(lambda traced: block.pure(**traced, **fixed))


def _refuse_new_nan(declaration: Declaration, values: Mapping[str, Any], results: Mapping[str, np.ndarray]) -> None:
    for name, result in results.items():
        if np.issubdtype(result.dtype, np.floating) and not np.all(np.isfinite(result)):
            count = int(np.sum(~np.isfinite(result)))
            given = {key: plain(value) for key, value in values.items() if np.ndim(value) == 0}
            raise ValueError(
                f"{declaration.name}: {count} of {result.size} values of '{name}' are not finite, with {given}; "
                "look for missing values or infinities in the inputs, or an input without variance"
            )


def define(
    wrapped: Callable | None = None,
    /,
    *,
    outputs: Sequence[str],
    linear_in: str | None = None,
    acts_along: str | None = None,
    version: str = "1",
    check: Callable[[Mapping[str, Any]], None] | None = None,
    infer: Mapping[str, Callable[[Mapping[str, Any]], Any]] | None = None,
    streamed: Callable[..., Any] | None = None,
    mixes: str | None = None,
    writes: bool = True,
) -> Any:
    """Turn a pure JAX function into a Pydra task class.

    Parameters
    ----------
    outputs : list of str
        Names of the outputs, in the order of the returned arrays.
    linear_in : str, optional
        The data argument in which the block is linear; a fact that the planner may use.
    acts_along : {"time", "space"}, optional
        The axis along which the block mixes values, each line along it in the same way.
    version : str
        Part of the cache key: raise it whenever the numbers change.
    check : callable, optional
        Called outside the compiled program with the known argument values; raises ValueError on bad ones.
    infer : mapping, optional
        Static arguments that follow from the data: name to a function of the known argument values.
    streamed : callable, optional
        The same block in NumPy on an image that is still on disk; called with the arguments by name, the main one being
        a `files.ImageSeries`, outside the compiled program.
    mixes : str, optional
        The parameter on the simplex that mixes the data arguments of the main input's dimensions; a corner must give
        one of them unchanged, so that a program need not compute the others.
    writes : bool
        Whether the outputs are files if the main input is one; else they are arrays in any case.

    The signature is the declaration: jaxtyping arrays are data (an array or a file), `Annotated[float, Parameter(...)]`
    is learnable, a bare `float` is a traced number, everything else is static. `key` names a random key.
    """

    def make(function: Callable) -> type[BlockTask]:
        arguments = {a.name: a for a in map(_argument, _signature(function))}
        _refuse_unknown_bounds(function.__name__, arguments)
        declaration = Declaration(
            name=function.__name__,
            namespace=function.__module__.partition(".")[0],
            version=version,
            arguments=types.MappingProxyType(arguments),
            outputs=types.MappingProxyType(dict(zip(outputs, _return_dims(function), strict=True))),
            linear_in=linear_in,
            acts_along=acts_along,
            check=check,
            infer=types.MappingProxyType(dict(infer or {})),
            streamed=streamed,
            mixes=mixes,
            writes=writes,
        )
        return _task_class(function, declaration)

    return make if wrapped is None else make(wrapped)


def _task_class(function: Callable, declaration: Declaration) -> type[BlockTask]:
    name = declaration.name
    helps, _ = parse_doc_string(function.__doc__)
    inputs = {a.name: _field(a, helps.get(a.name, "")) for a in declaration.arguments.values()}
    if any(a.dims == "time space" for a in declaration.arguments.values()):
        help_ = "Image or array of the locations to use, for images"
        inputs["mask"] = python.arg(name="mask", type=Data | None, default=None, help=help_)
    inputs["function"] = python.arg(name="function", type=Callable, default=function, hash_eq=True)
    outputs = {output: python.out(name=output, type=Data) for output in declaration.outputs}
    block = build_task_class(python.Task, python.Outputs, inputs, outputs, name=name, bases=(BlockTask,))
    # Pydra leaves the classes in a module of its own, where no other process would find them
    block.__module__ = block.Outputs.__module__ = function.__module__
    block.__qualname__, block.Outputs.__qualname__ = name, f"{name}.Outputs"
    function.__qualname__ = f"{name}.pure"
    block.__doc__ = function.__doc__
    block.declaration, block.pure = declaration, staticmethod(function)
    block.check = staticmethod(declaration.check or (lambda arguments: None))
    pydra_compat.declare_version(name, f"{declaration.id}@{declaration.version}")
    return block


def _signature(function: Callable) -> list[tuple[inspect.Parameter, Any]]:
    hints = typing.get_type_hints(function, include_extras=True)
    return [(parameter, hints[parameter.name]) for parameter in inspect.signature(function).parameters.values()]


def _argument(declared: tuple[inspect.Parameter, Any]) -> Argument:
    signature, hint = declared
    parameter = None
    if typing.get_origin(hint) is typing.Annotated:
        hint, *extras = typing.get_args(hint)
        parameter = next((extra for extra in extras if isinstance(extra, Parameter)), None)
        if parameter is not None and not hasattr(parameter.constraint, "describe"):
            raise TypeError(
                f"{signature.name}: {parameter.constraint!r} is no constraint, such as constraints.positive"
            )
    options = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    kept = [option for option in options if option is not type(None)]
    dims = getattr(kept[0], "dim_str", "")
    if parameter is not None:
        role = "parameter"
    elif hasattr(kept[0], "dim_str"):
        role = "data"
    else:
        role = "number" if kept[0] is float else "static"
    return Argument(signature.name, role, dims, len(kept) < len(options), signature.default, parameter)


def _refuse_unknown_bounds(block: str, arguments: Mapping[str, Argument]) -> None:
    for argument in arguments.values():
        constraint = argument.parameter.constraint if argument.parameter else None
        for bound in (getattr(constraint, "lower", None), getattr(constraint, "upper", None)):
            name = constraints.named(bound)
            if name is not None and name not in arguments:
                raise TypeError(f"{block}: {argument.name} is bounded by {name!r}, which is no argument of it")


def _return_dims(function: Callable) -> list[str]:
    returned = typing.get_type_hints(function, include_extras=True)["return"]
    parts = typing.get_args(returned) if typing.get_origin(returned) is tuple else (returned,)
    return [part.dim_str for part in parts]


def _field(argument: Argument, help_: str) -> python.arg:
    """Return the Pydra field of one argument; the help says unit, range and start value."""
    type_: Any
    if argument.role == "data" or argument.dims:
        type_, converter = Data, _as_key if argument.name == "key" else _as_data
    elif argument.role in ("number", "parameter"):
        type_, converter = float, _as_number
    else:
        type_, converter = _static_type(argument), None
    parameter = argument.parameter
    if parameter is not None:
        facts = ", ".join(filter(None, [parameter.help, parameter.unit, f"in {parameter.constraint.describe()}"]))
        help_ = f"{help_} ({facts})".strip()
    settings = {} if argument.default is inspect.Parameter.empty else {"default": argument.default}
    type_ = type_ | None if argument.optional else type_
    return python.arg(name=argument.name, type=type_, help=help_, converter=converter, **settings)


def _static_type(argument: Argument) -> Any:
    default = argument.default
    return type(default) if isinstance(default, bool | int | str) else Any


def _as_data(value: Any) -> Any:
    """Let lists, JAX arrays and data frames stand for the arrays they are; files and lazy values pass."""
    if value is None or value is attrs.NOTHING or is_lazy(value) or isinstance(value, np.ndarray | File | str | Path):
        return value
    if isinstance(value, Learn) and value.init is None:
        return value.as_array()
    if pydra_compat.is_split_list(value):
        return value
    if isinstance(value, list | tuple) or hasattr(value, "__array__"):
        return np.asarray(value)
    return value


def _as_key(value: Any) -> Any:
    """Let a seed, or a key of JAX, stand for the integers that make a key."""
    if isinstance(value, int):
        return np.asarray(value)
    if type(value).__module__.startswith("jax"):
        import jax

        is_key = jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key)
        return np.asarray(jax.random.key_data(value) if is_key else value)
    return _as_data(value)


def _as_number(value: Any) -> Any:
    if value is None or value is attrs.NOTHING or is_lazy(value) or isinstance(value, float | str):
        return value
    return float(value) if np.ndim(value) == 0 and hasattr(value, "__float__") else value
