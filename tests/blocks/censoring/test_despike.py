"""Spikes against SciPy's robust fits, and AFNI's limit of least absolute deviations."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gradients import assert_gradient
from scipy.optimize import least_squares, linprog

from pydra_diffconn.blocks import Despike
from pydra_diffconn.testing import Case

FRAMES = 90
RNG = np.random.default_rng(0)
SMOOTH = np.sin(2 * np.pi * np.arange(FRAMES) / 45)[:, None] * [3.0, 1.0, 0.5, 2.0] + [100.0, 0.0, -5.0, 1.0]
NOISE = RNG.standard_normal((FRAMES, 4))
SPIKES = np.zeros((FRAMES, 4))
SPIKES[[10, 40, 41, 70], [0, 1, 1, 2]] = [12.0, -9.0, 15.0, 30.0]
SERIES = SMOOTH + NOISE + SPIKES
WEIGHTS = np.where(np.arange(FRAMES) % 11 == 3, 0.0, 1.0)
despike = jax.jit(Despike.pure, static_argnames=("waves",))


def basis(frames, waves):
    time = np.arange(frames)
    angles = 2 * np.pi * np.outer(time, np.arange(1, waves + 1)) / frames
    powers = np.linspace(-1, 1, frames)[:, None] ** np.arange(3)
    return np.concatenate([powers, np.sin(angles), np.cos(angles)], axis=1)


def test_spikes_come_down_and_the_rest_stays_as_it_is(x64):
    found = np.asarray(despike(jnp.asarray(SERIES), waves=3))
    spikes = SPIKES != 0
    assert np.abs((found - SMOOTH)[spikes]).max() < 5 < np.abs((SERIES - SMOOTH)[spikes]).min()
    assert np.mean(found[~spikes] == SERIES[~spikes]) > 0.95
    assert np.abs(found - SMOOTH).mean() < np.abs(SERIES - SMOOTH).mean()


def test_with_little_smoothness_it_is_afnis_least_absolute_deviations(x64):
    """AFNI fits the curve by linear programming."""
    curves, terms = basis(FRAMES, 3), 9
    expected = []
    for series in SERIES.T:
        cost = np.r_[np.zeros(terms), np.ones(2 * FRAMES)]
        above = np.concatenate([curves, np.eye(FRAMES), -np.eye(FRAMES)], axis=1)
        bounds = [(None, None)] * terms + [(0, None)] * (2 * FRAMES)
        found = linprog(cost, A_eq=above, b_eq=series, bounds=bounds).x[:terms]
        rest = series - curves @ found
        sigma = np.sqrt(np.pi / 2) * np.median(np.abs(rest))
        score = rest / sigma
        pulled = 2.5 + 1.5 * np.tanh((np.abs(score) - 2.5) / 1.5)
        expected.append(np.where(np.abs(score) > 2.5, curves @ found + np.sign(rest) * pulled * sigma, series))
    found = despike(jnp.asarray(SERIES), smoothness=0.005, waves=3)
    np.testing.assert_allclose(found, np.stack(expected, axis=1), atol=0.1)


@pytest.mark.parametrize("places", [255, 256, 300, 600])
def test_places_are_treated_alike_however_many_there_are(x64, places):
    series = np.tile(SERIES, (1, 150))[:, :places]
    found = despike(jnp.asarray(series), waves=3)
    np.testing.assert_allclose(found, np.tile(despike(jnp.asarray(SERIES), waves=3), (1, 150))[:, :places], atol=1e-10)


def test_frames_without_weight_have_no_influence_and_stay_as_they_are(x64):
    spoiled = np.where(WEIGHTS[:, None] > 0, SERIES, 500.0)
    one, other = (despike(jnp.asarray(x), WEIGHTS, waves=3) for x in (SERIES, spoiled))
    np.testing.assert_allclose(one[WEIGHTS > 0], other[WEIGHTS > 0], atol=1e-9)
    np.testing.assert_array_equal(other[WEIGHTS == 0], spoiled[WEIGHTS == 0])
    late = np.arange(len(SERIES)) < len(SERIES) // 2  # where the curve would be guessed far from all that is kept
    np.testing.assert_array_equal(despike(jnp.asarray(SERIES), 1.0 * late, waves=1)[~late], SERIES[~late])


def test_the_gradients_are_right(x64):
    series = SERIES - SMOOTH  # large means would cost the differences their digits
    assert_gradient(lambda x: jnp.sum(despike(x, smoothness=0.1, waves=3) ** 3), series)
    assert_gradient(lambda c: jnp.sum(despike(series, cut=c, smoothness=0.1, waves=3) ** 3), 2.5)
    assert_gradient(lambda s: jnp.sum(despike(series, smoothness=s, waves=3) ** 3), 0.1, step=1e-5)


def test_a_place_that_does_not_vary_stays_as_it_is(x64):
    series = np.full((FRAMES, 2), 7.0)
    np.testing.assert_array_equal(despike(jnp.asarray(series), waves=3), series)


BAD = [
    ({"cut": 4.0, "limit": 4.0, "timeseries": SERIES}, "cut = 4 is not below limit = 4"),
    ({"timeseries": SERIES[:9], "waves": 3}, "9 of 9 frames can be used, at least 10 must"),
    ({"timeseries": SERIES, "waves": -1}, "waves = -1"),
    ({"timeseries": SERIES, "smoothness": 0.0}, "smoothness = 0; expected more than 0"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD)
def test_bad_input_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        Despike.check(arguments)


def weighted_median(values, weights):
    """Average the sorted values over the central stretch of weight, as long as the mean weight."""
    order = np.argsort(values)
    edges = np.r_[0.0, np.cumsum(weights[order])]
    half, middle = np.sum(weights**2) / np.sum(weights) / 2, edges[-1] / 2
    inside = np.clip(edges[1:], middle - half, middle + half) - np.clip(edges[:-1], middle - half, middle + half)
    return inside @ values[order] / inside.sum()


def robust(timeseries, frame_weights, cut, limit, smoothness, waves):
    """SciPy's soft_l1 is the same rounded absolute deviation."""
    weights = np.ones(len(timeseries)) if frame_weights is None else frame_weights
    curves, made = np.linalg.qr(basis(len(timeseries), waves))[0], []
    for series in timeseries.T:
        root = np.sqrt(weights)
        start = np.linalg.lstsq(root[:, None] * curves, root * series, rcond=None)[0]
        tip = smoothness * np.sqrt(np.average((series - curves @ start) ** 2, weights=weights))
        found = start
        for number in range(100):
            rest = series - curves @ found
            size = np.hypot(rest, tip)
            bend = (curves * (weights * tip**2 / size**3)[:, None]).T @ curves
            step = np.linalg.solve(bend, curves.T @ (weights * rest / size))
            lengths = 0.5 ** np.arange(30)
            totals = [weights @ np.hypot(series - curves @ (found + length * step), tip) for length in lengths]
            found = found + (lengths[int(np.argmin(totals))] if number < 95 else 1.0) * step
        if frame_weights is None:
            scipys = least_squares(
                lambda b, series=series: curves @ b - series, found, loss="soft_l1", f_scale=tip, xtol=1e-15, gtol=1e-12
            )
            np.testing.assert_allclose(scipys.x, found, atol=1e-6)
        rest = series - curves @ found
        sigma = np.sqrt(np.pi / 2) * weighted_median(np.abs(rest), weights)
        score = np.abs(rest) / sigma
        pulled = cut + (limit - cut) * np.tanh((score - cut) / (limit - cut))
        made.append(np.where((score > cut) & (weights > 0), curves @ found + np.sign(rest) * pulled * sigma, series))
    return np.stack(made, axis=1)


CASES = [
    Case(
        Despike,
        {"timeseries": SERIES},
        robust,
        "scipy.optimize.least_squares(loss='soft_l1') and 3dDespike's formula",
        {"two values": {"timeseries": np.repeat([[1.0], [2.0]], [50, 40], axis=0) * np.ones(3)}},
        smooth=("timeseries", "cut", "limit", "smoothness"),
        tolerance32=1e-3,
    ),
    Case(
        Despike,
        {"timeseries": SERIES, "frame_weights": np.where(WEIGHTS > 0, RNG.uniform(0.3, 1, FRAMES), 0.0), "waves": 1},
        robust,
        "the same in NumPy (weights)",
        smooth=("timeseries", "cut", "limit"),
        tolerance32=1e-3,
    ),
]
