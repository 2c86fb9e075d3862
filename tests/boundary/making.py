"""Small files of every kind, to be read or refused."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from pydra_diffconn import files

GRID = (3, 4, 2)
FRAMES = 12


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


SERIES = drawn(FRAMES, 3)
RUN = drawn(*GRID, FRAMES, seed=1).astype("f4") + 100
LABELS = (np.arange(24).reshape(GRID) % 4).astype("i2")


def rows(array: np.ndarray, sign: str = "\t", end: str = "\n") -> str:
    """Return the lines of a table's numbers, each to the last digit."""
    return "".join(sign.join(map(str, row)) + end for row in array.tolist())


def text(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def table(folder: Path, name: str = "t.tsv", names: str = "a\tb\tc", array: np.ndarray = SERIES) -> Path:
    content = f"{names}\n{rows(array)}".encode()
    return text(folder / name, gzip.compress(content) if name.endswith(".gz") else content)


def volume(
    path: Path,
    data: np.ndarray = RUN,
    affine: Any = None,
    tr: float | None = None,
    unit: str = "sec",
    slope: float | None = None,
    kind: type = nib.Nifti1Image,
) -> Path:
    image = kind(data, np.eye(4) if affine is None else affine)
    if tr is not None:
        image.header.set_zooms((*image.header.get_zooms()[:3], tr))
        if hasattr(image.header, "set_xyzt_units"):
            image.header.set_xyzt_units("mm", unit)
    if slope is not None:
        image.header.set_slope_inter(slope, 0)
    nib.save(image, path)
    return path


def labels(folder: Path, names: str | None = None, data: np.ndarray = LABELS, ending: str = ".tsv") -> Path:
    """Write an atlas, and its table of names beside it."""
    if names is not None:
        text(folder / f"x_dseg{ending}", names)
    return volume(folder / "x_dseg.nii", data)


def surface(
    path: Path,
    data: np.ndarray = SERIES,
    structure: str = "",
    intent: str = "NIFTI_INTENT_TIME_SERIES",
    names: tuple[str, ...] = (),
    meta: dict[str, str] | None = None,
) -> Path:
    given = {**({"AnatomicalStructurePrimary": structure} if structure else {}), **(meta or {})}
    whole = data.dtype.kind == "i"
    kind, dtype = ("NIFTI_TYPE_INT32", "i4") if whole else ("NIFTI_TYPE_FLOAT32", "f4")
    parts = [nib.gifti.GiftiDataArray(row.astype(dtype), intent, kind) for row in np.atleast_2d(data)]
    image = nib.gifti.GiftiImage(meta=nib.gifti.GiftiMetaData(given), darrays=parts)
    for key, name in enumerate(names):
        label = nib.gifti.GiftiLabel(key=key)
        label.label = name
        image.labeltable.labels.append(label)
    nib.save(image, path)
    return path


def brain(size: int, side: str = "LEFT") -> Any:
    return nib.cifti2.BrainModelAxis.from_mask(np.ones(size, bool), f"CIFTI_STRUCTURE_CORTEX_{side}")


def cifti(path: Path, rows_axis: Any, data: np.ndarray = SERIES, places: Any = None) -> Path:
    nib.save(nib.Cifti2Image(data.astype("f4"), (rows_axis, places or brain(data.shape[1]))), path)
    return path


def seconds(step: float = 2.0, start: float = 0.0, frames: int = FRAMES) -> Any:
    return nib.cifti2.SeriesAxis(start, step, frames)


def label_axis(names: dict[int, str], maps: int = 1) -> Any:
    told = {key: (name, (0.0, 0.0, 0.0, 1.0)) for key, name in names.items()}
    return nib.cifti2.LabelAxis([f"map {n}" for n in range(maps)], [told] * maps)


def parcels(names: list[str]) -> Any:
    models = [(name, brain(3)) for name in names]
    return nib.cifti2.ParcelsAxis.from_brain_models(models)


def as_json(path: Path, content: Any) -> Path:
    return text(path, json.dumps(content))


def given(block: Any, **values: Any) -> dict[str, Any]:
    """Return the arguments of a block as its function takes them: files read, values checked."""
    declaration = block.declaration
    complete = {name: values.get(name, argument.default) for name, argument in declaration.arguments.items()}
    arrays, _ = files.load_arguments(
        declaration, {**complete, **({"mask": values["mask"]} if "mask" in values else {})}
    )
    waiting = {n: v for n, v in arrays.items() if isinstance(v, files.ImageSeries)}
    with files.naming_files(values):
        known = declaration.checked({n: v for n, v in arrays.items() if n not in waiting}, waiting=waiting)
    return {**known, **waiting}


def column_names(block: Any, **values: Any) -> list[str]:
    """Return the names under which a block's output would be written."""
    arrays, spaces = files.load_arguments(block.declaration, values)
    main = spaces[block.declaration.main_input]
    assert main is not None
    chosen = block.declaration.checked({n: v for n, v in arrays.items() if not isinstance(v, files.ImageSeries)})
    count = len(chosen["parcels"]) if chosen.get("parcels") else main.size
    return files.column_names(count, main, chosen, values)
