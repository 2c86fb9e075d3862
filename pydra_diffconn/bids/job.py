"""What is done with one run, and what is known of it before its image is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pydra_diffconn.bids.atlas import Atlas
from pydra_diffconn.bids.components import read_components
from pydra_diffconn.bids.derivatives import label_of
from pydra_diffconn.bids.design import design_of
from pydra_diffconn.bids.fmriprep import Run
from pydra_diffconn.bids.motion import Motion, head_radius, motion_of
from pydra_diffconn.bids.settings import Settings
from pydra_diffconn.confound_models.strategies import Strategy

NEVER = 1e9  # a threshold that no frame exceeds


class Left(Exception):
    """A run is left out, for a reason that is no fault."""


@dataclass(frozen=True)
class Job:
    """What is done with one run."""

    run: Run
    strategy: Strategy
    settings: Settings
    atlases: tuple[Atlas, ...]
    several: bool = False
    """Whether names of files say the strategy, as there are several."""
    parameters: Path | None = None
    """A file of learned parameters, whose values are in the settings."""
    parameters_hash: str | None = None
    learned: Mapping[str, Any] = field(default_factory=dict)
    """Name, start value and learned value of each."""
    history: Sequence[Mapping[str, Any]] = ()
    """Of the fit: step, loss and held-out loss."""

    @property
    def desc(self) -> str | None:
        """What the names of files say of the strategy."""
        return label_of(self.strategy.name) if self.several else None

    @property
    def at_start(self) -> Settings:
        """The settings with every learned value as it was before learning."""
        changed = {name.rpartition(".")[2]: one["start"] for name, one in self.learned.items()}
        return replace(self.settings, **changed)

    @property
    def image(self) -> Path:
        """The run's image that the strategy uses."""
        wanted = self.strategy.bold
        if wanted != "preproc" and wanted not in self.run.other:
            raise ValueError(
                f"{self.run.bold.name}: strategy {self.strategy.name} needs the image desc-{wanted}, which is not there"
            )
        return self.run.bold if wanted == "preproc" else self.run.other[wanted]


@dataclass
class Prepared:
    """What is known of a run before its image is read."""

    job: Job
    bold: Path
    tr: float
    frames: int
    motion: Motion
    design: pd.DataFrame
    frame_weights: np.ndarray
    """(time,): 1 for each kept frame, of those after the dummy scans."""
    components: np.ndarray | None = None
    noise: np.ndarray | None = None
    notes: list[str] = field(default_factory=list)

    def with_settings(self, settings: Settings) -> Prepared:
        """Return the same run under other settings of the workflow."""
        weights = frame_weights(self.motion, settings)
        return replace(self, job=replace(self.job, settings=settings), frame_weights=weights)

    @property
    def kept(self) -> int:
        """How many frames are kept."""
        return int((self.frame_weights > 0.5).sum())

    def numbers(self) -> dict[str, Any]:
        """Return what the status table says of the run."""
        displacement, dvars = self.motion.framewise_displacement, self.motion.std_dvars
        return {
            "tr": self.tr,
            "frames": self.frames,
            "dummy": self.motion.dummy_scans,
            "kept": self.kept,
            "minutes_kept": round(self.kept * self.tr / 60, 3),
            "mean_fd": round(float(displacement[1:].mean()), 5),
            "max_fd": round(float(displacement.max()), 5),
            "mean_dvars": None if dvars is None else round(float(dvars[1:].mean()), 5),
        }


def prepare(job: Job) -> Prepared:
    """Read the tables of a run, and decide whether it is processed.

    Raises
    ------
    Left
        If too little is left of the run.
    ValueError
        With what is missing or does not fit, and in which file.
    """
    run, settings = job.run, job.settings
    bold = job.image
    if run.confounds is None:
        raise ValueError(f"{run.bold.name} has no table of confounds ({run.source}_desc-confounds_timeseries.tsv)")
    frames, tr = run.frames, run.tr
    radius = _head_radius(job)
    motion = motion_of(
        run.confounds, tr, settings.dummy_scans, settings.fd_convention, radius, settings.filter_of_motion
    )
    rows = len(motion.table) + motion.dummy_scans
    if rows != frames:
        raise ValueError(
            f"{run.confounds.name} has {rows} rows, {bold.name} {frames} frames; they are not of the same run, or one "
            "of them is half-written"
        )
    _require_mask_on_grid(job)
    own = custom_confounds(job)
    design = design_of(job.strategy, run.confounds, run.metadata, bold, motion.dummy_scans, settings.first_row, own)
    made = Prepared(job, bold, tr, frames, motion, design, frame_weights(motion, settings))
    header = run.header[1]
    if header is not None and abs(header - tr) > 1e-3 * tr:
        made.notes.append(f"the header says {header:g} s between frames, the side-car {tr:g} s, which is used")
    if made.kept * tr < settings.min_time:
        raise Left(
            f"{made.kept * tr:.0f} s are left of {frames * tr:.0f} s, less than min_time = {settings.min_time:g} s"
        )
    if not job.strategy.components:
        return made
    courses, noise, names = read_components(job.strategy, run, frames)
    if job.strategy.components == "nonaggressive":
        return replace(made, components=courses, noise=noise)
    rejected = {name: courses[motion.dummy_scans :, n] for n, name in enumerate(names) if noise[n]}
    return replace(made, design=made.design.assign(**rejected))


def custom_confounds(job: Job) -> Path | None:
    """Return where the user's own table of a run lies; None if there are none.

    Raises
    ------
    ValueError
        If there is none for this run, or several may be meant.
    """
    folder, run = job.settings.custom_confounds, job.run
    if folder is None:
        return None
    assert run.confounds is not None
    found = sorted(Path(folder).rglob(run.confounds.name)) or sorted(Path(folder).rglob(f"{run.source}_*.tsv"))
    if len(found) != 1:
        told = f"several: {found[0].name}, {found[1].name}" if found else "none"
        raise ValueError(
            f"custom_confounds: of {run.confounds.name} {folder} holds {told}; one table of this name is needed"
        )
    return found[0]


def _head_radius(job: Job) -> float:
    asked = job.settings.head_radius
    if not isinstance(asked, str):
        return asked
    if job.run.mask is None:
        raise ValueError(f"head_radius = 'auto', and {job.run.bold.name} has no brain mask; give it in mm")
    return head_radius(job.run.mask)


def _require_mask_on_grid(job: Job) -> None:
    """Refuse a brain mask of another grid, which its header tells."""
    from pydra_diffconn.files.volumes import load_image

    mask, shape = job.run.mask, job.run.header[0]
    if mask is None or job.run.kind == "cifti":
        return
    found = load_image(mask).shape
    if found[:3] != shape[:3]:
        raise ValueError(
            f"the mask {mask.name} has the shape {found[:3]}, {job.run.bold.name} {shape[:3]}; it is of another space "
            "or resolution: put fMRIPrep's own in its place"
        )


def frame_weights(motion: Motion, settings: Settings) -> np.ndarray:
    """Return the weight (time,) of each frame in the connectome, by the block that the workflow has for it."""
    import jax.numpy as jnp

    from pydra_diffconn.blocks import Censor

    threshold = settings.fd_threshold_final or settings.fd_threshold or NEVER
    metrics: dict[str, Any] = {}
    if settings.dvars_threshold is not None:
        if motion.std_dvars is None:
            raise ValueError("dvars_threshold is given, and the table of confounds has no column 'std_dvars'")
        metrics = {
            "metrics": jnp.asarray(motion.std_dvars)[:, None],
            "metric_thresholds": jnp.asarray([settings.dvars_threshold]),
        }
    around = {name: getattr(settings, name) for name in ("before", "after", "min_segment", "exceeds")}
    found = Censor.pure(
        jnp.asarray(motion.framewise_displacement), threshold, settings.fd_softness, **metrics, **around
    )
    return np.asarray(found)


def workflow_settings(prepared: Prepared) -> dict[str, Any]:
    """Return the settings of the workflow of a run."""
    settings, motion = prepared.job.settings, prepared.motion
    threshold = settings.fd_threshold
    return {
        "framewise_displacement": motion.framewise_displacement,
        "std_dvars": motion.std_dvars,
        "design": prepared.design.to_numpy(dtype=float) if prepared.design.shape[1] else None,
        "tr": prepared.tr,
        "used": np.r_[np.zeros(motion.dummy_scans), np.ones(len(motion.table))] if motion.dummy_scans else None,
        "components": prepared.components,
        "noise": prepared.noise,
        "order": settings.order,
        "high_pass": settings.high_pass,
        "low_pass": settings.low_pass,
        "filter_order": settings.filter_order,
        "fd_threshold": NEVER if threshold is None else threshold,
        "fd_threshold_final": settings.fd_threshold_final,
        "fd_softness": settings.fd_softness,
        "dvars_threshold": settings.dvars_threshold,
        "exceeds": settings.exceeds,
        "before": settings.before,
        "after": settings.after,
        "min_segment": settings.min_segment,
        "ends": settings.ends,
        "penalty": settings.penalty,
        "shrinkage": settings.shrinkage,
    }
