"""Any argument of any block may come out of an earlier step: the program gives what the block gives of the values."""

import warnings

import numpy as np
import pytest
from jaxtyping import Array, Bool, Float, Int
from pydra.compose import workflow
from testing.test_contract import cases

from pydra_diffconn import block, fuse
from pydra_diffconn.blocks import Detrend, Parcellate, RegressConfounds

REFUSED = {("GateConfounds", "terms")}  # of terms that are not known yet their number is not, either


@block.define(outputs=["same"])
def Numbers(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return what is given."""
    return x


@block.define(outputs=["same"])
def Integers(x: Int[Array, "..."]) -> Int[Array, "..."]:
    """Return what is given."""
    return x


@block.define(outputs=["same"])
def Truths(x: Bool[Array, "..."]) -> Bool[Array, "..."]:
    """Return what is given."""
    return x


EARLIER = {"f": Numbers, "i": Integers, "b": Truths}


def given(case):
    return {name: value for name, value in case.filled().items() if value is not None}


def arguments():
    """Return a case of each block beside each argument that is an array and may come out of a step before it."""
    first = {}
    for case in cases():
        first.setdefault(case.block.declaration.name, case)
    for name, case in first.items():
        for argument, value in given(case).items():
            array = np.asarray(value)
            known = case.block.declaration.arguments[argument].role == "data" and array.dtype.kind in EARLIER
            if known and np.isfinite(array).all() and (name, argument) not in REFUSED:
                yield pytest.param(case, argument, id=f"{name}-{argument}")


def chained(case, argument):
    """Return a workflow in which the argument comes out of an earlier step."""
    values, outputs = given(case), list(case.block.declaration.outputs)
    earlier = EARLIER[np.asarray(values[argument]).dtype.kind]
    fixed = {name: value for name, value in values.items() if name != argument}

    @workflow.define(outputs=outputs)
    def Chain(x):
        same = workflow.add(earlier(x=x), name="earlier").same
        node = workflow.add(case.block(**{**fixed, argument: same}), name="later")
        found = tuple(getattr(node, output) for output in outputs)
        return found if len(found) > 1 else found[0]

    return Chain(x=np.asarray(values[argument]))


@pytest.mark.slow
@pytest.mark.parametrize(("case", "argument"), list(arguments()))
def test_a_block_takes_what_an_earlier_step_gives(x64, case, argument):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of few frames
        expected = case.block.pure(**case.block.check(given(case)))
        found = fuse(chained(case, argument))({})
    expected = expected if isinstance(expected, tuple) else (expected,)
    for output, one in zip(case.block.declaration.outputs, expected, strict=True):
        size = np.nanmax(np.abs(one), initial=1e-12)
        np.testing.assert_allclose(found[output] / size, one / size, rtol=0, atol=1e-8)


@workflow.define(outputs=["timeseries"])
def OwnConfounds(series, confounds):
    own = workflow.add(Numbers(x=confounds), name="own").same
    return workflow.add(RegressConfounds(timeseries=series, confounds=own), name="clean").timeseries


def test_confounds_of_a_step_that_is_of_no_series_are_regressed_and_counted(x64, tmp_path):
    rng = np.random.default_rng(0)
    task = OwnConfounds(series=rng.standard_normal((90, 4)), confounds=rng.standard_normal((90, 2)))
    program = fuse(task)
    np.testing.assert_allclose(program({})["timeseries"], task(cache_root=tmp_path).timeseries, atol=1e-10)
    assert program.degrees_of_freedom()["timeseries"] == 90 - 2 - 1


@workflow.define(outputs=["timeseries"])
def DetrendedParcels(series, labels):
    straight = workflow.add(Detrend(timeseries=series), name="straight").timeseries
    return workflow.add(Parcellate(timeseries=straight, labels=labels), name="parcels").timeseries


@pytest.mark.parametrize("mode", ["classical", "fused"])
def test_a_voxel_without_data_before_another_step_is_refused_in_a_parcel_and_left_out_elsewhere(x64, tmp_path, mode):
    series = np.random.default_rng(0).standard_normal((60, 6))
    series[:, 1] = np.nan

    def parcels(labels):
        task = DetrendedParcels(series=series, labels=np.array(labels))
        return (
            task(cache_root=tmp_path, worker="debug").timeseries
            if mode == "classical"
            else fuse(task)({})["timeseries"]
        )

    expected = Detrend.pure(series[:, [0, 2]]).mean(axis=1)
    np.testing.assert_allclose(parcels([1, 0, 1, 2, 2, 2])[:, 0], expected, atol=1e-12)
    with pytest.raises(Exception, match=r"60 values in parcels .* frame 0, column 1 \(parcel 1\); mend the series"):
        parcels([1, 1, 1, 2, 2, 2])
