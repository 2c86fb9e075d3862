from typing import Any

import jax
import numpy as np
import pytest
import scipy.signal
from diffconn_scipy.butterworth import design_of
from diffconn_scipy.steps import EQUIVALENTS
from lab import Connectome, Correlate, Covary, Filter, RemoveTrend, Scale
from pydra.compose import workflow
from pydra.utils.general import get_fields

from pydra_diffconn import Learn, fit, losses, proposals, swap
from pydra_diffconn.equivalents import registered

SOS = scipy.signal.butter(2, 0.1, output="sos")
BOLD = 100 + np.random.default_rng(0).standard_normal((120, 5)).cumsum(axis=0)


@workflow.define(outputs=["result"])
def OneStep(step: Any):
    """Run a task."""
    (output,) = get_fields(step.Outputs)
    return getattr(workflow.add(step, name="step"), output.name)


@pytest.fixture(autouse=True)
def double_precision():
    with jax.enable_x64(True):
        yield


def test_the_plugin_is_found():
    assert {one.of for one in EQUIVALENTS} <= {one.of for one in registered()}


@pytest.mark.parametrize(("kind", "order"), [("bandpass", 2), ("bandpass", 5), ("lowpass", 3), ("highpass", 4)])
def test_a_swapped_workflow_gives_the_same_numbers(kind, order, tmp_path):
    given = {"bold": BOLD, "order": order, "kind": kind}
    theirs = Connectome(**given)(worker="debug", cache_root=tmp_path)
    ours = swap(Connectome)(**given)(worker="debug", cache_root=tmp_path)
    np.testing.assert_allclose(ours.connectome, theirs.connectome, atol=1e-10)
    scale = np.max(np.abs(theirs.covariance))
    np.testing.assert_allclose(ours.covariance / scale, theirs.covariance / scale, atol=1e-10)


def test_every_step_is_swapped():
    found = {proposal.path: type(proposal.ours).__name__ for proposal in proposals(Connectome(bold=BOLD))}
    assert found == {
        "trend": "Detrend",
        "filter": "ButterworthFiltFilt",
        "scale": "Standardize",
        "correlate": "Correlation",
        "covary": "Covariance",
    }


def test_a_swapped_workflow_is_learned():
    task = swap(Connectome)().split(bold=[BOLD, BOLD[::-1]])
    result = fit(task, losses.Norm("connectome"), learn={"filter.low": Learn()}, steps=3, progress=False)
    assert result.parameters["filter.low"] != pytest.approx(0.02, rel=1e-6)


@pytest.mark.parametrize(
    ("task", "options"),
    [
        (RemoveTrend, {"data": BOLD, "axis": 0, "type": "constant"}),
        (Scale, {"a": BOLD, "ddof": 1}),
        (Correlate, {"x": BOLD, "rowvar": False, "ddof": 1}),
        (Covary, {"m": BOLD, "rowvar": False, "bias": True}),
        (Covary, {"m": BOLD, "rowvar": False, "ddof": 2, "aweights": np.linspace(0, 1, len(BOLD))}),
    ],
)
def test_options_keep_their_meaning(task, options, tmp_path):
    theirs, ours = (W(step=task(**options))(worker="debug", cache_root=tmp_path) for W in (OneStep, swap(OneStep)))
    np.testing.assert_allclose(ours.result, theirs.result, atol=1e-10 * np.max(np.abs(theirs.result)))


@pytest.mark.parametrize(
    ("task", "reason"),
    [
        (RemoveTrend(data=BOLD), "axis = -1: blocks take series as"),
        (RemoveTrend(data=BOLD, axis=0, bp=30), "bp: a trend that breaks"),
        (Filter(sos=SOS, x=BOLD, axis=0, padtype="even"), "pads by odd reflection"),
        (Filter(sos=SOS, x=BOLD, axis=0, padlen=50), "padlen: the block pads"),
        (Filter(sos=scipy.signal.cheby1(3, 1, 0.1, output="sos"), x=BOLD, axis=0), "sos is no low-pass"),
        (Filter(sos=scipy.signal.butter(2, [0.1, 0.3], "bandstop", output="sos"), x=BOLD, axis=0), "sos is no low"),
        (Filter(sos=SOS * [2, 2, 2, 1, 1, 1], x=BOLD, axis=0), "sos is no low-pass"),
        (Scale(a=BOLD, nan_policy="omit"), "missing values are refused"),
        (Scale(a=BOLD, axis=1), "axis = 1"),
        (Correlate(x=BOLD), "rowvar is set"),
        (Covary(m=BOLD, rowvar=False, y=BOLD), "y: further series"),
        (Covary(m=BOLD, rowvar=False, fweights=np.ones(120, int)), "fweights: frames that are counted"),
    ],
)
def test_what_has_no_equivalent_is_refused_with_the_reason(task, reason):
    (proposal,) = proposals(OneStep(step=task))
    assert proposal.ours is None and reason in proposal.reason


@pytest.mark.parametrize("order", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("edges", [(None, 0.2), (0.004, None), (0.02, 0.2), (0.005, 0.03), (0.3, 0.45)])
def test_the_design_of_a_filter_is_recovered(order, edges):
    given = [edge for edge in edges if edge is not None]
    kind = "bandpass" if len(given) == 2 else "lowpass" if edges[0] is None else "highpass"
    sos = scipy.signal.butter(order, given if len(given) == 2 else given[0], kind, fs=1, output="sos")
    low, high, found = design_of(sos)
    assert found == order and (low is None, high is None) == (edges[0] is None, edges[1] is None)
    np.testing.assert_allclose([edge for edge in (low, high) if edge is not None], given, rtol=1e-9)
