"""Images at the boundary: NIfTI, CIFTI, GIFTI and tables in, the same kind out.

Inside, a series is an array (time, space); a `Space` remembers where its columns lie, so that labels can be read in
the same order and a result can be written with the geometry of its input.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pydra_diffconn import tables
from pydra_diffconn.image_series import ImageSeries

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


# --- reading --------------------------------------------------------------------------------------------------


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


def read_timeseries(path: str | Path, mask: Any = None) -> tuple[np.ndarray, Space]:
    """Read a run as (time, space).

    Parameters
    ----------
    path : path
        4D NIfTI, CIFTI dtseries or ptseries, GIFTI with one array per frame, or a TSV with one column per parcel.
    mask : path or array, optional
        For NIfTI: the voxels to read.
    """
    path = Path(path)
    if _is_table(path):
        array, names = tables.read_table(path)
        return array, Space("table", path, len(names), (len(names),), names=names)
    opened = open_series(path, mask)
    if opened is not None:
        return read_series(opened[0]), opened[1]
    image = _load(path)
    with reading(path):
        if hasattr(image, "darrays"):
            data = np.stack([part.data for part in image.darrays])
            space = Space("gifti", path, data.shape[1], (data.shape[1],), template=image)
        else:
            data = np.asarray(image.dataobj)
            space = Space("cifti", path, data.shape[1], (data.shape[1],), template=image)
    data = np.ascontiguousarray(data, dtype=np.float64 if data.dtype == np.float64 else np.float32)
    _refuse_missing(data, path)
    return data, space


def read_labels(path: str | Path, space: Space | None) -> np.ndarray:
    """Read an atlas as one integer per column of `space`; it must lie on the same grid."""
    path = Path(path)
    if _is_table(path):
        table, _ = tables.read_table(path)
        return table[:, -1].astype(np.int32)
    image = _load(path)
    with reading(path):
        if hasattr(image, "darrays"):
            labels = np.asarray(image.darrays[0].data)
        elif image.__class__.__name__ == "Cifti2Image":
            labels = np.asarray(image.dataobj)[0]
            if space is not None and space.kind == "cifti":
                _require_same_brain_models(image, path, space)
        else:
            labels = np.asarray(image.dataobj).reshape(-1)
            if space is not None and space.kind == "nifti":
                _require_same_grid(image, path, space.template, space.source)
    if space is not None and space.index is not None:
        labels = labels[space.index]
    if space is not None and labels.size != space.size:
        raise ValueError(f"{path} has {labels.size} labels, {space.source} {space.size} locations")
    if not np.all(np.equal(np.mod(labels, 1), 0)):
        raise ValueError(f"{path} has values that are no integers; expected a label image (dseg)")
    return labels.astype(np.int32)


def read_maps(path: str | Path, space: Space | None) -> np.ndarray:
    """Read soft maps, a 4D image on the grid of `space`, as (parcels, space)."""
    path = Path(path)
    image = _load(path)
    if len(image.shape) != 4:
        raise ValueError(f"{path} has shape {image.shape}; expected maps (x, y, z, parcels)")
    if space is not None and space.kind == "nifti":
        _require_same_grid(image, path, space.template, space.source)
    with reading(path):
        maps = np.asarray(image.dataobj).reshape(-1, image.shape[3]).T
    _refuse_missing(maps, path)
    maps = maps if space is None or space.index is None else maps[:, space.index]
    return np.ascontiguousarray(maps, dtype=np.float64 if maps.dtype == np.float64 else np.float32)


def label_names(path: str | Path) -> dict[int, str]:
    """Return the names of an atlas's labels, from its own table or the `_dseg.tsv` beside it; empty without."""
    path = Path(path)
    beside = path.with_name(path.name.split(".")[0] + ".tsv")
    if beside.exists() and beside != path:
        import pandas as pd

        frame = pd.read_csv(beside, sep="\t")
        named = next((column for column in ("name", "label") if column in frame), None)
        if "index" in frame and named:
            return {int(i): str(n) for i, n in zip(frame["index"], frame[named], strict=True)}
    if path.name.endswith(".dlabel.nii"):
        table = _load(path).header.get_axis(0).label[0]
        return {int(key): name for key, (name, _) in table.items() if key != 0}
    return {}


def _load(path: Path) -> Any:
    import nibabel as nib

    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist")
    try:
        return nib.load(path)
    except (nib.filebasedimages.ImageFileError, EOFError, OSError) as error:
        raise ValueError(f"{path} is not an image that can be read ({error}); is the download complete?") from None


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Say which file is damaged: headers load, and the data fail only when they are read."""
    import zlib

    try:
        yield
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(f"{path} is truncated or damaged ({error}); copy or make it again") from None


def _is_table(path: Path) -> bool:
    return path.suffix in (".tsv", ".csv", *filter(None, tables.PLAIN))


def mask_index(mask: Any, image: Any, path: Path) -> np.ndarray:
    """Return the flat positions of the voxels in a mask, which is an array or an image on the same grid."""
    if isinstance(mask, np.ndarray):
        chosen = mask.reshape(-1)
        if chosen.size != np.prod(image.shape[:3]):
            raise ValueError(f"mask has {chosen.size} voxels, {path} {np.prod(image.shape[:3])}")
    else:
        mask_image = _load(Path(mask))
        _require_same_grid(mask_image, Path(mask), image, path)
        chosen = np.asarray(mask_image.dataobj).reshape(-1)
    index = np.flatnonzero(chosen)
    if not index.size:
        raise ValueError(f"the mask {mask if not isinstance(mask, np.ndarray) else ''} is empty")
    return index


def _require_same_grid(image: Any, path: Path, reference: Any, reference_path: Path) -> None:
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


def _require_same_brain_models(image: Any, path: Path, space: Space) -> None:
    if image.header.get_axis(1) != space.template.header.get_axis(1):
        raise ValueError(
            f"{path} and {space.source} have different brain models ({image.shape[1]} and {space.size} grayordinates); "
            "use an atlas in the same space and density, with the same medial wall"
        )


def _refuse_missing(data: np.ndarray, path: Path) -> None:
    bad = ~np.isfinite(data)
    if bad.any():
        frame, column = np.argwhere(bad)[0]
        raise ValueError(
            f"{path}: {int(bad.sum())} values are not finite, the first in frame {frame}, location {column}; "
            "mask those locations or mend the image"
        )


# --- writing --------------------------------------------------------------------------------------------------


def write_timeseries(array: np.ndarray, space: Space, stem: Path) -> Path:
    """Write (time, space) as the kind of file it came from: its geometry, repetition time and precision."""
    import nibabel as nib

    frames = array.shape[0]
    if space.kind == "table":
        return tables.write_table(array, space.names, stem.with_name(stem.name + ".tsv"))
    if space.kind == "gifti":
        path = stem.with_name(stem.name + ".func.gii")
        parts = [
            nib.gifti.GiftiDataArray(row, "NIFTI_INTENT_TIME_SERIES", f"NIFTI_TYPE_{row.dtype.name.upper()}")
            for row in array
        ]
        nib.save(nib.gifti.GiftiImage(meta=space.template.meta, darrays=parts), path)
        return path
    if space.kind == "cifti":
        suffix = ".".join(space.source.name.split(".")[-2:])
        path = stem.with_name(f"{stem.name}.{suffix}")
        axes = [space.template.header.get_axis(0)[:frames], space.template.header.get_axis(1)]
        image = nib.Cifti2Image(array, axes, nifti_header=space.template.nifti_header)
        image.nifti_header.set_data_dtype(array.dtype)
        nib.save(image, path)
        return path
    path = stem.with_name(stem.name + (".nii.gz" if space.source.name.endswith(".gz") else ".nii"))
    volume = np.zeros((int(np.prod(space.grid)), frames), dtype=array.dtype)
    volume[space.positions] = array.T
    # a header of its own: the input's may scale integers, which would round these numbers
    header = space.template.header.copy()
    header.set_data_dtype(array.dtype)
    header.set_slope_inter(1, 0)
    nib.save(space.template.__class__(volume.reshape(*space.grid, frames), space.template.affine, header), path)
    return path


# --- the arguments and outputs of a block ---------------------------------------------------------------------


def load_arguments(declaration: Any, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Space | None]]:
    """Read the files among a block's arguments; return arrays, and the space of each series that was a file.

    The main input of a block that can compute while reading stays an `ImageSeries`.
    """
    values = dict(values)
    mask = values.pop("mask", None)
    arrays: dict[str, Any] = {}
    spaces: dict[str, Space | None] = {}
    for name, value in values.items():
        argument = declaration.arguments[name]
        if declaration.streamed is not None and name == declaration.main_input and is_file(value):
            opened = open_series(str(value), mask)
            if opened is not None:
                arrays[name], spaces[name] = opened
                continue
        arrays[name], spaces[name] = load_argument(argument, value, mask, spaces.get(declaration.main_input))
    return arrays, spaces


def is_file(value: Any) -> bool:
    """Say whether an argument is a file rather than an array, a number or nothing."""
    from fileformats.generic import FileSet

    return isinstance(value, FileSet | Path)


def load_argument(argument: Any, value: Any, mask: Any, main: Space | None) -> tuple[Any, Space | None]:
    """Read one argument if it is a file; arrays pass, in the precision of this process."""
    if value is None or argument.role == "static" or argument.role == "number":
        return value, None
    if isinstance(value, np.ndarray | float):
        return value, None
    path, dims = Path(str(value)), argument.dims
    if dims in ("time space", "time parcels", "..."):
        return read_timeseries(path, mask)
    if dims == "space":
        return read_labels(path, main), None
    if dims == "parcels space" and path.name.endswith((".nii", ".nii.gz")):
        return read_maps(path, main), None
    if len(dims.split()) == 2 and dims.endswith(" space") and not _is_table(path) and path.suffix != ".npy":
        return read_timeseries(path, mask)[0], None
    if len(dims.split()) == 1:
        return tables.read_column(path, argument.name), None
    if dims == "parcels parcels":
        matrix, names = tables.read_matrix(path)
        return matrix, Space("table", path, len(names), (len(names),), names=names)
    if path.suffix == ".npy":
        return np.load(path), Space("table", path, 0, (0,))
    array, names = tables.read_table(path)
    return array, Space("table", path, len(names), (len(names),), names=names)


def write_outputs(
    declaration: Any,
    results: Mapping[str, np.ndarray],
    values: Mapping[str, Any],
    spaces: Mapping[str, Space | None],
    folder: Path,
    given: Mapping[str, Any],
) -> dict[str, Any]:
    """Write a block's outputs in the format of their domain: images as images, numbers and tables as TSV.

    What has more than two dimensions is no table and becomes a NumPy file.
    """
    from fileformats.generic import File

    main = spaces[declaration.main_input]
    assert main is not None
    written = {}
    for name, array in results.items():
        dims = declaration.outputs[name]
        names = column_names(array.shape[-1], main, values, given) if array.ndim else [name]
        if array.ndim > 2:
            path = folder / f"{name}.npy"
            np.save(path, array)
        elif array.ndim == 0:
            path = tables.write_table(array.reshape(1, 1), names, folder / f"{name}.tsv")
        elif dims in ("time space", "...") and array.ndim == 2:
            path = write_timeseries(array, main, folder / name)
        elif dims == "parcels parcels":
            path = tables.write_matrix(array, names, folder / f"{name}.tsv")
        elif array.ndim == 1:
            path = tables.write_table(array[:, None], [name], folder / f"{name}.tsv")
        else:
            path = tables.write_table(array, names, folder / f"{name}.tsv")
        written[name] = File(path)
    return written


def column_names(count: int, main: Space, values: Mapping[str, Any], given: Mapping[str, Any]) -> list[str]:
    """Return the names of a table's columns: those of the atlas, those of the input, or numbers."""
    if values.get("parcels"):
        atlas = given.get("labels")
        named = label_names(str(atlas)) if atlas is not None and not isinstance(atlas, np.ndarray) else {}
        return [named.get(label, str(label)) for label in values["parcels"]]
    if main.kind == "table" and len(main.names) == count:
        return list(main.names)
    return [str(number + 1) for number in range(count)]
