import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from nilearn.connectome import ConnectivityMeasure
from pyriemann.geometry import mean as pyriemann
from pyriemann.geometry.tangentspace import log_map_riemann, tangent_space
from sklearn.covariance import LedoitWolf

from pydra_diffconn import constraints
from pydra_diffconn.blocks import SpdMean, TangentProject, VectorizeEdges
from pydra_diffconn.numerics import spd
from pydra_diffconn.testing import Case

ORACLES = {
    "euclidean": pyriemann.mean_euclid,
    "harmonic": pyriemann.mean_harmonic,
    "log-euclidean": pyriemann.mean_logeuclid,
    "karcher": lambda stack, sample_weight=None: pyriemann.mean_riemann(
        stack, tol=1e-13, maxiter=500, sample_weight=sample_weight
    ),
}


def random_stack(seed=0, subjects=4, parcels=4, frames=12):
    rng = np.random.default_rng(seed)
    scale = rng.uniform(0.5, 3, parcels)
    return np.array([np.cov((rng.standard_normal((frames, parcels)) * scale).T) for _ in range(subjects)])


@pytest.fixture
def stack():
    return random_stack()


@pytest.fixture(scope="session")
def real_stack(real_series):
    """Shrunk covariances of four stretches of a real run, 30 parcels."""
    alive = real_series[:, real_series.std(axis=0) > 0][:, :30]
    return np.array([LedoitWolf().fit(part).covariance_ for part in np.array_split(alive, 4)])


@pytest.mark.parametrize("single", [False, True], ids=["float64", "float32"])
@pytest.mark.parametrize("kind", ["harmonic", "log-euclidean", "karcher", "tangent"])
def test_singular_matrices_give_finite_numbers_and_gradients(kind, single):
    rng = np.random.default_rng(0)
    draws = rng.standard_normal((40, 3, 5))
    few = np.array([np.cov(draw.T) for draw in draws])  # 3 frames, 5 parcels
    few[0] = 0
    many, weights = np.cov(rng.standard_normal((60, 5)).T), rng.standard_normal((5, 5))

    def score(few, many):
        if kind == "tangent":
            return jnp.sum(weights * TangentProject.pure(few, many))
        stack = jnp.stack([few, many, jnp.eye(5, dtype=few.dtype)])
        return jnp.sum(weights * SpdMean.pure(stack, None, kind))

    with jax.enable_x64(not single):
        real = np.float32 if single else np.float64
        run = jax.jit(lambda stack, many: jax.lax.map(lambda one: jax.value_and_grad(score)(one, many), stack))
        values, slopes = run(few.astype(real), many.astype(real))
    assert np.isfinite(values).all()
    assert np.isfinite(slopes).all()


@pytest.mark.parametrize("kind", list(ORACLES))
def test_means_equal_pyriemann_weighted_or_not(x64, stack, kind):
    np.testing.assert_allclose(SpdMean.pure(stack, kind=kind), ORACLES[kind](stack), rtol=1e-10, atol=1e-10)
    weights = np.array([0.0, 1.0, 2.0, 0.5])
    expected = ORACLES[kind](stack, sample_weight=weights)
    np.testing.assert_allclose(SpdMean.pure(stack, weights, kind), expected, rtol=1e-9, atol=1e-10)


def test_the_karcher_mean_of_real_covariances_is_converged_to_rounding(x64, real_stack):
    found = SpdMean.pure(real_stack)

    def gradient_norm(mean):
        whitening = spd.inverse_square_root(mean)
        return float(jnp.linalg.norm(spd.logarithm(spd.congruence(whitening, real_stack)).mean(axis=0)))

    assert gradient_norm(found) < 1e-12
    np.testing.assert_allclose(found, ORACLES["karcher"](real_stack), rtol=1e-9, atol=1e-10 * np.abs(found).max())


def test_the_karcher_mean_of_two_is_the_middle_of_their_geodesic(x64, stack):
    a, b = stack[:2] * np.array([1.0, 1e3])[:, None, None]
    root, whitening = spd.square_root(a), spd.inverse_square_root(a)
    middle = spd.congruence(root, spd.square_root(spd.congruence(whitening, b)))
    np.testing.assert_allclose(SpdMean.pure(np.array([a, b])), middle, rtol=1e-10, atol=1e-10)


def test_scattered_and_nearly_singular_matrices_still_converge(x64):
    rng = np.random.default_rng(3)
    turns = [np.linalg.qr(rng.standard_normal((5, 5)))[0] for _ in range(6)]
    stack = np.array([(q * np.logspace(-3, 3, 5)) @ q.T for q in turns])
    mean = SpdMean.pure(stack)
    norm = jnp.linalg.norm(spd.logarithm(spd.congruence(spd.inverse_square_root(mean), stack)).mean(axis=0))
    assert norm < 1e-8


def test_the_mean_moves_as_its_derivative_says_in_both_modes_and_twice(x64, stack):
    rng = np.random.default_rng(2)
    weights, along, other = (rng.standard_normal(s) for s in ((4, 4), stack.shape, stack.shape))
    shares = np.array([0.1, 0.2, 0.3, 0.4])
    scalar = jax.jit(lambda s, w: jnp.sum(weights * SpdMean.pure(s, w)))
    slope = jax.jit(lambda s: jax.jvp(lambda s: scalar(s, shares), (s,), (along,))[1])
    step = 1e-5
    up, down = scalar(stack + step * along, shares), scalar(stack - step * along, shares)
    np.testing.assert_allclose(slope(stack), (up - down) / (2 * step), rtol=1e-7)
    gradient, to_weights = jax.jit(jax.grad(scalar, (0, 1)))(stack, shares)
    np.testing.assert_allclose(jnp.sum(gradient * along), slope(stack), rtol=1e-9)
    up, down = (scalar(stack, shares + sign * step * np.eye(4)[1]) for sign in (1, -1))
    np.testing.assert_allclose(to_weights[1], (up - down) / (2 * step), rtol=1e-6)
    second = jax.jit(lambda s: jnp.sum(other * jax.grad(slope)(s)))(stack)
    up, down = slope(stack + step * other), slope(stack - step * other)
    np.testing.assert_allclose(second, (up - down) / (2 * step), rtol=1e-5)


def test_tangent_vectors_equal_nilearn_and_pyriemann(x64, real_series):
    alive = real_series[:, real_series.std(axis=0) > 0][:, :20]
    runs = np.array_split(alive, 3)
    measure = ConnectivityMeasure(kind="tangent", standardize=False)
    expected = measure.fit_transform(runs)
    covariances = np.array([LedoitWolf(store_precision=False).fit(run).covariance_ for run in runs])
    found = jax.vmap(TangentProject.pure, (0, None))(covariances, measure.mean_)
    np.testing.assert_allclose(found, expected, atol=1e-10)
    edges = VectorizeEdges.pure(found[0], discard_diagonal=False, sqrt2=True)
    theirs = tangent_space(covariances[:1], measure.mean_)[0]  # upper triangle, row by row
    np.testing.assert_allclose(np.sort(edges), np.sort(theirs), atol=1e-10)


def test_the_tangent_vectors_at_the_mean_sum_to_zero_and_at_itself_it_is_zero(x64, stack):
    mean = SpdMean.pure(stack)
    total = jax.vmap(TangentProject.pure, (0, None))(stack, mean).sum(axis=0)
    np.testing.assert_allclose(total, 0, atol=1e-11)
    np.testing.assert_allclose(TangentProject.pure(stack[0], stack[0]), 0, atol=1e-12)


def test_a_planted_reference_is_recovered_by_gradient_descent(x64):
    rng = np.random.default_rng(7)
    truth = random_stack(9, 1)[0]
    tangents = np.array([(t + t.T) / 4 for t in rng.standard_normal((6, 4, 4))])
    covariances = spd.congruence(spd.square_root(truth), spd.exponential(tangents))

    def loss(free):
        reference = constraints.spd.from_free(free)
        return jnp.mean((jax.vmap(TangentProject.pure, (0, None))(covariances, reference) - tangents) ** 2)

    optimizer = optax.adam(optax.cosine_decay_schedule(0.1, 300))

    @jax.jit
    def step(free, state):
        updates, state = optimizer.update(jax.grad(loss)(free), state)
        return free + updates, state

    free = constraints.spd.to_free(np.eye(4))
    state = optimizer.init(free)
    for _ in range(300):
        free, state = step(free, state)
    found = constraints.spd.from_free(free)
    assert constraints.spd.contains(found)
    np.testing.assert_allclose(found, truth, atol=1e-3 * truth.max())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "geometric"}, "kind = 'geometric'; expected one of 'euclidean'"),
        ({"covariances": np.eye(3)}, r"expected \(subjects, parcels, parcels\)"),
        (
            {"covariances": np.array([np.eye(3), np.diag([1.0, 1.0, 0.0])])},
            r"covariances\[1\] is not positive definite",
        ),
        ({"subject_weights": np.array([1.0])}, r"subject_weights has 1 subjects, covariances 4"),
        ({"subject_weights": np.zeros(4)}, "0 of 4 subjects can be used"),
    ],
)
def test_stacks_without_a_mean_are_refused(stack, change, message):
    with pytest.raises(ValueError, match=message):
        SpdMean.check({"covariances": stack, "subject_weights": None, "kind": "karcher", **change})


def test_a_singular_covariance_and_a_reference_of_other_parcels_are_refused(stack):
    with pytest.raises(ValueError, match=r"covariance is not positive definite.*shrink it first"):
        TangentProject.check({"covariance": np.ones((3, 3)), "reference": np.eye(3)})
    with pytest.raises(ValueError, match="reference has 3 parcels, covariance 4"):
        TangentProject.check({"covariance": stack[0], "reference": np.eye(3)})


@pytest.mark.parametrize("kind", ["harmonic", "log-euclidean", "karcher"])
def test_singular_matrices_of_a_fused_program_give_finite_numbers(x64, kind):
    value, slope = jax.jit(jax.value_and_grad(lambda s: jnp.sum(SpdMean.pure(s, kind=kind) ** 2)))(SINGULAR)
    assert np.isfinite(value) and np.all(np.isfinite(slope))
    value, slope = jax.jit(jax.value_and_grad(lambda s: jnp.sum(TangentProject.pure(s, jnp.eye(3)))))(SINGULAR[0])
    assert np.isfinite(value) and np.all(np.isfinite(slope))


SINGULAR = np.array([np.diag([1.0, 2.0, 0.0]), np.ones((3, 3)), np.eye(3)])
CASES = [
    *(
        Case(
            SpdMean,
            {"covariances": random_stack(), "subject_weights": np.array([1.0, 2.0, 3.0, 4.0]), "kind": kind},
            lambda covariances, subject_weights, kind: ORACLES[kind](covariances, sample_weight=subject_weights),
            f"pyriemann mean, {kind}",
            {"equal eigenvalues": {"covariances": np.array([np.eye(4), 2 * np.eye(4)]), "subject_weights": None}},
            smooth=("covariances", "subject_weights"),
        )
        for kind in ORACLES
    ),
    Case(
        TangentProject,
        {"covariance": random_stack()[0], "reference": random_stack(1)[1]},
        lambda covariance, reference: log_map_riemann(covariance[None], reference)[0],
        "pyriemann.utils.tangentspace.log_map_riemann",
        {"at the reference": {"covariance": np.eye(4), "reference": np.eye(4)}},
    ),
]
