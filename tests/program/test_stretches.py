"""Each differentiable stretch as one job: the same outputs, the same caching."""

import numpy as np
import pytest
from fileformats.generic import File
from workflow.test_graph_shapes import AroundShell, Islands, JoinedBranches, NestedSplit, TwoDeep, WithReport
from workflows_under_test import Connectome, Full, example

from pydra_diffconn import optimise
from pydra_diffconn.files import tables


def run(task, folder):
    return task(worker="debug", cache_root=folder)


def assert_same(task, tmp_path, *names):
    truth, found = run(task, tmp_path / "blocks"), run(optimise(task), tmp_path / "stretches")
    for name in names:
        one, other = getattr(found, name), getattr(truth, name)
        if isinstance(other, str):
            assert one == other
        else:
            np.testing.assert_allclose(np.asarray(one), np.asarray(other), atol=1e-10)
    return len(list((tmp_path / "stretches").glob("python-*")))


@pytest.fixture
def bolds():
    rng = np.random.default_rng(0)
    return [rng.standard_normal((80, 6)) for _ in range(3)]


def test_a_chain_is_one_job(x64, rng, tmp_path):
    data = example(rng, dtype=np.float64)
    task = Full(
        bold=data["bold"][0], confounds=data["confounds"][0], motion=data["motion"][0], labels=data["labels"], tr=0.8
    )
    assert assert_same(task, tmp_path, "connectome", "frame_weights") == 1
    run(optimise(task), tmp_path / "stretches")
    assert len(list((tmp_path / "stretches").glob("python-*"))) == 1  # cached
    run(
        optimise(
            Full(
                **{name: getattr(task, name) for name in ("bold", "confounds", "motion", "labels", "tr")}, threshold=0.5
            )
        ),
        tmp_path / "stretches",
    )
    assert len(list((tmp_path / "stretches").glob("python-*"))) == 2


@pytest.mark.parametrize("workflow", [JoinedBranches, NestedSplit, Islands])
def test_splits_stay_and_stretches_end_where_steps_are_no_blocks(x64, bolds, tmp_path, workflow):
    more = {"confounds": np.random.default_rng(2).standard_normal((80, 2))} if workflow is JoinedBranches else {}
    names = {JoinedBranches: ("z", "r"), NestedSplit: ("mean", "each"), Islands: ("connectome",)}[workflow]
    assert_same(workflow(bolds=bolds, tr=1.0, **more), tmp_path, *names)


def test_nested_splits_and_a_step_below(x64, bolds, tmp_path):
    assert_same(TwoDeep(people=[bolds[:2], bolds[1:]], tr=1.0), tmp_path, "connectome")
    assert_same(WithReport(bold=bolds[0], tr=1.0), tmp_path / "report", "connectome", "text")


def test_a_class_and_a_split_task_stay_what_they_are(x64, rng, tmp_path):
    data = example(rng, dtype=np.float64)
    quick = optimise(Connectome)
    task = quick(labels=data["labels"], tr=0.8).split(
        ("bold", "confounds"), bold=data["bold"], confounds=data["confounds"]
    )
    truth = Connectome(labels=data["labels"], tr=0.8).split(
        ("bold", "confounds"), bold=data["bold"], confounds=data["confounds"]
    )
    np.testing.assert_allclose(run(task, tmp_path).connectome, run(truth, tmp_path).connectome, atol=1e-10)
    assert_same(truth, tmp_path / "split", "connectome")


def test_files_give_files_also_to_shell_commands(x64, bolds, tmp_path):
    table = tables.write_table(bolds[0], [f"p{n}" for n in range(6)], tmp_path / "bold.tsv")
    task = AroundShell(bold=File(table), tr=1.0)
    truth, found = run(task, tmp_path / "a").connectome, run(optimise(task), tmp_path / "b").connectome
    (expected, names), (matrix, same) = tables.read_matrix(truth), tables.read_matrix(found)
    np.testing.assert_allclose(matrix, expected, atol=1e-10)
    assert names == same
