"""What a signature declares is checked for every block: of whatever kind the values are, they are right or refused."""

from typing import Annotated, Literal

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import Array, Float, Int
from pydra.compose import workflow

from pydra_diffconn import block, blocks, constraints, fuse

SERIES = np.round(np.random.default_rng(0).standard_normal((12, 4)) * 50)


@block.define(outputs=["weighted"], missing=["gaps"])
def Weigh(
    series: Float[Array, "time space"],
    weights: Annotated[Float[Array, "time"] | None, constraints.unit_interval] = None,
    labels: Int[Array, "space"] | None = None,
    gaps: Float[Array, "time 2"] | None = None,
    kind: Literal["sum", "mean"] = "sum",
    tr: float = 1.0,
) -> Float[Array, "time space"]:
    """Multiply frames by weights."""
    return series if weights is None else series * weights[:, None]


@workflow.define(outputs=["weighted"])
def Twice(series, weights):
    first = workflow.add(Weigh(series=series), name="first")
    return workflow.add(Weigh(series=first.weighted, weights=weights), name="second").weighted


VIEWS = {
    "int16": SERIES.astype("i2"),
    "uint8": np.abs(SERIES).astype("u1"),
    "float16": SERIES.astype("f2"),
    "big-endian": SERIES.astype(">f4"),
    "big-endian integers": SERIES.astype(">i4"),
    "extended": SERIES.astype(np.longdouble),
    "Fortran order": np.asfortranarray(SERIES),
    "every second": np.repeat(SERIES, 2, axis=0)[::2],
    "masked, nothing of it": np.ma.masked_array(SERIES, np.zeros(SERIES.shape, bool)),
    "truth values": SERIES > 0,
}


@pytest.mark.parametrize("view", VIEWS)
def test_numbers_of_every_type_are_those_numbers_in_both_modes(view, tmp_path):
    array, weights = VIEWS[view], np.linspace(0, 1, 12)
    expected = np.asarray(array, dtype=float) * weights[:, None]
    alone = Weigh(series=array, weights=weights)(worker="debug", cache_root=tmp_path).weighted
    np.testing.assert_allclose(alone, expected, rtol=1e-6)
    program = fuse(Twice(series=array, weights=weights))
    np.testing.assert_allclose(jax.jit(program)({}, **program.inputs)["weighted"], expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"series": SERIES + 1j}, "series holds complex numbers"),
        ({"series": SERIES.astype(object)}, "series holds objects; expected real numbers"),
        ({"series": SERIES.astype(str)}, "series holds text"),
        ({"series": SERIES.astype("datetime64[s]")}, r"series holds values of type datetime64\[s\]"),
        ({"series": np.ma.masked_greater(SERIES, 60)}, r"series has \d+ masked values; fill them"),
        ({"series": SERIES[:, 0]}, r"series has shape \(12,\); expected \(time, space\); a single column is series\["),
        ({"series": SERIES[None]}, r"series has shape \(1, 12, 4\); expected \(time, space\)"),
        ({"series": SERIES[:0]}, r"series has shape \(0, 4\): there is nothing in it"),
        ({"weights": np.ones(11)}, "weights has 11 frames, series 12 .*were 1 dummy scan removed"),
        ({"weights": np.ones(50)}, "weights has 50 frames, series 12 .*expected as many"),
        ({"labels": np.ones(12, int)}, "labels has 12 locations, series 4 .*same mask"),
        ({"labels": np.array([0, 1, 1, 0.5])}, "labels are not integers"),
        ({"labels": np.array([0, 1, 2, 2**40])}, "labels has 1099511627776, more than 32 bits hold"),
        ({"series": np.where(SERIES[3, 2] == SERIES, np.nan, SERIES)}, "series has .* not finite, the first in frame"),
        ({"series": np.full((12, 4), np.inf)}, "series has 48 values that are not finite"),
        ({"weights": np.linspace(0, 2, 12)}, r"weights has 1.09091 in frame 6, outside \[0, 1\]"),
        ({"gaps": np.ones((12, 3))}, r"gaps has shape \(12, 3\); expected \(time, 2\)"),
        ({"kind": "median"}, "kind = 'median'; expected one of 'sum', 'mean'"),
        ({"tr": np.nan}, "tr is not a number"),
    ],
)
def test_what_is_not_as_declared_is_refused_by_name(change, message):
    with pytest.raises(ValueError, match=f"^Weigh: {message}"):
        Weigh.check({"series": SERIES, **change})


def test_declared_gaps_are_allowed():
    assert Weigh.check({"series": SERIES, "gaps": np.full((12, 2), np.nan)})["gaps"].shape == (12, 2)


def test_shapes_that_are_known_only_while_a_program_is_traced_are_checked_there():
    program = fuse(Twice(series=SERIES, weights=np.ones(12)))
    with pytest.raises(ValueError, match="second: weights has 11 frames, series 12"):
        program({}, **{**program.inputs, "weights": np.ones(11)})


def test_runs_that_share_an_array_of_integers_share_the_converted_one():
    shared = SERIES.astype("i2")
    task = Twice(series=shared).split("weights", weights=[np.ones(12), np.zeros(12)])
    program = fuse(task)
    assert program.varying == ["weights"] and program.inputs["series"].dtype == np.float32


def test_labels_keep_64_bits_where_the_process_has_them(x64):
    assert Weigh.check({"series": SERIES, "labels": np.array([0, 1, 2, 2**40])})["labels"].dtype == np.int64


@given(shape=st.sampled_from([(3, 4), (4, 3), (4,), (2, 4, 4)]))
def test_matrices_are_square_or_refused(shape):
    with pytest.raises(ValueError, match=rf"FisherZ: connectome has shape \({', '.join(map(str, shape))},?\)"):
        blocks.FisherZ.check({"connectome": np.zeros(shape)})


def test_a_transposed_table_is_recognised():
    with pytest.raises(ValueError, match="is confounds transposed"):
        blocks.RegressConfounds.check({"timeseries": SERIES, "confounds": np.ones((3, 12))})


def test_values_where_no_parcel_is_may_be_missing(tmp_path):
    series = SERIES.copy()
    series[:, 1] = np.nan
    labels = np.array([1, 0, 1, 2])
    found = blocks.Parcellate(timeseries=series, labels=labels)(worker="debug", cache_root=tmp_path).timeseries
    np.testing.assert_allclose(found, np.stack([SERIES[:, [0, 2]].mean(axis=1), SERIES[:, 3]], axis=1), rtol=1e-5)
    with pytest.raises(ValueError, match=r"12 values in parcels .* the first in frame 0, column 1 \(parcel 1\)"):
        blocks.Parcellate.check({"timeseries": series, "labels": np.array([1, 1, 1, 2])})
