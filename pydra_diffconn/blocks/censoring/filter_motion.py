"""Breathing taken out of motion parameters, before displacement is measured."""

from collections.abc import Mapping
from typing import Annotated, Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from pydra_diffconn.blocks.censoring.motion import MOTION
from pydra_diffconn.blocks.checks import check_band
from pydra_diffconn.blocks.filtering.filtfilt import OptionalHigh, both_ways, both_ways_to, butterworth_sections
from pydra_diffconn.declare import constraints
from pydra_diffconn.declare.block import define
from pydra_diffconn.declare.constraints import Given
from pydra_diffconn.declare.padding import by
from pydra_diffconn.declare.parameters import Parameter


def check(arguments: Mapping[str, Any]) -> None:
    """Refuse a band that is empty or above the Nyquist frequency, and no order."""
    check_band(arguments)
    low, high = arguments.get("low"), arguments.get("high", 1.0)
    if low == 0 and high is None:
        raise ValueError("low = 0 Hz leaves nothing but the mean of the motion; choose a cut-off above 0")
    if arguments.get("order", 2) < 1:
        raise ValueError(f"order = {arguments['order']}; expected 1 or more")


def _filtered_to(length: Any, motion: Array, tr: Any, low: Any = 0.1, high: Any = None, order: int = 2) -> Array:
    sections, times = _sections(tr, low, high, order)
    for _ in range(times):
        motion = both_ways_to(length, sections, motion, length - 1, len(motion) - 1, "constant")
    return motion


@define(
    outputs=["motion"],
    linear_in="motion",
    acts_along="time",
    check=check,
    columns={"motion": MOTION},
    padding=by(_filtered_to),
)
def FilterMotion(
    motion: Float[Array, "time 6"],
    tr: float,
    low: Annotated[
        float,
        Parameter(constraints.between(0.0, Given("high", constraints.nyquist)), unit="Hz", help="where removal begins"),
    ] = 0.1,
    high: OptionalHigh = None,
    order: int = 2,
) -> Float[Array, "time 6"]:
    r"""Remove from motion parameters what breathing adds: a band (notch), or all above a cut-off (low-pass).

    $$
    g(f) = \left(1 + \left(\frac{\theta}{\theta_1}\right)^{2n}\right)^{-1} \text{ or } \left(1 + \frac{b^2
    \sin^2 \omega}{(\cos \omega - \cos \omega_0)^2}\right)^{-n}, \quad \theta = \tan \frac{\omega}{2},\ \omega = 2 \pi
    f\, \text{tr},\ b = \tan(\pi (f_2 - f_1)\, \text{tr})
    $$

    Without `high` a Butterworth low-pass of that order at `low`, as Gratton et al. (2020) filter single-band data; with
    both a notch of second order about the middle of the band, applied `order` times, as Fair et al. (2020) filter
    multi-band data. Recursive, forwards and backwards, the ends held for as long as the run; so it equals XCP-D's
    `--motion-filter-type lp` and `notch`, whose `--motion-filter-order` is twice ours, and `scipy.signal.filtfilt` with
    `butter` and `iirnotch`. Breaths per minute are 60 times as many as Hz. Parameters that do not change stay as they
    are. Sources: Gratton et al. (2020), doi:10.1016/j.neuroimage.2020.116866; Fair et al. (2020),
    doi:10.1016/j.neuroimage.2019.116400.

    Parameters
    ----------
    motion : (time, 6)
        Translations along x, y, z, then rotations around them; of a file the columns `trans_x`, ..., `rot_z`.
    tr : float
        Repetition time in seconds.
    low : float
        In Hz: the cut-off of the low-pass, or the lower end of the notch.
    high : float, optional
        In Hz, above `low`: the upper end of the notch.
    order : int
        Of the low-pass, or how often the notch is applied.
    """
    sections, times = _sections(tr, low, high, order)
    for _ in range(times):
        motion = both_ways(sections, motion, len(motion) - 1, "constant")
    return motion


def _sections(tr: Any, low: Any, high: Any, order: int) -> tuple[Float[Array, "sections 6"], int]:
    """Return the sections of the filter, and how often it is applied."""
    if high is None:
        return butterworth_sections(tr, None, low, order, "lowpass"), 1
    # in d = z - 1 the notch g (z^2 - 2 c z + 1) / (z^2 - 2 g c z + 2 g - 1) keeps the digits of slow cut-offs
    width, opening = jnp.tan(jnp.pi * (high - low) * tr), 4 * jnp.sin(jnp.pi * (low + high) * tr / 2) ** 2
    gain = 1 / (1 + width)
    sides = gain * opening
    return jnp.stack([gain, sides, sides, 2 * gain * width + sides, sides, jnp.ones_like(gain)])[None], order
