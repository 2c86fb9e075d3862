"""A run in an image on disk, (time, space): read whole, or averaged over labels while it is read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pydra_diffconn.files.opening import FileError


class ImageSeries:
    """The frames of an image, at chosen locations; nothing is read before it is needed.

    Attributes
    ----------
    image : nibabel image
        With its data on disk.
    path : Path
        For messages.
    """

    image: Any
    path: Path
    ndim = 2

    @property
    def shape(self) -> tuple[int, int]:
        """Frames and locations."""
        raise NotImplementedError

    def dense(self) -> np.ndarray:
        """Return (time, space), in single precision unless the file has more."""
        raise NotImplementedError

    def label_means(self, labels: np.ndarray, parcels: Sequence[int]) -> np.ndarray:
        """Return (time, parcels), the mean over each label, holding only a part of the image in memory.

        Parameters
        ----------
        labels : (space,)
            Label of each location.
        parcels : sequence of int
            Labels to average; one without any location gives zeros.
        """
        if labels.shape != self.shape[1:]:
            raise ValueError(
                f"labels has shape {labels.shape}, timeseries {self.shape[1]} columns; expected one label each"
            )
        place = {label: number for number, label in enumerate(parcels, start=1)}
        found, which = np.unique(labels, return_inverse=True)
        numbers = np.array([place.get(int(label), 0) for label in found])
        means = self._means(numbers[which], len(parcels))
        bad = ~np.isfinite(means).all(axis=1)
        if bad.any():
            raise FileError(
                f"{self.path}: values in parcels are not finite, the first in frame {bad.argmax()}; mask those "
                "locations or mend the image"
            )
        return means

    def _means(self, numbers: np.ndarray, count: int) -> np.ndarray:
        """Return (time, count), the means of locations numbered from 1 on, without those of 0."""
        raise NotImplementedError
