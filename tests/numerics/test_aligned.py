"""Arrays that compiled functions take as they are."""

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pydra_diffconn.numerics.aligned import BYTES, aligned, empty, stacked, taken

KINDS = st.sampled_from([np.float32, np.float64, np.int32, np.int64, np.bool_, np.uint8])
ARRAYS = KINDS.flatmap(lambda kind: arrays.arrays(kind, arrays.array_shapes(min_dims=0, max_dims=3, max_side=5)))


def lies_well(array: np.ndarray) -> bool:
    return array.flags.c_contiguous and array.ctypes.data % BYTES == 0


@given(ARRAYS)
def test_values_stay_and_types_are_those_that_jax_would_make(array):
    for double in (False, True):
        with jax.enable_x64(double):
            made, expected = aligned(array.T), np.asarray(jax.numpy.asarray(array.T))
        assert lies_well(made) and made.dtype == expected.dtype
        np.testing.assert_array_equal(made, expected)


def test_what_lies_well_is_no_copy_and_what_is_no_array_stays():
    array = empty((3, 4), np.float32)
    assert aligned(array) is array
    assert aligned(None) is None and aligned(2.0) == 2.0


@given(st.lists(st.sampled_from([np.float32, np.float64]), min_size=1, max_size=80), st.data())
def test_rows_are_stacked_and_taken_as_by_numpy(kinds, data):
    rows = [np.full((2, 3), number, kind) for number, kind in enumerate(kinds)]
    together = stacked(rows)
    assert lies_well(together) and together.dtype == np.stack(rows).dtype
    np.testing.assert_array_equal(together, np.stack(rows))
    chosen = data.draw(st.lists(st.integers(0, len(rows) - 1), min_size=1))
    assert lies_well(taken(together, chosen))
    np.testing.assert_array_equal(taken(together, chosen), together[chosen])


@pytest.mark.parametrize("double", [False, True])
def test_a_compiled_function_takes_it_without_a_copy(double):
    """The memory of the argument of a step, which is as large as all runs, is counted once."""
    with jax.enable_x64(double):
        array = empty((1000, 1000), np.float64 if double else np.float32)
        array[...] = 1.0
        there = jax.device_put(array, may_alias=True)
        assert there.unsafe_buffer_pointer() == array.ctypes.data
