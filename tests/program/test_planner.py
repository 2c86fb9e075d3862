"""The planner's rules: what they change, that the numbers stay, and what they must leave alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from examples import examples
from gradients import gradient
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import Array, Float
from pydra.compose import workflow

from pydra_diffconn import Learn, block, fuse
from pydra_diffconn.blocks import BandPass, ButterworthFiltFilt, Correlation, Parcellate, RegressConfounds


@block.define(outputs=["timeseries"])
def ZScore(timeseries: Float[Array, "time space"]) -> Float[Array, "time space"]:
    """Standardise every column, which is not linear."""
    return (timeseries - timeseries.mean(0)) / timeseries.std(0)


@block.define(outputs=["timeseries"], linear_in="timeseries", acts_along="time")
def VoxelGain(timeseries: Float[Array, "time space"], gain: Float[Array, "space"]) -> Float[Array, "time space"]:
    """Multiply every column by its own number: linear, but not the same for all locations."""
    return timeseries * gain


STEPS = {
    "band": lambda x, c, g: workflow.add(BandPass(timeseries=x, tr=1.0), name="band").timeseries,
    "regress": lambda x, c, g: workflow.add(RegressConfounds(timeseries=x, confounds=c), name="regress").timeseries,
    "filtfilt": lambda x, c, g: (
        workflow.add(ButterworthFiltFilt(timeseries=x, tr=1.0, order=2), name="filtfilt").timeseries
    ),
    "zscore": lambda x, c, g: workflow.add(ZScore(timeseries=x), name="zscore").timeseries,
    "gain": lambda x, c, g: workflow.add(VoxelGain(timeseries=x, gain=g), name="gain").timeseries,
}


@workflow.define(outputs=["series"])
def Chain(bold, confounds, labels, gain, order: tuple):
    series = bold
    for name in order:
        series = STEPS[name](series, confounds, gain)
    return workflow.add(Parcellate(timeseries=series, labels=labels), name="parcellate").timeseries


@workflow.define(outputs=["clean"])
def Dense(bold, confounds):
    band = workflow.add(BandPass(timeseries=bold, tr=1.0), name="band")
    return workflow.add(RegressConfounds(timeseries=band.timeseries, confounds=confounds), name="regress").timeseries


@workflow.define(outputs=["clean", "connectome"])
def BothWanted(bold, confounds, labels):
    band = workflow.add(BandPass(timeseries=bold, tr=1.0), name="band")
    clean = workflow.add(RegressConfounds(timeseries=band.timeseries, confounds=confounds), name="regress")
    parcels = workflow.add(Parcellate(timeseries=clean.timeseries, labels=labels), name="parcellate")
    return clean.timeseries, workflow.add(Correlation(timeseries=parcels.timeseries)).connectome


@workflow.define(outputs=["a", "b"])
def FilteredTwice(bold, confounds):
    """The same confounds are filtered in two branches."""
    outputs = []
    for name in ("one", "two"):
        filtered = workflow.add(BandPass(timeseries=confounds, tr=1.0), name=f"confounds_{name}")
        outputs.append(
            workflow.add(
                RegressConfounds(timeseries=bold, confounds=filtered.timeseries, penalty=float(name == "two")),
                name=name,
            ).timeseries
        )
    return tuple(outputs)


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    return {
        "bold": rng.standard_normal((60, 300)) + 100,
        "confounds": rng.standard_normal((60, 3)),
        "labels": rng.integers(0, 5, 300),
        "gain": rng.uniform(1, 2, 300),
    }


def order_of(program):
    return [
        step.path for one in program.plan_of(program.runs[0]).planned for step in [*(s for s, _ in one.chain), one.step]
    ]


def both(task, **settings):
    planned, written = fuse(task, **settings), fuse(task, reorder=False, **settings)
    return planned, planned(planned.parameters), written(written.parameters)


def test_a_parcellation_moves_ahead_of_linear_steps_over_time(x64, data):
    planned, found, expected = both(Chain(**data, order=("band", "regress", "filtfilt")))
    assert order_of(planned) == ["parcellate", "band", "regress", "filtfilt"]
    np.testing.assert_allclose(found["series"], expected["series"], atol=1e-10)
    assert "parcellate before band" in planned.explain()


@pytest.mark.parametrize("barrier", ["zscore", "gain"])
def test_nothing_moves_across_what_differs_between_voxels(x64, data, barrier):
    planned, found, expected = both(Chain(**data, order=("band", barrier, "regress")))
    assert order_of(planned) == ["band", barrier, "parcellate", "regress"]
    np.testing.assert_allclose(found["series"], expected["series"], atol=1e-10)


@examples(15, programs=True)
@given(st.lists(st.sampled_from(sorted(STEPS)), unique=True, max_size=4), st.integers(0, 3))
def test_any_order_of_steps_keeps_its_numbers_and_gradients(order, seed):
    rng = np.random.default_rng(seed)
    data = {
        "bold": rng.standard_normal((40, 200)),
        "confounds": rng.standard_normal((40, 2)),
        "labels": rng.integers(0, 4, 200),
        "gain": rng.uniform(1, 2, 200),
    }
    learn = {"band.low": Learn()} if "band" in order else {}
    with jax.enable_x64(True):
        planned, found, expected = both(Chain(**data, order=tuple(order)), learn=learn)
        np.testing.assert_allclose(found["series"], expected["series"], atol=1e-9)
        if learn:
            written = fuse(Chain(**data, order=tuple(order)), learn=learn, reorder=False)
            slopes = [gradient(lambda p, q=q: jnp.sum(q(p)["series"] ** 3))(q.parameters) for q in (planned, written)]
            np.testing.assert_allclose(slopes[0]["band.low"], slopes[1]["band.low"], rtol=1e-7)


def test_wide_series_are_filtered_and_regressed_by_one_matrix(x64, data):
    planned, found, expected = both(Dense(bold=data["bold"], confounds=data["confounds"]))
    (one,) = planned.plan_of(planned.runs[0]).planned
    assert one.path == "regress" and [step.path for step, _ in one.chain] == ["band"]
    np.testing.assert_allclose(found["clean"], expected["clean"], atol=1e-10)


def test_one_matrix_keeps_single_precision_on_a_large_mean(data):
    data["bold"] = (data["bold"] + 10000).astype(np.float32)
    _, found, expected = both(Dense(bold=data["bold"], confounds=data["confounds"]))
    assert np.abs(found["clean"] - expected["clean"]).max() < 1e-5 * 10


def test_a_dense_output_that_is_wanted_too_stays(x64, data):
    del data["gain"]
    planned, found, expected = both(BothWanted(**data))
    assert order_of(planned) == ["band", "regress", "parcellate", "Correlation"]
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], atol=1e-10)


def test_equal_steps_are_computed_once(x64, data):
    planned, found, expected = both(FilteredTwice(bold=data["bold"], confounds=data["confounds"]))
    assert sum(path.startswith("confounds") for path in order_of(planned)) == 1
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], atol=1e-10)


def test_the_plan_costs_less_and_says_so(x64, data):
    program = fuse(Chain(**data, order=("band", "regress")))
    text = program.explain()
    assert "as written" in text and "as planned" in text and "FLOP" in text
