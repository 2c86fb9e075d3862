"""Real data beside the checkout, and what stands in for them in a clone that has none."""

from pathlib import Path

import numpy as np

SHARED = Path(__file__).parents[2] / "shared" / "data"
REQUIRED = "DIFFCONN_DATA"  # "required" in the environment: a run without the real data fails
MISSING = f"the real data are not at {SHARED}"


def series() -> np.ndarray:
    """Return one person's parcel series, (116, 200)."""
    if not SHARED.exists():
        return _walks(116, 200)
    with np.load(SHARED / "abide_cc200" / "site-UCLA_1_atlas-cc200_timeseries.npz") as file:
        return file[file.files[0]].astype(np.float64)


def confounds() -> np.ndarray:
    """Return motion, tissue signals and CompCor of a run, (168, 15)."""
    from pydra_diffconn.files.tables import read_table

    if not SHARED.exists():
        return _walks(168, 15) / 20
    name = "ds000228_sub-pixar123_task-pixar_desc-reducedConfounds_regressors.tsv"
    return read_table(SHARED / "confounds_real" / name)[0]


def image(frames: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return every third voxel of a run in each direction, six regions of its brain, and the affine of both."""
    import nibabel as nib

    if not SHARED.exists():
        shape, rng = (26, 32, 16), np.random.default_rng(0)
        labels = np.kron(np.arange(8).reshape(2, 2, 2) % 7, np.ones((13, 16, 8))).astype(np.int16)
        return 1000 + 20 * rng.standard_normal((*shape, frames)).cumsum(axis=-1), labels, np.diag([-6.0, 6, 9, 1])
    run = nib.load(SHARED / "bold4d_pyhrf" / "real_data_vol_4_regions_BOLD.nii.gz")
    labels = nib.load(SHARED / "bold4d_pyhrf" / "real_data_vol_4_regions_mask.nii.gz")
    data = np.asarray(run.dataobj)[::3, ::3, ::3, :frames].astype(np.float64)
    return data, np.asarray(labels.dataobj)[::3, ::3, ::3].astype(np.int16), run.affine @ np.diag([3, 3, 3, 1])


def _walks(frames: int, columns: int) -> np.ndarray:
    """Return slow, correlated courses: random walks that share a part."""
    rng = np.random.default_rng(7)
    steps = rng.standard_normal((frames, columns)) + 0.5 * rng.standard_normal((frames, 1))
    return steps.cumsum(axis=0) + 3 * rng.standard_normal((frames, columns))
