"""CIFTI: grayordinates (dtseries) or parcels (ptseries) by time, maps and labels of them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from pydra_diffconn.files.grayordinate_series import GrayordinateSeries
from pydra_diffconn.files.opening import FileError
from pydra_diffconn.files.spaces import Space
from pydra_diffconn.files.table_text import require_unique
from pydra_diffconn.files.volumes import values_of

KIND = "cifti"
HOLDS = {"SeriesAxis": "a series", "ScalarAxis": "maps of numbers", "LabelAxis": "labels", "ParcelsAxis": "a matrix"}

_axes: WeakKeyDictionary[Any, tuple[Any, Any]] = WeakKeyDictionary()


def opens(image: Any) -> bool:
    """Say whether an image is of this format."""
    return image.__class__.__name__ == "Cifti2Image"


def open_series(image: Any, path: Path) -> tuple[GrayordinateSeries, Space]:
    """Return a run whose grayordinates are read when they are needed."""
    time, places = axes(image)
    _require(time, ("SeriesAxis",), path, "a series (.dtseries.nii, .ptseries.nii)")
    names: tuple[str, ...] = ()
    if places.__class__.__name__ == "ParcelsAxis":
        names = tuple(map(str, places.name))
        require_unique(names, str(path))
    seconds = float(time.step) if time.unit == "SECOND" and np.isfinite(time.step) and time.step > 0 else None
    size = image.shape[1]
    space = Space(KIND, path, size, (size,), template=image, names=names, tr=seconds, places=_fingerprint(places))
    return GrayordinateSeries(image, path), space


def _fingerprint(places: Any) -> str:
    """Return what is equal for equal grayordinates, so that runs share what is read for them; empty for parcels."""
    if places.__class__.__name__ != "BrainModelAxis":
        return ""
    affine = None if places.affine is None else places.affine.tolist()
    found = hashlib.blake2b(repr((affine, places.volume_shape, sorted(places.nvertices.items()))).encode())
    for part in (places.name, places.voxel, places.vertex):
        found.update(str(part.dtype).encode() + part.tobytes())
    return found.hexdigest()


def axes(image: Any) -> tuple[Any, Any]:
    """Return what the rows and the columns are; made once of each image, since it takes longer than to read a run."""
    if image not in _axes:
        _axes[image] = image.header.get_axis(0), image.header.get_axis(1)
    return _axes[image]


def _require(axis: Any, kinds: tuple[str, ...], path: Path, expected: str) -> None:
    found = axis.__class__.__name__
    if found not in kinds:
        raise FileError(f"{path} holds {HOLDS.get(found, found)}; expected {expected}")


def read_map(image: Any, path: Path, space: Space | None) -> np.ndarray:
    """Read one number for each grayordinate; those of `space` must be the same."""
    kind = axes(image)[0]
    _require(kind, ("LabelAxis", "ScalarAxis"), path, "one map of labels or numbers (.dlabel.nii, .dscalar.nii)")
    if len(kind) > 1:
        raise FileError(
            f"{path} holds {len(kind)} maps ({', '.join(map(str, kind.name[:5]))}{', ...' if len(kind) > 5 else ''}); "
            f"choose one: wb_command -cifti-merge one.dlabel.nii -cifti {path.name} -column 1"
        )
    return read_maps(image, path, space)[0]


def read_maps(image: Any, path: Path, space: Space | None) -> np.ndarray:
    """Read maps (parcels, space); the grayordinates of `space` must be the same."""
    places = axes(image)[1]
    if space is not None and places != axes(space.template)[1]:
        raise FileError(
            f"{path} and {space.source} have different brain models ({image.shape[1]} and {space.size} grayordinates); "
            "use an atlas in the same space and density, with the same medial wall"
        )
    return values_of(image, path)


def label_names(image: Any) -> dict[int, str]:
    """Return the names in the label table of a dlabel file, without that of the background."""
    kind = axes(image)[0]
    table = kind.label[0] if kind.__class__.__name__ == "LabelAxis" else {}
    return {int(key): str(name) for key, (name, _) in table.items() if key != 0}


def write_maps(array: np.ndarray, space: Space, stem: Path) -> Path:
    """Write (maps, space) for the places of the input, numbered."""
    import nibabel as nib

    places = axes(space.template)[1]
    kind = "pscalar" if places.__class__.__name__ == "ParcelsAxis" else "dscalar"
    path = stem.with_name(f"{stem.name}.{kind}.nii")
    names = [stem.name] if len(array) == 1 else [f"{stem.name} {number + 1}" for number in range(len(array))]
    image = nib.Cifti2Image(array, [nib.cifti2.ScalarAxis(names), places])
    image.nifti_header.set_data_dtype(array.dtype)
    nib.save(image, path)
    return path


def write_series(array: np.ndarray, space: Space, stem: Path) -> Path:
    """Write (time, space) with the axes of the input: the same grayordinates, as many frames."""
    import nibabel as nib

    path = stem.with_name(f"{stem.name}.{'.'.join(space.source.name.split('.')[-2:])}")
    time, places = axes(space.template)
    image = nib.Cifti2Image(
        array, [time[space.first : space.first + len(array)], places], nifti_header=space.template.nifti_header
    )
    image.nifti_header.set_data_dtype(array.dtype)
    nib.save(image, path)
    return path
