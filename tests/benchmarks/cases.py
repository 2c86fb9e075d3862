"""What is measured: our way and the best alternative, on the same inputs, returning the same numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydra.compose import workflow

from pydra_diffconn import Learn, fuse
from pydra_diffconn.blocks import (
    BandPass,
    ButterworthFiltFilt,
    Correlation,
    Parcellate,
    RegressConfounds,
)
from tests.benchmarks.case import Case
from tests.benchmarks.first_use import FIRST_USE
from tests.benchmarks.folder import CASES as FOLDER
from tests.benchmarks.heavy import HEAVY
from tests.benchmarks.nipype_bridge import CASES as NIPYPE
from tests.benchmarks.pipelines import PIPELINES
from tests.benchmarks.training import STEPS

GRID, FRAMES, PARCELS, TR = (64, 76, 64), 400, 400, 0.8


@workflow.define(outputs=["connectome"])
def FromImage(bold, labels):
    parcels = workflow.add(Parcellate(timeseries=bold, labels=labels))
    return workflow.add(Correlation(timeseries=parcels.timeseries)).connectome


@workflow.define(outputs=["timeseries"])
def CleanParcels(bold, confounds, labels):
    """As written: every voxel is filtered and regressed, then averaged."""
    band = workflow.add(ButterworthFiltFilt(timeseries=bold, tr=TR, low=0.01, high=0.1), name="band")
    regressors = workflow.add(ButterworthFiltFilt(timeseries=confounds, tr=TR, low=0.01, high=0.1), name="regressors")
    clean = workflow.add(RegressConfounds(timeseries=band.timeseries, confounds=regressors.timeseries), name="clean")
    return workflow.add(Parcellate(timeseries=clean.timeseries, labels=labels), name="parcels").timeseries


@workflow.define(outputs=["timeseries"])
def CleanDense(bold, confounds):
    band = workflow.add(ButterworthFiltFilt(timeseries=bold, tr=TR, low=0.01, high=0.1), name="band")
    regressors = workflow.add(ButterworthFiltFilt(timeseries=confounds, tr=TR, low=0.01, high=0.1), name="regressors")
    return workflow.add(RegressConfounds(timeseries=band.timeseries, confounds=regressors.timeseries)).timeseries


@workflow.define(outputs=["connectome"])
def ParcelConnectome(series, confounds, gates):
    band = workflow.add(BandPass(timeseries=series, tr=TR, low=Learn(0.01), high=Learn(0.1)), name="band")
    clean = workflow.add(RegressConfounds(timeseries=band.timeseries, confounds=confounds, penalty=Learn(0.1)))
    return workflow.add(Correlation(timeseries=clean.timeseries)).connectome


def _images(folder: Path, suffix: str) -> tuple[str, str]:
    import nibabel as nib

    bold, atlas = folder / f"bench_bold{suffix}", folder / "bench_atlas.nii.gz"
    if not bold.exists():
        rng = np.random.default_rng(0)
        inside = np.zeros(np.prod(GRID), dtype=np.int32)
        chosen = rng.permutation(inside.size)[:230_008]
        inside[np.sort(chosen)] = np.repeat(np.arange(1, PARCELS + 1), 576)[:230_008]
        nib.save(nib.Nifti1Image(inside.reshape(GRID), np.eye(4) * 3), atlas)
        data = (rng.standard_normal((*GRID, FRAMES), dtype=np.float32) * 100 + 1000).astype(np.int16)
        image = nib.Nifti1Image(data, np.eye(4) * 3)
        image.header.set_zooms((3, 3, 3, TR))
        nib.save(image, bold)
    return str(bold), str(atlas)


class Image(Case):
    name, against, goal, repeats = "a: .nii to connectome", "nilearn NiftiLabelsMasker + ConnectivityMeasure", 0.2, 2
    suffix = ".nii"

    def __init__(self, folder: Path) -> None:
        self.bold, self.atlas = _images(folder, self.suffix)

    def ours(self) -> np.ndarray:
        from fileformats.generic import File

        program = fuse(FromImage(bold=File(self.bold), labels=File(self.atlas)))
        return np.asarray(program({})["connectome"])

    def theirs(self) -> np.ndarray:
        from nilearn.connectome import ConnectivityMeasure
        from nilearn.maskers import NiftiLabelsMasker
        from sklearn.covariance import EmpiricalCovariance

        series = NiftiLabelsMasker(self.atlas, standardize=None, verbose=0).fit_transform(self.bold)
        measure = ConnectivityMeasure(EmpiricalCovariance(), kind="correlation", standardize=False)
        return measure.fit_transform([series])[0]


class CompressedImage(Image):
    name, goal, suffix = "b: .nii.gz to connectome", 0.4, ".nii.gz"


class VoxelwiseClean(Case):
    name, against, goal, repeats = "c: clean every voxel, then parcels", "vectorised SciPy", 0.06, 2

    def __init__(self, folder: Path) -> None:
        rng = np.random.default_rng(0)
        self.bold = rng.standard_normal((FRAMES, 230_008), dtype=np.float32)
        self.confounds = rng.standard_normal((FRAMES, 36), dtype=np.float32)
        self.labels = rng.integers(0, PARCELS + 1, 230_008)
        self.task = CleanParcels(bold=self.bold, confounds=self.confounds, labels=self.labels)
        self.program: Any = None

    def ours(self) -> np.ndarray:
        import jax

        if self.program is None:
            fused = fuse(self.task)
            self.program, self.inputs = jax.jit(fused), {n: jax.device_put(v) for n, v in fused.inputs.items()}
        return np.asarray(self.program({}, **self.inputs)["timeseries"])

    def cleaned(self) -> np.ndarray:
        from scipy import signal

        sections = signal.butter(5, [0.01, 0.1], "bandpass", fs=1 / TR, output="sos")
        series = signal.sosfiltfilt(sections, self.bold, axis=0)
        confounds = signal.sosfiltfilt(sections, self.confounds, axis=0)
        confounds = confounds - confounds.mean(axis=0)
        base = np.linalg.qr(confounds)[0].astype(series.dtype)
        return series - base @ (base.T @ (series - series.mean(axis=0)))

    def theirs(self) -> np.ndarray:
        series = self.cleaned()
        order = np.argsort(self.labels, kind="stable")
        starts = np.searchsorted(self.labels[order], np.arange(1, PARCELS + 1))
        sums = np.add.reduceat(series[:, order], starts, axis=1)
        return sums / np.bincount(self.labels)[1:]


class DenseClean(VoxelwiseClean):
    name, against, goal = "c2: clean every voxel, dense output", "one time x time product (NumPy)", 1.1
    equal = False

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.task = CleanDense(bold=self.bold, confounds=self.confounds)
        self.operator = np.random.default_rng(1).standard_normal((FRAMES, FRAMES), dtype=np.float32)

    def theirs(self) -> np.ndarray:
        return self.operator @ self.bold


class Correlations(Case):
    name, against, goal = "d: 100 correlations of 400 x 1200", "nilearn ConnectivityMeasure", 0.16

    def __init__(self, folder: Path) -> None:
        import jax

        self.series = np.random.default_rng(0).standard_normal((100, 1200, 400), dtype=np.float32)
        self.batch = jax.jit(lambda batch: jax.lax.map(Correlation.pure, batch))

    def ours(self) -> np.ndarray:
        return np.asarray(self.batch(self.series))

    def theirs(self) -> np.ndarray:
        from nilearn.connectome import ConnectivityMeasure
        from sklearn.covariance import EmpiricalCovariance

        measure = ConnectivityMeasure(EmpiricalCovariance(), kind="correlation", standardize=False)
        return measure.fit_transform(list(self.series))


class Steady(Case):
    name, against, goal, repeats = "f: fused program, steady", "the bare jitted functions", 1.2, 10

    def __init__(self, folder: Path) -> None:
        import jax

        rng = np.random.default_rng(0)
        self.series = rng.standard_normal((400, 400), dtype=np.float32)
        self.confounds = rng.standard_normal((400, 36), dtype=np.float32)
        program = fuse(ParcelConnectome(series=self.series, confounds=self.confounds, gates=None))
        self.parameters, self.inputs = program.parameters, program.inputs
        self.fused = jax.jit(program)

        def bare(parameters: Any, series: Any, confounds: Any) -> Any:
            band = BandPass.pure(series, TR, parameters["band.low"], parameters["band.high"])
            clean = RegressConfounds.pure(band, confounds, penalty=parameters["RegressConfounds.penalty"])
            return Correlation.pure(clean)

        self.bare = jax.jit(bare)

    def ours(self) -> np.ndarray:
        return np.asarray(self.fused(self.parameters, **self.inputs)["connectome"])

    def theirs(self) -> np.ndarray:
        return np.asarray(self.bare(self.parameters, self.series, self.confounds))


class OneJobPerNode(Steady):
    name, against, goal, repeats = "f2: fused program, steady", "one Pydra job per node (debug worker)", None, 2

    def theirs(self) -> np.ndarray:
        import tempfile

        task = ParcelConnectome(series=self.series, confounds=self.confounds, gates=None)
        with tempfile.TemporaryDirectory() as folder:
            return task(worker="debug", cache_root=folder).connectome


CASES = [
    Image,
    CompressedImage,
    VoxelwiseClean,
    DenseClean,
    Correlations,
    Steady,
    OneJobPerNode,
    *FIRST_USE,
    *STEPS,
    *PIPELINES,
    *HEAVY,
    *NIPYPE,
    *FOLDER,
]
