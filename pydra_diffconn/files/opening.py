"""Opening images, and saying which file is damaged."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pydra_diffconn.files import tables


def load_image(path: Path) -> Any:
    """Open an image; its data stay on disk."""
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


def is_table(path: Path) -> bool:
    """Say whether a file holds a table, by its ending."""
    return path.suffix in (".tsv", ".csv", *filter(None, tables.PLAIN))


def refuse_missing(data: np.ndarray, path: Path) -> None:
    """Refuse missing values, naming the file and the first place."""
    bad = ~np.isfinite(data)
    if bad.any():
        frame, column = np.argwhere(bad)[0]
        raise ValueError(
            f"{path}: {int(bad.sum())} values are not finite, the first in frame {frame}, location {column}; "
            "mask those locations or mend the image"
        )
