"""What every block promises as a Pydra task: the cache key, pickling, arrays or files, declarations."""

import functools
import pickle
import subprocess
import sys
from typing import Annotated

import jax
import numpy as np
import pytest
from jaxtyping import Array, Float
from testing.test_contract import cases

from pydra_diffconn import Learn, Parameter, blocks, constraints
from pydra_diffconn.declare.block import define

ALL = [getattr(blocks, name) for name in blocks.__all__]


@functools.cache
def case_of(block):
    return next(case for case in cases() if case.block is block)


def values_for(block):
    """Return a value for each argument of a block: those of its case in the contract."""
    return {name: value for name, value in case_of(block).filled().items() if value is not None}


def other_values(block, name, value):
    """Return values of an argument that must each change the cache key: content, shape, type."""
    argument = block.declaration.arguments[name]
    if argument.dims:
        array = np.asarray(value)
        changed = array.copy()
        changed.flat[0] = not changed.flat[0] if changed.dtype == bool else changed.flat[0] + 1
        return [
            changed,
            *([array.reshape(-1, 1)] if array.shape != (array.size, 1) else []),
            array[None],
            array.astype("f4"),
            *([array.view("u8" if array.dtype == "f8" else "f8")] if array.dtype.itemsize == 8 else []),
        ]
    if argument.role in ("parameter", "number"):
        return [value * 1.01 + 1e-3]
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1]
    return [f"not {value}"] if isinstance(value, str) else [(1, 2, 77)]


@pytest.mark.parametrize("block", ALL, ids=lambda block: block.__name__)
def test_any_change_of_an_input_or_parameter_changes_the_checksum(block):
    given = values_for(block)
    base = block(**given)
    seen = {base._checksum}
    for name in block.declaration.arguments:
        value = getattr(base, name)
        for other in [] if value is None else other_values(block, name, value):
            checksum = block(**{**given, name: other})._checksum
            assert checksum not in seen, f"{name} = {other!r} has the checksum of another value"
            seen.add(checksum)
    assert block(**values_for(block))._checksum == base._checksum


@pytest.mark.parametrize("block", ALL, ids=lambda block: block.__name__)
def test_a_new_version_changes_the_checksum_of_block_and_workflow(block, monkeypatch):
    from dataclasses import replace

    task = block(**values_for(block))
    before = task._checksum
    monkeypatch.setattr(block, "declaration", replace(block.declaration, version="another"))
    assert task._checksum != before


def test_a_new_block_version_changes_the_checksum_of_workflows_that_use_it(monkeypatch):
    from dataclasses import replace

    from workflows_under_test import Connectome

    from pydra_diffconn.blocks import BandPass

    def checksum():
        return Connectome(bold=np.ones((4, 2)), confounds=np.ones((4, 1)), labels=np.ones(2), tr=1.0)._checksum

    before = checksum()
    monkeypatch.setattr(BandPass, "declaration", replace(BandPass.declaration, version="another"))
    assert checksum() != before


@pytest.mark.parametrize("block", ALL, ids=lambda block: block.__name__)
def test_blocks_pickle_by_reference_and_hash_alike_in_another_process(block):
    assert pickle.loads(pickle.dumps(block)) is block
    task = block(**values_for(block))
    code = "import pickle,sys; print(pickle.loads(sys.stdin.buffer.read())._checksum)"
    if block is ALL[0]:
        found = subprocess.run([sys.executable, "-c", code], input=pickle.dumps(task), capture_output=True, check=True)
        assert found.stdout.decode().strip() == task._checksum
    assert pickle.loads(pickle.dumps(task))._checksum == task._checksum


@pytest.mark.parametrize("block", ALL, ids=lambda block: block.__name__)
def test_every_block_has_a_sentence_and_says_unit_and_range(block):
    assert block.__doc__.strip().split("\n")[0].endswith(".")
    assert callable(block.pure) and block.pure is not block
    for parameter in block.declaration.parameters.values():
        assert parameter.help and parameter.constraint.describe()


def test_a_learn_computes_and_hashes_as_its_number(tmp_path, rng):
    x = rng.standard_normal((50, 3))
    marked, plain = (blocks.BandPass(timeseries=x, tr=1.0, low=low) for low in (Learn(0.02), 0.02))
    assert marked._checksum == plain._checksum
    np.testing.assert_array_equal(marked(cache_root=tmp_path).timeseries, plain(cache_root=tmp_path).timeseries)
    assert (
        blocks.BandPass(timeseries=x, tr=1.0, low=Learn())._checksum == blocks.BandPass(timeseries=x, tr=1.0)._checksum
    )


def test_lists_and_jax_arrays_are_taken_as_arrays(tmp_path):
    import jax.numpy as jnp

    for x in ([[1.0, 2.0], [3.0, 5.0], [0.0, 1.0]], jnp.array([[1.0, 2.0], [3.0, 5.0], [0.0, 1.0]])):
        found = blocks.Correlation(timeseries=x)(cache_root=tmp_path).connectome
        assert isinstance(found, np.ndarray) and found.shape == (2, 2)


def test_results_that_are_no_numbers_are_refused(tmp_path):
    with pytest.raises(Exception, match="BandPass: timeseries has 1 values that are not finite"):
        blocks.BandPass(timeseries=np.array([[np.nan], [1], [2]]), tr=1.0)(cache_root=tmp_path)


@define(outputs=["timeseries"], linear_in="timeseries", acts_along="time")
def Amplify(
    timeseries: Float[Array, "time space"],
    gain: Annotated[float, Parameter(constraints.positive, unit="dB", help="how much")] = 2.0,
) -> Float[Array, "time space"]:
    """Multiply a series."""
    return timeseries * gain


def test_a_block_of_ones_own_is_a_few_lines(tmp_path):
    assert Amplify.declaration.id == "test_block:Amplify"
    found = Amplify(timeseries=np.ones((3, 2)))(cache_root=tmp_path).timeseries
    np.testing.assert_array_equal(found, 2 * np.ones((3, 2)))
    with pytest.raises(Exception, match=r"gain = -1 dB is outside \[0, inf\)"):
        Amplify(timeseries=np.ones((3, 2)), gain=-1.0)(cache_root=tmp_path)


@pytest.mark.parametrize("columns", [{"motion": ["a", "b"]}, {"other": ["a", "b", "c"]}])
def test_columns_that_name_no_argument_or_too_few_are_refused(columns):
    with pytest.raises(TypeError, match="columns name"):

        @define(outputs=["out"], columns=columns)
        def Named(motion: Float[Array, "time 3"]) -> Float[Array, "time"]:
            return motion[:, 0]


def test_a_bound_that_names_no_argument_is_refused():
    with pytest.raises(TypeError, match="Bounded: low is bounded by 'hgih', which is no argument of it"):

        @define(outputs=["timeseries"])
        def Bounded(
            timeseries: Float[Array, "time space"],
            low: Annotated[float, Parameter(constraints.between(0.0, "hgih"))] = 0.1,
        ) -> Float[Array, "time space"]:
            """Multiply."""
            return low * timeseries

    with pytest.raises(TypeError, match="low: 'positive' is no constraint"):

        @define(outputs=["timeseries"])
        def Named(
            timeseries: Float[Array, "time space"], low: Annotated[float, Parameter("positive")] = 0.1
        ) -> Float[Array, "time space"]:
            """Multiply."""
            return low * timeseries


@pytest.mark.filterwarnings("error")
def test_arrays_of_numpy_are_taken_in_the_precision_of_jax_without_a_warning():
    series = np.random.default_rng(0).standard_normal((60, 3))
    named = blocks.BandPass.pure(timeseries=series, tr=2.0, low=0.01, high=0.1)
    assert named.dtype == np.float32 and series.dtype == np.float64
    with jax.enable_x64(True):
        precise = blocks.BandPass.pure(series, tr=2.0, low=0.01, high=0.1)
    assert precise.dtype == np.float64
    np.testing.assert_allclose(named, precise, atol=1e-5)
