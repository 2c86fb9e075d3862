"""A function becomes a Pydra task: `@block.define`.

The decorated name is a task class; the function stays reachable, plain, as `Block.pure`. What the author wrote in the
signature (shapes, parameters, units, defaults) is read once into `Block.declaration` and used by all other modules.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from fileformats.generic import File
from pydra.compose import python
from pydra.compose.base import build_task_class, parse_doc_string
from pydra.utils.typing import is_lazy

from pydra_diffconn import pydra_compat
from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.argument import Argument
from pydra_diffconn.declare.declaration import Declaration
from pydra_diffconn.declare.freedom import Rule
from pydra_diffconn.declare.inferring import inferring
from pydra_diffconn.declare.padding import EACH, Padding
from pydra_diffconn.declare.parameters import Learn, Parameter
from pydra_diffconn.declare.places import dimension
from pydra_diffconn.declare.task import BlockTask, Data
from pydra_diffconn.numerics.process import in_full_precision, taking_arrays_of_numpy

RESERVED = {"mask", "function", "declaration", "values", "pure", "check", "split", "combine"}
"""Names of a task's own, which no argument of a block can have; `mask` chooses among the voxels of an image."""


def define(
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
    missing: Collection[str] = (),
    columns: Mapping[str, Sequence[str]] | None = None,
    freedom: Rule | None = None,
    skips: bool | None = None,
    varies: bool = False,
    places: Callable[[Mapping[str, Any], np.ndarray | None], np.ndarray] | None = None,
    padding: Padding = None,
) -> Callable[[Callable[..., Any]], type[BlockTask]]:
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
        Static arguments that follow from others: name to a rule, a function of the known argument values. A rule that
        asks for one that is not known yet (`known["labels"]`) is asked again while the function is traced, where the
        shape alone is known of such a value; if that does not do, the user is told to give the argument.
    streamed : callable, optional
        The same block in NumPy on an image that is still on disk; called with the arguments by name, the main one being
        a `files.ImageSeries`, outside the compiled program.
    mixes : str, optional
        The parameter on the simplex that mixes the data arguments of the main input's dimensions; a corner must give
        one of them unchanged, so that a program need not compute the others.
    writes : bool
        Whether the outputs are files if the main input is one; else they are arrays in any case.
    missing : list of str
        Data arguments that may hold missing values (NaN), such as derivatives in the first frame; `check` says where.
    columns : mapping, optional
        Data arguments whose columns differ in meaning: name to the names of the columns, in their order. Of a table
        these are read, whatever the order and what else is in it; without names it is refused.
    freedom : callable, optional
        How the block takes temporal degrees of freedom: called with the arguments and with what was left of each series
        among them, by name; returns what it leaves (`declare.freedom`).
    skips : bool
        Whether a place (a column of the main input, a row and column of a matrix) that holds only zeros leaves the
        results at all other places unchanged. A place without data, NaN throughout, is then left out, and NaN in the
        result; by default so for what acts along time.
    varies : bool
        Whether the result does not exist at a place where nothing varies: it is NaN there, with a warning.
    places : callable, optional
        For outputs with other places than the main input: called with the arguments and a boolean vector, which places
        of the main input have no data (None if all have some); returns which of the outputs have none.
    padding : str or callable, optional
        How a run is computed that was filled up with frames at its end, so that runs of many lengths share one program
        (`declare.padding`); by default each frame by itself for what acts along space, else not at all.

    The signature is the declaration: jaxtyping arrays are data (an array or a file), `Annotated[float, Parameter(...)]`
    is learnable, a bare `float` is a traced number, everything else is static. `key` names a random key. Before
    anything is traced, ranks, dimensions of one name, number types, missing values, bounds and options are checked.
    """

    facts = {"linear_in": linear_in, "acts_along": acts_along, "mixes": mixes, "writes": writes, "version": version}
    rules: dict[str, Any] = {"check": check, "infer": types.MappingProxyType(dict(infer or {})), "streamed": streamed}
    rules |= {"freedom": freedom, "skips": acts_along == "time" if skips is None else skips}
    rules |= {"varies": varies, "places": places}
    rules["padding"] = EACH if padding is None and acts_along == "space" else padding
    named = {name: tuple(names) for name, names in (columns or {}).items()}
    return lambda function: _task_class(function, _declaration(function, outputs, missing, named, {**facts, **rules}))


def _declaration(
    function: Callable[..., Any],
    outputs: Sequence[str],
    missing: Collection[str],
    columns: Mapping[str, tuple[str, ...]],
    facts: Mapping[str, Any],
) -> Declaration:
    """Read a signature."""
    arguments = {a.name: a for a in (_argument(one, missing) for one in _signature(function))}
    if taken := [name for name in arguments if name in RESERVED or name.startswith("_")]:
        raise TypeError(
            f"{function.__name__}: the argument name {taken[0]!r} is reserved ({', '.join(sorted(RESERVED))}, and what "
            "begins with _); give it another name"
        )
    _refuse_unknown_bounds(function.__name__, arguments)
    for name, names in columns.items():
        arguments[name] = replace(_with_columns(function.__name__, arguments, name, names), columns=names)
    first = next((a for a in arguments.values() if a.role == "data"), None)
    if facts["skips"] and first is not None and dimension(first.dims) is not None:
        arguments[first.name] = replace(first, blanks=True)
    return Declaration(
        name=function.__name__,
        namespace=function.__module__.partition(".")[0],
        arguments=types.MappingProxyType(arguments),
        outputs=types.MappingProxyType(dict(zip(outputs, _return_dims(function), strict=True))),
        **facts,
    )


def _task_class(function: Callable[..., Any], declaration: Declaration) -> type[BlockTask]:
    name, function = declaration.name, in_full_precision(taking_arrays_of_numpy(function))
    function = inferring(function, declaration.infer) if declaration.infer else function
    helps, _ = parse_doc_string(function.__doc__)
    inputs = {a.name: _field(a, helps.get(a.name, "")) for a in declaration.arguments.values()}
    if any(a.dims == "time space" for a in declaration.arguments.values()):
        help_ = "Image or array of the locations to use, for images"
        inputs["mask"] = python.arg(name="mask", type=Data | None, default=None, help=help_)
    inputs["function"] = python.arg(name="function", type=Callable, default=function, hash_eq=True)
    outputs = {output: python.out(name=output, type=Data) for output in declaration.outputs}
    block = build_task_class(python.Task, python.Outputs, inputs, outputs, name=name, bases=(BlockTask,))
    pydra_compat.put_beside(block, function)
    function.__qualname__ = f"{name}.pure"
    block.__doc__ = function.__doc__
    block.declaration, block.pure = declaration, staticmethod(function)
    block.check = staticmethod(declaration.checked)
    return block


def _signature(function: Callable[..., Any]) -> list[tuple[inspect.Parameter, Any]]:
    hints = typing.get_type_hints(function, include_extras=True)
    return [(parameter, hints[parameter.name]) for parameter in inspect.signature(function).parameters.values()]


def _argument(declared: tuple[inspect.Parameter, Any], missing: Collection[str]) -> Argument:
    signature, hint = declared
    parameter, bounds = None, None
    if typing.get_origin(hint) is typing.Annotated:
        hint, *extras = typing.get_args(hint)
        parameter = next((extra for extra in extras if isinstance(extra, Parameter)), None)
        bounds = next((extra for extra in extras if hasattr(extra, "contains")), None)
        if parameter is not None and not hasattr(parameter.constraint, "describe"):
            raise TypeError(
                f"{signature.name}: {parameter.constraint!r} is no constraint, such as constraints.positive"
            )
    options = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    kept = [option for option in options if option is not type(None)]
    if parameter is not None:
        role = "parameter"
    elif hasattr(kept[0], "dim_str"):
        role = "data"
    else:
        role = "number" if kept[0] is float else "static"
    if signature.default is None and len(kept) == len(options):
        raise TypeError(
            f"{signature.name} is None by default, and its type does not say so; write `... | None = None` (of an "
            "annotated one inside the Annotated)"
        )
    return Argument(
        signature.name,
        role,
        getattr(kept[0], "dim_str", ""),
        len(kept) < len(options),
        signature.default,
        parameter,
        bounds,
        _whole(kept[0]),
        signature.name in missing,
        typing.get_args(kept[0]) if typing.get_origin(kept[0]) is typing.Literal else (),
    )


def _whole(hint: Any) -> str:
    """Say whether a jaxtyping hint declares whole numbers: `labels`, which are signed, or the words of a `key`."""
    kinds = getattr(hint, "dtypes", ())
    if not isinstance(kinds, list | tuple) or not any(kind.startswith("int") for kind in kinds):
        return ""
    return "key" if any(kind.startswith("uint") for kind in kinds) else "labels"


def _refuse_unknown_bounds(block: str, arguments: Mapping[str, Argument]) -> None:
    for argument in arguments.values():
        constraint = argument.constraint
        for bound in (getattr(constraint, "lower", None), getattr(constraint, "upper", None)):
            name = constraints.named(bound)
            if name is not None and name not in arguments:
                raise TypeError(f"{block}: {argument.name} is bounded by {name!r}, which is no argument of it")


def _with_columns(block: str, arguments: Mapping[str, Argument], name: str, names: Sequence[str]) -> Argument:
    """Return an argument whose columns are named; refuse what has no such argument, or another number of columns."""
    dims = arguments[name].dims.split() if name in arguments else []
    if len(dims) != 2 or (dims[1].isdigit() and int(dims[1]) != len(names)):
        raise TypeError(f"{block}: columns name {len(names)} columns of {name!r}, which is no argument with as many")
    return arguments[name]


def _return_dims(function: Callable[..., Any]) -> list[str]:
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
