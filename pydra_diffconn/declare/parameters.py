"""Declaring a parameter (`Parameter`), marking one to be learned (`Learn`), saving and loading learned values."""

from __future__ import annotations

import importlib.util
import json
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pydra_diffconn import constraints

FORMAT_VERSION = "1"


@dataclass(frozen=True)
class Parameter:
    """What a block's author says of a learnable argument: where it may live, its unit, one line of help."""

    constraint: constraints.Constraint = constraints.real
    unit: str = ""
    help: str = ""


class Learn:
    """Mark a parameter as learnable, in place of its number or in `fit(..., learn={"Block.parameter": Learn()})`.

    Parameters
    ----------
    init : float or array, optional
        Start value; by default the value that stands there (from outside) or the block's declared default.
    within : (float, float), optional
        A narrower interval, in the parameter's unit.
    share : str, optional
        Parameters with the same name are one value.
    per : str, optional
        One value for each subject (or whatever the runs are labelled by in `fit`), drawn to the group's value.

    A `Learn` is itself the number (or array) of its start value: a classical run computes with it, and it
    passes wherever that number passes.

    >>> Learn(0.01) == 0.01
    True
    """

    init: Any
    within: tuple[float, float] | None
    share: str | None
    per: str | None
    name: str | None
    """Set when a workflow is read: the workflow input or node field that holds the mark."""

    def __new__(
        cls,
        init: Any = None,
        within: tuple[float, float] | None = None,
        share: str | None = None,
        per: str | None = None,
    ) -> Learn:
        if within is not None and not within[0] < within[1]:
            raise ValueError(f"Learn(within={within}): the first bound must be below the second")
        learn: Any
        if init is None or np.ndim(init) == 0:
            learn = float.__new__(_LearnNumber, np.nan if init is None else init)
        else:
            learn = np.array(init, dtype=float).view(_LearnArray)
        learn.init = None if init is None else plain(learn)
        learn.within = within
        learn.share = share
        learn.per = per
        learn.name = None
        return learn

    def as_array(self) -> Learn:
        """Return the same mark, without a start value, as one that stands where an array is expected."""
        learn: Any = np.empty(0).view(_LearnArray)
        learn.init, learn.within, learn.share, learn.per, learn.name = (
            None,
            self.within,
            self.share,
            self.per,
            self.name,
        )
        return learn

    def __repr__(self) -> str:
        shown = {"init": self.init, "within": self.within, "share": self.share, "per": self.per}
        return f"Learn({', '.join(f'{key}={value!r}' for key, value in shown.items() if value is not None)})"

    def __reduce__(self) -> Any:
        return _rebuild, (self.init, self.within, self.share, self.name, self.per)

    def __deepcopy__(
        self, memo: Any
    ) -> Learn:  # Pydra copies constructed workflows; an array's own copy loses the mark
        return _rebuild(self.init, self.within, self.share, self.name, self.per)

    def __bytes_repr__(self, cache: Any) -> Iterator[bytes]:
        """Hash apart from the plain number: a workflow built around a mark is another workflow (Pydra's hook)."""
        yield b"pydra_diffconn.Learn:"
        yield repr((self.within, self.share, self.per, self.name)).encode()
        if self.init is not None:
            array = np.asarray(self.init)
            yield repr((array.shape, array.dtype.str)).encode()
            yield array.tobytes()


class _LearnNumber(Learn, float):
    __hash__ = float.__hash__


class _LearnArray(Learn, np.ndarray):
    pass


def _rebuild(init: Any, within: Any, share: str | None, name: str | None, per: str | None = None) -> Learn:
    learn = Learn(init, within, share, per)
    learn.name = name
    return learn


def plain(value: Any) -> Any:
    """Return the number or array that a `Learn` stands for; anything else unchanged."""
    if isinstance(value, _LearnNumber):
        return float(value)
    if isinstance(value, _LearnArray):
        return np.array(value).view(np.ndarray)
    return value


@dataclass(frozen=True)
class LearnedParameter:
    """One parameter before and after learning, with all that is needed to read it years later."""

    name: str
    value: Any
    start: Any
    unit: str
    constraint: str
    block: str
    block_version: str
    targets: tuple[str, ...] = field(default=())
    """The workflow input or the node fields (`node.field`) that hold it."""
    distribution: str = ""
    """What the block was installed from, as pip names it: `diffconn-highpass==1.0`."""


def save_parameters(folder: str | Path, parameters: list[LearnedParameter]) -> None:
    """Write `parameters.safetensors` (values, exact) and `parameters.json` (the same, to be read) into `folder`."""
    from safetensors.numpy import save_file

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    described = {}
    for parameter in parameters:
        entry = asdict(parameter)
        del entry["name"]
        described[parameter.name] = {key: _jsonable(value) for key, value in entry.items()}
    metadata = {"format_version": FORMAT_VERSION, "parameters": json.dumps(described)}
    tensors = {parameter.name: np.array(parameter.value, dtype=np.float64) for parameter in parameters}
    save_file(tensors, folder / "parameters.safetensors", metadata=metadata)
    readable = {"format_version": FORMAT_VERSION, "parameters": described}
    (folder / "parameters.json").write_text(json.dumps(readable, indent=2) + "\n")


def load_parameters(folder: str | Path) -> list[LearnedParameter]:
    """Read what `save_parameters` wrote; `folder` may also be the `.safetensors` file itself.

    Raises
    ------
    ValueError
        If the file is of another format version or holds no description of its parameters.
    """
    from safetensors import safe_open

    path = Path(folder)
    path = path / "parameters.safetensors" if path.is_dir() else path
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; expected a folder written by result.save(folder)")
    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata() or {}
        if metadata.get("format_version") != FORMAT_VERSION:
            raise ValueError(
                f"{path}: format version {metadata.get('format_version')!r}, this package reads {FORMAT_VERSION!r}"
            )
        values = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - the handle itself cannot be iterated
    loaded = []
    for name, entry in json.loads(metadata["parameters"]).items():
        value = values[name]
        entry["value"] = float(value) if value.ndim == 0 else value
        entry["start"] = np.array(entry["start"]) if isinstance(entry["start"], list) else entry["start"]
        loaded.append(LearnedParameter(name=name, **{**entry, "targets": tuple(entry["targets"])}))
    for one in loaded:
        if importlib.util.find_spec(one.block.partition(":")[0]) is None:
            warnings.warn(f"{one.name} was learned for {one.block}; {_install(one)}", stacklevel=2)
    return loaded


def require_blocks(parameters: list[LearnedParameter]) -> None:
    """Refuse parameters whose block is not installed, saying what to install."""
    for one in parameters:
        if importlib.util.find_spec(one.block.partition(":")[0]) is None:
            raise ModuleNotFoundError(f"{one.name} was learned for {one.block}, not installed here; {_install(one)}")


def _install(parameter: LearnedParameter) -> str:
    return f"pip install {parameter.distribution or parameter.block.partition(':')[0]}"


def values_of(parameters: Mapping[str, Any] | list[LearnedParameter]) -> dict[str, Any]:
    """Return {name: value} from a loaded list or from a mapping that already is one."""
    if isinstance(parameters, Mapping):
        return dict(parameters)
    return {parameter.name: parameter.value for parameter in parameters}


def _jsonable(value: Any) -> Any:
    return np.asarray(value).tolist() if isinstance(value, np.ndarray | np.generic) else value
