"""Images of a run on wish: the denoised series, and maps of its amplitude and homogeneity."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from pydra_diffconn import files
from pydra_diffconn.bids import computing
from pydra_diffconn.bids.derivatives import write_json
from pydra_diffconn.bids.job import Prepared, workflow_settings
from pydra_diffconn.bids.outputs import place, processing
from pydra_diffconn.bids.postprocess import Denoise
from pydra_diffconn.program.fusing import fuse

TOGETHER = 20_000  # places that are denoised at once
ENDINGS = {"nifti": ".nii.gz", "cifti": ".dtseries.nii"}


def write_images(prepared: Prepared, folder: Path) -> None:
    """Write the images that the settings ask for."""
    job = prepared.job
    settings, desc = job.settings, job.desc
    mask = job.run.mask if job.run.kind == "nifti" else None
    if settings.smoothing:
        series, space = computing.smoothed(job, prepared.bold)
    else:
        series, space = files.read_timeseries(prepared.bold, mask)
    series = _denoised(prepared, series)
    weights = prepared.frame_weights
    if settings.alff:
        _write(prepared, folder, _alff(prepared, series, weights)[None], space, "map", stat="alff", desc=desc)
    if settings.reho:
        _write(prepared, folder, _reho(prepared, series, weights, space)[None], space, "map", stat="reho", desc=desc)
    if settings.denoised:
        shown = _only_kept(series, weights) if settings.output_type == "censored" else series
        _write(prepared, folder, shown, space, "denoised", desc=desc)


def _denoised(prepared: Prepared, series: np.ndarray) -> np.ndarray:
    """Return the denoised series (time, space), in the memory of what came in: some places at a time."""
    import jax

    given = workflow_settings(prepared)
    given.pop("shrinkage")
    places, frames = series.shape[1], len(prepared.frame_weights)
    width = min(TOGETHER, places)
    program = fuse(Denoise(bold=np.ascontiguousarray(series[:, :width]), **given))
    compiled = jax.jit(lambda bold, others: program.outputs_of({}, {**others, "bold": bold}, [0])["timeseries"])
    others = {name: value for name, value in program.inputs.items() if name != "bold"}
    for first in range(0, places, width):
        start = min(first, places - width)  # all blocks have one shape; what the last one has twice is not taken twice
        found = np.asarray(compiled(series[:, start : start + width].astype(np.float32), others))
        series[:frames, first : start + width] = found[:, first - start :]
    return series[:frames]


def _only_kept(series: np.ndarray, frame_weights: np.ndarray) -> np.ndarray:
    """Return the kept frames, in the memory of all of them."""
    kept = np.flatnonzero(frame_weights > 0.5)
    for number, frame in enumerate(kept):
        series[number] = series[frame]
    return series[: len(kept)]


def _alff(prepared: Prepared, series: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the amplitude of low frequencies of each place."""
    import jax.numpy as jnp

    from pydra_diffconn.blocks import Alff

    settings = prepared.job.settings
    if settings.high_pass is None or settings.low_pass is None:
        raise ValueError("alff: the amplitude is that of a band; give high_pass and low_pass")
    found = Alff.pure(
        jnp.asarray(series), prepared.tr, jnp.asarray(weights), low=settings.high_pass, high=settings.low_pass
    )
    return np.asarray(found)


def _reho(prepared: Prepared, series: np.ndarray, weights: np.ndarray, space: files.Space) -> np.ndarray:
    """Return how alike each voxel and its neighbours go up and down."""
    import jax.numpy as jnp

    from pydra_diffconn.blocks import ReHo
    from pydra_diffconn.blocks.series.amplitude import grid_edges

    if prepared.job.run.kind != "nifti":
        raise ValueError("reho: neighbours on a surface are not in a dtseries; give volumes, or leave reho out")
    edges = grid_edges(computing.voxels_of(space))
    return np.asarray(ReHo.pure(jnp.asarray(series), jnp.asarray(edges), jnp.asarray(weights)))


def _write(prepared: Prepared, folder: Path, values: np.ndarray, space: files.Space, kind: str, **parts: Any) -> None:
    path = place(folder, prepared, kind, source=prepared.job.run.name, ending=ENDINGS[space.kind], **parts)
    written = files.write_timeseries(values, space, path.with_name("written"))
    os.replace(written, path)
    beside = {"RepetitionTime": prepared.tr, "Processing": processing(prepared)}
    write_json(path.with_name(path.name.removesuffix(ENDINGS[space.kind]) + ".json"), beside)
