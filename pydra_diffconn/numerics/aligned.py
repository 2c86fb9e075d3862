"""NumPy arrays that lie where XLA takes them as they are; those that lie elsewhere it copies, at every call anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

BYTES = 64  # what an address is a multiple of; NumPy's own large arrays begin 16 bytes behind one


def empty(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Return an array of which nothing is set yet."""
    size = int(np.prod(shape, dtype=int)) * np.dtype(dtype).itemsize
    room = np.empty(size + BYTES, np.uint8)
    first = -room.ctypes.data % BYTES
    return room[first : first + size].view(dtype).reshape(shape)


def aligned(array: Any) -> Any:
    """Return a NumPy array as compiled functions take it, of JAX's own type too; any other value as it is."""
    import jax

    if not isinstance(array, np.ndarray):
        return array
    dtype = jax.dtypes.canonicalize_dtype(array.dtype)
    if array.dtype == dtype and array.flags.c_contiguous and array.ctypes.data % BYTES == 0:
        return array
    made = empty(array.shape, dtype)
    made[...] = array
    return made


def stacked(arrays: Sequence[Any]) -> np.ndarray:
    """Return arrays of one shape along a new leading axis."""
    rows = [np.asarray(one) for one in arrays]
    return np.stack(rows, out=empty((len(rows), *rows[0].shape), np.result_type(*{one.dtype for one in rows})))


def taken(array: np.ndarray, rows: Sequence[int]) -> np.ndarray:
    """Return some rows of an array."""
    made = empty((len(rows), *array.shape[1:]), array.dtype)
    return np.take(array, rows, axis=0, out=made, mode="clip")  # by its default mode it would fill a copy first
