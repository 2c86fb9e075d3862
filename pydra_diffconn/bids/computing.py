"""What the workflow makes of a run: parcels and connectomes of each atlas, and images of places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pydra_diffconn import files, pydra_compat
from pydra_diffconn.bids.atlas import Atlas
from pydra_diffconn.bids.fitted_atlas import fit_atlas
from pydra_diffconn.bids.job import Job, Prepared, workflow_settings
from pydra_diffconn.bids.postprocess import KINDS, Connect, Postprocess
from pydra_diffconn.program.fusing import fuse
from pydra_diffconn.warn import heard, warn

_compiled: dict[Any, Any] = {}
"""Of each signature of a program and its numbers, the compiled function, and what is warned of while it is traced.

Runs of one study share it within a process.
"""
MOST_COMPILED = 32
TOGETHER = 16  # frames that are smoothed at once; few, so that little more than the run is in memory


@dataclass(frozen=True)
class Found:
    """What was found of a run for one atlas."""

    atlas: Atlas
    coverage: np.ndarray
    """(parcels,): share of each parcel's places that have data."""
    missing: np.ndarray
    """(parcels,): which parcels have no data, or too little."""
    resampled: bool
    before: np.ndarray
    """(time, parcels): averages before anything else, of the frames that are used."""
    series: np.ndarray
    """(time, parcels): denoised."""
    frame_weights: np.ndarray
    connectomes: Mapping[str, np.ndarray]
    freedom: float
    """Temporal degrees of freedom."""
    at_start: np.ndarray | None = None
    """The first connectome, by the values before learning; None if nothing was learned."""


def compute(prepared: Prepared, atlas: Atlas, folder: Path) -> Found:
    """Return parcels and connectomes of a run.

    Places are averaged while the image is read, a few frames at a time: every later step is linear and the same for
    all places, so that the numbers are those of denoising each place first.
    """
    settings = prepared.job.settings
    fitted = fit_atlas(atlas, prepared.bold, prepared.job.run.mask, settings.min_coverage, folder.parent)
    missing = fitted.coverage < settings.min_coverage
    everywhere = _averaged(prepared.job, prepared.bold, atlas, fitted.labels)
    kinds = [kind for kind in settings.connectomes if kind in KINDS] or ["pearson"]  # tangents are the group's
    outputs, freedom = _denoised(prepared, everywhere, missing)
    connectomes = _connectomes(outputs, kinds, settings.shrinkage, missing)
    before = np.where(missing, np.nan, everywhere[prepared.motion.dummy_scans :])
    at_start = None
    if prepared.job.learned:
        classical = prepared.with_settings(prepared.job.at_start)
        outputs_at_start, _ = _denoised(classical, everywhere, missing)
        (at_start,) = _connectomes(outputs_at_start, kinds[:1], classical.job.settings.shrinkage, missing).values()
    series, weights = outputs["timeseries"], outputs["frame_weights"]
    return Found(
        atlas, fitted.coverage, missing, fitted.resampled, before, series, weights, connectomes, freedom, at_start
    )


def _denoised(prepared: Prepared, everywhere: np.ndarray, missing: np.ndarray) -> tuple[dict[str, np.ndarray], float]:
    """Return series, frame weights and Pearson connectome of the parcels' averages, and the degrees of freedom."""
    parcels = np.arange(1, len(missing) + 1)
    task = Postprocess(
        bold=everywhere,
        labels=np.where(missing, 0, parcels),
        parcels=tuple(int(one) for one in parcels),
        connectome="pearson",
        **workflow_settings(prepared),
    )
    program = fuse(task)
    return run(program), float(program.degrees_of_freedom()["timeseries"])


def _connectomes(
    outputs: Mapping[str, np.ndarray], kinds: Sequence[str], shrinkage: float | None, missing: np.ndarray
) -> dict[str, np.ndarray]:
    series, weights = outputs["timeseries"], outputs["frame_weights"]
    return {
        kind: outputs["connectome"] if kind == "pearson" else _connectome(series, weights, kind, shrinkage, missing)
        for kind in kinds
    }


def _connectome(
    series: np.ndarray, frame_weights: np.ndarray, kind: str, shrinkage: float | None, missing: np.ndarray
) -> np.ndarray:
    """Return a connectome of the parcels that have data; those without have no part in an inverse."""
    kept = ~missing
    task = Connect(timeseries=series[:, kept], frame_weights=frame_weights, connectome=kind, shrinkage=shrinkage)
    whole = np.full((len(kept), len(kept)), np.nan)
    whole[np.ix_(kept, kept)] = run(fuse(task))["connectome"]
    return whole


def averages(job: Job, atlas: Atlas, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the average of each parcel in every frame of a run, (all frames, parcels), and the parcels' coverage."""
    fitted = fit_atlas(atlas, job.image, job.run.mask, job.settings.min_coverage, folder)
    return _averaged(job, job.image, atlas, fitted.labels), fitted.coverage


def _averaged(job: Job, bold: Path, atlas: Atlas, labels: Path) -> np.ndarray:
    """Return the average of each parcel in every frame of the image, (all frames, parcels)."""
    if job.settings.smoothing:
        series, space = smoothed(job, bold)
    else:
        series, space = files.open_series(bold, gaps=True)
    numbers = files.read_labels(labels, space)
    if isinstance(series, files.ImageSeries):
        return series.label_means(numbers, atlas.labels)
    return _means(series, numbers, atlas.labels)


def _means(series: np.ndarray, labels: np.ndarray, parcels: tuple[int, ...]) -> np.ndarray:
    """Return (time, parcels), the mean over each label; one without any place gives zeros."""
    order = np.argsort(labels, kind="stable")
    first, last = (np.searchsorted(labels[order], parcels, side) for side in ("left", "right"))
    means = np.zeros((len(series), len(parcels)))
    for number, (start, stop) in enumerate(zip(first, last, strict=True)):
        if stop > start:
            means[:, number] = series[:, order[start:stop]].mean(axis=1, dtype=np.float64)
    return means


def smoothed(job: Job, bold: Path) -> tuple[np.ndarray, files.Space]:
    """Return a run smoothed within its mask, (all frames, space)."""
    import jax
    import jax.numpy as jnp

    from pydra_diffconn.blocks import SmoothVolume

    if job.run.kind != "nifti":
        raise ValueError("smoothing: only volumes are smoothed here; CIFTI is smoothed along its surfaces, before")
    series, space = files.read_timeseries(bold, job.run.mask)
    voxels = voxels_of(space)
    settings: dict[str, Any] = {"voxel_size": voxel_size(space), "shape": tuple(space.grid)}
    smooth = jax.jit(lambda x, fwhm: SmoothVolume.pure(x, jnp.asarray(voxels), fwhm=fwhm, **settings))
    some = np.zeros((TOGETHER, series.shape[1]), series.dtype)
    for first in range(0, len(series), TOGETHER):  # in place: the run is held once
        frames = series[first : first + TOGETHER]
        some[: len(frames)] = frames
        frames[:] = smooth(some, job.settings.smoothing)[: len(frames)]
    return series, space


def voxels_of(space: files.Space) -> np.ndarray:
    """Return the place of each column on the grid of an image, (space, 3)."""
    return np.stack(np.unravel_index(space.positions, space.grid), axis=1)


def voxel_size(space: files.Space) -> tuple[float, ...]:
    """Return the edges of a voxel in mm."""
    return tuple(float(one) for one in space.template.header.get_zooms()[:3])


def run(program: Any) -> dict[str, np.ndarray]:
    """Compute a program of one run, compiled once for all runs of its signature."""
    import jax

    (only,) = program.runs
    numbers = tuple((name, np.asarray(value).item()) for name, value in only.arrays.items() if np.ndim(value) == 0)
    key = (only.signature(), type(program.graph.task).__name__, pydra_compat.precision(), numbers)
    if key not in _compiled:
        if len(_compiled) >= MOST_COMPILED:
            _compiled.clear()
        _compiled[key] = jax.jit(lambda inputs: program.outputs_of({}, inputs, [0])), []
    compute, said = _compiled[key]
    with heard() as new:  # while it is traced, the first time; it is as true of the next run
        found = compute(program.inputs)
    said.extend(new)
    for told in said:
        warn(told)
    return {name: np.asarray(program.with_missing(name, value)) for name, value in found.items()}
