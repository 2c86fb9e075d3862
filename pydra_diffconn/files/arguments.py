"""The one rule for what is read and written as what."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pydra_diffconn.files import tables
from pydra_diffconn.files.atlases import read_labels, read_map, read_maps
from pydra_diffconn.files.images import NO_MASK, open_series, read_series, write_maps, write_timeseries
from pydra_diffconn.files.label_tables import names_of
from pydra_diffconn.files.opening import FileError, kind_of, reading
from pydra_diffconn.files.regressors import refuse_whole_table
from pydra_diffconn.files.repetition import check_repetition_time
from pydra_diffconn.files.series import ImageSeries
from pydra_diffconn.files.spaces import Space


@dataclass(frozen=True)
class Wanted:
    """What a file should give."""

    name: str
    dims: str
    whole: bool = False
    """Whether whole numbers are wanted, as labels are."""
    gaps: bool = False
    """Whether values may be missing."""
    columns: tuple[str, ...] = ()
    """The names of its columns, where their order counts."""


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
        read_now = isinstance(loaded, ImageSeries) and not waits
        arrays[name] = read_series(loaded, argument.incomplete) if read_now else loaded
    check_repetition_time(values, spaces.values())
    return arrays, spaces


def is_file(value: Any) -> bool:
    """Say whether an argument is a file rather than an array, a number or nothing."""
    from fileformats.generic import FileSet

    return isinstance(value, FileSet | Path)


@contextlib.contextmanager
def naming_files(values: Mapping[str, Any]) -> Iterator[None]:
    """Let an error about an argument say which file it came from."""
    try:
        yield
    except ValueError as error:
        told = str(error)
        found = [
            f"{name} is {value}"
            for name, value in values.items()
            if is_file(value) and re.search(rf"\b{name}\b", told) and Path(str(value)).name not in told
        ]
        if not found:
            raise
        raise ValueError(f"{told} ({'; '.join(found)})") from None


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
    wanted = Wanted(argument.name, argument.dims, argument.whole == "labels", argument.incomplete, argument.columns)
    loaded, space = read(Path(str(value)), wanted, mask, main)
    _refuse_other_order(space, main)
    return argument.converted(loaded), space


def _refuse_other_order(space: Space | None, main: Space | None) -> None:
    """Refuse a file whose columns have the names of the main input's in another order: they would be mixed up."""
    if space is None or main is None or space.names == main.names or set(space.names) != set(main.names):
        return
    place = next(n for n, (one, other) in enumerate(zip(space.names, main.names, strict=True)) if one != other)
    raise FileError(
        f"{space.source} and {main.source} have the same columns in another order (column {place + 1} is "
        f"{space.names[place]!r} and {main.names[place]!r}); bring them into one order"
    )


def as_array(path: Path, dims: str, name: str) -> np.ndarray:
    """Read an output that was written to a file."""
    found = read(path, Wanted(name, dims))[0]
    return read_series(found) if isinstance(found, ImageSeries) else found


def read(path: Path, wanted: Wanted, mask: Any = None, main: Space | None = None) -> tuple[Any, Space | None]:
    """Read a file as an array of the declared dimensions; a 4D image of a run is only opened."""
    dims, sizes = wanted.dims, wanted.dims.split()
    with reading(path):
        if wanted.columns:
            return _named_columns(path, wanted)
        if dims in ("time space", "time parcels", "..."):
            return open_series(path, mask, wanted.gaps)
        if dims == "space":
            return (read_labels if wanted.whole else read_map)(path, main, wanted.name), None
        if len(sizes) == 2 and sizes[1] == "space" and kind_of(path) == "image":
            return read_maps(path, main), None
        if len(sizes) == 1:
            return tables.read_column(path, wanted.name), None
        if dims == "parcels parcels":
            matrix, names = tables.read_matrix(path)
            return matrix, _table_space(path, names)
        if kind_of(path) == "array":
            return tables.read_array(path), _table_space(path, ())
        array, names = tables.read_table(path)
        if len(sizes) > 1 and sizes[1].startswith(("regressors", "components")):
            refuse_whole_table(path, names)
        return array, _table_space(path, names)


def _table_space(path: Path, names: tuple[str, ...]) -> Space:
    return Space("table", path, len(names), (len(names),), names=names)


def _named_columns(path: Path, wanted: Wanted) -> tuple[np.ndarray, Space]:
    """Read columns by name, whatever their order and what else is in the table; a NumPy file is as an array is."""
    if kind_of(path) == "array":
        return tables.read_array(path), _table_space(path, ())
    return tables.read_columns(path, wanted.columns), _table_space(path, wanted.columns)


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
    if values.get("frames"):  # those that are kept of the input's
        main = replace(main, first=int(values["frames"][0]))
    written = {}
    for name, array in results.items():
        dims = declaration.outputs[name]
        names = column_names(array.shape[-1], main, values, given) if array.ndim else [name]
        if array.ndim > 2:
            path = folder / f"{name}.npy"
            np.save(path, array)
        elif array.ndim == 0:
            path = tables.write_table(array.reshape(1, 1), names, folder / f"{name}.tsv")
        elif dims in ("time space", "...") and array.ndim == 2 and main.kind != "table":
            path = write_timeseries(array, main, folder / name)
        elif dims.endswith("space") and dims != "time space" and main.kind != "table" and array.shape[-1] == main.size:
            path = write_maps(array.reshape(-1, main.size), main, folder / name)
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
        if atlas is None or isinstance(atlas, np.ndarray):
            return [str(label) for label in values["parcels"]]
        return names_of(values["parcels"], str(atlas))
    if len(main.names) == count:
        return list(main.names)
    return [str(number + 1) for number in range(count)]
