import jax
import numpy as np
import pytest
from diffconn_multitaper.blocks import MultitaperSpectrum
from diffconn_multitaper.constraints import DescendingSimplex
from diffconn_multitaper.losses import BandConcentration

RULE = DescendingSimplex()


@pytest.mark.parametrize("weights", [[1.0], [0.5, 0.3, 0.2], [0.4, 0.35, 0.15, 0.1]])
def test_weights_inside_come_back_from_the_free_space(weights):
    with jax.enable_x64(True):
        np.testing.assert_allclose(RULE.from_free(RULE.to_free(np.array(weights))), weights, atol=1e-12)


@pytest.mark.parametrize("weights", [[1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3], [0.5, 0.5, 0.0]])
def test_corners_are_legal_and_enter_from_just_inside(weights):
    assert RULE.contains(weights)
    inside = np.asarray(RULE.from_free(RULE.to_free(np.array(weights))))
    assert RULE.contains(inside) and np.all(inside > 0) and np.max(np.abs(inside - weights)) < 0.03


@pytest.mark.parametrize("weights", [[0.2, 0.8], [0.6, 0.6], [1.2, -0.2], 1.0])
def test_what_is_outside_is_illegal(weights):
    assert not RULE.contains(weights)


def test_every_free_point_is_a_legal_value_and_there_is_no_narrower_set():
    free = np.random.default_rng(0).standard_normal((50, 7)).astype(np.float32) * 20
    assert RULE.contains(RULE.from_free(free))
    with pytest.raises(ValueError, match="cannot be narrowed"):
        RULE.narrowed((0, 1))


def test_the_loss_is_the_share_of_power_outside_the_band():
    time = np.arange(200) * 2.0
    series = np.column_stack([np.sin(2 * np.pi * 0.05 * time), np.sin(2 * np.pi * 0.2 * time), np.zeros(200)])
    power, frequencies = MultitaperSpectrum.pure(series, 2.0)
    outputs = {"power": np.stack([power] * 2), "frequencies": np.stack([frequencies] * 2)}
    np.testing.assert_allclose(BandConcentration("power", low=0.03, high=0.07)(outputs), 0.5, atol=1e-3)
    np.testing.assert_allclose(BandConcentration("power", 0.5, low=0.1, high=0.25)(outputs), 0.25, atol=1e-3)
    slope = jax.grad(lambda power: BandConcentration("power")({**outputs, "power": power}))(outputs["power"])
    assert np.all(np.isfinite(slope))
    with pytest.raises(ValueError, match=r"low = 0.2 and high = 0.1 Hz are no band"):
        BandConcentration("power", low=0.2)
