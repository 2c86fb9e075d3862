import jax
import jax.numpy as jnp
import numpy as np
import pytest
from examples import examples
from gradients import gradient
from hypothesis import given
from hypothesis import strategies as st
from nilearn.connectome import ConnectivityMeasure
from sklearn import covariance as sklearn

from pydra_diffconn.blocks import GroupShrinkage, LedoitWolf, Oas
from pydra_diffconn.testing import Case

ESTIMATORS = {LedoitWolf: sklearn.LedoitWolf, Oas: sklearn.OAS}


@pytest.fixture
def series(rng):
    return rng.standard_normal((60, 9)) @ rng.standard_normal((9, 9)) + 5


@pytest.mark.parametrize("block", list(ESTIMATORS))
@pytest.mark.parametrize("frames", [200, 40, 3])
def test_real_data_give_scikit_learns_covariance_also_with_few_frames(x64, real_series, block, frames):
    x = real_series[:frames, real_series[:frames].std(axis=0) > 0][:, :100]
    expected = ESTIMATORS[block](store_precision=False).fit(x).covariance_
    np.testing.assert_allclose(block.pure(x), expected, rtol=1e-9, atol=1e-10 * expected.max())


def test_it_is_nilearns_default_covariance(x64, series):
    measure = ConnectivityMeasure(kind="covariance", standardize=False)
    np.testing.assert_allclose(LedoitWolf.pure(series), measure.fit_transform([series])[0], rtol=1e-10)


@pytest.mark.parametrize("block", list(ESTIMATORS))
def test_frames_without_weight_do_not_count_and_scaled_weights_are_the_same(x64, rng, series, block):
    keep = rng.random(60) > 0.4
    expected = ESTIMATORS[block]().fit(series[keep]).covariance_
    found = block.pure(np.where(keep[:, None], series, 1e4), keep.astype(float))
    np.testing.assert_allclose(found, expected, rtol=1e-10)
    weights = rng.random(60)
    np.testing.assert_allclose(block.pure(series, weights), block.pure(series, weights / 3), rtol=1e-10)


@pytest.mark.parametrize("block", list(ESTIMATORS))
def test_equal_weights_of_any_size_are_no_weights(x64, series, block):
    np.testing.assert_allclose(block.pure(series, np.full(60, 0.5)), block.pure(series), rtol=1e-12)


@examples(15)
@given(scale=st.floats(1e-4, 1e4))
def test_the_estimate_scales_with_the_data(scale):
    x = np.random.default_rng(2).standard_normal((20, 4)) * [1, 2, 3, 4]
    with jax.enable_x64(True):
        for block in ESTIMATORS:
            np.testing.assert_allclose(block.pure(scale * x), scale**2 * block.pure(x), rtol=1e-9)


def test_a_dead_run_has_covariance_zero_and_a_finite_gradient(x64):
    for block in ESTIMATORS:
        assert np.all(np.asarray(block.pure(np.full((9, 3), 2.0))) == 0)
        assert np.all(np.isfinite(gradient(lambda x, block=block: jnp.sum(block.pure(x)))(np.full((9, 3), 2.0))))


def test_the_ends_of_group_shrinkage_are_the_subject_and_the_group_bit_for_bit(rng):
    s = np.array([np.cov(rng.standard_normal((20, 4)).T) for _ in range(3)], dtype=np.float32)
    found = np.asarray(GroupShrinkage.pure(s, jnp.array([0.0, 1.0, 0.5]), s[2]))
    np.testing.assert_array_equal(found[0], s[0])
    np.testing.assert_array_equal(found[1], s[2])
    np.testing.assert_array_equal(found[2], s[2])


def test_the_share_of_each_subject_is_learned_from_its_true_covariance(x64, rng):
    """Planted truth: a noisy subject is shrunk more than one with many frames."""
    truth = np.diag([1.0, 2.0, 3.0, 4.0])
    estimates = np.array([np.cov(rng.multivariate_normal(np.zeros(4), truth, n).T) for n in (8, 2000)])
    gradient = jax.jit(jax.grad(lambda a: jnp.sum((GroupShrinkage.pure(estimates, a, truth * 1.1) - truth) ** 2)))
    share = jnp.array([0.5, 0.5])
    for _ in range(200):
        share = jnp.clip(share - 0.01 * gradient(share), 0, 1)
    assert share[0] > 0.8 > share[1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shrinkage": np.array([0.1])}, r"shrinkage has 1 subjects, covariances 2"),
        ({"target": np.eye(3)}, r"target has 3 parcels, covariances 4"),
        ({"covariances": np.ones((4, 4))}, r"expected \(subjects, parcels, parcels\)"),
    ],
)
def test_wrong_shapes_are_named(change, message):
    given = {"covariances": np.array([np.eye(4)] * 2), "shrinkage": np.array([0.1, 0.2]), "target": None}
    with pytest.raises(ValueError, match=message):
        GroupShrinkage.check({**given, **change})


def weighted_ledoit_wolf(timeseries, frame_weights):
    """The definition, frame by frame."""
    share = frame_weights / frame_weights.sum()
    x = timeseries - share @ timeseries
    products = x[:, :, None] * x[:, None, :]
    s = np.tensordot(share, products, 1)
    target = np.trace(s) / len(s) * np.eye(len(s))
    spread = np.sum(share**2 * np.sum((products - s) ** 2, axis=(1, 2)))
    amount = min(1, spread / np.sum((s - target) ** 2))
    return (1 - amount) * s + amount * target


def group(rng):
    s = np.array([np.cov(rng.standard_normal((20, 4)).T) for _ in range(3)])
    return {"covariances": s, "shrinkage": np.array([0.0, 0.4, 1.0]), "target": np.diag([1.0, 2.0, 3.0, 4.0])}


DEAD = np.random.default_rng(0).standard_normal((30, 5)) * [1, 1, 0, 1, 1] + 3
SCALE = np.arange(1.0, 6.0)
SERIES = np.random.default_rng(1).standard_normal((60, 5)) * SCALE
WEIGHTS = np.random.default_rng(1).uniform(0.2, 1, 60)
FEW = {
    "a dead parcel": {"timeseries": DEAD, "frame_weights": None},
    "fewer frames than parcels": {"timeseries": SERIES[:3], "frame_weights": None},
    "all but two frames censored": {"timeseries": SERIES, "frame_weights": 1.0 * (np.arange(60) < 2)},
}
CASES = [
    Case(
        LedoitWolf,
        {"timeseries": SERIES},
        lambda timeseries, frame_weights: sklearn.ledoit_wolf(timeseries)[0],
        "sklearn.covariance.ledoit_wolf",
        FEW,
    ),
    Case(
        LedoitWolf,
        {"timeseries": SERIES, "frame_weights": WEIGHTS},
        weighted_ledoit_wolf,
        "Ledoit & Wolf (2004), weighted",
        smooth=("timeseries", "frame_weights"),
    ),
    Case(
        Oas,
        {"timeseries": SERIES},
        lambda timeseries, frame_weights: sklearn.oas(timeseries)[0],
        "sklearn.covariance.oas",
        FEW,
    ),
    Case(
        GroupShrinkage,
        group,
        lambda covariances, shrinkage, target: np.array(
            [(1 - a) * s + a * target for s, a in zip(covariances, shrinkage, strict=True)]
        ),
        "numpy",
        {"the group's mean": {"target": None}},
    ),
]
