"""The forms of workflow that Pydra's tutorials teach, with blocks put in: each is fused and agrees with its own run."""

import jax
import numpy as np
import pytest
from jaxtyping import Array, Float
from pydra.compose import python, workflow
from pydra.utils import get_fields

from pydra_diffconn import Learn, block, fit, fuse
from pydra_diffconn.blocks import BandPass, Correlation, FisherZ, RegressConfounds

TR = 0.8


@python.define
def Scaled(series, by: float = 1.0):
    return np.asarray(series) * by


@block.define(outputs=["mean"])
def MeanMatrix(stack: Float[Array, "runs parcels parcels"]) -> Float[Array, "parcels parcels"]:
    """Average matrices."""
    return stack.mean(axis=0)


@workflow.define
def Basic(bold, confounds):
    """No declared outputs: Pydra names the only one `out`."""
    band = workflow.add(BandPass(timeseries=bold, tr=TR))
    clean = workflow.add(RegressConfounds(timeseries=band.timeseries, confounds=confounds))
    return workflow.add(Correlation(timeseries=clean.timeseries)).connectome


@workflow.define
def SplitAndCombined(bolds: list, lows: list):
    """Every run at every cut-off, averaged over the cut-offs."""
    band = workflow.add(BandPass(tr=TR).split(["timeseries", "low"], timeseries=bolds, low=lows))
    r = workflow.add(Correlation(timeseries=band.timeseries).combine("BandPass.low"))
    return workflow.add(MeanMatrix(stack=r.connectome)).mean


@workflow.define(outputs=["z"])
def Conditional(bold, confounds=None, low: float | None = None):
    """Steps are there or not, depending on inputs."""
    series = bold
    if low is not None:
        series = workflow.add(BandPass(timeseries=series, tr=TR, low=low)).timeseries
    if confounds is not None:
        series = workflow.add(RegressConfounds(timeseries=series, confounds=confounds)).timeseries
    return workflow.add(Correlation(timeseries=series)).connectome


@workflow.define(outputs=["series"])
def Recursive(series, depth: int):
    """A workflow in itself, as deep as an input says."""
    band = workflow.add(BandPass(timeseries=series, tr=TR, low=0.01))
    if depth > 1:
        return workflow.add(Recursive(series=band.timeseries, depth=depth - 1)).series
    return band.timeseries


@workflow.define(outputs=["r", "z"])
def DirectAccess(bold, low: float = 0.02):
    """Nodes by name, an input changed after its node was added, and outputs that are set."""
    wf = workflow.this()
    wf.add(BandPass(timeseries=bold, tr=TR, low=low), name="band")
    r = wf.add(Correlation(timeseries=wf["band"].lzout.timeseries), name="r")
    wf.add(FisherZ(connectome=r.connectome), name="z")
    wf["band"].inputs.high = 0.15
    wf.outputs.r = r.connectome
    wf.outputs.z = wf["z"].lzout.connectome


@workflow.define
class Canonical(workflow.Task["Canonical.Outputs"]):
    """The form with a class: fields as attributes, the constructor a static method."""

    bold: np.ndarray = workflow.arg(help="time series")
    low: float = workflow.arg(default=0.02, help="cut-off in Hz")

    @staticmethod
    def constructor(bold, low):
        scaled = workflow.add(Scaled(series=bold, by=3.0))
        band = workflow.add(BandPass(timeseries=scaled.out, tr=TR, low=low))
        return workflow.add(Correlation(timeseries=band.timeseries)).connectome

    class Outputs(workflow.Outputs):
        connectome: np.ndarray


@pytest.fixture
def data(x64, rng):
    series = [rng.standard_normal((60, 5)) for _ in range(3)]
    return series, rng.standard_normal((60, 2))


def tasks(data):
    series, confounds = data
    return {
        "basic": Basic(bold=series[0], confounds=confounds),
        "split and combined": SplitAndCombined(bolds=series, lows=[0.01, 0.03]),
        "conditional, all": Conditional(bold=series[0], confounds=confounds, low=0.02),
        "conditional, one": Conditional(bold=series[0], confounds=confounds),
        "conditional, split": Conditional(low=0.01).split("bold", bold=series),
        "recursive": Recursive(series=series[0], depth=3),
        "direct access": DirectAccess(bold=series[0]),
        "canonical": Canonical(bold=series[0]),
        "canonical, split": Canonical(low=0.03).split("bold", bold=series).combine("bold"),
    }


@pytest.mark.parametrize("name", list(tasks(([np.zeros((60, 5))] * 3, np.zeros((60, 2))))))
def test_fused_agrees_with_the_classical_run(data, tmp_path, name):
    task = tasks(data)[name]
    truth = task(worker="debug", cache_root=tmp_path)
    program = fuse(task, cache_root=tmp_path)
    found = jax.jit(program)(program.parameters, **program.inputs)
    assert set(found) == {field.name for field in get_fields(type(truth))}
    for output, value in found.items():
        np.testing.assert_allclose(value, np.asarray(getattr(truth, output)), atol=1e-10)


@pytest.mark.parametrize(
    ("name", "parameter"),
    [
        ("basic", "RegressConfounds.penalty"),
        ("split and combined", "BandPass.high"),
        ("recursive", "Recursive.Recursive.BandPass.low"),
        ("direct access", "low"),
        ("canonical, split", "low"),
    ],
)
def test_and_learned(data, tmp_path, name, parameter):
    task = tasks(data)[name]

    def loss(outputs, targets):
        return sum((value**2).sum() for key, value in outputs.items() if key != "parameters")

    settings = {"learn": {parameter: Learn()}, "steps": 2, "progress": False, "cache_root": tmp_path}
    assert fit(task, loss, **settings).improved
