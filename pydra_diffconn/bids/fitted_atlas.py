"""An atlas on the places of a run: resampled if its grid is another one, within the mask, where there are data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from fileformats.generic import File
from pydra.compose import python

from pydra_diffconn import files, pydra_compat  # noqa: F401 - before a class of tasks is made
from pydra_diffconn.bids.atlas import Atlas
from pydra_diffconn.bids.atlas_files import atlas_file
from pydra_diffconn.files.spaces import AFFINE_TOLERANCE
from pydra_diffconn.files.volumes import load_image, values_of


@dataclass(frozen=True)
class Fitted:
    """An atlas for one run."""

    labels: Path
    """An image on the run's grid: 0 outside of the mask, and in parcels of too little coverage."""
    coverage: np.ndarray
    """(parcels,): share of each parcel's places that have data, of those it has on the run's grid."""
    resampled: bool
    """Whether the atlas was brought to the run's grid, each voxel taking the label at its centre."""


def fit_atlas(atlas: Atlas, bold: Path, mask: Path | None, min_coverage: float, folder: Path) -> Fitted:
    """Bring an atlas to the places of a run.

    Parameters
    ----------
    atlas : Atlas
    bold : path
        The run: NIfTI or CIFTI.
    mask : path, optional
        Of a volume: the brain. Without it, voxels of 0 in the first, middle and last frame have no data.
    min_coverage : float
        Parcels of a smaller share are left out.
    folder : path
        Where the image of labels is written.

    Raises
    ------
    ValueError
        If the run is of another kind, the mask has another grid, the grayordinates differ, or no parcel is covered.
    """
    _require_kind(atlas, bold, min_coverage)
    fit = _on_grayordinates if atlas.kind == "cifti" else _on_grid
    labels, inside, write, resampled = fit(atlas, bold, mask)
    total = np.array([np.sum(labels == one) for one in atlas.labels])
    covered = np.array([np.sum(inside & (labels == one)) for one in atlas.labels])
    coverage = np.where(total > 0, covered / np.maximum(total, 1), 0.0)
    if not np.any((coverage >= min_coverage) & (coverage > 0)):
        raise ValueError(
            f"no parcel of {atlas.image.name} is covered by {bold.name} (at most {coverage.max():.0%} of one, "
            f"min_coverage is {min_coverage:.0%}); are both in one space?"
        )
    kept = [label for label, share in zip(atlas.labels, coverage, strict=True) if share >= min_coverage and share > 0]
    fitted = np.where(inside & np.isin(labels, kept), labels, 0)
    return Fitted(write(fitted, folder / f"{atlas.name}_labels"), coverage, resampled)


def _require_kind(atlas: Atlas, bold: Path, min_coverage: float) -> None:
    """Refuse a run that the atlas cannot be brought to, whatever its places."""
    if not 0 <= min_coverage <= 1:
        raise ValueError(f"min_coverage is {min_coverage}; expected a share of a parcel, 0 to 1")
    run = load_image(bold)
    kind = "cifti" if hasattr(run.header, "get_axis") else "nifti"
    if kind != atlas.kind:
        words = {"nifti": "a volume", "cifti": "CIFTI"}
        raise ValueError(
            f"{atlas.image.name} is {words[atlas.kind]} and {bold.name} {words[kind]}; give an atlas of the run's "
            f"kind, {'a dlabel' if kind == 'cifti' else 'a volume (dseg)'} in its space"
        )
    if len(run.shape) != (2 if kind == "cifti" else 4):
        raise ValueError(f"{bold.name} has shape {run.shape}, and no frames; expected a run")


def _on_grid(atlas: Atlas, bold: Path, mask: Path | None) -> tuple[np.ndarray, np.ndarray, Any, bool]:
    """Return labels on a volume's grid, which voxels have data, how labels are written, and if they were resampled."""
    import nibabel as nib

    run, image = load_image(bold), load_image(atlas.image)
    shape, affine = run.shape[:3], run.affine
    same = image.shape[:3] == shape and np.max(np.abs(image.affine - affine)) <= AFFINE_TOLERANCE
    labels = np.asarray(values_of(image, atlas.image)).reshape(image.shape[:3])
    labels = labels if same else _resampled(labels, image.affine, run)
    if mask is None:
        inside = _alive_voxels(run, bold)
    else:
        inside = np.zeros(int(np.prod(shape)), bool)
        inside[files.mask_index(mask, run, bold)] = True
        inside = inside.reshape(shape)

    def write(values: np.ndarray, stem: Path) -> Path:
        path = stem.with_name(stem.name + ".nii.gz")
        nib.Nifti1Image(values.astype(np.int32), affine).to_filename(path)
        return path

    return labels.astype(np.int64), inside, write, not same


def _resampled(labels: np.ndarray, affine: np.ndarray, run: Any) -> np.ndarray:
    """Return labels on a run's grid, each voxel taking the label at its centre; 0 all over if the two lie apart."""
    import nibabel as nib
    from nilearn.image import resample_img
    from nilearn.image.resampling import BoundingBoxError

    plain = nib.Nifti1Image(labels.astype(np.int32), affine)
    grid = {"target_affine": run.affine, "target_shape": run.shape[:3]}
    try:
        moved = resample_img(plain, **grid, interpolation="nearest", copy_header=True, force_resample=True)
    except BoundingBoxError:
        return np.zeros(run.shape[:3], np.int32)
    return np.asarray(moved.dataobj)


def _alive_voxels(run: Any, bold: Path) -> np.ndarray:
    last = run.shape[3] - 1
    with files.reading(bold):
        return np.any([np.nan_to_num(run.dataobj[..., frame]) != 0 for frame in sorted({0, last // 2, last})], axis=0)


def _on_grayordinates(atlas: Atlas, bold: Path, mask: Path | None) -> tuple[np.ndarray, np.ndarray, Any, bool]:
    """Return labels of a dtseries' grayordinates, which of them have data, and how labels are written."""
    import nibabel as nib

    run, image = load_image(bold), load_image(atlas.image)
    places, theirs = run.header.get_axis(1), image.header.get_axis(1)
    values = np.nan_to_num(np.asarray(image.dataobj)[0]).astype(np.int64)
    if places == theirs:
        labels = values
    else:
        where = {place: number for number, place in enumerate(_grayordinates(theirs))}
        found = np.array([where.get(place, -1) for place in _grayordinates(places)])
        if not np.any(found >= 0):
            raise ValueError(
                f"{atlas.image.name} has {len(theirs)} grayordinates and {bold.name} {len(places)}, none in common; "
                "give an atlas of the same surface and density"
            )
        labels = np.where(found >= 0, values[found], 0)
    last = run.shape[0] - 1
    with files.reading(bold):
        frames = np.stack([np.asarray(run.dataobj[frame]) for frame in sorted({0, last // 2, last})])
    inside = np.isfinite(frames).all(axis=0) & (np.ptp(frames, axis=0) > 0)
    labels_axis = image.header.get_axis(0)

    def write(fitted: np.ndarray, stem: Path) -> Path:
        path = stem.with_name(stem.name + ".dlabel.nii")
        nib.Cifti2Image(fitted[None].astype(np.float32), (labels_axis, places)).to_filename(path)
        return path

    return labels, inside, write, False


def _grayordinates(axis: Any) -> list[tuple[str, int, tuple[int, ...]]]:
    """Return what tells each grayordinate from every other: its structure and its vertex or voxel."""
    names, vertices, voxels = axis.name, axis.vertex, axis.voxel
    return [
        (str(name), int(vertex), tuple(int(one) for one in voxel))
        for name, vertex, voxel in zip(names, vertices, voxels, strict=True)
    ]


@python.define(outputs=["labels", "coverage", "resampled"])
def FitAtlas(
    atlas: File,
    bold: File,
    parcels: tuple[int, ...],
    names: tuple[str, ...],
    mask: File | None = None,
    min_coverage: float = 0.5,
) -> tuple[File, File, bool]:
    """Bring an atlas to the places of a run, and measure how much of each parcel has data.

    Parameters
    ----------
    atlas : File
        An image of labels, such as `find(...).image`.
    bold : File
        The run.
    parcels, names : tuple
        The labels in use, and how they are called, such as `find(...).labels` and `.names`.
    mask : File, optional
        The brain, of a volume.
    min_coverage : float
        Parcels of which a smaller share has data are left out.

    Returns
    -------
    labels : File
        The image of labels, for `Parcellate`.
    coverage : File
        A table of `index`, `name` and `coverage`.
    resampled : bool
        Whether the atlas had another grid than the run.
    """
    import pandas as pd

    if len(parcels) != len(names):
        raise ValueError(f"FitAtlas: there are {len(parcels)} parcels and {len(names)} names; expected one for each")
    known, folder = atlas_file(Path(str(atlas))), Path.cwd()
    asked = Atlas(known.name, known.image, None, parcels, names, known.space, known.kind, str(known.image))
    found = fit_atlas(asked, Path(str(bold)), None if mask is None else Path(str(mask)), min_coverage, folder)
    table = pd.DataFrame({"index": parcels, "name": names, "coverage": found.coverage})
    table.to_csv(folder / "coverage.tsv", sep="\t", index=False)
    return File(found.labels), File(folder / "coverage.tsv"), found.resampled
