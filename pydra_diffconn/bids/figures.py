"""The figures of one processed run, as SVG text: what went in, what was taken out, what came out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pydra_diffconn.report.figures import INK, LEARNED, as_svg, new, styled

CENSORED, PALE, MISSING = "#d55e00", "#fbe3d6", "#bdbdbd"  # vermilion is told from our blue by every kind of eye
LEVELS = 16  # shades of a carpet: noise in fewer shades is half of the bytes, and no eye tells more
DPI = 72  # of images within the figures; words and lines are sharp at any size
WIDTH = 7.0  # inches


@dataclass(frozen=True)
class RunArrays:
    """What the figures of one run are drawn from; T frames after the dummy scans, P parcels, R regressors."""

    tr: float
    """Repetition time, s."""
    framewise_displacement: np.ndarray
    """(T,), mm; NaN where unknown."""
    std_dvars: np.ndarray | None
    """(T,), without unit; None if the input has none."""
    threshold: float | None
    """Of framewise displacement, mm; None if nothing is censored by it."""
    frame_weights: np.ndarray
    """(T,): 0 for a censored frame."""
    before: np.ndarray
    """(T, P) parcel series before denoising; NaN columns for missing parcels."""
    after: np.ndarray
    """(T, P) parcel series after denoising; what censored frames hold is not shown."""
    design: np.ndarray
    """(T, R) regressors."""
    design_names: Sequence[str]
    coverage: np.ndarray
    """(P,) share of each parcel's places with data, 0 to 1."""
    connectome: np.ndarray
    """(P, P); NaN for missing parcels."""
    names: Sequence[str]
    """P names of parcels; any text."""
    title: str
    min_coverage: float = 0.5
    """Below it a parcel counts as missing."""
    dvars_threshold: float | None = None
    measure: str = "Pearson correlation"
    """What the connectome holds."""

    def __post_init__(self) -> None:
        frames, parcels = np.shape(self.after)
        expected: dict[str, tuple[int, ...]] = {
            "framewise_displacement": (frames,),
            "frame_weights": (frames,),
            "before": (frames, parcels),
            "design": (frames, len(self.design_names)),
            "coverage": (parcels,),
            "connectome": (parcels, parcels),
            "names": (parcels,),
        }
        if self.std_dvars is not None:
            expected["std_dvars"] = (frames,)
        for name, shape in expected.items():
            found = (len(self.names),) if name == "names" else np.shape(getattr(self, name))
            if found != shape:
                raise ValueError(
                    f"RunArrays: {name} has shape {found}, expected {shape}: "
                    f"`after` has {frames} frames and {parcels} parcels"
                )

    @property
    def kept(self) -> np.ndarray:
        """(T,) true where a frame is kept."""
        return np.asarray(self.frame_weights) > 0


def draw(arrays: RunArrays) -> dict[str, str]:
    """Return the figures of a run as SVG text by name, in the order in which a report shows them.

    The names are carpetbefore, censoring, design, carpetafter, coverage and connectome; there is no design without
    regressors. Together they are less than 400 kB. Works in any thread and process; words of the input are text.
    """
    order = similar_next_to_each_other(np.asarray(arrays.after)[arrays.kept])
    drawn = {
        "carpetbefore": carpet(arrays, np.asarray(arrays.before, float), order, hide_censored=False),
        "censoring": censoring(arrays),
        "design": design(arrays) if len(arrays.design_names) else "",
        "carpetafter": carpet(arrays, np.asarray(arrays.after, float), order, hide_censored=True),
        "coverage": coverage(arrays),
        "connectome": connectome(arrays.connectome, arrays.names, arrays.measure),
    }
    return {name: svg for name, svg in drawn.items() if svg}


def similar_next_to_each_other(series: np.ndarray) -> np.ndarray:
    """Return an order of the parcels of (time, parcels) by average linkage of their correlation; missing ones last."""
    from scipy.cluster.hierarchy import leaves_list, linkage

    series = np.asarray(series, float)
    alive = np.arange(0)
    if len(series) > 1:
        alive = np.flatnonzero(np.isfinite(series).all(axis=0) & (np.ptp(series, axis=0) > 0))
    rest = np.setdiff1d(np.arange(series.shape[1]), alive)
    if len(alive) < 3:
        return np.arange(series.shape[1])
    tree = linkage(series[:, alive].T, "average", "correlation")
    return np.concatenate([np.asarray(alive)[leaves_list(tree)], rest])


@styled
def carpet(arrays: RunArrays, series: np.ndarray, order: np.ndarray, hide_censored: bool) -> str:
    """Draw parcel series (T, P) as a carpet in units of their s.d. over kept frames, below the traces of motion."""
    import matplotlib

    shown = _standardised(series, arrays.kept)[:, order]
    if hide_censored:
        shown[~arrays.kept] = np.nan
    traces = _traces(arrays)
    heights = [0.55] * len(traces) + [0.1, 1.9]
    figure, axes = new(WIDTH, 0.55 * len(traces) + 2.9, rows=len(heights), sharex=True, height_ratios=heights)
    for axis, trace in zip(axes, traces, strict=False):
        _draw_trace(axis, arrays, trace)
    _draw_censored(axes[-2], arrays)
    colours = matplotlib.colormaps["gray"].resampled(LEVELS).with_extremes(bad=PALE)
    image = axes[-1].imshow(
        _thinned(shown.T),
        aspect="auto",
        cmap=colours,
        vmin=-2,
        vmax=2,
        interpolation="nearest",
        extent=(*_span(arrays), len(order), 0),
        rasterized=True,
    )
    axes[-1].set(xlabel="time (s)", ylabel=f"{len(order)} parcels", yticks=[])
    figure.colorbar(image, ax=axes[-1], label="s.d.", ticks=[-2, 0, 2], pad=0.01)
    figure.suptitle(_plain(arrays.title), fontsize=9)
    return as_svg(figure, DPI)


def _standardised(series: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Return (T, P) less the mean and divided by the s.d. of the kept frames; NaN columns stay NaN."""
    known = series[kept] if kept.any() else series
    spread = known.std(axis=0)
    return (series - known.mean(axis=0)) / np.where(spread > 0, spread, 1)


def _thinned(image: np.ndarray, rows: int = 130, columns: int = 420) -> np.ndarray:
    """Return an image with no more rows and columns than are seen, means of neighbours; NaN where all of them are."""
    for axis, most in ((0, rows), (1, columns)):
        size = image.shape[axis]
        if size > most:
            starts = np.arange(most) * size // most
            known = np.add.reduceat(np.isfinite(image).astype(float), starts, axis)
            total = np.add.reduceat(np.nan_to_num(image), starts, axis)
            image = np.where(known > 0, total / np.maximum(known, 1), np.nan)
    return image


@dataclass(frozen=True)
class _Trace:
    label: str
    values: np.ndarray
    threshold: float | None


def _traces(arrays: RunArrays) -> list[_Trace]:
    traces = [_Trace("FD (mm)", np.asarray(arrays.framewise_displacement, float), arrays.threshold)]
    if arrays.std_dvars is not None:
        traces.append(_Trace("DVARS\n(std.)", np.asarray(arrays.std_dvars, float), arrays.dvars_threshold))
    return [trace for trace in traces if np.isfinite(trace.values).any()] or traces[:1]


def _span(arrays: RunArrays) -> tuple[float, float]:
    return 0.0, len(arrays.frame_weights) * arrays.tr


def _times(arrays: RunArrays) -> np.ndarray:
    """Return the middle of each frame, s."""
    return (np.arange(len(arrays.frame_weights)) + 0.5) * arrays.tr


def _draw_trace(axis: Any, arrays: RunArrays, trace: _Trace) -> None:
    axis.plot(_times(arrays), trace.values, color=INK, linewidth=0.8)
    if trace.threshold is not None:
        axis.axhline(trace.threshold, color=CENSORED, linestyle="--", linewidth=0.9)
    axis.set(xlim=_span(arrays), ylim=(0, None))
    axis.set_ylabel(trace.label, rotation=0, ha="right", va="center")
    axis.tick_params(axis="x", labelbottom=False)


def _draw_censored(axis: Any, arrays: RunArrays) -> None:
    """Draw a strip that is filled where frames are censored."""
    start = np.flatnonzero(~arrays.kept) * arrays.tr
    axis.broken_barh([(left, arrays.tr) for left in start], (0, 1), color=CENSORED)
    axis.set(yticks=[], ylim=(0, 1), xlim=_span(arrays), facecolor="#f2f2f2")
    axis.set_ylabel("censored", rotation=0, ha="right", va="center", color=CENSORED)
    axis.tick_params(axis="x", labelbottom=False, length=0)
    axis.spines[:].set_visible(False)


@styled
def censoring(arrays: RunArrays) -> str:
    """Draw motion over time with its threshold: which frames are kept, and which go for what reason."""
    traces = _traces(arrays)
    heights = [1.3] * len(traces) + [0.12]
    figure, axes = new(WIDTH, 0.9 + 1.3 * len(traces), rows=len(heights), sharex=True, height_ratios=heights)
    times, lost = _times(arrays), ~arrays.kept
    for axis, trace in zip(axes, traces, strict=False):
        _draw_trace(axis, arrays, trace)
        over = trace.values > (np.inf if trace.threshold is None else trace.threshold)
        _mark(axis, times, trace.values, lost & over, "x", "censored: above this threshold")
        _mark(axis, times, trace.values, lost & ~over, ".", "censored for another reason")
        if trace.threshold is not None:
            axis.annotate(f"{trace.threshold:g}", (1, trace.threshold), xycoords=("axes fraction", "data"))
        if lost.any():
            axis.legend(frameon=False, fontsize=7.5, loc="lower right", bbox_to_anchor=(1, 0.95), ncols=2)
    _draw_censored(axes[-1], arrays)
    axes[-1].set_xlabel("time (s)")
    axes[-1].tick_params(axis="x", labelbottom=True, length=3)
    kept, frames = int(arrays.kept.sum()), len(lost)
    minutes = kept * arrays.tr / 60
    figure.suptitle(_plain(f"{arrays.title}: {kept} of {frames} frames kept, {minutes:.1f} min"), fontsize=9)
    return as_svg(figure, DPI)


def _mark(axis: Any, times: np.ndarray, values: np.ndarray, which: np.ndarray, marker: str, label: str) -> None:
    if which.any():
        axis.plot(times[which], values[which], marker, color=CENSORED, markersize=5, markeredgewidth=1.2, label=label)


@styled
def design(arrays: RunArrays) -> str:
    """Draw the regressors, each a row by its name and in units of its s.d.; more than 50 stand side by side."""
    names = [_plain(_short(name)) for name in arrays.design_names]
    matrix = np.asarray(arrays.design, float)
    shown = _standardised(matrix, np.ones(len(matrix), bool))
    columns = 1 if len(names) <= 50 else 2
    rows = -(-len(names) // columns)
    figure, axes = new(WIDTH, 0.9 + 0.12 * max(rows, 6), columns, squeeze=False)
    for axis, start in zip(axes[0], range(0, len(names), rows), strict=False):
        part = slice(start, min(start + rows, len(names)))
        image = axis.imshow(
            shown[:, part].T,
            aspect="auto",
            cmap="cividis",
            vmin=-2.5,
            vmax=2.5,
            interpolation="nearest",
            extent=(*_span(arrays), part.stop, start),
            rasterized=True,
        )
        axis.set_yticks(np.arange(start, part.stop) + 0.5, names[part], fontsize=6.5)
        axis.tick_params(axis="y", length=0, pad=2)
        axis.set(xlabel="time (s)", ylim=(start + rows, start))
        axis.spines[:].set_visible(False)
    figure.colorbar(image, ax=axes[0], label="s.d.", ticks=[-2, 0, 2], pad=0.01, aspect=40)
    figure.suptitle(_plain(f"{arrays.title}: {len(names)} regressors"), fontsize=9)
    return as_svg(figure, DPI)


@styled
def coverage(arrays: RunArrays) -> str:
    """Draw the share of each parcel that has data, in the atlas' order, and below by name those with least."""
    shares = np.nan_to_num(np.asarray(arrays.coverage, float))
    worst = [place for place in np.argsort(shares, kind="stable")[:12] if shares[place] < 0.95]
    low = shares < arrays.min_coverage
    heights = [1.2, 0.2 + 0.17 * len(worst)] if worst else [1.2]
    figure, axes = new(WIDTH, 0.9 + sum(heights), rows=len(heights), height_ratios=heights, squeeze=False)
    above = axes[0, 0]
    edges = np.arange(len(shares) + 1) + 0.5
    for which, colour in ((~low, LEARNED), (low, CENSORED)):
        above.stairs(np.where(which, shares, 0), edges, fill=True, color=colour)
    above.axhline(arrays.min_coverage, color=INK, linestyle="--", linewidth=0.9)
    above.annotate("least", (1, arrays.min_coverage), xycoords=("axes fraction", "data"), va="center")
    above.set(xlabel="parcel, in the atlas' order", ylabel="covered", ylim=(0, 1.02), xlim=(0.5, len(shares) + 0.5))
    if worst:
        below = axes[1, 0]
        below.barh(range(len(worst)), shares[worst], color=[CENSORED if low[place] else LEARNED for place in worst])
        below.set_yticks(range(len(worst)), [_plain(_short(arrays.names[place])) for place in worst], fontsize=7.5)
        below.set(xlim=(0, 1), xlabel="covered share of the parcels with least")
        below.invert_yaxis()
    figure.suptitle(
        _plain(f"{arrays.title}: {low.sum()} of {len(shares)} parcels below {arrays.min_coverage:.0%}"), fontsize=9
    )
    return as_svg(figure, DPI)


@styled
def connectome(matrix: np.ndarray, names: Sequence[str], label: str = "r", title: str = "") -> str:
    """Draw a connectome (P, P), blue below and red above 0, missing parcels grey; up to 48 parcels have their names."""
    matrix = np.array(matrix, float)
    figure, axis = new(5.0, 4.2)
    image = show_matrix(axis, matrix, limit_of(matrix))
    if len(names) <= 48:
        size = 7 if len(names) <= 30 else 5
        shown = [_plain(_short(name)) for name in names]
        axis.set_xticks(range(len(names)), shown, rotation=90, fontsize=size)
        axis.set_yticks(range(len(names)), shown, fontsize=size)
    else:
        axis.set(xlabel="parcel", ylabel="parcel")
    missing = int((~np.isfinite(matrix)).all(axis=1).sum())
    grey = f"{missing} of {len(matrix)} parcels missing (grey)" if missing else ""
    axis.set_title(_plain("; ".join(filter(None, [title, grey]))), fontsize=9)
    figure.colorbar(image, ax=axis, label=label, shrink=0.85)
    return as_svg(figure, DPI)


def limit_of(matrix: np.ndarray) -> float:
    """Return the size of nearly all edges of a matrix (P, P), at which its colours end."""
    off = np.abs(matrix[np.triu_indices(len(matrix), 1)])
    off = off[np.isfinite(off)]
    return (float(np.percentile(off, 99)) if off.size else 1.0) or 1.0


def show_matrix(axis: Any, matrix: np.ndarray, limit: float) -> Any:
    """Show a matrix, blue below and red above 0, what is missing grey; return the image."""
    import matplotlib

    colours = matplotlib.colormaps["RdBu_r"].resampled(17).with_extremes(bad=MISSING)
    return axis.imshow(matrix, cmap=colours, vmin=-limit, vmax=limit, interpolation="nearest", rasterized=True)


def _short(name: Any, most: int = 34) -> str:
    """Return a name on one line, cut in its middle if it is long."""
    text = " ".join(str(name).split())
    return text if len(text) <= most else f"{text[: most // 2]}…{text[-most // 2 + 1 :]}"


def _plain(text: str) -> str:
    """Return words of the input as matplotlib shows them as they are: a dollar sign starts no formula."""
    return text.replace("$", r"\$")
