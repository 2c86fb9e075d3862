"""The Butterworth filter as most tools run it: second-order sections, forwards and backwards, with odd padding."""

from collections.abc import Mapping
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pydra_diffconn.block import define
from pydra_diffconn.blocks.filtering import HighCutoff, LowCutoff, check_band


def check(arguments: Mapping[str, Any]) -> None:
    """Refuse what `check_band` refuses, and runs shorter than the padding."""
    kind = arguments.get("kind", "bandpass")
    if kind not in ("bandpass", "lowpass", "highpass"):
        raise ValueError(f"kind = {kind!r}; expected 'bandpass', 'lowpass' or 'highpass'")
    unused = {"bandpass": (), "lowpass": ("low",), "highpass": ("high",)}[kind]
    check_band({name: value for name, value in arguments.items() if name not in unused})
    if kind != "lowpass" and arguments.get("low") == 0:
        raise ValueError(f"low = 0 Hz puts a {kind} filter's pole on the unit circle; use kind='lowpass' or BandPass")
    series, order = arguments.get("timeseries"), arguments.get("order", 5)
    if series is not None and len(series) <= padding(order, kind):
        raise ValueError(
            f"timeseries has {len(series)} frames; a {kind} filter of order {order} needs more than "
            f"{padding(order, kind)}; lower the order or use BandPass"
        )


@define(outputs=["timeseries"], linear_in="timeseries", acts_along="time", check=check)
def ButterworthFiltFilt(
    timeseries: Float[Array, "time space"],
    tr: float,
    low: LowCutoff = 0.01,
    high: HighCutoff = 0.1,
    order: int = 5,
    kind: Literal["bandpass", "lowpass", "highpass"] = "bandpass",
) -> Float[Array, "time space"]:
    """Filter forwards and backwards with a recursive Butterworth filter, as SciPy and nilearn do.

    Equals `scipy.signal.sosfiltfilt` with its default odd padding, and with order 5 `nilearn.signal.butterworth`;
    differentiable in the cut-offs. A constant column gives a constant (low-pass) or zero.

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per column, longer than three times the filter's taps.
    tr : float
        Repetition time in seconds.
    low, high : float
        Cut-offs in Hz; `kind` says which of them are used.
    order : int
        Order of the low-pass prototype.
    kind : {"bandpass", "lowpass", "highpass"}
        Which frequencies pass.
    """
    sections = butterworth_sections(tr, low, high, order, kind)
    start = steady_state(sections)
    edge = padding(order, kind)
    first, last = timeseries[:1], timeseries[-1:]
    padded = jnp.concatenate(
        [2 * first - timeseries[edge:0:-1], timeseries, 2 * last - timeseries[-2 : -edge - 2 : -1]]
    )
    forward = _filter(sections, padded, start)
    return _filter(sections, forward[::-1], start)[::-1][edge:-edge]


def padding(order: int, kind: str) -> int:
    """Return SciPy's padding length: three times the taps, first-order sections counted as such."""
    sections = order if kind == "bandpass" else (order + 1) // 2
    first_order = 0 if kind == "bandpass" else order % 2
    return 3 * (2 * sections + 1 - first_order)


def butterworth_sections(tr: Any, low: Any, high: Any, order: int, kind: str) -> Float[Array, "sections 6"]:
    """Return b0 b1 b2 a0 a1 a2 per section: analog prototype, frequency transform, bilinear map."""
    # poles of the prototype on the unit circle; one of each conjugate pair, and the real one for odd orders
    angles = np.pi * (np.arange(order // 2) * 2 + 1) / (2 * order) + np.pi / 2
    pairs = [complex(np.cos(angle), np.sin(angle)) for angle in angles]
    if kind == "bandpass":
        return _band_sections(pairs, order, jnp.tan(jnp.pi * low * tr), jnp.tan(jnp.pi * high * tr))
    edge = jnp.tan(jnp.pi * (low if kind == "highpass" else high) * tr)
    zero = -1.0 if kind == "lowpass" else 1.0
    rows = []
    for pole in pairs:  # (s/w)^2 + 2 c (s/w) + 1, or its high-pass mirror image, which has the same denominator
        rows.append(_section(1.0, -2 * pole.real * edge, edge**2, (zero, zero)))
    if order % 2:
        rows.append(_section(0.0, 1.0, edge, (zero,)))
    sections = jnp.stack(rows)
    at = 1.0 if kind == "lowpass" else -1.0  # unit gain in the middle of the pass band: at 0 or at Nyquist
    return sections.at[:, :3].divide(_response(sections, at)[:, None])


def _band_sections(pairs: list[complex], order: int, lower: Array, upper: Array) -> Array:
    width, centre = upper - lower, lower * upper
    rows = []
    for pole in pairs:
        # s^2 - pole width s + centre = 0 : each prototype pole gives two, each with a conjugate of its own
        half = pole * width / 2
        root = jnp.sqrt(half**2 - centre + 0j)
        for s in (half + root, half - root):
            rows.append(_section(1.0, -2 * s.real, (s * s.conj()).real, (1.0, -1.0)))
    if order % 2:
        rows.append(_section(1.0, width, centre, (1.0, -1.0)))
    sections = jnp.stack(rows)
    # the pass band's centre is where the bilinear map puts sqrt(lower upper)
    middle = jnp.sqrt(centre)
    z = (1 + 1j * middle) / (1 - 1j * middle)
    return sections.at[:, :3].divide(jnp.abs(_response(sections, z))[:, None])


def _section(quadratic: float, linear: Any, constant: Any, zeros: tuple[float, ...]) -> Array:
    """Map quadratic s^2 + linear s + constant by s = (z - 1) / (z + 1), with the given zeros."""
    if quadratic:
        denominator = [1 + linear + constant, 2 * (constant - 1), 1 - linear + constant]
        numerator = [1.0, -(zeros[0] + zeros[1]), zeros[0] * zeros[1]]
    else:
        denominator, numerator = [linear + constant, constant - linear, 0.0], [1.0, -zeros[0], 0.0]
    scaled = [coefficient / denominator[0] for coefficient in denominator]
    return jnp.stack([jnp.asarray(c, dtype=jnp.result_type(float)) for c in [*numerator, *scaled]])


def _response(sections: Array, z: Any) -> Array:
    powers = jnp.stack([jnp.ones_like(z), 1 / z, 1 / z**2]) if not isinstance(z, float) else jnp.array([1, 1 / z, 1])
    return (sections[:, :3] @ powers) / (sections[:, 3:] @ powers)


def steady_state(sections: Float[Array, "sections 6"]) -> Float[Array, "sections 2"]:
    """Return the states of a filter that has seen the constant 1 for ever (direct form II transposed)."""
    states, level = [], jnp.asarray(1.0, dtype=sections.dtype)
    for b0, b1, b2, _, a1, a2 in sections:
        gain = (b0 + b1 + b2) / (1 + a1 + a2)
        second = b2 - a2 * gain
        states.append(level * jnp.stack([b1 - a1 * gain + second, second]))
        level = level * gain
    return jnp.stack(states)


def _filter(sections: Array, series: Float[Array, "time space"], start: Array) -> Float[Array, "time space"]:
    """Run all sections in one scan over time; the states start as if the first frame had lasted for ever."""
    sections, start = sections.astype(series.dtype), start.astype(series.dtype)

    def step(states: Array, frame: Array) -> tuple[Array, Array]:
        new = []
        for (b0, b1, b2, _, a1, a2), state in zip(sections, states, strict=True):
            out = b0 * frame + state[0]
            new.append(jnp.stack([b1 * frame - a1 * out + state[1], b2 * frame - a2 * out]))
            frame = out
        return jnp.stack(new), frame

    return jax.lax.scan(step, start[:, :, None] * series[0], series)[1]
