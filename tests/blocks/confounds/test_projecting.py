"""One projection for drift, frequencies and confounds: 3dTproject's algorithm is the oracle."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gradients import assert_gradient

from pydra_diffconn.blocks import ProjectOut
from pydra_diffconn.testing import Case

R = np.random.default_rng(8)
SERIES = R.standard_normal((60, 4)).cumsum(axis=0) + 300
CONFOUNDS = R.standard_normal((60, 3)) + 5
KEPT = (np.arange(200) % 11 > 1).astype(float)
WEIGHTS = (R.uniform(size=60) > 0.15).astype(float)


def tproject(
    timeseries, confounds=None, frame_weights=None, tr=None, low=None, high=None, degree=2, stopbands=(), censored=""
):
    """Project as 3dTproject does; of censored frames the residual, or zero."""
    frames = len(timeseries)
    bands = [*stopbands]
    if low is not None:
        bands.append((0.0, low - 0.0001))
    if high is not None:
        bands.append((high + 0.0001, 666666.6))
    step = 1 / (frames * tr) if bands else 1.0
    mask = np.zeros(frames // 2 + 1, bool)
    for bottom, top in bands:
        first = max(int(np.rint((bottom + step / 6) / step)), 0)
        last = min(int(np.rint((top - step / 6) / step)), frames // 2)
        mask[first : last + 1] = True
    if mask[0]:
        degree = max(degree, 0)
    x, t = 2 * np.arange(frames) / (frames - 1) - 1, np.arange(frames)
    design = [np.polynomial.Legendre.basis(p)(x) for p in range(degree + 1)]
    for number in np.flatnonzero(mask[1:]) + 1:
        design.append(np.cos(2 * np.pi * number * t / frames))
        if number < frames // 2 or frames % 2:
            design.append(np.sin(2 * np.pi * number * t / frames))
    design = np.array(design).reshape(len(design), frames).T
    if confounds is not None:
        design = np.concatenate([design, confounds - confounds.mean(axis=0)], axis=1)
    weights = np.ones(frames) if frame_weights is None else frame_weights
    keep = weights > 0
    norm = np.sqrt((design[keep] ** 2).sum(axis=0))
    fitted = np.linalg.lstsq((design / norm)[keep], timeseries[keep], rcond=None)[0]
    residual = timeseries - (design / norm) @ fitted
    return residual * weights[:, None] if censored == "zero" else residual


@pytest.mark.parametrize(
    ("frames", "options"),
    [
        (115, {}),
        (100, {"low": 0.01, "high": 0.1, "tr": 2.0, "frame_weights": KEPT}),
        (115, {"high": 0.1, "tr": 2.0, "degree": 0, "frame_weights": KEPT}),
        (100, {"low": 0.02, "tr": 0.72, "degree": -1}),
        (115, {"stopbands": ((0.05, 0.07), (0.1, 0.11)), "tr": 2.0, "degree": 1, "frame_weights": KEPT}),
    ],
)
def test_it_is_3dtproject_on_real_data(x64, real_series, real_confounds, frames, options):
    series = real_series[:frames, :30] - real_series[:frames, :30].min() + 1000
    given = {"confounds": real_confounds[:frames, :6], "censored": "zero", **options}
    if "frame_weights" in given:
        given["frame_weights"] = KEPT[:frames]
    found = ProjectOut.pure(jnp.asarray(series), **given)
    np.testing.assert_allclose(found, tproject(series, **given), atol=1e-10 * np.abs(series).max())


def test_soft_ends_become_sharp(x64):
    given = {"tr": 2.0, "low": 0.03, "high": 0.113}
    soft = ProjectOut.pure(jnp.asarray(SERIES), softness=1e-6, **given)
    np.testing.assert_allclose(soft, ProjectOut.pure(jnp.asarray(SERIES), **given), atol=1e-9)


def test_gradients_of_a_soft_band_with_censored_frames(x64):
    def rate(band):
        found = ProjectOut.pure(jnp.asarray(SERIES), CONFOUNDS, WEIGHTS, 2.0, band[0], band[1], band[2])
        return jnp.sum(WEIGHTS[:, None] * found**2)

    assert_gradient(jax.jit(rate), np.array([0.03, 0.11, 0.004]))


BAD = [
    ({"low": 0.1, "high": 0.05, "tr": 2.0}, "are no band"),
    ({"low": 0.01, "tr": None}, "without tr"),
    ({"stopbands": ((0.2, 0.1),)}, "the lower one first"),
    ({"degree": -2}, "expected -1"),
    ({"censored": "kill"}, "expected one of 'residual', 'zero'"),
    ({"timeseries": SERIES, "confounds": CONFOUNDS[:50]}, "50 frames, timeseries 60 .*were 10 dummy scans removed"),
    ({"timeseries": SERIES, "tr": 2.0, "low": 0.1, "high": 0.104, "stopbands": ()}, "leave nothing"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD)
def test_bad_input_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        ProjectOut.check(arguments)


BAND = {"tr": 2.0, "low": 0.021, "high": 0.113}
DEGENERATE = {
    "a constant column": {"timeseries": np.stack([np.full(60, 7.0), SERIES[:, 0]], axis=1)},
    "collinear confounds": {"confounds": np.concatenate([CONFOUNDS, CONFOUNDS], axis=1)},
    "a constant confound": {"confounds": np.ones((60, 1))},
    "a soft band": {"softness": 0.01},
}
CASES = [
    Case(
        ProjectOut,
        {"timeseries": SERIES, "confounds": CONFOUNDS},
        lambda softness=0, **given: tproject(**given),
        "3dTproject (NumPy)",
    ),
    Case(
        ProjectOut,
        {"timeseries": SERIES, "confounds": CONFOUNDS, "frame_weights": WEIGHTS, "censored": "zero", **BAND},
        lambda softness=0, **given: tproject(**given),
        "3dTproject (NumPy)",
        DEGENERATE,
        smooth=("timeseries", "confounds"),
    ),
]
