import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from gradients import assert_gradient, gradient

from pydra_diffconn import constraints
from pydra_diffconn.blocks import GateConfounds, NonAggressiveRegression, RegressConfounds
from pydra_diffconn.testing import Case


def unit(confounds, weights):
    centred = confounds - np.average(confounds, axis=0, weights=weights)
    return centred / np.sqrt(weights @ centred**2)


def penalised(timeseries, confounds, frame_weights, gates, penalty, intercept, first_row, terms):
    """Solve the normal equations with the penalties written out; a closed gate is a column left out."""
    gates = gates if terms is None else gates[terms]
    used = gates > 0
    design = unit(confounds[:, used], frame_weights)
    weighted = design.T * frame_weights
    ridge = np.diag(penalty * (1 - gates[used]) / gates[used])
    y = timeseries - np.average(timeseries, axis=0, weights=frame_weights)
    return timeseries - design @ np.linalg.solve(weighted @ design + ridge, weighted @ y)


def fsl_regfilt(timeseries, components, noise, frame_weights):
    """Demean, b = pinv(mixing) y, subtract the noise part, as in FSL's source; weights by repeated scaling of rows."""
    weights = np.ones(len(components)) if frame_weights is None else frame_weights
    root = np.sqrt(weights)[:, None]
    mixing = components - np.average(components, axis=0, weights=weights)
    y = timeseries - np.average(timeseries, axis=0, weights=weights)
    return timeseries - mixing @ (noise[:, None] * (np.linalg.pinv(root * mixing) @ (root * y)))


@pytest.fixture
def data(rng, real_confounds):
    return rng.standard_normal((len(real_confounds), 7)).cumsum(axis=0) + 50, real_confounds


@pytest.mark.parametrize("penalty", [1e-3, 1.0, 1e3])
def test_hard_gates_are_the_regression_on_the_open_confounds(x64, data, rng, penalty):
    x, confounds = data
    open_ = rng.random(confounds.shape[1]) > 0.5
    found = GateConfounds.pure(x, confounds, gates=open_.astype(float), penalty=penalty)
    np.testing.assert_allclose(found, RegressConfounds.pure(x, confounds[:, open_]), atol=1e-10 * np.abs(x).max())
    closed = GateConfounds.pure(x, confounds, gates=np.zeros(confounds.shape[1]), penalty=penalty)
    np.testing.assert_array_equal(closed, x)


def test_all_gates_are_open_by_default(x64, data):
    x, confounds = data
    np.testing.assert_allclose(GateConfounds.pure(x, confounds), RegressConfounds.pure(x, confounds), atol=1e-9)


def test_the_confounds_of_a_term_share_its_gate(x64, data):
    x, confounds = data
    terms = np.arange(confounds.shape[1]) % 3
    gates = np.array([0.2, 1.0, 0.7])
    found = GateConfounds.pure(x, confounds, gates=gates, terms=terms)
    np.testing.assert_array_equal(found, GateConfounds.pure(x, confounds, gates=gates[terms]))


def test_a_gate_of_one_half_is_ridge_of_the_penalty(x64, data):
    x, confounds = data
    half = np.full(confounds.shape[1], 0.5)
    expected = RegressConfounds.pure(x, confounds, penalty=0.3)
    np.testing.assert_allclose(GateConfounds.pure(x, confounds, gates=half, penalty=0.3), expected, atol=1e-9)


def test_gradients_hold_also_where_gates_are_shut_or_open(x64, rng):
    x, confounds = rng.standard_normal((40, 3)), rng.standard_normal((40, 4))
    gates = np.array([0.2, 0.9, 0.5, 0.7])
    total = jax.jit(lambda c, g, p: jnp.sum(GateConfounds.pure(x, c, gates=g, penalty=p) ** 3))
    assert_gradient(lambda g: total(confounds, g, 0.3), gates)
    assert_gradient(lambda c: total(c, gates, 0.3), confounds)
    assert_gradient(lambda p: total(confounds, gates, p), 0.3)
    corner = np.array([0.0, 1.0, 0.0, 1.0])
    slope, step = gradient(total, argnums=1)(confounds, corner, 0.3), 1e-6
    for place, inward in enumerate([step, -step, step, -step]):
        moved = total(confounds, corner + inward * (np.arange(4) == place), 0.3)
        np.testing.assert_allclose(slope[place], (moved - total(confounds, corner, 0.3)) / inward, rtol=1e-3)


def test_the_confounds_that_made_the_noise_are_found_by_descent(x64, rng):
    """Half of the confounds made the noise, the others hold the signal: only the first half must go."""
    frames, space, planted = 200, 20, np.arange(8) < 4
    confounds, signal = rng.standard_normal((frames, 8)), rng.standard_normal((frames, space))
    confounds[:, ~planted] = signal[:, :4] + 0.5 * confounds[:, ~planted]
    series = signal + confounds[:, planted] @ rng.standard_normal((4, space)) * 2
    clean = RegressConfounds.pure(series, confounds[:, planted])
    rule = constraints.unit_interval

    @jax.jit
    def step(free, state):
        loss = lambda free: jnp.mean((GateConfounds.pure(series, confounds, gates=rule.from_free(free)) - clean) ** 2)  # noqa: E731
        value, slope = jax.value_and_grad(loss)(free)
        updates, state = optimiser.update(slope, state)
        return optax.apply_updates(free, updates), state, value

    optimiser = optax.adam(0.2)
    free = jnp.zeros(8)
    state = optimiser.init(free)
    for _ in range(200):
        free, state, _ = step(free, state)
    gates = np.asarray(rule.from_free(free))
    assert np.all(gates[planted] > 0.95) and np.all(gates[~planted] < 0.05)


def test_a_planted_ridge_is_found_by_descent(x64, rng):
    series, confounds = rng.standard_normal((60, 5)), rng.standard_normal((60, 6))
    target = RegressConfounds.pure(series, confounds, penalty=0.37)
    rule, half = constraints.positive, jnp.full(6, 0.5)

    @jax.jit
    def step(free, state):
        clean = lambda free: GateConfounds.pure(series, confounds, gates=half, penalty=rule.from_free(free))  # noqa: E731
        slope = jax.grad(lambda free: jnp.mean((clean(free) - target) ** 2))(free)
        updates, state = optimiser.update(slope, state)
        return optax.apply_updates(free, updates), state

    optimiser = optax.adam(0.05)
    free = jnp.asarray(rule.to_free(2.0))
    state = optimiser.init(free)
    for _ in range(300):
        free, state = step(free, state)
    np.testing.assert_allclose(rule.from_free(free), 0.37, rtol=1e-3)


def test_noise_components_take_only_their_own_part(x64, rng):
    mixing = rng.standard_normal((80, 6))
    mixing[:, 5] += mixing[:, 0]  # noise that shares variance with signal
    x = rng.standard_normal((80, 4)) + mixing @ rng.standard_normal((6, 4)) + 10
    noise = np.array([0.0, 0, 0, 1, 0, 1])
    found = NonAggressiveRegression.pure(x, mixing, noise)
    np.testing.assert_allclose(found, fsl_regfilt(x, mixing, noise, None), atol=1e-10)
    np.testing.assert_array_equal(NonAggressiveRegression.pure(x, mixing, np.zeros(6)), x)
    whole = NonAggressiveRegression.pure(x, mixing, np.ones(6))
    np.testing.assert_allclose(whole, RegressConfounds.pure(x, mixing), atol=1e-10)


def test_frames_without_weight_have_no_influence(x64, rng):
    x, mixing = rng.standard_normal((50, 3)), rng.standard_normal((50, 4))
    weights, other = (np.arange(50) % 5 > 0).astype(float), x.copy()
    other[::5] += 100.0
    for clean in (
        lambda x: GateConfounds.pure(x, mixing, weights, np.array([1.0, 0.3, 0.0, 1.0])),
        lambda x: NonAggressiveRegression.pure(x, mixing, np.array([1.0, 0, 0, 0.5]), weights),
    ):
        np.testing.assert_allclose(np.asarray(clean(x))[weights > 0], np.asarray(clean(other))[weights > 0], atol=1e-10)


def test_bad_gates_are_named(rng):
    x, table = rng.standard_normal((60, 3)), rng.standard_normal((60, 4))
    with pytest.raises(ValueError, match=r"gates has shape \(3,\) for 4 confounds"):
        GateConfounds.check({"timeseries": x, "confounds": table, "gates": np.ones(3)})
    with pytest.raises(ValueError, match=r"noise has 5 components, components 4"):
        NonAggressiveRegression.check({"timeseries": x, "components": table, "noise": np.ones(5)})
    with pytest.raises(ValueError, match="leave nothing of the data"):
        GateConfounds.check({"timeseries": x, "confounds": rng.standard_normal((60, 60)), "gates": np.ones(60)})
    GateConfounds.check({"timeseries": x, "confounds": rng.standard_normal((60, 60)), "gates": np.full(60, 0.4)})
    with pytest.raises(ValueError, match=r"gates has shape \(2,\) for terms 0 to 2; expected one for each term"):
        GateConfounds.check({"confounds": table, "gates": np.ones(2), "terms": np.array([0, 1, 2, 2])})


GATES = np.array([0.0, 1.0, 0.4, 0.8])
COLLINEAR = np.random.default_rng(1).standard_normal((60, 2)) @ [[1, 0, 1, 0], [0, 1, 1, 0]]
WEIGHTS = np.random.default_rng(1).uniform(0.2, 1, 60)
FEW = (np.arange(60) < 7).astype(float)
CASES = [
    Case(
        GateConfounds,
        {
            "frame_weights": WEIGHTS,
            "gates": GATES,
            "penalty": 0.3,
            "confounds": np.random.default_rng(2).standard_normal((60, 4)),
        },
        penalised,
        "numpy.linalg.solve",
        {
            "collinear and constant confounds": {"confounds": COLLINEAR},
            "collinear confounds, all open": {"confounds": COLLINEAR, "gates": np.ones(4)},
            "all closed": {"gates": np.zeros(4)},
            "few frames": {"frame_weights": FEW},
            "terms of several confounds": {"gates": np.array([0.0, 1.0]), "terms": np.array([0, 1, 1, 0])},
        },
        smooth=("timeseries", "confounds", "frame_weights", "penalty"),
    ),
    Case(
        GateConfounds,
        {"gates": np.array([0.2, 0.5, 0.9]), "frame_weights": np.ones(60)},
        penalised,
        "penalties written out",
    ),
    Case(
        GateConfounds,
        {"gates": np.array([0.2, 0.9]), "terms": np.array([0, 1, 1]), "frame_weights": np.ones(60)},
        penalised,
        "penalties of terms written out",
    ),
    Case(
        NonAggressiveRegression,
        {"components": np.random.default_rng(2).standard_normal((60, 4)), "noise": GATES, "frame_weights": WEIGHTS},
        fsl_regfilt,
        "fsl_regfilt, formula",
        {
            "collinear and constant components": {"components": COLLINEAR},
            "few frames": {"frame_weights": FEW},
        },
        smooth=("timeseries", "components", "noise", "frame_weights"),
    ),
]
