"""NIfTI runs: volumes by time, read now or later."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pydra_diffconn.files.series import ImageSeries
from pydra_diffconn.files.spaces import Space, mask_index, require_same_grid

KIND = "nifti"


def opens(image: Any) -> bool:
    """Say whether an image is a volume, of whatever format with a grid."""
    return len(image.shape) >= 3


def open_series(image: Any, path: Path, mask: Any = None) -> tuple[ImageSeries, Space]:
    """Return a run whose frames are read when they are needed, at the voxels of a mask."""
    if len(image.shape) != 4:
        raise ValueError(f"{path} has shape {image.shape}; expected a 4D run (x, y, z, time)")
    index = None if mask is None else mask_index(mask, image, path)
    size = int(np.prod(image.shape[:3])) if index is None else index.size
    space = Space(KIND, path, size, image.shape[:3], index, image)
    return ImageSeries(image, path, space.positions), space


def read_labels(image: Any, path: Path, space: Space | None) -> np.ndarray:
    """Read one number for each voxel of the grid, which must be that of `space`."""
    if space is not None and space.kind == KIND:
        require_same_grid(image, path, space.template, space.source)
    return np.asarray(image.dataobj).reshape(-1)


def write_series(array: np.ndarray, space: Space, stem: Path) -> Path:
    """Write (time, space) on the grid of the input, zero where it was masked."""
    import nibabel as nib

    path = stem.with_name(stem.name + (".nii.gz" if space.source.name.endswith(".gz") else ".nii"))
    volume = np.zeros((int(np.prod(space.grid)), len(array)), dtype=array.dtype)
    volume[space.positions] = array.T
    # a header of its own: the input's may scale integers, which would round these numbers
    header = space.template.header.copy()
    header.set_data_dtype(array.dtype)
    header.set_slope_inter(1, 0)
    image = space.template.__class__(volume.reshape(*space.grid, len(array)), space.template.affine, header)
    nib.save(image, path)
    return path
