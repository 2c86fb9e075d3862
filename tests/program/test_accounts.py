"""Degrees of freedom and places without data: the same along the wires of a program as from task to task."""

import warnings

import nibabel as nib
import numpy as np
import pytest
from pydra.compose import workflow

from pydra_diffconn import Learn, fuse
from pydra_diffconn.blocks import (
    BandPass,
    ConditionalCorrelation,
    Correlation,
    Covariance,
    Detrend,
    FisherZ,
    GateConfounds,
    HighPass,
    Interpolate,
    KeepFrames,
    LedoitWolf,
    NodeStrength,
    Parcellate,
    PartialCorrelation,
    PhaseLocking,
    ProjectOut,
    RegressConfounds,
    RestoreMean,
    VectorizeEdges,
)

RNG = np.random.default_rng(0)
FRAMES, TR = 120, 1.0
BOLD = RNG.standard_normal((FRAMES, 12))
LABELS = np.arange(12) // 2 + 1


@workflow.define(outputs=["timeseries", "connectome"])
def Cleaned(bold, confounds, labels, tr: float, low: float = 0.01, high: float = 0.1):
    band = workflow.add(BandPass(timeseries=bold, tr=tr, low=low, high=high), name="band")
    regressors = workflow.add(BandPass(timeseries=confounds, tr=tr, low=low, high=high), name="regressors")
    clean = workflow.add(RegressConfounds(timeseries=band.timeseries, confounds=regressors.timeseries), name="clean")
    parcels = workflow.add(Parcellate(timeseries=clean.timeseries, labels=labels), name="parcels")
    return parcels.timeseries, workflow.add(Correlation(timeseries=parcels.timeseries), name="fc").connectome


def cleaned(count: int, **change):
    given = {"bold": BOLD, "confounds": RNG.standard_normal((FRAMES, count)), "labels": LABELS, "tr": TR, **change}
    return Cleaned(**given)


BAND = 2 * FRAMES * TR * (0.1 - 0.01)  # what the filter passes


@pytest.mark.parametrize("count", [0, 5, 18])
def test_filtered_regressors_take_one_each_of_what_the_filter_has_left(count, tmp_path):
    task = cleaned(count)
    program = fuse(task)
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        outputs = task(worker="debug", cache_root=tmp_path)
    assert program.degrees_of_freedom()["connectome"] == pytest.approx(BAND - count)
    assert outputs.connectome.degrees_of_freedom == pytest.approx(BAND - count)
    assert outputs.timeseries.degrees_of_freedom == pytest.approx(BAND - count)


@pytest.mark.parametrize("mode", ["classical", "fused"])
def test_few_are_told_and_none_refused(mode, tmp_path):
    def carried_out(task):
        return fuse(task) if mode == "fused" else task(worker="debug", cache_root=tmp_path)

    with pytest.warns(UserWarning, match=r"only 3\.6 temporal degrees of freedom are left of 21\.6"):
        carried_out(cleaned(18))
    with pytest.raises(ValueError, match=r"no temporal degrees of freedom are left of 21\.6"):
        carried_out(cleaned(30))


def test_the_run_of_which_nothing_is_left_is_named():
    confounds = [RNG.standard_normal((FRAMES, count)) for count in (4, 4, 30)]
    task = Cleaned(bold=BOLD, labels=LABELS, tr=TR).split("confounds", confounds=confounds)
    with pytest.raises(ValueError, match=r"clean \(run 2\): no temporal degrees of freedom"):
        fuse(task)


def test_learned_cut_offs_count_with_the_values_asked_for():
    program = fuse(cleaned(0, high=Learn(0.1)))
    (name,) = program.parameters
    assert program.degrees_of_freedom()["connectome"] == pytest.approx(BAND)
    assert program.degrees_of_freedom({name: 0.06})["connectome"] == pytest.approx(2 * FRAMES * TR * 0.05)


WEIGHTS = (np.arange(FRAMES) % 4 > 0).astype(float)  # 90 of 120
TABLE = RNG.standard_normal((FRAMES, 10))
COLLINEAR = np.concatenate([TABLE, TABLE[:, :3] @ RNG.standard_normal((3, 4)), np.ones((FRAMES, 1))], axis=1)
TAKEN = [
    (RegressConfounds, {"confounds": TABLE}, 120 - 11),
    (RegressConfounds, {"confounds": COLLINEAR}, 120 - 11),
    (RegressConfounds, {"confounds": TABLE, "frame_weights": WEIGHTS}, 90 - 11),
    (GateConfounds, {"confounds": TABLE, "gates": np.array([1.0] * 4 + [0.5] * 6)}, 120 - 5),
    (ConditionalCorrelation, {"confounds": TABLE}, 120 - 11),
    (HighPass, {"tr": 1.0, "cutoff": 0.05}, 120 * 0.9),
    (Detrend, {"degree": 2}, 120 - 3),
    (Detrend, {"degree": 1, "tr": 1.0, "cutoff": 0.01}, 120 - 2 - 2),
    (ProjectOut, {"degree": 1, "confounds": TABLE}, 120 - 12),
    (Interpolate, {"frame_weights": WEIGHTS}, 90),
    (KeepFrames, {"frame_weights": WEIGHTS}, 90),
    (Covariance, {"frame_weights": WEIGHTS}, 90),
]


@pytest.mark.parametrize("block, settings, left", TAKEN, ids=lambda v: getattr(v, "__name__", None))
def test_each_block_takes_what_it_removes(block, settings, left, tmp_path):
    names = list(block.declaration.outputs)
    outputs = block(timeseries=BOLD, **settings)(worker="debug", cache_root=tmp_path)
    assert getattr(outputs, names[0]).degrees_of_freedom == pytest.approx(left)


def test_censored_frames_are_counted_once(tmp_path):
    filled = Interpolate(timeseries=BOLD, frame_weights=WEIGHTS)(worker="debug", cache_root=tmp_path)
    band = BandPass(timeseries=filled.timeseries, tr=1.0)(worker="debug", cache_root=tmp_path)
    kept = KeepFrames(timeseries=band.timeseries, frame_weights=WEIGHTS)(worker="debug", cache_root=tmp_path)
    found = Correlation(timeseries=kept.timeseries)(worker="debug", cache_root=tmp_path)
    assert found.connectome.degrees_of_freedom == pytest.approx(90 * 0.18)


def test_files_say_it_in_the_json_beside_them(tmp_path):
    nib.save(nib.Nifti1Image(BOLD.T.reshape(3, 2, 2, FRAMES).astype("f4"), np.eye(4)), tmp_path / "bold.nii.gz")
    band = BandPass(timeseries=tmp_path / "bold.nii.gz", tr=TR)(worker="debug", cache_root=tmp_path / "cache")
    few = RNG.standard_normal((FRAMES, 21))
    regressors = BandPass(timeseries=few, tr=TR)(worker="debug", cache_root=tmp_path / "cache").timeseries
    with pytest.raises(ValueError, match=r"no temporal degrees of freedom are left of 21\.6"):
        RegressConfounds(timeseries=band.timeseries, confounds=regressors)(
            worker="debug", cache_root=tmp_path / "cache"
        )


# --- places without data ------------------------------------------------------------------------------------------

DEAD = BOLD.copy()
DEAD[:, 4:6] = 0  # the third parcel
BLANK = BOLD.copy()
BLANK[:, 4:6] = np.nan


@workflow.define(outputs=["timeseries", "connectome", "z", "edges", "partial", "strength"])
def Mapped(bold, labels, parcels=None):
    band = workflow.add(BandPass(timeseries=bold, tr=1.0), name="band")
    series = workflow.add(Parcellate(timeseries=band.timeseries, labels=labels, parcels=parcels), name="parcels")
    connectome = workflow.add(Correlation(timeseries=series.timeseries), name="fc").connectome
    z = workflow.add(FisherZ(connectome=connectome), name="z").connectome
    edges = workflow.add(VectorizeEdges(connectome=z), name="edges").edges
    covariance = workflow.add(Covariance(timeseries=series.timeseries), name="cov").covariance
    partial = workflow.add(PartialCorrelation(covariance=covariance), name="partial").connectome
    strength = workflow.add(NodeStrength(connectome=connectome), name="strength").strength
    return series.timeseries, connectome, z, edges, partial, strength


NAMES = ("timeseries", "connectome", "z", "edges", "partial", "strength")
MISSING = [
    ("constant", DEAD, LABELS, None, 2),
    ("a label without voxels", BOLD, LABELS, (1, 2, 9, 3, 4, 5, 6), 2),
    ("no data", BLANK, LABELS, None, 2),
]


@pytest.mark.parametrize("what, bold, labels, parcels, where", MISSING, ids=[row[0] for row in MISSING])
def test_places_without_data_are_missing_alike_in_both_modes(what, bold, labels, parcels, where, tmp_path):
    if what == "no data":
        labels = np.where(LABELS == 3, 0, LABELS)  # Parcellate needs none of them
        parcels = (1, 2, 3, 4, 5, 6)
    task = Mapped(bold=bold, labels=labels, parcels=parcels)
    with pytest.warns(UserWarning, match=r"parcel (2|3|9) "):
        outputs = task(worker="debug", cache_root=tmp_path)
    with pytest.warns(UserWarning, match=r"parcel (2|3|9) "):
        program = fuse(task)
    fused = program(program.parameters)
    assert np.isnan(outputs.connectome[where]).all() and np.isnan(outputs.connectome).sum() == 2 * len(outputs.z) - 1
    if what != "constant":  # a constant is known; a mean of no place is not
        assert np.isnan(outputs.timeseries[:, where]).all() and np.isnan(outputs.timeseries).any(axis=0).sum() == 1
    for name in NAMES:
        one, other = np.asarray(getattr(outputs, name)), np.asarray(fused[name])
        np.testing.assert_allclose(one, other, atol=1e-5, equal_nan=True, err_msg=name)


def test_the_others_are_as_if_it_were_not_there(tmp_path):
    alive = np.flatnonzero(LABELS != 3)
    task = Mapped(bold=DEAD, labels=LABELS)
    with pytest.warns(UserWarning, match=r"do not vary|does not vary"):
        outputs = task(worker="debug", cache_root=tmp_path)
    rest = Mapped(bold=BOLD[:, alive], labels=LABELS[alive])(worker="debug", cache_root=tmp_path)
    kept = [0, 1, 3, 4, 5]
    for name in ("connectome", "z", "partial"):
        np.testing.assert_allclose(getattr(outputs, name)[np.ix_(kept, kept)], getattr(rest, name), atol=1e-6)
    np.testing.assert_allclose(outputs.strength[kept], rest.strength, atol=1e-6)


@pytest.mark.parametrize("mode", ["classical", "fused"])
def test_a_step_that_takes_all_places_together_refuses_them(mode, tmp_path):
    @workflow.define(outputs=["covariance"])
    def Shrunk(series):
        band = workflow.add(BandPass(timeseries=series, tr=1.0), name="band")
        return workflow.add(LedoitWolf(timeseries=band.timeseries), name="shrunk").covariance

    task = Shrunk(series=BLANK)
    with pytest.raises(ValueError, match=r"locations? 4, 5|parcels? 4, 5"):
        fuse(task) if mode == "fused" else task(worker="debug", cache_root=tmp_path)


@pytest.mark.parametrize("mode", ["classical", "fused"])
def test_places_without_data_in_another_input_than_the_main_one_are_refused(mode, tmp_path):
    @workflow.define(outputs=["timeseries"])
    def Restored(series, other):
        band = workflow.add(BandPass(timeseries=series, tr=1.0), name="band")
        blank = workflow.add(BandPass(timeseries=other, tr=1.0), name="blank")
        return workflow.add(RestoreMean(timeseries=band.timeseries, reference=blank.timeseries), name="mean").timeseries

    task = Restored(series=BOLD, other=BLANK)
    with pytest.raises(ValueError, match=r"reference has|some of reference"):
        fuse(task) if mode == "fused" else task(worker="debug", cache_root=tmp_path)


def test_only_the_runs_concerned_are_marked_in_a_split():
    task = Mapped(labels=LABELS).split("bold", bold=[BOLD, DEAD, BOLD])
    with pytest.warns(UserWarning, match="run 1"):
        program = fuse(task)
    found = np.isnan(np.asarray(program(program.parameters)["connectome"])).any(axis=(1, 2))
    assert found.tolist() == [False, True, False]


def test_a_place_that_varies_in_censored_frames_alone_is_constant_in_both_modes(tmp_path):
    """A frame without weight is looked at in neither."""

    @workflow.define(outputs=["connectome"])
    def Locked(series, frame_weights):
        return workflow.add(PhaseLocking(timeseries=series, frame_weights=frame_weights), name="locked").connectome

    series, frame_weights = np.random.default_rng(0).standard_normal((50, 4)), np.ones(50)
    series[:, 3], series[10, 3], frame_weights[10] = 1.0, 5.0, 0.0
    task = Locked(series=series, frame_weights=frame_weights)
    with pytest.warns(UserWarning, match="parcel 3|location 3"):
        one = task(worker="debug", cache_root=tmp_path).connectome
    with pytest.warns(UserWarning, match="parcel 3|location 3"):
        other = np.asarray(fuse(task)({})["connectome"])
    assert np.isnan(one[3]).all() and np.isnan(one).sum() == 7
    np.testing.assert_allclose(other, one, atol=1e-5, equal_nan=True)
