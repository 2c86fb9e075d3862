"""Alternatives: corners are the options themselves, the inside mixes them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from examples import examples, lists
from gradients import assert_gradient, gradient
from hypothesis import given
from hypothesis import strategies as st

from pydra_diffconn import Learn
from pydra_diffconn.blocks import Choose
from pydra_diffconn.blocks.choose import sharpened, straight_through
from pydra_diffconn.testing import Case


@pytest.fixture
def options(rng) -> list[jnp.ndarray]:
    return [jnp.asarray(rng.standard_normal((4, 3)), dtype=jnp.float32) for _ in range(3)]


@pytest.mark.parametrize("chosen", [0, 1, 2])
def test_a_corner_is_the_option_bit_for_bit(options, chosen):
    weights = jnp.zeros(3).at[chosen].set(1.0)
    found = Choose.pure(options[0], options[1], weights, options[2])
    assert np.asarray(found).tobytes() == np.asarray(options[chosen]).tobytes()


def test_a_corner_keeps_negative_zeros_and_nothing_of_the_other_options():
    first, second = jnp.asarray([-0.0, 1.0]), jnp.asarray([jnp.inf, jnp.nan])
    found = jax.jit(Choose.pure)(first, second, jnp.asarray([1.0, 0.0]))
    assert np.asarray(found).tobytes() == np.asarray(first).tobytes()


def test_without_weights_the_first_option_stands(options):
    assert np.asarray(Choose.pure(*options[:2])).tobytes() == np.asarray(options[0]).tobytes()


@examples(25)
@given(lists(st.floats(0.01, 1), 2, 3, 8))
def test_the_inside_is_the_weighted_sum(raw):
    weights = np.array(raw, dtype=np.float32) / np.sum(raw, dtype=np.float32)
    options = np.random.default_rng(0).standard_normal((len(raw), 5)).astype(np.float32)
    rest = {f"option_{place + 1}": jnp.asarray(option) for place, option in enumerate(options)}
    np.testing.assert_allclose(Choose.pure(weights=jnp.asarray(weights), **rest), weights @ options, atol=1e-5)


def test_the_derivatives_are_right_also_on_a_corner(x64, rng):
    first, second = jnp.asarray(rng.standard_normal((2, 4, 3)))
    for weights in ([1.0, 0.0], [0.3, 0.7]):
        at = jnp.asarray(weights)
        assert_gradient(lambda w: jnp.sum(Choose.pure(first, second, w) ** 3), at)
        assert_gradient(lambda x, w=at: jnp.sum(Choose.pure(x, second, w) ** 3), first)


def test_options_of_different_shape_are_refused():
    with pytest.raises(ValueError, match="different shapes"):
        Choose.check({"option_1": np.zeros((2, 2)), "option_2": np.zeros((3, 3))})


def test_fewer_weights_than_options_are_refused():
    with pytest.raises(ValueError, match="2 weights for 3 options"):
        Choose.check({f"option_{n}": np.zeros(2) for n in (1, 2, 3)} | {"weights": np.array([0.5, 0.5])})


def test_more_weights_than_options_are_refused(options):
    with pytest.raises(ValueError, match="for 2 options"):
        Choose.pure(*options[:2], jnp.ones(3) / 3)


def test_weights_off_the_simplex_are_refused():
    with pytest.raises(ValueError, match="outside simplex"):
        Choose.declaration.checked({"weights": np.array([0.9, 0.9])})


def test_a_temperature_sharpens_and_leaves_corners_alone(options):
    weights = jnp.asarray([0.2, 0.3, 0.5])
    np.testing.assert_allclose(sharpened(weights, 1.0), weights, atol=1e-6)
    np.testing.assert_allclose(sharpened(weights, 0.5), weights**2 / jnp.sum(weights**2), atol=1e-6)
    np.testing.assert_allclose(sharpened(weights, 0.01), [0, 0, 1], atol=1e-6)
    corner = jnp.asarray([0.0, 1.0, 0.0])
    for temperature in (0.1, 1.0, 10.0):
        found = Choose.pure(options[0], options[1], corner, options[2], temperature=temperature)
        assert np.asarray(found).tobytes() == np.asarray(options[1]).tobytes()
        assert np.all(np.isfinite(jax.jit(jax.jacobian(sharpened))(corner, temperature)))


def test_compiled_derivatives_of_a_sharpened_corner_are_finite(x64):
    slope = gradient(lambda weights, temperature: jnp.sum(sharpened(weights, temperature) ** 3))
    assert np.all(np.isfinite(slope(jnp.asarray([0.0, 1.0, 0.0]), 0.4)))


def test_draws_follow_the_key_and_the_weights(options):
    weights = jnp.asarray([0.2, 0.0, 0.8])
    draw = lambda key, hard: Choose.pure(*options[:2], weights, options[2], key=key, hard=hard)  # noqa: E731
    np.testing.assert_array_equal(draw(np.array(3), False), draw(jax.random.key_data(jax.random.key(3)), False))
    assert not np.array_equal(draw(np.array(3), False), draw(np.array(4), False))
    keys = jax.random.key_data(jax.random.split(jax.random.key(0), 2000))
    drawn = jax.vmap(lambda key: straight_through(sharpened(weights, 0.5, key)))(keys)
    np.testing.assert_allclose(drawn.mean(0), weights, atol=0.03)  # the largest of a draw is option k with weight k
    assert np.all(drawn[:, 1] == 0)


def test_hard_weights_are_one_option_with_the_derivatives_of_all(options):
    weights = jnp.asarray([0.2, 0.5, 0.3])
    hard = lambda w: Choose.pure(*options[:2], w, options[2], hard=True)  # noqa: E731
    assert np.asarray(hard(weights)).tobytes() == np.asarray(options[1]).tobytes()
    slope = gradient(lambda w: jnp.sum(hard(w)))(weights)
    np.testing.assert_allclose(slope, [option.sum() for option in options], rtol=1e-5)


def test_a_seed_and_a_key_are_the_same_draw_in_a_job(options, tmp_path):
    first, second = np.asarray(options[0]), np.asarray(options[1])
    given = {"option_1": first, "option_2": second, "weights": [0.5, 0.5]}
    one, two = (Choose(**given, key=key)(cache_root=tmp_path).chosen for key in (7, jax.random.key(7)))
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, Choose(**given, key=8)(cache_root=tmp_path).chosen)


def test_a_bare_mark_starts_with_equal_weights_in_both_modes(options, tmp_path):
    options = {f"option_{n + 1}": np.asarray(option) for n, option in enumerate(options)}
    task = Choose(weights=Learn(), **options)
    np.testing.assert_array_equal(task.values()["weights"], np.full(3, 1 / 3))
    found = task(cache_root=tmp_path).chosen
    np.testing.assert_allclose(found, sum(options.values()) / 3, atol=1e-6)


def mixed(weights, temperature=None, key=None, hard=False, **options):
    weights = weights if temperature is None else weights ** (1 / temperature) / np.sum(weights ** (1 / temperature))
    return sum(w * o for w, o in zip(weights, [o for o in options.values() if o is not None], strict=True))


OPTIONS = {f"option_{i}": np.random.default_rng(i).standard_normal((4, 3)) for i in (1, 2, 3)}
WEIGHTS = np.array([0.2, 0.3, 0.5])
CASES = [
    Case(
        Choose,
        {**OPTIONS, "weights": WEIGHTS},
        mixed,
        "numpy",
        {"a corner": {"weights": np.array([0.0, 1.0, 0.0])}},
    ),
    Case(
        Choose,
        {**OPTIONS, "weights": WEIGHTS, "temperature": 0.4},
        mixed,
        "numpy",
        {"a corner": {"weights": np.array([0.0, 1.0, 0.0])}},
    ),
]
