import jax
import jax.numpy as jnp
import numpy as np
import pytest
from examples import examples
from gradients import assert_gradient, gradient
from hypothesis import given
from hypothesis import strategies as st
from nilearn.connectome import ConnectivityMeasure, sym_matrix_to_vec
from sklearn.covariance import EmpiricalCovariance, shrunk_covariance

from pydra_diffconn.blocks import (
    AmplitudeCorrelation,
    Coherence,
    ConditionalCorrelation,
    Correlation,
    CorrelationOfCovariance,
    Covariance,
    FisherZ,
    ImaginaryCoherence,
    PartialCorrelation,
    PhaseLocking,
    Precision,
    ShrinkCovariance,
    VectorizeEdges,
)
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


COPIES = {
    "Correlation": lambda x, c: Correlation.pure(x),
    "ConditionalCorrelation": lambda x, c: ConditionalCorrelation.pure(x, c),
    "CorrelationOfCovariance": lambda x, c: CorrelationOfCovariance.pure(Covariance.pure(x)),
    "PartialCorrelation": lambda x, c: PartialCorrelation.pure(Covariance.pure(x), 1e-3),
    "PhaseLocking": lambda x, c: PhaseLocking.pure(x),
    "AmplitudeCorrelation": lambda x, c: AmplitudeCorrelation.pure(x),
    "Coherence": lambda x, c: Coherence.pure(x, 2.0),
    "ImaginaryCoherence": lambda x, c: ImaginaryCoherence.pure(x, 2.0),
}


@pytest.mark.parametrize("kind", list(COPIES))
def test_copies_of_a_series_never_correlate_by_more_than_one(rng, kind):
    x = rng.standard_normal((200, 40))
    single, confounds = np.c_[x, 3 * x, -x].astype(np.float32), rng.standard_normal((200, 2)).astype(np.float32)
    assert np.abs(np.asarray(jax.jit(COPIES[kind])(single, confounds), dtype=float)).max() <= 1


def test_the_gradient_at_equal_series_is_finite(x64, rng):
    x = rng.standard_normal((50, 3))
    weights = rng.standard_normal((6, 6))
    assert_gradient(lambda x: jnp.sum(weights * Correlation.pure(jnp.c_[x, 2 * x])), x)


def test_covariance_equals_nilearn_and_numpy(x64, alive, rng):
    np.testing.assert_allclose(Covariance.pure(alive, ddof=0), nilearn("covariance", alive), rtol=1e-10, atol=1e-10)
    weights = rng.random(len(alive))
    np.testing.assert_allclose(
        Covariance.pure(alive, weights), np.cov(alive.T, aweights=weights), rtol=1e-9, atol=1e-10
    )


def test_partial_correlation_equals_nilearn(x64, rng):
    x = rng.standard_normal((300, 20))
    np.testing.assert_allclose(PartialCorrelation.pure(np.cov(x.T)), nilearn("partial correlation", x), atol=1e-10)


def test_precision_equals_nilearn(x64, rng):
    x = rng.standard_normal((300, 20))
    found = Precision.pure(Covariance.pure(x, ddof=0))
    np.testing.assert_allclose(found, nilearn("precision", x), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("block", [Precision, PartialCorrelation])
def test_a_parcel_without_variance_is_left_out_of_the_inverse(x64, rng, block):
    x = rng.standard_normal((60, 5))
    x[:, 2] = 4.0
    s, others = np.cov(x.T), np.delete(np.arange(5), 2)
    block.check({"covariance": s, "penalty": 0.0})
    found = np.asarray(block.pure(s))
    np.testing.assert_allclose(found[np.ix_(others, others)], block.pure(s[np.ix_(others, others)]), atol=1e-12)
    assert np.all(found[2, others] == 0) and found[2, 2] == (block is PartialCorrelation)
    weights = rng.standard_normal((5, 5))
    slope = np.asarray(gradient(lambda s: jnp.sum(weights * block.pure(s)))(s))
    assert np.all(np.isfinite(slope)) and np.all(slope[2] == 0) and np.any(slope[0] != 0)


def residual_correlation(timeseries, confounds, frame_weights):
    """The Schur complement of the weighted joint covariance, scaled to correlations."""
    joint = np.cov(np.hstack([timeseries, confounds]).T, aweights=frame_weights)
    n = timeseries.shape[1]
    schur = joint[:n, :n] - joint[:n, n:] @ np.linalg.pinv(joint[n:, n:]) @ joint[n:, :n]
    scale = np.sqrt(np.diag(schur))
    return schur / np.outer(scale, scale)


def test_conditional_correlation_equals_partial_correlation_given_the_other_parcels(x64, alive):
    x = alive[:, :6]
    found = ConditionalCorrelation.pure(x[:, :2], x[:, 2:])
    np.testing.assert_allclose(found[0, 1], PartialCorrelation.pure(np.cov(x.T))[0, 1], atol=1e-12)


def test_frames_without_weight_do_not_enter_conditional_correlations(x64, rng):
    x, y, keep = rng.standard_normal((50, 4)), rng.standard_normal((50, 3)), rng.random(50) > 0.4
    found = ConditionalCorrelation.pure(np.where(keep[:, None], x, 1e3), y, keep.astype(float))
    np.testing.assert_allclose(found, residual_correlation(x[keep], y[keep], None), atol=1e-10)


@pytest.mark.parametrize("single", [False, True])
def test_a_parcel_that_the_confounds_explain_correlates_with_none(x64, rng, single):
    x, y = rng.standard_normal((50, 4)) + 100, rng.standard_normal((50, 3))
    x[:, 1] = 5 + y @ [1.0, -2.0, 0.5]
    x, y = (a.astype("f4") if single else a for a in (x, y))
    found = np.asarray(ConditionalCorrelation.pure(x, y))
    assert np.all(found[1] == [0, 1, 0, 0]) and found.dtype == x.dtype
    assert np.all(np.isfinite(gradient(lambda x: jnp.sum(ConditionalCorrelation.pure(x, y) ** 2))(x)))


@pytest.mark.parametrize("discard_diagonal", [False, True])
def test_edges_equal_nilearn_and_keep_the_norm(x64, rng, discard_diagonal):
    s = np.cov(rng.standard_normal((9, 5)).T)
    found = VectorizeEdges.pure(s, discard_diagonal=discard_diagonal)
    np.testing.assert_allclose(found, sym_matrix_to_vec(s, discard_diagonal=discard_diagonal), rtol=1e-15)
    kept = s - np.diag(np.diag(s)) if discard_diagonal else s
    isometric = VectorizeEdges.pure(s, discard_diagonal=discard_diagonal, sqrt2=True)
    np.testing.assert_allclose(np.linalg.norm(isometric), np.linalg.norm(kept))


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
    slope = gradient(lambda x: jnp.sum(weights * Correlation.pure(x)))(x)
    assert np.all(np.isfinite(slope)) and np.all(np.asarray(slope)[:, 3] == 0)
    others = np.delete(x, 3, axis=1)
    kept = np.delete(np.delete(weights, 3, 0), 3, 1)
    expected = gradient(lambda x: jnp.sum(kept * Correlation.pure(x)))(others)
    np.testing.assert_allclose(np.delete(slope, 3, axis=1), expected, atol=1e-12)


def test_gradients_equal_finite_differences(x64, rng):
    x, weights = rng.standard_normal((30, 5)), rng.standard_normal((5, 5))
    s = np.cov(x.T)
    assert_gradient(lambda a: jnp.sum(weights * PartialCorrelation.pure(ShrinkCovariance.pure(s, a))), 0.2)
    assert_gradient(lambda p: jnp.sum(weights * PartialCorrelation.pure(s, p)), 0.1)
    assert_gradient(lambda x: jnp.sum(weights * FisherZ.pure(Correlation.pure(x))), x)
    assert_gradient(lambda w: jnp.sum(weights * Correlation.pure(x, w)), rng.uniform(0.2, 1, 30))


@examples(20)
@given(scale=st.floats(1e-6, 1e6), shift=st.floats(-100, 100))
def test_correlation_does_not_depend_on_scale_and_offset(scale, shift):
    x = np.random.default_rng(3).standard_normal((40, 4))
    with jax.enable_x64(True):
        np.testing.assert_allclose(Correlation.pure(scale * (x + shift)), np.corrcoef(x.T), atol=1e-9)


def test_a_singular_covariance_and_too_few_frames_are_refused(rng):
    with pytest.raises(ValueError, match="rank 4 and no inverse"):
        PartialCorrelation.check({"covariance": np.cov(rng.standard_normal((5, 8)).T), "penalty": 0.0})
    with pytest.raises(ValueError, match="leave nothing of the data"):
        ConditionalCorrelation.check({"timeseries": np.ones((4, 2)), "confounds": rng.standard_normal((4, 3))})
    with pytest.raises(ValueError, match="1 of 4 frames can be used, at least 2 must"):
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
    Case(
        Precision,
        {"penalty": 0.1},
        lambda covariance, penalty: np.linalg.inv(covariance + penalty * np.eye(5)),
        "numpy.linalg.inv",
        {
            "a dead parcel": {"covariance": np.cov(DEAD.T), "penalty": 0.0},
            "equal eigenvalues": {"covariance": np.eye(5)},
        },
    ),
    Case(
        ConditionalCorrelation,
        {"frame_weights": WEIGHTS},
        residual_correlation,
        "numpy.cov, Schur complement",
        {
            "a dead parcel": {"timeseries": DEAD, "confounds": DEAD[:, :1] ** 2, "frame_weights": None},
            "collinear confounds": {"confounds": np.ones((60, 1)) * [1.0, 2.0] + WEIGHTS[:, None]},
        },
        smooth=("timeseries", "confounds", "frame_weights"),
    ),
    Case(
        VectorizeEdges,
        {"discard_diagonal": False},
        lambda connectome, discard_diagonal, sqrt2: sym_matrix_to_vec(connectome),
        "nilearn.connectome.sym_matrix_to_vec",
    ),
]


def test_the_gradient_of_a_correlation_takes_one_product_more_and_not_the_value_again(rng):
    series = rng.standard_normal((300, 200), dtype=np.float32)
    slope = jax.jit(jax.grad(lambda x: jnp.sum(Correlation.pure(x) ** 3)))
    products = slope.lower(series).compile().cost_analysis()["flops"] / (2 * 300 * 200**2)
    assert 2 <= products < 2.5


def test_where_rounding_leads_beyond_one_a_correlation_has_the_derivative_of_one(x64, rng):
    one = rng.standard_normal(50)
    away = jnp.asarray(rng.standard_normal(50))

    def edge(shift):
        return Correlation.pure(jnp.stack([one, 3 * one + shift * away], axis=1))[0, 1]

    value, slope, bend = edge(0.0), jax.grad(edge)(0.0), jax.grad(jax.grad(edge))(0.0)
    step = 1e-3
    assert value == 1 and abs(slope) < 1e-14
    np.testing.assert_allclose(bend, (edge(step) - 2 * edge(0.0) + edge(-step)) / step**2, rtol=1e-4)
