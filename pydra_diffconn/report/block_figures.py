"""Pictures for the blocks' pages, drawn with the blocks themselves: gains, weights, series and matrices."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from pydra_diffconn.report import block_examples, block_panels, figures

FRAMES, TR = 400, 2.0


@figures.styled
def draw(block: Any) -> Any:
    """Return the matplotlib figure of what a block does; None where there is nothing to draw."""
    import jax

    with jax.enable_x64(True):
        special = SPECIAL.get(block.__name__, response if _is_filter(block) else None)
        figure = None if special is None else special(block)
        return before_and_after(block) if figure is None else figure


def save(figure: Any, file: Any) -> None:
    """Write a figure as PNG into a path or an open file."""
    figure.savefig(file, dpi=90, format="png", metadata={"Software": None})


def _is_filter(block: Any) -> bool:
    """Say whether a block is linear over time and needs nothing but the series and its repetition time."""
    declared = block.declaration
    if declared.linear_in != "timeseries" or declared.acts_along != "time":
        return False
    needed = [
        a
        for a in declared.arguments.values()
        if a.default is inspect.Parameter.empty and a.name not in ("timeseries", "tr")
    ]
    return not needed


def response(block: Any) -> Any:
    """Draw the gain at each frequency, measured on an impulse, at the start values; None if it is the same for all."""
    import jax

    impulse = np.zeros((FRAMES, 1))
    impulse[FRAMES // 2] = 1.0
    given = {"timeseries": impulse, "tr": TR}
    arguments = {name: value for name, value in given.items() if name in block.declaration.arguments}
    complete = block.declaration.checked(arguments)
    series = complete.pop("timeseries")
    passed = np.asarray(jax.jit(lambda series: block.pure(timeseries=series, **complete))(series))[:, 0]
    frequencies, gain = np.fft.rfftfreq(FRAMES, TR), np.abs(np.fft.rfft(passed))
    if np.ptp(gain) < 1e-3:
        return None
    figure, axes = figures.new(6, 2.2)
    axes.plot(frequencies, gain, color=figures.LEARNED)
    axes.set(xlabel="frequency (Hz)", ylabel="gain", title=f"of an impulse, {FRAMES} frames of {TR:g} s, start values")
    axes.set_ylim(bottom=0)
    return figure


def soft_mask(block: Any) -> Any:
    """Draw the frame weights over a series of framewise displacement, sharp and soft."""
    rng = np.random.default_rng(3)
    motion = 0.15 + 0.05 * rng.standard_normal(120) ** 2
    motion[[30, 31, 32, 77, 100]] += [0.5, 0.9, 0.35, 0.25, 0.6]
    figure, axes = figures.new(6, 2.6, rows=2, sharex=True)
    axes[0].plot(motion, color=figures.INK, linewidth=0.8)
    axes[0].axhline(0.5, color=figures.CLASSICAL, linestyle="--", linewidth=0.8)
    axes[0].set_ylabel("FD (mm)")
    for softness, colour, label in ((0.0, figures.CLASSICAL, "sharp"), (0.1, figures.LEARNED, "softness 0.1 mm")):
        weights = np.asarray(block.pure(motion, threshold=0.5, softness=softness))
        axes[1].plot(weights, color=colour, linewidth=1.2, label=label)
    axes[1].set(xlabel="frame", ylabel="weight")
    axes[1].legend(frameon=False, fontsize=8)
    return figure


def before_displacement(block: Any) -> Any:
    """Draw a motion parameter with breathing in it before and after, and the displacement that is left."""
    rng, time = np.random.default_rng(3), TR / 2 * np.arange(150)
    motion = 0.01 * rng.standard_normal((150, 6)).cumsum(axis=0) * [1, 1, 1, 0.01, 0.01, 0.01]
    motion[:, 1] += 0.15 * np.sin(2 * np.pi * 0.28 * time)
    motion[80:, :3] += 0.4
    found = computed(block, {"motion": motion, "tr": TR / 2, "low": 0.23, "high": 0.33})["motion"]
    figure, axes = figures.new(6, 3, rows=2, sharex=True)
    for series, colour, label in ((motion, figures.CLASSICAL, "before"), (found, figures.LEARNED, "after")):
        axes[0].plot(series[:, 1], color=colour, linewidth=1, label=label)
        axes[1].plot(np.abs(np.diff(series * [1, 1, 1, 50, 50, 50], axis=0)).sum(axis=1), color=colour, linewidth=1)
    axes[0].set_ylabel("trans_y (mm)")
    axes[0].legend(frameon=False, fontsize=8)
    axes[1].set(xlabel="frame", ylabel="FD (mm)")
    return figure


def components(block: Any) -> Any:
    """Draw the first two gradients of regions on a ring whose connections fall with distance."""
    import jax

    angle = 2 * np.pi * np.arange(60) / 60
    near = np.exp(2.0 * (np.cos(angle[:, None] - angle) - 1))
    found = np.asarray(jax.jit(lambda near: block.pure(near, components=2, sparsity=0.5)[0])(near))
    figure, axes = figures.new(6, 2.4, columns=2)
    axes[0].imshow(near, cmap="magma")
    axes[0].set(title="connectome", xlabel="region", ylabel="region")
    axes[1].plot(found[:, 0], label="first", color=figures.LEARNED)
    axes[1].plot(found[:, 1], label="second", color=figures.CLASSICAL)
    axes[1].set(title="gradients", xlabel="region")
    axes[1].legend(frameon=False, fontsize=8)
    return figure


def clustered(block: Any) -> Any:
    """Draw points of the plane in the colours of the clusters that they are assigned to, mixed by their shares."""
    arguments = block_examples.arguments_of(block) or {}
    shares = computed(block, arguments)["affiliation"]
    colours = np.array([[0.12, 0.44, 0.92], [0.9, 0.5, 0.1], [0.2, 0.65, 0.3]])
    figure, axes = figures.new(3.6, 2.8)
    axes.scatter(*arguments["samples"].T, c=np.clip(shares @ colours, 0, 1), s=14)
    axes.set(title="samples, coloured by affiliation", xticks=[], yticks=[])
    return figure


def envelope(block: Any) -> Any:
    """Draw a narrow-band series under its amplitude, and its phase."""
    time = np.arange(160)
    series = (1 + 0.7 * np.sin(time / 20)) * np.sin(time / 2.5)
    found = computed(block, {"timeseries": series[:, None]})
    figure, axes = figures.new(6, 3, rows=2, sharex=True)
    axes[0].plot(series, color=figures.CLASSICAL, linewidth=1, label="series")
    axes[0].plot(found["amplitude"][:, 0], color=figures.LEARNED, label="amplitude")
    axes[0].legend(frameon=False, fontsize=8, ncols=2)
    axes[1].plot(found["phase"][:, 0], color=figures.LEARNED, linewidth=1)
    axes[1].set(xlabel="frame", ylabel="phase")
    return figure


def responses(block: Any) -> Any:
    """Draw the stimuli of two conditions, and the columns of the design that are made of them."""
    arguments = block_examples.arguments_of(block) or {}
    design = computed(block, arguments)["design"]
    figure, axes = figures.new(6, 3, rows=2, sharex=True)
    for number, colour in enumerate((figures.CLASSICAL, figures.LEARNED)):
        axes[0].plot(arguments["stimulus"].mean(axis=1)[:, number], color=colour, linewidth=1)
        for column in np.array_split(design, 2, axis=1)[number].T:
            axes[1].plot(column, color=colour, linewidth=1)
    axes[0].set_ylabel("stimulus")
    axes[1].set(xlabel="frame", ylabel="design")
    return figure


def pairs_over_time(block: Any) -> Any:
    """Draw how a block's matrices change from frame to frame, of a pair within a network and one between two."""
    arguments = block_examples.arguments_of(block) or {}
    name = next(iter(block.declaration.outputs))
    found = computed(block, arguments)[name]
    figure, axes = figures.new(6, 2.4)
    for other, colour, label in ((1, figures.LEARNED, "one network"), (8, figures.CLASSICAL, "two networks")):
        axes.plot(found[:, 0, other], color=colour, linewidth=1, label=label)
    axes.set(xlabel="frame", ylabel=f"{name} of two parcels")
    axes.legend(frameon=False, fontsize=8, ncols=2)
    return figure


def before_and_after(block: Any) -> Any:
    """Draw what a block gets, simulated, and what it makes of it; None if it needs what has no example."""
    arguments = block_examples.arguments_of(block)
    if arguments is None:
        return None
    return block_panels.figure(block, arguments, computed(block, arguments))


def computed(block: Any, arguments: dict[str, Any]) -> dict[str, np.ndarray]:
    """Return the outputs of a block by name."""
    import jax

    complete = block.declaration.checked(arguments)
    arrays = {name: complete.pop(name) for name in arguments if isinstance(arguments[name], np.ndarray)}
    found = jax.jit(lambda arrays: block.pure(**arrays, **complete))(arrays)
    found = found if isinstance(found, tuple) else (found,)
    return {name: np.asarray(value) for name, value in zip(block.declaration.outputs, found, strict=True)}


SPECIAL: dict[str, Callable[[Any], Any]] = {
    "AnalyticSignal": envelope,
    "Censor": soft_mask,
    "ConnectivityGradients": components,
    "DynamicCorrelation": pairs_over_time,
    "EwmaCovariance": pairs_over_time,
    "FilterMotion": before_displacement,
    "FirDesign": responses,
    "GloverDesign": responses,
    "SoftKMeans": clustered,
    "SpmDesign": responses,
    "VonMisesFisherMixture": clustered,
}
