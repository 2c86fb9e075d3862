"""Learned values on disk, and what must be installed to use them."""

from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pydra_diffconn.files import FileError, checksum, json_of, reading, whole_folder
from pydra_diffconn.warn import warn

FORMAT_VERSION = "1"
ARRAYS, READABLE = "parameters.safetensors", "parameters.json"
FEWEST_FITS = 10  # of fewer an interval of 95 % says too little
EXPECTED = "a folder, parameters.safetensors or parameters.json written by result.save(folder)"


@dataclass(frozen=True)
class Uncertainty:
    """How a learned value varies when it is learned again from other people: of a number or of each entry."""

    fits: int
    mean: Any
    sd: Any
    low: Any
    """End of the 95 % interval, in the unit of the value."""
    high: Any
    identified: bool | None = None
    """Whether the data say where in its range a number lies; None where the range is not bounded on both sides."""
    alike: float | None = None
    """The mean correlation of two fits' arrays."""


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
    uncertainty: Uncertainty | None = None
    """What `result.bootstrap()` has found."""


def interval_of(found: Uncertainty) -> str:
    """Return what is known of a learned value, in words."""
    if found.alike is not None:
        return f"two of {found.fits} fits to other people correlate {found.alike:.2f}"
    pairs = zip(np.ravel(found.low), np.ravel(found.high), strict=True)
    words = {True: ", identified", False: ", not identified by these people", None: ""}
    few = ", too few to say more" if found.fits < FEWEST_FITS else ""
    return f"{'; '.join(f'{a:.3g} to {b:.3g}' for a, b in pairs)} in {found.fits} fits{words[found.identified]}{few}"


def save_parameters(folder: str | Path, parameters: list[LearnedParameter]) -> None:
    """Write `parameters.safetensors` (values, exact) and `parameters.json` (the same, to be read) into `folder`.

    Both hold a checksum, and appear only when both are written.
    """
    from safetensors.numpy import save_file

    described = {}
    for parameter in parameters:
        entry = asdict(parameter)
        del entry["name"]
        if parameter.uncertainty is None:
            del entry["uncertainty"]
        described[parameter.name] = {key: _jsonable(value) for key, value in entry.items()}
    told = json.dumps(described)
    metadata = {"format_version": FORMAT_VERSION, "checksum": checksum(told.encode()), "parameters": told}
    tensors = {parameter.name: np.array(parameter.value, dtype=np.float64) for parameter in parameters}
    with whole_folder(folder) as made:
        save_file(tensors, made / ARRAYS, metadata=metadata)
        readable = {**metadata, "parameters": described}
        (made / READABLE).write_text(json.dumps(readable, indent=2) + "\n", encoding="utf-8")


def load_parameters(folder: str | Path) -> list[LearnedParameter]:
    """Read what `save_parameters` wrote; `folder` may also be one of its two files.

    Raises
    ------
    ValueError
        If a file is of another kind or format version, damaged, or not what the one beside it says.
    """
    path = Path(folder)
    if path.is_dir():
        path = path / ARRAYS
        if not path.exists():
            raise FileNotFoundError(f"{path} does not exist; expected a folder written by result.save(folder)")
    with reading(path, EXPECTED):
        described = _from_json(path) if path.suffix == ".json" else _from_arrays(path)
        loaded = [_parameter(name, entry) for name, entry in described.items()]
    for one in loaded:
        if not _is_here(one):
            warn(f"{one.name} was learned for {one.block}; {_install(one)}")
    return loaded


def _from_arrays(path: Path) -> dict[str, Any]:
    from safetensors import safe_open

    if path.suffix != ".safetensors":
        raise FileError(f"{path} is no file of parameters; expected {EXPECTED}")
    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata() or {}
        _require_version(metadata, path)
        values = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - the handle itself cannot be iterated
    described = _described(metadata["parameters"], metadata, path)
    if values.keys() != described.keys() or not all(_same(values[n], described[n]["value"]) for n in values):
        raise FileError(f"{path} is damaged: its values are not those it describes; copy it again, or fit again")
    beside = path.with_name(READABLE)
    if path.name == ARRAYS and beside.exists() and _from_json(beside) != described:
        raise FileError(
            f"{path} and {beside.name} beside it are of different fits; copy both again, or remove the second"
        )
    return described


def _from_json(path: Path) -> dict[str, Any]:
    readable = json_of(path, EXPECTED)
    if not isinstance(readable, dict):
        raise FileError(f"{path} is no file of parameters; expected {EXPECTED}")
    _require_version(readable, path)
    return _described(json.dumps(readable["parameters"]), readable, path)


def _require_version(metadata: Any, path: Path) -> None:
    found = metadata.get("format_version")
    if found != FORMAT_VERSION or "parameters" not in metadata or "checksum" not in metadata:
        raise FileError(
            f"{path} holds format version {found!r}, this package reads {FORMAT_VERSION!r}; expected {EXPECTED}"
        )


def _described(told: str, metadata: Any, path: Path) -> dict[str, Any]:
    """Return what is said of each parameter; the checksum is of its text, in which numbers are exact."""
    if checksum(told.encode()) != metadata["checksum"]:
        raise FileError(
            f"{path} is damaged, or was changed by hand: its checksum is another one; copy it again, or fit again"
        )
    described = json.loads(told)
    assert isinstance(described, dict)
    return described


def _same(value: np.ndarray, told: Any) -> bool:
    expected = np.array(told, dtype=np.float64)
    return value.dtype == expected.dtype and value.shape == expected.shape and value.tobytes() == expected.tobytes()


def _parameter(name: str, entry: dict[str, Any]) -> LearnedParameter:
    arrays = {key: np.array(entry[key]) if isinstance(entry[key], list) else entry[key] for key in ("value", "start")}
    how_sure = entry.get("uncertainty")
    if how_sure is not None:
        read: dict[str, Any] = {n: np.array(v) if isinstance(v, list) else v for n, v in how_sure.items()}
        how_sure = Uncertainty(**read)
    return LearnedParameter(
        name=name, **{**entry, **arrays, "targets": tuple(entry["targets"]), "uncertainty": how_sure}
    )


def require_blocks(parameters: list[LearnedParameter]) -> None:
    """Refuse parameters whose block is not installed, saying what to install."""
    for one in parameters:
        if not _is_here(one):
            raise ModuleNotFoundError(f"{one.name} was learned for {one.block}, not installed here; {_install(one)}")


def _is_here(parameter: LearnedParameter) -> bool:
    """Say whether a block's package can be imported; a script's own module, `__main__`, has no specification."""
    module = parameter.block.partition(":")[0]
    return module in sys.modules or importlib.util.find_spec(module) is not None


def _install(parameter: LearnedParameter) -> str:
    return f"pip install {parameter.distribution or parameter.block.partition(':')[0]}"


def _jsonable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _jsonable(one) for key, one in value.items()}
    return np.asarray(value).tolist() if isinstance(value, np.ndarray | np.generic) else value
