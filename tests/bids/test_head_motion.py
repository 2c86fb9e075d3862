"""Framewise displacement by each convention, dummy scans, and the filter of realignment parameters."""

import numpy as np
import pandas as pd
import pytest
from scipy import signal

from pydra_diffconn.bids.motion import PARAMETERS, MotionFilter, motion_of

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
