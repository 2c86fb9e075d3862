import jax
import jax.numpy as jnp
import numpy as np
import pytest
from examples import examples
from gradients import assert_gradient, finite_gradient
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.special import rel_entr
from scipy.stats import entropy as scipy_entropy

from pydra_diffconn import losses
from pydra_diffconn.losses import information

pytestmark = pytest.mark.usefixtures("x64")
entropy, kullback_leibler, jensen_shannon = (
    jax.jit(function, static_argnames=("axis", "logits"))
    for function in (information.entropy, information.kullback_leibler, information.jensen_shannon)
)
bregman = jax.jit(information.bregman, static_argnums=0)
HARD = np.array([[0.0, 1.0, 0.0], [0.5, 0.0, 0.5], [1.0, 0.0, 0.0]])
OTHER = np.array([[0.0, 0.4, 0.6], [0.5, 0.0, 0.5], [0.0, 0.5, 0.5]])


@pytest.fixture
def logits(rng):
    return rng.standard_normal((2, 4, 5)) * 3


def test_entropy_equals_scipy(logits):
    p = np.asarray(jax.nn.softmax(logits[0], 1))
    np.testing.assert_allclose(entropy(p), scipy_entropy(p, axis=1), atol=1e-12)
    np.testing.assert_allclose(entropy(logits[0], logits=True), scipy_entropy(p, axis=1), atol=1e-12)
    np.testing.assert_allclose(losses.Entropy("x", axis=0)({"x": p}), scipy_entropy_unscaled(p).mean(), atol=1e-12)
    assert_gradient(lambda p: entropy(p).sum(), p)
    assert_gradient(lambda x: entropy(x, logits=True).sum(), logits[0])


def scipy_entropy_unscaled(p):
    return -np.sum(p * np.log(p), axis=0)


def test_kullback_leibler_equals_scipy(logits):
    p, q = np.asarray(jax.nn.softmax(logits, -1))
    expected = rel_entr(p, q).sum(-1)
    np.testing.assert_allclose(kullback_leibler(p, q), expected, atol=1e-12)
    np.testing.assert_allclose(kullback_leibler(*logits, logits=True), expected, atol=1e-12)
    np.testing.assert_allclose(losses.KullbackLeibler("q")({"q": q}, p), expected.mean(), atol=1e-12)
    loss = losses.KullbackLeibler("p", other="q", reverse=True, logits=True)
    np.testing.assert_allclose(loss({"p": logits[0], "q": logits[1]}), expected.mean(), atol=1e-12)
    from_targets = losses.KullbackLeibler("q", logits=True)({"q": logits[1]}, p)
    np.testing.assert_allclose(from_targets, expected.mean(), atol=1e-12)
    assert_gradient(lambda x: kullback_leibler(x, q).sum(), p)
    assert_gradient(lambda x: kullback_leibler(p, x).sum(), q)


def test_jensen_shannon_equals_scipys_squared(logits):
    p, q = np.asarray(jax.nn.softmax(logits, -1))
    expected = jensenshannon(p, q, axis=-1) ** 2
    np.testing.assert_allclose(jensen_shannon(p, q), expected, atol=1e-12)
    np.testing.assert_allclose(jensen_shannon(*logits, logits=True), expected, atol=1e-12)
    np.testing.assert_allclose(losses.JensenShannon("p", other="q")({"p": p, "q": q}), expected.mean(), atol=1e-12)
    assert_gradient(lambda x: jensen_shannon(x, q).sum(), p)
    assert_gradient(lambda x: jensen_shannon(x, logits[1], logits=True).sum(), logits[0])


def test_probabilities_of_zero_are_exact_and_have_finite_gradients():
    np.testing.assert_array_equal(entropy(HARD)[::2], 0)
    np.testing.assert_allclose(entropy(HARD), scipy_entropy(HARD, axis=1), atol=1e-15)
    np.testing.assert_allclose(jensen_shannon(HARD, OTHER), jensenshannon(HARD, OTHER, axis=1) ** 2, atol=1e-12)
    np.testing.assert_allclose(kullback_leibler(OTHER[1], HARD[1]), 0, atol=1e-15)
    np.testing.assert_allclose(
        kullback_leibler(HARD, OTHER)[:2], rel_entr(HARD, OTHER).sum(1)[:2], atol=1e-12
    )  # the third is infinite
    for function in (entropy, lambda p: kullback_leibler(p, OTHER), lambda p: jensen_shannon(p, OTHER)):
        for dtype in (np.float64, np.float32):
            assert np.all(np.isfinite(function(HARD.astype(dtype))))
            assert finite_gradient(lambda p, f=function: f(p).sum(), HARD.astype(dtype)).dtype == dtype
    finite_gradient(lambda q: kullback_leibler(HARD, q).sum(), OTHER)


def test_impossible_logits_are_exact_and_have_finite_gradients():
    with np.errstate(divide="ignore"):
        logits, other = np.log(HARD), np.log(OTHER)
    np.testing.assert_allclose(entropy(logits, logits=True), scipy_entropy(HARD, axis=1), atol=1e-15)
    np.testing.assert_allclose(
        jensen_shannon(logits, other, logits=True), jensenshannon(HARD, OTHER, axis=1) ** 2, atol=1e-12
    )
    for function in (entropy, lambda x, **k: jensen_shannon(x, other, **k)):
        finite_gradient(lambda x, f=function: f(x, logits=True).sum(), logits)
    large = jnp.array([1e4, 0.0, -1e4])
    finite_gradient(lambda x: entropy(x, logits=True), large)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=4, max_size=4))
@examples(40)
def test_divergences_are_never_negative_and_jensen_shannon_is_bounded(pairs):
    p, q = (np.array(column) + (0 if sum(column) else 1) for column in zip(*pairs, strict=True))
    p, q = p / p.sum(), q / q.sum()
    assert -1e-12 <= entropy(p) <= np.log(len(p)) + 1e-12
    assert kullback_leibler(p, q) >= -1e-12
    assert -1e-12 <= jensen_shannon(p, q) <= np.log(2) + 1e-12
    np.testing.assert_allclose(jensen_shannon(p, q), jensen_shannon(q, p), atol=1e-12)


def test_bregman_is_the_squared_distance_and_kullback_leibler(logits):
    p, q = np.asarray(jax.nn.softmax(logits, -1))
    np.testing.assert_allclose(bregman(lambda x: jnp.sum(x**2), p, q), np.sum((p - q) ** 2, -1), atol=1e-12)

    def negative_entropy(p):
        return -entropy(p)

    np.testing.assert_allclose(bregman(negative_entropy, p, q), rel_entr(q, p).sum(-1), atol=1e-12)
    loss = losses.Bregman("x", generator=negative_entropy, logits=True)
    np.testing.assert_allclose(loss({"x": logits[0]}, q), rel_entr(q, p).sum(-1).mean(), atol=1e-12)
    assert_gradient(lambda p: bregman(negative_entropy, p, q).sum(), p)
