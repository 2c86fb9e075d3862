"""Every pipeline of a multiverse is its classical workflow, whether it was computed here or by jobs."""

import itertools

import numpy as np
import pytest
from choices_under_test import Around, GivenOptions, NodeSplit, OverRuns, Pipelines, TwoBands, TwoJobs

from pydra_diffconn import Learn, losses, multiverse
from pydra_diffconn.program.fusing import program_of
from pydra_diffconn.program.universes import Universe, outputs_of_each
from pydra_diffconn.workflow import reading
from pydra_diffconn.workflow.choosing import with_options

LOSS = losses.MeanSquaredError("connectome")


def runs_of(lengths, seed=0, parcels=5):
    rng = np.random.default_rng(seed)
    return {
        "bold": [rng.standard_normal((frames, parcels)) for frames in lengths],
        "confounds": [rng.standard_normal((frames, 2)) for frames in lengths],
    }


def tasks():
    """Return tasks with the number of options of each of their choices."""
    alike, apart = runs_of([90] * 3), runs_of([80, 84, 88, 92, 96])
    one = {name: values[0] for name, values in alike.items()}
    eight = {"denoising": 2, "band": 2, "matrix": 2}
    nested = {f"inner.{name}": count for name, count in eight.items()}
    several = {"bolds": alike["bold"], "confounds": one["confounds"], "tr": 1.0, "weights": Learn()}
    half = np.array([0.5, 0.5])
    return {
        "one run": (Pipelines(**one, tr=1.0), eight),
        "runs": (Pipelines(tr=1.0).split(("bold", "confounds"), **alike), eight),
        "runs of five lengths": (Pipelines(tr=1.0).split(("bold", "confounds"), **apart), eight),
        "nested": (Around(tr=1.0).split(("bold", "confounds"), **alike), {**nested, "outer": 2}),
        "a split within": (OverRuns(**several), {"runs.order": 2}),
        "split node by node": (NodeSplit(bolds=alike["bold"], tr=1.0, weights=Learn()), {"band": 2}),
        "options that are inputs": (GivenOptions(first=one["bold"], second=alike["bold"][1], tr=1.0), {"series": 2}),
        "weights that are fixed": (TwoBands(bold=one["bold"], tr=1.0, weights=half), {"band": 2}),
        "a corner": (TwoBands(bold=one["bold"], tr=1.0, weights=np.array([0.0, 1.0])), {"band": 2}),
    }


@pytest.mark.parametrize("name", list(tasks()))
def test_each_pipeline_is_its_classical_workflow(name, tmp_path):
    task, choices = tasks()[name]
    scores, cache = {}, tmp_path / "none"
    for row in multiverse(task, mean_of_squares, cache_root=cache).rows:
        scores[int(row["pipeline"])] = row["score"]
    assert not list(cache.glob("*")), "a job was run"
    for number, taken in enumerate(itertools.product(*(range(1, count + 1) for count in choices.values())), start=1):
        options = {path: f"option_{option}" for path, option in zip(choices, taken, strict=True)}
        found = with_options(task, options)(cache_root=tmp_path / "classical").connectome
        expected = mean_of_squares({"connectome": found}, None)
        assert scores[number] == pytest.approx(expected, rel=1e-5), options


def mean_of_squares(outputs, targets):
    values = outputs["connectome"]
    return np.mean(np.concatenate([np.ravel(value) ** 2 for value in values]))


def test_what_pipelines_share_is_computed_once():
    program = program_of(task := tasks()["one run"][0], reading.read(task))
    calls, once = [], type(program).computed

    class Counted(type(program)):
        def computed(self, parameters, arrays, run, planned=None, known=None):
            calls.extend(one.path for one in planned)
            return once(self, parameters, arrays, run, planned, known)

    counted = Counted(program.graph, program.runs)
    universes = [
        Universe({"denoising": f"option_{a}", "band": f"option_{b}", "matrix": f"option_{c}"}, program.parameters)
        for a, b, c in itertools.product((1, 2), (1, 2), (1, 2))
    ]
    (found,) = outputs_of_each(counted, universes, ["connectome"])
    assert len(found) == 8
    assert sorted(calls) == ["Correlation", "Covariance", "clean", "fast", "slow"], "each is compiled once"


def test_choices_between_jobs_run_as_jobs_once(tmp_path):
    bold = runs_of([90])["bold"][0]
    task = TwoJobs(bold=bold, folder=str(tmp_path), tr=1.0, weights=Learn())
    every = multiverse(task, mean_of_squares, cache_root=tmp_path / "cache")
    assert [row["band"] for row in sorted(every.rows, key=lambda row: row["pipeline"])] == ["one", "two"]
    assert (tmp_path / "one").exists() and (tmp_path / "two").exists()


def test_what_one_pipeline_refuses_is_refused_in_its_words(tmp_path):
    data = runs_of([90])
    bold = data["bold"][0].copy()
    bold[:, 2] = np.nan
    task = Pipelines(bold=bold, confounds=data["confounds"][0], tr=1.0)
    with pytest.raises(ValueError, match="option_1 has 90 values that are not finite"):
        multiverse(task, mean_of_squares, cache_root=tmp_path)


def test_weights_of_a_pipeline_stand_at_their_corner_for_the_loss(tmp_path):
    task = Pipelines(tr=1.0).split(("bold", "confounds"), **runs_of([90] * 3))
    targets, more = np.stack([np.eye(5)] * 3), losses.Entropy("denoising.weights")
    every = multiverse(task, LOSS + more, targets, cache_root=tmp_path)
    plain = multiverse(task, LOSS, targets, cache_root=tmp_path)
    assert every.best["score"] == pytest.approx(plain.best["score"], rel=1e-5), "a corner has no entropy"


def test_targets_that_a_loss_cannot_have_are_refused(tmp_path):
    task = Pipelines(tr=1.0).split(("bold", "confounds"), **runs_of([90] * 3))
    with pytest.raises(ValueError, match="BinaryCrossEntropy"):
        multiverse(task, losses.BinaryCrossEntropy("connectome"), np.full((3, 5, 5), 7.0), cache_root=tmp_path)
