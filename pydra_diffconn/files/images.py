"""Images at the boundary: NIfTI, CIFTI, GIFTI and tables in, the same kind out.

Inside, a series is an array (time, space); a `Space` remembers where its columns lie, so that labels can be read in
the same order and a result can be written with the geometry of its input. A format is a module with `KIND`, `opens`,
`read_series` (or `open_series`, for what is read when it is needed), `read_map`, `read_maps`,
`write_series` and `write_maps`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pydra_diffconn.files import cifti, gifti, nifti, tables
from pydra_diffconn.files.opening import FileError, kind_of, reading
from pydra_diffconn.files.series import ImageSeries
from pydra_diffconn.files.spaces import Space
from pydra_diffconn.files.volumes import load_image

NO_MASK = "a mask chooses among the voxels of a volume, and this is none; leave the mask out, or choose the columns"
FORMATS: tuple[Any, ...] = (gifti, cifti, nifti)
"""Asked in this order; the first that opens an image is its format."""


def format_of(image: Any, path: Path) -> Any:
    """Return the module of an image's format."""
    for one in FORMATS:
        if one.opens(image):
            return one
    raise FileError(f"{path} has shape {image.shape}; expected a volume, a CIFTI or a GIFTI file")


def open_series(path: str | Path, mask: Any = None, gaps: bool = False) -> tuple[Any, Space]:
    """Return a run, (time, space), and where its columns lie; an image of volumes or grayordinates is only opened.

    Parameters
    ----------
    path : path
        4D NIfTI, CIFTI dtseries or ptseries, GIFTI with one array per frame, or a TSV with one column per parcel.
    mask : path or array, optional
        For volumes: the voxels to read.
    gaps : bool
        Whether values may be missing, as on a medial wall.
    """
    path = Path(path)
    with reading(path):
        if kind_of(path) != "image":
            if mask is not None:
                raise FileError(f"{path}: {NO_MASK}")
            array, names = tables.read_table(path)
            return array, Space("table", path, len(names), (len(names),), names=names)
        image = load_image(path)
        form = format_of(image, path)
        if form is nifti:
            return nifti.open_series(image, path, mask)
        if mask is not None:
            raise FileError(f"{path}: {NO_MASK}")
        if form is cifti:
            series, space = cifti.open_series(image, path)
            if series.is_complete():
                return series, space
            data = series.dense()  # where places have no data is seen in all frames only
        else:
            data, space = form.read_series(image, path)
    if not gaps:
        refuse_missing(data, path)
    return np.ascontiguousarray(data, dtype=np.float64 if data.dtype == np.float64 else np.float32), space


def read_series(series: ImageSeries, gaps: bool = False) -> np.ndarray:
    """Read an image that was opened, (time, space)."""
    data = series.dense()
    if not gaps:
        refuse_missing(data, series.path)
    return data


def read_timeseries(path: str | Path, mask: Any = None) -> tuple[np.ndarray, Space]:
    """Read a run as (time, space); see `open_series`."""
    opened, space = open_series(path, mask)
    return (read_series(opened) if isinstance(opened, ImageSeries) else opened), space


def refuse_missing(data: np.ndarray, path: Path) -> None:
    """Refuse missing values, naming the file and the first place."""
    with np.errstate(invalid="ignore", over="ignore"):
        if np.isfinite(np.sum(data, dtype=np.float64)):
            return
    bad = ~np.isfinite(data)
    if not bad.any():
        return
    frame, column = np.argwhere(bad)[0]
    nowhere = int(np.isnan(data).all(axis=0).sum())
    hint = (
        f"{nowhere} locations are NaN in all frames, as on a medial wall: average parcels first (Parcellate needs "
        "none of them), or leave them out"
        if nowhere
        else "mask those locations or mend the image"
    )
    raise FileError(
        f"{path}: {int(bad.sum())} values are not finite, the first in frame {frame}, location {column}; {hint}"
    )


def write_timeseries(array: np.ndarray, space: Space, stem: Path) -> Path:
    """Write (time, space) as the kind of file it came from: its geometry, repetition time and precision."""
    if space.kind == "table":
        return tables.write_table(array, space.names, stem.with_name(stem.name + ".tsv"))
    return next(one for one in FORMATS if space.kind == one.KIND).write_series(array, space, stem)


def write_maps(array: np.ndarray, space: Space, stem: Path) -> Path:
    """Write (maps, space) as an image on the grid of the run that they were made of."""
    return next(one for one in FORMATS if space.kind == one.KIND).write_maps(array, space, stem)
