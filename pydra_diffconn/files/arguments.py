"""The one rule for what is read and written as what."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pydra_diffconn.files import tables
from pydra_diffconn.files.atlases import label_names, read_labels, read_maps
from pydra_diffconn.files.images import NO_MASK, open_series, read_series, read_timeseries, write_timeseries
from pydra_diffconn.files.opening import is_table
from pydra_diffconn.files.series import ImageSeries
from pydra_diffconn.files.spaces import Space


def load_arguments(declaration: Any, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Space | None]]:
    """Read the files among a block's arguments; return arrays, and the space of each series that was a file.

    The main input of a block that can compute while reading stays an `ImageSeries`.
    """
    values = dict(values)
    mask = values.pop("mask", None)
    arrays: dict[str, Any] = {}
    spaces: dict[str, Space | None] = {}
    for name, value in values.items():
        argument = declaration.arguments[name]
        loaded, spaces[name] = load_argument(argument, value, mask, spaces.get(declaration.main_input))
        waits = declaration.streamed is not None and name == declaration.main_input
        arrays[name] = loaded if waits or not isinstance(loaded, ImageSeries) else read_series(loaded)
    return arrays, spaces


def is_file(value: Any) -> bool:
    """Say whether an argument is a file rather than an array, a number or nothing."""
    from fileformats.generic import FileSet

    return isinstance(value, FileSet | Path)


def load_argument(argument: Any, value: Any, mask: Any, main: Space | None) -> tuple[Any, Space | None]:
    """Return an argument as every mode sees it: files read, by what is declared; arrays converted.

    Parameters
    ----------
    argument : Argument
        As the block declares it.
    value
        A file, an array, a number, or None.
    mask : path or array, optional
        The locations to read of an image.
    main : Space, optional
        Where the block's main input lies, so that labels and maps are read for the same locations.

    Returns
    -------
    value, Space
        A run in an image is an `ImageSeries`, which is read later; the space is None for what was no file.
    """
    if not is_file(value):
        if mask is not None and argument.dims == "time space" and value is not None:
            raise ValueError(f"{argument.name} is an array: {NO_MASK}")
        return argument.converted(value), None
    if argument.role not in ("data", "parameter"):
        return value, None
    loaded, space = read(Path(str(value)), argument.dims, argument.name, mask, main)
    return argument.converted(loaded), space


def as_array(path: Path, dims: str, name: str) -> np.ndarray:
    """Read an output that was written to a file."""
    found = read(path, dims, name)[0]
    return read_series(found) if isinstance(found, ImageSeries) else found


def read(path: Path, dims: str, name: str, mask: Any = None, main: Space | None = None) -> tuple[Any, Space | None]:
    """Read a file as an array of the declared dimensions; a 4D image of a run is only opened."""
    if dims in ("time space", "time parcels", "..."):
        return open_series(path, mask)
    if dims == "space":
        return read_labels(path, main), None
    if dims == "parcels space" and path.name.endswith((".nii", ".nii.gz")):
        return read_maps(path, main), None
    if len(dims.split()) == 2 and dims.endswith(" space") and not is_table(path) and path.suffix != ".npy":
        return read_timeseries(path, mask)[0], None
    if len(dims.split()) == 1:
        return tables.read_column(path, name), None
    if dims == "parcels parcels":
        matrix, names = tables.read_matrix(path)
        return matrix, Space("table", path, len(names), (len(names),), names=names)
    if path.suffix == ".npy":
        return np.load(path), Space("table", path, 0, (0,))
    array, names = tables.read_table(path)
    return array, Space("table", path, len(names), (len(names),), names=names)


def write_outputs(
    declaration: Any,
    results: Mapping[str, np.ndarray],
    values: Mapping[str, Any],
    spaces: Mapping[str, Space | None],
    folder: Path,
    given: Mapping[str, Any],
) -> dict[str, Any]:
    """Write a block's outputs in the format of their domain: images as images, numbers and tables as TSV.

    What has more than two dimensions is no table and becomes a NumPy file.
    """
    from fileformats.generic import File

    main = spaces[declaration.main_input]
    assert main is not None
    written = {}
    for name, array in results.items():
        dims = declaration.outputs[name]
        names = column_names(array.shape[-1], main, values, given) if array.ndim else [name]
        if array.ndim > 2:
            path = folder / f"{name}.npy"
            np.save(path, array)
        elif array.ndim == 0:
            path = tables.write_table(array.reshape(1, 1), names, folder / f"{name}.tsv")
        elif dims in ("time space", "...") and array.ndim == 2:
            path = write_timeseries(array, main, folder / name)
        elif dims == "parcels parcels":
            path = tables.write_matrix(array, names, folder / f"{name}.tsv")
        elif array.ndim == 1:
            path = tables.write_table(array[:, None], [name], folder / f"{name}.tsv")
        else:
            path = tables.write_table(array, names, folder / f"{name}.tsv")
        written[name] = File(path)
    return written


def column_names(count: int, main: Space, values: Mapping[str, Any], given: Mapping[str, Any]) -> list[str]:
    """Return the names of a table's columns: those of the atlas, those of the input, or numbers."""
    if values.get("parcels"):
        atlas = given.get("labels")
        named = label_names(str(atlas)) if atlas is not None and not isinstance(atlas, np.ndarray) else {}
        return [named.get(label, str(label)) for label in values["parcels"]]
    if main.kind == "table" and len(main.names) == count:
        return list(main.names)
    return [str(number + 1) for number in range(count)]
