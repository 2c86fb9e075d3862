import jax
import jax.numpy as jnp
import numpy as np
import pytest
from examples import examples
from gradients import assert_gradient, gradient
from hypothesis import given
from hypothesis import strategies as st

from pydra_diffconn import blocks, constraints
from pydra_diffconn.blocks import EwmaCovariance, KernelRidge, SpmDesign

CASES = {
    "real": (constraints.real, 3.0),
    "positive": (constraints.positive, 0.4),
    "nonnegative": (constraints.nonnegative, 0.0),
    "unit interval": (constraints.unit_interval, 1.0),
    "at least one": (constraints.at_least(1.0), 2.0),
    "between": (constraints.between(0.01, 0.1), 0.05),
    "simplex": (constraints.simplex, np.array([1.0, 0.0, 0.0])),
    "ordered": (constraints.ordered, np.array([-1.0, -1.0, 2.0])),
    "ascending from": (constraints.ascending(1.0, np.inf), np.array([1.0, 2.0, 2.0])),
    "ascending up to": (constraints.ascending(-np.inf, 1.0), np.array([-3.0, 1.0, 1.0])),
    "ascending between": (constraints.ascending(0.0, 0.25), np.array([0.0, 0.01, 0.1, 0.25])),
    "spd": (constraints.spd, np.eye(5)),
    "stack of spd": (constraints.spd, np.diag([1e4, 2e4, 1e3])[None] * np.ones((2, 1, 1))),
    "orthogonal": (constraints.orthogonal, np.eye(4)[:, [2, 0]]),
    "orthogonal rows": (constraints.orthogonal, -np.eye(3, 5)),
    "sphere": (constraints.sphere, np.array([[0.0, 1.0, 0.0], [0.6, 0.0, -0.8]])),
    "unit disc": (constraints.unit_disc, np.array([[0.0, 1.0], [0.0, 0.0], [0.3, -0.4]])),
}
NEW = ["ordered", "ascending from", "ascending between", "spd", "orthogonal", "orthogonal rows", "sphere", "unit disc"]


def interior(name):
    """A legal value off all bounds."""
    constraint, value = CASES[name]
    return constraint, np.asarray(constraint.from_free(np.random.default_rng(5).normal(size=value.shape)))


@pytest.mark.parametrize("name", list(CASES))
def test_a_hundred_random_steps_stay_inside(name):
    constraint, value = CASES[name]
    to_free, from_free = jax.jit(constraint.to_free), jax.jit(constraint.from_free)
    rng = np.random.default_rng(0)
    assert constraint.contains(value)
    for _ in range(100):
        free = np.asarray(to_free(value))
        value = np.asarray(from_free(free + rng.normal(0, 3, free.shape)))
        assert constraint.contains(value) and np.all(np.isfinite(value))


@pytest.mark.parametrize("name", NEW)
def test_vectors_and_matrices_go_there_and_back(x64, name):
    constraint, value = interior(name)
    np.testing.assert_allclose(constraint.from_free(constraint.to_free(value)), value, rtol=1e-9, atol=1e-11)
    assert np.shape(constraint.to_free(value)) == value.shape  # what is learned per subject is added in this shape


@pytest.mark.parametrize("name", NEW)
def test_the_map_has_the_right_derivative_and_none_that_is_not_finite(x64, name):
    constraint, value = interior(name)
    weights = np.random.default_rng(6).normal(size=value.shape)
    scalar = jax.jit(lambda free: jnp.sum(weights * constraint.from_free(free)))
    assert_gradient(scalar, constraint.to_free(value))
    assert np.all(np.isfinite(gradient(scalar)(np.asarray(constraint.to_free(CASES[name][1]), dtype=float))))


@pytest.mark.parametrize("size", [2, 30])
def test_learned_covariances_stay_invertible_after_far_steps(size):
    rng = np.random.default_rng(0)
    for dtype in (np.float32, np.float64):
        with jax.enable_x64(dtype is np.float64):
            to_free, from_free = jax.jit(constraints.spd.to_free), jax.jit(constraints.spd.from_free)
            for scale in (0.1, 1.0, 10.0):
                value = np.asarray(from_free(rng.normal(0, scale, (size, size)).astype(dtype)))
                assert value.dtype == dtype and constraints.spd.contains(value)
                assert np.all(np.isfinite(to_free(value)))


def test_a_nearly_singular_covariance_enters_the_free_space_from_inside(x64):
    singular = np.diag([1.0, 1.0, 1e-18])
    back = np.asarray(constraints.spd.from_free(constraints.spd.to_free(singular)))
    np.testing.assert_allclose(back, singular, atol=1e-13)
    assert np.linalg.eigvalsh(back).min() > 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("spd", np.diag([1.0, -1.0])),
        ("spd", np.array([[2.0, 1.0], [0.0, 2.0]])),
        ("spd", np.ones((2, 3))),
        ("ordered", np.array([2.0, 1.0])),
        ("ascending between", np.array([0.1, 0.3])),
        ("orthogonal", np.ones((2, 2))),
        ("sphere", np.array([1.0, 1.0])),
        ("unit disc", np.array([1.0, 1.0])),
    ],
)
def test_values_outside_are_recognised_and_the_set_has_a_name(name, value):
    constraint = CASES[name][0]
    assert not constraint.contains(value)
    assert constraint.describe() and constraint.resolved({}) == constraint


def test_ascending_cutoffs_know_the_nyquist_frequency_and_narrower_bounds():
    resolved = constraints.ascending(0.0, constraints.nyquist).narrowed((0.02, 0.2)).resolved({"tr": 4.0})
    assert (float(resolved.lower), float(resolved.upper)) == pytest.approx((0.02, 0.125))
    assert constraints.ascending(0.0, constraints.nyquist).describe() == "ascending in [0, nyquist]"
    with pytest.raises(ValueError, match="symmetric positive definite cannot be narrowed"):
        constraints.spd.narrowed((0.0, 1.0))


def test_the_zero_vector_has_a_direction_on_the_sphere_and_no_infinite_derivative(x64):
    assert constraints.sphere.from_free(np.zeros(3)).tolist() == [1.0, 0.0, 0.0]
    assert np.all(np.isfinite(jax.jit(jax.jacobian(constraints.sphere.from_free))(np.zeros(3))))


@examples(25)
@given(st.floats(0.02, 0.98))
def test_the_map_goes_there_and_back(share):
    for constraint in (constraints.between(-2.0, 5.0), constraints.unit_interval):
        width = float(constraint.upper) - float(constraint.lower)
        value = float(constraint.lower) + share * width
        assert float(constraint.from_free(constraint.to_free(value))) == pytest.approx(value, abs=1e-5)


@pytest.mark.parametrize("near", [1e-3, 1e-4])
def test_values_near_a_bound_are_kept_from_step_to_step(near):
    sets = {
        constraints.positive: near,
        constraints.nonnegative: near,
        constraints.at_least(1.0): 1 + near,
        constraints.unit_interval: 1 - near,
        constraints.simplex: np.array([near, 1 - near]),
    }
    for constraint, value in sets.items():
        back = constraint.from_free(constraint.to_free(np.asarray(value, np.float32)))
        np.testing.assert_allclose(back, value, rtol=1e-6, atol=near * 1e-2)


def test_what_is_driven_to_a_bound_does_not_come_back():
    for constraint in (constraints.nonnegative, constraints.at_least(1.0), constraints.at_least(0.5)):
        value = jnp.asarray(2.0)
        for _ in range(60):
            value = constraint.from_free(constraint.to_free(value) - 3.0)
        assert constraint.contains(value) and value - constraint.lower < 1e-3
        assert np.isfinite(gradient(lambda free, c=constraint: c.from_free(free))(constraint.to_free(value)))
    weights = jnp.asarray([0.5, 0.5])
    for _ in range(60):
        weights = constraints.simplex.from_free(constraints.simplex.to_free(weights) - jnp.asarray([3.0, 0.0]))
    assert 0 < weights[0] < 1e-20


def test_what_is_not_defined_at_its_bound_is_refused_there():
    strict = constraints.above(0.0)
    assert constraints.positive.contains(0.0) and not strict.contains(0.0) and strict.contains(1e-300)
    assert strict.describe() == "(0, inf)" and constraints.intersection([constraints.positive, strict]).strict
    assert strict.narrowed((2.0, 5.0)).contains(2.0) and not strict.narrowed((-1.0, 5.0)).contains(0.0)
    for block, name in ((EwmaCovariance, "halflife"), (SpmDesign, "dispersion"), (KernelRidge, "penalty")):
        with pytest.raises(ValueError, match=rf"{name} = 0 .*is outside \(0, inf\)"):
            block.check({name: 0.0})


@pytest.mark.parametrize("name", blocks.__all__)
def test_a_range_is_shown_closed_where_its_bound_is_accepted(name):
    for parameter in getattr(blocks, name).declaration.parameters.values():
        shown = parameter.constraint.describe()
        if not isinstance(parameter.constraint, constraints.Interval):
            continue
        known = parameter.constraint.resolved({"tr": 2.0, "low": 0.05, "high": 0.1, "cut": 2.5, "limit": 4.0})
        for bound, bracket, closed in ((known.lower, shown[0], "["), (known.upper, shown[-1], "]")):
            assert (bracket == closed) == bool(np.isfinite(bound) and known.contains(bound)), (parameter, shown)


def test_bounds_can_be_other_arguments_and_narrower_intervals_keep_them():
    low = constraints.between(0.0, "high").narrowed((0.02, 0.5)).resolved({"high": 0.1})
    assert (float(low.lower), float(low.upper)) == pytest.approx((0.02, 0.1))
    assert float(constraints.between(0.0, constraints.nyquist).resolved({"tr": 2.0}).upper) == 0.25


def test_two_learned_bounds_of_one_band_stay_ordered():
    from workflows_under_test import Connectome, example

    from pydra_diffconn import Learn, fuse

    data = example(np.random.default_rng(0), runs=1)
    task = Connectome(bold=data["bold"][0], confounds=data["confounds"][0], labels=data["labels"], tr=0.8)
    space = fuse(task, learn={"BandPass.high": Learn()})
    values, rng = {"BandPass.low": 0.01, "BandPass.high": 0.1}, np.random.default_rng(1)
    back = space.from_free(space.to_free(values))
    assert {n: float(v) for n, v in back.items()} == pytest.approx(values, rel=1e-4)
    for _ in range(100):
        free = {name: value + rng.normal(0, 3) for name, value in space.to_free(values).items()}
        values = space.from_free(free)
        assert 0 < float(values["BandPass.low"]) < float(values["BandPass.high"]) < 0.625
