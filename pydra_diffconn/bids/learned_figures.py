"""The figures of a run whose parameters were learned: what learning changed, as SVG text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pydra_diffconn.bids.computing import Found
from pydra_diffconn.bids.figures import DPI, limit_of, show_matrix
from pydra_diffconn.bids.job import Prepared
from pydra_diffconn.bids.postprocess import KINDS
from pydra_diffconn.bids.settings import Settings
from pydra_diffconn.report import figures

FREQUENCIES = 512


def draw(prepared: Prepared, found: Found) -> dict[str, str]:
    """Return the figures by name: the connectome before and after learning, the filter's response, the fit's loss."""
    job = prepared.job
    if found.at_start is None:
        return {}
    kind, learned = next(iter(found.connectomes.items()))
    drawn = {"versus": versus(found.at_start, learned, KINDS[kind][1])}
    changed = {name.rpartition(".")[2] for name in job.learned}
    if changed & {"high_pass", "low_pass"}:
        gains = [response(settings, prepared.tr) for settings in (job.at_start, job.settings)]
        drawn["response"] = figures.band(frequencies_of(prepared.tr), *gains)
    if job.history:
        drawn["loss"] = figures.loss_curve(job.history)
    return drawn


def frequencies_of(tr: float) -> np.ndarray:
    """Return the frequencies at which a response is drawn, from 0 to Nyquist's."""
    return np.linspace(0, 0.5 / tr, FREQUENCIES)


def response(settings: Settings, tr: float) -> np.ndarray:
    """Return the gain of the temporal filter of some settings at `frequencies_of` its repetition time."""
    from scipy.signal import butter, sosfreqz

    frequencies = frequencies_of(tr)
    low, high = settings.high_pass, settings.low_pass
    if low is None and high is None:
        return np.ones(FREQUENCIES)
    if settings.order == "simultaneous":  # a projection keeps the band as it is, and nothing else
        return ((frequencies >= (low or 0)) & (frequencies <= (high or np.inf))).astype(float)
    edges: Mapping[str, Any] = {"high": low, "low": high} if low is None or high is None else {"band": (low, high)}
    ((kind, at),) = ((kind, at) for kind, at in edges.items() if at is not None)
    sections = butter(settings.filter_order, at, f"{kind}pass", fs=1 / tr, output="sos")
    return np.abs(sosfreqz(sections, frequencies, fs=1 / tr)[1]) ** 2  # forwards and backwards


@figures.styled
def versus(before: np.ndarray, after: np.ndarray, label: str) -> str:
    """Draw two connectomes (P, P) on one scale, and the second less the first on its own; missing parcels grey."""
    figure, axes = figures.new(7.0, 2.6, 3)
    shared = max(limit_of(before), limit_of(after))
    parts = (("before learning", before, shared), ("learned", after, shared), ("difference", after - before, None))
    for axis, (title, matrix, limit) in zip(axes, parts, strict=True):
        limit = limit or limit_of(matrix)
        image = show_matrix(axis, matrix, limit)
        axis.set(title=title, xlabel="parcel", xticks=[], yticks=[])
        figure.colorbar(image, ax=axis, shrink=0.75, orientation="horizontal", label=label)
    axes[0].set_ylabel("parcel")
    return figures.as_svg(figure, DPI)
