"""Writing so that a reader sees all of it or nothing, and noticing damage."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def whole_folder(folder: str | Path) -> Iterator[Path]:
    """Give a folder to write into, which becomes `folder` at once when all is written, and else leaves no trace.

    In a folder that is there already, each file takes the place of its namesake after all of them have been written, so
    that a full disk never leaves new ones beside old ones; other files stay.
    """
    from safetensors import SafetensorError  # what its writer makes of a full disk

    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        beside.chmod(0o777 & ~_umask())  # temporary folders are for their owner alone
        yield beside
        if not folder.exists():
            os.replace(beside, folder)
            return
        for path in sorted(beside.rglob("*")):
            place = folder / path.relative_to(beside)
            if path.is_dir():
                place.mkdir(exist_ok=True)
            else:
                os.replace(path, place)
    except (OSError, SafetensorError) as error:
        raise OSError(f"{folder} could not be written ({error}); what was there before is unchanged") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


@contextlib.contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Give a path to write to, which takes the place of `path` at once when all is written."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    os.close(handle)
    beside = Path(name)
    try:
        yield beside
        beside.chmod(0o666 & ~_umask())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def checksum(*parts: bytes) -> str:
    """Return a text by which damage to some bytes is noticed."""
    total = hashlib.sha256()
    for part in parts:
        total.update(part)
    return total.hexdigest()
