import jax
import jax.numpy as jnp
import numpy as np
import pytest
from finite_differences import assert_gradient
from hypothesis import given, settings
from hypothesis import strategies as st
from nilearn.connectome import ConnectivityMeasure
from sklearn.covariance import EmpiricalCovariance, shrunk_covariance

from pydra_diffconn.blocks import Correlation, Covariance, FisherZ, PartialCorrelation, ShrinkCovariance
from pydra_diffconn.testing import Case


def nilearn(kind, x):
    return ConnectivityMeasure(EmpiricalCovariance(), kind=kind, standardize=False).fit_transform([x])[0]


def partial_from_precision(precision):
    scale = np.sqrt(np.diag(precision))
    return -precision / np.outer(scale, scale) + 2 * np.eye(len(precision))


@pytest.fixture
def alive(real_series):
    return real_series[:, real_series.std(axis=0) > 0]


def test_correlation_equals_nilearn_on_real_data(x64, alive):
    np.testing.assert_allclose(Correlation.pure(alive), nilearn("correlation", alive), atol=1e-10)


def test_correlation_in_float32_agrees(alive):
    single = Correlation.pure(jnp.asarray(alive, dtype=jnp.float32))
    np.testing.assert_allclose(single, np.corrcoef(alive.T), atol=1e-5)


def test_covariance_equals_nilearn_and_numpy(x64, alive, rng):
    np.testing.assert_allclose(Covariance.pure(alive, ddof=0), nilearn("covariance", alive), rtol=1e-10, atol=1e-10)
    weights = rng.random(len(alive))
    np.testing.assert_allclose(
        Covariance.pure(alive, weights), np.cov(alive.T, aweights=weights), rtol=1e-9, atol=1e-10
    )


def test_partial_correlation_equals_nilearn(x64, rng):
    x = rng.standard_normal((300, 20))
    np.testing.assert_allclose(PartialCorrelation.pure(np.cov(x.T)), nilearn("partial correlation", x), atol=1e-10)


def test_shrinkage_equals_scikit_learn_and_is_exact_at_its_ends(x64, rng):
    s = np.cov(rng.standard_normal((9, 5)).T)
    np.testing.assert_allclose(ShrinkCovariance.pure(s, 0.3), shrunk_covariance(s, 0.3), atol=1e-12)
    np.testing.assert_array_equal(ShrinkCovariance.pure(s, 0.0), s)


def test_fisher_z_is_the_inverse_hyperbolic_tangent_with_a_finite_diagonal(x64, alive):
    r = np.corrcoef(alive[:, :30].T)
    found, off = np.asarray(FisherZ.pure(r)), ~np.eye(30, dtype=bool)
    np.testing.assert_allclose(found[off], np.arctanh(r[off]), atol=1e-10)
    assert np.all(np.diag(found) == 0)


def test_hard_weights_equal_leaving_frames_out(x64, rng):
    x, keep = rng.standard_normal((50, 6)), rng.random(50) > 0.4
    np.testing.assert_allclose(Correlation.pure(x, keep.astype(float)), np.corrcoef(x[keep].T), atol=1e-12)


def test_a_dead_parcel_correlates_zero_and_poisons_no_gradient(x64, rng):
    x = rng.standard_normal((30, 5))
    x[:, 3] = 7.0
    assert np.all(np.asarray(Correlation.pure(x))[3] == [0, 0, 0, 1, 0])
    weights = rng.standard_normal((5, 5))
    slope = jax.grad(lambda x: jnp.sum(weights * Correlation.pure(x)))(x)
    assert np.all(np.isfinite(slope)) and np.all(np.asarray(slope)[:, 3] == 0)
    others = np.delete(x, 3, axis=1)
    kept = np.delete(np.delete(weights, 3, 0), 3, 1)
    expected = jax.grad(lambda x: jnp.sum(kept * Correlation.pure(x)))(others)
    np.testing.assert_allclose(np.delete(slope, 3, axis=1), expected, atol=1e-12)


def test_gradients_equal_finite_differences(x64, rng):
    x, weights = rng.standard_normal((30, 5)), rng.standard_normal((5, 5))
    s = np.cov(x.T)
    assert_gradient(lambda a: jnp.sum(weights * PartialCorrelation.pure(ShrinkCovariance.pure(s, a))), 0.2)
    assert_gradient(lambda p: jnp.sum(weights * PartialCorrelation.pure(s, p)), 0.1)
    assert_gradient(lambda x: jnp.sum(weights * FisherZ.pure(Correlation.pure(x))), x)
    assert_gradient(lambda w: jnp.sum(weights * Correlation.pure(x, w)), rng.uniform(0.2, 1, 30))


@settings(max_examples=20, deadline=None)
@given(scale=st.floats(1e-6, 1e6), shift=st.floats(-100, 100))
def test_correlation_does_not_depend_on_scale_and_offset(scale, shift):
    x = np.random.default_rng(3).standard_normal((40, 4))
    with jax.enable_x64(True):
        np.testing.assert_allclose(Correlation.pure(scale * (x + shift)), np.corrcoef(x.T), atol=1e-9)


def test_a_singular_covariance_and_too_few_frames_are_refused(rng):
    with pytest.raises(ValueError, match="rank 4 and no inverse"):
        PartialCorrelation.check({"covariance": np.cov(rng.standard_normal((5, 8)).T), "penalty": 0.0})
    with pytest.raises(ValueError, match="1 usable frames"):
        Correlation.check({"timeseries": np.ones((4, 2)), "frame_weights": np.array([1.0, 0, 0, 0])})


DEAD = np.random.default_rng(0).standard_normal((30, 5)) * [1, 1, 0, 1, 1] + 3
WEIGHTS = np.random.default_rng(1).uniform(0.2, 1, 60)
CASES = [
    Case(
        Covariance,
        {"frame_weights": WEIGHTS},
        lambda timeseries, frame_weights, ddof: np.cov(timeseries.T, aweights=frame_weights, ddof=ddof),
        "numpy.cov",
        {"a dead parcel": {"timeseries": DEAD, "frame_weights": None}},
        smooth=("timeseries", "frame_weights"),
    ),
    Case(
        Correlation,
        {},
        lambda timeseries, frame_weights: nilearn("correlation", timeseries),
        "nilearn.connectome.ConnectivityMeasure",
        {"a dead parcel": {"timeseries": DEAD}},
    ),
    Case(FisherZ, {}, lambda connectome: np.arctanh(connectome - np.diag(np.diag(connectome))), "numpy.arctanh"),
    Case(
        ShrinkCovariance,
        {},
        lambda covariance, shrinkage: shrunk_covariance(covariance, shrinkage),
        "sklearn.covariance.shrunk_covariance",
    ),
    Case(
        PartialCorrelation,
        {"penalty": 0.1},
        lambda covariance, penalty: partial_from_precision(np.linalg.inv(covariance + penalty * np.eye(5))),
        "numpy.linalg.inv",
        {"equal eigenvalues": {"covariance": np.eye(5)}},
    ),
]
