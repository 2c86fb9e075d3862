"""What kind a file is of, its bytes, and one error for whatever goes wrong while it is read."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

IMAGES = (".nii", ".gii", ".mgh", ".mgz", ".img", ".hdr")
TABLES = (".tsv", ".csv", ".txt", ".1d", ".mat", ".par", "")  # the last five: FSL's, AFNI's and SPM's plain numbers
ARRAYS = (".npy",)
READ = (
    "images (.nii, .nii.gz, .gii, .mgz, .mgh, .img/.hdr), tables (.tsv, .csv, also as .gz, or plain numbers in .txt, "
    ".1D, .mat, .par) and NumPy arrays (.npy)"
)


class FileError(ValueError):
    """A file that cannot be used as it is; the message names it and says what to do."""


def kind_of(path: Path) -> str:
    """Return `image`, `table` or `array`, by the ending of a file's name, whatever its case.

    >>> kind_of(Path("sub-01_bold.NII.GZ")), kind_of(Path("confounds.tsv.gz"))
    ('image', 'table')
    """
    name = path.name.lower()
    ending = Path(name.removesuffix(".gz")).suffix
    for kind, endings in (("image", IMAGES), ("table", TABLES), ("array", ARRAYS)):
        if ending in endings and not (kind == "array" and name.endswith(".gz")):
            return kind
    raise FileError(f"{path} is of a kind that is not read; what is read: {READ}")


def is_compressed(path: Path) -> bool:
    """Say whether a file is compressed, by its ending."""
    return path.name.lower().endswith((".gz", ".mgz"))


@contextlib.contextmanager
def reading(path: str | Path, expected: str = "") -> Iterator[None]:
    """Turn whatever a library raises while it reads a file into one error that names it.

    Headers load, and the data fail only when they are read: every access belongs in here.

    Parameters
    ----------
    path : path
        The file.
    expected : str
        What it should have been, such as "an image".
    """
    _require_file(Path(path))
    try:
        yield
    except FileError:
        raise
    except Exception as error:  # every library has errors of its own; those of damaged files are of all kinds
        said = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        wanted = f"; expected {expected}" if expected else ""
        raise FileError(f"{path} is truncated or damaged ({said}){wanted}; copy or make it again") from None


def _require_file(path: Path) -> None:
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist")
    if path.is_dir():
        raise FileError(f"{path} is a folder; expected one file")
    if not os.access(path, os.R_OK):  # libraries call it damaged, each in words of its own
        raise FileError(f"{path} may not be read: you have no permission; ask its owner, or copy it")


def bytes_of(path: Path) -> bytes:
    """Return the bytes of a file, decompressed; its checksum is compared, since it is read to the end."""
    with reading(path):
        raw = path.read_bytes()
        return gzip.decompress(raw) if is_compressed(path) else raw


def text_of(path: Path, expected: str) -> str:
    """Return the text of a file: UTF-8 or, where it begins by saying so, UTF-16; lines end in a newline."""
    raw = bytes_of(path)
    wide = raw[:2] in (b"\xff\xfe", b"\xfe\xff")
    try:
        text = raw.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileError(f"{path} is no text in UTF-8 (byte {error.start}); expected {expected}") from None
    if "\0" in text:
        raise FileError(f"{path} holds binary data (byte {text.index(chr(0))}); expected {expected}")
    if text[:100].lstrip().lower().startswith(("<!doctype", "<html")):
        raise FileError(f"{path} is a web page; expected {expected}: is the download's address right?")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def json_of(path: str | Path, expected: str = "JSON") -> Any:
    """Return what a JSON file holds."""
    path = Path(path)
    text = text_of(path, expected)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileError(f"{path} is no JSON ({error}); expected {expected}; copy or make it again") from None
