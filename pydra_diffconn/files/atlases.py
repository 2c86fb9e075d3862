"""Atlases: labels, soft maps and their names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pydra_diffconn.files import tables
from pydra_diffconn.files.opening import _is_table, _load, _refuse_missing, reading
from pydra_diffconn.files.spaces import Space, _require_same_grid


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


def _require_same_brain_models(image: Any, path: Path, space: Space) -> None:
    if image.header.get_axis(1) != space.template.header.get_axis(1):
        raise ValueError(
            f"{path} and {space.source} have different brain models ({image.shape[1]} and {space.size} grayordinates); "
            "use an atlas in the same space and density, with the same medial wall"
        )
