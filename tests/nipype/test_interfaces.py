"""Blocks as interfaces of Nipype: names, values, hashes, files, pickles, what runs at the same place."""

import copy
import inspect
import os
import pickle
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import nipype.pipeline.engine as pe
import numpy as np
import pytest
from click.testing import CliRunner
from nipype import config
from nipype.interfaces.base import TraitError, isdefined
from nipype.scripts.cli import cli
from pydra.compose import workflow

from pydra_diffconn import Learn, blocks
from pydra_diffconn import nipype as bridge
from pydra_diffconn.blocks import Detrend as DetrendBlock
from pydra_diffconn.blocks import Standardize as StandardizeBlock
from pydra_diffconn.declare import block
from pydra_diffconn.nipype import BandPass, Censor, Correlation, KeepFrames, Parcellate, Standardize, interface
from pydra_diffconn.testing.cases import example


@workflow.define(outputs=["timeseries"])
def Clean(timeseries, degree: int = 1):
    straight = workflow.add(DetrendBlock(timeseries=timeseries, degree=degree))
    return workflow.add(StandardizeBlock(timeseries=straight.timeseries)).timeseries


@pytest.fixture
def series(rng):
    return rng.standard_normal((60, 4))


def hash_of(made):
    return made.inputs.get_hashval()[1]


def test_every_block_is_an_interface_with_its_inputs_and_outputs():
    assert set(blocks.__all__) <= set(dir(bridge))
    for name in blocks.__all__:
        made, task = getattr(bridge, name), getattr(blocks, name)
        inputs, outputs = made().inputs.copyable_trait_names(), made()._outputs().copyable_trait_names()
        assert set(inputs) >= {*task.declaration.arguments, "block_version", "precision", "use_gpu"}
        assert set(outputs) == set(task.declaration.outputs) and made.__module__ == "pydra_diffconn.nipype"


def test_a_name_that_no_block_has_says_what_there_is():
    with pytest.raises(AttributeError, match=r"module 'pydra_diffconn.nipype' has no block 'Nothing'; it has"):
        _ = bridge.Nothing


@pytest.mark.slow
def test_nipype_is_loaded_by_nothing_but_the_bridge():
    code = (
        "import sys, pydra_diffconn, pydra_diffconn.nipype as n; from pydra_diffconn import fit, fuse, swap, nipype, "
        "blocks; blocks.BandPass; print('nipype' in sys.modules); n.BandPass; print('nipype' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["False", "True"]


def test_traits_say_unit_range_default_and_what_is_needed():
    told = BandPass.help(returnhelp=True)
    mandatory, _, optional = told.partition("[Optional]")
    assert "timeseries: (an array, or a pathlike" in mandatory and "tr: (a float" in mandatory
    assert "nipype default value:" in optional and "lower cut-off, Hz, in [0, high]" in optional
    low = BandPass().inputs.trait("low")
    assert low.unit == "Hz" and low.range == "[0, high]" and BandPass().inputs.low == 0.01
    assert not isdefined(BandPass().inputs.tr) and BandPass().inputs.trait("tr").mandatory
    with pytest.raises(ValueError, match="BandPass requires a value for input 'timeseries'"):
        BandPass(tr=2.0).run()


@pytest.mark.parametrize(
    ("made", "wrong", "told"),
    [
        (BandPass, {"low": -1.0}, r"BandPass.low = -1.0: expected a number in \[0, high\]"),
        (BandPass, {"low": "slow"}, "BandPass.low = 'slow': expected a number"),
        (BandPass, {"timeseries": "nothing.nii"}, "'nothing.nii': there is no such file; expected an array or an exis"),
        (BandPass, {"timeseries": ["a", "b"]}, "expected an array or the path of an existing file"),
        (BandPass, {"tr": Learn(2.0)}, "tr is no parameter of BandPass, so that it cannot be learned"),
        (Standardize, {"mode": "z"}, "'psc' or 'robust'"),
    ],
)
def test_a_wrong_value_is_refused_where_it_is_set(made, wrong, told):
    with pytest.raises(TraitError, match=told):
        made(**wrong)


def test_a_mark_is_its_number_and_stays_a_mark_through_copies_and_pickles(series):
    marked, plain = BandPass(tr=2.0, low=Learn(0.02, within=(0.01, 0.03))), BandPass(tr=2.0, low=0.02)
    node = pe.Node(marked, "filter")
    for one in (copy.deepcopy(marked), pickle.loads(pickle.dumps(marked)), copy.deepcopy(node), node.clone("other")):
        assert isinstance(one.inputs.low, Learn) and one.inputs.low == 0.02 and one.inputs.low.within == (0.01, 0.03)
    assert hash_of(marked) == hash_of(plain)
    found, expected = marked.run(timeseries=series).outputs, plain.run(timeseries=series).outputs
    np.testing.assert_array_equal(found.timeseries, expected.timeseries)


VALUES = {
    "number": lambda rng: {"low": float(rng.uniform(0.005, 0.02))},
    "small number": lambda rng: {"low": float(rng.uniform(1e-12, 9e-11))},
    "array": lambda rng: {"timeseries": rng.standard_normal((2000, 3))},
    "one entry": lambda rng: {
        "timeseries": np.eye(1500, 3) + np.bincount([rng.integers(1500)], minlength=1500)[:, None]
    },
    "shape": lambda rng: {"timeseries": np.zeros((int(rng.integers(1, 10**6)), 1), "u1")},
    "type": lambda rng: {"timeseries": np.zeros((3, 1), rng.choice(["f4", "f8", "i4", "i8", "u1", "u2", "i1"]))},
    "precision": lambda rng: {"precision": str(rng.choice(["float32", "float64"]))},
    "version": lambda rng: {"block_version": f"pydra_diffconn:BandPass {rng.integers(10**6)}"},
}


@pytest.mark.slow
def test_inputs_precisions_or_versions_that_differ_have_other_hashes(rng):
    def drawn():
        value = VALUES[str(rng.choice(list(VALUES)))](rng)
        return BandPass(tr=2.0, **value), repr(
            [(n, getattr(v, "tobytes", v.__repr__)(), getattr(v, "dtype", "")) for n, v in value.items()]
        )

    different = 0
    while different < 1000:
        (one, first), (other, second) = drawn(), drawn()
        if first != second:
            assert hash_of(one) != hash_of(other), (one.inputs, other.inputs)
            different += 1


def test_what_nipype_takes_for_the_same_is_told_apart(tmp_path):
    (tmp_path / "a.tsv").write_text("x\n1\n")
    (tmp_path / "a.csv").write_text("x\n1\n")
    pairs = [
        ({"frames": (1, 2)}, {"frames": (12,)}),
        ({"frames": (1, 2)}, {"frames": (1.0, 2.0)}),
        ({"timeseries": str(tmp_path / "a.tsv")}, {"timeseries": str(tmp_path / "a.csv")}),
    ]
    for one, other in pairs:
        assert hash_of(KeepFrames(**one)) != hash_of(KeepFrames(**other))
    assert hash_of(BandPass(use_gpu=True)) == hash_of(BandPass())
    assert pe.Node(BandPass(use_gpu=True), "n").is_gpu_node() and not pe.Node(BandPass(), "n").is_gpu_node()


def image(series, path):
    nib.Nifti1Image(series.T.reshape(2, 2, 1, -1).astype("f4"), np.diag([3, 3, 3, 1])).to_filename(path)
    return path


def cifti(series, path):
    axes = nib.cifti2.SeriesAxis(0, 2, len(series)), nib.cifti2.BrainModelAxis.from_mask(np.ones(4), "CORTEX_LEFT")
    nib.Cifti2Image(series.astype("f4"), axes).to_filename(path)
    return path


def table(series, path):
    path.write_text("a\tb\tc\td\n" + "\n".join("\t".join(map(str, row)) for row in series) + "\n")
    return path


@pytest.mark.parametrize(
    ("write", "name"),
    [(image, "bold.nii.gz"), (cifti, "bold.dtseries.nii"), (table, "bold.tsv")],
    ids=["nifti", "cifti", "table"],
)
def test_a_file_gives_a_file_of_the_same_kind_in_the_nodes_folder(write, name, series, tmp_path):
    given = write(series, tmp_path / name)
    node = pe.Node(BandPass(tr=2.0, timeseries=given), "filter", base_dir=tmp_path)
    found = node.run().outputs.timeseries
    assert found == str(tmp_path / "filter" / f"timeseries{name.removeprefix('bold')}")
    expected = blocks.BandPass(tr=2.0, timeseries=given)(worker="debug", cache_root=tmp_path / "pydra").timeseries
    assert Path(found).read_bytes()[-1000:] == Path(str(expected)).read_bytes()[-1000:]
    assert node.is_cached() == (True, True)


def test_arrays_give_arrays_and_map_nodes_and_iterables_work(series, tmp_path):
    each = pe.MapNode(BandPass(tr=2.0), "timeseries", "each", base_dir=tmp_path)
    each.inputs.timeseries = [series, 2 * series]
    first, second = each.run().outputs.timeseries
    np.testing.assert_allclose(2 * first, second, rtol=1e-5, atol=1e-6)
    flow = pe.Workflow("flow", base_dir=tmp_path)
    band = pe.Node(BandPass(tr=2.0, timeseries=series), "band", iterables=("low", [0.01, 0.05]))
    flow.connect(band, "timeseries", pe.Node(Correlation(), "fc"), "timeseries")
    found = [n.result.outputs.connectome for n in flow.run().nodes() if n.name.startswith("fc")]
    assert len(found) == 2 and abs(found[0] - found[1]).max() > 0.01


def test_a_workflow_of_blocks_is_one_node(series, tmp_path):
    node = pe.Node(interface(Clean)(degree=2), "clean", base_dir=tmp_path)
    node.inputs.timeseries = table(series, tmp_path / "series.tsv")
    found = node.run().outputs.timeseries
    assert found == str(tmp_path / "clean" / "timeseries.tsv") and not (tmp_path / "clean" / "pydra").exists()
    written = np.loadtxt(found, skiprows=1)
    np.testing.assert_allclose(written.std(axis=0, ddof=1), 1, rtol=1e-4)
    of_task = interface(Clean(degree=3))
    assert type(of_task) is interface(Clean) and of_task.inputs.degree == 3
    assert hash_of(of_task) != hash_of(interface(Clean)(degree=2))


@pytest.mark.parametrize("what", [3, "BandPass", int, np.mean])
def test_what_is_no_task_is_no_interface(what):
    with pytest.raises(ValueError, match="is no Pydra task; expected a block or a workflow of blocks"):
        interface(what)


@pytest.mark.slow
def test_results_are_read_by_a_process_that_never_saw_the_classes(series, tmp_path):
    node = pe.Node(Correlation(timeseries=series), "fc", base_dir=tmp_path)
    node.run()
    code = (
        "from nipype.pipeline.engine.utils import load_resultfile as load; from nipype.utils.filemanip import loadpkl;"
        f"found = load({str(tmp_path / 'fc' / 'result_fc.pklz')!r}); print(found.interface, found.outputs.connectome.shape);"
        f"print(type(loadpkl({str(tmp_path / 'fc' / '_node.pklz')!r}).interface))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.stdout.split("\n")[0] == "<class 'pydra_diffconn.nipype.Correlation'> (4, 4)", found.stderr
    assert "pydra_diffconn.nipype.Correlation" in found.stdout.split("\n")[1]
    made = interface(Clean)
    assert pickle.loads(pickle.dumps(made)) is made and pickle.loads(pickle.dumps(made().inputs)).degree == 1


@block.define(outputs=["timeseries"], version="7")
def Doubled(
    timeseries: blocks.BandPass.pure.__annotations__["timeseries"],
) -> blocks.BandPass.pure.__annotations__["return"]:
    """Double a series."""
    return 2 * timeseries


def test_two_steps_or_two_versions_at_one_place_never_answer_for_each_other(series, tmp_path, monkeypatch):
    def at_the_place(made):
        node = pe.Node(made, "step", base_dir=tmp_path)
        node.inputs.timeseries, node.config = series, copy.deepcopy(config._sections)
        ran = not node.is_cached()[1]
        return ran, node.run().outputs.timeseries

    assert at_the_place(BandPass(tr=2.0))[0]
    assert not at_the_place(BandPass(tr=2.0))[0]
    ran, found = at_the_place(interface(Doubled)())
    assert ran and np.allclose(found, 2 * series)
    assert not at_the_place(interface(Doubled)())[0]
    assert at_the_place(interface(Doubled)(precision="float64"))[1].dtype == np.float64
    newer = interface(Doubled)()
    newer.inputs.block_version = newer.inputs.block_version.replace(" 7 ", " 8 ")
    assert at_the_place(newer)[0]
    assert at_the_place(Standardize())[0]


def test_an_error_of_a_block_is_in_the_crash_file(series, tmp_path):
    flow = pe.Workflow("flow", base_dir=tmp_path)
    flow.config["execution"] = {"crashdump_dir": str(tmp_path)}
    flow.add_nodes([pe.Node(Censor(framewise_displacement=np.ones(60), threshold=0.1), "censor")])
    with pytest.raises(Exception, match=r"no frame has a displacement of 0\.1 mm or less"):
        flow.run()
    (crash,) = tmp_path.glob("crash*.pklz")
    assert "no frame has a displacement" in CliRunner().invoke(cli, ["crash", str(crash)]).output


def test_labels_from_an_image_reach_the_block(series, tmp_path):
    labels = tmp_path / "labels.nii.gz"
    nib.Nifti1Image(np.array([1, 1, 2, 2]).reshape(2, 2, 1).astype("i4"), np.diag([3, 3, 3, 1])).to_filename(labels)
    made = Parcellate(timeseries=image(series, tmp_path / "bold.nii.gz"), labels=labels)
    os.chdir(tmp_path)
    found = made.run(cwd=str(tmp_path)).outputs.timeseries
    assert found == str(tmp_path / "timeseries.tsv") and np.loadtxt(found, skiprows=1).shape == (60, 2)
    assert inspect.getdoc(Parcellate) == inspect.getdoc(blocks.Parcellate)


def test_every_block_takes_what_its_task_takes():
    taken = 0
    for name in blocks.__all__:
        try:
            values = {
                n: v for n, v in example(getattr(blocks, name), {}, np.random.default_rng(0)).items() if v is not None
            }
        except ValueError:  # it has no example without further values
            continue
        made = getattr(bridge, name)(**values)
        assert hash_of(pickle.loads(pickle.dumps(copy.deepcopy(made)))) == hash_of(made)
        for given, value in values.items():
            np.testing.assert_array_equal(getattr(made.inputs, given), value)
        taken += 1
    assert taken > 60
