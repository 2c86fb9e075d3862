import jax.numpy as jnp
import numpy as np
import pytest
from gradients import gradient
from scipy.linalg import orthogonal_procrustes
from scipy.optimize import linear_sum_assignment

from pydra_diffconn.blocks import Procrustes, SharedResponse, TransportAlignment
from pydra_diffconn.testing import Case


def scipy_procrustes(timeseries, target, frame_weights, scale):
    root = np.ones((len(target), 1)) if frame_weights is None else np.sqrt(frame_weights)[:, None]
    rotation, total = orthogonal_procrustes(root * timeseries, root * target)
    return timeseries @ rotation * (total / np.sum((root * timeseries) ** 2) if scale else 1), rotation


def shared_response(series, frame_weights, components, iterations):
    """Take turns, person by person, as BrainIAK's deterministic model does, from the same start."""
    weights = np.ones(series.shape[1]) if frame_weights is None else frame_weights
    centred = [x - np.average(x, axis=0, weights=weights) for x in series]
    root = np.sqrt(weights)[:, None]
    vectors = np.linalg.svd(root * np.hstack(centred), full_matrices=False)[0][:, :components]
    largest = vectors[np.abs(vectors).argmax(axis=0), np.arange(components)]
    shared = vectors * np.sign(largest) / root
    for _ in range(iterations):
        bases = []
        for x in centred:
            left, _, right = np.linalg.svd(x.T @ (weights[:, None] * shared), full_matrices=False)
            bases.append(left @ right)
        shared = np.mean([x @ basis for x, basis in zip(centred, bases, strict=True)], axis=0)
    return shared, np.array(bases)


@pytest.fixture
def people(rng):
    """Six people with a common response of three dimensions, each in an own basis, and noise."""
    common = rng.standard_normal((60, 3)) * [4, 2, 1]
    bases = np.linalg.qr(rng.standard_normal((6, 8, 3)))[0]
    return common, bases, np.einsum("tk,ipk->itp", common, bases) + 0.1 * rng.standard_normal((6, 60, 8))


def test_a_planted_rotation_is_undone(x64, rng):
    x, planted = rng.standard_normal((50, 6)), np.linalg.qr(rng.standard_normal((6, 6)))[0]
    aligned, rotation = Procrustes.pure(x, 3 * x @ planted, scale=True)
    np.testing.assert_allclose(rotation, planted, atol=1e-10)
    np.testing.assert_allclose(aligned, 3 * x @ planted, atol=1e-10)


def test_series_that_are_aligned_already_stay(x64, rng):
    x = rng.standard_normal((50, 6))
    aligned, rotation = Procrustes.pure(x, x)
    np.testing.assert_allclose(rotation, np.eye(6), atol=1e-12)
    np.testing.assert_allclose(aligned, x, atol=1e-12)


def test_frames_without_weight_have_no_influence(x64, rng):
    x, y, weights = rng.standard_normal((50, 6)), rng.standard_normal((50, 6)), (np.arange(50) % 3 > 0).astype(float)
    expected = Procrustes.pure(x[weights > 0], y[weights > 0])[1]
    np.testing.assert_allclose(Procrustes.pure(x, y, weights)[1], expected, atol=1e-12)
    stacked = np.stack([x, y])
    kept = SharedResponse.pure(stacked[:, weights > 0], components=3)
    found = SharedResponse.pure(stacked, weights, components=3)
    np.testing.assert_allclose(found[0][weights > 0], kept[0], atol=1e-9)
    np.testing.assert_allclose(found[1], kept[1], atol=1e-9)


def test_a_planted_shared_response_is_found(x64, people):
    common, bases, series = people
    shared, found = SharedResponse.pure(series, components=3)
    centred = common - common.mean(axis=0)
    explained = shared @ np.linalg.lstsq(np.asarray(shared), centred, rcond=None)[0]
    assert np.linalg.norm(explained - centred) < 0.05 * np.linalg.norm(centred)
    np.testing.assert_allclose(np.swapaxes(found, 1, 2) @ found, np.broadcast_to(np.eye(3), (6, 3, 3)), atol=1e-12)
    for basis, planted in zip(np.asarray(found), bases, strict=True):
        assert np.linalg.norm(basis @ basis.T - planted @ planted.T) < 0.1


def test_more_turns_never_fit_worse(x64, people):
    *_, series = people
    series = series + np.random.default_rng(1).standard_normal(series.shape)
    centred = series - series.mean(axis=1, keepdims=True)

    def error(iterations):
        shared, bases = SharedResponse.pure(series, components=3, iterations=iterations)
        return np.sum((centred - np.einsum("tk,ipk->itp", shared, bases)) ** 2)

    errors = [error(iterations) for iterations in (1, 2, 5, 20)]
    assert np.all(np.diff(errors) <= 1e-9)


def sinkhorn(timeseries, target, frame_weights=None, temperature=0.05, iterations=200):
    """The textbook's form, which divides sums of exponentials."""
    weights = np.ones(len(target)) if frame_weights is None else frame_weights
    cost = np.einsum("t,tij->ij", weights, (timeseries[:, :, None] - target[:, None, :]) ** 2)
    kernel, columns = np.exp(-cost / (cost.mean() * temperature)), np.ones(target.shape[1])
    for _ in range(iterations):
        rows = 1 / (kernel @ columns)
        columns = 1 / (kernel.T @ rows)
    plan = rows[:, None] * kernel * columns
    return timeseries @ plan, plan


def test_a_planted_permutation_is_found_and_few_parcels_are_mixed_at_a_low_temperature(x64, rng):
    target = rng.standard_normal((80, 8))
    order = rng.permutation(8)
    series = target[:, order] + 0.3 * rng.standard_normal((80, 8))
    aligned, plan = TransportAlignment.pure(series, target, temperature=0.002)
    assert np.array_equal(np.argmax(plan, axis=0), np.argsort(order)) and np.min(np.max(plan, axis=0)) > 0.999
    np.testing.assert_allclose(aligned, series[:, np.argsort(order)], atol=1e-2)
    far = linear_sum_assignment(np.linalg.norm(series.T[:, None] - target.T[None], axis=-1))[1]
    assert np.array_equal(np.argmax(plan, axis=1), far)
    soft = TransportAlignment.pure(series, target, temperature=5.0)[1]
    np.testing.assert_allclose(soft, 1 / 8, atol=0.1)


@pytest.mark.parametrize("rank", [4, 6])
def test_gradients_are_finite_at_equal_singular_values_and_without_full_rank(x64, rng, rank):
    y = np.linalg.qr(rng.standard_normal((50, 6)))[0] * (np.arange(6) < rank)
    slope = gradient(lambda x: jnp.sum(Procrustes.pure(x, y)[0] ** 3))(y)
    assert np.all(np.isfinite(slope))


@pytest.mark.parametrize(
    ("block", "given", "message"),
    [
        (Procrustes, {"timeseries": np.ones((9, 4)), "target": np.ones((9, 5))}, r"target has 5 parcels, timeseries 4"),
        (SharedResponse, {"series": np.ones((2, 9, 4)), "components": 5}, "components = 5 of 4 parcels in 9 usable"),
        (
            SharedResponse,
            {"series": np.ones((2, 9, 4)), "frame_weights": np.ones(8)},
            "frame_weights has 8 frames, series 9",
        ),
        (SharedResponse, {"series": np.full((2, 9, 4), np.nan)}, "72 values that are not finite"),
    ],
)
def test_bad_series_are_named(block, given, message):
    with pytest.raises(ValueError, match=message):
        block.check(given)


R = np.random.default_rng(7)
WEIGHTS = R.uniform(0.2, 1, 60)
CASES = [
    Case(
        Procrustes,
        {
            "timeseries": R.standard_normal((60, 5)),
            "target": R.standard_normal((60, 5)),
            "frame_weights": WEIGHTS,
            "scale": True,
        },
        scipy_procrustes,
        "scipy.linalg.orthogonal_procrustes",
        {
            "a dead parcel": {"timeseries": R.standard_normal((60, 5)) * [1, 1, 0, 1, 1]},
            "no variance": {"timeseries": np.zeros((60, 5))},
            "few frames": {"frame_weights": (np.arange(60) < 3).astype(float)},
        },
        smooth=("timeseries", "target", "frame_weights"),
        undetermined=["all constant", "equal columns"],
    ),
    Case(
        TransportAlignment,
        {"timeseries": R.standard_normal((60, 5)), "target": R.standard_normal((60, 5)), "frame_weights": WEIGHTS},
        sinkhorn,
        "Cuturi (2013), in NumPy",
        {
            "a dead parcel": {"timeseries": R.standard_normal((60, 5)) * [1, 1, 0, 1, 1]},
            "no variance": {"timeseries": np.zeros((60, 5)), "target": np.zeros((60, 5))},
            "few frames": {"frame_weights": (np.arange(60) < 3).astype(float)},
        },
        smooth=("timeseries", "target", "frame_weights", "temperature"),
    ),
    Case(
        SharedResponse,
        {"series": R.standard_normal((3, 60, 5)), "frame_weights": WEIGHTS, "components": 2, "iterations": 4},
        shared_response,
        "deterministic SRM, formula",
        {
            "a person without variance": {"series": R.standard_normal((3, 60, 5)) * np.array([1, 0, 1])[:, None, None]},
            "few frames": {"frame_weights": (np.arange(60) < 4).astype(float)},
        },
        smooth=("series", "frame_weights"),
        undetermined=["all constant", "equal columns"],
    ),
]
