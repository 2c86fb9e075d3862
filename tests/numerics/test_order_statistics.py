"""Places in a row without sorting it, against NumPy's stable sort."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pydra_diffconn.numerics.order_statistics import cut

jitted = jax.jit(cut)
NUMBERS = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf]),
    st.floats(-(2.0**100), 2.0**100, width=32, allow_subnormal=False),
)


@examples(60)
@given(arrays.arrays(np.float32, (2, 7), elements=NUMBERS), st.integers(0, 5))
def test_the_cut_is_where_a_stable_sort_has_it(values, last):
    for kind in (np.float32, np.float64):
        with jax.enable_x64(kind is np.float64):
            found = jitted(jnp.asarray(values, kind), last)
        order = np.argsort(-values, axis=-1, kind="stable")
        np.testing.assert_array_equal(found.last[:, 0], order[:, last])
        np.testing.assert_array_equal(found.next[:, 0], order[:, last + 1])
        np.testing.assert_array_equal(found.before, np.argsort(order, axis=-1) <= last)


@pytest.mark.parametrize("value", [2.3e-308, 1 + 2**-52, -1 - 2**-52, np.nextafter(1e300, 0)])
def test_neighbours_of_double_precision_are_told_apart(x64, value):
    above = np.nextafter(value, np.inf)
    found = jitted(jnp.asarray([[value, above, value - 1e301]]), 0)
    assert found.last.item() == 1 and found.next.item() == 0


def test_missing_values_are_the_smallest(x64):
    found = jitted(jnp.asarray([[np.nan, 2.0, -np.inf, 3.0]]), 1)
    np.testing.assert_array_equal(found.before, [[False, True, False, True]])
    assert found.next.item() == 2
