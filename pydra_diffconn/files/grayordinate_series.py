"""A CIFTI run on disk, read some grayordinates at a time: the frames of each lie together there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pydra_diffconn.files.opening import reading
from pydra_diffconn.files.series import ImageSeries
from pydra_diffconn.files.volumes import stored
from pydra_diffconn.numerics import aligned

TOGETHER = 2**21  # numbers read at once; few, so that little more than the result is in memory


@dataclass(frozen=True, eq=False)
class GrayordinateSeries(ImageSeries):
    """The series of grayordinates, or of parcels."""

    image: Any
    path: Path

    @property
    def shape(self) -> tuple[int, int]:
        """Frames and grayordinates."""
        frames, places = self.image.shape
        return frames, places

    def is_complete(self) -> bool:
        """Say whether every value is finite."""
        with np.errstate(invalid="ignore", over="ignore"):
            return all(np.isfinite(some.sum(dtype=np.float64)) or np.isfinite(some).all() for _, some in self._parts())

    def dense(self) -> np.ndarray:
        """Return (time, space): float64 if that is what the file gives, else float32."""
        series: Any = None
        for part, some in self._parts():
            if series is None:
                series = aligned.empty(self.shape, np.float64 if some.dtype == np.float64 else np.float32)
            series[:, part] = some
        return series

    def _means(self, numbers: np.ndarray, count: int) -> np.ndarray:
        from scipy.sparse import csr_array

        sums = np.zeros((count, self.shape[0]))
        for part, some in self._parts():
            labelled = np.flatnonzero(numbers[part])
            which = csr_array((np.ones(labelled.size), (numbers[part][labelled] - 1, labelled)), (count, some.shape[1]))
            sums += which @ some.T
        sizes = np.bincount(numbers, minlength=count + 1)[1:]
        return (sums / np.maximum(sizes, 1)[:, None]).T

    def _parts(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield the series of some neighbours after the other, (time, some), to the end of the file."""
        frames, places = self.shape
        some = max(1, TOGETHER // frames)
        with reading(self.path), stored(self.image, self.path) as source:
            for first in range(0, places, some):
                part = slice(first, min(first + some, places))
                yield part, np.asarray(source[:, part])
