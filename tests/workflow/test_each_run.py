"""Constructors that decide by their inputs, marks at any depth: fused equals classical, or is refused by name."""

import numpy as np
import pytest
from pydra.compose import python, workflow

from pydra_diffconn import Learn, fuse, with_parameters
from pydra_diffconn.blocks import BandPass, Correlation, HighPass, Parcellate, RegressConfounds, StateCovariance

RNG = np.random.default_rng(0)
XS = [RNG.standard_normal((80, 6)) for _ in range(3)]
CS = [RNG.standard_normal((80, 3)) for _ in range(3)]
W = np.r_[np.zeros(5), np.ones(75)]


@workflow.define(outputs=["out"])
def IsNone(bold, w=None):
    f = bold
    if w is not None:
        f = workflow.add(BandPass(timeseries=f, tr=1.0, low=0.05, high=0.2)).timeseries
    return workflow.add(Correlation(timeseries=f, frame_weights=w)).connectome


@workflow.define(outputs=["out"])
def Text(bold, mode="a"):
    low = 0.05 if f"{mode}" == "a" else 0.01
    return workflow.add(BandPass(timeseries=bold, tr=1.0, low=low, high=0.2)).timeseries


@workflow.define(outputs=["out"])
def Computes(bold, low=0.05):
    try:
        doubled = float(low) * 2
    except TypeError:
        doubled = 0.02
    return workflow.add(BandPass(timeseries=bold[2:], tr=1.0, low=doubled, high=0.2)).timeseries


@workflow.define(outputs=["out"])
def Inner(bold, labels):
    f = bold
    if isinstance(labels, np.ndarray):
        f = workflow.add(BandPass(timeseries=f, tr=1.0, low=0.05, high=0.2)).timeseries
    return workflow.add(Parcellate(timeseries=f, labels=labels)).timeseries


@workflow.define(outputs=["out"])
def Outer(bold, labels):
    return workflow.add(Inner(bold=bold, labels=labels)).out


@python.define(outputs=["w"])
def Maybe(k: int):
    return None if k == 0 else W


@workflow.define(outputs=["out"])
def FromTask(bold, k: int = 0):
    return workflow.add(IsNone(bold=bold, w=workflow.add(Maybe(k=k)).w)).out


@workflow.define(outputs=["out"])
def Optional(bold, conf, w=None):
    return workflow.add(RegressConfounds(timeseries=bold, confounds=conf, frame_weights=w)).timeseries


@workflow.define(outputs=["out"])
def Sessions(bolds):
    f = workflow.add(BandPass(tr=1.0, low=0.02, high=0.2).split("timeseries", timeseries=bolds))
    return workflow.add(Correlation(timeseries=f.timeseries).combine("BandPass.timeseries")).connectome


@workflow.define(outputs=["out"])
def Upstream(bolds, confs):
    f = workflow.add(BandPass(tr=1.0, low=0.02, high=0.2).split("timeseries", timeseries=bolds))
    return workflow.add(
        RegressConfounds(timeseries=f.timeseries).split(["_BandPass", "confounds"], confounds=confs)
    ).timeseries


UNEQUAL = [RNG.standard_normal((length, 6)) for length in (80, 64, 72)]
TASKS = {
    "None in all runs": IsNone().split(("bold", "w"), bold=XS, w=[None] * 3),
    "weights in all runs": IsNone().split(("bold", "w"), bold=XS, w=[W] * 3),
    "text": Text().split(("bold", "mode"), bold=XS, mode=["a", "b", "a"]),
    "a number is computed with": Computes().split(("bold", "low"), bold=XS, low=[0.05, 0.04, 0.03]),
    "the class of an array given outside": Outer(bold=XS[0], labels=np.arange(6) // 2),
    "an optional input, None first": Optional().split(("bold", "conf", "w"), bold=XS, conf=CS, w=[None, W, None]),
    "an optional input, None last": Optional().split(("bold", "conf", "w"), bold=XS, conf=CS, w=[W, W, None]),
    "inner lists equal, then unequal": Sessions().split("bolds", bolds=[XS, UNEQUAL]),
    "inner lists unequal, then fewer": Sessions().split("bolds", bolds=[UNEQUAL, XS[:2]]),
    "the state of an earlier node": Upstream(bolds=XS[:2], confs=CS),
    "one array in two inputs": Optional(bold=XS[0], conf=XS[0]),
}


def flat(value):
    return [one for part in value for one in flat(part)] if isinstance(value, list | tuple) else [np.asarray(value)]


@pytest.mark.parametrize("kind", list(TASKS))
def test_fused_equals_classical(kind, x64, tmp_path):
    program = fuse(TASKS[kind])
    fused, classical = program(program.parameters)["out"], TASKS[kind](cache_root=tmp_path, worker="debug").out
    one, other = (np.concatenate([np.ravel(part) for part in flat(value)]) for value in (fused, classical))
    np.testing.assert_allclose(one, other, atol=1e-10)


REFUSED = {
    "other steps": (IsNone().split(("bold", "w"), bold=XS, w=[None, W, None]), "w decides .* run 1"),
    "None from a step": (FromTask(bold=XS[0]), "IsNone.w decides"),
}


@pytest.mark.parametrize("kind", list(REFUSED))
def test_what_runs_cannot_share_is_refused_by_name(kind):
    task, match = REFUSED[kind]
    with pytest.raises(ValueError, match=match):
        fuse(task)


@workflow.define(outputs=["a", "b"])
def Two(bold, low: float = 0.02):
    a = workflow.add(BandPass(timeseries=bold, tr=1.0, low=low, high=0.2), name="A").timeseries
    return a, workflow.add(HighPass(timeseries=bold, tr=1.0, cutoff=low), name="B").timeseries


@workflow.define(outputs=["a", "b"])
def Marked(bold):
    inner = workflow.add(Two(bold=bold, low=Learn(0.03)), name="N")
    return inner.a, inner.b


@workflow.define(outputs=["a", "b"])
def Plain(bold):
    inner = workflow.add(Two(bold=bold, low=0.03), name="N")
    return inner.a, inner.b


def test_an_input_of_a_nested_workflow_is_one_parameter(tmp_path):
    assert fuse(Marked(bold=XS[0])).parameters == {"N.low": 0.03}
    program = fuse(Plain(bold=XS[0]), learn={"N.low": Learn()})
    fused = program({"N.low": 0.06})
    written = with_parameters(Plain, {"N.low": 0.06})(bold=XS[0])(cache_root=tmp_path, worker="debug")
    np.testing.assert_allclose(fused["a"], written.a, atol=1e-5)
    np.testing.assert_allclose(fused["b"], written.b, atol=1e-5)


@python.define(outputs=["out"])
def Scale(v, k: float):
    return np.asarray(v) * k


@workflow.define(outputs=["out"])
def OnPython(bold):
    scaled = workflow.add(Scale(v=bold, k=Learn(0.5))).out
    return workflow.add(BandPass(timeseries=scaled, tr=1.0, low=Learn(0.02), high=0.2)).timeseries


@workflow.define(outputs=["out"])
def Doubles(bold, low: float = 0.02, unused: float = 1.0):
    return workflow.add(BandPass(timeseries=bold, tr=1.0, low=low * 2, high=Learn(0.2))).timeseries


@workflow.define(outputs=["out"])
def InDoubles(bold, what: str):
    return workflow.add(Doubles(bold=bold, **{what: Learn(0.03)}), name="inner").out


@pytest.mark.parametrize(
    ("task", "name"),
    [(OnPython(bold=XS[0]), "Scale.k"), *((InDoubles(bold=XS[0], what=n), f"inner.{n}") for n in ("low", "unused"))],
)
def test_a_mark_that_nothing_learns_is_named(task, name):
    with pytest.raises(ValueError, match=rf"{name} .*Learn"):
        fuse(task)


@workflow.define(outputs=["out"])
def Idle(bold, low: float):
    return workflow.add(BandPass(timeseries=bold, tr=1.0, low=0.02, high=0.2)).timeseries


@workflow.define(outputs=["a", "b"])
def Handed(bold, low, first: bool):
    given = lambda: workflow.add(Idle(bold=bold, low=low), name="Idle").out  # noqa: E731
    taken = lambda: workflow.add(BandPass(timeseries=bold, tr=1.0, low=low, high=0.2), name="B").timeseries  # noqa: E731
    return (given(), taken()) if first else (taken(), given())[::-1]


@pytest.mark.parametrize("first", [True, False])
def test_a_marked_input_may_also_be_handed_to_a_workflow_that_ignores_it(first):
    assert fuse(Handed(bold=XS[0], low=Learn(0.03), first=first)).parameters == {"low": 0.03}


@workflow.define(outputs=["covariance", "shares"])
def Shares(bold, shares):
    return workflow.add(StateCovariance(timeseries=bold, state_weights=shares)).covariance, shares


def test_a_learned_input_is_handed_out_as_it_is_learned(tmp_path):
    start, new = np.full((80, 2), 0.5), np.tile([0.3, 0.7], (80, 1))
    task = Shares(bold=XS[0], shares=Learn(start))
    np.testing.assert_allclose(fuse(task)({"shares": new})["shares"], new, atol=1e-6)
    assert type(task(cache_root=tmp_path, worker="debug").shares) is np.ndarray
