"""Frame weights: the hard limit, the soft edge, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from finite_differences import assert_gradient
from hypothesis import given, settings
from hypothesis import strategies as st

from pydra_diffconn.blocks import Censor
from pydra_diffconn.testing import Case

FD = np.array([np.nan, 0.1, 0.5, 0.500001, 2.0, 0.0])


def test_without_softness_a_frame_is_kept_or_not():
    weights = Censor.pure(jnp.asarray(FD, dtype=jnp.float32), 0.5, 0.0)
    np.testing.assert_array_equal(weights, [1, 1, 1, 0, 0, 1])


def test_the_soft_weight_is_the_logistic_function(x64):
    displacement = np.nan_to_num(FD)
    weights = Censor.pure(jnp.asarray(FD), 0.4, 0.05)
    np.testing.assert_allclose(weights, 1 / (1 + np.exp(-(0.4 - displacement) / 0.05)), atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.floats(0, 5, width=32), min_size=2, max_size=20),
    st.floats(0.0625, 3, width=32),
    st.sampled_from([1e-3, 1e-4, 1e-6]),
)
def test_the_soft_weight_tends_to_the_hard_one(displacement, threshold, softness):
    displacement = jnp.asarray(displacement, dtype=jnp.float32)
    far = np.abs(np.asarray(displacement) - threshold) > 20 * softness
    soft, hard = Censor.pure(displacement, threshold, softness), Censor.pure(displacement, threshold, 0.0)
    np.testing.assert_allclose(np.asarray(soft)[far], np.asarray(hard)[far], atol=1e-6)


def test_the_derivatives_are_right(x64):
    assert_gradient(lambda v: jnp.sum(Censor.pure(jnp.asarray(FD), v, 0.1) ** 3), 0.4)
    assert_gradient(lambda v: jnp.sum(Censor.pure(jnp.asarray(FD), 0.4, v) ** 3), 0.1)
    assert_gradient(lambda x: jnp.sum(Censor.pure(x, 0.4, 0.1) ** 3), np.nan_to_num(FD))


def test_hard_censoring_has_a_derivative_of_zero():
    gradients = jax.grad(lambda t, s: Censor.pure(jnp.asarray(FD), t, s).sum(), (0, 1))(0.5, 0.0)
    np.testing.assert_array_equal(gradients, 0)


def test_a_missing_displacement_after_the_first_is_refused():
    with pytest.raises(ValueError, match="missing in frame 3"):
        Censor.check({"framewise_displacement": np.array([np.nan, 0.1, 0.2, np.nan])})


def test_a_threshold_that_keeps_nothing_is_refused():
    arguments = {"framewise_displacement": np.array([0.3, 0.4]), "threshold": 0.2, "softness": 0.0}
    with pytest.raises(ValueError, match=r"0\.2 mm or less \(smallest: 0\.3 mm\)"):
        Censor.check(arguments)


CASES = [
    Case(
        Censor,
        {"framewise_displacement": np.random.default_rng(0).gamma(2, 0.2, 60), "softness": 0.05},
        lambda framewise_displacement, threshold, softness: (
            1 / (1 + np.exp((framewise_displacement - threshold) / softness))
        ),
        "logistic function",
        smooth=("framewise_displacement", "threshold", "softness"),
    ),
    Case(
        Censor,
        {"framewise_displacement": np.random.default_rng(0).gamma(2, 0.2, 60)},
        lambda framewise_displacement, threshold, softness: framewise_displacement <= threshold,
        "hard threshold",
        {"a missing first frame": {"framewise_displacement": np.array([np.nan, 0.1, 0.9])}},
        smooth=(),
    ),
]
