"""Gradients of connectivity: the definition solved by SciPy, scikit-learn, repeated eigenvalues, a planted axis."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from scipy.stats import spearmanr
from sklearn.manifold import spectral_embedding
from sklearn.metrics.pairwise import cosine_similarity

from pydra_diffconn.blocks import AlignGradients, ConnectivityGradients
from pydra_diffconn.testing import Case


def correlation(rng, parcels=12, frames=40):
    shared = np.cumsum(rng.standard_normal((frames, 1)), axis=0)
    return np.corrcoef((rng.standard_normal((frames, parcels)) + 0.2 * shared).T)


def ring(parcels):
    """Neighbours on a circle: all eigenvalues but two come in pairs."""
    line = np.zeros(parcels)
    line[[1, -1]] = 1.0
    return scipy.linalg.circulant(line)


def sparse(connectome, sparsity):
    kept = np.round((1 - sparsity) * len(connectome)).astype(int)
    threshold = np.sort(connectome, axis=1)[:, -kept][:, None]
    return np.where(connectome >= threshold, connectome, 0.0)


def positive_largest(gradients):
    top = np.abs(gradients).argmax(axis=0)
    return gradients * np.sign(gradients[top, np.arange(gradients.shape[1])])


def diffusion(connectome, components, method, kernel, sparsity, softness, width, alpha, diffusion_time):
    """Solve the definition itself: the generalised problem K v = l D v."""
    similarity = np.clip(cosine_similarity(sparse(connectome, sparsity)), -1, 1)
    np.fill_diagonal(similarity, 1)
    weights = np.maximum(1 - np.arccos(similarity) / np.pi, 0)
    degree = weights.sum(axis=1) ** -alpha
    weights = degree[:, None] * weights * degree
    values, vectors = scipy.linalg.eigh(weights, np.diag(weights.sum(axis=1)))
    values, vectors = values[::-1][1 : components + 1], vectors[:, ::-1]
    scaled = values / (1 - values) if diffusion_time == 0 else values**diffusion_time
    gradients = vectors[:, 1 : components + 1] / vectors[:, :1] * scaled
    return positive_largest(gradients), scaled


def scikit_learn(connectome, components, **_):
    weights = np.maximum(connectome, 0)
    found = spectral_embedding(weights, n_components=components, eigen_solver="arpack", random_state=0)
    np.fill_diagonal(weights, 0)
    laplacian = scipy.sparse.csgraph.laplacian(weights, normed=True)
    return found, np.linalg.eigvalsh(laplacian)[1 : components + 1]


def test_it_equals_the_definition_on_real_data(x64, real_series):
    connectome = np.corrcoef(real_series[:, real_series.std(axis=0) > 0].T)
    settings = {"components": 5, "kernel": "normalized_angle", "sparsity": 0.9, "softness": 0.0, "diffusion_time": 0.0}
    found = ConnectivityGradients.pure(connectome, **settings)
    expected = diffusion(connectome, method="diffusion", width=1.0, alpha=0.5, **settings)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-10)
    np.testing.assert_allclose(found[0], expected[0], atol=1e-10 * np.abs(expected[0]).max())


@pytest.mark.parametrize("kernel", ["cosine", "gaussian", "none"])
def test_other_kernels_equal_numpy(x64, rng, kernel):
    connectome = correlation(rng)
    profiles = sparse(connectome, 0.5)
    distance = np.sum((profiles[:, None] - profiles) ** 2, axis=-1)
    weights = {
        "cosine": cosine_similarity(profiles),
        "gaussian": np.exp(-distance / (2 * 0.7**2)),
        "none": (profiles + profiles.T) / 2,
    }[kernel]
    weights = np.maximum(weights, 0)
    _, values = ConnectivityGradients.pure(
        connectome, 3, kernel=kernel, sparsity=0.5, width=0.7, alpha=0.0, diffusion_time=1.0
    )
    expected = scipy.linalg.eigh(weights, np.diag(weights.sum(axis=1)), eigvals_only=True)[::-1][1:4]
    np.testing.assert_allclose(values, expected, atol=1e-10)


def test_a_soft_sparsity_tends_to_the_hard_one(x64, rng):
    connectome = correlation(rng)
    hard = ConnectivityGradients.pure(connectome, 3, sparsity=0.6)[0]
    soft = ConnectivityGradients.pure(connectome, 3, sparsity=0.6, softness=1e-5)[0]
    np.testing.assert_allclose(soft, hard, atol=1e-5)


def test_a_planted_axis_is_the_first_gradient(rng):
    place = np.linspace(0, 1, 60)
    connectome = np.exp(-((place[:, None] - place) ** 2) / 0.05) + 0.02 * rng.standard_normal((60, 60))
    connectome = ((connectome + connectome.T) / 2).astype(np.float32)
    first = np.asarray(ConnectivityGradients.pure(connectome, 1, kernel="cosine", sparsity=0.7)[0])[:, 0]
    assert abs(spearmanr(first, place)[0]) > 0.98


def test_the_width_of_the_kernel_is_recovered_from_the_gradients(x64, rng):
    connectome = correlation(rng)
    at = jax.jit(
        lambda width: ConnectivityGradients.pure(connectome, 2, kernel="gaussian", sparsity=0.0, width=width)[1]
    )
    target = at(0.8)
    slope = jax.jit(jax.grad(lambda logarithm: jnp.sum((at(jnp.exp(logarithm)) - target) ** 2)))
    logarithm = np.log(1.5)
    for step in range(100):
        logarithm -= 0.1 * 0.95**step * np.sign(slope(logarithm))
    assert np.exp(logarithm) == pytest.approx(0.8, abs=0.01)


def test_separate_networks_are_finite_and_told_apart(x64):
    connectome = scipy.linalg.block_diag(np.ones((4, 4)), np.ones((5, 5)))
    gradients, values = ConnectivityGradients.pure(connectome, 1, method="laplacian", kernel="none", sparsity=0.0)
    assert abs(float(values[0])) < 1e-12
    assert (
        np.ptp(gradients[:4]) < 1e-12 and np.ptp(gradients[4:]) < 1e-12 and abs(gradients[0, 0] - gradients[8, 0]) > 0.1
    )


def test_alignment_undoes_a_rotation_and_reflection(x64, rng):
    reference = rng.standard_normal((20, 3))
    turned = reference @ scipy.linalg.qr(rng.standard_normal((3, 3)))[0] * [1, -1, 1]
    np.testing.assert_allclose(AlignGradients.pure(turned, reference), reference, atol=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"components": 4}, "components = 4; 4 parcels have 1 to 3 gradients"),
        ({"method": "pca"}, "method = 'pca'; expected one of 'diffusion', 'laplacian'"),
        ({"connectome": np.tri(4)}, "connectome is not symmetric"),
    ],
)
def test_bad_arguments_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        ConnectivityGradients.check({"connectome": np.eye(4), "components": 2, **change})


def test_a_reference_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="reference has 3 components, gradients 2"):
        AlignGradients.check({"gradients": np.ones((4, 2)), "reference": np.ones((4, 3))})


CONNECTOME = correlation(np.random.default_rng(4))
DEAD = CONNECTOME * np.outer(np.arange(12) != 3, np.arange(12) != 3)
DEGENERATE = {
    "a dead parcel": {"connectome": DEAD},
    "repeated eigenvalues": {"connectome": ring(12)},
    "all parcels alike": {"connectome": np.ones((12, 12))},
    "separate networks": {"connectome": scipy.linalg.block_diag(*[np.ones((4, 4))] * 3)},
    "no connections": {"connectome": np.zeros((12, 12))},
    "nothing kept": {"sparsity": 1.0},
}
CASES = [
    Case(
        ConnectivityGradients,
        {"connectome": CONNECTOME, "components": 3, "sparsity": 0.5, "alpha": 0.4},
        diffusion,
        "scipy.linalg.eigh",
        DEGENERATE,
        smooth=("connectome", "alpha"),
        undetermined=["equal eigenvalues"],
    ),
    Case(
        ConnectivityGradients,
        {"connectome": CONNECTOME, "components": 3, "method": "laplacian", "kernel": "none", "sparsity": 0.0},
        scikit_learn,
        "sklearn.manifold.spectral_embedding",
        DEGENERATE,
    ),
    Case(
        ConnectivityGradients,
        {
            "connectome": CONNECTOME,
            "components": 3,
            "kernel": "gaussian",
            "sparsity": 0.55,
            "softness": 0.1,
            "diffusion_time": 1.5,
        },
        degenerate=DEGENERATE,
    ),
    Case(
        AlignGradients,
        lambda rng: {"gradients": rng.standard_normal((12, 3)), "reference": rng.standard_normal((12, 3))},
        lambda gradients, reference: gradients @ scipy.linalg.orthogonal_procrustes(gradients, reference)[0],
        "scipy.linalg.orthogonal_procrustes",
        {
            "one direction": {"reference": np.outer(np.arange(12.0), [1, 1, 1])},
            "nothing": {"reference": np.zeros((12, 3))},
        },
        smooth=("gradients", "reference"),
        undetermined=["all constant", "equal columns"],
    ),
]
