import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from nilearn.signal import high_variance_confounds
from sklearn.decomposition import PCA

from pydra_diffconn.blocks import CompCor, TissueMean
from pydra_diffconn.testing import Case


def signed(components):
    """Turn each column so that its largest entry is positive."""
    largest = components[np.abs(components).argmax(axis=0), np.arange(components.shape[1])]
    return components * np.sign(largest)


def left_singular_vectors(timeseries, tissue, frame_weights, components, standardize):
    weights = np.ones(len(timeseries)) if frame_weights is None else frame_weights
    centred = timeseries - np.average(timeseries, axis=0, weights=weights)
    if standardize:
        centred = centred / np.sqrt(np.average(centred**2, axis=0, weights=weights))
    root = np.sqrt(weights)[:, None]
    vectors = np.linalg.svd(root * centred * np.sqrt(tissue), full_matrices=False)[0]
    return signed(vectors[:, :components]) / root


def principal_components(timeseries, tissue, frame_weights, components, standardize):
    scores = PCA(components).fit_transform(timeseries[:, tissue > 0])
    return signed(scores / np.linalg.norm(scores, axis=0))


@pytest.fixture
def alive(real_series):
    return real_series[:, real_series.std(axis=0) > 0]


def test_it_equals_nilearns_high_variance_confounds_on_real_data(x64, alive):
    centred = alive - alive.mean(axis=0)
    strength = (centred**2).mean(axis=0)
    chosen = strength >= np.percentile(strength, 90)
    expected = high_variance_confounds(centred, n_confounds=5, percentile=10.0, detrend=False)
    found = CompCor.pure(alive, chosen.astype(float), standardize=False)
    np.testing.assert_allclose(found, signed(expected), atol=1e-10)


def test_the_tissue_mean_is_the_weighted_mean(x64, alive, rng):
    tissue = rng.random(alive.shape[1]) * (rng.random(alive.shape[1]) > 0.5)
    found = TissueMean.pure(alive, tissue)
    np.testing.assert_allclose(found[:, 0], np.average(alive, axis=1, weights=tissue), atol=1e-10 * np.abs(alive).max())


def test_frames_without_weight_get_values_but_have_no_influence(x64, rng):
    x, weights = rng.standard_normal((40, 12)), (np.arange(40) % 4 > 0).astype(float)
    other = x.copy()
    other[::4] = 50.0
    first, second = (np.asarray(CompCor.pure(series, np.ones(12), weights)) for series in (x, other))
    np.testing.assert_allclose(first[weights > 0], second[weights > 0], atol=1e-10)
    assert np.all(np.isfinite(second))
    alone = CompCor.pure(x[weights > 0], np.ones(12))
    np.testing.assert_allclose(first[weights > 0], alone, atol=1e-10)


def test_components_that_do_not_exist_are_zero(x64, rng):
    x = rng.standard_normal((40, 2)) @ rng.standard_normal((2, 6))
    found = np.asarray(CompCor.pure(x, np.ones(6), components=4))
    assert np.all(found[:, 2:] == 0)
    np.testing.assert_allclose(np.linalg.norm(found[:, :2], axis=0), 1, atol=1e-10)


def test_voxels_that_hold_the_artefact_are_found_by_descent(x64, rng):
    """The weights of voxels are learned so that one component predicts a planted artefact."""
    artefact = rng.standard_normal(40)
    x = rng.standard_normal((40, 10))
    x[:, :4] += 0.7 * artefact[:, None]
    x[:, 4:] += 1.2 * rng.standard_normal((40, 1))
    target = (artefact - artefact.mean()) / np.linalg.norm(artefact - artefact.mean())

    optimiser = optax.adam(0.2)

    @jax.jit
    def step(free, state):
        loss = lambda free: -jnp.sum((target @ CompCor.pure(x, jnp.exp(free), components=1)) ** 2)  # noqa: E731
        updates, state = optimiser.update(jax.grad(loss)(free), state)
        return optax.apply_updates(free, updates), state

    free = jnp.zeros(10)
    state = optimiser.init(free)
    for _ in range(60):
        free, state = step(free, state)
    assert np.min(free[:4]) > np.max(free[4:]) + 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tissue": np.ones(5)}, r"tissue has 5 locations, timeseries 6"),
        ({"tissue": np.zeros(6)}, "the mask does not overlap"),
        ({"components": 7}, "components = 7 of 6 voxels in 20 usable frames; expected 1 to 6"),
        ({"frame_weights": (np.arange(20) < 4).astype(float), "components": 4}, "in 4 usable frames; expected 1 to 3"),
    ],
)
def test_bad_input_is_named(rng, change, message):
    with pytest.raises(ValueError, match=message):
        CompCor.check({"timeseries": rng.standard_normal((20, 6)), "tissue": np.ones(6), "components": 2, **change})


R = np.random.default_rng(3)
TISSUE = np.array([1.0, 0, 0.5, 1, 0.2, 0, 1, 1, 0, 0.7])
CASES = [
    Case(
        TissueMean,
        {"tissue": TISSUE},
        lambda timeseries, tissue: np.average(timeseries, axis=1, weights=tissue)[:, None],
        "numpy.average",
        {"one voxel": {"tissue": np.eye(10)[3]}},
    ),
    Case(
        CompCor,
        {
            "timeseries": R.standard_normal((60, 10)),
            "tissue": TISSUE,
            "components": 3,
            "frame_weights": R.uniform(0.2, 1, 60),
        },
        left_singular_vectors,
        "numpy.linalg.svd",
        {
            "equal eigenvalues": {
                "timeseries": np.kron(np.eye(10), np.array([[1.0], [-1.0]] * 3)),
                "tissue": np.ones(10),
                "frame_weights": None,
            },
            "constant voxels": {"timeseries": np.ones((60, 10))},
            "one alive voxel": {"timeseries": np.eye(10)[0] * R.standard_normal((60, 1))},
            "few frames": {"frame_weights": (np.arange(60) < 4).astype(float)},
        },
        smooth=("timeseries", "tissue", "frame_weights"),
    ),
    Case(
        CompCor,
        {
            "timeseries": R.standard_normal((60, 10)),
            "tissue": (TISSUE > 0) * 1.0,
            "components": 4,
            "standardize": False,
        },
        principal_components,
        "sklearn.decomposition.PCA",
    ),
]
