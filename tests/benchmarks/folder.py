"""One run of an fMRIPrep folder, 73 x 86 x 73 voxels and 240 frames, to its series: ours and nilearn's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd

from tests.benchmarks.case import Case

SHAPE, FRAMES, PARCELS, TR = (73, 86, 73), 240, 200, 2.0
SOURCE = "sub-01_task-rest"
NAME = f"{SOURCE}_space-MNI152NLin2009cAsym_res-2"
MOTION = ("trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z")


def made(folder: Path) -> Path:
    """Write the folder, once."""
    root = folder / "fmriprep"
    if root.exists():
        return root
    func, atlas = root / "sub-01" / "func", root / "atlases" / "atlas-Two"
    func.mkdir(parents=True)
    atlas.mkdir(parents=True)
    rng, voxels, affine = np.random.default_rng(0), int(np.prod(SHAPE)), np.diag([2.0, 2, 2, 1])
    labels = (np.arange(voxels) * PARCELS // voxels + 1).reshape(SHAPE).astype("i2")
    nib.Nifti1Image(labels, affine).to_filename(atlas / "atlas-Two_space-MNI152NLin2009cAsym_res-2_dseg.nii.gz")
    nib.Nifti1Image(np.ones(SHAPE, "u1"), affine).to_filename(func / f"{NAME}_desc-brain_mask.nii.gz")
    bold = nib.Nifti1Image(1000 + 20 * rng.standard_normal((*SHAPE, FRAMES), dtype="f4"), affine)
    bold.header.set_zooms((2, 2, 2, TR))
    bold.to_filename(func / f"{NAME}_desc-preproc_bold.nii.gz")
    (func / f"{NAME}_desc-preproc_bold.json").write_text(json.dumps({"RepetitionTime": TR}))
    table = {}
    for name in MOTION:
        course = rng.standard_normal(FRAMES).cumsum() * (0.02 if name.startswith("trans") else 0.0002)
        change = np.r_[np.nan, np.diff(course)]
        parts = {"": course, "_derivative1": change, "_power2": course**2, "_derivative1_power2": change**2}
        table |= {f"{name}{ending}": column for ending, column in parts.items()}
    path = func / f"{SOURCE}_desc-confounds_timeseries.tsv"
    pd.DataFrame(table).to_csv(path, sep="\t", index=False, na_rep="n/a")
    path.with_suffix(".json").write_text("{}")
    return root


class FolderRun(Case):
    name = "s: a run of an fMRIPrep folder, .nii.gz to 200 series and connectome, 24P"
    against = "nilearn load_confounds + NiftiLabelsMasker + ConnectivityMeasure"
    goal = 0.33
    smoothing = 0.0

    def __init__(self, folder: Path) -> None:
        from pydra_diffconn.bids import app

        self.folder = folder
        request = app.Request(
            made(folder), folder / "out", strategies=("24P",),
            given={"order": "nilearn", "filter_order": 5, "fd_threshold": 0, "smoothing": self.smoothing},
        )  # fmt: skip
        (self.job,) = app.plan(request).jobs

    def ours(self) -> Any:
        from pydra_diffconn.bids import computing, job

        return computing.compute(job.prepare(self.job), self.job.atlases[0], self.folder / "derivatives").connectomes[
            "pearson"
        ]

    def theirs(self) -> Any:
        from nilearn.connectome import ConnectivityMeasure
        from nilearn.interfaces.fmriprep import load_confounds
        from nilearn.maskers import NiftiLabelsMasker

        run = self.job.run
        confounds, _ = load_confounds(str(run.bold), strategy=("motion",), motion="full")
        masker = NiftiLabelsMasker(
            self.job.atlases[0].image, mask_img=run.mask, detrend=True, standardize=None, low_pass=0.08, high_pass=0.01,
            t_r=TR, smoothing_fwhm=self.smoothing or None,
        )  # fmt: skip
        series = masker.fit_transform(run.bold, confounds=confounds)
        from sklearn.covariance import EmpiricalCovariance

        return ConnectivityMeasure(EmpiricalCovariance(), kind="correlation", standardize=False).fit_transform(
            [series]
        )[0]


class SmoothedRun(FolderRun):
    """Its voxels must be held: 440 MB as float32."""

    name, smoothing = "s2: the same, smoothed by 6 mm", 6.0


class Grayordinates(Case):
    """A run of the Human Connectome Project, whose series are 438 MB."""

    name, against, goal = "b2: .dtseries.nii of 1,200 frames to connectome", "nibabel and NumPy's bincount", 1.0
    repeats, frames, vertices = 2, 1200, 91_282

    def __init__(self, folder: Path) -> None:
        self.bold, self.atlas = folder / "run.dtseries.nii", folder / "atlas.dlabel.nii"
        if self.bold.exists():
            return
        rng = np.random.default_rng(0)
        places = nib.cifti2.BrainModelAxis.from_mask(np.ones(self.vertices, bool), "CORTEX_LEFT")
        labels = 1 + np.arange(self.vertices) * PARCELS // self.vertices
        table = {0: ("none", (0, 0, 0, 0))} | {n: (f"p{n}", (0, 0, 0, 1)) for n in range(1, PARCELS + 1)}
        kind = nib.cifti2.LabelAxis(["atlas"], [table])
        nib.Cifti2Image(labels[None].astype("f4"), (kind, places)).to_filename(self.atlas)
        time = nib.cifti2.SeriesAxis(0, 0.72, self.frames)
        series = 1000 + 20 * rng.standard_normal((self.frames, self.vertices), dtype="f4")
        nib.Cifti2Image(series, (time, places)).to_filename(self.bold)

    def ours(self) -> Any:
        from pydra_diffconn import fuse
        from tests.benchmarks.cases import FromImage

        return np.asarray(fuse(FromImage(bold=self.bold, labels=self.atlas))({})["connectome"])

    def theirs(self) -> Any:
        series = np.asarray(nib.load(self.bold).dataobj)
        labels = np.asarray(nib.load(self.atlas).dataobj)[0].astype(int)
        count = np.bincount(labels, minlength=PARCELS + 1)[1:]
        means = np.stack([np.bincount(labels, frame, PARCELS + 1)[1:] / count for frame in series])
        return np.corrcoef(means.T)


CASES = [FolderRun, SmoothedRun, Grayordinates]
