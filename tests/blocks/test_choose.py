"""Alternatives: corners are the options themselves, the inside mixes them."""

import jax.numpy as jnp
import numpy as np
import pytest
from finite_differences import assert_gradient
from hypothesis import given, settings
from hypothesis import strategies as st

from pydra_diffconn.blocks import Choose
from pydra_diffconn.testing import Case


@pytest.fixture
def options(rng) -> list[jnp.ndarray]:
    return [jnp.asarray(rng.standard_normal((4, 3)), dtype=jnp.float32) for _ in range(3)]


@pytest.mark.parametrize("chosen", [0, 1, 2])
def test_a_corner_is_the_option_bit_for_bit(options, chosen):
    weights = jnp.zeros(3).at[chosen].set(1.0)
    found = Choose.pure(options[0], options[1], weights, options[2])
    assert np.asarray(found).tobytes() == np.asarray(options[chosen]).tobytes()


def test_without_weights_the_first_option_stands(options):
    assert np.asarray(Choose.pure(*options[:2])).tobytes() == np.asarray(options[0]).tobytes()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0.01, 1), min_size=2, max_size=8))
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


def mixed(weights, **options):
    return sum(w * o for w, o in zip(weights, [o for o in options.values() if o is not None], strict=True))


OPTIONS = {f"option_{i}": np.random.default_rng(i).standard_normal((4, 3)) for i in (1, 2, 3)}
CASES = [
    Case(
        Choose,
        {**OPTIONS, "weights": np.array([0.2, 0.3, 0.5])},
        mixed,
        "numpy",
        {"a corner": {"weights": np.array([0.0, 1.0, 0.0])}},
    )
]
