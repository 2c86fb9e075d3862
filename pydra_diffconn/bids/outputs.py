"""What a run leaves behind: tables with their side-cars, and figures."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pydra_diffconn.bids import learned_figures
from pydra_diffconn.bids.computing import Found
from pydra_diffconn.bids.derivatives import file_name, write_json
from pydra_diffconn.bids.figures import RunArrays, draw
from pydra_diffconn.bids.job import Prepared
from pydra_diffconn.bids.postprocess import KINDS
from pydra_diffconn.files import tables

INPUT = "preprocessed"
"""The name of the input data set in BIDS URIs, explained by DatasetLinks."""


def write_tables(prepared: Prepared, folder: Path) -> None:
    """Write what does not depend on an atlas: motion, censored frames, regressors."""
    job, settings = prepared.job, prepared.job.settings
    source = job.run.source
    _table(folder, prepared, "motion", prepared.motion.table, {
        "RepetitionTime": prepared.tr,
        "DummyScans": prepared.motion.dummy_scans,
        "framewise_displacement": {
            "Description": "change of the head's place from the frame before",
            "Units": "mm",
            "Convention": settings.fd_convention,
            "HeadRadius": settings.head_radius,
            "Filter": settings.motion_filter,
            "BandStopMin": settings.band_stop_min,
            "BandStopMax": settings.band_stop_max,
        },
    }, source=source)  # fmt: skip
    censored = pd.DataFrame({"censored": (prepared.frame_weights <= 0.5).astype(int)})
    _table(folder, prepared, "outliers", censored, {
        "censored": {"Description": "frames of no weight in any estimate", "Levels": {"0": "kept", "1": "censored"}},
        "Thresholds": {
            "framewise_displacement": settings.fd_threshold_final or settings.fd_threshold,
            "std_dvars": settings.dvars_threshold,
        },
        "FramesKept": prepared.kept,
    }, source=source, desc=job.desc)  # fmt: skip
    if prepared.design.shape[1]:
        _table(folder, prepared, "design", prepared.design, {
            "Strategy": job.strategy.name,
            "Model": job.strategy.model or dict(job.strategy.nilearn),
            "FirstRow": settings.first_row,
            "Columns": list(prepared.design),
        }, source=source, desc=job.desc)  # fmt: skip


def write_atlas(prepared: Prepared, found: Found, folder: Path) -> None:
    """Write what was found for an atlas: coverage, series, connectomes, figures."""
    job, atlas = prepared.job, found.atlas
    names, where = list(atlas.names), {"source": job.run.name, "atlas": atlas.name}
    coverage = pd.DataFrame({"index": atlas.labels, "name": names, "coverage": found.coverage})
    _table(folder, prepared, "coverage", coverage, {
        "coverage": {"Description": "share of the parcel's places that have data"},
        "MinimumCoverage": job.settings.min_coverage,
        "AtlasResampled": found.resampled,
    }, **where)  # fmt: skip
    kept = found.frame_weights > 0.5 if job.settings.output_type == "censored" else slice(None)
    series = pd.DataFrame(found.series[kept], columns=names)
    about = sidecar(prepared, found)
    path = _table(folder, prepared, "timeseries", series, about, **where, desc=job.desc)
    for kind, matrix in found.connectomes.items():
        stat, measure = KINDS[kind]
        _matrix(folder, prepared, matrix, names, {
            **about,
            "RelationshipMeasure": measure,
            "Weighted": True,
            "Directed": False,
            "ValidDiagonal": False,
            "StorageFormat": "Full",
            "NodeFiles": [_ours(folder, path)],
        }, **where, desc=job.desc, stat=stat)  # fmt: skip
    _figures(prepared, found, folder)


def sidecar(prepared: Prepared, found: Found) -> dict[str, Any]:
    """Return what is said beside series and connectomes: where they come from, and every setting."""
    job, row = prepared.job, prepared.numbers()
    return {
        "RepetitionTime": prepared.tr,
        "Strategy": job.strategy.name,
        "Atlas": found.atlas.name,
        "AtlasSource": found.atlas.source,
        "Space": job.run.space,
        "Sources": [_theirs(prepared, one) for one in (prepared.bold, job.run.confounds, job.run.mask) if one],
        "Frames": prepared.frames,
        "DummyScans": prepared.motion.dummy_scans,
        "FramesKept": prepared.kept,
        "MinutesKept": row["minutes_kept"],
        "MeanFramewiseDisplacement": row["mean_fd"],
        "MaxFramewiseDisplacement": row["max_fd"],
        "TemporalDegreesOfFreedom": round(found.freedom, 3),
        "ParcelsMissing": [name for name, gone in zip(found.atlas.names, found.missing, strict=True) if gone],
        "Processing": processing(prepared),
        "SoftwareVersions": {name: version(name) for name in ("pydra-diffconn", "pydra", "jax", "nilearn", "nibabel")},
    }


def processing(prepared: Prepared) -> dict[str, Any]:
    """Return every setting, and what it came to for this run."""
    job = prepared.job
    return {
        **job.settings.recorded(),
        "strategy": job.strategy.name,
        "model": job.strategy.model or dict(job.strategy.nilearn),
        "components": job.strategy.components or None,
        "ica": job.strategy.ica if job.strategy.components else None,
        "columns": list(prepared.design),
        "dummy_scans": prepared.motion.dummy_scans,
        "dummy_scans_asked": job.settings.dummy_scans,
        "citations": list(job.strategy.cite),
        "parameters_file": job.parameters.name if job.parameters else None,
        "parameters_hash": job.parameters_hash,
        "learned": dict(job.learned),
    }


def numbers_of(found: Sequence[Found]) -> dict[str, Any]:
    """Return what the status table says of the atlases: the least of degrees of freedom, the missing parcels."""
    if not found:
        return {}
    missing = sum(int(one.missing.sum()) for one in found)
    return {"dof": round(min(one.freedom for one in found), 3), "parcels_missing": missing}


def place(folder: Path, prepared: Prepared, kind: str, **parts: Any) -> Path:
    """Return where a file belongs, below the folder."""
    path = folder / prepared.job.run.folder / file_name(kind, **parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _table(
    folder: Path, prepared: Prepared, kind: str, table: pd.DataFrame, beside: dict[str, Any], **parts: Any
) -> Path:
    path = place(folder, prepared, kind, **parts)
    table.to_csv(path, sep="\t", index=False, na_rep="n/a")
    write_json(path.with_suffix(".json"), beside)
    return path


def _matrix(
    folder: Path, prepared: Prepared, matrix: np.ndarray, names: list[str], beside: dict[str, Any], **parts: Any
) -> Path:
    path = place(folder, prepared, "relmat", **parts)
    tables.write_matrix(matrix, names, path)
    write_json(path.with_suffix(".json"), beside)
    return path


def _figures(prepared: Prepared, found: Found, folder: Path) -> None:
    job = prepared.job
    kind, matrix = _shown(found)
    arrays = RunArrays(
        tr=prepared.tr,
        framewise_displacement=prepared.motion.framewise_displacement,
        std_dvars=prepared.motion.std_dvars,
        threshold=job.settings.fd_threshold,
        frame_weights=found.frame_weights,
        before=found.before,
        after=found.series,
        design=prepared.design.to_numpy(dtype=float),
        design_names=list(prepared.design),
        coverage=found.coverage,
        connectome=matrix,
        measure=KINDS[kind][1],
        names=list(found.atlas.names),
        title=job.run.name,
        min_coverage=job.settings.min_coverage,
        dvars_threshold=job.settings.dvars_threshold,
    )
    figures = folder / f"sub-{job.run.entities['sub']}" / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    for figure, svg in {**draw(arrays), **learned_figures.draw(prepared, found)}.items():
        name = file_name("figure", source=job.run.name, atlas=found.atlas.name, desc=job.desc, figure=figure)
        (figures / name).write_text(svg, encoding="utf-8")


def _shown(found: Found) -> tuple[str, np.ndarray]:
    """Return the connectome that figures show, and its kind: Pearson's if there is one."""
    kind = "pearson" if "pearson" in found.connectomes else next(iter(found.connectomes))
    return kind, found.connectomes[kind]


def _theirs(prepared: Prepared, path: Path) -> str:
    return f"bids:{INPUT}:{path.relative_to(prepared.job.run.root).as_posix()}"


def _ours(folder: Path, path: Path) -> str:
    return f"bids::{path.relative_to(folder).as_posix()}"
