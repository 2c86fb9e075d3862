import itertools

import jax
import numpy as np
import pytest
from gradients import finite_gradient
from pydra.compose import workflow
from scipy.stats import multivariate_normal

from pydra_diffconn import Learn, fit
from pydra_diffconn.blocks import HiddenMarkov
from pydra_diffconn.testing import Case

PARCELS, STATES = 3, 2


def model(rng, states=STATES, parcels=PARCELS):
    made = rng.standard_normal((states, 3 * parcels, parcels))
    return {
        "covariances": np.swapaxes(made, 1, 2) @ made / (3 * parcels),
        "transitions": 0.7 * np.eye(states) + 0.3 * rng.dirichlet(np.ones(states), states),
        "means": rng.standard_normal((states, parcels)),
        "initial": rng.dirichlet(np.ones(states)),
    }


def given(rng):
    return {"timeseries": rng.standard_normal((40, PARCELS)), **model(rng)}


def hmmlearns(timeseries, covariances, transitions, means, initial, frame_weights):
    """Score samples by hmmlearn; what a frame adds is the difference of the scores of two lengths."""
    from hmmlearn.hmm import GaussianHMM

    assert frame_weights is None
    known = GaussianHMM(len(means), covariance_type="full", implementation="log")
    known.startprob_, known.transmat_, known.means_, known.covars_ = initial, transitions, means, covariances
    scores = [known.score(timeseries[:length]) for length in range(1, len(timeseries) + 1)]
    return known.score_samples(timeseries)[1], np.diff(scores, prepend=0.0)


def every_path(timeseries, covariances, transitions, means, initial, frame_weights):
    """Add up the probabilities of all paths through the states."""
    states, frames = len(covariances), len(timeseries)
    means = np.zeros((states, timeseries.shape[1])) if means is None else means
    initial = np.full(states, 1 / states) if initial is None else initial
    logs = [multivariate_normal(m, s).logpdf(timeseries) for m, s in zip(means, covariances, strict=True)]
    density = np.exp(frame_weights * np.array(logs))
    share, seen = np.zeros((frames, states)), np.zeros(frames)
    for length in range(1, frames + 1):
        for path in itertools.product(range(states), repeat=length):
            p = initial[path[0]] * np.prod([transitions[a, b] for a, b in itertools.pairwise(path)])
            p = p * np.prod([density[state, frame] for frame, state in enumerate(path)])
            seen[length - 1] += p
            if length == frames:
                share[np.arange(frames), list(path)] += p
    return share / seen[-1], np.diff(np.log(seen), prepend=0.0)


def test_likely_states_are_those_of_all_paths(x64, rng):
    known = {**model(rng), "timeseries": rng.standard_normal((7, PARCELS)), "frame_weights": rng.uniform(0, 1, 7)}
    for change in ({}, {"means": None, "initial": None}, {"frame_weights": (np.arange(7) != 3) * 1.0}):
        for found, expected in zip(
            HiddenMarkov.pure(**{**known, **change}), every_path(**{**known, **change}), strict=True
        ):
            np.testing.assert_allclose(found, expected, atol=1e-12)


def test_what_is_impossible_never_happens_and_has_a_slope(x64, rng):
    known = {**model(rng), "transitions": np.array([[1.0, 0.0], [0.5, 0.5]]), "initial": np.array([0.0, 1.0])}
    series = rng.standard_normal((6, PARCELS))
    shares, likelihood = HiddenMarkov.pure(series, **known)
    for found, expected in zip(
        (shares, likelihood), every_path(series, **known, frame_weights=np.ones(6)), strict=True
    ):
        np.testing.assert_allclose(found, expected, atol=1e-12)
    assert shares[0, 0] == 0
    score = jax.jit(lambda a: HiddenMarkov.pure(series, **{**known, "transitions": a})[1].sum())
    slope, step = np.asarray(jax.grad(score)(known["transitions"])), 1e-9
    up = known["transitions"] + step * np.array([[0, 1.0], [0, 0]])
    np.testing.assert_allclose(slope[0, 1], (score(up) - score(known["transitions"])) / step, rtol=1e-3)


def test_a_frame_far_from_every_state_leaves_finite_numbers(x64, rng):
    known = model(rng)
    series = rng.standard_normal((30, PARCELS))
    series[10] = 1e4
    shares, likelihood = HiddenMarkov.pure(series, **known)
    assert np.isfinite(shares).all() and np.isfinite(likelihood).all()
    finite_gradient(lambda x: HiddenMarkov.pure(x, **known)[1].sum(), series)


def planted(rng, frames=400):
    """Return series of two states that last, and these."""
    known = np.array([[[1, 0.8, 0], [0.8, 1, 0], [0, 0, 1]], [[1, 0, -0.7], [0, 1, 0], [-0.7, 0, 1.0]]])
    state = np.zeros(frames, int)
    for frame in range(1, frames):
        state[frame] = state[frame - 1] if rng.random() < 0.95 else 1 - state[frame - 1]
    roots = np.linalg.cholesky(known)
    return np.einsum("tij,tj->ti", roots[state], rng.standard_normal((frames, 3))), state, known


@workflow.define(outputs=["log_likelihood"])
def Likely(series, covariances, transitions):
    return workflow.add(
        HiddenMarkov(timeseries=series, covariances=covariances, transitions=transitions)
    ).log_likelihood


def test_planted_states_and_how_long_they_last_are_learned(x64):
    rng = np.random.default_rng(4)
    runs = [planted(rng) for _ in range(4)]
    start = np.stack([np.eye(3) + 0.3 * sign * (np.eye(3)[[1, 0, 2]] - np.diag([0, 0, 1.0])) for sign in (1, -1)])
    states = {"covariances": Learn(start), "transitions": Learn(np.array([[0.8, 0.2], [0.2, 0.8]]))}
    task = Likely(**states).split("series", series=[run[0] for run in runs])
    found = fit(task, lambda outputs, _: -outputs["log_likelihood"].mean(), steps=120, progress=False)
    for learned, true in zip(found.parameters["covariances"], runs[0][2], strict=True):
        np.testing.assert_allclose(learned, true, atol=0.2)
    np.testing.assert_allclose(np.diag(found.parameters["transitions"]), 0.95, atol=0.03)
    shares, _ = HiddenMarkov.pure(runs[0][0], found.parameters["covariances"], found.parameters["transitions"])
    assert np.mean(np.asarray(shares).argmax(axis=1) == runs[0][1]) > 0.85


def test_transitions_that_are_no_distribution_and_covariances_that_are_none_are_refused(rng):
    known = given(rng)
    with pytest.raises(ValueError, match=r"transitions\[1\] sums to 1.2; expected probabilities that sum to 1"):
        HiddenMarkov.check({**known, "transitions": np.array([[0.5, 0.5], [0.6, 0.6]])})
    with pytest.raises(ValueError, match=r"covariances\[0\] is not positive definite"):
        HiddenMarkov.check({**known, "covariances": np.ones((2, PARCELS, PARCELS))})


CASES = [
    Case(HiddenMarkov, given, hmmlearns, "hmmlearn"),
    Case(
        HiddenMarkov,
        lambda rng: {
            **given(rng),
            "timeseries": rng.standard_normal((6, PARCELS)),
            "frame_weights": rng.uniform(0, 1, 6),
        },
        every_path,
        "all paths, in NumPy",
    ),
]
