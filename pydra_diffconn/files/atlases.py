"""Atlases: labels, soft maps and their names."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pydra_diffconn.files import cifti, tables
from pydra_diffconn.files.images import format_of
from pydra_diffconn.files.opening import is_table, load_image, reading, refuse_missing
from pydra_diffconn.files.spaces import Space, require_same_grid


def read_labels(path: str | Path, space: Space | None) -> np.ndarray:
    """Read an atlas as one integer per column of `space`; it must lie on the same grid."""
    path = Path(path)
    if is_table(path):
        table, _ = tables.read_table(path)
        return table[:, -1]
    image = load_image(path)
    with reading(path):
        labels = format_of(image, path).read_labels(image, path, space)
    if space is not None and space.index is not None:
        labels = labels[space.index]
    if space is not None and labels.size != space.size:
        raise ValueError(f"{path} has {labels.size} labels, {space.source} {space.size} locations")
    if not np.all(np.equal(np.mod(labels, 1), 0)):
        raise ValueError(f"{path} has values that are no integers; expected a label image (dseg)")
    return labels


def read_maps(path: str | Path, space: Space | None) -> np.ndarray:
    """Read soft maps, a 4D image on the grid of `space`, as (parcels, space)."""
    path = Path(path)
    image = load_image(path)
    if len(image.shape) != 4:
        raise ValueError(f"{path} has shape {image.shape}; expected maps (x, y, z, parcels)")
    if space is not None and space.kind == "nifti":
        require_same_grid(image, path, space.template, space.source)
    with reading(path):
        maps = np.asarray(image.dataobj).reshape(-1, image.shape[3]).T
    refuse_missing(maps, path)
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
        return cifti.label_names(load_image(path))
    return {}
