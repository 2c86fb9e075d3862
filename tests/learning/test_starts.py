"""A fit from several starts leaves a valley that one start ends in, and says what each came to."""

import jax.numpy as jnp
import numpy as np
import pytest
from pydra.compose import workflow

from pydra_diffconn import Learn, fit
from pydra_diffconn.blocks import WeightParcels

DEEP, SHALLOW = 1.0, 3.0


@workflow.define(outputs=["connectome"])
def Scaled(connectome, weights):
    return workflow.add(WeightParcels(connectome=connectome, weights=weights)).connectome


def two_valleys(outputs, targets):
    """Be smallest at one weight, and small at another."""
    weight = jnp.log(outputs["connectome"][0, 1])
    return -jnp.exp(-8 * (weight - np.log(DEEP)) ** 2) - 0.4 * jnp.exp(-8 * (weight - np.log(SHALLOW)) ** 2)


def scaled():
    return Scaled(connectome=np.ones((2, 2)), weights=Learn(np.full(2, 2.5)))


def learned(result):
    return float(np.prod(result.parameters["weights"]) ** 0.5)


def test_the_best_of_several_starts_is_kept(tmp_path):
    one = fit(scaled(), two_valleys, steps=60, progress=False)
    assert learned(one) == pytest.approx(SHALLOW, rel=0.05) and one.starts == []
    several = fit(scaled(), two_valleys, steps=60, starts=8, seed=1, progress=False)
    assert learned(several) == pytest.approx(DEEP, rel=0.05)
    assert several.best["training"] == min(row["training"] for row in several.starts) and len(several.starts) == 8
    assert several.starts[0]["training"] == pytest.approx(one.best["training"])
    assert "Starts" in several.report(tmp_path / "page.html").read_text()
    again = fit(scaled(), two_valleys, steps=60, starts=8, seed=1, progress=False)
    assert again.starts == several.starts


def test_where_no_start_is_better_the_workflow_stays_as_it_was():
    result = fit(scaled(), lambda outputs, _: 1e-3 + 0 * outputs["connectome"].sum(), steps=2, starts=3, progress=False)
    assert result.parameters["weights"].tolist() == [2.5, 2.5]


@pytest.mark.parametrize(
    ("given", "told"), [({"starts": 0}, "starts is 0"), ({"checkpoint": "x"}, "holds the state of one")]
)
def test_starts_that_cannot_be_are_refused(given, told):
    with pytest.raises(ValueError, match=told):
        fit(scaled(), two_valleys, **{"starts": 2, **given})
