"""NIfTI runs, read now or later."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pydra_diffconn.files.opening import _is_table, _load, _refuse_missing, reading
from pydra_diffconn.files.series import ImageSeries
from pydra_diffconn.files.spaces import Space, mask_index


def open_series(path: str | Path, mask: Any = None) -> tuple[ImageSeries, Space] | None:
    """Return a 4D image that is read later, or None if the file is of another kind, which is read at once."""
    path = Path(path)
    if _is_table(path):
        return None
    image = _load(path)
    if hasattr(image, "darrays") or image.__class__.__name__ == "Cifti2Image":
        return None
    if len(image.shape) != 4:
        raise ValueError(f"{path} has shape {image.shape}; expected a 4D run (x, y, z, time)")
    index = None if mask is None else mask_index(mask, image, path)
    size = int(np.prod(image.shape[:3])) if index is None else index.size
    space = Space("nifti", path, size, image.shape[:3], index, image)
    return ImageSeries(image, path, space.positions), space


def read_series(series: ImageSeries) -> np.ndarray:
    """Read an image that was opened, (time, space)."""
    with reading(series.path):
        data = series.dense()
    _refuse_missing(data, series.path)
    return data
