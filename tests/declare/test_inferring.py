"""Static arguments that follow from others: found by the function itself, and where an earlier step gives the others."""

import jax
import numpy as np
import pytest
from pydra.compose import workflow
from testing.test_contract import cases

from pydra_diffconn import blocks, fuse
from pydra_diffconn.blocks import BetaSeries, ComBat, Despike, KeepFrames, Parcellate, Standardize

INFERRING = [one for one in (getattr(blocks, name) for name in blocks.__all__) if one.declaration.infer]
SERIES = np.random.default_rng(0).standard_normal((120, 6))
SERIES[40] += 30.0


@pytest.mark.parametrize("block", INFERRING, ids=lambda block: block.declaration.name)
def test_the_function_finds_what_it_is_not_given(x64, block):
    case = next(one for one in cases() if one.block is block)
    given = {n: v for n, v in case.filled().items() if n not in block.declaration.infer and v is not None}
    found, expected = block.pure(**given), block.pure(**block.check(given))
    jax.tree.map(np.testing.assert_array_equal, found, expected)


@workflow.define(outputs=["timeseries"])
def Later(series):
    ahead = workflow.add(Standardize(timeseries=series), name="ahead")
    return workflow.add(Despike(timeseries=ahead.timeseries), name="despike").timeseries


def test_what_follows_from_a_shape_may_come_out_of_an_earlier_step(x64, tmp_path):
    task = Later(series=SERIES)
    np.testing.assert_allclose(fuse(task)({})["timeseries"], task(cache_root=tmp_path).timeseries, atol=1e-12)


@pytest.mark.parametrize(
    ("block", "traced", "told"),
    [
        (Parcellate, {"labels": np.array([1, 1, 2, 2, 3, 3])}, "give parcels"),
        (KeepFrames, {"frame_weights": np.ones(120)}, "give frames"),
        (BetaSeries, {"design": np.eye(120)[:, :4], "conditions": np.array([0, 1, 0, 1])}, "give groups"),
    ],
    ids=lambda one: getattr(getattr(one, "declaration", None), "name", ""),
)
def test_what_follows_from_values_that_are_not_known_is_asked_for(block, traced, told):
    with pytest.raises(ValueError, match=f"{block.declaration.name}: .*not known while this is compiled.*{told}"):
        jax.jit(lambda given: block.pure(SERIES, **given))(traced)


@pytest.mark.parametrize("block", [BetaSeries, ComBat], ids=["trials", "sites"])
def test_a_number_of_what_is_not_known_yet_stays_open(block):
    """Taken for what is not given, conditions of an earlier step would all be one."""
    assert block.declaration.checked({}, counted=False)["groups"] is None
