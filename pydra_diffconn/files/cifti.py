"""CIFTI runs: grayordinates (dtseries) or parcels (ptseries) by time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pydra_diffconn.files.spaces import Space

KIND = "cifti"


def opens(image: Any) -> bool:
    """Say whether an image is of this format."""
    return image.__class__.__name__ == "Cifti2Image"


def read_series(image: Any, path: Path) -> tuple[np.ndarray, Space]:
    """Read a run as (time, space)."""
    data = np.asarray(image.dataobj)
    return data, Space(KIND, path, data.shape[1], (data.shape[1],), template=image)


def read_labels(image: Any, path: Path, space: Space | None) -> np.ndarray:
    """Read one number for each grayordinate; those of `space` must be the same."""
    if space is not None and space.kind == KIND and image.header.get_axis(1) != space.template.header.get_axis(1):
        raise ValueError(
            f"{path} and {space.source} have different brain models ({image.shape[1]} and {space.size} grayordinates); "
            "use an atlas in the same space and density, with the same medial wall"
        )
    return np.asarray(image.dataobj)[0]


def label_names(image: Any) -> dict[int, str]:
    """Return the names in the label table of a dlabel file, without that of the background."""
    table = image.header.get_axis(0).label[0]
    return {int(key): name for key, (name, _) in table.items() if key != 0}


def write_series(array: np.ndarray, space: Space, stem: Path) -> Path:
    """Write (time, space) with the axes of the input: the same grayordinates, the first frames."""
    import nibabel as nib

    path = stem.with_name(f"{stem.name}.{'.'.join(space.source.name.split('.')[-2:])}")
    axes = [space.template.header.get_axis(0)[: len(array)], space.template.header.get_axis(1)]
    image = nib.Cifti2Image(array, axes, nifti_header=space.template.nifti_header)
    image.nifti_header.set_data_dtype(array.dtype)
    nib.save(image, path)
    return path
