"""A checkpoint and a cached `Fit` belong to one workflow, loss, precision and environment."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pydra.compose import python, workflow

from pydra_diffconn import Fit, Learn, fit, load_parameters
from pydra_diffconn.blocks import BandPass, Correlation, Covariance

XS = [np.random.default_rng(seed).standard_normal((80, 6)) for seed in range(3)]
Y = np.stack([np.eye(6)] * 3)
FACTOR = 1.0


def loss(outputs, targets):
    return jnp.mean((outputs["out"] - targets) ** 2)


def by_constant(outputs, targets):
    return FACTOR * loss(outputs, targets)


class Scorer:
    def __init__(self, factor):
        self.factor = factor

    def loss(self, outputs, targets):
        return self.factor * loss(outputs, targets)


@workflow.define(outputs=["out"])
def Filtered(bold, kind: str = "correlation"):
    f = workflow.add(BandPass(timeseries=bold, tr=1.0, low=Learn(0.03), high=0.2)).timeseries
    if kind == "correlation":
        return workflow.add(Correlation(timeseries=f)).connectome
    return workflow.add(Covariance(timeseries=f)).covariance


def over(**given):
    return Filtered(**given).split("bold", bold=XS)


OTHERS = {
    "a workflow built otherwise": lambda: (over(kind="covariance"), loss),
    "a method of another object": lambda: (over(), Scorer(5.0).loss),
    "a constant of the loss": lambda: (over(), by_constant),
}


@pytest.mark.parametrize("kind", list(OTHERS))
def test_a_checkpoint_belongs_to_one_fit(kind, tmp_path, monkeypatch):
    first = {"a constant of the loss": by_constant, "a method of another object": Scorer(1.0).loss}.get(kind, loss)
    settings = {"steps": 2, "progress": False, "checkpoint": tmp_path}
    done = fit(over(), first, Y, **settings)
    assert fit(over(), first, Y, **settings).parameters == done.parameters
    monkeypatch.setitem(globals(), "FACTOR", 5.0)
    with pytest.raises(ValueError, match="checkpoint"):
        fit(*OTHERS[kind](), Y, **settings)


def test_a_fit_in_another_precision_is_another(tmp_path):
    def scores(folder):
        return Fit(workflow=over(), loss=loss, targets=Y, steps=2)(cache_root=folder, worker="debug").scores

    with jax.enable_x64(True):
        double = scores(tmp_path / "a")
    single = scores(tmp_path / "a")
    assert single == scores(tmp_path / "b") != double


@python.define(outputs=["xs"])
def Make(k: int):
    return XS[:k]


@workflow.define(outputs=["folder"])
def Study(k: int = 3):
    made = workflow.add(Make(k=k))
    fitted = workflow.add(Fit(workflow=Filtered().split("bold", bold=made.xs), loss=loss, targets=Y, steps=2))
    return fitted.parameters


def test_a_fit_takes_what_earlier_steps_make(tmp_path):
    found = load_parameters(str(Study()(cache_root=tmp_path, worker="debug").folder))
    assert {one.name: one.value for one in found} == fit(over(), loss, Y, steps=2, progress=False).parameters
