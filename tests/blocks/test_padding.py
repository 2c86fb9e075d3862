"""A run that is filled up with frames gives what it gives alone, to rounding: values, gradients, soft weights, both precisions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from testing.test_contract import cases

from pydra_diffconn.program.padding import TIME, Filled, rule_of
from pydra_diffconn.program.wires import LENGTH, Static
from pydra_diffconn.workflow.graph import Step

MORE = 9  # frames
WEIGHTS = np.r_[0.4, np.ones(20), 0.0, 0.3, np.ones(100), 0.7, 0.6]


def timed(declaration, name):
    return declaration.arguments[name].dims.split()[:1] == [TIME]


def taking():
    """Yield each case of a block that declares how it is filled up, and the rule of these settings."""
    for number, case in enumerate(cases()):
        declared = case.block.declaration
        if declared.padding is None or not timed(declared, declared.main_input):
            continue
        values = {n: v for n, v in case.filled().items() if n in declared.arguments}
        rule = rule_of(Step("x", case.block, {}), {n: Static(v) for n, v in values.items()})
        if rule is not None and values.get("key") is None:
            yield pytest.param(case.block, values, rule, id=f"{declared.name}-{number}")


def outputs(block, values, frames):
    """Return the outputs, cut to their own frames, one after the other."""
    found = block.pure(**values)
    found = found if isinstance(found, tuple) else (found,)
    dims = [dims.split() for dims in block.declaration.outputs.values()]
    cut = [one[:frames] if d[:1] == [TIME] else one for one, d in zip(found, dims, strict=True)]
    return jnp.concatenate([jnp.ravel(one) for one in cut if jnp.issubdtype(one.dtype, jnp.floating)])


def filled_up(declaration, values):
    def wider(name, value):
        if not timed(declaration, name) or value is None:
            return value
        return jnp.concatenate([value, jnp.zeros((MORE, *value.shape[1:]), value.dtype)])

    return {name: wider(name, value) for name, value in values.items()}


@pytest.mark.parametrize(("block", "values", "rule"), taking())
def test_values_and_gradients_are_those_of_the_run_alone(block, values, rule):
    with jax.enable_x64(True):
        declared = block.declaration
        values = declared.checked(values)
        main, frames = declared.main_input, len(values[declared.main_input])
        wide = Filled(block, rule)
        real = [
            n
            for n, v in values.items()
            if n in declared.arguments
            and declared.arguments[n].role != "static"
            and v is not None
            and np.asarray(v).dtype.kind == "f"
        ]
        given = {n: jnp.asarray(v) if n in real else v for n, v in values.items()}
        rest = {n: v for n, v in given.items() if n not in real}

        def alone(some, length):
            return outputs(block, {**rest, **some}, frames)

        def together(some, length):
            told = {**filled_up(declared, {**rest, **some}), LENGTH: length}
            return outputs(wide, told, frames)

        def with_slope(computed):
            def weighed(some, length):
                found = computed(some, length)
                return jnp.asarray(np.random.default_rng(0).standard_normal(found.shape)) @ found, found

            (_, found), slope = jax.jit(jax.value_and_grad(weighed, has_aux=True))(some, jnp.int32(frames))
            return found, slope

        some = {n: given[n] for n in real}
        (expected, one), (found, other) = with_slope(alone), with_slope(together)
        size = float(jnp.max(jnp.abs(expected))) or 1.0
        np.testing.assert_allclose(found, expected, atol=1e-10 * size, rtol=1e-9)
        for name in real:
            scale = float(jnp.max(jnp.abs(one[name]))) or 1.0
            np.testing.assert_allclose(other[name], one[name], atol=1e-8 * scale, err_msg=f"{main}, {name}")


def both(block, values, frames):
    """Return a block of a run that is filled up, cut to its frames, and of the run alone."""
    wide, fixed = Filled(block, rule_of(Step("x", block, {}), {})), {**values}
    series = fixed.pop("timeseries")

    def together(series, length):
        return wide.pure(**filled_up(block.declaration, {"timeseries": series, **fixed}), **{LENGTH: length})

    alone = jax.jit(lambda series: block.pure(series, **fixed))
    return jax.jit(together)(series, jnp.int32(frames))[:frames], alone(series)


@pytest.mark.parametrize("method", ["linear", "spline"])
@pytest.mark.parametrize("boundary", ["natural", "not-a-knot"])
@pytest.mark.parametrize("ends", ["hold", "extrapolate"])
def test_soft_weights_at_the_end_see_no_frame_beyond_it(method, boundary, ends):
    from pydra_diffconn.blocks import Interpolate

    with jax.enable_x64(True):
        x = jnp.asarray(np.random.default_rng(1).standard_normal((len(WEIGHTS), 3)))
        values = {"timeseries": x, "frame_weights": jnp.asarray(WEIGHTS), "method": method}
        values |= {"boundary": boundary, "ends": ends}
        np.testing.assert_allclose(*both(Interpolate, values, len(x)), atol=1e-9)


@pytest.mark.parametrize("padtype", ["odd", "even", "constant", "none"])
@pytest.mark.parametrize("padlen", [None, 7, "longest"])
@pytest.mark.parametrize("columns", [2, 200])
def test_a_recursion_forwards_and_backwards_ends_where_the_run_does(padtype, padlen, columns):
    from pydra_diffconn.blocks import ButterworthFiltFilt

    with jax.enable_x64(True):
        x = jnp.asarray(np.random.default_rng(1).standard_normal((60, columns))) + 100
        values = {"timeseries": x, "tr": 1.0, "padtype": padtype, "padlen": padlen, "order": 2}
        np.testing.assert_allclose(*both(ButterworthFiltFilt, values, 60), atol=1e-9)


@pytest.mark.parametrize("frames", [40, 41, 57])
def test_a_large_mean_costs_single_precision_no_digits(frames):
    from pydra_diffconn.blocks import BandPass

    x = (np.random.default_rng(2).standard_normal((frames, 4)) + 1e4).astype(np.float32)
    values = {"timeseries": jnp.asarray(x), "tr": 2.0, "low": 0.01, "high": 0.1}
    np.testing.assert_allclose(*both(BandPass, values, frames), atol=2e-4)


@pytest.mark.parametrize("length", [1, 2, 3, 40, 60, 61])
def test_a_filter_sees_no_frame_beyond_the_length(length):
    from pydra_diffconn.blocks.filtering.band_pass import apply_gain, apply_gain_to_first, band_pass_gain

    with jax.enable_x64(True):
        x = jnp.asarray(np.random.default_rng(3).standard_normal((61, 3))) + 5
        gain = band_pass_gain(jnp.int32(length), 2.0, 0.02, 0.2, 2.0, len(x) // 2 + 1)
        found = apply_gain_to_first(x, gain, jnp.int32(length))[:length]
        expected = apply_gain(x[:length], band_pass_gain(length, 2.0, 0.02, 0.2, 2.0))
        np.testing.assert_allclose(found, expected, atol=1e-13)


@pytest.mark.parametrize("modulus", [10, 2002, 1999998])
def test_squares_of_the_numbers_of_frames_pass_32_bits_nowhere(modulus):
    from pydra_diffconn.blocks.filtering.band_pass import _square

    numbers = [0, 1, 1023, 1024, 65535, 65536, 700001, 999999]
    assert _square(np.array(numbers), modulus).tolist() == [number**2 % modulus for number in numbers]
