"""The contract of a block, examined; and every built-in block has a case that the pytest plugin makes a test of."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from block_cases import block_cases
from jaxtyping import Array, Float

from pydra_diffconn import block, blocks
from pydra_diffconn.testing import Case, check_block, examine

DEAD = {"a dead series": {"timeseries": np.zeros((20, 3))}}
SERIES = {"timeseries": np.random.default_rng(0).standard_normal((20, 3))}


@block.define(outputs=["norms"])
def Norms(
    timeseries: Float[Array, "time space"], frame_weights: Float[Array, "time"] | None = None, kind: str = "plain"
) -> Float[Array, "space"]:
    """Take the norm of each column, whose derivative at zero is not guarded unless the kind is "guarded"."""
    weights = 1.0 if frame_weights is None else frame_weights[:, None]
    squares = jnp.sum(weights * timeseries**2, axis=0)
    return jnp.sqrt(squares + 1e-12) if kind == "guarded" else jnp.sqrt(squares)


def cases() -> list[Case]:
    found, missing = block_cases()
    assert not missing
    return found


def items(*arguments) -> dict[str, bool]:
    return {finding.item: finding.ok for finding in examine(*arguments)}


def test_every_block_has_a_case():
    assert set(blocks.__all__) - {case.block.declaration.name for case in cases()} == set()


def test_a_derivative_that_is_not_finite_is_found_on_degenerate_inputs():
    case = Case(Norms, SERIES, degenerate=DEAD)
    found = items(case, [case])
    assert found["a dead series: value"] and not found["a dead series: gradient to timeseries"]
    assert {item for item, ok in found.items() if not ok} == {"a dead series: gradient to timeseries"}


def test_degenerate_inputs_may_change_what_is_static_and_which_arguments_are_given():
    """They are other programs then, not the one of the regular inputs."""
    other = {"not guarded": {"kind": "plain", "frame_weights": np.ones(20)}}
    assert all(finding.ok for finding in check_block(Norms, {**SERIES, "kind": "guarded"}, degenerate=other))


def test_what_is_not_finite_at_the_edges_is_found_without_a_case_for_it():
    found = items(Case(Norms, {**SERIES, "frame_weights": np.ones(20)}))
    wrong = {item for item, ok in found.items() if not ok}
    assert {"all zeros: finite", "all of frame_weights 0: finite"} <= wrong
    assert not {"ties: finite", "one frame: compiled", "equal columns: finite"} & wrong


def test_what_depends_on_the_block_alone_is_examined_once():
    plain, weighted = Case(Norms, SERIES), Case(Norms, {**SERIES, "frame_weights": np.ones(20)})
    alone = {"docstring", "pickle", "hash is repeatable", "hash sees timeseries"}
    assert alone <= items(plain).keys()
    assert not alone & items(plain, [weighted]).keys()
    edges = {"all zeros: finite", "ties: compiled", "all of frame_weights 0: finite"}
    once = items(plain).keys() - items(plain, [weighted]).keys()
    assert edges < once and {item for item in once if ":" not in item} == alone
    assert "hash sees frame_weights" in items(weighted, [plain])  # an argument that no case before had a value for


def test_a_case_is_few_programs():
    """A value, a score with all gradients, many at once, in single precision: compiling is what a test suite waits for."""
    compiled = []
    heard = lambda name, seconds, **more: compiled.append(name) if "backend_compile" in name else None  # noqa: E731
    jax.monitoring.register_event_duration_secs_listener(heard)
    case = Case(Norms, {"timeseries": np.random.default_rng(1).standard_normal((23, 4))}, degenerate={"same": {}})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Norms, "pure", staticmethod(jax.jit(Norms.pure, static_argnames="kind")))  # one program, not many
        list(examine(case, [case]))
    assert 0 < len(compiled) <= 12
