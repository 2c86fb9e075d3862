"""The Butterworth filter as most tools run it: second-order sections, forwards and backwards, with padding."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pydra_diffconn.blocks.checks import check_filter
from pydra_diffconn.blocks.freedom import of_band
from pydra_diffconn.blocks.shared_parameters import FrameWeights
from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.constraints import Given
from pydra_diffconn.declare.padding import by
from pydra_diffconn.declare.parameters import Parameter
from pydra_diffconn.numerics.linalg import apply_over_time

LONGEST = "longest"  # padding
LONG = 1000  # frames from which a recursion is faster than a product, as measured
OptionalLow = Annotated[
    float | None,
    Parameter(constraints.between(0.0, Given("high", constraints.nyquist)), unit="Hz", help="lower cut-off"),
]
OptionalHigh = Annotated[
    float | None,
    Parameter(constraints.between(Given("low", 0.0), constraints.nyquist), unit="Hz", help="upper cut-off"),
]


def check(arguments: Mapping[str, Any]) -> None:
    """Refuse what `check_filter` refuses, a filter without edges, and runs shorter than the padding."""
    kind = _kind(*(arguments.get(name, np.nan) for name in ("low", "high")))  # what is learned is not known here
    if arguments.get("low") == 0:
        raise ValueError("low = 0 Hz puts the filter's pole on the unit circle; use low=None or BandPass")
    series, order = arguments.get("timeseries"), arguments.get("order", 5)
    if order < 1:
        raise ValueError(f"order = {order}; expected 1 or more")
    given, frames = arguments.get("padlen"), _frames(series, arguments.get("frame_weights"))
    if given is not None and given != LONGEST and not (isinstance(given, int) and given >= 0):
        raise ValueError(f"padlen = {given!r}; expected 0 frames or more, {LONGEST!r}, or None for SciPy's default")
    length = padding(arguments.get("padtype", "odd"), given, order, kind, frames or 1)
    if frames is not None and frames <= length:
        raise ValueError(
            f"timeseries has {frames} frames; a {kind} filter of order {order} with {length} frames of padding "
            f"needs more than {length}; give a smaller padlen, lower the order or use BandPass"
        )
    check_filter(arguments)


def _frames(series: Any, weights: Any) -> int | None:
    """Return how many frames there are, from the first to the last with a weight; None if that is not known."""
    if series is None:
        return None
    kept = np.arange(len(series)) if weights is None else np.flatnonzero(np.asarray(weights) > 0)
    return int(kept[-1] - kept[0]) + 1 if kept.size else len(series)


def _padded_filtfilt(
    length: Any,
    timeseries: Array,
    tr: Any,
    low: Any = 0.01,
    high: Any = 0.1,
    order: int = 5,
    padtype: str = "odd",
    padlen: Any = None,
    frame_weights: Array | None = None,
) -> Array:
    """Filter the first `length` frames, a traced number, as the block filters a series of that length."""
    if frame_weights is not None:
        kept, last = frame_weights > 0, len(timeseries) - 1
        first, final = jnp.argmax(kept), jnp.where(kept.any(), last - jnp.argmax(kept[::-1]), last)
        moved = jnp.roll(timeseries, -first, axis=0)
        filtered = jnp.roll(
            _padded_filtfilt(final - first + 1, moved, tr, low, high, order, padtype, padlen), first, axis=0
        )
        place = jnp.arange(len(timeseries))
        return jnp.where(((place >= first) & (place <= final))[:, None], filtered, 0.0)
    kind = _kind(low, high)
    most = padding(padtype, padlen, order, kind, len(timeseries))
    edge = length - 1 if padlen == LONGEST and padtype != "none" else most
    sections = butterworth_sections(tr, low, high, order, kind)
    return both_ways_to(length, sections, timeseries, edge, most, padtype)


def both_ways_to(length: Any, sections: Array, timeseries: Array, edge: Any, most: int, padtype: str) -> Array:
    """Filter the first `length` frames, a traced number, both ways with `edge` frames of padding, `most` at most."""
    frames = len(timeseries)
    start, total = steady_state(sections), length + 2 * edge
    place = jnp.arange(frames + 2 * most)
    forward = _filter(sections, _gone_on(timeseries, length, place - edge, padtype), start)
    backward = _filter(sections, forward[jnp.maximum(total - 1 - place, 0)], start)
    return backward[jnp.maximum(total - 1 - edge - jnp.arange(frames), 0)]


def _gone_on(timeseries: Array, length: Any, frame: Array, padtype: str) -> Array:
    """Return what stands at frames before the first and from `length` on, as the series goes on there."""
    last = length - 1
    mirrored = jnp.where(frame < 0, -frame, jnp.where(frame > last, 2 * last - frame, frame))
    values = timeseries[jnp.clip(mirrored, 0, last)]
    outside = ((frame < 0) | (frame > last))[:, None]
    end = jnp.where((frame < 0)[:, None], timeseries[0], timeseries[last])
    if padtype == "odd":
        return jnp.where(outside, 2 * end - values, values)
    return jnp.where(outside, end, values) if padtype == "constant" else values


@define(
    outputs=["timeseries"],
    linear_in="timeseries",
    acts_along="time",
    check=check,
    freedom=of_band,
    padding=by(_padded_filtfilt),
)
def ButterworthFiltFilt(
    timeseries: Float[Array, "time space"],
    tr: float,
    low: OptionalLow = 0.01,
    high: OptionalHigh = 0.1,
    order: int = 5,
    padtype: Literal["odd", "even", "constant", "none"] = "odd",
    padlen: int | Literal["longest"] | None = None,
    frame_weights: FrameWeights = None,
) -> Float[Array, "time space"]:
    r"""Filter forwards and backwards with a recursive Butterworth filter, as SciPy and nilearn do.

    $$
    y = J\big(h * J(h * x)\big), \quad J \text{ reverses time}, \quad |\hat h(f)|^2 = \frac{1}{1 +
    \left(\frac{\theta^2 - \theta_1 \theta_2}{(\theta_2 - \theta_1)\, \theta}\right)^{2n}}
    $$

    Equals `scipy.signal.sosfiltfilt`, and with order 5 `nilearn.signal.butterworth`; differentiable in the cut-offs.
    XCP-D has order 2, padtype="constant" and padlen="longest". A constant column gives a constant
    (low-pass) or zero.

    Parameters
    ----------
    timeseries : (time, space)
        Series, one per column, longer than the padding.
    tr : float
        Repetition time in seconds.
    low, high : float or None
        Cut-offs in Hz; without `low` it is a low-pass, without `high` a high-pass.
    order : int
        Order of the low-pass prototype.
    padtype : {"odd", "even", "constant", "none"}
        How the series goes on at both ends before it is filtered: turned about its first value, mirrored, held, or not.
    padlen : int or "longest", optional
        By how many frames; by default three times the filter's taps, as in SciPy; at the longest one less than the run.
    frame_weights : (time,), optional
        From `CutEnds`: the run is what lies from the first to the last frame with a weight; beyond it is 0.
    """
    if frame_weights is not None:
        return _padded_filtfilt(None, timeseries, tr, low, high, order, padtype, padlen, frame_weights)
    kind = _kind(low, high)
    edge = padding(padtype, padlen, order, kind, len(timeseries))
    sections = butterworth_sections(tr, low, high, order, kind)
    frames, columns = timeseries.shape
    if frames <= LONG and columns >= 2 * frames:  # then one product is faster than a recursion for each column
        operator = both_ways(sections, jnp.eye(frames, dtype=timeseries.dtype), edge, padtype)
        constant = jnp.full(frames, 0.0 if low is not None else 1.0, timeseries.dtype)
        return apply_over_time(operator, constant, timeseries)
    return both_ways(sections, timeseries, edge, padtype)


def both_ways(sections: Array, timeseries: Array, edge: int, padtype: str) -> Array:
    """Filter forwards and backwards with `edge` frames of padding, from the steady state of the first of them."""
    start = steady_state(sections)
    forward = _filter(sections, _padded(timeseries, edge, padtype), start)
    return _filter(sections, forward[::-1], start)[::-1][edge : edge + len(timeseries)]


def _padded(timeseries: Array, edge: int, padtype: str) -> Array:
    if edge == 0:
        return timeseries
    first, last = timeseries[:1], timeseries[-1:]
    before, after = timeseries[edge:0:-1], timeseries[-2 : -edge - 2 : -1]
    if padtype == "odd":
        before, after = 2 * first - before, 2 * last - after
    elif padtype == "constant":
        before, after = (jnp.broadcast_to(end, before.shape) for end in (first, last))
    return jnp.concatenate([before, timeseries, after])


def _kind(low: Any, high: Any) -> str:
    if low is None and high is None:
        raise ValueError("low and high are both None, which leaves nothing to filter; give one in Hz")
    return "lowpass" if low is None else "highpass" if high is None else "bandpass"


def padding(padtype: str, padlen: int | str | None, order: int, kind: str, frames: int) -> int:
    """Return the padding's length, SciPy's if none is given: three times the taps, of first-order sections fewer."""
    if padtype == "none":
        return 0
    if padlen is not None:
        return frames - 1 if isinstance(padlen, str) else padlen
    sections = order if kind == "bandpass" else (order + 1) // 2
    first_order = 0 if kind == "bandpass" else order % 2
    return 3 * (2 * sections + 1 - first_order)


def butterworth_sections(tr: Any, low: Any, high: Any, order: int, kind: str) -> Float[Array, "sections 6"]:
    """Return the sections of a filter as polynomials in d = z - 1: n2 n1 n0 over d^2 + m1 d + m0, and the gain at 0 Hz.

    Around z = 1, where the poles of a slow filter crowd, powers of z - 1 keep the digits that powers of z lose in
    single precision (the delta operator, Middleton & Goodwin 1986).
    """
    # poles of the prototype on the unit circle; one of each conjugate pair, and the real one for odd orders
    angles = np.pi * (np.arange(order // 2) * 2 + 1) / (2 * order) + np.pi / 2
    pairs = [complex(np.cos(angle), np.sin(angle)) for angle in angles]
    if kind == "bandpass":
        return _band_sections(pairs, order, jnp.tan(jnp.pi * low * tr), jnp.tan(jnp.pi * high * tr))
    edge = jnp.tan(jnp.pi * (low if kind == "highpass" else high) * tr)
    low_pass = kind == "lowpass"
    rows = []
    for pole in pairs:  # (s/w)^2 + 2 c (s/w) + 1, or its high-pass mirror image, which has the same denominator
        linear, constant = -2 * pole.real * edge, edge**2
        rows.append(_section(linear, constant, (constant, 4.0, 4.0, 1.0) if low_pass else (1.0, 0.0, 0.0, 0.0)))
    if order % 2:
        first = 1 + edge  # (s + edge) becomes (1 + edge) d + 2 edge
        numerator = (edge, 2 * edge) if low_pass else (1.0, 0.0)
        rows.append(_stack([numerator[0] / first, numerator[1] / first, 0.0, 2 * edge / first, 0.0, float(low_pass)]))
    return jnp.stack(rows)


def _band_sections(pairs: list[complex], order: int, lower: Array, upper: Array) -> Array:
    width, centre = upper - lower, lower * upper
    rows = []
    for pole in pairs:
        # s^2 - pole width s + centre = 0 : each prototype pole gives two, each with a conjugate of its own
        half = pole * width / 2
        root = jnp.sqrt(half**2 - centre + 0j)
        for s in (half + root, half - root):
            rows.append(_section(-2 * s.real, (s * s.conj()).real, (width, 2.0, 0.0, 0.0)))
    if order % 2:
        rows.append(_section(width, centre, (width, 2.0, 0.0, 0.0)))
    return jnp.stack(rows)


def _section(linear: Any, constant: Any, numerator: tuple[Any, float, float, float]) -> Array:
    """Map s^2 + linear s + constant by s = d / (d + 2); `numerator`: factor, then n1 and n0 relative to n2, gain."""
    first = 1 + linear + constant
    factor, n1, n0, gain = numerator
    scale = factor / first
    return _stack([scale, n1 * scale, n0 * scale, (2 * linear + 4 * constant) / first, 4 * constant / first, gain])


def _stack(numbers: list[Any]) -> Array:
    return jnp.stack([jnp.asarray(number, dtype=jnp.result_type(float)) for number in numbers])


def steady_state(sections: Float[Array, "sections 6"]) -> Float[Array, "sections 2"]:
    """Return the states of a filter that has seen the constant 1 for ever."""
    states, level = [], jnp.asarray(1.0, dtype=sections.dtype)
    for n2, n1, _, m1, _, gain in sections:
        states.append(level * jnp.stack([gain - n2, m1 * gain - n1]))
        level = level * gain
    return jnp.stack(states)


def _filter(sections: Array, series: Float[Array, "time space"], start: Array) -> Float[Array, "time space"]:
    """Run all sections in one scan over time; the states start as if the first frame had lasted for ever."""
    sections, start = sections.astype(series.dtype), start.astype(series.dtype)

    def step(states: Array, frame: Array) -> tuple[Array, Array]:
        new = []
        for (n2, n1, n0, m1, m0, _), state in zip(sections, states, strict=True):
            out = n2 * frame + state[0]
            new.append(jnp.stack([state[0] + (n1 * frame - m1 * out + state[1]), state[1] + (n0 * frame - m0 * out)]))
            frame = out
        return jnp.stack(new), frame

    return jax.lax.scan(step, start[:, :, None] * series[0], series)[1]
