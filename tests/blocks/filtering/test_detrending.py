"""Drift removal against SciPy and nilearn, the soft cut-off as a taper of the cosine transform, and censored frames."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from examples import examples
from gradients import assert_gradient, gradient
from hypothesis import given
from hypothesis import strategies as st
from nilearn.glm.first_level.design_matrix import create_cosine_drift
from scipy import fft, signal

from pydra_diffconn.blocks import Detrend
from pydra_diffconn.testing import Case

TR = 2.0
SERIES = 50 + np.random.default_rng(0).standard_normal((100, 4)).cumsum(axis=0)
WEIGHTS = np.random.default_rng(1).uniform(0.2, 1, 100)
KEPT = np.random.default_rng(2).uniform(size=100) > 0.3
SOFT = {"cutoff": 0.02, "softness": 0.004, "tr": TR, "degree": 0}
detrend = jax.jit(Detrend.pure, static_argnames=("degree", "terms", "keep_mean"))


def residual(series, basis, weights=None):
    """Subtract a weighted least-squares fit of the basis and a constant."""
    root = np.sqrt(np.ones(len(series)) if weights is None else weights)[:, None]
    design = np.column_stack([np.ones(len(series)), basis])
    return series - design @ np.linalg.lstsq(root * design, root * series, rcond=None)[0]


def drift(cutoff, tr=TR, frames=100):
    return create_cosine_drift(cutoff, np.arange(frames) * tr)[:, :-1]


@pytest.mark.parametrize(("degree", "kind"), [(0, "constant"), (1, "linear")])
def test_it_is_scipys(x64, degree, kind):
    found = detrend(jnp.asarray(SERIES), degree=degree)
    np.testing.assert_allclose(found, signal.detrend(SERIES, axis=0, type=kind), atol=1e-11)


@pytest.mark.parametrize("cutoff", [0.008, 0.01, 0.03])
def test_a_sharp_cutoff_removes_nilearns_drift_from_real_series(x64, real_series, cutoff):
    series = real_series[:100]
    found = detrend(jnp.asarray(series), tr=3.0, degree=0, cutoff=cutoff)
    expected = residual(series, drift(cutoff, 3.0))
    np.testing.assert_allclose(found, expected, atol=1e-10 * np.abs(series).max())


def test_a_cutoff_on_a_frequency_takes_it_in_also_in_single_precision():
    wave = np.cos(np.pi * (np.arange(100) + 0.5) * 4 / 100)[:, None]  # 0.01 Hz
    for cutoff, left in ((0.01, 0), (0.0099, 1)):
        found = detrend(jnp.asarray(wave, jnp.float32), tr=TR, degree=0, cutoff=jnp.float32(cutoff))
        assert np.abs(found).max() == pytest.approx(left, abs=1e-2)


def test_a_soft_cutoff_tapers_the_cosine_transform(x64):
    number = np.arange(100)
    part = 1 / (1 + np.exp((number / (200 * TR) - 0.02) / 0.004))
    part[0], part[65:] = 1, 0
    expected = fft.idct((1 - part)[:, None] * fft.dct(SERIES, axis=0), axis=0)
    np.testing.assert_allclose(detrend(jnp.asarray(SERIES), **SOFT), expected, atol=1e-10)


def test_the_soft_cutoff_tends_to_the_sharp_one(x64):
    settled = {**SOFT, "cutoff": 0.021, "degree": 1, "frame_weights": jnp.asarray(KEPT, float)}
    sharp = detrend(jnp.asarray(SERIES), **{**settled, "softness": 0.0})
    np.testing.assert_allclose(detrend(jnp.asarray(SERIES), **{**settled, "softness": 3e-5}), sharp, atol=1e-8)


def test_frames_of_weight_zero_have_no_influence_on_the_others(x64):
    spoilt = np.where(KEPT[:, None], SERIES, 1e5)
    settled = {**SOFT, "degree": 2, "frame_weights": jnp.asarray(KEPT, float)}
    found, expected = (detrend(jnp.asarray(one), **settled) for one in (spoilt, SERIES))
    np.testing.assert_allclose(found[KEPT], expected[KEPT], atol=1e-9)


def test_the_mean_may_stay(x64):
    kept = detrend(jnp.asarray(SERIES), keep_mean=True)
    np.testing.assert_allclose(kept, detrend(jnp.asarray(SERIES)) + SERIES.mean(axis=0), atol=1e-11)


def test_a_large_mean_costs_single_precision_few_digits():
    series = np.asarray(SERIES + 1e4, np.float32)
    expected = signal.detrend(series.astype(float), axis=0)
    np.testing.assert_allclose(detrend(jnp.asarray(series)), expected, atol=2e-5 * np.abs(expected).max())


@examples(20)
@given(st.integers(0, 10_000))
def test_polynomials_leave_nothing_of_themselves(seed):
    rng = np.random.default_rng(seed)
    weights = rng.uniform(0, 1, 100) * (rng.uniform(size=100) > 0.5)
    curve = np.polynomial.Polynomial(rng.standard_normal(3))(np.linspace(-1, 1, 100))[:, None]
    with jax.enable_x64(True):
        assert np.abs(detrend(jnp.asarray(curve), jnp.asarray(weights), degree=2)).max() < 1e-9


def test_all_parameters_have_the_right_derivatives_under_weights(x64):
    total = jax.jit(
        lambda w, cutoff, softness: jnp.sum(
            Detrend.pure(SERIES, w, TR, degree=1, cutoff=cutoff, softness=softness, terms=20) ** 3
        )
    )
    assert_gradient(lambda v: total(v, 0.02, 0.004), WEIGHTS, step=1e-5, atol=1e-6)
    assert_gradient(lambda v: total(WEIGHTS, v, 0.004), 0.02)
    assert_gradient(lambda v: total(WEIGHTS, 0.02, v), 0.004)


def test_fewer_frames_than_terms_have_finite_derivatives(x64):
    few = (np.arange(100) % 40 == 5).astype(float)
    total = lambda x, w, cutoff: jnp.sum(detrend(x, w, **{**SOFT, "cutoff": cutoff}) ** 2)  # noqa: E731
    for slope in gradient(total, (0, 1, 2))(jnp.asarray(SERIES), few, 0.02):
        assert np.all(np.isfinite(slope))


def test_a_planted_cutoff_is_recovered(x64):
    target = detrend(jnp.asarray(SERIES), **{**SOFT, "cutoff": 0.03})
    solver = optax.adam(0.02)

    @jax.jit
    def learned(start):
        def step(state, _):
            free, moments = state
            loss = lambda f: jnp.mean((detrend(SERIES, **{**SOFT, "cutoff": jnp.exp(f)}) - target) ** 2)  # noqa: E731
            change, moments = solver.update(jax.grad(loss)(free), moments)
            return (free + change, moments), None

        return jnp.exp(jax.lax.scan(step, (start, solver.init(start)), None, length=200)[0][0])

    assert float(learned(jnp.log(0.015))) == pytest.approx(0.03, abs=5e-4)


BAD = [
    ({"cutoff": 0.01, "tr": None}, "cutoff = 0.01 Hz is given without tr"),
    ({"cutoff": 0.3, "tr": TR}, "not below the Nyquist frequency 0.25 Hz"),
    ({"cutoff": 0.2, "tr": TR}, "80 cosines are at or below cutoff = 0.2 Hz in 100 frames, but terms = 64"),
    ({"degree": -1}, "degree = -1"),
    ({"degree": 3, "frame_weights": np.arange(100) < 4.0}, "no temporal degrees of freedom are left of 4"),
    ({"frame_weights": np.ones(99)}, "99 frames, timeseries 100 .*were 1 dummy scan removed"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD)
def test_bad_input_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        Detrend.check({"timeseries": SERIES, **arguments})


def joint_fit(timeseries, frame_weights, tr, degree, cutoff, **_):
    time = np.linspace(-1, 1, len(timeseries))[:, None] ** np.arange(1, degree + 1)
    return residual(timeseries, np.column_stack([time, drift(cutoff, tr, len(timeseries))]), frame_weights)


def tapered(timeseries, tr, cutoff, softness, **_):
    part = 1 / (1 + np.exp((np.arange(len(timeseries)) / (2 * len(timeseries) * tr) - cutoff) / softness))
    part[0], part[65:] = 1, 0
    return fft.idct((1 - part)[:, None] * fft.dct(timeseries, axis=0), axis=0)


SHARP = {"timeseries": SERIES, "frame_weights": WEIGHTS, "tr": TR, "cutoff": 0.01, "degree": 2}
FEW = {
    "all but eleven frames censored": {"frame_weights": (np.arange(100) % 9 == 5).astype(float)},
    "a constant column": {"timeseries": np.stack([np.full(100, 7.0), SERIES[:, 0]], axis=1)},
}
CASES = [
    Case(
        Detrend,
        {"timeseries": SERIES},
        lambda timeseries, **_: signal.detrend(timeseries, axis=0),
        "scipy.signal.detrend",
        {"a constant column": FEW["a constant column"]},
    ),
    Case(Detrend, SHARP, joint_fit, "nilearn create_cosine_drift, numpy.linalg.lstsq", smooth=("timeseries",)),
    Case(Detrend, {"timeseries": SERIES, **SOFT}, tapered, "scipy.fft.dct (tapered)", FEW),
]
