import nibabel
import numpy as np
import pytest
from fileformats.generic import File
from pydra.compose import workflow

from pydra_diffconn import Learn, fit, fuse
from pydra_diffconn.blocks import BetaSeries, Correlation, RegressConfounds, SpmDesign
from pydra_diffconn.events import EventModel, frames_of, stimuli
from pydra_diffconn.files.events import Events

TR = 2.0


def happened(*rows):
    """Return events from (onset, duration, type, modulation)."""
    onset, duration, kinds, modulation = zip(*rows, strict=True)
    return Events(np.array(onset, float), np.array(duration, float), kinds, np.array(modulation, float))


def test_events_last_from_their_onset_to_their_end():
    made = stimuli(happened((4.0, 2.0, "b", 1), (6.5, 0.0, "a", 3), (5.0, 2.0, "b", 1)), 10, TR, steps=4)
    assert made.names == ("a", "b") and made.stimulus.shape == (10, 4, 2) and made.earlier.shape == (16, 4, 2)
    fine = made.stimulus.reshape(-1, 2)
    np.testing.assert_array_equal(np.flatnonzero(fine[:, 0]), [13])
    assert fine[13, 0] == 3
    np.testing.assert_array_equal(fine[:, 1], [0] * 8 + [1, 1, 2, 2, 1, 1] + [0] * 26)
    assert not made.earlier.any()


def test_each_trial_has_a_column_with_a_name_and_the_number_of_its_condition():
    made = stimuli(happened((1, 1, "go", 1), (5, 1, "stop", 1), (9, 1, "go", 1)), 10, TR, per="trial", steps=2)
    assert made.names == ("go_001", "stop_001", "go_002") and made.conditions.tolist() == [0, 1, 0]
    assert [int(column.sum()) for column in made.stimulus.reshape(-1, 3).T] == [1, 1, 1]


def test_conditions_are_chosen_and_ordered_by_name():
    events = happened((1, 1, "go", 1), (5, 1, "stop", 1), (9, 1, "rest", 1))
    made = stimuli(events, 10, TR, conditions=("stop", "go"))
    assert made.names == ("stop", "go") and made.conditions.tolist() == [0, 1]
    first = made.stimulus.reshape(-1, 2).argmax(axis=0)
    assert first[0] > first[1]
    told = r"there is no event of trial type 'halt'; there are \['go', 'rest', 'stop'\]"
    with pytest.raises(ValueError, match=told):
        stimuli(events, 10, TR, conditions=("halt",))
    with pytest.warns(UserWarning, match=f"{told}: its column is 0"):
        made = stimuli(events, 10, TR, conditions=("halt", "go"))
    assert not made.stimulus[..., 0].any() and made.stimulus[..., 1].any() and made.names == ("halt", "go")


def test_events_before_the_run_are_told_and_those_long_over_leave_nothing():
    with pytest.warns(UserWarning, match="3 of 3 events begin before the first frame; give `earlier`"):
        made = stimuli(happened((-5, 2, "a", 1), (-40, 10, "b", 1), (-100, 2, "c", 1)), 10, TR, steps=2)
    assert not made.stimulus.any()
    assert np.flatnonzero(made.earlier.reshape(-1, 3)[:, 0]).tolist() == [27, 28]
    assert np.flatnonzero(made.earlier.reshape(-1, 3)[:, 1]).tolist() == [0, 1]
    assert not made.earlier[:, :, 2].any()


def test_onsets_in_milliseconds_are_told():
    with pytest.raises(ValueError, match="all 2 events begin after the run, which ends at 20 s; are onsets in seconds"):
        stimuli(happened((4000, 2000, "a", 1), (9000, 2000, "a", 1)), 10, TR)
    with pytest.warns(UserWarning, match="1 of 2 events begin after the run, which ends at 20 s"):
        stimuli(happened((4, 2, "a", 1), (90, 2, "a", 1)), 10, TR)
    for wrong in ({"tr": 0.0}, {"steps": 0}, {"per": "run"}, {"conditions": ()}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            stimuli(happened((4, 2, "a", 1)), 10, **{"tr": TR, **wrong})


def test_events_have_an_entry_of_each_for_every_event():
    with pytest.raises(ValueError, match=r"'duration': 1, .* expected an entry of each for every event"):
        Events(np.arange(2.0), np.ones(1), ("a", "b"), np.ones(2))


def test_the_length_of_a_run_is_that_of_its_file(tmp_path):
    path = tmp_path / "bold.nii.gz"
    nibabel.save(nibabel.Nifti1Image(np.zeros((2, 2, 2, 7), np.float32), np.eye(4)), path)
    assert frames_of(path) == 7 and frames_of(np.zeros((9, 2))) == 9


@workflow.define(outputs=["connectome", "betas", "rest"])
def OfTask(bold, events, delay: float):
    """What a task leaves of a run, and what each trial does."""
    model = workflow.add(EventModel(events=events, timeseries=bold, tr=TR))
    design = workflow.add(SpmDesign(stimulus=model.stimulus, earlier=model.earlier, tr=TR, delay=delay))
    rest = workflow.add(RegressConfounds(timeseries=bold, confounds=design.design))
    trial = workflow.add(EventModel(events=events, timeseries=bold, tr=TR, per="trial"), name="trial")
    each = workflow.add(
        SpmDesign(stimulus=trial.stimulus, earlier=trial.earlier, tr=TR, delay=delay), name="design_of_trials"
    )
    betas = workflow.add(BetaSeries(timeseries=bold, design=each.design, conditions=trial.conditions))
    return workflow.add(Correlation(timeseries=rest.timeseries)).connectome, betas.betas, rest.timeseries


@pytest.fixture
def run(rng, tmp_path):
    """A run whose responses come late, and its events."""
    onsets = np.cumsum(rng.uniform(9, 15, 18))
    path = tmp_path / "events.tsv"
    rows = [f"{onset:.2f}\t2\t{'ab'[n % 2]}" for n, onset in enumerate(onsets)]
    path.write_text("\n".join(["onset\tduration\ttrial_type", *rows]) + "\n", encoding="utf-8")
    made = stimuli(path, 130, TR)
    series = np.asarray(SpmDesign.pure(made.stimulus, TR, delay=8.0)) @ [[3.0, 2.0, 0.0], [1.0, 3.0, 0.0]]
    return {"bold": series + 0.2 * rng.standard_normal((130, 3)), "events": File(path)}


def test_a_workflow_from_events_gives_the_same_fused_and_learns_the_delay(x64, run):
    task = OfTask(**run, delay=6.0)
    alone, program = task(worker="debug"), fuse(task)
    found = program(program.parameters)
    np.testing.assert_allclose(found["connectome"], alone.connectome, atol=1e-10)
    np.testing.assert_allclose(found["betas"], alone.betas, atol=1e-10)
    assert found["betas"].shape == (18, 3)
    learned = fit(OfTask(**run, delay=Learn(6.0)), lambda outputs, _: outputs["rest"].var(), steps=40, progress=False)
    assert abs(learned.parameters["delay"] - 8.0) < 0.2
