"""Scores of several pipelines: bars with intervals over people, and a dot for each of these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pydra_diffconn.report import figures


@dataclass(frozen=True)
class Bars:
    """One score of several pipelines, by their names.

    Parameters
    ----------
    name : str
        Of the score.
    values, intervals : mapping
        Of each pipeline, and its 95 % interval.
    dots : mapping, optional
        Of each pipeline, the score of each group.
    """

    name: str
    values: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    dots: Mapping[str, np.ndarray] = field(default_factory=dict)


def drawn(scores: Sequence[Bars], words: Mapping[str, str], strong: str) -> Any:
    """Return a matplotlib figure of all scores, side by side, three in a row.

    Parameters
    ----------
    words : mapping
        The pipelines to show, in this order, and how each is called.
    strong : str
        The pipeline in the colour of what is learned.
    """
    columns = min(3, len(scores))
    rows = -(-len(scores) // columns)
    figure, axes = figures.new(3.2 * columns + 2.6, 3.4 * rows, columns, rows)
    rng, places = np.random.default_rng(0), np.atleast_1d(axes).ravel()
    for axis in places[len(scores) :]:
        axis.set_axis_off()
    for axis, one in zip(places, scores, strict=False):
        shown = [name for name in words if name in one.values]
        for place, name in enumerate(shown):
            colour = figures.LEARNED if name == strong else figures.CLASSICAL
            axis.bar(place, one.values[name], 0.7, color=colour, alpha=0.45)
            dots = one.dots.get(name, np.empty(0))
            axis.plot(place + rng.uniform(-0.22, 0.22, len(dots)), dots, ".", color=colour, markersize=6)
            axis.plot([place, place], one.intervals[name], color=figures.INK, linewidth=2.2)
        axis.set_xticks(range(len(shown)), [words[name].replace(" ", "\n", 1) for name in shown], fontsize=8)
        axis.set_ylabel(one.name)
    return figure


@figures.styled
def svg(scores: Sequence[Bars], words: Mapping[str, str], strong: str) -> str:
    """Draw all scores as an SVG."""
    return figures.as_svg(drawn(scores, words, strong))
