"""Data larger than memory: arrays beyond a limit wait in files, from which the operating system reads what is used."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np


class Spool:
    """Keep arrays in memory up to a limit, and those that follow in a temporary folder as long as the spool lives.

    Parameters
    ----------
    limit : float, optional
        Bytes to hold in memory; by default a quarter of the machine's.
    """

    def __init__(self, limit: float | None = None) -> None:
        if limit is not None and not (isinstance(limit, int | float) and limit >= 0):
            raise ValueError(f"memory is {limit!r}; expected a number of bytes, such as 4e9, or None")
        self.limit = memory_of_machine() / 4 if limit is None else limit
        self.held = 0
        self.folder: tempfile.TemporaryDirectory[str] | None = None
        self.count = 0

    def keep(self, array: np.ndarray) -> np.ndarray:
        """Return the array, or the same numbers in a file, mapped into memory."""
        if self.held + array.nbytes <= self.limit:
            self.held += array.nbytes
            return array
        if self.folder is None:
            self.folder = tempfile.TemporaryDirectory(prefix="diffconn-")
        self.count += 1
        path = Path(self.folder.name) / f"{self.count}.npy"
        np.save(path, array)
        return np.load(path, mmap_mode="r")


class Loaded(dict[Any, Any]):
    """What was read from files, by file and purpose, so that runs which share a file share the array."""

    def __init__(self, spool: Spool | None = None) -> None:
        super().__init__()
        self.spool = spool or Spool()


def memory_of_machine() -> float:
    """Return the bytes of physical memory."""
    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
