"""Cortical surfaces: both hemispheres as one space, its mesh, and distances along it.

Left and right GIFTI files become one CIFTI file, which every block takes and gives back, with parcels and connectomes
of both sides: what Connectome Workbench does by `-cifti-create-dense-timeseries` and `-cifti-create-label`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from fileformats.generic import File
from pydra.compose import python

from pydra_diffconn import pydra_compat  # noqa: F401 - before a class of tasks is made, so that processes find it
from pydra_diffconn.blocks.parcels.geodesic import geodesic_neighbors as geodesic_neighbors
from pydra_diffconn.blocks.parcels.smoothing import mesh_edges as mesh_edges
from pydra_diffconn.files import FileError, gifti
from pydra_diffconn.files.volumes import load_image

SIDES = {
    "left": ("CortexLeft", "CIFTI_STRUCTURE_CORTEX_LEFT"),
    "right": ("CortexRight", "CIFTI_STRUCTURE_CORTEX_RIGHT"),
}
MILLISECONDS = 50.0  # no run has as many seconds between frames: FreeSurfer writes milliseconds
ENDINGS = {"series": "dtseries", "labels": "dlabel", "maps": "dscalar"}


def join_hemispheres(
    left: str | Path,
    right: str | Path,
    stem: str | Path,
    tr: float | None = None,
    left_roi: str | Path | None = None,
    right_roi: str | Path | None = None,
) -> Path:
    """Write a left and a right GIFTI file as one CIFTI file: a run (.func.gii), labels (.label.gii) or maps.

    Parameters
    ----------
    left, right : path
        GIFTI files of the same kind and length.
    stem : path
        Of the file that is written: `.dtseries.nii`, `.dlabel.nii` or `.dscalar.nii` is added.
    tr : float, optional
        Seconds between the frames of a run, where the files do not say it.
    left_roi, right_roi : path, optional
        Maps above 0 where there is cortex; by default all vertices are kept, those of the medial wall, too.

    Raises
    ------
    ValueError
        If the files do not belong together.
    """
    import nibabel as nib

    images = {side: _opened(path, side) for side, path in (("left", left), ("right", right))}
    kinds = {side: _kind(image) for side, image in images.items()}
    if kinds["left"] != kinds["right"]:
        raise ValueError(f"{left} holds {kinds['left']}, {right} {kinds['right']}; expected two of a kind")
    kind = kinds["left"]
    arrays = {side: np.stack([part.data for part in image.darrays]) for side, image in images.items()}
    counts = [len(array) for array in arrays.values()]
    if counts[0] != counts[1]:
        raise ValueError(f"{left} has {counts[0]} frames or maps, {right} {counts[1]}; they are of different runs")
    models, columns = [], []
    for side, roi in (("left", left_roi), ("right", right_roi)):
        size = arrays[side].shape[1]
        inside = np.ones(size, bool) if roi is None else _opened(roi, side).darrays[0].data > 0
        if inside.shape != (size,) or not inside.any():
            raise ValueError(
                f"{roi} has {int(inside.sum())} of {inside.size} vertices above 0, the data {size} vertices"
            )
        models.append(nib.cifti2.BrainModelAxis.from_mask(inside, name=SIDES[side][1]))
        columns.append(arrays[side][:, inside])
    values = np.concatenate(columns, axis=1)
    path = Path(f"{stem}.{ENDINGS[kind]}.nii")
    image = nib.Cifti2Image(values, [_rows(kind, images, len(values), tr, path), models[0] + models[1]])
    image.nifti_header.set_data_dtype(np.int32 if kind == "labels" else values.dtype)
    nib.save(image, path)
    return path


def split_hemispheres(joined: str | Path, stem: str | Path) -> tuple[Path, Path]:
    """Write the cortex of a CIFTI file as a left and a right GIFTI file; vertices that it has not hold 0.

    Parameters
    ----------
    joined : path
        dtseries, dlabel or dscalar with both hemispheres.
    stem : path
        Of the files: `_hemi-L.func.gii` and so on is added.
    """
    import nibabel as nib

    image: Any = load_image(Path(joined))
    values = np.asarray(image.dataobj)
    rows = image.header.get_axis(0)
    kind = {"SeriesAxis": "func", "LabelAxis": "label"}.get(rows.__class__.__name__, "shape")
    intent = {"func": "TIME_SERIES", "label": "LABEL", "shape": "NONE"}[kind]
    written = []
    for side, letter in (("left", "L"), ("right", "R")):
        columns, vertices, size = _cortex(image, joined)[side]
        whole = np.zeros((len(values), size), np.int32 if kind == "label" else values.dtype)
        whole[:, vertices] = values[:, columns]
        parts = [nib.gifti.GiftiDataArray(row, f"NIFTI_INTENT_{intent}") for row in whole]
        meta = {gifti.STRUCTURE: SIDES[side][0]}
        if kind == "func":
            meta["TimeStep"] = f"{rows.step:g}"
        made = nib.gifti.GiftiImage(meta=nib.gifti.GiftiMetaData(meta), darrays=parts)
        if kind == "label":
            made.labeltable = _table(rows.label[0])
        path = Path(f"{stem}_hemi-{letter}.{kind}.gii")
        nib.save(made, path)
        written.append(path)
    return written[0], written[1]


def mesh(left: str | Path, right: str | Path, joined: str | Path | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return vertices (space, 3) and triangles of both hemispheres, in the order of a joined file's columns.

    Parameters
    ----------
    left, right : path
        Surfaces (.surf.gii).
    joined : path, optional
        A CIFTI file that keeps some of the vertices; by default all are kept.
    """
    kept = None if joined is None else _cortex(load_image(Path(joined)), joined)
    vertices, triangles, first = [], [], 0
    for side, path in (("left", left), ("right", right)):
        image = load_image(Path(path))
        points, corners = (image.agg_data(name) for name in ("pointset", "triangle"))
        if not len(points) or not len(corners):
            raise FileError(f"{path} is no surface; expected points and triangles (.surf.gii)")
        chosen = np.arange(len(points)) if kept is None else kept[side][1]
        if kept is not None and kept[side][2] != len(points):
            raise FileError(f"{path} has {len(points)} vertices, {joined} {kept[side][2]} on the {side}")
        place = np.full(len(points), -1)
        place[chosen] = first + np.arange(len(chosen))
        vertices.append(np.asarray(points, float)[chosen])
        renamed = place[corners]
        triangles.append(renamed[(renamed >= 0).all(axis=1)])
        first += len(chosen)
    return np.concatenate(vertices), np.concatenate(triangles)


@python.define(outputs=["joined"])
def JoinHemispheres(
    left: File, right: File, tr: float | None = None, left_roi: File | None = None, right_roi: File | None = None
) -> File:
    """Write a left and a right GIFTI file as one CIFTI file, see `join_hemispheres`."""
    rois = [None if roi is None else str(roi) for roi in (left_roi, right_roi)]
    return File(join_hemispheres(str(left), str(right), Path.cwd() / "joined", tr, *rois))


@python.define(outputs=["left", "right"])
def SplitHemispheres(joined: File) -> tuple[File, File]:
    """Write the cortex of a CIFTI file as a left and a right GIFTI file, see `split_hemispheres`."""
    left, right = split_hemispheres(str(joined), Path.cwd() / "split")
    return File(left), File(right)


def _opened(path: str | Path, side: str) -> Any:
    image = load_image(Path(path))
    if not gifti.opens(image):
        raise FileError(f"{path} is no GIFTI file; expected the {side} hemisphere (.func.gii, .label.gii, .shape.gii)")
    told = gifti.structure(image, Path(path))
    if told and told != SIDES[side][0]:
        raise FileError(f"{path} is of {told}, and was given as the {side} hemisphere")
    return image


def _kind(image: Any) -> str:
    import nibabel as nib

    intents = {nib.nifti1.intent_codes.niistring[part.intent] for part in image.darrays}
    if intents == {"NIFTI_INTENT_LABEL"}:
        return "labels"
    return "series" if "NIFTI_INTENT_TIME_SERIES" in intents or len(image.darrays) > 1 else "maps"


def _rows(kind: str, images: Mapping[str, Any], count: int, tr: float | None, path: Path) -> Any:
    import nibabel as nib

    if kind == "series":
        step = gifti.time_step(images["left"])
        seconds = tr if tr is not None else step if step is None or step < MILLISECONDS else step / 1000
        if seconds is None:
            raise ValueError("the files do not say how many seconds are between their frames; give tr")
        return nib.cifti2.SeriesAxis(0, seconds, count)
    names = [
        f"{path.name.split('.')[0]} {number + 1}" if count > 1 else path.name.split(".")[0] for number in range(count)
    ]
    if kind == "maps":
        return nib.cifti2.ScalarAxis(names)
    table: dict[int, tuple[str, Any]] = {0: ("???", (0.0, 0.0, 0.0, 0.0))}
    for image in images.values():
        for one in image.labeltable.labels:
            entry = str(one.label), tuple(1.0 if part is None else part for part in one.rgba)
            if one.key in table and one.key != 0 and table[one.key][0] != entry[0]:
                raise ValueError(
                    f"label {one.key} is {table[one.key][0]!r} on the left and {entry[0]!r} on the right; number the "
                    "parcels of one side anew"
                )
            table[one.key] = entry
    return nib.cifti2.LabelAxis(names, [table] * count)


def _table(labels: Mapping[int, tuple[str, Any]]) -> Any:
    import nibabel as nib

    table = nib.gifti.GiftiLabelTable()
    for key, (name, colour) in labels.items():
        one = nib.gifti.GiftiLabel(int(key), *colour)
        one.label = name  # type: ignore[attr-defined]
        table.labels.append(one)
    return table


def _cortex(image: Any, path: Any) -> dict[str, tuple[Any, np.ndarray, int]]:
    """Return of each side its columns, their vertices, and how many vertices the surface has."""
    places = image.header.get_axis(1)
    found = {name: (columns, model) for name, columns, model in places.iter_structures()}
    made = {}
    for side, (_, name) in SIDES.items():
        if name not in found:
            raise FileError(f"{path} has no {side} cortex; expected both hemispheres")
        columns, model = found[name]
        made[side] = columns, model.vertex, int(places.nvertices[name])
    return made
