"""Filters against SciPy and nilearn, and their derivatives against differences."""

import jax
import jax.numpy as jnp
import nilearn.signal
import numpy as np
import pytest
from examples import examples
from gradients import assert_gradient, gradient
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal

from pydra_diffconn.blocks import BandPass, BandStop, ButterworthFiltFilt, HighPass, LowPass
from pydra_diffconn.blocks.filtering.band_pass import band_pass_gain
from pydra_diffconn.testing import Case

TR = 0.8
KINDS = [("bandpass", [0.01, 0.1]), ("lowpass", 0.1), ("highpass", 0.01)]
small = examples(20)


def cutoffs(kind: str, edges) -> dict[str, float]:
    names = {"bandpass": ("low", "high"), "lowpass": ("high",), "highpass": ("low",)}[kind]
    return dict(zip(names, np.atleast_1d(edges).tolist(), strict=True))


def recursive(named: dict[str, float]) -> dict[str, float | None]:
    return {"low": None, "high": None, **named}


def squared_magnitude(frames: int, kind: str, edges, order: int) -> np.ndarray:
    sections = signal.butter(order, edges, kind, fs=1 / TR, output="sos")
    return np.abs(signal.sosfreqz(sections, np.fft.rfftfreq(frames, TR), fs=1 / TR)[1]) ** 2


def gain(frames: int, kind: str, edges, order) -> np.ndarray:
    low, high = {"bandpass": tuple(np.atleast_1d(edges)), "lowpass": (0.0, edges), "highpass": (edges, None)}[kind]
    return np.asarray(band_pass_gain(frames, TR, low, high, order))


@pytest.mark.parametrize("frames", [200, 201])
@pytest.mark.parametrize("order", [1, 2, 5])
@pytest.mark.parametrize(("kind", "edges"), KINDS)
def test_the_gain_is_the_squared_magnitude_of_the_recursive_filter(x64, frames, order, kind, edges):
    expected = squared_magnitude(frames, kind, edges, order)
    np.testing.assert_allclose(gain(frames, kind, edges, order), expected, atol=1e-10)


@pytest.mark.parametrize(("kind", "edges"), KINDS)
def test_the_gain_in_single_precision_is_within_1e5(kind, edges):
    found = gain(200, kind, edges, 2)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, squared_magnitude(200, kind, edges, 2), atol=1e-5)


@pytest.mark.parametrize("frames", [115, 116])
@pytest.mark.parametrize(
    ("block", "kind", "edges"),
    [(BandPass, "bandpass", [0.01, 0.1]), (LowPass, "lowpass", 0.1), (HighPass, "highpass", 0.01)],
)
def test_the_blocks_multiply_the_spectrum_by_the_gain(x64, real_series, frames, block, kind, edges):
    series = real_series[:frames]
    named = cutoffs(kind, edges) if block is BandPass else {"cutoff": edges}
    spectrum = np.fft.rfft(series, axis=0) * squared_magnitude(frames, kind, edges, 2)[:, None]
    expected = np.fft.irfft(spectrum, n=frames, axis=0)
    found = block.pure(jnp.asarray(series), TR, order=2.0, **named)
    np.testing.assert_allclose(found, expected, atol=1e-10 * np.abs(series).max())


def test_a_band_from_zero_is_exactly_the_low_pass(x64, rng):
    series = jnp.asarray(rng.standard_normal((120, 3)) + 100)
    band, low = BandPass.pure(series, TR, 0.0, 0.1), LowPass.pure(series, TR, 0.1)
    np.testing.assert_array_equal(band, low)
    np.testing.assert_allclose(band.mean(axis=0), series.mean(axis=0), rtol=1e-12)


def test_a_stop_from_zero_is_the_high_pass_with_the_mean(x64, rng):
    series = jnp.asarray(rng.standard_normal((120, 3)))
    series = series - series.mean(axis=0)
    np.testing.assert_allclose(BandStop.pure(series, TR, 0.0, 0.1), HighPass.pure(series, TR, 0.1), atol=1e-12)


def test_a_wave_in_the_band_is_stopped_and_its_band_is_found_by_learning(x64):
    time = TR * np.arange(250)
    slow, breath = np.sin(2 * np.pi * 0.02 * time), np.sin(2 * np.pi * 0.3 * time)
    found = BandStop.pure(jnp.asarray(slow + breath)[:, None], TR, 0.25, 0.35, 2.0)[:, 0]
    np.testing.assert_allclose(found, slow, atol=1e-3)
    score = lambda low: jnp.mean((BandStop.pure((slow + breath)[:, None], TR, low, 0.4, 2.0)[:, 0] - slow) ** 2)  # noqa: E731
    assert jax.grad(score)(0.32) > 0  # lower stops more of it


def test_a_band_above_zero_removes_the_mean_however_large(rng):
    series = jnp.asarray(rng.standard_normal((120, 3)) + 1e4, dtype=jnp.float32)
    assert np.abs(BandPass.pure(series, TR).mean(axis=0)).max() < 1e-5


@pytest.mark.parametrize("low", [1e-6, 0.01])
@pytest.mark.parametrize("frames", [100, 101])
def test_the_band_pass_has_the_right_derivatives(x64, rng, low, frames):
    series = jnp.asarray(rng.standard_normal((frames, 2)))
    assert_gradient(lambda x: jnp.sum(BandPass.pure(x, TR, low, 0.1, 2.5) ** 3), series)
    assert_gradient(lambda v: jnp.sum(BandPass.pure(series, TR, v, 0.1, 2.5) ** 3), low, step=1e-4 * low)
    assert_gradient(lambda v: jnp.sum(BandPass.pure(series, TR, low, v, 2.5) ** 3), 0.1)
    assert_gradient(lambda v: jnp.sum(BandPass.pure(series, TR, low, 0.1, v) ** 3), 2.5)


@pytest.mark.parametrize("block", [LowPass, HighPass])
def test_the_one_sided_filters_have_the_right_derivatives(x64, rng, block):
    series = jnp.asarray(rng.standard_normal((100, 2)))
    assert_gradient(lambda v: jnp.sum(block.pure(series, TR, v, 2.0) ** 3), 0.05)
    assert_gradient(lambda v: jnp.sum(block.pure(series, TR, 0.05, v) ** 3), 1.5)


def test_a_cutoff_on_a_frequency_of_the_transform_has_a_finite_derivative(x64, rng):
    # the band's centre falls on a bin: the ratio there is zero, and its logarithm infinite
    series = jnp.asarray(rng.standard_normal((100, 2)))
    middle = np.tan(np.pi * 5 / 100)
    low, high = (np.arctan(middle * factor) / (np.pi * TR) for factor in (0.5, 2.0))
    gradients = gradient(lambda *p: jnp.sum(BandPass.pure(series, TR, *p) ** 2), (0, 1, 2))(low, high, 2.0)
    assert np.all(np.isfinite(gradients))


@small
@given(
    low=st.floats(0.001, 0.2), width=st.floats(0.01, 0.3), order=st.floats(1, 8), frames=st.sampled_from([20, 121, 300])
)
def test_a_gain_lies_between_zero_and_one(low, width, order, frames):
    found = np.asarray(band_pass_gain(frames, TR, low, low + width, order))
    assert found.shape == (frames // 2 + 1,)
    assert np.all((found >= 0) & (found <= 1))


@pytest.mark.parametrize("order", [1, 2, 4, 5])
@pytest.mark.parametrize(("kind", "edges"), [*KINDS, ("bandpass", [0.05, 0.6])])
def test_the_recursive_filter_is_scipys(x64, rng, order, kind, edges):
    series = rng.standard_normal((200, 3)).cumsum(axis=0)
    expected = signal.sosfiltfilt(signal.butter(order, edges, kind, fs=1 / TR, output="sos"), series, axis=0)
    found = ButterworthFiltFilt.pure(jnp.asarray(series), TR, order=order, **recursive(cutoffs(kind, edges)))
    np.testing.assert_allclose(found, expected, atol=1e-10)


@pytest.mark.parametrize("columns", [3, 500], ids=["few", "many"])
@pytest.mark.parametrize("padlen", [None, 0, 1, 40, 199, "longest"])
@pytest.mark.parametrize("padtype", ["odd", "even", "constant", "none"])
def test_its_padding_is_scipys(x64, rng, padtype, padlen, columns):
    series = rng.standard_normal((200, columns)).cumsum(axis=0)
    sections = signal.butter(2, [0.01, 0.08], "bandpass", fs=1 / TR, output="sos")
    how = {"padtype": None if padtype == "none" else padtype, "padlen": 199 if padlen == "longest" else padlen}
    expected = signal.sosfiltfilt(sections, series, axis=0, **how)
    found = ButterworthFiltFilt.pure(jnp.asarray(series), TR, 0.01, 0.08, 2, padtype=padtype, padlen=padlen)
    np.testing.assert_allclose(found, expected, atol=1e-10 * np.abs(series).max())


@pytest.mark.parametrize("single", [False, True], ids=["float64", "float32"])
@pytest.mark.parametrize(
    ("block", "edges"),
    [
        (LowPass, (0.0,)),
        (LowPass, (0.625,)),
        (HighPass, (0.0,)),
        (HighPass, (0.625,)),
        (BandPass, (0.0, 0.625)),
        (BandPass, (0.1, 0.1)),
        (BandPass, (0.0, 0.0)),
    ],
)
def test_at_the_ends_of_their_range_cutoffs_have_finite_values_and_derivatives(rng, block, edges, single):
    series = rng.standard_normal((40, 2))
    with jax.enable_x64(not single):
        series = jnp.asarray(series)
        score = lambda tr, order, *edges: jnp.sum(block.pure(series, tr, *edges, order) ** 2)  # noqa: E731
        found = jax.jit(jax.value_and_grad(score, tuple(range(2 + len(edges)))))(TR, 2.0, *edges)
    assert np.all(np.isfinite(jax.tree.leaves(found)))


@pytest.mark.parametrize(("kind", "edges"), KINDS)
def test_the_recursive_filter_is_nilearns_on_real_series(x64, real_series, kind, edges):
    named = cutoffs(kind, edges)
    expected = nilearn.signal.butterworth(
        real_series, sampling_rate=1 / 3, low_pass=named.get("high"), high_pass=named.get("low"), copy=True
    )
    found = ButterworthFiltFilt.pure(jnp.asarray(real_series), 3.0, **recursive(named))
    np.testing.assert_allclose(found, expected, atol=1e-10 * np.abs(real_series).max())


@pytest.mark.parametrize("kind", ["bandpass", "lowpass", "highpass"])
def test_the_recursive_filter_in_single_precision_keeps_its_digits(rng, kind):
    series = rng.standard_normal((200, 3)).cumsum(axis=0)
    edges = dict(KINDS)[kind]
    expected = signal.sosfiltfilt(signal.butter(5, edges, kind, fs=1 / TR, output="sos"), series, axis=0)
    found = ButterworthFiltFilt.pure(jnp.asarray(series, jnp.float32), TR, **recursive(cutoffs(kind, edges)))
    assert found.dtype == jnp.float32
    assert np.abs(np.asarray(found, float) - expected).max() < 1e-5 * series.std()


@pytest.mark.parametrize("order", [2, 5])
def test_the_recursive_filter_has_the_right_derivatives(x64, rng, order):
    series = jnp.asarray(rng.standard_normal((80, 2)))
    run = jax.jit(lambda x, low, high: jnp.sum(ButterworthFiltFilt.pure(x, TR, low, high, order) ** 3))
    assert_gradient(lambda x: run(x, 0.02, 0.1), series)
    assert_gradient(lambda v: run(series, v, 0.1), 0.02)
    assert_gradient(lambda v: run(series, 0.02, v), 0.1)


@pytest.mark.parametrize("kind", ["bandpass", "lowpass", "highpass"])
def test_many_columns_are_filtered_as_few_are_and_have_the_same_derivatives(x64, rng, kind):
    series = jnp.asarray(rng.standard_normal((60, 150)) + 1e4)
    named = recursive(cutoffs(kind, dict(KINDS)[kind]))

    def loss(filtered, x, edges):
        return jnp.sum(filtered(x, edges) ** 3)

    def many(x, edges):
        return ButterworthFiltFilt.pure(x, TR, order=2, **edges)

    def few(x, edges):
        return jnp.concatenate([many(part, edges) for part in jnp.split(x, 2, axis=1)], axis=1)

    np.testing.assert_allclose(many(series, named), few(series, named), atol=1e-9)
    learned = {name: value for name, value in named.items() if value is not None}
    given = {**named, **learned}
    found, expected = (
        jax.jit(jax.value_and_grad(lambda x, e, f=f: loss(f, x, {**given, **e}), argnums=(0, 1)))(series, learned)
        for f in (many, few)
    )
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-7, atol=1e-7 * float(jnp.abs(other).max()))


BAD = [
    (BandPass, {"tr": 0.8, "low": 0.01, "high": 0.7}, r"high = 0.7 Hz is not below the Nyquist frequency 0.625 Hz"),
    (BandPass, {"tr": 0.8, "low": 0.2, "high": 0.1}, "low = 0.2 Hz and high = 0.1 Hz"),
    (BandPass, {"tr": 0.0}, "tr = 0 s is not positive"),
    (BandPass, {"timeseries": np.array([[0.0, 1.0], [1.0, np.nan]])}, "frame 1, column 1"),
    (BandStop, {"tr": 2.0, "high": 0.3}, "high = 0.3 Hz is not below the Nyquist frequency 0.25 Hz"),
    (LowPass, {"tr": 2.0, "cutoff": 0.3}, "cutoff = 0.3 Hz is not below the Nyquist frequency 0.25 Hz"),
    (LowPass, {"tr": 2.0, "cutoff": 0.0}, "cutoff = 0 Hz leaves nothing but the mean"),
    (ButterworthFiltFilt, {"timeseries": np.zeros((33, 1)), "order": 5}, "33 frames.* more than 33"),
    (ButterworthFiltFilt, {"timeseries": np.zeros((33, 1)), "padlen": 33}, "33 frames of padding .* smaller padlen"),
    (ButterworthFiltFilt, {"timeseries": np.zeros((33, 1)), "padlen": -1}, "padlen = -1; expected 0 frames or more"),
    (ButterworthFiltFilt, {"timeseries": np.zeros((33, 1)), "padlen": "all"}, "padlen = 'all'; expected 0 frames or"),
    (ButterworthFiltFilt, {"low": None, "high": None}, "nothing to filter"),
    (ButterworthFiltFilt, {"tr": 0.8, "low": 0.0, "high": 0.1}, "unit circle"),
]


@pytest.mark.parametrize(("block", "arguments", "message"), BAD)
def test_bad_input_is_named(block, arguments, message):
    with pytest.raises(ValueError, match=message):
        block.check(arguments)


def test_a_band_from_zero_is_accepted():
    BandPass.check({"tr": 0.8, "low": 0.0, "high": 0.1})
    BandPass.declaration.checked({"tr": 0.8, "low": 0.0, "high": 0.1, "order": 1.0})


def responded(kind):
    """Multiply spectra by the squared response of SciPy's filter."""

    def oracle(timeseries, tr, **cutoffs):
        order = int(cutoffs.pop("order"))
        edges = list(cutoffs.values()) if kind.startswith("band") else cutoffs["cutoff"]
        frequencies = np.fft.rfftfreq(len(timeseries), tr)
        response = signal.sosfreqz(signal.butter(order, edges, kind, fs=1 / tr, output="sos"), frequencies, fs=1 / tr)[
            1
        ]
        return np.fft.irfft(np.abs(response)[:, None] ** 2 * np.fft.rfft(timeseries, axis=0), len(timeseries), axis=0)

    return oracle


def scipys(timeseries, tr, low, high, order, **_):
    sections = signal.butter(order, [low, high], "bandpass", fs=1 / tr, output="sos")
    return signal.sosfiltfilt(sections, timeseries, axis=0)


SOSFREQZ = "scipy.signal.sosfreqz"
CONSTANT = {"a constant column": {"timeseries": np.stack([np.ones(60), np.sin(np.arange(60))], axis=1)}}
CASES = [
    Case(BandPass, {}, responded("bandpass"), SOSFREQZ, CONSTANT),
    Case(BandStop, {"tr": 0.8}, responded("bandstop"), SOSFREQZ, CONSTANT),
    Case(HighPass, {}, responded("highpass"), SOSFREQZ, CONSTANT),
    Case(LowPass, {}, responded("lowpass"), SOSFREQZ, CONSTANT),
    Case(ButterworthFiltFilt, {}, scipys, "scipy.signal.sosfiltfilt", CONSTANT),
]
