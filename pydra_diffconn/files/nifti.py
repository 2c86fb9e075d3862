"""Volumes by time, read now or later: NIfTI, and what else has a grid; written as NIfTI."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pydra_diffconn.files.opening import FileError
from pydra_diffconn.files.spaces import Space, mask_index, require_same_grid
from pydra_diffconn.files.volume_series import VolumeSeries
from pydra_diffconn.files.volumes import values_of

KIND = "nifti"
SECONDS = {"sec": 1.0, "msec": 1e-3, "usec": 1e-6}


def opens(image: Any) -> bool:
    """Say whether an image is a volume, of whatever format with a grid."""
    return len(image.shape) >= 3


def open_series(image: Any, path: Path, mask: Any = None) -> tuple[VolumeSeries, Space]:
    """Return a run whose frames are read when they are needed, at the voxels of a mask."""
    if len(image.shape) != 4:
        raise FileError(f"{path} has shape {image.shape}; expected a 4D run (x, y, z, time)")
    index = None if mask is None else mask_index(mask, image, path)
    size = int(np.prod(image.shape[:3])) if index is None else index.size
    space = Space(KIND, path, size, image.shape[:3], index, image, tr=repetition_time(image))
    return VolumeSeries(image, path, space.positions), space


def repetition_time(image: Any) -> float | None:
    """Return what the header says, in seconds; None if it says 0 or no unit."""
    zooms = image.header.get_zooms()
    if len(zooms) < 4 or not np.isfinite(zooms[3]) or zooms[3] <= 0:
        return None
    if not hasattr(image.header, "get_xyzt_units"):
        return float(zooms[3]) * 1e-3 if image.__class__.__name__ == "MGHImage" else None
    try:
        unit = image.header.get_xyzt_units()[1]
    except KeyError:  # a number that stands for no unit
        return None
    return float(zooms[3]) * SECONDS[unit] if unit in SECONDS else None


def read_map(image: Any, path: Path, space: Space | None) -> np.ndarray:
    """Read one number for each voxel of the grid, which must be that of `space`."""
    if len(image.shape) > 3 and np.prod(image.shape[3:]) != 1:
        raise FileError(
            f"{path} has shape {image.shape}, several maps; expected one (x, y, z): "
            f"nilearn.image.index_img({path.name!r}, 0) gives the first"
        )
    if space is not None:
        require_same_grid(image, path, space.template, space.source)
    return values_of(image, path).reshape(-1)


def read_maps(image: Any, path: Path, space: Space | None) -> np.ndarray:
    """Read maps (parcels, space) on the grid of `space`."""
    if len(image.shape) != 4:
        raise FileError(f"{path} has shape {image.shape}; expected maps (x, y, z, parcels)")
    if space is not None:
        require_same_grid(image, path, space.template, space.source)
    return values_of(image, path).reshape(-1, image.shape[3]).T


def write_series(array: np.ndarray, space: Space, stem: Path) -> Path:
    """Write (time, space) on the grid of the input, zero where it was masked."""
    import nibabel as nib

    compressed = space.source.name.lower().endswith((".gz", ".mgz"))
    path = stem.with_name(stem.name + (".nii.gz" if compressed else ".nii"))
    shape = (*space.grid, len(array))
    nothing = np.broadcast_to(np.zeros((), array.dtype), shape)  # takes no memory; frames are written one by one
    if isinstance(space.template, nib.Nifti1Pair):
        # a header of its own: the input's may scale integers, which would round these numbers
        header = space.template.header.copy()
        header.set_data_dtype(array.dtype)
        header.set_slope_inter(1, 0)
        header["toffset"] += space.first * header["pixdim"][4]
        single = nib.Nifti2Image if isinstance(header, nib.Nifti2Header) else nib.Nifti1Image
        image: Any = single(nothing, space.template.affine, header)
    else:
        image = nib.Nifti1Image(nothing, space.template.affine)
        image.header.set_zooms((*space.template.header.get_zooms()[:3], space.tr or 0.0))
        image.header.set_xyzt_units("mm", "sec" if space.tr else "unknown")
        image.header["toffset"] = space.first * (space.tr or 0.0)
    with _opened(path, compressed) as stream:
        header = image.header
        header.set_data_offset(0)  # the least that holds the header
        header.write_to(stream)
        stream.write(b"\0" * (header.get_data_offset() - stream.tell()))
        frame = np.zeros(int(np.prod(space.grid)), header.get_data_dtype())
        for values in array:
            frame[space.positions] = values
            stream.write(frame.reshape(space.grid).tobytes(order="F"))
    return path


def write_maps(array: np.ndarray, space: Space, stem: Path) -> Path:
    """Write (maps, space) on the grid of the input, zero where it was masked; one map has no fourth dimension."""
    import nibabel as nib

    path = stem.with_name(stem.name + (".nii.gz" if space.source.name.lower().endswith((".gz", ".mgz")) else ".nii"))
    maps = np.zeros((int(np.prod(space.grid)), len(array)), array.dtype)
    maps[space.positions] = array.T
    maps = maps.reshape(*space.grid, *(() if len(array) == 1 else (len(array),)))
    image: Any = nib.Nifti1Image(maps, space.template.affine)
    if isinstance(space.template, nib.Nifti1Pair):
        for name in ("qform", "sform"):  # and what kind of space it is
            matrix, code = getattr(space.template, f"get_{name}")(coded=True)
            getattr(image, f"set_{name}")(matrix, int(code))
    image.header.set_xyzt_units("mm")
    nib.save(image, path)
    return path


@contextlib.contextmanager
def _opened(path: Path, compressed: bool) -> Iterator[Any]:
    """Open a file to be written; compressed four times as fast as by the standard library."""
    from isal import igzip

    with path.open("wb") as stream:
        if not compressed:
            yield stream
            return
        with igzip.IGzipFile("", "wb", fileobj=stream, mtime=0) as packed:
            yield packed
