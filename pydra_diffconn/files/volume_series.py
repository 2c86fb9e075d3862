"""A 4D image on disk as a series of frames, read some frames at a time."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from pydra_diffconn.files.opening import is_compressed, reading
from pydra_diffconn.files.series import ImageSeries
from pydra_diffconn.files.volumes import stored
from pydra_diffconn.numerics import aligned

TOGETHER = 8  # frames read at once; few, so that little more than the result is in memory


@dataclass(frozen=True, eq=False)
class VolumeSeries(ImageSeries):
    """The frames of volumes.

    Attributes
    ----------
    image, path
        As of every series on disk.
    positions : (space,)
        Places of the columns in the flattened (C order) grid.
    """

    image: Any
    path: Path
    positions: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        """Frames and locations."""
        return self.image.shape[3], self.positions.size

    def dense(self) -> np.ndarray:
        """Return (time, space): float64 if the file holds that, else float32."""
        double = np.dtype(self.image.get_data_dtype()) == np.float64
        series = aligned.empty(self.shape, np.float64 if double else np.float32)
        places = self._fortran_positions()
        for number, frame in enumerate(self._frames()):
            series[number] = self._scaled(frame[places])
        return series

    def _means(self, numbers: np.ndarray, count: int) -> np.ndarray:
        segment = np.zeros(int(np.prod(self.image.shape[:3])), dtype=np.intp)
        segment[self._fortran_positions()] = numbers
        wanted = np.flatnonzero(segment)
        everywhere = 2 * wanted.size > segment.size  # else picking the labelled voxels first is faster
        segment = segment if everywhere else segment[wanted]
        sizes = np.bincount(segment, minlength=count + 1)[1:]

        def mean(frame: np.ndarray) -> np.ndarray:
            values = frame if everywhere else frame[wanted]
            sums = np.bincount(segment, weights=values, minlength=count + 1)[1:]
            return self._scaled(sums / np.maximum(sizes, 1)) * (sizes > 0)

        means = np.empty((self.shape[0], count))
        frames = enumerate(self._frames())
        with ThreadPoolExecutor() as pool:
            while some := list(islice(frames, TOGETHER)):
                means[[number for number, _ in some]] = list(pool.map(mean, (frame for _, frame in some)))
        return means

    @property
    def _mapped(self) -> bool:
        return not is_compressed(self.path) and hasattr(self.image.dataobj, "get_unscaled")

    def _frames(self) -> Iterator[np.ndarray]:
        """Yield every frame, flattened in the order of the file (Fortran); not scaled yet if it is mapped."""
        with reading(self.path):
            if self._mapped:
                yield from self._frames_of(self.image.dataobj.get_unscaled())
                return
            with stored(self.image, self.path) as source:
                yield from self._frames_of(source)

    def _frames_of(self, source: Any) -> Iterator[np.ndarray]:
        for first in range(0, self.shape[0], TOGETHER):
            some = source[..., first : min(first + TOGETHER, self.shape[0])]
            for number in range(some.shape[3]):
                yield some[..., number].reshape(-1, order="F")

    def _scaled(self, values: np.ndarray) -> np.ndarray:
        proxy = self.image.dataobj
        if not self._mapped or (proxy.slope, proxy.inter) == (1.0, 0.0):
            return values
        return values.astype(np.float64) * proxy.slope + proxy.inter

    def _fortran_positions(self) -> np.ndarray:
        grid = self.image.shape[:3]
        return np.ravel_multi_index(np.unravel_index(self.positions, grid), grid, order="F")
