"""All that is computed compiles for NVIDIA GPUs and keeps all digits of its products there; no GPU is needed to know."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from block_cases import single
from losses.test_every_loss import DATA, TERMS
from testing.test_contract import cases
from workflows_under_test import Full, example

from pydra_diffconn import Learn, fuse, losses
from pydra_diffconn.blocks import Communicability, Covariance
from pydra_diffconn.learning.learner import Learner
from pydra_diffconn.testing.compiled import Compiled

EXAMINED = cases()
LABELS = [f"{number}-{case.block.declaration.name}" for number, case in enumerate(EXAMINED)]
PRECISIONS = pytest.mark.parametrize("double", [True, False], ids=["float64", "float32"])


def products(function, *arguments):
    """Return the products of a jitted function, lowered for CUDA, a line of the program each."""
    text = function.trace(*arguments).lower(lowering_platforms=("cuda",)).as_text()
    return [line for line in text.splitlines() if "stablehlo.dot_general" in line or "stablehlo.convolution" in line]


def assert_ready(function, *arguments):
    """Lower a jitted function for CUDA, and look at all its products."""
    rounded = [line for line in products(function, *arguments) if "HIGHEST" not in line]
    assert not rounded, f"{len(rounded)} products would round their factors: {rounded[0]}"


@PRECISIONS
@pytest.mark.parametrize("case", EXAMINED, ids=LABELS)
def test_each_block_with_its_gradients(case, double):
    with jax.enable_x64(True):
        run = Compiled(case)
        function, arguments = run.whole(run.values)
    with jax.enable_x64(double):
        assert_ready(function, *(arguments if double else single(arguments)))


@PRECISIONS
@pytest.mark.parametrize(("term", "targets"), TERMS, ids=[type(term).__name__ for term, _ in TERMS])
def test_each_loss_with_its_gradient(term, targets, double):
    with jax.enable_x64(double):
        data, targets = (DATA, targets) if double else single((DATA, targets))
        scored = {term.output: data[term.output]}
        score = jax.jit(jax.value_and_grad(lambda outputs: term({**data, **outputs}, targets)))
        assert_ready(score, scored)


@PRECISIONS
@pytest.mark.quick
def test_a_whole_training_step(rng, double):
    """Filter, censoring, regression, parcels and correlation, of runs of several lengths; a loss that is the user's."""
    with jax.enable_x64(double):
        data = example(rng, lengths=[150, 151, 150], dtype=np.float64 if double else np.float32)
        varying = {name: data.pop(name) for name in ("bold", "confounds", "motion")}
        task = Full(**data, threshold=Learn(0.3)).split(tuple(varying), **varying)

        def own(outputs, targets):
            return jnp.mean(jnp.stack([jnp.trace(one @ one) for one in outputs["connectome"]]))

        for loss in (own, losses.QcFc("connectome")):
            program = fuse(task)
            learner = Learner(program, loss, {"quality": rng.random(3)}, [0, 1, 2], [])
            state = learner.state
            data = learner.batch(0)
            # what is compiled with options, as steps of several shapes are, cannot be compiled into something else
            step = partial(learner._step.__wrapped__, inputs=data["inputs"], targets=data["targets"], own=data["own"])
            assert_ready(jax.jit(partial(step, chosen=data["chosen"])), state.values, state.optimizer, 1.0, 0)


@pytest.mark.parametrize("compute", [Covariance.pure, Communicability.pure], ids=["plain", "a matrix function"])
def test_whoever_wants_fewer_digits_says_so(compute):
    series = np.ones((9, 9), np.float32)
    assert all("HIGHEST" in line for line in products(jax.jit(compute), series))
    with jax.default_matmul_precision("tensorfloat32"):
        assert not any("HIGHEST" in line for line in products(jax.jit(compute), series))
