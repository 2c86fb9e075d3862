"""A program is differentiated and scored with its own inputs given, whatever was computed or known before."""

import jax
import numpy as np
import pytest
from workflows_under_test import Connectome, example

from pydra_diffconn import Pipeline, Score, compare, cross_validate, fuse, losses


@pytest.fixture(scope="module")
def task():
    data = example(np.random.default_rng(0), runs=4)
    split = {name: data[name] for name in ("bold", "confounds")}
    return Connectome(labels=data["labels"], tr=data["tr"]).split(tuple(split), **split)


TARGETS, LOSS = np.stack([np.eye(5)] * 4), losses.MeanSquaredError("connectome")


def test_inputs_given_again_do_not_change_the_gradient(task):
    program = fuse(task)

    def mean(free, inputs):
        return program(program.from_free(free), **inputs)["connectome"].mean()

    start = program.to_free()
    found = {
        "by default": jax.grad(lambda free: mean(free, {}))(start),
        "given": jax.grad(lambda free: mean(free, program.inputs))(start),
        "copied": jax.grad(lambda free: mean(free, {n: np.array(v) for n, v in program.inputs.items()}))(start),
        "closed over": jax.jit(jax.grad(lambda free: mean(free, program.inputs)))(start),
        "copied and closed over": jax.jit(
            jax.grad(lambda free: mean(free, {n: np.array(v) for n, v in program.inputs.items()}))
        )(start),
        "arguments": jax.jit(jax.grad(mean))(start, program.inputs),
    }
    for name, gradient in found.items():
        expected = float(found["by default"]["BandPass.low"])
        assert float(gradient["BandPass.low"]) == pytest.approx(expected, rel=1e-4), name
    several = jax.vmap(lambda free: mean(free, program.inputs))({"BandPass.low": np.linspace(-3, 3, 3)})
    one = [mean({"BandPass.low": value}, program.inputs) for value in np.linspace(-3, 3, 3)]
    np.testing.assert_allclose(several, np.array(one), rtol=1e-4)


def test_parcels_that_are_computed_before_leave_pipelines_to_be_scored(task):
    few = {"steps": 2, "folds": 2, "progress": False}
    assert len(cross_validate(task, LOSS, TARGETS, **few).parameters["BandPass.low"]) == 2
    score = Score("error", of_runs=lambda found, wanted, of: np.mean((found["connectome"] - wanted)[of] ** 2, (1, 2)))
    classical = [Pipeline(f"{low} Hz", task, {"BandPass.low": low}) for low in (0.01, 0.03)]
    found = compare(task, LOSS, TARGETS, classical=classical, scores=[score], **few)
    assert np.isfinite(list(found.compared[0].values.values())).all()
