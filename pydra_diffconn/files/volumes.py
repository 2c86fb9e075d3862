"""Opening images: of real numbers, somewhere in space, and as long as their header says."""

from __future__ import annotations

import contextlib
import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pydra_diffconn.files.opening import FileError, is_compressed, kind_of, reading

REAL = "biuf"
BEGINNING = 4096  # bytes, in which a GIFTI says how many arrays it holds
MOST_COMPRESSED = 1100  # no file of zlib is longer than this many times its compressed size


def load_image(path: Path) -> Any:
    """Open an image; its data stay on disk.

    Raises
    ------
    ValueError
        If it is none, holds colours or complex numbers, has no place in space or another length than its header says.
    """
    import nibabel as nib

    with reading(path, "an image"):
        if kind_of(path) != "image":
            raise FileError(f"{path} is a {kind_of(path)}; expected an image")
        image: Any
        try:
            image = nib.load(path)
        except (nib.filebasedimages.ImageFileError, EOFError, OSError) as error:
            said = " ".join(str(error).split())
            raise FileError(f"{path} is not an image that can be read ({said}); is the download complete?") from None
        if image is None:
            raise FileError(f"{path} is not an image that can be read; is the download complete?")
        if hasattr(image, "darrays"):
            _require_arrays(image, path)
        else:
            _require_numbers(image.get_data_dtype(), path)
            _require_size(image, path)
            _require_place(image, path)
    return image


def _require_arrays(image: Any, path: Path) -> None:
    if not image.darrays:
        raise FileError(f"{path} holds no data; expected GIFTI with an array for each frame or map")
    for part in image.darrays:
        _require_numbers(part.data.dtype, path)
    with gzip.open(path) if is_compressed(path) else path.open("rb") as stream:
        told = re.search(rb'NumberOfDataArrays="(\d+)"', stream.read(BEGINNING))
    if told and int(told[1]) != len(image.darrays):
        raise FileError(
            f"{path} is damaged: it holds {len(image.darrays)} arrays and says {int(told[1])}; copy or make it again"
        )


def _require_numbers(dtype: np.dtype[Any], path: Path) -> None:
    if dtype.kind in REAL:
        return
    if dtype.kind == "c":
        raise FileError(f"{path} holds complex numbers ({dtype.name}); save their magnitude or real part first")
    raise FileError(f"{path} holds {', '.join(dtype.names or [dtype.name])}, such as colours; expected real numbers")


def _require_size(image: Any, path: Path) -> None:
    """Refuse an image that is longer or shorter than its header says: bytes were lost or put in."""
    if min(image.shape, default=0) < 1:
        raise FileError(f"{path} has shape {tuple(image.shape)}: there is nothing in it")
    proxy = image.dataobj
    holder = Path(image.file_map["image"].filename)
    needed = int(proxy.offset) + int(np.prod(image.shape, dtype=object)) * image.get_data_dtype().itemsize
    found = holder.stat().st_size
    if is_compressed(holder):
        if needed > MOST_COMPRESSED * found:
            raise FileError(f"{path} cannot hold the shape in its header, {tuple(image.shape)}; copy or make it again")
    elif found < needed or (found > needed and not _may_be_longer(image)):
        raise FileError(
            f"{path} is truncated or damaged: {holder.name} has {found} bytes, its header says {needed}; copy or make "
            "it again"
        )


def _may_be_longer(image: Any) -> bool:
    """Say whether something may follow the data: FreeSurfer writes the scan's settings there."""
    return image.__class__.__name__ == "MGHImage"


def _require_place(image: Any, path: Path) -> None:
    affine = getattr(image, "affine", None)
    if affine is None:
        return
    if not np.all(np.isfinite(affine)) or np.linalg.matrix_rank(affine[:3, :3]) < 3:
        raise FileError(
            f"{path} has an affine that places its voxels nowhere:\n{affine}\nmend its header, for example with "
            "nibabel: image.set_sform(affine)"
        )


@contextlib.contextmanager
def stored(image: Any, path: Path) -> Iterator[Any]:
    """Give the data of an image as what can be sliced; a compressed file must then be read to its end.

    There its checksum is compared. It is decompressed from front to back, twice as fast as by the standard library.
    """
    if not is_compressed(path):
        yield image.dataobj
        return
    from isal import igzip
    from nibabel.arrayproxy import ArrayProxy

    proxy = image.dataobj
    with igzip.open(path, "rb") as stream:
        spec = (proxy.shape, proxy.dtype, proxy.offset, proxy.slope, proxy.inter)
        yield ArrayProxy(stream, spec, order=proxy.order)
        rest = stream.read(1)
        if rest and not _may_be_longer(image):
            raise FileError(f"{path} is damaged: it holds more than its header says; copy or make it again")
        while stream.read(2**20):
            pass


def values_of(image: Any, path: Path) -> np.ndarray:
    """Return all values of an image."""
    with reading(path), stored(image, path) as data:
        return np.asarray(data)
