"""Framewise displacement by each convention, dummy scans, and the filter of realignment parameters."""

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from scipy import signal

from pydra_diffconn.bids.motion import PARAMETERS, MotionFilter, head_radius, motion_of

FRAMES = 120


@pytest.fixture
def table(tmp_path):
    rng = np.random.default_rng(3)
    columns = {name: rng.standard_normal(FRAMES).cumsum() * 0.02 for name in PARAMETERS}
    columns["rmsd"] = np.r_[np.nan, rng.random(FRAMES - 1)]
    columns["std_dvars"] = np.r_[np.nan, 1 + rng.random(FRAMES - 1)]
    columns["non_steady_state_outlier00"] = np.eye(FRAMES)[0]
    columns["non_steady_state_outlier01"] = np.eye(FRAMES)[2]
    path = tmp_path / "sub-1_desc-confounds_timeseries.tsv"
    pd.DataFrame(columns).to_csv(path, sep="\t", index=False, na_rep="n/a")
    return path, pd.DataFrame(columns)


def test_power_is_nipypes(table, tmp_path, monkeypatch):
    from nipype.algorithms.confounds import FramewiseDisplacement

    path, columns = table
    monkeypatch.chdir(tmp_path)
    np.savetxt("motion.txt", columns[list(PARAMETERS)])
    FramewiseDisplacement(in_file="motion.txt", parameter_source="SPM", out_file=str(tmp_path / "fd.txt")).run()
    found = motion_of(path, 2.0).framewise_displacement
    np.testing.assert_allclose(found[1:], np.loadtxt("fd.txt", skiprows=1), rtol=1e-6)
    assert found[0] == 0


def test_jenkinson_is_the_column_of_fmriprep(table):
    path, columns = table
    np.testing.assert_allclose(
        motion_of(path, 2.0, convention="jenkinson").framewise_displacement[1:], columns["rmsd"][1:]
    )


def test_jenkinson_of_filtered_parameters_has_the_sphere_of_the_column(table, x64):
    from pydra_diffconn.blocks import JenkinsonDisplacement

    path, columns = table
    notch, center = MotionFilter("notch", 12, 18), (2.0, -25.0, 4.0)
    parameters = columns[list(PARAMETERS)].to_numpy() * [1, 1, 1, 0.02, 0.02, 0.02]
    columns[list(PARAMETERS)] = parameters
    columns["rmsd"] = np.asarray(JenkinsonDisplacement.pure(parameters, center=center))
    columns.to_csv(path, sep="\t", index=False, na_rep="n/a")
    found = motion_of(path, 0.8, convention="jenkinson", motion_filter=notch).framewise_displacement
    expected = JenkinsonDisplacement.pure(notch(parameters, 0.8), center=center)
    np.testing.assert_allclose(found[1:], expected[1:], atol=1e-6)


def test_a_column_that_is_no_displacement_of_the_parameters_is_not_filtered(table):
    with pytest.raises(ValueError, match="is not the displacement of its realignment parameters"):
        motion_of(table[0], 0.8, convention="jenkinson", motion_filter=MotionFilter("notch", 12, 18))


def test_the_radius_of_a_head_is_that_of_a_ball_as_large_as_its_mask(tmp_path):
    place = np.indices((40, 40, 40)) - 19.5
    ball = (4 * (place**2).sum(axis=0) <= 30**2).astype(np.uint8)
    nib.save(nib.Nifti1Image(ball, np.diag([2.0, 2, 2, 1])), tmp_path / "mask.nii.gz")
    assert head_radius(tmp_path / "mask.nii.gz") == pytest.approx(30, rel=0.01)
    nib.save(nib.Nifti1Image(0 * ball, np.eye(4)), tmp_path / "mask.nii.gz")
    with pytest.raises(ValueError, match="no voxel above 0"):
        head_radius(tmp_path / "mask.nii.gz")


def test_dummy_scans_end_at_the_last_frame_that_is_not_steady(table):
    path, columns = table
    auto = motion_of(path, 2.0, dummy_scans="auto")
    assert auto.dummy_scans == 3 and len(auto.table) == FRAMES - 3
    np.testing.assert_allclose(auto.table["trans_x"], columns["trans_x"][3:])
    assert np.isnan(auto.table["framewise_displacement"][0])  # there is no frame before the first that is used
    with pytest.raises(ValueError, match="120 dummy scans of the 120 frames"):
        motion_of(path, 2.0, dummy_scans=FRAMES)


def test_filters_are_scipys(table):
    _, columns = table
    values, tr = columns[list(PARAMETERS)].to_numpy(), 1.0
    ends = {"axis": 0, "padtype": "constant", "padlen": FRAMES - 1}
    low = signal.filtfilt(*signal.butter(2, 12 / 60, fs=1 / tr), values, **ends)
    np.testing.assert_allclose(MotionFilter("lp", 12)(values, tr), low, atol=1e-12)
    notch = signal.iirnotch(15 / 60, (15 / 60) / (6 / 60), fs=1 / tr)
    twice = signal.filtfilt(*notch, signal.filtfilt(*notch, values, **ends), **ends)
    np.testing.assert_allclose(MotionFilter("notch", 12, 18)(values, tr), twice, atol=1e-12)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (MotionFilter("lp", 40), "below 30"),
        (MotionFilter("notch", 12), "a notch needs two ends"),
        (MotionFilter("notch", 18, 12), "does not lie between"),
    ],
)
def test_a_filter_that_cannot_be_is_refused(table, made, said):
    with pytest.raises(ValueError, match=said):
        motion_of(table[0], 1.0, motion_filter=made)


def test_a_missing_column_is_named(table):
    path, columns = table
    columns.drop(columns=["rot_y", "rmsd"]).to_csv(path, sep="\t", index=False, na_rep="n/a")
    with pytest.raises(ValueError, match="has no column 'rot_y'"):
        motion_of(path, 2.0)
    columns.drop(columns=["rmsd"]).to_csv(path, sep="\t", index=False, na_rep="n/a")
    with pytest.raises(ValueError, match="has no column 'rmsd'"):
        motion_of(path, 2.0, convention="jenkinson")
