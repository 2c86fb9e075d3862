"""The figures of the group, as SVG text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pydra_diffconn.report.figures import CLASSICAL, INK, LEARNED, as_svg, new, styled

MOST_LABELS = 40
MOST_POINTS = 5000


@styled
def qcfc(correlations: np.ndarray) -> str:
    """Draw the distribution over edges of their correlation with motion."""
    known = correlations[np.isfinite(correlations)]
    figure, axis = new(5, 2.6)
    axis.hist(known, bins=np.linspace(-1, 1, 41), color=LEARNED)
    axis.axvline(0, color=INK, lw=1)
    axis.set(xlabel="correlation of the edge with motion, over people", ylabel="edges", xlim=(-1, 1))
    axis.set_title(f"median |r| {np.median(np.abs(known)):.2f}" if known.size else "no edge is in all runs")
    return as_svg(figure)


@styled
def by_distance(edges: pd.DataFrame) -> str:
    """Draw the correlation of edges with motion over the distance of their parcels, with its running mean."""
    known = edges.dropna(subset=["r", "distance"]).sort_values("distance")
    shown = known.iloc[:: max(len(known) // MOST_POINTS, 1)]
    figure, axis = new(5, 2.8)
    axis.scatter(shown["distance"], shown["r"], s=4, color=CLASSICAL, alpha=0.5, linewidths=0, rasterized=True)
    width = max(len(known) // 20, 1)
    means = known[["distance", "r"]].rolling(width, center=True).mean().dropna()
    axis.plot(means["distance"], means["r"], color=LEARNED, lw=2, label="running mean")
    axis.axhline(0, color=INK, lw=1)
    axis.set(xlabel="distance of the parcels (mm)", ylabel="correlation with motion", ylim=(-1, 1))
    axis.legend(frameon=False)
    return as_svg(figure)


@styled
def similarity(matrix: np.ndarray, person: np.ndarray, labels: Sequence[str]) -> str:
    """Draw how alike each two runs are; squares frame a person's own."""
    order = np.argsort(person, kind="stable")
    figure, axis = new(5.4, 4.6)
    image = axis.imshow(matrix[np.ix_(order, order)], cmap="viridis", vmax=1, rasterized=True)
    figure.colorbar(image, ax=axis, label="correlation of edges", shrink=0.8)
    start = 0
    for count in np.bincount(person):
        frame = np.array([start, start + count]) - 0.5
        axis.plot(frame[[0, 1, 1, 0, 0]], frame[[0, 0, 1, 1, 0]], color="#d55e00", lw=1.5)
        start += count
    if len(labels) <= MOST_LABELS:
        names = [labels[number].replace("$", r"\$") for number in order]
        axis.set(xticks=range(len(names)), yticks=range(len(names)))
        axis.set_yticklabels(names, fontsize=6)
        axis.set_xticklabels(names, fontsize=6, rotation=90)
    else:
        axis.set(xlabel="run, by person", ylabel="run, by person")
    return as_svg(figure)
