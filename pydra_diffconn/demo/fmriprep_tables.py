"""The table of confounds that fMRIPrep makes of a run, computed from images and motion as it does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from pydra_diffconn.generators.scans import Head, Scan

PERIOD = 128.0  # seconds, of fMRIPrep's slowest cosine that is removed
COMPONENTS = 6
SPHERE = 80.0  # mm, of the mean displacement over a head (Jenkinson)
HEAD = 50.0  # mm, of framewise displacement (Power)
NOISY = 0.05  # share of voxels with the largest variance
OUTLIER = {"framewise_displacement": 0.5, "std_dvars": 1.5}
MOTION = ("trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z")


def confounds(scan: Scan, head: Head, tr: float) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the table of a run, (time, columns), and what is said of its columns."""
    series = scan.image.reshape(-1, scan.image.shape[3]).T
    inside = {name: getattr(head, name).ravel() for name in ("brain", "white_matter", "csf")}
    means = {
        "csf": series[:, inside["csf"]].mean(axis=1),
        "white_matter": series[:, inside["white_matter"]].mean(axis=1),
        "global_signal": series[:, inside["brain"]].mean(axis=1),
    }
    table: dict[str, np.ndarray] = {}
    for name, column in {**means, **dict(zip(MOTION, scan.motion.T, strict=True))}.items():
        table |= _expanded(name, column)
    table |= _changes(series[:, inside["brain"]], scan.motion)
    found, described = _slow_and_noisy(series[scan.unsteady :], inside, tr)
    unknown = np.zeros(scan.unsteady)  # components are of the steady frames, and 0 before them
    table |= {name: np.concatenate([unknown, column]) for name, column in found.items()}
    table |= _flags(scan.unsteady, table)
    return pd.DataFrame(table), described


def slow_cosines(frames: int, tr: float) -> np.ndarray:
    """Return the cosines slower than 128 s, (time, cosines), of unit norm."""
    count = max(int(np.floor(2 * frames * tr / PERIOD)), 1)
    time = (np.arange(frames) + 0.5) / frames
    return np.sqrt(2 / frames) * np.cos(np.pi * np.outer(time, np.arange(1, count + 1)))


def _slow_and_noisy(
    series: np.ndarray, inside: Mapping[str, np.ndarray], tr: float
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return the components of each tissue and of the noisiest voxels, the cosines, and what is said of them."""
    cosines = slow_cosines(len(series), tr)
    brain = series[:, inside["brain"]]
    spread = brain.std(axis=0)
    chosen = {
        "a": (series[:, inside["csf"] | inside["white_matter"]], {"Mask": "combined", "Method": "aCompCor"}),
        "c": (series[:, inside["csf"]], {"Mask": "CSF", "Method": "aCompCor"}),
        "w": (series[:, inside["white_matter"]], {"Mask": "WM", "Method": "aCompCor"}),
        "t": (brain[:, spread >= np.quantile(spread, 1 - NOISY)], {"Method": "tCompCor"}),
    }
    columns: dict[str, np.ndarray] = {}
    described: dict[str, Any] = {}
    for prefix, (voxels, about) in chosen.items():
        found, told = _components(voxels, cosines, f"{prefix}_comp_cor_", about)
        columns, described = columns | found, described | told
    return columns | {f"cosine{number:02d}": column for number, column in enumerate(cosines.T)}, described


def _expanded(name: str, column: np.ndarray) -> dict[str, np.ndarray]:
    change = np.concatenate([[np.nan], np.diff(column)])
    return {
        name: column,
        f"{name}_derivative1": change,
        f"{name}_power2": column**2,
        f"{name}_derivative1_power2": change**2,
    }


def _changes(series: np.ndarray, motion: np.ndarray) -> dict[str, np.ndarray]:
    """Return what differs from the frame before: displacement of the head, two ways, and DVARS."""
    import jax.numpy as jnp

    from pydra_diffconn.blocks import Dvars

    step = np.diff(motion, axis=0)
    moved = np.abs(step[:, :3]).sum(axis=1) + HEAD * np.abs(step[:, 3:]).sum(axis=1)
    # for small angles the matrix less the identity has the squared size 2 |angles|^2
    mean_square = (step[:, :3] ** 2).sum(axis=1) + SPHERE**2 / 5 * 2 * (step[:, 3:] ** 2).sum(axis=1)
    raw, standard = (np.asarray(one, dtype=float)[1:] for one in Dvars.pure(jnp.asarray(series, jnp.float32)))
    columns = {"framewise_displacement": moved, "rmsd": np.sqrt(mean_square), "dvars": raw, "std_dvars": standard}
    return {name: np.concatenate([[np.nan], column]) for name, column in columns.items()}


def _components(
    series: np.ndarray, cosines: np.ndarray, prefix: str, about: Mapping[str, Any]
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return the first principal components of a tissue, without slow waves, and what is said of them."""
    basis = np.column_stack([np.ones(len(series)), cosines])
    series = series - basis @ np.linalg.lstsq(basis, series, rcond=None)[0]
    left, sizes, _ = np.linalg.svd(series / series.std(axis=0), full_matrices=False)
    share = sizes**2 / np.sum(sizes**2)
    columns = {f"{prefix}{number:02d}": left[:, number] for number in range(COMPONENTS)}
    told = {
        name: {
            **about,
            "Retained": True,
            "SingularValue": float(sizes[number]),
            "VarianceExplained": float(share[number]),
            "CumulativeVarianceExplained": float(share[: number + 1].sum()),
        }
        for number, name in enumerate(columns)
    }
    return columns, told


def _flags(unsteady: int, table: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return a column for each frame that is not steady, and for each of much change."""
    frames = len(table["csf"])
    eye = np.eye(frames)
    found = {f"non_steady_state_outlier{frame:02d}": eye[frame] for frame in range(unsteady)}
    much = np.any([np.nan_to_num(table[name]) > limit for name, limit in OUTLIER.items()], axis=0)
    return found | {f"motion_outlier{n:02d}": eye[frame] for n, frame in enumerate(np.flatnonzero(much))}
