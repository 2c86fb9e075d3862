"""A series that was filtered, and confounds that were not: told once, in a job and in a program."""

import warnings

import numpy as np
import pytest
from pydra.compose import workflow

from pydra_diffconn import fuse
from pydra_diffconn.blocks import BandPass, Correlation, ProjectOut, RegressConfounds

RNG = np.random.default_rng(0)
SERIES, CONFOUNDS = RNG.standard_normal((300, 5)), RNG.standard_normal((300, 4))
TOLD = "the series was filtered and confounds, as far as is known, not"


@workflow.define(outputs=["connectome"])
def Filtered(bold, confounds, tr: float, alike: bool = False):
    band = workflow.add(BandPass(timeseries=bold, tr=tr, low=0.01, high=0.2), name="band").timeseries
    if alike:
        confounds = workflow.add(BandPass(timeseries=confounds, tr=tr, low=0.01, high=0.2), name="same").timeseries
    clean = workflow.add(RegressConfounds(timeseries=band, confounds=confounds), name="clean").timeseries
    return workflow.add(Correlation(timeseries=clean), name="fc").connectome


def told(run):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run()
    return [str(one.message) for one in caught if TOLD in str(one.message)]


def ways(**given):
    task = Filtered(bold=SERIES, confounds=CONFOUNDS, tr=1.0, **given)
    return [lambda: task(worker="debug", rerun=True), lambda: fuse(task)]


@pytest.mark.parametrize("run", ways())
def test_unfiltered_confounds_are_told(run):
    assert len(told(run)) == 1


@pytest.mark.parametrize("run", ways(alike=True))
def test_those_filtered_alike_are_not(run):
    assert not told(run)


def test_many_runs_are_told_once():
    split = Filtered(tr=1.0).split(("bold", "confounds"), bold=[SERIES] * 3, confounds=[CONFOUNDS] * 3)
    (message,) = told(lambda: fuse(split))
    assert "run 0 and 2 more" in message


def test_a_file_keeps_that_it_was_filtered(tmp_path):
    np.savetxt(tmp_path / "bold.tsv", SERIES, delimiter="\t", header="\t".join("abcde"), comments="")
    band = BandPass(timeseries=tmp_path / "bold.tsv", tr=1.0, low=0.01, high=0.2)(worker="debug", cache_root=tmp_path)
    assert told(lambda: RegressConfounds(timeseries=band.timeseries, confounds=CONFOUNDS)(worker="debug", rerun=True))
    sharp = ProjectOut(timeseries=SERIES, tr=1.0, low=0.01, high=0.2)(worker="debug")
    assert told(lambda: RegressConfounds(timeseries=sharp.timeseries, confounds=CONFOUNDS)(worker="debug", rerun=True))


def test_what_is_said_names_the_line_of_who_asked():
    with pytest.warns(UserWarning, match=TOLD) as caught:
        fuse(Filtered(bold=SERIES, confounds=CONFOUNDS, tr=1.0))
    assert {one.filename for one in caught if TOLD in str(one.message)} == {__file__}
