"""Steps of a Nipype workflow swapped on a copy: all else is kept, and what cannot be connected is named."""

import nipype.pipeline.engine as pe
import numpy as np
import pytest
from nipype.interfaces import afni, fsl
from nipype.interfaces.utility import Function, IdentityInterface, Merge

from pydra_diffconn import Learn, blocks, fuse, proposals, swap
from pydra_diffconn.blocks import BandPass as BandPassBlock
from pydra_diffconn.nipype import BandPass, Correlation, KeepFrames


def smooth(series, width, scale=1.0):
    import numpy as np

    return scale * np.apply_along_axis(np.convolve, 0, series, np.ones(width) / width, "same")


def correlated(series):
    import numpy as np

    return np.corrcoef(series.T)


def averaged(matrices):
    return sum(matrices) / len(matrices)


def node(function, name, kind=pe.Node, inputs=("series",), **settings):
    made = Function([*inputs], ["out"], function)
    return kind(made, name=name, **settings)


@pytest.fixture
def flow(tmp_path):
    """Smoothing and correlation of three runs in a nested workflow, joined in the end."""
    rng = np.random.default_rng(0)
    outer, inner = pe.Workflow("outer", base_dir=tmp_path), pe.Workflow("inner")
    inputs = pe.Node(IdentityInterface(["series"]), "inputs")
    inputs.iterables = ("series", [rng.standard_normal((60, 4)) for _ in range(3)])
    step = node(smooth, "step", inputs=("series", "width", "scale"), mem_gb=3.5, n_procs=2)
    step.inputs.width = 5
    inner.add_nodes([step])
    joined = node(averaged, "joined", pe.JoinNode, ("matrices",), joinsource="inputs", joinfield="matrices")
    fc = node(correlated, "fc")
    outer.connect([(inputs, inner, [("series", "step.series")]), (inner, fc, [("step.out", "series")])])
    outer.connect(fc, "out", joined, "matrices")
    return outer


FIELDS = {
    "inner.step": {"series": "timeseries", "out": "timeseries"},
    "fc": {"series": "timeseries", "out": "connectome"},
}
STEPS = {"inner.step": BandPass(tr=2.0, low=Learn(0.02)), "fc": blocks.Correlation()}


def test_steps_are_swapped_on_a_copy_with_dotted_edges_and_what_the_node_had(flow):
    made = swap(flow, STEPS, FIELDS)
    step = made.get_node("inner.step")
    assert isinstance(step.interface, BandPass) and isinstance(step.inputs.low, Learn)
    assert (step.mem_gb, step.n_procs) == (3.5, 2)
    assert isinstance(flow.get_node("inner.step").interface, Function) and type(made) is pe.Workflow
    ran = {n.itername: n.result.outputs for n in made.run().nodes()}
    (joined,) = [outputs.out for name, outputs in ran.items() if "joined" in name]
    found = fuse(made)({"inner.step.low": 0.02})["fc.connectome"]
    np.testing.assert_allclose(np.mean(found, axis=0), joined, atol=1e-5)


def test_original_and_swapped_never_answer_for_each_other_in_one_folder(flow):
    def joined(of):
        return next(n.result.outputs.out for n in of.run().nodes() if n.name == "joined")

    first, swapped = joined(flow), joined(swap(flow, STEPS, FIELDS))
    again, other = (
        joined(flow),
        joined(swap(flow, {**STEPS, "inner.step": BandPass(tr=2.0, low=0.2, high=0.24)}, FIELDS)),
    )
    np.testing.assert_array_equal(first, again)
    assert abs(first - swapped).max() > 0.01 and abs(swapped - other).max() > 0.01


def test_a_class_stands_for_all_its_nodes_and_an_interface_or_a_task_may_be_given(flow):
    made = swap(flow, {"inner.step": BandPassBlock(tr=2.0), "fc": Correlation}, FIELDS)
    again = swap(
        made,
        {BandPass: blocks.HighPass(tr=2.0), Correlation: blocks.Covariance()},
        {Correlation: {"connectome": "covariance"}},
    )
    assert [type(again.get_node(name).interface).__name__ for name in ("inner.step", "fc")] == [
        "HighPass",
        "Covariance",
    ]
    assert made.get_node("inner.step").inputs.low == 0.01


def test_iterables_and_lists_take_the_new_names(tmp_path):
    flow = pe.Workflow("flow", base_dir=tmp_path)
    step = node(smooth, "step", pe.MapNode, ("series", "width", "scale"), iterfield=["series"])
    step.inputs.series, step.inputs.width = [np.eye(60, 4), np.ones((60, 4))], 3
    step.iterables = ("scale", [0.01, 0.02])
    flow.connect(step, "out", node(averaged, "mean", inputs=("matrices",)), "matrices")
    fields = {"series": "timeseries", "scale": "low", "out": "timeseries", "width": None}
    made = swap(flow, {"step": BandPass(tr=2.0)}, {"step": fields}).get_node("step")
    assert made.iterfield == ["timeseries"] and made.iterables == ("low", [0.01, 0.02])
    assert [one.shape for one in made.inputs.timeseries] == [(60, 4)] * 2 and made.inputs.tr == 2.0
    for given, synchronize, expected in (
        ([("scale", [1]), ("width", [2])], False, [("low", [1]), ("width", [2])]),
        ([("scale", "width"), [(1, 2)]], True, [("low", "width"), [(1, 2)]]),
        ({"scale": [1]}, False, {"low": [1]}),
    ):
        step.iterables, step.synchronize = given, synchronize
        renamed = (
            swap(flow, {"step": BandPass(tr=2.0, order=1.0)}, {"step": {**fields, "width": "order"}})
            .get_node("step")
            .iterables
        )
        assert str(renamed).replace("order", "width") == str(expected)


def test_a_join_node_keeps_what_it_joins(flow):
    joining = pe.JoinNode(Merge(1), joinsource="inputs", joinfield="in1", name="list")
    flow.connect(flow.get_node("fc"), "out", joining, "in1")
    made = swap(flow, {"list": blocks.SpdMean()}, {"list": {"in1": "covariances"}})
    node = made.get_node("list")
    assert node.joinfield == ["covariances"] and node.inputs.block_version == node.interface.inputs.block_version
    made.run()


REFUSED = [
    ({"nothing": BandPass(tr=2.0)}, {}, "there is no node nothing; the nodes .* are {'inputs': 'IdentityInterface'"),
    ({}, {}, "no steps were given"),
    ({"fc": 3}, {}, r"fc: 3 is no block; give one with its values, as in BandPass\(low=0.01\)"),
    (
        {"fc": blocks.Correlation()},
        {},
        "fc.series is connected to inner.step.out, and Correlation has no input 'series'",
    ),
    ({"fc": blocks.Correlation()}, {"fc": {"seires": "timeseries"}}, r"fc \(Function\) has no field 'seires'"),
    (
        {"fc": blocks.Correlation()},
        {"fc": {"series": "timesiers"}},
        "fc.series is to become 'timesiers', which Correlation d",
    ),
    ({"fc": blocks.Correlation()}, {"step": {}}, "fields were given for step, which is not to be swapped"),
    ({"fc": blocks.Correlation()}, {"fc": {"series": None}}, "Correlation needs timeseries, which fc does not give"),
    (
        {"inner.step": BandPass()},
        {"inner.step": FIELDS["inner.step"]},
        "BandPass needs tr, which inner.step does not give",
    ),
    (
        {"fc": KeepFrames(frame_weights=np.ones(60))},
        {"fc": {"series": "timeseries", "out": "series"}},
        "fc.out is to become 'series', which KeepFrames does not have",
    ),
    (
        {"inner.step": blocks.Dvars()},
        {"inner.step": {"series": "timeseries"}},
        r"the output inner.step.out is used, and Dvars has none of that name; if one of \['dvars', 'std_dvars'\]",
    ),
]


@pytest.mark.parametrize(("steps", "fields", "told"), REFUSED, ids=lambda one: str(one)[:30])
def test_what_cannot_be_swapped_names_both_ends(flow, steps, fields, told):
    with pytest.raises(ValueError, match=told):
        swap(flow, steps, fields)


def test_data_in_a_node_without_a_place_are_not_lost(flow):
    flow.get_node("inner.step").inputs.scale = np.ones(4)
    with pytest.raises(
        ValueError, match=r"inner.step.scale is an array of shape \(4,\), and BandPass has no input 'sc"
    ):
        swap(flow, STEPS, FIELDS)


def image(tmp_path, name, data):
    import nibabel as nib

    made = nib.Nifti1Image(data.astype("f4"), np.diag([3, 3, 3, 1.0]))
    made.header.set_zooms((3, 3, 3, 2.0)[: data.ndim])
    made.header.set_xyzt_units("mm", "sec")
    made.to_filename(tmp_path / name)
    return str(tmp_path / name)


def tools(tmp_path):
    """Steps of FSL and AFNI as Nipype has them; none of the tools is needed."""
    rng = np.random.default_rng(0)
    bold = image(tmp_path, "bold.nii.gz", rng.standard_normal((3, 2, 2, 60)) + 100)
    np.savetxt(tmp_path / "ort.1D", rng.standard_normal((60, 2)))
    rois = image(tmp_path, "rois.nii.gz", np.arange(12).reshape(3, 2, 2) // 3 + 1)
    flow, inputs = pe.Workflow("tools", base_dir=tmp_path), pe.Node(IdentityInterface(["bold", "ort"]), "inputs")
    inputs.inputs.bold, inputs.inputs.ort = bold, str(tmp_path / "ort.1D")
    filtered = pe.Node(fsl.TemporalFilter(highpass_sigma=9.0, out_file="f.nii"), "filter")
    clean = pe.Node(afni.TProject(bandpass=(0.01, 0.15), TR=2.0), "clean")
    network = pe.Node(afni.NetCorr(in_rois=rois), "network")
    flow.connect([(inputs, filtered, [("bold", "in_file")]), (inputs, clean, [("ort", "ort")])])
    flow.connect([(filtered, clean, [("out_file", "in_file")]), (clean, network, [("out_file", "in_file")])])
    out = pe.Node(IdentityInterface(["matrix"]), "out")
    flow.connect(network, "out_corr_matrix", out, "matrix")
    return flow


@pytest.fixture
def no_tools(monkeypatch):
    """AFNI and FSL are not installed: what their classes ask of the system is answered here."""
    monkeypatch.setenv("FSLOUTPUTTYPE", "NIFTI_GZ")


@pytest.mark.slow
def test_steps_of_fsl_and_afni_have_their_equivalents_also_where_fields_are_connected(tmp_path, no_tools):
    flow = tools(tmp_path)
    found = {one.path: one for one in proposals(flow)}
    names = {path: type(one.ours).__name__ for path, one in found.items() if one.ours is not None}
    assert names == {"filter": "RunningLineFilter", "clean": "ProjectOut", "network": "CorrelateRegions"}
    assert str(found["inputs"]) == "inputs (IdentityInterface): no equivalent is registered"
    made = swap(flow)
    clean = made.get_node("clean").inputs
    assert (clean.low, clean.high, clean.tr, clean.degree) == (0.01, 0.15, 2.0, 2)
    program = fuse(made, {"clean.low": Learn()})
    ran = {n.name: n.result.outputs for n in made.run().nodes()}
    import pandas as pd

    expected = pd.read_table(ran["network"].connectome, index_col=0).to_numpy()
    np.testing.assert_allclose(program(program.parameters)["network.connectome"], expected, atol=1e-5)


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (lambda: afni.TProject(automask=True), "no equivalent for automask: AFNI makes this mask from the data"),
        (lambda: afni.Bandpass(despike=True, highpass=0.01, lowpass=0.1), "replaces spikes by medians"),
        (lambda: fsl.GLM(var_norm=True), "no equivalent for var_norm: MELODIC's variance normalisation"),
        (lambda: afni.Despike(), "no equivalent is registered|3dDespike"),
    ],
)
def test_what_has_no_equivalent_says_why(made, reason, tmp_path, no_tools):
    flow = pe.Workflow("flow", base_dir=tmp_path)
    flow.add_nodes([pe.Node(made(), "step")])
    (one,) = proposals(flow)
    assert one.ours is None
    with pytest.raises(ValueError, match=reason):
        swap(flow)


def test_connections_through_several_workflows_take_the_new_names(tmp_path):
    """Inputs, outputs and functions on connections, at every depth."""
    top, middle, inner = (pe.Workflow(name) for name in ("top", "middle", "inner"))
    top.base_dir = tmp_path
    first, second = (
        node(smooth, "first", inputs=("series", "width", "scale")),
        node(smooth, "second", inputs=("series", "width", "scale")),
    )
    first.inputs.width = second.inputs.width = 3
    inner.connect(first, "out", second, "series")
    middle.add_nodes([inner, between := node(correlated, "between")])
    middle.connect(inner, "second.out", between, "series")
    source, sink = pe.Node(IdentityInterface(["series", "scale"]), "source"), node(correlated, "sink")
    source.inputs.trait_set(series=np.random.default_rng(0).standard_normal((60, 4)), scale=0.02)
    top.connect([(source, middle, [("series", "inner.first.series"), ("scale", "inner.first.scale")])])
    top.connect([(middle, sink, [(("inner.second.out", doubled), "series")])])
    fields = {"series": "timeseries", "out": "timeseries", "scale": "low", "width": None}
    made = swap(
        top,
        {"middle.inner.first": BandPass(tr=2.0), "middle.inner.second": BandPass(tr=2.0)},
        {f"middle.inner.{n}": fields for n in ("first", "second")},
    )
    ran = {n.name: n.result.outputs for n in made.run().nodes()}
    program = fuse(made, {"source.scale": Learn()}, outputs=["middle.inner.second.timeseries"])
    series = program(program.parameters)["middle.inner.second.timeseries"]
    assert program.parameters == {"source.scale": 0.02}
    np.testing.assert_allclose(np.corrcoef(np.transpose(series)), ran["between"].out, atol=1e-5)
    np.testing.assert_allclose(ran["sink"].out, ran["between"].out, atol=1e-5)


def doubled(series):
    return 2 * series


def test_what_a_node_runs_over_cannot_be_left_out(flow):
    step = flow.get_node("inner.step")
    step.iterables = ("scale", [1.0, 2.0])
    with pytest.raises(ValueError, match=r"inner\.step\.scale is its iterables, which cannot be left out"):
        swap(flow, STEPS, {**FIELDS, "inner.step": {**FIELDS["inner.step"], "scale": None}})
