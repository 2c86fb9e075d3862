"""Pydra workflows of blocks as workflows of Nipype."""

import nipype.pipeline.engine as pe
import numpy as np
import pytest
from nipype.interfaces.utility import IdentityInterface
from pydra.compose import workflow

from pydra_diffconn import Learn, fit, fuse, losses
from pydra_diffconn.blocks import BandPass, Correlation, Parcellate, RegressConfounds
from pydra_diffconn.nipype import to_nipype

LABELS = np.arange(12) // 3 + 1


@workflow.define(outputs=["timeseries"])
def Clean(bold, confounds, tr: float, low: float = 0.01, motion: bool = True):
    band = workflow.add(BandPass(timeseries=bold, tr=tr, low=low))
    if not motion:
        return band.timeseries
    return workflow.add(RegressConfounds(timeseries=band.timeseries, confounds=confounds)).timeseries


@workflow.define(outputs=["connectome", "series"])
def Connectome(bold, confounds, labels, tr: float = 2.0):
    clean = workflow.add(Clean(bold=bold, confounds=confounds, tr=tr, low=Learn(0.02)), name="clean")
    parcels = workflow.add(Parcellate(timeseries=clean.timeseries, labels=labels), name="parcels")
    return workflow.add(Correlation(timeseries=parcels.timeseries), name="fc").connectome, parcels.timeseries


@workflow.define(outputs=["series"])
def EachLabels(bold, atlases):
    return workflow.add(Parcellate(timeseries=bold).split(labels=atlases).combine("labels"), name="each").timeseries


@workflow.define(outputs=["series"])
def NotCombined(bold, atlases):
    return workflow.add(Parcellate(timeseries=bold).split(labels=atlases), name="each").timeseries


@pytest.fixture
def data(rng):
    return {"bold": rng.standard_normal((60, 12)), "confounds": rng.standard_normal((60, 2)), "labels": LABELS}


def results(flow, name="outputnode"):
    flow.config["execution"] = {"crashdump_dir": str(flow.base_dir)}
    return {n.name: n.result.outputs for n in flow.run().nodes()}


@pytest.mark.slow
def test_a_chain_with_a_nested_workflow_runs_in_nipype(data, tmp_path):
    made = to_nipype(Connectome(**data), "connectome_wf")
    made.base_dir = tmp_path
    assert made.name == "connectome_wf" and {"clean", "parcels", "fc", "inputnode", "outputnode"} <= {
        n.name for n in made._graph
    }
    assert isinstance(made.get_node("clean.BandPass").inputs.low, Learn)
    expected = Connectome(**data)(worker="debug", cache_root=tmp_path / "pydra").connectome
    np.testing.assert_allclose(results(made)["fc"].connectome, expected, atol=1e-6)
    assert fuse(made).parameters == {"clean.BandPass.low": 0.02}


@pytest.mark.slow
def test_a_learned_workflow_drops_into_somebodys_own(data, tmp_path):
    task = Connectome(confounds=data["confounds"], labels=LABELS).split(bold=[data["bold"], data["bold"][::-1]])
    target = np.stack([np.eye(4)] * 2)
    learned = fit(task, losses.MeanSquaredError("connectome"), target, steps=3, progress=False).workflow
    outer = pe.Workflow("theirs", base_dir=tmp_path)
    source, sink = pe.Node(IdentityInterface(["bold"]), "source"), pe.Node(IdentityInterface(["matrix"]), "sink")
    source.inputs.bold = data["bold"]
    ours = to_nipype(learned)
    ours.inputs.inputnode.confounds, ours.inputs.inputnode.labels = data["confounds"], LABELS
    outer.connect([(source, ours, [("bold", "inputnode.bold")]), (ours, sink, [("outputnode.connectome", "matrix")])])
    expected = learned(**data)(worker="debug", cache_root=tmp_path / "pydra").connectome
    np.testing.assert_allclose(results(outer)["fc"].connectome, expected, atol=1e-6)


def test_a_split_becomes_iterables_and_a_split_step_a_map_node(data, tmp_path):
    each = [data["bold"], data["bold"][::-1].copy()]
    made = to_nipype(Connectome(confounds=data["confounds"], labels=LABELS).split(bold=each))
    made.base_dir = tmp_path
    assert sum(node.name == "fc" for node in made.run().nodes()) == 2
    made = to_nipype(EachLabels(bold=data["bold"], atlases=[LABELS, LABELS[::-1].copy()]))
    made.base_dir = tmp_path
    assert isinstance(made.get_node("each"), pe.MapNode)
    assert [one.shape for one in results(made)["each"].timeseries] == [(60, 4)] * 2


def test_values_that_decide_what_is_built_are_fixed():
    made = to_nipype(Clean(tr=2.0, motion=False))
    assert "RegressConfounds" not in made.list_node_names() and made.get_node("BandPass").inputs.tr == 2.0


@pytest.mark.parametrize(
    ("task", "told"),
    [
        (NotCombined(bold=np.ones((4, 12)), atlases=[LABELS]), "each is split over .* which a MapNode cannot do"),
        (BandPass, "BandPass is not a workflow; expected what @workflow.define makes"),
    ],
)
def test_what_nipype_has_no_node_for_is_named(task, told):
    with pytest.raises(ValueError, match=told):
        to_nipype(task)
