"""GIFTI: an array for each frame or map, on one surface."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from pydra_diffconn.files.opening import FileError
from pydra_diffconn.files.spaces import Space

KIND = "gifti"
STRUCTURE = "AnatomicalStructurePrimary"
GEOMETRY = ("NIFTI_INTENT_POINTSET", "NIFTI_INTENT_TRIANGLE")
SIDES = {"l": "CortexLeft", "r": "CortexRight"}


def opens(image: Any) -> bool:
    """Say whether an image is of this format."""
    return hasattr(image, "darrays")


def read_series(image: Any, path: Path) -> tuple[np.ndarray, Space]:
    """Read a run as (time, space)."""
    _refuse(image, path, (*GEOMETRY, "NIFTI_INTENT_LABEL"), "a run, an array for each frame (.func.gii)")
    data = _stacked(image, path)
    return data, Space(KIND, path, data.shape[1], (data.shape[1],), template=image)


def _refuse(image: Any, path: Path, intents: tuple[str, ...], expected: str) -> None:
    import nibabel as nib

    for part in image.darrays:
        intent = nib.nifti1.intent_codes.niistring[part.intent]
        if intent in intents:
            found = (
                "a surface" if intent in GEOMETRY else intent.removeprefix("NIFTI_INTENT_").lower().replace("_", " ")
            )
            raise FileError(f"{path} holds {found}; expected {expected}")


def _stacked(image: Any, path: Path) -> np.ndarray:
    shapes = {part.data.shape for part in image.darrays}
    if len(shapes) > 1 or len(next(iter(shapes))) != 1:
        raise FileError(f"{path} has arrays of shapes {sorted(shapes)}; expected one number for each vertex in each")
    return np.stack([part.data for part in image.darrays])


def read_map(image: Any, path: Path, space: Space | None) -> np.ndarray:
    """Read one number for each vertex of the structure of `space`."""
    _refuse(image, path, (*GEOMETRY, "NIFTI_INTENT_TIME_SERIES"), "one map of labels or numbers (.label.gii)")
    if len(image.darrays) > 1:
        raise FileError(
            f"{path} holds {len(image.darrays)} maps; choose one: wb_command -metric-merge (or -label-merge) one.gii "
            f"-metric {path.name} -column 1"
        )
    return read_maps(image, path, space)[0]


def read_maps(image: Any, path: Path, space: Space | None) -> np.ndarray:
    """Read maps (parcels, space) of the structure of `space`."""
    if space is not None:
        ours, theirs = structure(image, path), structure(space.template, space.source)
        if ours and theirs and ours != theirs:
            raise FileError(f"{path} is of {ours}, {space.source} of {theirs}; use the file of the same structure")
    return _stacked(image, path)


def structure(image: Any, path: Path) -> str:
    """Return what surface a file is of, by its metadata or else its name; empty if neither says."""
    for meta in (image.meta, *(part.meta for part in image.darrays)):
        if meta.get(STRUCTURE):
            return str(meta[STRUCTURE])
    found = re.search(r"(?:^|_)hemi-([LR])(?:_|\.)|^([lr])h\.|\.([LR])\.", path.name)
    return SIDES[next(filter(None, found.groups())).lower()] if found else ""


def label_names(image: Any) -> dict[int, str]:
    """Return the names in the label table, without that of the background."""
    return {int(one.key): str(one.label) for one in image.labeltable.labels if one.key != 0 and one.label}


def time_step(image: Any) -> float | None:
    """Return the step between frames that the metadata state: in seconds or, as FreeSurfer writes it, milliseconds."""
    for meta in (image.meta, *(part.meta for part in image.darrays)):
        try:
            step = float(meta.get("TimeStep", ""))
        except ValueError:
            continue
        if np.isfinite(step) and step > 0:
            return step
    return None


def write_maps(array: np.ndarray, space: Space, stem: Path) -> Path:
    """Write (maps, space) for the surface of the input."""
    import nibabel as nib

    path = stem.with_name(stem.name + ".shape.gii")
    parts = [
        nib.gifti.GiftiDataArray(row, "NIFTI_INTENT_NONE", f"NIFTI_TYPE_{row.dtype.name.upper()}") for row in array
    ]
    meta = {name: value for name, value in space.template.meta.items() if name == STRUCTURE}
    nib.save(nib.gifti.GiftiImage(meta=nib.gifti.GiftiMetaData(meta), darrays=parts), path)
    return path


def write_series(array: np.ndarray, space: Space, stem: Path) -> Path:
    """Write (time, space) with the metadata of the input."""
    import nibabel as nib

    path = stem.with_name(stem.name + ".func.gii")
    parts = [
        nib.gifti.GiftiDataArray(row, "NIFTI_INTENT_TIME_SERIES", f"NIFTI_TYPE_{row.dtype.name.upper()}")
        for row in array
    ]
    for part, given in zip(parts, space.template.darrays, strict=False):
        part.meta = given.meta
    nib.save(nib.gifti.GiftiImage(meta=space.template.meta, darrays=parts), path)
    return path
