"""Images of a run on wish: the denoised series, and maps of its amplitude and homogeneity."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from fileformats.generic import File

from pydra_diffconn import files
from pydra_diffconn.bids import computing
from pydra_diffconn.bids.derivatives import write_json
from pydra_diffconn.bids.job import Prepared, workflow_settings
from pydra_diffconn.bids.outputs import place, processing
from pydra_diffconn.bids.postprocess import Denoise
from pydra_diffconn.program.fusing import fuse

ENDINGS = {"nifti": ".nii.gz", "cifti": ".dtseries.nii"}


def write_images(prepared: Prepared, folder: Path) -> None:
    """Write the images that the settings ask for."""
    settings, run = prepared.job.settings, prepared.job.run
    mask = None if run.mask is None or run.kind == "cifti" else run.mask
    smoothing: dict[str, Any] = {}
    opened, space = files.open_series(prepared.bold, mask)
    if settings.smoothing:
        voxels, size = computing.voxels_of(space), computing.voxel_size(space)
        smoothing = {"fwhm": settings.smoothing, "voxels": voxels, "voxel_size": size}
    del opened
    given = workflow_settings(prepared)
    given.pop("shrinkage")
    masked = {} if mask is None else {"mask": File(mask)}
    found = computing.run(fuse(Denoise(bold=File(prepared.bold), **masked, **given, **smoothing)))
    series, weights, desc = found["timeseries"], found["frame_weights"], prepared.job.desc
    if settings.denoised:
        kept = weights > 0.5 if settings.output_type == "censored" else np.ones(len(weights), bool)
        _write(prepared, folder, series[kept], space, "denoised", desc=desc)
    if settings.alff:
        _write(
            prepared, folder, _alff(prepared, series, weights)[None], space, "map", stat="alff", desc=prepared.job.desc
        )
    if settings.reho:
        _write(
            prepared,
            folder,
            _reho(prepared, series, weights, space)[None],
            space,
            "map",
            stat="reho",
            desc=prepared.job.desc,
        )


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
