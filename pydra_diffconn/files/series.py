"""A 4D image on disk as a series of frames: read whole, or averaged over labels while it is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from pydra_diffconn.files.opening import FileError, is_compressed, reading
from pydra_diffconn.files.volumes import stored

TOGETHER = 8  # frames read at once; few, so that little more than the result is in memory


@dataclass(frozen=True, eq=False)
class ImageSeries:
    """The frames of an image, at chosen locations; nothing is read before it is needed.

    Attributes
    ----------
    image : nibabel image
        With its data on disk.
    path : Path
        For messages.
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

    @property
    def ndim(self) -> int:
        return 2

    def dense(self) -> np.ndarray:
        """Return (time, space): float64 if the file holds that, else float32."""
        double = np.dtype(self.image.get_data_dtype()) == np.float64
        series = np.empty(self.shape, dtype=np.float64 if double else np.float32)
        places = self._fortran_positions()
        for number, frame in enumerate(self._frames()):
            series[number] = self._scaled(frame[places])
        return series

    def label_means(self, labels: np.ndarray, parcels: Sequence[int]) -> np.ndarray:
        """Return (time, parcels), the mean over each label, holding only some frames in memory.

        Parameters
        ----------
        labels : (space,)
            Label of each location.
        parcels : sequence of int
            Labels to average; one without any location gives zeros.
        """
        if labels.shape != (self.positions.size,):
            raise ValueError(
                f"labels has shape {labels.shape}, timeseries {self.positions.size} columns; expected one label each"
            )
        place = {label: number for number, label in enumerate(parcels, start=1)}
        found, which = np.unique(labels, return_inverse=True)
        numbers = np.array([place.get(int(label), 0) for label in found])
        segment = np.zeros(int(np.prod(self.image.shape[:3])), dtype=np.intp)
        segment[self._fortran_positions()] = numbers[which]
        wanted = np.flatnonzero(segment)
        everywhere = 2 * wanted.size > segment.size  # else picking the labelled voxels first is faster
        segment = segment if everywhere else segment[wanted]
        count = np.bincount(segment, minlength=len(parcels) + 1)[1:]

        def mean(frame: np.ndarray) -> np.ndarray:
            values = frame if everywhere else frame[wanted]
            sums = np.bincount(segment, weights=values, minlength=len(parcels) + 1)[1:]
            return self._scaled(sums / np.maximum(count, 1)) * (count > 0)

        means = np.empty((self.shape[0], len(parcels)))
        frames = enumerate(self._frames())
        with ThreadPoolExecutor() as pool:
            while some := list(islice(frames, TOGETHER)):
                means[[number for number, _ in some]] = list(pool.map(mean, (frame for _, frame in some)))
        bad = ~np.isfinite(means).all(axis=1)
        if bad.any():
            raise FileError(
                f"{self.path}: values in parcels are not finite, the first in frame {bad.argmax()}; mask those "
                "locations or mend the image"
            )
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
