"""A hard atlas of learned maps: each place belongs to the parcel that weighs most there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pydra_diffconn.files.opening import FileError
from pydra_diffconn.files.saving import whole_file
from pydra_diffconn.files.volumes import load_image, values_of


def write_hard_atlas(
    maps: Any, places: str | Path, path: str | Path, names: Sequence[str] | None = None, least: float = 0.0
) -> Path:
    """Write an image of labels, 1 for the first map and so on, and beside it the table of their names.

    Parameters
    ----------
    maps : (parcels, places)
        Weights, such as those that were learned.
    places : path
        The image (NIfTI) whose labels the places are, in ascending order: fine parcels that were joined; or a mask of
        as many voxels, in the order in which nilearn's maskers read them.
    path : path
        The image to write, ending in .nii.gz or .nii; of its table only the ending is another, .tsv.
    names : sequence of str, optional
        Of the maps; by default `parcel 1` and so on.
    least : float, optional
        A place whose largest weight is not above this belongs to none.

    Raises
    ------
    ValueError
        If there are other numbers of places or names, or weights that are no numbers.
    """
    import nibabel as nib

    weights, source, target = np.asarray(maps, float), Path(places), Path(path)
    if weights.ndim != 2 or not np.isfinite(weights).all():
        raise ValueError(f"maps have shape {weights.shape}; expected finite weights (parcels, places)")
    if not target.name.endswith((".nii", ".nii.gz")):
        raise ValueError(f"{target.name} is no name of an image; expected one that ends in .nii.gz")
    called = [f"parcel {number + 1}" for number in range(len(weights))] if names is None else [str(n) for n in names]
    if len(called) != len(weights):
        raise ValueError(f"{len(called)} names for {len(weights)} maps; expected one each")
    if len(set(called)) < len(called) or any(set(name) & set("\t\r\n") for name in called):
        raise ValueError(f"names has {called}; expected each once, without tabs and line ends")
    if target.resolve() == source.resolve():
        raise ValueError(f"{target} is the image of the places; give another path for the atlas")
    image = load_image(source)
    fine = values_of(image, source)
    where = fine != 0
    labels = np.unique(fine[where])
    if len(labels) == weights.shape[1]:
        index = np.searchsorted(labels, fine[where])
    elif len(labels) == 1 and int(where.sum()) == weights.shape[1]:
        index = np.arange(weights.shape[1])
    else:
        raise FileError(
            f"{source} has {len(labels)} labels and {int(where.sum())} voxels that are not 0; expected as many of "
            f"either as there are places in the maps, {weights.shape[1]}"
        )
    parcel = np.where(weights.max(axis=0) > least, weights.argmax(axis=0) + 1, 0)
    if not parcel.any():
        raise ValueError(f"no place has a weight above {least:g}; give maps of weights, or least=-numpy.inf")
    drawn = np.zeros(fine.shape, np.int16 if len(weights) < 2**15 else np.int32)
    drawn[where] = parcel[index]
    made = nib.Nifti1Image(drawn, image.affine)
    made.header.set_xyzt_units("mm")
    table = "".join(f"{number + 1}\t{name}\n" for number, name in enumerate(called))
    with whole_file(target.with_name(target.name.split(".nii")[0] + ".tsv")) as beside:
        beside.write_text(f"index\tname\n{table}", encoding="utf-8")
    with whole_file(target) as beside:
        named = beside.with_name(f"{beside.name}.nii{'.gz' * (target.suffix == '.gz')}")
        nib.save(made, named)
        named.replace(beside)
    return target
