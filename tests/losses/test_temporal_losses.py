import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gradients import assert_gradient, finite_gradient

from pydra_diffconn import losses
from pydra_diffconn.losses import temporal

pytestmark = pytest.mark.usefixtures("x64")
smoothness, bimodal = jax.jit(temporal.smoothness, static_argnums=(1, 2)), jax.jit(temporal.bimodal)


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("axis", [0, -1])
def test_smoothness_is_the_norm_of_the_difference(rng, n, axis):
    x = rng.standard_normal((7, 6))
    expected = np.linalg.norm(np.diff(x, n, axis), axis=axis)
    np.testing.assert_allclose(smoothness(x, n, axis), expected, atol=1e-12)
    np.testing.assert_allclose(losses.Smoothness("x", n=n, axis=axis)({"x": x}), expected.mean(), atol=1e-12)
    assert_gradient(lambda x: smoothness(x, n, axis).sum(), x)


def test_polynomials_below_the_difference_are_smooth_and_leave_gradients_finite():
    x = np.arange(8.0) ** 2
    assert smoothness(x, 3) == 0
    finite_gradient(lambda x: smoothness(x, 3), x)
    with pytest.raises(ValueError, match="the difference of order 8 needs more than 8 values"):
        smoothness(x, 8)


def test_bimodal_is_the_distance_to_the_nearer_mode(rng):
    x = rng.standard_normal((5, 6)) * 3
    expected = np.minimum(np.abs(x + 1), np.abs(x - 2))
    np.testing.assert_allclose(bimodal(x, -1, 2), expected, atol=1e-12)
    np.testing.assert_allclose(losses.Bimodal("x", lower=-1, upper=2)({"x": x}), expected.mean(), atol=1e-12)
    assert_gradient(lambda x: bimodal(x).sum(), x)
    finite_gradient(lambda x: bimodal(x).sum(), jnp.array([0.0, 0.5, 1.0]))
