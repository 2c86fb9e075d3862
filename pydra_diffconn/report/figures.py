"""The figures of a report, as SVG text ready to stand in HTML."""

from __future__ import annotations

import functools
import io
import re
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

INK, CLASSICAL, LEARNED = "#222222", "#8a8f98", "#1f6feb"


STYLE = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "diffconn",
    "svg.fonttype": "none",  # words stay words: lighter, and found by a search in the page
}
PATH, DIGITS = re.compile(r' d="[^"]*"'), re.compile(r"(\.\d\d)\d+")  # a hundredth of a point is not seen
_one_at_a_time = threading.RLock()  # matplotlib's settings are those of the whole process


def styled(draw: Any) -> Any:
    """Let a function draw in our style, and leave matplotlib's settings and backend as they are; safe in threads."""

    @functools.wraps(draw)
    def drawn(*args: Any, **settings: Any) -> Any:
        import matplotlib

        with _one_at_a_time, matplotlib.rc_context(STYLE):  # type: ignore[arg-type]
            return draw(*args, **settings)

    return drawn


def new(width: float, height: float, columns: int = 1, rows: int = 1, **settings: Any) -> tuple[Any, Any]:
    """Return a figure and its axes, of which pyplot and its backend know nothing."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, **settings)


def as_svg(figure: Any, dpi: int = 100) -> str:
    """Return a figure as SVG text without the head of an XML file, its images in so many dots per inch."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", dpi=dpi, bbox_inches="tight", metadata={"Date": None})
    text = buffer.getvalue()
    return PATH.sub(lambda path: DIGITS.sub(r"\1", path[0]), text[text.index("<svg") :])


@styled
def carpet(series: np.ndarray, tr: float, title: str) -> str:
    """Draw (time, parcels) as a carpet, each row a parcel in units of its standard deviation."""
    spread = series.std(axis=0)
    shown = ((series - series.mean(axis=0)) / np.where(spread > 0, spread, 1)).T
    figure, axes = new(7, 2.4)
    image = axes.imshow(
        shown, aspect="auto", cmap="gray", vmin=-2, vmax=2, extent=(0, len(series) * tr, len(shown), 0), rasterized=True
    )
    axes.set(xlabel="time (s)", ylabel="parcel", title=title)
    figure.colorbar(image, ax=axes, label="s.d.")
    return as_svg(figure)


@styled
def connectomes(classical: np.ndarray, learned: np.ndarray, labels: tuple[str, str] = ("classical", "learned")) -> str:
    """Draw two connectomes and their difference; each has its own scale, as sizes may differ."""
    figure, axes = new(10, 3.2, 3)
    parts = [
        (labels[0], classical),
        (labels[1], learned),
        ("difference, both scaled", _scaled(learned) - _scaled(classical)),
    ]
    for axis, (title, matrix) in zip(axes, parts, strict=True):
        limit = np.percentile(np.abs(matrix[np.triu_indices(len(matrix), 1)]), 99) or 1
        image = axis.imshow(matrix, cmap="RdBu_r", vmin=-limit, vmax=limit, rasterized=True)
        axis.set(title=title, xlabel="parcel")
        figure.colorbar(image, ax=axis, shrink=0.8)
    return as_svg(figure)


def _scaled(matrix: np.ndarray) -> np.ndarray:
    return matrix / (matrix[np.triu_indices(len(matrix), 1)].std() or 1)


@styled
def loss_curve(history: Sequence[Mapping[str, Any]]) -> str:
    """Draw the loss over steps, and the held-out loss where there is one."""
    return as_svg(loss_figure(history))


@styled
def loss_figure(history: Sequence[Mapping[str, Any]]) -> Any:
    """Return the matplotlib figure of the loss over steps; held-out losses of batches stand where there are some."""
    figure, axis = new(5, 2.6)
    steps = [row["step"] for row in history]
    axis.plot(steps, [row["loss"] for row in history], color=LEARNED, label="learning")
    if history and history[0]["validation"] is not None:
        known = [(row["step"], row["validation"]) for row in history if row["validation"] is not None]
        axis.plot(*zip(*known, strict=True), color=INK, ls="--", label="held out")
        axis.legend(frameon=False)
    axis.set(xlabel="step", ylabel="loss")
    return figure


@styled
def band(frequencies: np.ndarray, before: np.ndarray, after: np.ndarray) -> str:
    """Draw the gain of a filter over frequency, before and after learning."""
    figure, axis = new(5, 2.6)
    for gain, colour, label in ((before, CLASSICAL, "start"), (after, LEARNED, "learned")):
        axis.plot(frequencies, gain, color=colour, label=label)
        axis.fill_between(frequencies, 0, gain, color=colour, alpha=0.15)
    axis.set(xlabel="frequency (Hz)", ylabel="gain", ylim=(0, 1.05), xlim=(0, frequencies[-1]))
    axis.legend(frameon=False)
    return as_svg(figure)


@styled
def weights(before: Sequence[float], after: Sequence[float], names: Sequence[str]) -> str:
    """Draw weights on the simplex as bars, before and after learning."""
    figure, axis = new(5, 0.5 + 0.5 * len(names))
    place = np.arange(len(names))
    axis.barh(place - 0.2, before, 0.38, color=CLASSICAL, label="start")
    axis.barh(place + 0.2, after, 0.38, color=LEARNED, label="learned")
    axis.set(yticks=place, yticklabels=names, xlim=(0, 1), xlabel="weight")
    axis.invert_yaxis()
    axis.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return as_svg(figure)


@styled
def array(before: np.ndarray, after: np.ndarray, name: str) -> str:
    """Draw a learned array before and after: a row as its entries, a table as an image of each, in one scale."""
    before, after = (np.asarray(value, float) for value in (before, after))
    if after.ndim == 1:
        figure, axis = new(6, 2.4)
        place = np.arange(len(after))
        axis.vlines(place, before, after, color=CLASSICAL, lw=0.8)
        axis.plot(place, before, ".", color=CLASSICAL, ms=3, label="start")
        axis.plot(place, after, ".", color=LEARNED, ms=3, label="learned")
        axis.set(xlabel="entry", ylabel=name)
        axis.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
        return as_svg(figure)
    figure, axes = new(6.5, 2.6, columns=2, sharex=True, sharey=True)
    low, high = min(before.min(), after.min()), max(before.max(), after.max())
    for axis, value, title in zip(axes, (before, after), ("start", "learned"), strict=True):
        drawn = axis.imshow(value, aspect="auto", interpolation="nearest", vmin=low, vmax=high, cmap="viridis")
        axis.set(title=title)
    figure.colorbar(drawn, ax=axes, shrink=0.8)
    return as_svg(figure)


@styled
def specification_curve(
    scores: Sequence[float], choices: Mapping[str, Sequence[str | None]], learned: Sequence[bool], label: str
) -> Any:
    """Return the matplotlib figure of pipelines in the order of their scores: above each score, below what it chose.

    Parameters
    ----------
    scores : one for each pipeline, in ascending order
    choices : for each choice, the option of each pipeline; None where options are mixed
    learned : whether a pipeline was learned
    """
    rows = [(choice, option) for choice, taken in choices.items() for option in dict.fromkeys(filter(None, taken))]
    height = 2.2 + 0.24 * len(rows)
    figure, (above, below) = new(7, height, rows=2, sharex=True, height_ratios=[2, max(0.24 * len(rows), 0.3)])
    for chosen, colour, name in ((False, CLASSICAL, "discrete"), (True, LEARNED, "learned")):
        here = [n for n, known in enumerate(learned) if bool(known) == chosen]
        above.scatter(here, [scores[n] for n in here], color=colour, s=18, label=name)
        for row, (choice, option) in enumerate(rows):
            places = [n for n in here if choices[choice][n] == option]
            below.scatter(places, [row] * len(places), color=colour, s=14, marker="s")
    wide = min(scores) > 0 and max(scores) > 20 * min(scores)
    above.set(ylabel=label, yscale="log" if wide else "linear")
    above.legend(frameon=False)
    below.set(yticks=range(len(rows)), yticklabels=[f"{choice}: {option}" for choice, option in rows], xticks=[])
    below.set(xlabel="pipelines, best first", ylim=(len(rows) - 0.5, -0.5))
    return figure
