"""Framewise displacement and DVARS against nipype's formulas and the columns that fMRIPrep wrote."""

from itertools import pairwise
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pandas as pd
import pytest
from examples import examples
from gradients import assert_gradient
from hypothesis import given
from hypothesis import strategies as st
from pydra.compose import workflow
from scipy import signal
from scipy.spatial.transform import Rotation

from pydra_diffconn.blocks import Censor, Dvars, FilterMotion, FramewiseDisplacement, JenkinsonDisplacement
from pydra_diffconn.files.tables import read_table
from pydra_diffconn.testing import Case

SIX = ["trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z"]
STEP = np.random.default_rng(0).standard_normal((60, 6)) * [0.1, 0.1, 0.1, 0.002, 0.002, 0.002]
MOTION = STEP.cumsum(axis=0)
IMAGE = 500 + 10 * np.random.default_rng(1).standard_normal((60, 12)).cumsum(axis=0)
dvars = jax.jit(Dvars.pure)


@workflow.define(outputs=["displacement"])
def Displaced(confounds):
    filtered = workflow.add(FilterMotion(motion=confounds, tr=0.8))
    return workflow.add(FramewiseDisplacement(motion=filtered.motion)).framewise_displacement


def fmriprep(shared, name):
    table, names = read_table(shared / "confounds_real" / name)
    column = dict(zip(names, table.T, strict=True))
    return np.stack([column[one] for one in SIX], axis=1), column["framewise_displacement"]


@pytest.mark.parametrize(
    "name",
    [
        "ds000005_sub-01_task-mixedgamblestask_run-01_desc-motion_timeseries.tsv",
        "ds000031_sub-01_ses-002_task-rest_run-001_desc-confounds_timeseries.tsv",
        "ds000228_sub-pixar123_task-pixar_desc-confounds_regressors.tsv",
    ],
)
def test_the_displacement_is_the_column_of_fmriprep(x64, shared, name):
    motion, expected = fmriprep(shared, name)
    found = FramewiseDisplacement.pure(jnp.asarray(motion))
    np.testing.assert_allclose(found[1:], expected[1:], atol=1e-6)  # as printed in the table
    assert found[0] == 0


@pytest.mark.parametrize(
    ("name", "center"),
    [
        ("ds000005_sub-01_task-mixedgamblestask_run-01_desc-motion_timeseries.tsv", (0.828, 6.971, -0.854)),
        ("hypercoil-examples_desc-confounds_timeseries.tsv", (-0.257, -24.385, 1.243)),
    ],
)
def test_the_root_mean_square_is_the_column_that_fsl_made(x64, shared, name, center):
    """The centres are those of these images; nothing else is fitted."""
    table = pd.read_table(shared / "confounds_real" / name)
    found = JenkinsonDisplacement.pure(jnp.asarray(table[SIX].to_numpy()), center=center)
    np.testing.assert_allclose(found[1:], table["rmsd"][1:], atol=3e-6)  # as printed in the table


@pytest.mark.parametrize("block", [FramewiseDisplacement, JenkinsonDisplacement])
def test_rotations_may_be_in_degrees(x64, block):
    in_degrees = MOTION * ([1.0] * 3 + [180 / np.pi] * 3)
    found = block.pure(jnp.asarray(in_degrees), rotation_unit="degrees")
    np.testing.assert_allclose(found, block.pure(jnp.asarray(MOTION)), atol=1e-12)


def test_what_breathing_adds_is_taken_out_and_a_jump_stays(x64):
    time = 0.8 * np.arange(200)
    jump = (np.arange(200) >= 120)[:, None] * np.array([1.0, 0, 0, 0, 0, 0])
    breath = np.sin(2 * np.pi * 0.3 * time)[:, None] * np.array([0, 0.2, 0, 0, 0, 0])
    found = FilterMotion.pure(jnp.asarray(jump + breath), 0.8, 0.25, 0.35, 2)
    assert np.abs(found[40:160, 1]).max() < 0.01
    moved = FramewiseDisplacement.pure(found)
    assert int(jnp.argmax(moved)) == 120 and moved[120] > 0.7


def test_a_planted_band_of_breathing_is_found(x64):
    """The cut-off is learned that brings the displacement of filtered parameters to that of still ones."""
    time, still = 0.8 * np.arange(150), MOTION[np.arange(150) % 60] * 0.02
    breath = 0.3 * np.sin(2 * np.pi * 0.31 * time)[:, None] * np.eye(6)[1]
    noisy, solver = jnp.asarray(still + breath), optax.adam(0.004)

    @jax.jit
    def learned(start):
        def step(state, _):
            middle, moments = state
            loss = lambda m: jnp.mean(FilterMotion.pure(noisy, 0.8, m - 0.04, m + 0.04, 1)[:, 1] ** 2)  # noqa: E731
            change, moments = solver.update(jax.grad(loss)(middle), moments)
            return (middle + change, moments), None

        return jax.lax.scan(step, (start, solver.init(start)), None, length=150)[0][0]

    assert float(learned(jnp.asarray(0.25))) == pytest.approx(0.31, abs=0.005)


def test_motion_is_read_from_a_table_filtered_and_measured(tmp_path):
    pd.DataFrame({"csf": np.arange(60.0), **dict(zip(SIX, MOTION.T, strict=True))}).to_csv(
        tmp_path / "confounds.tsv", sep="\t", index=False
    )
    found = Displaced(confounds=tmp_path / "confounds.tsv")(worker="debug", cache_root=tmp_path).displacement
    expected = FramewiseDisplacement.pure(FilterMotion.pure(jnp.asarray(MOTION), 0.8))
    np.testing.assert_allclose(read_table(Path(str(found)))[0][:, 0], expected, atol=1e-5)


def test_a_planted_radius_is_recovered_from_the_displacement(x64):
    target = FramewiseDisplacement.pure(jnp.asarray(MOTION), 63.0)
    solver = optax.adam(0.05)

    @jax.jit
    def learned(start):
        def step(state, _):
            free, moments = state
            slope = jax.grad(lambda f: jnp.mean((FramewiseDisplacement.pure(MOTION, jnp.exp(f)) - target) ** 2))(free)
            change, moments = solver.update(slope, moments)
            return (free + change, moments), None

        return jax.lax.scan(step, (start, solver.init(start)), None, length=300)[0][0]

    assert float(jnp.exp(learned(jnp.log(50.0)))) == pytest.approx(63.0, abs=0.1)


def test_the_displacement_flows_into_censoring(x64):
    moved = MOTION.copy()
    moved[30:, 0] += 2.0
    weights = Censor.pure(FramewiseDisplacement.pure(jnp.asarray(moved)), 1.5)
    assert list(np.flatnonzero(np.asarray(weights) == 0)) == [30]


def test_the_contrast_of_a_frame_with_another_image_stands_out(x64):
    image = 500 + np.random.default_rng(2).standard_normal((80, 50))
    image[40] += 5 * np.random.default_rng(3).standard_normal(50)
    _, standardised = dvars(jnp.asarray(image))
    assert standardised[0] == 0
    assert set(np.argsort(np.asarray(standardised))[-2:]) == {40, 41}
    assert np.median(standardised[1:]) == pytest.approx(1, abs=0.15)


@examples(20)
@given(st.floats(0.01, 100), st.floats(-50, 50))
def test_standardised_dvars_knows_neither_unit_nor_offset(scale, offset):
    with jax.enable_x64(True):
        moved = dvars(jnp.asarray(scale * IMAGE + offset))[1]
        np.testing.assert_allclose(moved, dvars(jnp.asarray(IMAGE))[1], rtol=1e-8)


def test_an_intensity_of_zero_keeps_the_unit(x64):
    raw = dvars(jnp.asarray(IMAGE), 0.0)[0]
    np.testing.assert_allclose(raw[1:], np.sqrt(np.mean(np.diff(IMAGE, axis=0) ** 2, axis=1)), rtol=1e-12)


def test_the_gradients_are_right(x64):
    assert_gradient(lambda x: jnp.sum(dvars(x)[1] ** 3), IMAGE)
    assert_gradient(lambda r: jnp.sum(FramewiseDisplacement.pure(MOTION, r) ** 3), 50.0, step=1e-3)


BAD = [
    (FramewiseDisplacement, {"motion": MOTION[:, :5]}, r"motion has shape \(60, 5\); expected \(time, 6\)"),
    (FramewiseDisplacement, {"motion": MOTION * ([1.0] * 3 + [1e4] * 3)}, "more than a full turn"),
    (FramewiseDisplacement, {"motion": np.where(MOTION[3, 2] == MOTION, np.nan, MOTION)}, "frame 3, column 2"),
    (Dvars, {"timeseries": IMAGE[:2]}, "needs at least 3"),
    (FilterMotion, {"motion": MOTION, "tr": 2.0, "low": 0.3}, "0.3 Hz is not below the Nyquist frequency 0.25 Hz"),
    (FilterMotion, {"motion": MOTION, "tr": 1.0, "low": 0.3, "high": 0.2}, "are no band"),
    (FilterMotion, {"motion": MOTION, "tr": 1.0, "low": 0.0, "high": None}, "leaves nothing but the mean"),
    (FilterMotion, {"motion": MOTION, "tr": 1.0, "order": 0}, "order = 0; expected 1 or more"),
]


@pytest.mark.parametrize(("block", "arguments", "message"), BAD)
def test_bad_input_is_named(block, arguments, message):
    with pytest.raises(ValueError, match=message):
        block.check(arguments)


def nipypes_displacement(motion, radius, rotation_unit):
    mapped = motion * ([1.0] * 3 + [radius] * 3)
    return np.append(0, np.abs(np.diff(mapped, axis=0)).sum(axis=1))


def fsls_displacement(motion, radius, center, rotation_unit):
    """Affine matrices frame by frame, each rotation the transpose of the usual one, as `rmsdiff` compares them."""

    def affine(row):
        turns = [Rotation.from_euler(axis, -angle).as_matrix() for axis, angle in zip("xyz", row[3:], strict=True)]
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = turns[0] @ turns[1] @ turns[2], row[:3]
        return matrix

    moved = [0.0]
    for before, after in pairwise(motion):
        difference = affine(after) @ np.linalg.inv(affine(before)) - np.eye(4)
        way = difference[:3, 3] + difference[:3, :3] @ center
        moved.append(np.sqrt(way @ way + radius**2 / 5 * np.trace(difference[:3, :3].T @ difference[:3, :3])))
    return np.array(moved)


def xcpds_filter(motion, tr, low, high, order):
    ends = {"axis": 0, "padtype": "constant", "padlen": len(motion) - 1}
    if high is None:
        return signal.filtfilt(*signal.butter(order, low, fs=1 / tr), motion, **ends)
    middle = (low + high) / 2
    for _ in range(order):
        motion = signal.filtfilt(*signal.iirnotch(middle, middle / (high - low), fs=1 / tr), motion, **ends)
    return motion


def nipypes_dvars(timeseries, intensity):
    image = timeseries.T / np.median(timeseries) * intensity
    spread = np.percentile(image, 75, axis=1, method="lower") - np.percentile(image, 25, axis=1, method="lower")
    image, spread = image[spread > 0], spread[spread > 0] / 1.349
    centred = image - image.mean(axis=1, keepdims=True)
    lagged = [np.correlate(row, row, "full")[len(row) - 1 : len(row) + 1] for row in centred]
    first = np.array([one / zero for zero, one in lagged])
    raw = np.sqrt(np.mean(np.diff(image, axis=1) ** 2, axis=0))
    return np.append(0, raw), np.append(0, raw / np.mean(np.sqrt(2 * (1 - first)) * spread))


DEAD = np.concatenate([IMAGE[:, :3], np.full((60, 1), 7.0)], axis=1)
CASES = [
    Case(
        FramewiseDisplacement,
        {"motion": MOTION},
        nipypes_displacement,
        "formula of nipype's FramewiseDisplacement in NumPy",
        {"no motion": {"motion": np.zeros((60, 6))}},
    ),
    Case(
        JenkinsonDisplacement,
        {"motion": MOTION, "center": (3.0, -20.0, 5.0)},
        fsls_displacement,
        "formula of FSL's rmsdiff in NumPy",
        {"no motion": {"motion": np.zeros((60, 6))}, "a pause": {"motion": MOTION[np.r_[0:20, [20] * 20, 20:40]]}},
    ),
    Case(FilterMotion, {"motion": MOTION, "tr": 0.8}, xcpds_filter, "scipy.signal.filtfilt(butter)"),
    Case(
        FilterMotion,
        {"motion": MOTION, "tr": 0.8, "low": 0.2, "high": 0.3},
        xcpds_filter,
        "scipy.signal.filtfilt(iirnotch)",
        smooth=("motion", "low", "high"),
    ),
    Case(
        Dvars,
        {"timeseries": IMAGE},
        nipypes_dvars,
        "formula of nipype's ComputeDVARS in NumPy",
        {
            "a dead voxel": {"timeseries": DEAD},
            "nothing but zeros": {"timeseries": np.zeros((60, 3))},
            "a repeated frame": {"timeseries": IMAGE[np.r_[0, 0, 1:59]]},
        },
    ),
]
