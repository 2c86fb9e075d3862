"""An interface of Nipype for every block, from its declaration, and for every other Pydra task.

Classes that are made are pickled by what they are made of, since Nipype keeps the classes of interfaces and of their
outputs in its result files.
"""

from __future__ import annotations

import copyreg
import functools
import inspect
from pathlib import Path
from typing import Any, ClassVar

import attrs
from fileformats.generic import File
from nipype.interfaces.base import BaseInterface, BaseInterfaceInputSpec, TraitedSpec, Undefined, isdefined, traits
from nipype.utils.filemanip import hash_infile, hash_timestamp

from pydra_diffconn import pydra_compat
from pydra_diffconn._version import __version__
from pydra_diffconn.declare.argument import Argument
from pydra_diffconn.declare.task import BlockTask, source_hash
from pydra_diffconn.nipype.computing import computed, with_paths
from pydra_diffconn.nipype.contents import described, names_a_file
from pydra_diffconn.nipype.trait_types import Data, Number

PRECISIONS = ("float32", "float64")
OWN = ("block_version", "precision", "use_gpu")
"""Inputs of every interface that are none of its task."""


class _Made(type):
    """The kind of the interfaces that are made."""


class _MadeSpec(type(BaseInterfaceInputSpec)):
    """The kind of the specifications that are made."""


class _Inputs(BaseInterfaceInputSpec, metaclass=_MadeSpec):
    """The inputs of an interface; the hash knows the content of arrays, all digits, and what is read with a file."""

    def _get_sorteddict(
        self, objekt: Any, dictwithhash: bool = False, hash_method: Any = None, hash_files: bool = True
    ) -> Any:
        from nipype import config

        method = (hash_method or config.get("execution", "hash_method")).lower()
        return described(objekt, hash_timestamp if method == "timestamp" else hash_infile)


class _Outputs(TraitedSpec, metaclass=_MadeSpec):
    """The outputs of an interface."""


class TaskInterface(BaseInterface, metaclass=_Made):
    """A Pydra task as an interface of Nipype: files in and out, or arrays."""

    task_class: ClassVar[Any] = None
    _version = __version__
    _results: dict[str, Any] | None = None

    def _run_interface(self, runtime: Any) -> Any:
        values = values_of(self)
        self._results = computed(self.task_class, values, self.inputs.precision, Path(runtime.cwd))
        return runtime

    def _list_outputs(self) -> dict[str, Any]:
        if self._results is None:
            raise FileNotFoundError(f"{type(self).__name__} has no outputs yet; run it")
        return self._results


def interface(task: Any) -> Any:
    """Return the interface of a Pydra task: of a block, or of a workflow of blocks that is to be one node.

    Parameters
    ----------
    task : task class or task
        Of a class the class of interfaces, `interface(Clean)(tr=2.0)`; of a task an interface with its values.
    """
    kind: Any = task if isinstance(task, type) else type(task)
    if isinstance(task, type) and hasattr(kind, "Outputs"):
        return _class_of(kind)
    if hasattr(kind, "Outputs"):
        if pydra_compat.splitter(task) is not None:
            raise ValueError(f"{type(task).__name__} is split; give it without a split, and use a MapNode or iterables")
        values = dict(pydra_compat.given_values(task))
        return _class_of(kind)(**{name: with_paths(value) for name, value in values.items()})
    raise ValueError(f"{task!r} is no Pydra task; expected a block or a workflow of blocks, such as BandPass")


def values_of(made: TaskInterface) -> dict[str, Any]:
    """Return what was given to an interface, as its task takes it."""
    found = {}
    for name in pydra_compat.field_names(made.task_class):
        value = getattr(made.inputs, name)
        if isdefined(value):
            found[name] = as_task_value(made.task_class, name, value)
    return found


def as_task_value(kind: Any, name: str, value: Any) -> Any:
    """Return one value as a task takes it: a file for the path of one, a tuple for a list of options."""
    argument = argument_of(kind, name)
    if isinstance(value, str) and (argument is None or argument.role == "data" or argument.dims):
        typed = pydra_compat.get_fields(kind)[name].type
        return File(value) if typed is not str and names_a_file(value) else value
    if isinstance(value, list) and argument is not None and argument.role == "static":
        return tuple(value)
    return value


def argument_of(kind: Any, name: str) -> Argument | None:
    """Return how a block declares an argument; a mask is declared by no block."""
    return kind.declaration.arguments.get(name) if issubclass(kind, BlockTask) else None


@functools.cache
def _class_of(kind: Any) -> Any:
    name, module = kind.__name__, _module_of(kind)
    contents = {
        "__doc__": kind.__doc__,
        "__module__": module,
        "__qualname__": name if module == _PUBLIC else kind.__qualname__,
        "task_class": kind,
        "input_spec": _spec(kind, "input"),
        "output_spec": _spec(kind, "output"),
    }
    return _Made(name, (TaskInterface,), contents)


_PUBLIC = __name__.rpartition(".")[0]


def _module_of(kind: Any) -> str:
    """Return where an interface says that it stands: the blocks that are found by name in the public module."""
    from pydra_diffconn.plugins.registry import registry

    known = issubclass(kind, BlockTask) and registry().blocks.get(kind.__name__) is kind
    return _PUBLIC if known else str(kind.__module__)


@functools.cache
def _spec(kind: Any, side: str) -> Any:
    made = _input_traits(kind) if side == "input" else _output_traits(kind)
    base = _Inputs if side == "input" else _Outputs
    own = {"task_class": kind, "side": side, "__module__": __name__}
    return _MadeSpec(f"{kind.__name__}{side.title()}Spec", (base,), {**made, "_made_of": own, "__module__": __name__})


def _input_traits(kind: Any) -> dict[str, Any]:
    names = pydra_compat.field_names(kind)
    if taken := [name for name in OWN if name in names]:
        raise ValueError(f"{kind.__name__} has an input {taken[0]!r}, which every interface has of its own; rename it")
    found = {name: _trait(kind, name) for name in names}
    found["block_version"] = traits.Str(_identity(kind), usedefault=True, desc="block, version and hash of its source")
    # the precision of this process comes first, and is so the default
    own = pydra_compat.precision()
    ordered = sorted(PRECISIONS, key=lambda one: one != own)
    found["precision"] = _Precision(*ordered, usedefault=True, desc="of the numbers that are computed with")
    found["use_gpu"] = traits.Bool(False, usedefault=True, nohash=True, desc="queue this node for a GPU")
    return found


def _output_traits(kind: Any) -> dict[str, Any]:
    dims = kind.declaration.outputs if issubclass(kind, BlockTask) else {}
    described = {name: f"({', '.join(dims[name].split())}), " if name in dims else "" for name in _outputs_of(kind)}
    return {name: traits.Any(desc=f"{one}an array, or a file where one was given") for name, one in described.items()}


def _outputs_of(kind: Any) -> list[str]:
    return pydra_compat.field_names(kind.Outputs)


class _Precision(traits.Enum):
    """The precision of the process in which the interface is made, by default."""

    def get_default_value(self) -> Any:
        """Return it as it is now."""
        return 0, pydra_compat.precision()


def _identity(kind: Any) -> str:
    if issubclass(kind, BlockTask):
        return f"{kind.declaration.id} {kind.declaration.version} {source_hash(kind)}"
    from pydra.utils.hash import hash_function

    return f"{kind.__module__}:{kind.__qualname__} {hash_function(kind)}"


def _trait(kind: Any, name: str) -> Any:
    field, argument = pydra_compat.get_fields(kind)[name], argument_of(kind, name)
    metadata: dict[str, Any] = {"desc": field.help or name}
    default = None if field.default in (attrs.NOTHING, inspect.Parameter.empty) else with_paths(field.default)
    if field.mandatory:
        metadata["mandatory"] = True
    elif default is not None:
        metadata["usedefault"] = True
    if argument is not None and argument.parameter is not None:
        metadata |= {"unit": argument.parameter.unit, "range": argument.parameter.constraint.describe()}
    made = _typed(kind, field, argument, default, metadata)
    if "usedefault" in metadata and isinstance(made, Data | Number):
        made.default_value = default
    return made


def _typed(kind: Any, field: Any, argument: Argument | None, default: Any, metadata: dict[str, Any]) -> Any:
    """Return the trait of one input by what is declared of it."""
    if field.name == "mask" or (argument is not None and (argument.role == "data" or argument.dims)):
        return Data(kind.__name__, argument, **metadata)
    if field.type is float or (argument is not None and argument.role in ("number", "parameter")):
        return Number(kind.__name__, argument, **metadata)
    if argument is not None and argument.options:
        options = (default, *(one for one in (*argument.options, *([None] * argument.optional)) if one != default))
        return traits.Enum(*options, **metadata)
    plain = {bool: traits.Bool, int: traits.Int, str: traits.Str}.get(field.type)
    if plain is None:
        return traits.Any(Undefined if default is None else default, **metadata)
    return plain(**metadata) if default is None else plain(default, **metadata)


def _interface_by_reference(made: Any) -> Any:
    return made.__qualname__ if made.task_class is None else (_class_of, (made.task_class,))


def _spec_by_reference(made: Any) -> Any:
    of = getattr(made, "_made_of", None)
    return made.__qualname__ if of is None else (_spec, (of["task_class"], of["side"]))


copyreg.pickle(_Made, _interface_by_reference)
copyreg.pickle(_MadeSpec, _spec_by_reference)


def is_ours(candidate: Any) -> bool:
    """Say whether an interface is one of ours."""
    return isinstance(candidate, TaskInterface)
