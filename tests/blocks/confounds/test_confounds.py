import jax.numpy as jnp
import numpy as np
import pytest
from gradients import assert_gradient
from nilearn.signal import clean
from sklearn.linear_model import Ridge

from pydra_diffconn.blocks import ButterworthFiltFilt, RegressConfounds
from pydra_diffconn.testing import Case


@pytest.fixture
def data(rng, real_confounds):
    x = rng.standard_normal((len(real_confounds), 7)).cumsum(axis=0) + 50
    return x, real_confounds


def test_it_equals_nilearns_regression_on_real_confounds(x64, data):
    x, confounds = data
    expected = clean(x, confounds=confounds, detrend=False, standardize=None, filter=False)
    np.testing.assert_allclose(RegressConfounds.pure(x, confounds), expected, atol=1e-10 * np.abs(x).max())


def test_censored_frames_take_no_part_as_in_nilearn(x64, data, rng):
    x, confounds = data
    keep = rng.random(len(x)) > 0.3
    expected = clean(x[keep], confounds=confounds[keep], detrend=False, standardize=None, filter=False)
    found = RegressConfounds.pure(x, confounds, jnp.asarray(keep, dtype=float))
    np.testing.assert_allclose(np.asarray(found)[keep], expected, atol=1e-10 * np.abs(x).max())


def test_filter_and_regression_equal_nilearns_clean(x64, data):
    x, confounds = data
    confounds = confounds[:, :8]
    expected = clean(
        x,
        confounds=confounds,
        detrend=False,
        standardize=None,
        filter="butterworth",
        low_pass=0.1,
        high_pass=0.01,
        t_r=2.0,
    )
    filtered = [ButterworthFiltFilt.pure(jnp.asarray(part), 2.0, 0.01, 0.1) for part in (x, confounds)]
    np.testing.assert_allclose(RegressConfounds.pure(*filtered), expected, atol=1e-10 * np.abs(x).max())


@pytest.mark.parametrize("penalty", [0.0, 0.3, 10.0])
def test_a_penalty_is_ridge_on_confounds_of_unit_norm(x64, data, penalty):
    x, confounds = data
    centred = confounds - confounds.mean(axis=0)
    design = centred / np.linalg.norm(centred, axis=0)
    model = Ridge(alpha=penalty, solver="svd").fit(design, x)
    np.testing.assert_allclose(
        RegressConfounds.pure(x, confounds, penalty=penalty), x - design @ model.coef_.T, atol=1e-9
    )


def nearly_collinear(confounds, apart):
    """Return a table like those of 36 parameters: each column again, but for little, and a sum of two."""
    noise = np.random.default_rng(3).standard_normal((len(confounds), confounds.shape[1] + 1))
    more = np.column_stack(
        [confounds, confounds[:, 0] / confounds[:, 0].std() - confounds[:, 1] / confounds[:, 1].std()]
    )
    return np.column_stack([confounds, more + apart * more.std(axis=0) * noise])


@pytest.mark.parametrize("apart", [1e-3, 1e-5])
@pytest.mark.parametrize("penalty", [0.01, 1.0])
def test_ridge_on_nearly_collinear_confounds_is_right_in_single_and_double_precision(data, apart, penalty):
    import jax

    x, confounds = data[0] - 50, nearly_collinear(data[1], apart)
    x, weights = x / x.std(), np.random.default_rng(5).standard_normal(x.shape)
    design = confounds - confounds.mean(axis=0)
    left, values, _ = np.linalg.svd(design / np.linalg.norm(design, axis=0), full_matrices=False)
    seen = left.T @ (x - x.mean(axis=0))
    expected = x - left @ ((values**2 / (values**2 + penalty))[:, None] * seen)
    slope = np.sum(weights * (left @ ((values**2 / (values**2 + penalty) ** 2)[:, None] * seen)))

    def both(real):
        parts = [part.astype(real) for part in (x, confounds, weights)]
        score = lambda p: jnp.sum(parts[2] * RegressConfounds.pure(*parts[:2], penalty=p))  # noqa: E731
        return RegressConfounds.pure(*parts[:2], penalty=penalty), jax.jit(jax.grad(score))(penalty)

    found, found_slope = both(np.float32)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    np.testing.assert_allclose(found_slope, slope, rtol=1e-3, atol=1e-2 * abs(slope) + 1e-2)
    with jax.enable_x64(True):
        found, found_slope = both(np.float64)
        np.testing.assert_allclose(found, expected, atol=1e-10)
        np.testing.assert_allclose(found_slope, slope, rtol=1e-8)


def test_float32_agrees_with_float64(data):
    import jax

    x, confounds = data
    single = RegressConfounds.pure(jnp.asarray(x, dtype=jnp.float32), jnp.asarray(confounds, dtype=jnp.float32))
    with jax.enable_x64(True):
        double = np.asarray(RegressConfounds.pure(x, confounds))
    np.testing.assert_allclose(single, double, atol=1e-5 * np.abs(x).max())


def test_duplicate_and_constant_confounds_change_nothing_and_leave_gradients_finite(x64, data):
    x, confounds = data
    more = np.column_stack([confounds, confounds[:, 0], np.full(len(x), 4.0)])
    np.testing.assert_allclose(RegressConfounds.pure(x, more), RegressConfounds.pure(x, confounds), atol=1e-9)
    assert_gradient(lambda x: jnp.sum(RegressConfounds.pure(x, more) ** 3), x, step=1e-4, rtol=1e-4, atol=1e-3)


def test_gradients_equal_finite_differences(x64, rng):
    x, confounds = rng.standard_normal((40, 3)), rng.standard_normal((40, 4))
    x[:, 1] = 1.0
    keep = (rng.random(40) > 0.2).astype(float)
    assert_gradient(lambda penalty: jnp.sum(RegressConfounds.pure(x, confounds, keep, penalty) ** 3), 0.7)
    assert_gradient(lambda c: jnp.sum(RegressConfounds.pure(x, c, keep) ** 3), confounds)
    assert_gradient(lambda x: jnp.sum(RegressConfounds.pure(x, confounds, keep) ** 3), x)
    assert_gradient(lambda w: jnp.sum(RegressConfounds.pure(x, confounds, w) ** 3), rng.uniform(0.1, 1, 40))


@pytest.mark.parametrize("first_row", ["copy_second", "zero"])
def test_a_missing_first_row_is_filled_as_named(x64, rng, first_row):
    x, confounds = rng.standard_normal((40, 3)), rng.standard_normal((40, 4))
    holed, filled = confounds.copy(), confounds.copy()
    holed[0, 1] = np.nan
    filled[0, 1] = confounds[1, 1] if first_row == "copy_second" else 0
    np.testing.assert_array_equal(
        RegressConfounds.pure(x, holed, first_row=first_row), RegressConfounds.pure(x, filled)
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, c: (x, c[2:]), "confounds has 38 frames, timeseries 40 .*; were 2 dummy scans removed"),
        (lambda x, c: (x, np.where(np.arange(40)[:, None] == 7, np.nan, c)), "missing value in frame 7, column 0"),
        (lambda x, c: (x, np.random.default_rng(2).standard_normal((40, 45))), "leave nothing of the data"),
    ],
)
def test_bad_confounds_are_named(rng, change, message):
    x, confounds = change(rng.standard_normal((40, 3)), rng.standard_normal((40, 4)))
    with pytest.raises(ValueError, match=message):
        RegressConfounds.check({"timeseries": x, "confounds": confounds})


def test_few_degrees_of_freedom_are_warned_of(rng):
    with pytest.warns(UserWarning, match="only 15 temporal degrees of freedom"):
        RegressConfounds.check({"timeseries": rng.standard_normal((20, 3)), "confounds": rng.standard_normal((20, 4))})


def ridge(timeseries, confounds, frame_weights, penalty, intercept, first_row):
    centred = confounds - np.average(confounds, axis=0, weights=frame_weights)
    design = centred / np.sqrt(frame_weights @ centred**2)
    y = timeseries - np.average(timeseries, axis=0, weights=frame_weights)
    return timeseries - design @ Ridge(alpha=penalty, fit_intercept=False).fit(design, y, frame_weights).coef_.T


def least_squares(timeseries, confounds, **_):
    return nilearn_clean(timeseries, confounds) + timeseries.mean(axis=0)


def nilearn_clean(timeseries, confounds):
    return clean(
        timeseries, confounds=confounds, detrend=False, standardize=None, filter=False, standardize_confounds=True
    ) - timeseries.mean(axis=0)


SINGULAR = np.random.default_rng(1).standard_normal((60, 2)) @ [[1, 0, 1, 0], [0, 1, 1, 0]]
CASES = [
    Case(
        RegressConfounds,
        {"frame_weights": np.random.default_rng(1).uniform(0.2, 1, 60), "penalty": 0.3},
        ridge,
        "sklearn.linear_model.Ridge",
        {"collinear and constant confounds": {"confounds": SINGULAR}},
        smooth=("timeseries", "confounds", "frame_weights", "penalty"),
    ),
    Case(RegressConfounds, {}, least_squares, "nilearn.signal.clean"),
]
