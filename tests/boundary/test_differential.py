"""Whatever an array is made of, a task and a program give what float64 of the same values gives, or both refuse."""

import jax
import numpy as np
import pytest
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from statistics_that_cannot_be import around
from testing.test_contract import cases

from pydra_diffconn import fuse
from pydra_diffconn.declare.task import run

TYPES = ["f8", ">f8", "f4", ">f4", "f2", "i2", ">i2", "i4", "i8", "u1", ">u2", "bool", "c16"]
LAYOUTS = {
    "C": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "backwards": lambda a: np.ascontiguousarray(a[::-1])[::-1],
    "every second": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "read-only": lambda a: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape),
    "masked": np.ma.array,
}
RANKS = {"kept": lambda a: a, "one more": lambda a: a[..., None], "one less": lambda a: a[..., 0]}
EVERY = cases()  # CASES would be taken for a list of contracts
# rounded, a connectome may be the identity and a series constant, of which several results are right
CHANCE = {case.block for case in EVERY if case.undetermined}
ALL = [
    case
    for case in EVERY
    if case.block not in CHANCE and sum(isinstance(v, np.ndarray) for v in case.filled().values()) <= 8
]


def dressed(array, kind, factor):
    """Return an array of another type, with values that it can hold."""
    kind = np.dtype(kind)
    if kind.kind in "iu":
        limits = np.iinfo(kind)
        array = np.clip(np.rint(array * factor), max(limits.min, -1000), min(limits.max, 1000))
    return (array > 0 if kind.kind == "b" else array).astype(kind)


@st.composite
def inputs(draw):
    """Draw a block with its arguments, one array of which is dressed otherwise, and what that array must be refused for."""
    case = draw(st.sampled_from(ALL))
    values = {name: value for name, value in case.filled().items() if value is not None}
    arguments = case.block.declaration.arguments
    name = draw(
        st.sampled_from([n for n, v in values.items() if isinstance(v, np.ndarray) and arguments[n].name != "key"])
    )
    array = dressed(values[name], draw(st.sampled_from(TYPES)), draw(st.sampled_from([1, 20])))
    wrong = "complex" if array.dtype.kind == "c" else ""
    if draw(st.integers(0, 4)) == 0 and array.dtype.kind == "f" and not arguments[name].gaps:
        array = array.copy()
        array.flat[draw(st.integers(0, array.size - 1))] = draw(st.sampled_from([np.nan, np.inf]))
        wrong = "not finite"
    if draw(st.integers(0, 4)) == 0 and len(array) > 1:
        array = array[:-1]
    rank = draw(st.sampled_from([*RANKS, *["kept"] * 6]))
    if rank != "kept" and "..." not in arguments[name].dims and "*" not in arguments[name].dims:
        array, wrong = RANKS[rank if array.ndim > 1 else "one more"](array), "rank"
    array = LAYOUTS[draw(st.sampled_from(list(LAYOUTS)))](array)
    return case.block, {**values, name: array}, name, wrong


def plain(block, values, name):
    """Return what the block's function makes of float64 of the same values, and refuse what its check refuses."""
    whole = block.declaration.arguments[name].whole
    known = block.declaration.checked({**values, name: np.array(values[name], dtype=np.int64 if whole else np.float64)})
    return next(iter(run(block, known).values()))


def outcome(function, *arguments):
    """Return the numbers, or the sentence of a refusal."""
    try:
        return np.asarray(function(*arguments))
    except ValueError as error:
        return str(error)


def agree(drawn, folder):
    block, values, name, wrong = drawn
    with jax.enable_x64(True):
        output = next(iter(block.declaration.outputs))
        task = outcome(lambda: getattr(block(**values)(cache_root=folder, worker="debug"), output))
        program = outcome(lambda: fuse(around(block, values))({})["result"])
        expected = wrong or outcome(plain, block, values, name)
    if isinstance(expected, str):
        assert isinstance(task, str) and isinstance(program, str), (block, name, expected, task, program)
        assert task.partition(": ")[2] == program.partition(": ")[2]
    elif not np.all(np.isfinite(expected)):  # an indefinite matrix, say: a task refuses what a program shows as NaN
        assert isinstance(task, str) and (isinstance(program, str) or not np.all(np.isfinite(program)))
    else:
        scale = max(1.0, float(np.max(np.abs(expected), initial=0)))
        # of places without data nothing is known: NaN in both, while the function itself gives a number (tests of places)
        expected = np.where(np.isnan(task), np.nan, expected)
        np.testing.assert_allclose(task, expected, rtol=0, atol=1e-9 * scale)
        np.testing.assert_allclose(program, expected, rtol=0, atol=1e-9 * scale)


QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]


@pytest.mark.filterwarnings("ignore")
@settings(examples(8, programs=True), suppress_health_check=QUIET)
@given(drawn=inputs())
def test_some_arrays_give_the_same_in_all_ways(drawn, tmp_path_factory):
    agree(drawn, tmp_path_factory.mktemp("cache"))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@settings(examples(200), suppress_health_check=QUIET)
@given(drawn=inputs())
def test_many_arrays_give_the_same_in_all_ways(drawn, tmp_path_factory):
    agree(drawn, tmp_path_factory.mktemp("cache"))
