"""Images at the boundary: NIfTI, CIFTI, GIFTI and tables in, the same kind out.

Inside, a series is an array (time, space); a `Space` remembers where its columns lie, so that labels can be read in
the same order and a result can be written with the geometry of its input.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pydra_diffconn.files import tables
from pydra_diffconn.files.nifti import open_series, read_series
from pydra_diffconn.files.opening import _is_table, _load, _refuse_missing, reading
from pydra_diffconn.files.spaces import Space


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
