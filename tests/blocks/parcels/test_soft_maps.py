import jax
import jax.numpy as jnp
import nibabel
import numpy as np
import optax
import pytest
from examples import examples
from gradients import assert_gradient, gradient
from hypothesis import given
from hypothesis import strategies as st
from nilearn.maskers import NiftiMapsMasker
from scipy.optimize import linear_sum_assignment
from scipy.special import softmax
from sklearn.linear_model import Ridge

from pydra_diffconn.blocks import IndividualMaps, Parcellate, ProjectMaps
from pydra_diffconn.testing import Case


def means(timeseries, maps, method, penalty):
    return np.stack([np.average(timeseries, axis=1, weights=part) for part in maps], axis=1)


def ridge(timeseries, maps, method, penalty):
    scale = np.linalg.norm(maps, axis=1)
    model = Ridge(alpha=penalty, fit_intercept=False, solver="svd").fit((maps / scale[:, None]).T, timeseries.T)
    return model.coef_ / scale


def softmax_of_logits(maps, deviation):
    return softmax(np.log(maps) + deviation, axis=0)


def test_least_squares_equals_nilearns_maps_masker(x64, rng):
    image = nibabel.Nifti1Image(rng.standard_normal((5, 6, 4, 30)), np.eye(4))
    maps = nibabel.Nifti1Image(rng.random((5, 6, 4, 7)), np.eye(4))
    expected = NiftiMapsMasker(maps, standardize=None).fit_transform(image)
    found = ProjectMaps.pure(
        image.get_fdata().reshape(-1, 30).T, maps.get_fdata().reshape(-1, 7).T, method="least_squares"
    )
    np.testing.assert_allclose(found, expected, atol=1e-6)  # nilearn's maps are float32
    direct = np.linalg.lstsq(maps.get_fdata().reshape(-1, 7), image.get_fdata().reshape(-1, 30), rcond=None)[0].T
    np.testing.assert_allclose(found, direct, atol=1e-10)


def test_one_hot_maps_are_parcels(x64, rng):
    x, labels = rng.standard_normal((40, 50)), np.arange(50) % 7
    one_hot = (labels == np.arange(1, 7)[:, None]).astype(float)
    expected = Parcellate.pure(x, labels, parcels=(1, 2, 3, 4, 5, 6))
    for method in ("mean", "least_squares"):
        np.testing.assert_allclose(ProjectMaps.pure(x, one_hot, method), expected, atol=1e-12)


def test_overlapping_maps_are_told_apart(x64, rng):
    maps, planted = rng.random((4, 60)), rng.standard_normal((30, 4))
    np.testing.assert_allclose(ProjectMaps.pure(planted @ maps, maps, "least_squares"), planted, atol=1e-10)


@pytest.mark.parametrize("apart", [1e-2, 1e-4, 0.0])
def test_ridge_on_nearly_equal_maps_is_right_in_both_precisions_with_its_gradient(rng, apart):
    x, maps = rng.standard_normal((20, 30)), rng.random((3, 30))
    maps = np.r_[maps, maps[:1] * (1 + apart * rng.standard_normal(30))]
    size = np.linalg.norm(maps, axis=1)
    left, values, right = np.linalg.svd(maps / size[:, None], full_matrices=False)
    expected = x @ (right.T * (values / (values**2 + 0.1))) @ left.T / size
    single = ProjectMaps.pure(x.astype(np.float32), maps.astype(np.float32), "least_squares", 0.1)
    np.testing.assert_allclose(single, expected, atol=1e-4 * np.abs(expected).max())
    with jax.enable_x64(True):
        np.testing.assert_allclose(ProjectMaps.pure(x, maps, "least_squares", 0.1), expected, atol=1e-10)
        weights = rng.standard_normal(expected.shape)
        assert_gradient(lambda m: jnp.sum(weights * ProjectMaps.pure(x, m, "least_squares", 0.1)), maps)


def test_a_map_without_weight_is_zero_and_poisons_nothing(x64, rng):
    x, maps = rng.standard_normal((20, 30)), rng.random((4, 30))
    maps[2] = 0
    for method in ("mean", "least_squares"):
        found = np.asarray(ProjectMaps.pure(x, maps, method))
        others = ProjectMaps.pure(x, np.delete(maps, 2, axis=0), method)
        assert np.all(found[:, 2] == 0)
        np.testing.assert_allclose(np.delete(found, 2, axis=1), others, atol=1e-12)
        assert np.all(np.isfinite(gradient(lambda a: jnp.sum(ProjectMaps.pure(x, a, method) ** 2))(maps)))  # noqa: B023


@examples(20)
@given(seed=st.integers(0, 1000), constant=st.floats(-30, 30, width=32))
def test_without_deviation_the_maps_are_the_groups_bit_for_bit(seed, constant):
    rng = np.random.default_rng(seed)
    group = rng.dirichlet(np.ones(5), 20).astype(np.float32).T
    group[:, 3] = np.eye(5)[2]
    group[:, 4] = 0  # outside the brain
    for deviation in (None, np.zeros((5, 20), np.float32), np.full((5, 20), constant, np.float32)):
        np.testing.assert_array_equal(IndividualMaps.pure(group, deviation), group)


def test_large_deviations_make_hard_maps(x64, rng):
    group, chosen = rng.dirichlet(np.ones(4), 15).T, np.eye(4)[rng.integers(0, 4, 15)].T
    np.testing.assert_allclose(IndividualMaps.pure(group, 1e4 * chosen), chosen, rtol=1e-15)


def test_nine_parcels_on_a_grid_are_recovered_by_descent(rng):
    """Each parcel has a signal of its own; maps that start undecided are fitted to tell every voxel's parcel."""
    side, frames = 25, 100
    rows, columns = np.divmod(np.arange(side**2), side)
    labels = 3 * np.digitize(rows, [8, 16]) + np.digitize(columns, [8, 16])
    signals = rng.standard_normal((frames, 9))
    x = jnp.asarray(signals[:, labels] + 0.7 * rng.standard_normal((frames, side**2)), jnp.float32)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    start = jnp.asarray(rng.dirichlet(np.full(9, 100.0), side**2).T, jnp.float32)
    optimiser = optax.adam(0.1)

    def loss(deviation):
        maps = IndividualMaps.pure(start, deviation)
        means = ProjectMaps.pure(x, maps)
        variance = jnp.mean(maps.T * jnp.mean((x[:, :, None] - means[:, None, :]) ** 2, axis=0)) * 9
        share = maps.mean(axis=1)
        balance = jnp.sum(share * jnp.log(share))  # all parcels take part
        normed = (means - means.mean(axis=0)) / jnp.linalg.norm(means - means.mean(axis=0), axis=0)
        apart = -jnp.linalg.slogdet(normed.T @ normed + 0.01 * jnp.eye(9))[1]
        return variance + 0.2 * balance + 0.1 * apart

    @jax.jit
    def descend(deviation):
        def step(carry, _):
            deviation, state = carry
            updates, state = optimiser.update(jax.grad(loss)(deviation), state)
            return (optax.apply_updates(deviation, updates), state), None

        return jax.lax.scan(step, (deviation, optimiser.init(deviation)), length=300)[0][0]

    found = np.asarray(IndividualMaps.pure(start, descend(jnp.zeros_like(start)))).argmax(axis=0)
    table = np.array([[np.sum((found == a) & (labels == b)) for b in range(9)] for a in range(9)])
    agreement = table[linear_sum_assignment(-table)].sum() / side**2
    assert agreement > 0.99, agreement


@pytest.mark.parametrize(
    ("block", "change", "message"),
    [
        (ProjectMaps, {"maps": np.ones((3, 7))}, "maps has 7 locations, timeseries 8"),
        (ProjectMaps, {"maps": -np.ones((3, 8))}, "use method='least_squares'"),
        (ProjectMaps, {"method": "median"}, "expected one of 'mean', 'least_squares'"),
        (IndividualMaps, {"deviation": np.ones((8, 3))}, r"is deviation transposed"),
    ],
)
def test_bad_maps_are_named(rng, block, change, message):
    given = {"timeseries": rng.standard_normal((20, 8)), "maps": np.ones((3, 8))}
    with pytest.raises(ValueError, match=message):
        block.check({**given, **change})


R = np.random.default_rng(2)
GROUP = R.dirichlet(np.ones(4), 12).T
DEAD = R.random((4, 12)) * [[1], [1], [0], [1]]
CASES = [
    Case(ProjectMaps, {}, means, "numpy.average", {"a dead map": {"maps": DEAD}}, smooth=("timeseries", "maps")),
    Case(
        ProjectMaps,
        {"method": "least_squares", "penalty": 0.3, "maps": R.standard_normal((4, 12))},
        ridge,
        "sklearn.linear_model.Ridge",
        {"a dead map": {"maps": DEAD}, "equal maps": {"maps": np.ones((4, 12))}},
        smooth=("timeseries", "maps", "penalty"),
    ),
    Case(
        IndividualMaps,
        {"maps": GROUP, "deviation": R.standard_normal((4, 12))},
        softmax_of_logits,
        "scipy.special.softmax",
        {
            "hard maps": {"maps": np.eye(4)[:, np.arange(12) % 4]},
            "voxels outside": {"maps": GROUP * (np.arange(12) > 2)},
            "huge deviations": {"deviation": 1e3 * R.standard_normal((4, 12))},
        },
    ),
]
