"""Frames that are named, and the ends of a run that are cut off without making it shorter."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import signal

from pydra_diffconn.blocks import ButterworthFiltFilt, CutEnds, Detrend, MarkFrames
from pydra_diffconn.testing import Case

SERIES = np.random.default_rng(0).standard_normal((90, 3)).cumsum(axis=0)
KEPT = np.r_[3:20, 24:81]
WEIGHTS = np.isin(np.arange(90), KEPT) * 1.0
TR = 2.0


def test_frames_within_the_ends_count_whether_kept_or_not():
    np.testing.assert_array_equal(CutEnds.pure(jnp.asarray(WEIGHTS)), np.isin(np.arange(90), np.arange(3, 81)))
    np.testing.assert_array_equal(CutEnds.pure(jnp.zeros(5)), 0)


@pytest.mark.parametrize("padtype", ["odd", "even", "constant", "none"])
@pytest.mark.parametrize("padlen", [None, 7, "longest"])
@pytest.mark.parametrize("columns", [3, 300])
def test_a_filter_sees_the_run_between_the_ends(x64, padtype, padlen, columns):
    series = np.random.default_rng(1).standard_normal((90, columns)).cumsum(axis=0)
    inside = CutEnds.pure(jnp.asarray(WEIGHTS))
    found = ButterworthFiltFilt.pure(
        jnp.asarray(series), TR, order=2, padtype=padtype, padlen=padlen, frame_weights=inside
    )
    sections = signal.butter(2, [0.01, 0.1], "bandpass", fs=1 / TR, output="sos")
    how = {"padtype": None if padtype == "none" else padtype, "padlen": 77 if padlen == "longest" else padlen}
    expected = signal.sosfiltfilt(sections, series[3:81], axis=0, **how)
    np.testing.assert_allclose(found[3:81], expected, atol=1e-10)
    assert not np.any(np.delete(found, np.s_[3:81], axis=0))


def test_a_trend_is_fitted_between_the_ends(x64):
    found = Detrend.pure(jnp.asarray(SERIES), CutEnds.pure(jnp.asarray(WEIGHTS)))
    np.testing.assert_allclose(found[3:81], signal.detrend(SERIES[3:81], axis=0), atol=1e-12)


def test_what_is_beyond_the_ends_has_no_influence(x64):
    other = np.where(np.isin(np.arange(90), np.arange(3, 81))[:, None], SERIES, 1e3)
    run = jax.jit(lambda x: ButterworthFiltFilt.pure(x, TR, order=2, frame_weights=WEIGHTS))
    np.testing.assert_array_equal(run(SERIES), run(other))
    assert not np.any(jax.grad(lambda x: jnp.sum(run(x) ** 2))(jnp.asarray(SERIES))[np.array([0, 1, 2, 81, 89])])


BAD = [
    (MarkFrames, {"timeseries": SERIES, "frames": np.array([1, 90])}, "frame 90 of a run of 90 frames"),
    (MarkFrames, {"timeseries": SERIES, "frames": np.array([1, 1])}, "names a frame twice"),
    (MarkFrames, {"timeseries": SERIES, "frames": np.array([], int)}, "names no frame"),
    (ButterworthFiltFilt, {"timeseries": SERIES, "frame_weights": (WEIGHTS[:, None] * np.eye(90)[40])[40]}, "1 frames"),
]


@pytest.mark.parametrize(("block", "arguments", "message"), BAD)
def test_bad_input_is_named(block, arguments, message):
    with pytest.raises(ValueError, match=message):
        block.check(arguments)


def spans(frame_weights):
    """Say by products over all frames before and after how far there is a kept one on both sides."""
    missed = 1 - frame_weights
    frames = range(len(missed))
    return np.array([(1 - np.prod(missed[: t + 1])) * (1 - np.prod(missed[t:])) for t in frames])


def cut_and_filtered(timeseries, tr, low, high, order, padtype, padlen, frame_weights):
    first, last = np.flatnonzero(frame_weights)[[0, -1]]
    sections = signal.butter(order, [low, high], "bandpass", fs=1 / tr, output="sos")
    found = np.zeros_like(timeseries)
    found[first : last + 1] = signal.sosfiltfilt(sections, timeseries[first : last + 1], axis=0)
    return found


CASES = [
    Case(CutEnds, {"frame_weights": WEIGHTS}, spans, "NumPy", smooth=()),
    Case(CutEnds, {"frame_weights": np.random.default_rng(2).uniform(0, 0.3, 40)}, spans, "NumPy (soft)"),
    Case(
        MarkFrames,
        {"timeseries": SERIES, "frames": KEPT},
        lambda timeseries, frames: np.isin(np.arange(len(timeseries)), frames),
        "numpy.isin",
    ),
    Case(
        ButterworthFiltFilt,
        {"timeseries": SERIES, "order": 2, "frame_weights": WEIGHTS},
        cut_and_filtered,
        "scipy.signal.sosfiltfilt (ends cut)",
        smooth=("timeseries", "low", "high"),
    ),
]
