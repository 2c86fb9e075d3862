import jax.numpy as jnp
import numpy as np
import pytest
from gradients import assert_gradient, finite_gradient

from pydra_diffconn.blocks import BetaSeries, Correlation, GloverDesign, SpmDesign, TaskAmplitudes
from pydra_diffconn.events import stimuli
from pydra_diffconn.files.events import Events
from pydra_diffconn.testing import Case

TR = 2.0


def trials(rng, number=24, frames=150, apart=(8.0, 16.0)):
    """Return one column for each trial of two conditions, and which it is of."""
    onsets = np.cumsum(rng.uniform(*apart, number))
    kinds = ("face", "house") * (number // 2)
    made = stimuli(Events(onsets, np.full(number, 1.0), kinds, np.ones(number)), frames, TR, per="trial")
    return np.array(SpmDesign.pure(made.stimulus, TR, made.earlier)), made.conditions


def least_squares(columns, series, weights):
    root = np.sqrt(weights)[:, None]
    whole = np.column_stack([columns, np.ones(len(columns))])
    return np.linalg.lstsq(root * whole, root * series, rcond=None)[0]


def weighted(timeseries, design, confounds, frame_weights, penalty=0.0):
    assert penalty == 0
    both = design if confounds is None else np.column_stack([design, confounds])
    return least_squares(both, timeseries, frame_weights)[: design.shape[1]]


def one_by_one(timeseries, design, conditions, confounds, frame_weights, method, groups):
    """Fit a model for each trial, as NiBetaSeries does: the trial, the others of each condition, confounds."""
    if method == "all":
        return weighted(timeseries, design, confounds, frame_weights)
    found = []
    for trial in range(design.shape[1]):
        others = np.arange(design.shape[1]) != trial
        rest = [design[:, others & (conditions == group)].sum(axis=1) for group in groups]
        columns = np.column_stack([design[:, trial], *(one for one in rest if np.any(one)), confounds])
        found.append(least_squares(columns, timeseries, frame_weights)[0])
    return np.stack(found)


def test_amplitudes_are_those_of_nilearns_general_linear_model(x64, rng):
    from nilearn.glm.first_level import run_glm

    design = rng.standard_normal((80, 4))
    series = rng.standard_normal((80, 7)) + 100
    labels, results = run_glm(series, np.column_stack([design, np.ones(80)]), noise_model="ols")
    found = TaskAmplitudes.pure(series, design)
    for label in np.unique(labels):
        np.testing.assert_allclose(found[:, labels == label], results[label].theta[:4], atol=1e-10)


def test_weighted_amplitudes_are_those_of_statsmodels(x64, rng):
    sm = pytest.importorskip("statsmodels.api")
    design, confounds, weights = rng.standard_normal((80, 2)), rng.standard_normal((80, 3)), rng.uniform(0.1, 1, 80)
    series = rng.standard_normal((80, 3))
    found = TaskAmplitudes.pure(series, design, confounds, weights)
    for column, expected in zip(series.T, np.asarray(found).T, strict=True):
        fitted = sm.WLS(column, sm.add_constant(np.column_stack([design, confounds])), weights).fit()
        np.testing.assert_allclose(expected, fitted.params[1:3], atol=1e-10)


def test_planted_amplitudes_are_found_beside_drift(x64, rng):
    design, conditions = trials(rng)
    both = np.stack([design[:, conditions == c].sum(axis=1) for c in (0, 1)], axis=1)
    planted, drift = np.array([[2.0, -1.0], [0.5, 3.0]]), np.linspace(-1, 1, len(design))[:, None]
    series = both @ planted + 50 + 5 * drift
    np.testing.assert_allclose(TaskAmplitudes.pure(series, both, drift), planted, atol=1e-10)
    noisy = series + 0.05 * rng.standard_normal(series.shape)
    np.testing.assert_allclose(TaskAmplitudes.pure(noisy, both, drift), planted, atol=0.2)


@pytest.mark.parametrize("method", ["separate", "all"])
def test_single_trials_are_found_and_correlate_as_planted(x64, rng, method):
    design, conditions = trials(rng, number=40, frames=300)
    common = rng.standard_normal(40)
    strength = np.stack([common, common + 0.1 * rng.standard_normal(40), rng.standard_normal(40)], axis=1)
    series = design @ strength + 0.01 * rng.standard_normal((300, 3))
    betas = BetaSeries(timeseries=series, design=design, conditions=conditions, method=method)(worker="debug").betas
    assert np.diag(np.corrcoef(betas.T, strength.T)[:3, 3:]).min() > 0.9
    connectome = np.asarray(Correlation.pure(betas, (conditions == 0) * 1.0))
    assert connectome[0, 1] > 0.85 and np.abs(connectome[2, :2]).max() < 0.6


def test_a_single_trial_of_a_condition_has_no_others(x64, rng):
    design, _ = trials(rng, number=6, frames=60)
    conditions = np.array([0, 0, 0, 0, 0, 1])
    series, weights = rng.standard_normal((60, 2)), np.ones(60)
    found = BetaSeries.pure(series, design, conditions, groups=(0, 1))
    expected = one_by_one(series, design, conditions, np.zeros((60, 0)), weights, "separate", (0, 1))
    np.testing.assert_allclose(found, expected, atol=1e-10)


def test_a_trial_after_the_run_has_no_amplitude_and_no_gradient(x64, rng):
    design, conditions = trials(rng, number=6, frames=60)
    design[:, 5] = 0.0
    series = rng.standard_normal((60, 2))
    for method in ("separate", "all"):
        score = lambda x, method=method: jnp.sum(  # noqa: E731
            BetaSeries.pure(x, design, conditions, method=method, groups=(0, 1)) ** 2
        )
        assert not np.any(BetaSeries.pure(series, design, conditions, method=method, groups=(0, 1))[5])
        assert_gradient(score, series)
        finite_gradient(lambda d, method=method: jnp.sum(BetaSeries.pure(series, d, method=method)), design)


def test_frames_without_weight_have_no_influence(x64, rng):
    design, conditions = trials(rng, number=8, frames=80)
    series, confounds, weights = (
        rng.standard_normal((80, 2)),
        rng.standard_normal((80, 2)),
        (np.arange(80) % 9 > 0) * 1.0,
    )
    other = series + 100 * (weights == 0)[:, None]
    for method in ("separate", "all"):
        found = [BetaSeries.pure(x, design, conditions, confounds, weights, method, (0, 1)) for x in (series, other)]
        np.testing.assert_allclose(*found, atol=1e-10)


def test_too_many_trials_for_one_model_are_refused(rng):
    with pytest.raises(ValueError, match="30 trials cannot be told apart in 20 frames; choose method='separate'"):
        BetaSeries.check(
            {"timeseries": rng.standard_normal((20, 2)), "design": rng.standard_normal((20, 30)), "method": "all"}
        )


def modelled(rng):
    return {
        "design": rng.standard_normal((60, 2)) + 1,
        "confounds": rng.standard_normal((60, 3)),
        "frame_weights": rng.uniform(0.2, 1, 60),
    }


def single(rng):
    return {**modelled(rng), "design": rng.standard_normal((60, 6)) + 1, "conditions": np.array([0, 1, 1, 0, 1, 0])}


DEGENERATE = {
    "a constant regressor": {"design": np.ones((60, 2))},
    "confounds that are zero": {"confounds": np.zeros((60, 3))},
}

CASES = [
    Case(TaskAmplitudes, modelled, weighted, "numpy.linalg.lstsq", degenerate=DEGENERATE),
    Case(TaskAmplitudes, lambda rng: {**modelled(rng), "penalty": 0.3}),
    Case(BetaSeries, single, one_by_one, "numpy.linalg.lstsq for each trial", smooth=["timeseries", "design"]),
    Case(BetaSeries, lambda rng: {**single(rng), "method": "all"}, one_by_one, "numpy.linalg.lstsq"),
]


@pytest.mark.parametrize("frames", [100, 120])
def test_a_trial_whose_response_is_in_no_used_frame_has_no_amplitude(rng, frames):
    """In single precision, too, where a transform leaves rounding: it lies in the last frame, or in censored ones."""
    onsets, used = np.array([10.0, 50, 90, 130, 198.5]), np.arange(frames) < 99
    made = stimuli(Events(onsets, np.ones(5), tuple("aaaab"), np.ones(5)), frames, TR, per="trial")
    design = GloverDesign.pure(jnp.asarray(made.stimulus, jnp.float32), TR)
    series = rng.standard_normal((frames, 3)).astype(np.float32)
    assert not np.any(np.asarray(design)[:99, -1])
    for block in (BetaSeries, TaskAmplitudes):
        weights = None if frames == 100 else jnp.asarray(used, jnp.float32)
        found = np.asarray(block.pure(series, design, frame_weights=weights))
        assert np.abs(found[-1]).max() == 0 and np.abs(found).max() < 100
