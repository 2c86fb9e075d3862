"""Small images of labels, tables of their names and runs, as volumes and as CIFTI."""

from collections.abc import Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd

STEM = "atlas-Own_space-MNI152NLin2009cAsym_res-2"
SHAPE = (12, 10, 8)
AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])
AFFINE[:3, 3] = [-18, -15, -12]
LEFT, RIGHT = "CIFTI_STRUCTURE_CORTEX_LEFT", "CIFTI_STRUCTURE_CORTEX_RIGHT"
VERTICES = 32


def labels_of(parcels: int) -> np.ndarray:
    """Return slabs along x, with a background around them."""
    labels = np.zeros(SHAPE, np.int16)
    inner = labels[1:-1, 1:-1, 1:-1]
    inner[:] = (np.arange(inner.shape[0]) * parcels // inner.shape[0] + 1)[:, None, None]
    return labels


def volume(path: Path, values: np.ndarray, affine: np.ndarray = AFFINE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.Nifti1Image(values.astype(np.float32) if values.dtype.kind == "f" else values, affine).to_filename(path)
    return path


def table(path: Path, index: Sequence[float], name: str = "P") -> Path:
    pd.DataFrame({"index": index, "name": [f"{name}{one}" for one in index]}).to_csv(path, sep="\t", index=False)
    return path


def models(
    left: Sequence[int] = range(10), right: Sequence[int] = range(10), swapped: bool = False, vertices: int = VERTICES
) -> nib.cifti2.BrainModelAxis:
    """Return the grayordinates of two hemispheres; all other vertices are medial wall."""
    parts = [
        nib.cifti2.BrainModelAxis.from_surface(np.array(chosen), vertices, name)
        for chosen, name in ((left, LEFT), (right, RIGHT))
        if len(chosen)
    ]
    first, *rest = parts[::-1] if swapped else parts
    return sum(rest, first)


def dlabel(path: Path, keys: Sequence[int], names: Sequence[str] = ("one", "two")) -> Path:
    """Write a dlabel of which each hemisphere is a parcel."""
    path.parent.mkdir(parents=True, exist_ok=True)
    known = {0: ("???", (0, 0, 0, 0))} | {key: (name, (1, 0, 0, 1)) for key, name in zip(keys, names, strict=True)}
    axes = nib.cifti2.LabelAxis(["map"], [known]), models()
    nib.Cifti2Image(np.repeat(np.array(keys, np.float32), 10)[None], axes).to_filename(path)
    return path


def dtseries(
    path: Path, places: nib.cifti2.BrainModelAxis, still: Sequence[int] = (), gone: Sequence[int] = (), frames: int = 8
) -> Path:
    """Write a run, some places of which do not change or are no numbers."""
    values = np.random.default_rng(0).standard_normal((frames, len(places))).astype(np.float32)
    values[:, list(still)] = 1
    values[:, list(gone)] = np.nan
    nib.Cifti2Image(values, (nib.cifti2.SeriesAxis(0, 2, frames), places)).to_filename(path)
    return path
