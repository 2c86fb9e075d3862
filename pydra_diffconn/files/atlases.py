"""Atlases and other maps: a number for each place of a series, or several."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pydra_diffconn.files import tables
from pydra_diffconn.files.images import format_of
from pydra_diffconn.files.opening import FileError, kind_of, reading
from pydra_diffconn.files.spaces import Space
from pydra_diffconn.files.volumes import load_image


def read_labels(path: str | Path, space: Space | None, name: str = "labels") -> np.ndarray:
    """Read an atlas as one integer per column of `space`; it must lie on the same grid."""
    labels = read_map(path, space, name)
    if not np.all(np.equal(np.mod(labels, 1), 0)):
        raise FileError(f"{path} has values that are no integers; expected a label image (dseg)")
    return labels


def read_map(path: str | Path, space: Space | None, name: str) -> np.ndarray:
    """Read one number for each column of `space`: a map of the same places, or a table's column."""
    path = Path(path)
    with reading(path):
        if kind_of(path) != "image":
            values = tables.read_column(path, name)
        else:
            image = load_image(path)
            form = format_of(image, path)
            values = form.read_map(image, path, _comparable(form.KIND, path, space))
    if space is not None and space.index is not None and values.size == int(np.prod(space.grid)):
        values = values[space.index]
    if space is not None and values.size != space.size:
        raise FileError(
            f"{path} has {values.size} {name}, {space.source} {space.size} locations; are both in one space?"
        )
    return values


def read_maps(path: str | Path, space: Space | None) -> np.ndarray:
    """Read soft maps of the places of `space`, (parcels, space): a 4D image, CIFTI, GIFTI, or a table of that shape."""
    path = Path(path)
    with reading(path):
        if kind_of(path) != "image":
            maps = tables.read_named(path)[0]
        else:
            image = load_image(path)
            form = format_of(image, path)
            maps = form.read_maps(image, path, _comparable(form.KIND, path, space))
    bad = ~np.isfinite(maps)
    if bad.any():
        parcel, place = np.argwhere(bad)[0]
        raise FileError(
            f"{path}: {int(bad.sum())} values are not finite, the first in map {parcel}, place {place}; set them to 0"
        )
    if space is not None and space.index is not None and maps.shape[1] == int(np.prod(space.grid)):
        maps = maps[:, space.index]
    return np.ascontiguousarray(maps, dtype=np.float64 if maps.dtype == np.float64 else np.float32)


def _comparable(kind: str, path: Path, space: Space | None) -> Space | None:
    """Return what a map must lie in; a table has no place, and another kind of image another one."""
    if space is None or space.kind == "table":
        return None
    if space.kind != kind:
        raise FileError(f"{path} is {kind.upper()}, {space.source} {space.kind.upper()}; use an atlas of the same kind")
    return space
