"""Where the columns of a series lie: the grid of an image and the voxels in use."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pydra_diffconn.files.opening import FileError
from pydra_diffconn.files.volumes import load_image, values_of

AFFINE_TOLERANCE = 1e-3  # mm
SCALED = 1e-6  # by so much may a 1 differ that was stored with a scale


@dataclass(frozen=True, eq=False)
class Space:
    """Where the columns of a series lie, and when its frames were taken."""

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
    """Of the columns, where the file names them."""
    tr: float | None = None
    """The repetition time that the file states, in seconds; None if it states none."""
    first: int = 0
    """The first frame that is written of those that were read: the time of the first one goes with it."""
    places: str = ""
    """What is equal where columns are the same places, of a file without an affine that says which they are."""

    def same_as(self, other: Space) -> bool:
        return self.grid == other.grid and np.array_equal(self.positions, other.positions)

    @property
    def positions(self) -> np.ndarray:
        return np.arange(int(np.prod(self.grid))) if self.index is None else self.index

    @property
    def key(self) -> tuple[Any, ...]:
        """What is equal where labels would be read alike."""
        affine = getattr(self.template, "affine", None)
        where = self.places or self.source if affine is None else affine.tobytes()
        return (where, self.grid, self.positions.tobytes())


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
    """Return the flat positions of the voxels in a mask: an array or image of truth values, or of 0 and 1."""
    if isinstance(mask, np.ndarray):
        where, values = "mask", mask
    else:
        mask_image = load_image(Path(mask))
        if getattr(mask_image, "affine", None) is None:
            raise FileError(f"mask {mask} is no volume; expected an image on the grid of {path}")
        require_same_grid(mask_image, Path(mask), image, path)
        where, values = f"mask {mask}", values_of(mask_image, Path(mask))
    values = values[..., 0] if values.ndim == 4 and values.shape[3] == 1 else values
    if values.shape != image.shape[:3]:
        raise FileError(
            f"{where} has shape {values.shape}, {path} {image.shape[:3]}; expected a truth value for each voxel"
        )
    chosen = _truth(values, where)
    if not chosen.any():
        raise FileError(f"{where} is empty: there is no voxel in it")
    return np.flatnonzero(chosen)


def _truth(values: np.ndarray, where: str) -> np.ndarray:
    if values.dtype == bool:
        return values
    if values.dtype.kind not in "iuf":
        raise FileError(f"{where} holds values of type {values.dtype.name}; expected truth values, or 0 and 1")
    one = np.isclose(values, 1, rtol=0, atol=SCALED)
    other = ~one & (values != 0)
    if other.any():
        found = values[other]
        missing = int(np.sum(~np.isfinite(found)))
        example = "NaN" if np.isnan(found[0]) else f"{found[0]:g}"
        raise FileError(
            f"{where} holds {found.size} values other than 0 and 1, such as {example}"
            f"{f' ({missing} are not finite)' if missing else ''}; decide what is inside, for example by mask > 0.5"
        )
    return one


def require_same_grid(image: Any, path: Path, reference: Any, reference_path: Path) -> None:
    """Refuse an image of another shape or place, with what resamples it."""
    hint = (
        f"resample it first: nilearn.image.resample_to_img({path.name!r}, {reference_path.name!r}, "
        "interpolation='nearest')"
    )
    if image.shape[:3] != reference.shape[:3]:
        raise FileError(f"{path} has shape {image.shape[:3]}, {reference_path} {reference.shape[:3]}; {hint}")
    if np.max(np.abs(image.affine - reference.affine)) > AFFINE_TOLERANCE:
        bare = "qform_code" in reference.header and not (
            reference.header["qform_code"] or reference.header["sform_code"]
        )
        why = " (it has no spatial header)" if bare else ""
        raise FileError(
            f"{path} and {reference_path}{why} have different affines:\n{image.affine}\n{reference.affine}\n{hint}"
        )
