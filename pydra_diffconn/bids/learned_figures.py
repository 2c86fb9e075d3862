"""The figures of a run whose parameters were learned: what learning changed, as SVG text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pydra_diffconn.bids.computing import Found
from pydra_diffconn.bids.figures import DPI, MISSING
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
        drawn["response"] = figures.band(
            np.linspace(0, 0.5 / prepared.tr, FREQUENCIES),
            *(response(settings, prepared.tr) for settings in (job.at_start, job.settings)),
        )
    if job.history:
        drawn["loss"] = figures.loss_curve(job.history)
    return drawn


def response(settings: Settings, tr: float) -> np.ndarray:
    """Return the gain of the temporal filter of some settings at frequencies from 0 to Nyquist's."""
    from scipy.signal import butter, sosfreqz

    frequencies = np.linspace(0, 0.5 / tr, FREQUENCIES)
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
    import matplotlib

    colours = matplotlib.colormaps["RdBu_r"].resampled(17).with_extremes(bad=MISSING)
    figure, axes = figures.new(7.0, 2.6, 3)
    shared = max(_limit(before), _limit(after))
    parts = (("before learning", before, shared), ("learned", after, shared), ("difference", after - before, None))
    for axis, (title, matrix, limit) in zip(axes, parts, strict=True):
        limit = limit or _limit(matrix)
        image = axis.imshow(matrix, cmap=colours, vmin=-limit, vmax=limit, interpolation="nearest", rasterized=True)
        axis.set(title=title, xlabel="parcel", xticks=[], yticks=[])
        figure.colorbar(image, ax=axis, shrink=0.75, orientation="horizontal", label=label)
    axes[0].set_ylabel("parcel")
    return figures.as_svg(figure, DPI)


def _limit(matrix: np.ndarray) -> float:
    """Return the size of nearly all edges of a matrix."""
    off = np.abs(matrix[np.triu_indices(len(matrix), 1)])
    off = off[np.isfinite(off)]
    return (float(np.percentile(off, 99)) if off.size else 1.0) or 1.0
