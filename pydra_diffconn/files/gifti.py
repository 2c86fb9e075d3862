"""GIFTI runs on one surface: an array per frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pydra_diffconn.files.spaces import Space

KIND = "gifti"


def opens(image: Any) -> bool:
    """Say whether an image is of this format."""
    return hasattr(image, "darrays")


def read_series(image: Any, path: Path) -> tuple[np.ndarray, Space]:
    """Read a run as (time, space)."""
    data = np.stack([part.data for part in image.darrays])
    return data, Space(KIND, path, data.shape[1], (data.shape[1],), template=image)


def read_labels(image: Any, path: Path, space: Space | None) -> np.ndarray:
    """Read one number for each vertex."""
    return np.asarray(image.darrays[0].data)


def write_series(array: np.ndarray, space: Space, stem: Path) -> Path:
    """Write (time, space) with the metadata of the input."""
    import nibabel as nib

    path = stem.with_name(stem.name + ".func.gii")
    parts = [
        nib.gifti.GiftiDataArray(row, "NIFTI_INTENT_TIME_SERIES", f"NIFTI_TYPE_{row.dtype.name.upper()}")
        for row in array
    ]
    nib.save(nib.gifti.GiftiImage(meta=space.template.meta, darrays=parts), path)
    return path
