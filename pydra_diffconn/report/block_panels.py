"""Panels that draw an array by what its axes are: series as lines or carpets, matrices as maps, values as bars."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pydra_diffconn.report import figures
from pydra_diffconn.report.block_examples import SIDE

MOST_LINES, MOST_SLICES = 6, 3


def figure(block: Any, arguments: Mapping[str, Any], outputs: Mapping[str, np.ndarray]) -> Any:
    """Return a figure of what a block was given, on the left, and of what it makes of it."""
    declared = block.declaration
    given = {name: value for name, value in arguments.items() if isinstance(value, np.ndarray) and value.ndim}
    first, made = next(iter(given)), next(iter(outputs))
    if "subjects" in declared.arguments[first].dims.split() and "targets" in given:
        return predictions(given["targets"], made, outputs[made])
    dims = declared.arguments[first].dims.split()
    if made == first and outputs[made].shape == given[first].shape and dims[:1] == ["time"] and len(dims) == 2:
        if outputs[made].shape[1] == SIDE**2:
            return maps(given[first][0], outputs[made][0])
        return overlaid(given[first], outputs[made])
    shown = {name: (value, declared.outputs[name]) for name, value in list(outputs.items())[:2]}
    options = [name for name in given if name.startswith("option_")] or [first]
    before = {f"{name} (given)": (given[name], declared.arguments[name].dims) for name in options}
    panels = {**before, **shown}
    drawn, each = figures.new(3.2 * len(panels), 2.5, columns=len(panels))
    for axes, (title, (value, dims)) in zip(np.ravel(each), panels.items(), strict=True):
        panel(axes, np.asarray(value, dtype=float), dims or "")
        axes.set_title(title)
    return drawn


def panel(axes: Any, value: np.ndarray, dims: str) -> None:
    """Draw an array into axes, by the names of its dimensions."""
    names = dims.split()
    if value.ndim == 0:
        axes.barh([0], [value], color=figures.LEARNED)
        axes.set(yticks=[], xlabel=f"{value:.3g}", xlim=(min(0.0, float(value)), max(1.0, float(value))))
    elif value.ndim == 1 and names[:1] == ["time"]:
        axes.plot(value, color=figures.LEARNED, linewidth=1)
        axes.set_xlabel("frame")
    elif names[-1:] == ["space"] and names[0] != "time" and value.shape[-1] == SIDE**2:
        heat(axes, value.reshape(-1, SIDE, SIDE)[0], ["", names[-1]])
    elif value.ndim == 1:
        axes.bar(np.arange(len(value)), value, color=figures.LEARNED, width=1.0 if len(value) > 30 else 0.8)
        axes.set_xlabel(names[0] if names else "")
    elif value.ndim == 3:
        slices(axes, value, names)
    elif value.shape[1] <= MOST_LINES and len(value) > 2 * MOST_LINES:
        axes.plot(value, linewidth=1)
        axes.set_xlabel(names[0] if names else "")
    else:
        heat(axes, value, names)


def heat(axes: Any, value: np.ndarray, names: list[str], square: bool = False) -> None:
    """Draw a matrix in colours, both signs about white, or from light to dark; what is not square with time across."""
    square = square or value.shape[0] == value.shape[1]
    shown = value if square else value.T
    limit = float(np.nanmax(np.abs(shown))) or 1.0
    signed = bool(np.nanmin(shown) < 0)
    axes.imshow(
        shown,
        cmap="RdBu_r" if signed else "Reds",
        vmin=-limit if signed else 0.0,
        vmax=limit,
        aspect="equal" if square else "auto",
        interpolation="nearest",
    )
    down, right = (names if square else names[::-1]) if len(names) == 2 else ("", "")
    axes.set(xlabel={"time": "frame"}.get(right, right), ylabel=down)


def slices(axes: Any, value: np.ndarray, names: list[str]) -> None:
    """Draw the first few matrices of a stack beside each other; of series, the first column of each."""
    if len(names) == 3 and names[1] == "time":
        for number, one in enumerate(value[:MOST_SLICES]):
            axes.plot(one[:, 0], linewidth=1, label=f"{names[0]} {number + 1}")
        axes.set_xlabel("frame")
        axes.legend(frameon=False, fontsize=7)
        return
    gap = np.full((value.shape[1], 1), np.nan)
    beside = [part for one in value[:MOST_SLICES] for part in (one, gap)][:-1]
    label = f"{names[0]} 1 to {min(len(value), MOST_SLICES)}"
    heat(axes, np.concatenate(beside, axis=1), ["", label], square=value.shape[1] == value.shape[2])


def overlaid(before: np.ndarray, after: np.ndarray) -> Any:
    """Draw the first column of a series before and after; after below, where sizes differ much."""
    ratio = np.ptp(after[:, 0]) / (np.ptp(before[:, 0]) or 1.0)
    apart = not 0.2 < ratio < 5 or abs(after[:, 0].mean() - before[:, 0].mean()) > 3 * np.ptp(before[:, 0])
    drawn, axes = figures.new(6, 2.6 if apart else 2.2, rows=2 if apart else 1, sharex=True)
    above, below = axes if apart else (axes, axes)
    above.plot(before[:, 0], color=figures.CLASSICAL, linewidth=1, label="before")
    below.plot(after[:, 0], color=figures.LEARNED, linewidth=1.2, label="after")
    for one in {above, below}:
        one.legend(frameon=False, fontsize=8, loc="upper left", ncols=2)
    below.set_xlabel("frame, of the first column")
    return drawn


def maps(before: np.ndarray, after: np.ndarray) -> Any:
    """Draw a frame on a square grid before and after."""
    drawn, each = figures.new(6, 2.6, columns=2)
    limit = float(np.abs(before).max())
    for axes, value, title in zip(each, (before, after), ("a frame before", "after"), strict=True):
        axes.imshow(value.reshape(SIDE, SIDE), cmap="RdBu_r", vmin=-limit, vmax=limit)
        axes.set(title=title, xticks=[], yticks=[])
    return drawn


def predictions(targets: np.ndarray, name: str, predicted: np.ndarray) -> Any:
    """Draw what is predicted for each person against what is so."""
    drawn, axes = figures.new(3.6, 2.6)
    axes.scatter(targets, predicted, color=figures.LEARNED, s=14)
    axes.set(xlabel="targets", ylabel=name)
    return drawn
