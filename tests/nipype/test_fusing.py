"""Workflows of Nipype read and fused: every construct gives what Nipype's own run of the blocks gives."""

import subprocess
import sys
from pathlib import Path

import jax.numpy as jnp
import nipype.pipeline.engine as pe
import numpy as np
import pandas as pd
import pytest
from nipype.interfaces.io import DataSink, SelectFiles
from nipype.interfaces.utility import Function, IdentityInterface
from pydra.compose import python, workflow

from pydra_diffconn import (
    Learn,
    blocks,
    cross_validate,
    fit,
    fuse,
    load_parameters,
    losses,
    nipype,
    optimise,
    proposals,
    swap,
    with_parameters,
)
from pydra_diffconn.nipype import BandPass, Choose, Correlation, Detrend, Parcellate, RegressConfounds, interface

LABELS = np.arange(12) // 3 + 1


def made_series(number, frames=80):
    rng = np.random.default_rng(number)
    return np.cumsum(rng.standard_normal((frames, 12)), axis=0) * 0.1 + rng.standard_normal((frames, 12))


def load(run, folder):
    with open(f"{folder}/count", "a") as file:
        file.write("x")
    return f"{folder}/run{run}.npy"


def doubled(value):
    import numpy as np
    import pandas as pd

    array = np.load(value) if str(value).endswith(".npy") else pd.read_table(value).select_dtypes("number").to_numpy()
    return 2 * array


def stacked(values):
    import pandas as pd

    arrays = [pd.read_table(one).select_dtypes("number").to_numpy() if isinstance(one, str) else one for one in values]
    return sum(arrays) / len(arrays)


def identity(**values):
    node = pe.Node(IdentityInterface(list(values)), "inputnode")
    node.inputs.trait_set(**{name: value for name, value in values.items() if value is not None})
    return node


def chain(folder, low=0.01, **settings):
    """Runs that a Function node finds, filtered, parcellated, correlated."""
    flow = pe.Workflow("flow", base_dir=folder)
    inputs = identity(run=None, tr=2.0)
    inputs.iterables = ("run", [0, 1, 2])
    source = pe.Node(Function(["run", "folder"], ["out"], load), "source")
    source.inputs.folder = str(folder)
    band = pe.Node(BandPass(low=low, **settings), "band")
    parcels, fc = pe.Node(Parcellate(labels=LABELS), "parcels"), pe.Node(Correlation(), "fc")
    flow.connect([(inputs, source, [("run", "run")]), (source, band, [("out", "timeseries")])])
    flow.connect([(inputs, band, [("tr", "tr")]), (band, parcels, [("timeseries", "timeseries")])])
    flow.connect(parcels, "timeseries", fc, "timeseries")
    return flow


def over_a_function_node(folder):
    return chain(folder)


def synchronised(folder):
    flow = chain(folder)
    node = flow.get_node("inputnode")
    node.synchronize, node.iterables = True, [("run", "tr"), [(0, 2.0), (1, 1.0), (2, 1.5)]]
    return flow


def crossed_with_a_parameter(folder):
    flow = chain(folder)
    flow.get_node("band").iterables = ("low", [0.01, 0.03])
    return flow


def itersource(folder):
    flow = chain(folder)
    band = flow.get_node("band")
    band.itersource, band.iterables = ("inputnode", "run"), [("low", {0: [0.01], 1: [0.01, 0.02], 2: [0.03]})]
    return flow


def nested(folder):
    outer, inner = chain(folder), pe.Workflow("inner")
    straight, buffer = pe.Node(Detrend(), "straight"), pe.Node(IdentityInterface(["series"]), "buffer")
    inner.connect(buffer, "series", straight, "timeseries")
    outer.disconnect(outer.get_node("source"), "out", outer.get_node("band"), "timeseries")
    outer.connect(outer.get_node("source"), "out", inner, "buffer.series")
    outer.connect(inner, "straight.timeseries", outer.get_node("band"), "timeseries")
    return outer


def runs_of_different_length(folder):
    for number in range(3):
        np.save(folder / f"run{number}.npy", made_series(number, 80 + 10 * number))
    return chain(folder)


def map_node_over_atlases(folder):
    flow = chain(folder)
    band = flow.get_node("band")
    flow.remove_nodes([flow.get_node("parcels"), flow.get_node("fc")])
    parcels = pe.MapNode(Parcellate(), "labels", "parcels")
    parcels.inputs.labels = [LABELS, np.roll(LABELS, 1)]
    fc = pe.MapNode(Correlation(), "timeseries", "fc")
    flow.connect([(band, parcels, [("timeseries", "timeseries")]), (parcels, fc, [("timeseries", "timeseries")])])
    return flow


def map_node_over_runs(folder):
    flow = pe.Workflow("flow", base_dir=folder)
    band = pe.MapNode(BandPass(tr=2.0, low=0.02), "timeseries", "band")
    band.inputs.timeseries = [str(folder / f"run{number}.npy") for number in range(3)]
    flow.connect(band, "timeseries", pe.MapNode(Correlation(), ["timeseries"], "fc"), "timeseries")
    return flow


def classical_in_the_middle(folder):
    flow = chain(folder)
    band, parcels = flow.get_node("band"), flow.get_node("parcels")
    flow.disconnect(band, "timeseries", parcels, "timeseries")
    middle = pe.Node(Function(["value"], ["out"], doubled), "middle")
    flow.connect([(band, middle, [("timeseries", "value")]), (middle, parcels, [("out", "timeseries")])])
    return flow


def classical_behind(folder):
    flow = chain(folder)
    flow.connect(flow.get_node("fc"), "connectome", pe.Node(Function(["value"], ["out"], doubled), "behind"), "value")
    return flow


def function_at_the_boundary(folder):
    flow = chain(folder)
    source, band = flow.get_node("source"), flow.get_node("band")
    flow.disconnect(source, "out", band, "timeseries")
    flow.connect([(source, band, [(("out", doubled), "timeseries")])])
    return flow


def join_below(folder):
    flow = chain(folder)
    mean = pe.JoinNode(Function(["values"], ["out"], stacked), "mean", "inputnode", "values")
    flow.connect(flow.get_node("fc"), "connectome", mean, "values")
    return flow


def join_above(folder):
    flow, source = pe.Workflow("flow", base_dir=folder), pe.Node(Function(["value"], ["out"], doubled), "source")
    source.iterables = ("value", [str(folder / f"run{number}.npy") for number in range(3)])
    mean = pe.JoinNode(Function(["values"], ["out"], stacked), "mean", "source", "values")
    flow.connect([(source, mean, [("out", "values")])])
    flow.connect(mean, "out", pe.Node(Correlation(), "fc"), "timeseries")
    return flow


@python.define(outputs=["tripled"])
def Tripled(series):
    import numpy

    return 3 * numpy.load(str(series)) if not isinstance(series, numpy.ndarray) else 3 * series


@workflow.define(outputs=["timeseries"])
def Adapted(series, degree: int = 1):
    tripled = workflow.add(Tripled(series=series))
    straight = workflow.add(blocks.Detrend(timeseries=tripled.tripled, degree=degree))
    return workflow.add(blocks.HighPass(timeseries=straight.timeseries, tr=2.0), name="slow").timeseries


def workflow_of_blocks_with_an_adapter(folder):
    flow = chain(folder)
    source, band = flow.get_node("source"), flow.get_node("band")
    flow.disconnect(source, "out", band, "timeseries")
    adapted = pe.Node(interface(Adapted)(degree=2), "adapted")
    flow.connect([(source, adapted, [("out", "series")]), (adapted, band, [("timeseries", "timeseries")])])
    return flow


def two_unconnected_blocks(folder):
    flow = chain(folder)
    flow.connect(flow.get_node("source"), "out", pe.Node(Detrend(), "straight"), "timeseries")
    return flow


CONSTRUCTS = [
    over_a_function_node,
    synchronised,
    crossed_with_a_parameter,
    itersource,
    nested,
    runs_of_different_length,
    map_node_over_atlases,
    map_node_over_runs,
    classical_in_the_middle,
    classical_behind,
    function_at_the_boundary,
    join_below,
    join_above,
    workflow_of_blocks_with_an_adapter,
    two_unconnected_blocks,
]


@pytest.fixture
def folder(tmp_path):
    for number in range(3):
        np.save(tmp_path / f"run{number}.npy", made_series(number))
    return tmp_path


def array(value):
    if isinstance(value, list):
        return np.stack([array(one) for one in value])
    return pd.read_table(value, index_col=0).to_numpy() if isinstance(value, str) else np.asarray(value)


def of_nipype(flow, name="fc", field="connectome"):
    """Return an output of Nipype's own run, of each run in the order of `runs`."""
    found = {
        "/".join(n.parameterization): getattr(n.result.outputs, field) for n in flow.run().nodes() if n.name == name
    }
    return [array(found[label]) for label in nipype.runs(flow)]


@pytest.mark.parametrize("construct", CONSTRUCTS, ids=lambda one: one.__name__)
def test_fused_is_what_nipype_computes(construct, folder):
    flow = construct(folder)
    program = fuse(flow)
    found = program(program.parameters)["fc.connectome"]
    expected = of_nipype(flow)
    found = found if program.split else [found]
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.slow
def test_a_classical_step_runs_once_over_fuse_fit_and_the_runs_of_nipype(folder):
    program = fuse(chain(folder), {"band.low": Learn()})
    target = np.asarray(program({"band.low": 0.03})["fc.connectome"])
    loss = losses.MeanSquaredError("fc.connectome")
    result = fit(chain(folder), loss, target, learn={"band.low": Learn()}, steps=60, progress=False)
    assert abs(result.parameters["band.low"] - 0.03) < 1e-3
    chain(folder).run()
    found = of_nipype(result.workflow)
    assert isinstance(result.workflow, pe.Workflow) and result.workflow.base_dir == folder
    assert result.workflow.get_node("band").inputs.low == result.parameters["band.low"]
    np.testing.assert_allclose(found, target, atol=2e-3)
    assert (folder / "count").read_text() == "xxx"


@pytest.mark.slow
def test_a_plugin_of_nipype_runs_the_classical_steps(folder):
    program = fuse(chain(folder), plugin="MultiProc", plugin_args={"n_procs": 2})
    np.testing.assert_allclose(program({})["fc.connectome"], of_nipype(chain(folder)), atol=1e-5)
    assert (folder / "count").read_text() == "xxx"


def test_the_users_workflow_is_left_as_it_was(folder):
    flow = chain(folder, low=Learn(0.02))
    before = dict(flow.config), flow.list_node_names()
    fuse(flow)
    assert (dict(flow.config), flow.list_node_names()) == before and isinstance(flow.get_node("band").inputs.low, Learn)


def test_marks_in_nodes_are_learned_and_written_back_as_numbers(folder):
    flow = chain(folder, low=Learn(0.02, within=(0.01, 0.04)), high=Learn())
    program = fuse(flow)
    assert program.parameters == {"band.low": 0.02, "band.high": 0.1}
    result = fit(flow, lambda outputs, targets: jnp.mean(outputs["fc.connectome"] ** 2), steps=2, progress=False)
    band = result.workflow.get_node("band").inputs
    assert type(band.low) is float and band.low == result.parameters["band.low"] != 0.02
    assert isinstance(flow.get_node("band").inputs.low, Learn)


def test_an_input_that_a_node_passes_on_is_one_parameter_and_is_written_there(folder):
    def flow():
        made = chain(folder)
        inputs, band, parcels = identity(low=0.02), made.get_node("band"), made.get_node("parcels")
        inputs.name = "settings"
        other = pe.Node(BandPass(tr=2.0), "again")
        made.disconnect(band, "timeseries", parcels, "timeseries")
        made.connect([(inputs, band, [("low", "low")]), (inputs, other, [("low", "low")])])
        made.connect([(band, other, [("timeseries", "timeseries")]), (other, parcels, [("timeseries", "timeseries")])])
        return made

    marked = flow()
    marked.get_node("settings").inputs.low = Learn(0.02)
    for made, learn in ((flow(), {"settings.low": Learn()}), (marked, None)):
        assert fuse(made, learn).parameters == {"settings.low": 0.02}
    written = with_parameters(flow(), {"again.low": 0.03})
    assert written.get_node("settings").inputs.low == 0.03


def test_every_output_of_a_block_can_be_named_in_a_loss(folder):
    flow = chain(folder, low=Learn(0.02))
    asked = []

    def loss(outputs, targets):
        asked.extend(outputs)
        return jnp.mean(outputs["parcels.timeseries"] ** 2)

    assert fit(flow, loss, steps=1, progress=False).best
    assert "band.timeseries" not in asked
    assert fit(flow, losses.Norm("band.timeseries"), steps=1, progress=False).best
    with pytest.raises(
        ValueError, match=r"no output, learned parameter or input 'fc.conectome'; there are \['band.low', 'fc.c"
    ):
        fit(flow, losses.Norm("fc.conectome"), steps=1, progress=False)
    with pytest.raises(
        ValueError, match=r"no block has the output 'fc\.conectome'; there are band\.timeseries, parcels"
    ):
        fuse(flow, outputs=["fc.conectome"])


def test_a_parameter_within_a_workflow_of_blocks_is_learned_and_written_back(folder):
    flow = workflow_of_blocks_with_an_adapter(folder)
    program = fuse(flow, {"adapted.slow.cutoff": Learn()})
    (start,) = program.parameters.values()
    made = with_parameters(flow, {"adapted.slow.cutoff": 3 * start})
    expected = program({"adapted.slow.cutoff": 3 * start})["fc.connectome"]
    assert abs(expected - program(program.parameters)["fc.connectome"]).max() > 1e-3
    assert made.get_node("adapted").inputs.degree == 2
    np.testing.assert_allclose(of_nipype(made), expected, atol=1e-5)


def test_values_are_written_into_a_copy_and_strangers_are_named(folder):
    flow = chain(folder)
    made = with_parameters(flow, {"band.low": 0.05, "band.high": 0.2})
    assert (made.get_node("band").inputs.low, made.get_node("band").inputs.high) == (0.05, 0.2)
    assert flow.get_node("band").inputs.low == 0.01
    with pytest.raises(
        ValueError, match=r"source\.low is no parameter of a block of flow; its blocks are band, parcels"
    ):
        with_parameters(flow, {"source.low": 0.05})


def test_a_learned_choice_is_decided_in_the_workflow(folder):
    flow = chain(folder)
    band, parcels = flow.get_node("band"), flow.get_node("parcels")
    choose, straight = pe.Node(Choose(weights=Learn([0.5, 0.5])), "choose"), pe.Node(Detrend(), "straight")
    flow.disconnect(band, "timeseries", parcels, "timeseries")
    flow.connect(flow.get_node("source"), "out", straight, "timeseries")
    flow.connect([(band, choose, [("timeseries", "option_1")]), (straight, choose, [("timeseries", "option_2")])])
    flow.connect(choose, "chosen", parcels, "timeseries")
    result = fit(flow, lambda outputs, targets: jnp.mean(outputs["fc.connectome"] ** 2), steps=3, progress=False)
    weights = result.discretise().get_node("choose").inputs.weights
    assert sorted(weights) == [0, 1] and result.workflow.get_node("choose").inputs.weights.max() < 1


def between_two_blocks(folder):
    flow = chain(folder)
    band, parcels = flow.get_node("band"), flow.get_node("parcels")
    flow.disconnect(band, "timeseries", parcels, "timeseries")
    flow.connect([(band, parcels, [(("timeseries", doubled), "timeseries")])])
    return flow, {}, "the connection from band.timeseries to parcels.timeseries has a function on it"


def join_inside(folder):
    flow = chain(folder)
    mean = pe.JoinNode(Function(["values"], ["out"], stacked), "mean", "inputnode", "values")
    flow.connect(flow.get_node("band"), "timeseries", mean, "values")
    flow.connect(mean, "out", pe.Node(Detrend(), "straight"), "timeseries")
    return flow, {}, "the JoinNode mean lies between the blocks band and straight"


def above_a_classical_step(folder):
    return (
        classical_in_the_middle(folder),
        {"band.low": Learn()},
        ("band.low cannot be learned: on the way from band to parcels lies middle, which is no block"),
    )


def no_blocks(folder):
    flow = pe.Workflow("flow", base_dir=folder)
    flow.add_nodes([pe.Node(Function(["value"], ["out"], doubled), "only")])
    return flow, {}, r"flow has no blocks to fuse, only Function; put some in place of its steps first: swap\(workflow"


def unknown(folder):
    return (
        chain(folder),
        {"bnad.low": Learn()},
        "unknown parameter 'bnad.low'; what can be learned here: band.high, band.low",
    )


def of_a_node_that_passes_on_what_no_block_takes(folder):
    return chain(folder), {"inputnode.run": Learn()}, "no block takes inputnode.run; name a parameter of one"


def without_a_value(folder):
    flow = chain(folder)
    flow.disconnect(flow.get_node("inputnode"), "tr", flow.get_node("band"), "tr")
    return flow, {}, r"band\.tr is neither set nor connected; BandPass needs it"


def with_a_bad_value(folder):
    return chain(folder, high=0.005), {}, r"band \(run 0\): low = 0\.01 Hz and high = 0\.005 Hz are no band"


def different_steps(folder):
    flow = chain(folder)
    other = pe.Node(Detrend(timeseries=made_series(5)), "other", iterables=("degree", [1, 2]))
    flow.add_nodes([other])
    return flow, {}, "band is a step of the run .*, but not of .*; runs that are fused together need the same steps"


REFUSED = [
    different_steps,
    without_a_value,
    with_a_bad_value,
    between_two_blocks,
    join_inside,
    above_a_classical_step,
    no_blocks,
    unknown,
    of_a_node_that_passes_on_what_no_block_takes,
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda one: one.__name__)
def test_what_cannot_be_fused_is_refused_by_name(case, folder):
    flow, learn, told = case(folder)
    with pytest.raises(ValueError, match=told):
        fuse(flow, learn)


def test_confounds_that_a_run_lacks_are_told_in_the_blocks_words(folder):
    flow = chain(folder)
    node = pe.Node(RegressConfounds(confounds=np.ones((70, 2))), "regress")
    flow.connect(flow.get_node("source"), "out", node, "timeseries")
    with pytest.raises(ValueError, match=r"regress.*70"):
        fuse(flow)


@pytest.mark.slow
def test_the_recipe_runs_as_it_stands(tmp_path):
    recipe = Path(__file__).parents[2] / "workflows" / "nipype_swap.py"
    run = {"cwd": tmp_path, "capture_output": True, "text": True, "timeout": 300}
    done = subprocess.run([sys.executable, str(recipe)], **run)
    assert "the lower cut-off: 0.01 Hz before, 0." in done.stdout, done.stderr[-2000:]


def test_a_map_node_learns_and_is_written_back(folder):
    flow = map_node_over_runs(folder)
    program = fuse(flow, {"band.low": Learn()})
    made = with_parameters(flow, {"band.low": 0.05})
    expected = program({"band.low": 0.05})["fc.connectome"]
    assert abs(expected - program(program.parameters)["fc.connectome"]).max() > 1e-3
    np.testing.assert_allclose(of_nipype(made), [expected], atol=1e-5)


def test_without_a_folder_of_its_own_and_with_a_checkpoint(folder):
    flow = chain(folder)
    flow.base_dir = None
    settings = {"learn": {"band.low": Learn()}, "steps": 2, "progress": False, "checkpoint": folder / "c"}
    result, again = (fit(flow, losses.Norm("fc.connectome"), **settings) for _ in range(2))
    assert result.parameters == again.parameters and result.workflow.base_dir is None
    result.save(folder / "fit")
    written = with_parameters(chain(folder), load_parameters(folder / "fit"))
    assert written.get_node("band").inputs.low == result.parameters["band.low"]


def test_what_is_learned_per_subject_is_written_back_for_each(folder):
    found = fit(
        chain(folder, low=Learn(0.02, per="subject")),
        lambda outputs, targets: jnp.mean(outputs["fc.connectome"] ** 2),
        groups=["a", "b", "c"],
        steps=2,
        progress=False,
    )
    own = with_parameters(chain(folder), found.learned, entity="b").get_node("band").inputs.low
    assert own == found.parameters["band.low@b"] != found.parameters["band.low"]


def test_runs_are_named_in_the_order_of_the_iterables(folder):
    assert nipype.runs(chain(folder)) == ["_run_0", "_run_1", "_run_2"]
    crossed = nipype.runs(crossed_with_a_parameter(folder))
    assert crossed == [f"_run_{run}/_low_{low}" for run in range(3) for low in (0.01, 0.03)]
    flow = chain(folder)
    flow.get_node("inputnode").iterables = ("run", list(range(12)))
    assert nipype.runs(flow) == [f"_run_{run}" for run in range(12)]


def test_names_that_are_none_in_python(tmp_path):
    flow = pe.Workflow("7t-study", base_dir=tmp_path)
    band = pe.Node(BandPass(timeseries=made_series(0), tr=2.0), "1st-band")
    flow.connect(band, "timeseries", pe.Node(Correlation(), "fc"), "timeseries")
    result = fit(flow, losses.Norm("fc.connectome"), learn={"1st-band.low": Learn()}, steps=1, progress=False)
    assert result.workflow.name == "7t-study" and list(result.parameters) == ["1st-band.low"]


def test_a_workflow_may_be_given_by_keyword_and_other_verbs_say_that_they_do_not_take_it(folder):
    result = fit(
        loss=losses.Norm("fc.connectome"), task=chain(folder), learn={"band.low": Learn()}, steps=1, progress=False
    )
    assert with_parameters(parameters=result.learned, workflow=chain(folder)).get_node("band").inputs.low > 0
    for verb in (optimise, lambda task: cross_validate(task, losses.Norm("fc.connectome"))):
        with pytest.raises(
            ValueError, match="this is a workflow of Nipype: swap, proposals, fuse, fit and with_parameters t"
        ):
            verb(chain(folder))


def test_files_that_nipype_selects_and_sinks(folder):
    flow = pe.Workflow("flow", base_dir=folder)
    inputs = identity(run=None)
    inputs.iterables = ("run", [0, 1])
    select = pe.Node(SelectFiles({"series": "run{run}.npy"}, base_directory=str(folder)), "select")
    band, fc = pe.Node(BandPass(tr=2.0), "band"), pe.Node(Correlation(), "fc")
    sink = pe.Node(DataSink(base_directory=str(folder / "derivatives")), "sink")
    flow.connect([(inputs, select, [("run", "run")]), (select, band, [("series", "timeseries")])])
    flow.connect([(band, fc, [("timeseries", "timeseries")]), (fc, sink, [("connectome", "edges.@fc")])])
    assert [one.path for one in proposals(flow)] == ["inputnode", "select", "band", "fc", "sink"]
    program = fuse(swap(flow, {"band": BandPass(tr=1.0)}))
    assert program({})["fc.connectome"].shape == (2, 12, 12)
    result = fit(flow, losses.Norm("fc.connectome"), learn={"band.low": Learn()}, steps=1, progress=False)
    result.workflow.run()
    assert len(list((folder / "derivatives" / "edges").rglob("connectome.tsv"))) == 2
