"""From the sections of a Butterworth filter back to what it was designed by."""

from __future__ import annotations

from typing import Any

import numpy as np

ON = 1e-3  # how near a zero of the filter lies to the frequency that it removes, given double roots
SAME = 1e-9  # largest difference of the gains of the filter and of the one that is made of what was recovered


def design_of(sos: Any) -> tuple[float | None, float | None, int]:
    """Return the cut-offs, in cycles per frame, and the order; without the lower one it is a low-pass.

    Raises
    ------
    ValueError
        If it is no low-pass, high-pass or band-pass that `scipy.signal.butter` gives.
    """
    from scipy.signal import butter, sosfreqz

    sections = np.asarray(sos, dtype=float)
    if sections.ndim == 2 and sections.shape[1] == 6:
        low, high, order = _recovered(sections)
        edges = [edge for edge in (low, high) if edge is not None]
        if order and all(0 < edge < 0.5 for edge in edges) and edges == sorted(edges):
            kind = "bandpass" if len(edges) == 2 else "lowpass" if low is None else "highpass"
            again = butter(order, edges if len(edges) == 2 else edges[0], kind, fs=1, output="sos")
            if np.allclose(sosfreqz(sections)[1], sosfreqz(again)[1], atol=SAME):
                return low, high, order
    raise ValueError(
        "sos is no low-pass, high-pass or band-pass of scipy.signal.butter(..., output='sos'); for another filter use "
        "FrequencyGain"
    )


def _recovered(sections: np.ndarray) -> tuple[float | None, float | None, int]:
    """Return the edges and the order that the zeros and poles would have if it were such a filter, else order 0.

    The bilinear map takes the poles to those of the analog filter, on a circle of radius tan(pi cut-off); those of a
    band-pass solve s^2 - width pole s + centre = 0 for the poles of the low-pass of radius 1, whose sum is known.
    """
    from scipy.signal import sos2zpk

    zeros, poles, _ = sos2zpk(sections)
    zeros, poles = (roots[np.abs(roots) > ON] for roots in (zeros, poles))  # a first-order section has 0 as both
    at_nyquist, at_zero = np.sum(np.abs(zeros + 1) < ON), np.sum(np.abs(zeros - 1) < ON)
    count = len(poles)
    if count == 0 or at_nyquist + at_zero != count or len(zeros) != count:
        return None, None, 0
    analog = (poles - 1) / (poles + 1)
    radius = np.exp(np.mean(np.log(np.abs(analog))))
    if at_nyquist == count:
        return None, _frequency(radius), count
    if at_zero == count:
        return _frequency(radius), None, count
    if at_nyquist != at_zero:
        return None, None, 0
    order = count // 2
    half = -np.sum(analog).real * np.sin(np.pi / (2 * order)) / 2
    upper = half + np.hypot(half, radius)  # the product of both edges is the square of the radius
    return _frequency(radius**2 / upper), _frequency(upper), order


def _frequency(edge: float) -> float:
    return float(np.arctan(edge) / np.pi)
