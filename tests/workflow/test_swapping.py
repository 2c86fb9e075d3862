"""Other steps in somebody's workflow: the same interface, connections made again or refused by name."""

import jax
import numpy as np
import pytest
from fileformats.generic import File
from pydra.compose import python, workflow

from pydra_diffconn import Learn, fit, fuse, optimise, proposals, swap
from pydra_diffconn.blocks import BandPass, Correlation, RegressConfounds
from pydra_diffconn.workflow.writing_back import with_parameters

TR = 0.8


@python.define(outputs=["cleaned"])
def TheirFilter(signal: np.ndarray, dt: float, lowest: float = 0.0) -> np.ndarray:
    raise AssertionError("it is not to be run")


@python.define(outputs=["left"])
def TheirRegression(series: np.ndarray, nuisance: np.ndarray) -> np.ndarray:
    design = nuisance - nuisance.mean(axis=0)
    return series - design @ np.linalg.lstsq(design, series, rcond=None)[0]


@python.define(outputs=["matrix"])
def TheirConnectome(series: np.ndarray) -> np.ndarray:
    return np.corrcoef(series.T)


@workflow.define(outputs=["matrix", "cleaned"])
def Theirs(bold: np.ndarray, nuisance: np.ndarray, dt: float = TR):
    clean = workflow.add(TheirFilter(signal=bold, dt=dt, lowest=0.02), name="clean")
    left = workflow.add(TheirRegression(series=clean.cleaned, nuisance=nuisance), name="regress")
    return workflow.add(TheirConnectome(series=left.left), name="connect").matrix, clean.cleaned


@workflow.define(outputs=["matrices"])
def Outer(bolds: list, nuisance: np.ndarray):
    inner = workflow.add(Theirs(nuisance=nuisance).split(bold=bolds), name="inner")
    return inner.matrix


@workflow.define(outputs=["matrix"])
def SplitInside(bolds: list, nuisance: np.ndarray):
    clean = workflow.add(TheirFilter(dt=TR).split(signal=bolds), name="clean")
    left = workflow.add(
        TheirRegression(series=clean.cleaned, nuisance=nuisance).combine("clean.signal"), name="regress"
    )
    return left.left


STEPS = {"clean": BandPass(low=Learn(0.01))}
FIELDS = {"clean": {"signal": "timeseries", "dt": "tr", "cleaned": "timeseries"}}


@pytest.fixture
def data(x64, rng):
    return rng.standard_normal((60, 5)), rng.standard_normal((60, 2))


def expected(bold, nuisance, low=0.01):
    band = np.asarray(BandPass.pure(bold, TR, low))
    design = nuisance - nuisance.mean(axis=0)
    return np.corrcoef((band - design @ np.linalg.lstsq(design, band, rcond=None)[0]).T), band


def test_a_step_is_replaced_by_name_and_the_interface_stays(data, tmp_path):
    bold, nuisance = data
    ours = swap(Theirs, STEPS, FIELDS)
    outputs = ours(bold=bold, nuisance=nuisance)(worker="debug", cache_root=tmp_path)
    matrix, band = expected(bold, nuisance)
    np.testing.assert_allclose(outputs.matrix, matrix, atol=1e-10)
    np.testing.assert_allclose(outputs.cleaned, band, atol=1e-10)
    assert ours.__name__ == "Theirs"
    assert ours(bold=bold, nuisance=nuisance, dt=1.0).dt == 1.0


def test_it_runs_in_other_processes(data, tmp_path):
    bold, nuisance = data
    task = swap(Theirs, STEPS, FIELDS)(nuisance=nuisance).split("bold", bold=[bold, 2 * bold])
    for found in task(worker="cf", cache_root=tmp_path).matrix:
        np.testing.assert_allclose(found, expected(bold, nuisance)[0], atol=1e-5)


def test_what_was_swapped_is_learned_and_written_back(data, tmp_path):
    bold, nuisance = data
    steps = {**STEPS, "regress": RegressConfounds(), "connect": Correlation()}
    regress = {"series": "timeseries", "nuisance": "confounds", "left": "timeseries"}
    connect = {"series": "timeseries", "matrix": "connectome"}
    ours = swap(Theirs, steps, {**FIELDS, "regress": regress, "connect": connect})
    task = ours(nuisance=nuisance).split("bold", bold=[bold, bold[::-1].copy()])
    result = fit(task, lambda outputs, _: (outputs["matrix"] ** 2).mean(), steps=3, progress=False)
    low = result.parameters["clean.low"]
    assert low != 0.01
    learned = result.workflow(bold=bold, nuisance=nuisance)(worker="debug", cache_root=tmp_path)
    np.testing.assert_allclose(learned.matrix, expected(bold, nuisance, low)[0], atol=1e-10)
    program = fuse(task)
    np.testing.assert_allclose(
        jax.jit(program)(program.parameters)["matrix"][0], expected(bold, nuisance)[0], atol=1e-10
    )


def test_by_class_of_task_also_in_nested_workflows(data, tmp_path):
    bold, nuisance = data
    for which in (TheirFilter, "inner.clean"):
        ours = swap(Outer, {which: BandPass(low=0.01)}, {which: FIELDS["clean"]})
        found = ours(bolds=[bold, -bold], nuisance=nuisance)(worker="debug", cache_root=tmp_path).matrices
        np.testing.assert_allclose(found[1], expected(bold, nuisance)[0], atol=1e-10)


def test_a_split_and_its_combination_follow(data, tmp_path):
    bold, nuisance = data
    ours = swap(SplitInside, {"clean": BandPass(low=0.01)}, FIELDS)
    steps = swap(ours, {"regress": RegressConfounds()}, {"regress": {"series": "timeseries", "nuisance": "confounds"}})
    for one in (ours, steps):
        found = one(bolds=[bold, 2 * bold], nuisance=nuisance)(worker="debug", cache_root=tmp_path).matrix
        assert len(found) == 2
        np.testing.assert_allclose(np.corrcoef(found[1].T), expected(bold, nuisance)[0], atol=1e-10)


def test_values_of_the_new_step_count_before_those_of_the_old(data, tmp_path):
    bold, nuisance = data
    fields = {"clean": {**FIELDS["clean"], "lowest": "low"}}
    for step, low in ((BandPass(), 0.02), (BandPass(low=0.03), 0.03)):
        outputs = swap(Theirs, {"clean": step}, fields)(bold=bold, nuisance=nuisance)
        found = outputs(worker="debug", cache_root=tmp_path).cleaned
        np.testing.assert_allclose(found, expected(bold, nuisance, low)[1], atol=1e-10)


def test_learned_values_and_merged_jobs_on_top_of_a_swap(data, tmp_path):
    bold, nuisance = data
    ours = with_parameters(swap(Theirs, STEPS, FIELDS), {"clean.low": 0.03})
    for one in (ours, optimise(ours)):
        found = one(bold=bold, nuisance=nuisance)(worker="debug", cache_root=tmp_path).cleaned
        np.testing.assert_allclose(found, expected(bold, nuisance, 0.03)[1], atol=1e-10)


def test_swaps_that_differ_have_different_checksums(data):
    bold, nuisance = data
    made = [swap(Theirs, {"clean": BandPass(low=low)}, FIELDS) for low in (0.01, 0.02)]
    checksums = {one(bold=bold, nuisance=nuisance)._checksum for one in [*made, Theirs]}
    assert len(checksums) == 3


@pytest.mark.parametrize(
    ("steps", "fields", "told"),
    [
        ({"clean": BandPass()}, {}, "clean.signal is connected to.*BandPass has no field 'signal'"),
        ({"clean": BandPass()}, {"clean": {"signal": "timeseries", "dt": "tr", "x": "low"}}, "no field 'x'"),
        ({"clean": BandPass()}, {"clean": {"signal": "timeseries"}}, "BandPass needs tr, .*go nowhere: .*'dt'"),
        ({"clean": BandPass()}, {"clean": {"signal": "serie"}}, "'serie', which BandPass does not have"),
        ({"filter": BandPass()}, {}, "no node filter.*'clean': 'TheirFilter'"),
        ({"clean": BandPass()}, {"wash": {}}, "wash, which is not to be swapped"),
        ({"clean": 3}, {}, "clean: 3 is no task"),
        ({}, {}, "no steps"),
        ({"connect": RegressConfounds()}, {"connect": {"series": "timeseries"}}, None),
    ],
)
def test_what_cannot_be_connected_is_an_error_that_names_both(data, steps, fields, told, tmp_path):
    bold, nuisance = data
    if told is None:  # the only output stands for the only one
        swap(Theirs, steps, fields)(bold=bold, nuisance=nuisance)
        return
    with pytest.raises(ValueError, match=told):
        fuse(swap(Theirs, steps, fields)(bold=bold, nuisance=nuisance))


def test_connections_between_nodes_are_named(data):
    with pytest.raises(ValueError, match=r"regress.series is connected to clean.cleaned, and RegressConfounds has no"):
        fuse(swap(Theirs, {"regress": RegressConfounds()})(bold=data[0], nuisance=data[1]))


def test_proposals_say_what_is_known_and_why_not(data):
    found = {one.path: one for one in proposals(Outer(nuisance=data[1], bolds=[data[0]]))}
    assert set(found) == {"inner.clean", "inner.regress", "inner.connect"}
    assert found["inner.clean"].ours is None and "no equivalent" in found["inner.clean"].reason
    with pytest.raises(ValueError, match=r"no step has an equivalent.*name the steps"):
        fuse(swap(Theirs)(bold=data[0], nuisance=data[1]))


def test_files_go_through_a_swapped_step_as_files(data, tmp_path):
    import nibabel as nib

    path = tmp_path / "bold.nii.gz"
    nib.save(nib.Nifti1Image(data[0].T.reshape(5, 1, 1, 60), np.eye(4)), path)

    ours = swap(FileStep, {"filter": BandPass()}, {"filter": {"in_file": "timeseries", "out_file": "timeseries"}})
    made = ours(in_file=File(path), tr=TR)(worker="debug", cache_root=tmp_path / "work").out_file
    found = np.asarray(nib.load(made).dataobj).reshape(5, 60).T
    np.testing.assert_allclose(found, expected(*data)[1], atol=1e-5)


@python.define(outputs=["out_file"])
def TheirFileFilter(in_file: File, tr: float) -> File:
    raise AssertionError("it is not to be run")


@workflow.define(outputs=["out_file"])
def FileStep(in_file: File, tr: float):
    return workflow.add(TheirFileFilter(in_file=in_file, tr=tr), name="filter").out_file


@python.define(outputs=["cleaned", "removed"])
def TwoOutputs(signal: np.ndarray) -> tuple[np.ndarray, int]:
    return signal, 3


@workflow.define(outputs=["removed"])
def UsesTheSecond(signal):
    return workflow.add(TwoOutputs(signal=signal), name="clean").removed


def test_none_of_several_outputs_is_guessed(data):
    swapped = swap(UsesTheSecond, {"clean": BandPass(tr=TR)}, {"clean": {"signal": "timeseries"}})
    with pytest.raises(ValueError, match="its output 'removed' is used, and BandPass has none of that name"):
        fuse(swapped(signal=data[0]))


@python.define(outputs=["cleaned"])
def WithDefaults(signal: np.ndarray, dt: float = TR, lowest: float = 0.05) -> np.ndarray:
    raise AssertionError("it is not to be run")


@workflow.define(outputs=["cleaned"])
def UsesDefaults(signal):
    return workflow.add(WithDefaults(signal=signal, lowest=0.05), name="clean").cleaned


def test_what_is_their_default_is_taken_over_where_it_is_named(data, tmp_path):
    fields = {"clean": {"signal": "timeseries", "dt": "tr", "lowest": "low"}}
    task = swap(UsesDefaults, {"clean": BandPass()}, fields)(signal=data[0])
    cleaned = task(worker="debug", cache_root=tmp_path).cleaned
    np.testing.assert_allclose(cleaned, BandPass.pure(data[0], TR, 0.05), atol=1e-10)


def scaled_by(factor):
    def Scaled(signal: np.ndarray) -> np.ndarray:
        return factor * signal

    return python.define(Scaled, outputs=["cleaned"])()


def test_functions_that_differ_never_share_a_cached_result(data, tmp_path):
    found = [
        swap(UsesDefaults, {"clean": scaled_by(factor)})(signal=data[0])(worker="debug", cache_root=tmp_path).cleaned
        for factor in (2, 3)
    ]
    np.testing.assert_allclose(found[1], 1.5 * found[0])


@workflow.define(outputs=["matrix"])
def HasItOutside(signal):
    clean = workflow.add(WithDefaults(signal=signal), name="clean")
    return workflow.add(NoneInside(series=clean.cleaned), name="inner").matrix


@workflow.define(outputs=["matrix"])
def NoneInside(series):
    return workflow.add(TheirConnectome(series=series), name="connect").matrix


def test_a_class_need_not_be_in_every_nested_workflow_but_in_one(data):
    fields = {WithDefaults: {"signal": "timeseries", "dt": "tr"}}
    fuse(swap(HasItOutside, {WithDefaults: BandPass()}, fields)(signal=data[0]))
    with pytest.raises(ValueError, match=r"there is no node .*TheirFilter"):
        fuse(swap(HasItOutside, {TheirFilter: BandPass()})(signal=data[0]))
    with pytest.raises(ValueError, match="no step has an equivalent"):
        fuse(swap(HasItOutside)(signal=data[0]))


def test_proposals_need_a_workflow_task(data):
    with pytest.raises(ValueError, match="Theirs is a class; give it the inputs that are known"):
        proposals(Theirs)
