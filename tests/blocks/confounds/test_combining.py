import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import correlate1d

from pydra_diffconn.blocks import CombineConfounds, RegressConfounds
from pydra_diffconn.testing import Case


def combined(confounds, weights, responses, thresholds, leak, edges, **_):
    mode = "nearest" if edges == "nearest" else "constant"
    terms = [confounds]
    for response, bend in zip(responses, thresholds, strict=True):
        above = correlate1d(confounds, response, axis=0, mode=mode) - bend
        terms.append(bend + np.where(above > 0, above, leak * above))
    return np.hstack(terms) @ weights.T


def selector(chosen, columns):
    return np.eye(columns)[chosen]


@pytest.fixture(scope="module")
def table_and_names(shared, real_table):
    """Motion, tissue means and CompCor of a real run, as fMRIPrep made them."""
    from pydra_diffconn.files.tables import read_table

    return read_table(real_table)


MOTION = ["trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z"]
TISSUE = ["csf", "white_matter", "global_signal"]
ALL = ("", "_derivative1", "_power2", "_derivative1_power2")


@pytest.mark.parametrize(
    ("parts", "suffixes"), [(MOTION + TISSUE, ("",)), (MOTION, ALL), (MOTION + TISSUE, ALL)], ids=["9P", "24P", "36P"]
)
def test_a_frozen_selector_is_a_common_model_exactly(x64, table_and_names, parts, suffixes):
    table, names = table_and_names
    chosen = [names.index(part + suffix) for part in parts for suffix in suffixes]
    used = ~np.isnan(table[1:]).any(axis=0)
    position = np.cumsum(used) - 1
    found = CombineConfounds.pure(table[:, used], selector(position[chosen], used.sum()))
    expected = table[:, chosen].copy()
    expected[0] = np.where(np.isnan(expected[0]), expected[1], expected[0])
    np.testing.assert_array_equal(found, expected)


def test_by_default_tables_stand_side_by_side(rng):
    tables = [rng.standard_normal((20, n)).astype(np.float32) for n in (3, 1, 5)]
    found = CombineConfounds.pure(tables[0], confounds_2=tables[1], confounds_3=tables[2])
    np.testing.assert_array_equal(found, np.hstack(tables))


@examples(15)
@given(shift=st.integers(-3, 3))
def test_a_one_hot_response_is_a_shift_in_time(shift):
    confounds = np.random.default_rng(0).standard_normal((30, 2)).astype(np.float32)
    response = np.eye(7, dtype=np.float32)[[3 + shift]]
    found = CombineConfounds.pure(confounds, responses=response)
    expected = confounds[np.clip(np.arange(30) + shift, 0, 29)]
    np.testing.assert_array_equal(found, np.hstack([confounds, expected]))


def test_a_planted_response_function_is_found_by_descent(x64, rng):
    """The artefact follows motion by some frames and lasts; the response that removes it is learned."""
    frames = 300
    motion, lags = rng.standard_normal((frames, 1)), np.arange(9)
    planted = np.exp(-((lags - 2.5) ** 2) / 3)  # lags before the middle look back in time
    artefact = correlate1d(motion, planted, axis=0, mode="nearest")
    series = artefact @ rng.standard_normal((1, 10)) + 0.3 * rng.standard_normal((frames, 10))
    weights = jnp.array([[0.0, 1.0]])
    start = jnp.eye(9)[4:5]
    optimiser = optax.adam(0.05)

    @jax.jit
    def step(response, state):
        def remaining(response):
            made = CombineConfounds.pure(motion, weights, response)
            return jnp.mean(RegressConfounds.pure(series, made) ** 2)

        updates, state = optimiser.update(jax.grad(remaining)(response), state)
        return optax.apply_updates(response, updates), state

    response, state = start, optimiser.init(start)
    for _ in range(150):
        response, state = step(response, state)
    assert abs(np.corrcoef(response[0], planted)[0, 1]) > 0.99


def test_missing_first_rows_are_filled_before_responses_spread_them(rng):
    confounds = rng.standard_normal((20, 2))
    confounds[0, 1] = np.nan
    found = CombineConfounds.pure(confounds, responses=np.ones((1, 3)) / 3, first_row="zero")
    assert np.all(np.isfinite(found)) and found[0, 1] == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": np.ones((2, 3))}, "weights has 3 columns; expected 8, one for each of 4 confounds and then"),
        ({"thresholds": np.ones(3)}, r"thresholds has 3 responses, responses 1"),
        ({"confounds_2": np.ones((19, 1))}, r"confounds_2 has 19 frames, confounds 20"),
        ({"confounds": np.full((20, 4), np.nan)}, "missing value in frame 1, column 0"),
    ],
)
def test_bad_combinations_are_named(rng, change, message):
    given = {"confounds": rng.standard_normal((20, 4)), "responses": np.ones((1, 5)), **change}
    with pytest.raises(ValueError, match=message):
        CombineConfounds.check(given)


R = np.random.default_rng(5)
GIVEN = {
    "confounds": R.standard_normal((60, 3)),
    "weights": R.standard_normal((2, 9)),
    "responses": R.standard_normal((2, 9)),
    "thresholds": np.array([0.1, -0.4]),
    "leak": 0.2,
}
CASES = [
    Case(
        CombineConfounds,
        GIVEN,
        combined,
        "scipy.ndimage.correlate1d",
        {"constant confounds": {"confounds": np.ones((60, 3)), "thresholds": np.zeros(2)}},
    ),
    Case(
        CombineConfounds,
        {**GIVEN, "edges": "zero", "responses": R.standard_normal((2, 4))},
        combined,
        "scipy.ndimage.correlate1d, zeros outside",
    ),
]
