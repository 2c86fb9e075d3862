"""Every shape of workflow that can be fused, with the classical run as the truth."""

import jax
import nibabel as nib
import numpy as np
import pytest
from fileformats.generic import File
from jaxtyping import Array, Float
from pydra.compose import python, shell, workflow

from pydra_diffconn import Learn, block, fuse
from pydra_diffconn.blocks import BandPass, Correlation, Covariance, FisherZ, RegressConfounds, Standardize
from pydra_diffconn.files import tables


@block.define(outputs=["mean"])
def MeanMatrix(stack: Float[Array, "runs parcels parcels"]) -> Float[Array, "parcels parcels"]:
    """Average matrices."""
    return stack.mean(axis=0)


@python.define(outputs=["doubled"])
def Double(series) -> np.ndarray:
    return 2 * np.asarray(series)


@python.define(outputs=["listed"])
def AsList(stack) -> list:
    return list(stack)


@python.define(outputs=["text"])
def Describe(matrix) -> str:
    return f"{np.shape(matrix)}"


@workflow.define(outputs=["connectome"])
def OneRun(bold, tr: float, low: float = 0.02):
    band = workflow.add(BandPass(timeseries=bold, tr=tr, low=low))
    return workflow.add(Correlation(timeseries=band.timeseries)).connectome


@workflow.define(outputs=["timeseries"])
def Filtered(bold, tr: float, low: float = 0.02):
    return workflow.add(BandPass(timeseries=bold, tr=tr, low=low)).timeseries


@workflow.define(outputs=["connectome"])
def AfterPython(bold, tr: float, low: float = 0.02):
    doubled = workflow.add(Double(series=bold))
    band = workflow.add(BandPass(timeseries=doubled.doubled, tr=tr, low=low))
    return workflow.add(Correlation(timeseries=band.timeseries)).connectome


@workflow.define(outputs=["connectome"])
def NodeSplit(bolds, tr: float):
    """One node is split, what follows inherits it; the outputs come as a list."""
    band = workflow.add(BandPass(tr=tr).split(timeseries=bolds))
    return workflow.add(Correlation(timeseries=band.timeseries)).connectome


@workflow.define(outputs=["connectome"])
def OuterSplit(bolds, lows, tr: float):
    band = workflow.add(BandPass(tr=tr).split(["timeseries", "low"], timeseries=bolds, low=lows))
    return workflow.add(Correlation(timeseries=band.timeseries)).connectome


@workflow.define(outputs=["connectome"])
def ScalarSplit(bolds, lows, tr: float):
    band = workflow.add(BandPass(tr=tr).split(("timeseries", "low"), timeseries=bolds, low=lows))
    return workflow.add(Correlation(timeseries=band.timeseries)).connectome


@workflow.define(outputs=["mean"])
def Combined(bolds, tr: float):
    """What was split is combined, and one block takes all of it."""
    band = workflow.add(BandPass(tr=tr).split(timeseries=bolds), name="band")
    r = workflow.add(Correlation(timeseries=band.timeseries).combine("band.timeseries"))
    return workflow.add(MeanMatrix(stack=r.connectome)).mean


@workflow.define(outputs=["mean"])
def PartlyCombined(bolds, lows, tr: float):
    band = workflow.add(BandPass(tr=tr).split(["timeseries", "low"], timeseries=bolds, low=lows), name="band")
    r = workflow.add(Correlation(timeseries=band.timeseries).combine("band.timeseries"))
    return workflow.add(MeanMatrix(stack=r.connectome)).mean


@workflow.define(outputs=["z", "r"])
def JoinedBranches(bolds, confounds, tr: float):
    """Branches of one split meet again; an output is used twice, a block is used twice."""
    band = workflow.add(BandPass(tr=tr).split(timeseries=bolds), name="band")
    regressors = workflow.add(BandPass(timeseries=confounds, tr=tr), name="regressors")
    clean = workflow.add(RegressConfounds(timeseries=band.timeseries, confounds=regressors.timeseries))
    r = workflow.add(Correlation(timeseries=clean.timeseries))
    return workflow.add(FisherZ(connectome=r.connectome)).connectome, r.connectome


@workflow.define(outputs=["product"])
def OuterJoin(bolds, confounds, tr: float):
    """Two splits meet: every run with every set of confounds."""
    band = workflow.add(BandPass(tr=tr).split(timeseries=bolds), name="band")
    regressors = workflow.add(BandPass(tr=tr).split(timeseries=confounds), name="regressors")
    clean = workflow.add(RegressConfounds(timeseries=band.timeseries, confounds=regressors.timeseries))
    return workflow.add(Correlation(timeseries=clean.timeseries)).connectome


@workflow.define(outputs=["mean", "each"])
def NestedSplit(bolds, tr: float):
    runs = workflow.add(OneRun(tr=tr).split(bold=bolds).combine("bold"), name="runs")
    return workflow.add(MeanMatrix(stack=runs.connectome)).mean, runs.connectome


@workflow.define(outputs=["connectome"])
def TwoDeep(people, tr: float):
    """A split workflow in a split workflow."""
    return workflow.add(NodeSplit(tr=tr).split(bolds=people), name="person").connectome


@workflow.define(outputs=["connectome"])
def SplitOverTaskOutput(stack, tr: float):
    listed = workflow.add(AsList(stack=stack))
    band = workflow.add(BandPass(tr=tr).split(timeseries=listed.listed))
    return workflow.add(Correlation(timeseries=band.timeseries)).connectome


@workflow.define(outputs=["connectome"])
def SplitAgain(bolds, tr: float):
    band = workflow.add(BandPass(tr=tr).split(timeseries=bolds).combine("timeseries"), name="band")
    return workflow.add(Correlation().split(timeseries=band.timeseries), name="again").connectome


@workflow.define(outputs=["connectome"])
def Islands(bolds, tr: float):
    """Blocks, a step that is none, blocks again; and one below all."""
    band = workflow.add(BandPass(tr=tr, low=0.03).split(timeseries=bolds), name="first")
    doubled = workflow.add(Double(series=band.timeseries))
    second = workflow.add(BandPass(timeseries=doubled.doubled, tr=tr, low=0.02), name="second")
    r = workflow.add(Correlation(timeseries=second.timeseries))
    workflow.add(Describe(matrix=r.connectome))
    return r.connectome


@workflow.define(outputs=["connectome", "text"])
def WithReport(bold, tr: float):
    band = workflow.add(BandPass(timeseries=bold, tr=tr))
    r = workflow.add(Correlation(timeseries=band.timeseries))
    return r.connectome, workflow.add(Describe(matrix=r.connectome)).text


@workflow.define(outputs=["connectome"])
def Prepared(bold, tr: float):
    """A nested workflow that holds a step that is no block."""
    doubled = workflow.add(Double(series=bold))
    band = workflow.add(BandPass(timeseries=doubled.doubled, tr=tr))
    return workflow.add(Correlation(timeseries=band.timeseries)).connectome


@workflow.define(outputs=["connectome"])
def NestedPrepared(bolds, tr: float):
    return workflow.add(Prepared(tr=tr).split(bold=bolds), name="person").connectome


@workflow.define(outputs=["connectome"])
def Conditional(bold, tr: float, filtered: bool):
    series = bold
    if filtered:
        series = workflow.add(BandPass(timeseries=bold, tr=tr)).timeseries
    return workflow.add(Covariance(timeseries=series)).covariance


Copy = shell.define("cp <in_file:generic/file> <out|out_file:generic/file>", name="Copy")


@workflow.define(outputs=["connectome"])
def AroundShell(bold, tr: float):
    """A shell command before and one between blocks that write files, and one after."""
    first = workflow.add(Copy(in_file=bold, out_file="first.tsv"), name="first")
    band = workflow.add(BandPass(timeseries=first.out_file, tr=tr, low=0.03))
    second = workflow.add(Copy(in_file=band.timeseries, out_file="second.tsv"), name="second")
    smooth = workflow.add(BandPass(timeseries=second.out_file, tr=tr), name="smooth")
    r = workflow.add(Correlation(timeseries=smooth.timeseries))
    workflow.add(Copy(in_file=r.connectome, out_file="third.tsv"), name="third")
    return r.connectome


@pytest.fixture
def bolds():
    rng = np.random.default_rng(0)
    return [rng.standard_normal((80, 6)) for _ in range(3)]


@pytest.fixture
def confounds():
    rng = np.random.default_rng(1)
    return [rng.standard_normal((80, 2)) for _ in range(2)]


def assert_agrees(task, tmp_path, outputs=None, **settings):
    """Fused and classical results are equal, nested lists and order included."""
    truth = task(worker="debug", cache_root=tmp_path)
    program = fuse(task, cache_root=tmp_path, **settings)
    found = jax.jit(program)(program.parameters, **program.inputs)
    for name in outputs or list(found):
        np.testing.assert_allclose(found[name], np.asarray(getattr(truth, name)), atol=1e-10)
    return program


LOWS = [0.01, 0.03]


@pytest.mark.parametrize(
    ("workflow_", "learn"),
    [
        (NodeSplit, "BandPass.high"),
        (Combined, "band.low"),
        (NestedSplit, None),
        (SplitAgain, "band.high"),
    ],
)
def test_splits_inside(x64, bolds, tmp_path, workflow_, learn):
    assert_agrees(workflow_(bolds=bolds, tr=1.0), tmp_path, learn={learn: Learn()} if learn else None)


@pytest.mark.parametrize("workflow_", [OuterSplit, PartlyCombined])
def test_outer_splits(x64, bolds, tmp_path, workflow_):
    assert_agrees(workflow_(bolds=bolds, lows=LOWS, tr=1.0), tmp_path)


def test_a_scalar_split_pairs_its_lists(x64, bolds, tmp_path):
    assert_agrees(ScalarSplit(bolds=bolds[:2], lows=LOWS, tr=1.0), tmp_path)


def test_branches_of_one_split_meet_position_by_position(x64, bolds, confounds, tmp_path):
    assert_agrees(JoinedBranches(bolds=bolds, confounds=confounds[0], tr=1.0), tmp_path, ["z", "r"])


def test_two_splits_meet_in_all_combinations(x64, bolds, confounds, tmp_path):
    program = assert_agrees(OuterJoin(bolds=bolds, confounds=confounds, tr=1.0), tmp_path)
    assert program(program.parameters)["product"].shape == (6, 6, 6)


def test_a_split_workflow_in_a_split_workflow(x64, bolds, tmp_path):
    assert_agrees(TwoDeep(people=[bolds[:2], bolds[1:]], tr=1.0), tmp_path)


def test_a_split_over_subjects_around_a_split_inside(x64, bolds, tmp_path):
    task = NodeSplit(tr=1.0).split(bolds=[bolds[:2], bolds[1:]])
    assert_agrees(task, tmp_path)


@pytest.mark.parametrize("combined", ["bold", "low", ["bold", "low"]])
@pytest.mark.parametrize("workflow_class", [OneRun, AfterPython])
def test_a_workflow_split_that_is_combined_in_part(x64, bolds, tmp_path, combined, workflow_class):
    task = workflow_class(tr=1.0).split(["bold", "low"], bold=bolds, low=LOWS).combine(combined)
    assert_agrees(task, tmp_path)


def test_runs_of_unequal_length_are_nested_as_pydra_does(x64, bolds, tmp_path):
    uneven = [bolds[0][:60], bolds[1]]
    task = Filtered(tr=1.0).split(["bold", "low"], bold=uneven, low=LOWS).combine("bold")
    program, classical = fuse(task), task(worker="debug", cache_root=tmp_path)
    found = program({})["timeseries"]
    for ours, theirs in zip(found, classical.timeseries, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-10)


def test_instances_of_unequal_length(x64, bolds, tmp_path):
    uneven = [bolds[0][:60], bolds[1], bolds[2][:60]]
    assert_agrees(NodeSplit(bolds=uneven, tr=1.0), tmp_path)
    assert_agrees(Combined(bolds=uneven, tr=1.0), tmp_path)


def test_a_list_that_a_task_makes_is_split_over(x64, bolds, tmp_path):
    assert_agrees(SplitOverTaskOutput(stack=np.stack(bolds), tr=1.0), tmp_path)


def test_what_lies_between_islands_runs_in_pydra(x64, bolds, tmp_path):
    program = assert_agrees(Islands(bolds=bolds, tr=1.0), tmp_path, learn={"second.low": Learn()})
    plan = program.explain()
    assert [step.path for step in program.graph.steps] == ["second", "Correlation"]
    assert "Pydra   Double" in plan and "Describe" in plan


def test_learning_above_what_lies_between_islands_is_refused(bolds):
    with pytest.raises(ValueError, match=r"first.low is to be learned, but .* first.low -> first -> Double"):
        fuse(Islands(bolds=bolds, tr=1.0), learn={"first.low": Learn()})


def test_a_step_below_all_blocks_does_not_hinder_learning_above_it(x64, bolds, tmp_path):
    program = assert_agrees(WithReport(bold=bolds[0], tr=1.0), tmp_path, learn={"BandPass.low": Learn()})
    assert list(program(program.parameters)) == ["connectome"]


def test_a_step_inside_a_nested_split_workflow_runs_in_pydra(x64, bolds, tmp_path):
    program = assert_agrees(NestedPrepared(bolds=bolds, tr=1.0), tmp_path, learn={"person.BandPass.low": Learn()})
    assert [node.path for node in program.graph.before] == ["person.Double"]
    both = NestedPrepared(tr=1.0).split(bolds=[bolds[:2], bolds[1:]])
    assert_agrees(both, tmp_path, learn={"person.BandPass.low": Learn()})


@pytest.mark.parametrize("filtered", [True, False])
def test_what_is_built_depends_on_a_given_value(x64, bolds, tmp_path, filtered):
    assert_agrees(Conditional(bold=bolds[0], tr=1.0, filtered=filtered), tmp_path)


def test_a_mark_in_a_list_to_split_over_is_refused(bolds):
    task = OuterSplit(bolds=bolds, lows=[Learn(0.01), 0.02], tr=1.0)
    with pytest.raises(ValueError, match="mark one parameter outside the list"):
        fuse(task)


def test_shell_commands_before_between_and_after_blocks_on_files(x64, bolds, tmp_path):
    table = tables.write_table(bolds[0], [f"p{n}" for n in range(6)], tmp_path / "bold.tsv")
    task = AroundShell(bold=File(table), tr=1.0)
    program = fuse(task, learn={"smooth.low": Learn()}, cache_root=tmp_path)
    assert [node.path for node in program.graph.before] == ["first", "BandPass", "second"]
    truth = tables.read_matrix(task(worker="debug", cache_root=tmp_path).connectome)[0]
    np.testing.assert_allclose(program(program.parameters)["connectome"], truth, atol=1e-10)


def test_gradients_pass_through_splits_and_combinations(x64, bolds):
    from gradients import assert_gradient

    program = fuse(Combined(bolds=bolds, tr=1.0), learn={"band.low": Learn(0.03)})
    weights = np.random.default_rng(3).standard_normal((6, 6))
    assert_gradient(lambda low: (weights * program({"band.low": low})["mean"]).sum(), 0.03)


def test_runs_that_are_equal_are_all_returned(bolds):
    task = OneRun(tr=1.0).split("bold", bold=[bolds[0], bolds[0]])
    program = fuse(task)
    assert np.shape(program(program.parameters)["connectome"])[0] == 2


@workflow.define(outputs=["connectomes"])
def People(people):
    return workflow.add(Person().split("bolds", bolds=people), name="person").connectomes


@workflow.define(outputs=["connectomes"])
def Person(bolds):
    each = workflow.add(Correlation().split("timeseries", timeseries=bolds).combine("timeseries"), name="each")
    return each.connectome


def test_splits_of_different_lengths_within_a_split_are_refused(x64, bolds, tmp_path):
    assert_agrees(People(people=[bolds[:2], bolds[1:3]]), tmp_path)
    with pytest.raises(ValueError, match="has 1, 2 elements from one outer element to the next"):
        fuse(People(people=[bolds[:1], bolds[:2]]))


@workflow.define(outputs=["covariance"])
def Perhaps(bold, kind: str = "raw", standard: bool = False):
    series = bold
    if standard or kind == "standard":
        series = workflow.add(Standardize(timeseries=bold)).timeseries
    return workflow.add(Covariance(timeseries=series)).covariance


@pytest.mark.parametrize("by", [{"standard": [True, False]}, {"kind": ["raw", "standard"]}])
def test_what_is_built_must_not_differ_between_runs(x64, bolds, tmp_path, by):
    assert_agrees(Perhaps(kind="standard").split("bold", bold=bolds[:2]), tmp_path)
    (name,) = by
    with pytest.raises(ValueError, match=f"{name} decides how the workflow is built"):
        fuse(Perhaps().split(("bold", name), bold=bolds[:2], **by))


def test_no_runs_are_refused():
    with pytest.raises(ValueError, match="OneRun is split over bold, which holds no runs"):
        fuse(OneRun(tr=1.0).split("bold", bold=[]))


@python.define(outputs=["doubled"])
def DoubledFile(image: File) -> File:
    found = nib.load(str(image))
    nib.save(nib.Nifti1Image(2 * found.get_fdata(), found.affine), "doubled.nii.gz")
    return File("doubled.nii.gz")


@workflow.define(outputs=["timeseries"])
def AfterFile(bold: File):
    doubled = workflow.add(DoubledFile(image=bold))
    return workflow.add(Standardize(timeseries=doubled.doubled)).timeseries


def test_files_of_one_name_from_several_runs(rng, tmp_path):
    files = [tmp_path / f"bold{number}.nii.gz" for number in range(2)]
    for path in files:
        nib.save(nib.Nifti1Image(rng.standard_normal((3, 4, 2, 30)), np.eye(4)), path)
    task = AfterFile().split("bold", bold=[File(path) for path in files])
    images = task(worker="debug", cache_root=tmp_path / "cache").timeseries
    series = [nib.load(str(image)).get_fdata().reshape(-1, 30).T for image in images]
    fused = fuse(task, cache_root=tmp_path / "cache")({})["timeseries"]
    np.testing.assert_allclose(fused, series, atol=1e-5)
