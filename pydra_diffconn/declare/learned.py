"""Learned values on disk, and what must be installed to use them."""

from __future__ import annotations

import importlib.util
import json
import sys
import warnings
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

FORMAT_VERSION = "1"


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
        if not _is_here(one):
            warnings.warn(f"{one.name} was learned for {one.block}; {_install(one)}", stacklevel=2)
    return loaded


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
    return np.asarray(value).tolist() if isinstance(value, np.ndarray | np.generic) else value
