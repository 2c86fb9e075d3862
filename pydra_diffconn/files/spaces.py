"""Where the columns of a series lie: the grid of an image and the voxels in use."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pydra_diffconn.files.opening import load_image

AFFINE_TOLERANCE = 1e-3  # mm


@dataclass(frozen=True, eq=False)
class Space:
    """Where the columns of a series lie."""

    kind: str
    """`nifti`, `cifti`, `gifti` or `table`."""
    source: Path
    size: int
    grid: tuple[int, ...]
    index: np.ndarray | None = None
    """Positions of the columns in the flattened grid, when a mask chose among them."""
    template: Any = None
    """The image read, its data left on disk: header, affine or axes."""
    names: tuple[str, ...] = ()

    def same_as(self, other: Space) -> bool:
        return self.grid == other.grid and np.array_equal(self.positions, other.positions)

    @property
    def positions(self) -> np.ndarray:
        return np.arange(int(np.prod(self.grid))) if self.index is None else self.index


def restricted(space: Space, mask: Any) -> Space:
    """Return the part of an image's grid that a mask chooses, or all of it: what another block would read of it."""
    index = None if mask is None else mask_index(mask, space.template, space.source)
    size = int(np.prod(space.grid)) if index is None else index.size
    return replace(space, size=size, index=index)


def convert(array: Any, source: Space, target: Space, xp: Any) -> Any:
    """Return a series in another space of the same grid, as writing and reading it would: zero where it was masked."""
    if source.same_as(target):
        return array
    if source.grid != target.grid:
        raise ValueError(f"{source.source.name} has the grid {source.grid}, {target.source.name} {target.grid}")
    place = np.full(int(np.prod(source.grid)), source.size)
    place[source.positions] = np.arange(source.size)
    padded = xp.concatenate([array, xp.zeros((array.shape[0], 1), array.dtype)], axis=1)
    return padded[:, place[target.positions]]


def mask_index(mask: Any, image: Any, path: Path) -> np.ndarray:
    """Return the flat positions of the voxels in a mask, which is an array or an image on the same grid."""
    if isinstance(mask, np.ndarray):
        chosen = mask.reshape(-1)
        if chosen.size != np.prod(image.shape[:3]):
            raise ValueError(f"mask has {chosen.size} voxels, {path} {np.prod(image.shape[:3])}")
    else:
        mask_image = load_image(Path(mask))
        require_same_grid(mask_image, Path(mask), image, path)
        chosen = np.asarray(mask_image.dataobj).reshape(-1)
    index = np.flatnonzero(chosen)
    if not index.size:
        raise ValueError(f"the mask {mask if not isinstance(mask, np.ndarray) else ''} is empty")
    return index


def require_same_grid(image: Any, path: Path, reference: Any, reference_path: Path) -> None:
    """Refuse an image of another shape or place, with what resamples it."""
    hint = f"resample it first: nilearn.image.resample_to_img({path.name!r}, {reference_path.name!r}, 'nearest')"
    if image.shape[:3] != reference.shape[:3]:
        raise ValueError(f"{path} has shape {image.shape[:3]}, {reference_path} {reference.shape[:3]}; {hint}")
    if np.max(np.abs(image.affine - reference.affine)) > AFFINE_TOLERANCE:
        bare = "qform_code" in reference.header and not (
            reference.header["qform_code"] or reference.header["sform_code"]
        )
        why = " (it has no spatial header)" if bare else ""
        raise ValueError(
            f"{path} and {reference_path}{why} have different affines:\n{image.affine}\n{reference.affine}\n{hint}"
        )
