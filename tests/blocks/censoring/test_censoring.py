"""Frame weights: the hard limit, the soft edge, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from examples import examples, lists
from gradients import assert_gradient, gradient
from hypothesis import given
from hypothesis import strategies as st

from pydra_diffconn.blocks import Censor
from pydra_diffconn.testing import Case

FD = np.array([np.nan, 0.1, 0.5, 0.500001, 2.0, 0.0])


def test_without_softness_a_frame_is_kept_or_not():
    weights = Censor.pure(jnp.asarray(FD, dtype=jnp.float32), 0.5, 0.0)
    np.testing.assert_array_equal(weights, [1, 1, 1, 0, 0, 1])


def test_the_soft_weight_is_the_logistic_function(x64):
    displacement = np.nan_to_num(FD)
    weights = Censor.pure(jnp.asarray(FD), 0.4, 0.05)
    np.testing.assert_allclose(weights, 1 / (1 + np.exp(-(0.4 - displacement) / 0.05)), atol=1e-12)


@examples(25)
@given(
    lists(st.floats(0, 5, width=32), 2, 20),
    st.floats(0.0625, 3, width=32),
    st.sampled_from([1e-3, 1e-4, 1e-6]),
)
def test_the_soft_weight_tends_to_the_hard_one(displacement, threshold, softness):
    displacement = jnp.asarray(displacement, dtype=jnp.float32)
    far = np.abs(np.asarray(displacement) - threshold) > 20 * softness
    soft, hard = Censor.pure(displacement, threshold, softness), Censor.pure(displacement, threshold, 0.0)
    np.testing.assert_allclose(np.asarray(soft)[far], np.asarray(hard)[far], atol=1e-6)


def test_the_derivatives_are_right(x64):
    assert_gradient(lambda v: jnp.sum(Censor.pure(jnp.asarray(FD), v, 0.1) ** 3), 0.4)
    assert_gradient(lambda v: jnp.sum(Censor.pure(jnp.asarray(FD), 0.4, v) ** 3), 0.1)
    assert_gradient(lambda x: jnp.sum(Censor.pure(x, 0.4, 0.1) ** 3), np.nan_to_num(FD))


def test_hard_censoring_has_a_derivative_of_zero():
    gradients = gradient(lambda t, s: Censor.pure(jnp.asarray(FD), t, s).sum(), (0, 1))(0.5, 0.0)
    np.testing.assert_array_equal(gradients, 0)


def test_a_missing_displacement_after_the_first_is_refused():
    with pytest.raises(ValueError, match="missing in frame 3"):
        Censor.check({"framewise_displacement": np.array([np.nan, 0.1, 0.2, np.nan])})


def test_a_threshold_that_keeps_nothing_is_refused():
    arguments = {"framewise_displacement": np.array([0.3, 0.4]), "threshold": 0.2, "softness": 0.0}
    with pytest.raises(ValueError, match=r"0\.2 mm or less \(smallest: 0\.3 mm\)"):
        Censor.check(arguments)


GAMMA = np.random.default_rng(0).gamma(2, 0.2, 60)
METRICS = np.random.default_rng(1).gamma(4, 0.25, (60, 2))
WINDOWS = [(0, 0, 1), (1, 2, 1), (0, 0, 3), (2, 1, 4)]
censor = jax.jit(Censor.pure, static_argnames=("before", "after", "min_segment", "straight_through"))


def runs(kept):
    """Yield (first, last + 1) of each stretch of kept frames."""
    edges = np.flatnonzero(np.diff(np.r_[0, np.asarray(kept, int), 0]))
    return zip(edges[::2], edges[1::2], strict=True)


@examples(30)
@given(st.lists(st.booleans(), min_size=24, max_size=24), st.sampled_from(WINDOWS))
def test_hard_weights_are_those_of_loops_over_frames(moved, window):
    before, after, least = window
    found = censor(jnp.asarray(moved, jnp.float32), before=before, after=after, min_segment=least)
    kept = np.ones(len(moved), bool)
    for frame in np.flatnonzero(moved):
        kept[max(frame - before, 0) : frame + after + 1] = False
    for first, last in runs(kept):
        if last - first < least:
            kept[first:last] = False
    np.testing.assert_array_equal(found, kept)


@examples(30)
@given(st.integers(0, 10_000), st.sampled_from(WINDOWS), st.floats(1e-3, 1))
def test_weights_are_in_the_unit_interval_and_no_neighbour_raises_them(seed, window, softness):
    before, after, least = window
    with jax.enable_x64(True):
        displacement = jnp.asarray(np.random.default_rng(seed).gamma(2, 0.2, 30))
        alone = np.asarray(censor(displacement, 0.4, softness))
        found = np.asarray(censor(displacement, 0.4, softness, before=before, after=after, min_segment=least))
    assert np.all((found >= 0) & (found <= alone + 1e-12))


def test_a_soft_dilation_tends_to_the_hard_one(x64):
    several = {"metrics": METRICS, "metric_thresholds": np.array([1.5, 1.4]), "before": 1, "after": 2, "min_segment": 3}
    hard = Censor.pure(GAMMA, 0.4, 0.0, **several)
    soft = Censor.pure(GAMMA, 0.4, 1e-4, metric_softness=np.array([1e-4, 1e-4]), **several)
    np.testing.assert_allclose(soft, hard, atol=1e-6)
    assert 0 < hard.sum() < 60


@pytest.mark.parametrize("window", WINDOWS)
def test_what_must_exceed_every_threshold_is_left_out_with_its_neighbours(x64, window):
    before, after, least = window
    how = {"before": before, "after": after, "min_segment": least}
    thresholds = np.array([1.1, 0.9])
    bad = (GAMMA > 0.3) & (thresholds < METRICS).all(axis=1)
    assert bad.any() and bad.sum() < (GAMMA > 0.3).sum()
    found = Censor.pure(GAMMA, 0.3, 0.0, METRICS, thresholds, exceeds="all", **how)
    np.testing.assert_array_equal(found, Censor.pure(1.0 * bad, 0.5, 0.0, **how))


def test_a_stricter_threshold_keeps_no_frame_that_the_other_leaves_out(x64):
    loose, strict = (np.asarray(Censor.pure(GAMMA, t, before=1, after=2, min_segment=3)) for t in (0.6, 0.4))
    assert np.all(strict <= loose) and strict.sum() < loose.sum()


def test_two_metrics_keep_what_both_keep(x64):
    both = Censor.pure(GAMMA, 0.4, 0.0, METRICS, np.array([1.5, 1.4]))
    np.testing.assert_array_equal(both, (GAMMA <= 0.4) & (METRICS <= [1.5, 1.4]).all(axis=1))
    first = Censor.pure(GAMMA, 0.4, 0.0, METRICS, np.array([1.5, 1.4]), metric_shares=np.array([1.0, 0.0]))
    np.testing.assert_array_equal(first, Censor.pure(GAMMA, 0.4, 0.0, METRICS[:, 0], np.array([1.5])))


def test_one_metric_may_be_a_vector_with_nothing_in_its_first_frame():
    standardised = np.r_[np.nan, 1.0, 2.0, 1.0]
    weights = Censor.pure(jnp.zeros(4), metrics=jnp.asarray(standardised), metric_thresholds=jnp.asarray([1.5]))
    np.testing.assert_array_equal(weights, [1, 1, 0, 1])


def test_straight_through_weights_are_hard_with_the_derivatives_of_soft_ones(x64):
    settled = {"before": 1, "after": 1, "min_segment": 2}
    total = lambda v, **more: jnp.sum(censor(GAMMA, v, 0.05, **settled, **more) * np.arange(60))  # noqa: E731
    np.testing.assert_array_equal(
        Censor.pure(GAMMA, 0.6, 0.05, **settled, straight_through=True), Censor.pure(GAMMA, 0.6, 0.0, **settled)
    )
    through = gradient(lambda v: total(v, straight_through=True))(0.6)
    np.testing.assert_allclose(through, gradient(total)(0.6), rtol=1e-12)
    assert abs(through) > 1


def test_a_planted_threshold_is_recovered(x64):
    target = Censor.pure(GAMMA, 0.55, 0.05, before=1, after=1)
    solver = optax.adam(0.02)

    @jax.jit
    def learned(start):
        def step(state, _):
            value, moments = state
            loss = lambda v: jnp.mean((Censor.pure(GAMMA, v, 0.05, before=1, after=1) - target) ** 2)  # noqa: E731
            change, moments = solver.update(jax.grad(loss)(value), moments)
            return (value + change, moments), None

        return jax.lax.scan(step, (start, solver.init(start)), None, length=300)[0][0]

    assert float(learned(jnp.asarray(0.35))) == pytest.approx(0.55, abs=0.005)


BAD = [
    ({"metrics": METRICS, "metric_thresholds": None}, "without metric_thresholds"),
    ({"metrics": None, "metric_thresholds": np.ones(2)}, "metric_thresholds is given without metrics"),
    ({"metrics": METRICS, "metric_thresholds": np.ones(3)}, r"shape \(3,\) for 2 metrics"),
    ({"metrics": METRICS[:9], "metric_thresholds": np.ones(2)}, "metrics has 9 frames, framewise_displacement 60"),
    ({"before": -1}, "before = -1 frames"),
    ({"min_segment": 0}, "min_segment = 0 frames"),
    ({"min_segment": 40, "threshold": 0.3, "softness": 0.0}, "no 40 frames in a row"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD)
def test_bad_input_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        Censor.check({"framewise_displacement": GAMMA, **arguments})


def logistic(framewise_displacement, threshold, softness, **_):
    return 1 / (1 + np.exp((framewise_displacement - threshold) / softness))


def odds_of_all(framewise_displacement, threshold, softness, metrics, metric_thresholds, metric_softness, **rest):
    columns = np.column_stack([framewise_displacement, metrics])
    kept = 1 / (1 + np.exp((columns - np.r_[threshold, metric_thresholds]) / np.r_[softness, metric_softness]))
    bad = np.prod(1 - np.r_[1.0, rest["metric_shares"]] * kept, axis=1)
    return np.array([1 - bad[max(t - rest["after"], 0) : t + rest["before"] + 1].max() for t in range(len(bad))])


def soft_maximum(framewise_displacement, threshold, softness, metrics, metric_thresholds, metric_softness, **rest):
    """Sum the odds of being censored over each window, then open by loops."""
    product = np.ones(len(framewise_displacement))
    columns = np.column_stack([framewise_displacement, metrics])
    shares = np.r_[1.0, rest["metric_shares"]]
    edges, widths = np.r_[threshold, metric_thresholds], np.r_[softness, metric_softness]
    for column, edge, width, share in zip(columns.T, edges, widths, shares, strict=True):
        odds = np.exp((column - edge) / width)
        here = [odds[max(t - rest["after"], 0) : t + rest["before"] + 1].sum() for t in range(len(odds))]
        product *= 1 - share * (1 - 1 / (1 + np.array(here)))
    least, frames = rest["min_segment"], len(product)
    starts = range(frames - least + 1)
    return np.array([max(min(product[s : s + least]) for s in starts if s <= t < s + least) for t in range(frames)])


SOFT = {
    "framewise_displacement": GAMMA,
    "softness": 0.1,
    "metrics": METRICS,
    "metric_thresholds": np.array([1.5, 1.4]),
    "metric_softness": np.array([0.2, 0.3]),
    "metric_shares": np.array([0.7, 0.4]),
    "before": 2,
    "after": 1,
    "min_segment": 3,
}
CASES = [
    Case(
        Censor,
        {"framewise_displacement": GAMMA, "softness": 0.05},
        logistic,
        "logistic function",
        smooth=("framewise_displacement", "threshold", "softness"),
    ),
    Case(
        Censor,
        {"framewise_displacement": GAMMA},
        lambda framewise_displacement, threshold, **_: framewise_displacement <= threshold,
        "hard threshold",
        {"a missing first frame": {"framewise_displacement": np.array([np.nan, 0.1, 0.9])}},
        smooth=(),
    ),
    Case(
        Censor,
        SOFT,
        soft_maximum,
        "sums over windows",
        {"a far outlier": {"framewise_displacement": np.where(np.arange(60) == 9, 1e4, GAMMA)}},
    ),
    Case(
        Censor,
        {**SOFT, "min_segment": 1, "exceeds": "all"},
        odds_of_all,
        "products of odds",
    ),
]
