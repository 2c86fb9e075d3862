"""The band-pass of 3dBandpass: its algorithm is the oracle."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gradients import assert_gradient

from pydra_diffconn.blocks import ZeroPaddedBandPass
from pydra_diffconn.blocks.filtering.zero_padded import padded_length
from pydra_diffconn.testing import Case

SERIES = np.random.default_rng(3).standard_normal((61, 4)).cumsum(axis=0)


def bandpass(timeseries, tr, low=0.01, high=0.1, edge=0.5, length=None, softness=0.0):
    """Filter as 3dBandpass does: complex transform, both halves set to zero outside the band."""
    frames = len(timeseries)
    length = length or padded_length(frames)
    step, half = 1 / (length * tr), length // 2
    first, last = int(np.rint(low / step)), min(int(np.rint(high / step)), half - 1)
    spectrum = np.fft.fft(timeseries, n=length, axis=0)
    spectrum[0] = spectrum[half] = 0
    ends = [last] if first < 1 else [last] if first == last else [first, last]
    for number in ends:
        spectrum[number] *= edge
        spectrum[length - number] *= edge
    for number in [*range(1, first), *range(last + 1, half)]:
        spectrum[number] = spectrum[length - number] = 0
    return np.fft.ifft(spectrum, axis=0).real[:frames]


@pytest.mark.parametrize(
    ("frames", "length"), [(60, 60), (61, 64), (168, 180), (11, 12), (245, 250), (1200, 1200), (243, 250), (251, 256)]
)
def test_the_length_of_the_transform(frames, length):
    assert padded_length(frames) == length


@pytest.mark.parametrize("band", [(0.01, 0.1), (0.0, 0.08), (0.02, 99999.0)])
def test_it_is_the_filter_of_3dbandpass_on_real_data(x64, real_series, band):
    series = real_series[:, :20] - real_series[:, :20].mean(axis=0)
    for length in (None, 512):
        found = ZeroPaddedBandPass.pure(jnp.asarray(series), 2.0, *band, length=length)
        np.testing.assert_allclose(found, bandpass(series, 2.0, *band, length=length), atol=1e-9)


def test_gradients_of_soft_ends(x64):
    rate = jax.jit(lambda b: jnp.sum(ZeroPaddedBandPass.pure(jnp.asarray(SERIES), 2.0, b[0], b[1], b[2]) ** 2))
    assert_gradient(rate, np.array([0.03, 0.11, 0.01]))


BAD = [
    ({"low": 0.1, "high": 0.05}, "are no band"),
    ({"tr": 0.0}, "not positive"),
    ({"length": 63}, "an even number"),
    ({"length": 60, "timeseries": SERIES}, "not below 61 frames"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD)
def test_bad_input_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        ZeroPaddedBandPass.check(arguments)


CASES = [
    Case(
        ZeroPaddedBandPass,
        {"timeseries": SERIES, "tr": 2.0, "low": 0.021, "high": 0.113},
        bandpass,
        "3dBandpass (NumPy)",
        {"a constant column": {"timeseries": np.stack([np.full(61, 7.0), SERIES[:, 0]], axis=1)}},
        smooth=("timeseries", "edge"),
    )
]
