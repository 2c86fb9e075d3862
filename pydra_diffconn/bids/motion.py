"""Head motion of a run, from its table of confounds: what is censored, and what stands in the table of motion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

PARAMETERS = ("trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z")
NON_STEADY = "non_steady_state_outlier"


@dataclass(frozen=True)
class MotionFilter:
    """What removes breathing from realignment parameters before their displacement is taken.

    Sources: Gratton et al. (2020), doi:10.1016/j.neuroimage.2020.116866 (low-pass); Fair et al. (2020),
    doi:10.1016/j.neuroimage.2019.116400 (notch).
    """

    kind: Literal["lp", "notch"]
    band_stop_min: float
    """Breaths per minute: the cut-off of the low-pass, the lower end of the notch."""
    band_stop_max: float | None = None
    order: int = 4

    def __call__(self, parameters: np.ndarray, tr: float) -> np.ndarray:
        """Return filtered parameters (time, 6), without a shift in time."""
        from scipy import signal

        rate, low = 1 / tr, self.band_stop_min / 60
        high = low if self.band_stop_max is None else self.band_stop_max / 60
        if not 0 < low <= high < rate / 2:
            raise ValueError(
                f"motion filter: {low:.3g} to {high:.3g} Hz does not lie between 0 and half the sampling rate, "
                f"{rate / 2:.3g} Hz at tr = {tr:g} s; give breaths per minute below {30 * rate:.3g}"
            )
        ends = {"axis": 0, "padtype": "constant", "padlen": len(parameters) - 1}
        if self.kind == "lp":
            numerator, denominator = signal.butter(self.order / 2, low, btype="lowpass", fs=rate)
            return signal.filtfilt(numerator, denominator, parameters, **ends)
        if high == low:
            raise ValueError("motion filter: a notch needs two ends; give band_stop_max, too")
        centre = (low + high) / 2
        numerator, denominator = signal.iirnotch(centre, centre / (high - low), fs=rate)
        for _ in range(self.order // 2):
            parameters = signal.filtfilt(numerator, denominator, parameters, **ends)
        return parameters


@dataclass(frozen=True)
class Motion:
    """What a run's table says of motion, of the frames that are used."""

    dummy_scans: int
    table: pd.DataFrame
    """(time, ...): realignment parameters, `framewise_displacement` (mm) and `std_dvars` where there is one."""

    @property
    def framewise_displacement(self) -> np.ndarray:
        """(time,): in mm; 0 in the first frame, which has none before it."""
        return np.nan_to_num(self.table["framewise_displacement"].to_numpy(dtype=float))

    @property
    def std_dvars(self) -> np.ndarray | None:
        """(time,): change of the image, 1 is usual; None where the table has none."""
        if "std_dvars" not in self.table:
            return None
        return np.nan_to_num(self.table["std_dvars"].to_numpy(dtype=float))


def motion_of(
    confounds: Path,
    tr: float,
    dummy_scans: int | str = 0,
    convention: str = "power",
    head_radius: float = 50.0,
    motion_filter: MotionFilter | None = None,
) -> Motion:
    """Read the motion of a run.

    Parameters
    ----------
    confounds : path
        fMRIPrep's table of confounds.
    tr : float
        Seconds between frames.
    dummy_scans : int or "auto"
        How many frames at the start are left out; "auto" counts the frames that fMRIPrep calls non-steady.
    convention : {"power", "jenkinson"}
        Framewise displacement as the sum of absolute changes (Power et al. 2012), or the root mean square over a sphere
        (Jenkinson et al. 2002; fMRIPrep's column `rmsd`, or what it would be of filtered parameters).
    head_radius : float
        In mm, for "power".
    motion_filter : MotionFilter, optional

    Raises
    ------
    ValueError
        If columns are missing, or what is asked for cannot be computed.
    """
    from pydra_diffconn.files.tables import read_table

    array, names = read_table(confounds)
    columns = dict(zip(names, array.T, strict=True))
    absent = [name for name in PARAMETERS if name not in columns]
    if absent:
        raise ValueError(f"{confounds} has no column {absent[0]!r}; expected fMRIPrep's table of confounds")
    first = _dummy_scans(columns, dummy_scans, len(array), confounds)
    parameters = np.stack([columns[name] for name in PARAMETERS], axis=1)
    if motion_filter is not None:
        parameters = motion_filter(parameters, tr)
    table = dict(zip(PARAMETERS, parameters.T, strict=True))
    if convention == "jenkinson":
        table["framewise_displacement"] = _jenkinson(columns, motion_filter, parameters, confounds)
    else:
        table["framewise_displacement"] = displacement(parameters, head_radius)
    if "std_dvars" in columns:
        table["std_dvars"] = columns["std_dvars"]
    used = pd.DataFrame(table).iloc[first:].reset_index(drop=True)
    used.loc[0, [name for name in ("framewise_displacement", "std_dvars") if name in used]] = np.nan
    return Motion(first, used)


def displacement(parameters: np.ndarray, head_radius: float) -> np.ndarray:
    """Return framewise displacement (time,) in mm by Power et al. (2012); the first frame has none.

    Parameters
    ----------
    parameters : (time, 6)
        Translations in mm, then rotations in radians.
    """
    change = np.abs(np.diff(parameters, axis=0))
    moved = change[:, :3].sum(axis=1) + head_radius * change[:, 3:].sum(axis=1)
    return np.concatenate([[np.nan], moved])


def head_radius(mask: Path) -> float:
    """Return the radius in mm of a ball as large as a brain mask, as XCP-D's `--head-radius auto`.

    Parameters
    ----------
    mask : path
        A volume, above 0 in the brain.
    """
    from pydra_diffconn.files.volumes import load_image

    image = load_image(mask)
    voxels = int(np.count_nonzero(np.asarray(image.dataobj) > 0))
    if not voxels:
        raise ValueError(f"{mask} has no voxel above 0, so that the head has no radius; give head_radius in mm")
    volume = voxels * float(np.prod(image.header.get_zooms()[:3]))
    return (3 * volume / (4 * np.pi)) ** (1 / 3)


def _jenkinson(
    columns: dict[str, np.ndarray], motion_filter: MotionFilter | None, filtered: np.ndarray, confounds: Path
) -> np.ndarray:
    """Return the column `rmsd`; of filtered parameters, what it would be: with its sphere about the same centre."""
    if "rmsd" not in columns:
        raise ValueError(f"{confounds} has no column 'rmsd', which the convention 'jenkinson' reads; use 'power'")
    if motion_filter is None:
        return columns["rmsd"]
    import jax
    from scipy.optimize import least_squares

    from pydra_diffconn.blocks import JenkinsonDisplacement

    def moved(parameters: np.ndarray, center: Sequence[float]) -> np.ndarray:
        with jax.enable_x64(True):
            return np.asarray(compiled(parameters, np.asarray(center)))[1:]

    compiled = jax.jit(lambda motion, center: JenkinsonDisplacement.pure(motion, center=center))
    original, told = np.stack([columns[name] for name in PARAMETERS], axis=1), columns["rmsd"][1:]
    found = least_squares(lambda center: moved(original, center) - told, np.zeros(3))
    if np.abs(found.fun).max() > 0.01 * told.max():
        raise ValueError(
            f"the column 'rmsd' of {confounds} is not the displacement of its realignment parameters, so that there is "
            "none of filtered ones; use the convention 'power'"
        )
    return np.concatenate([[np.nan], moved(filtered, found.x)])


def _dummy_scans(columns: dict[str, np.ndarray], asked: int | str, frames: int, confounds: Path) -> int:
    if asked == "auto":
        marked = [column > 0.5 for name, column in columns.items() if name.startswith(NON_STEADY)]
        return int(np.flatnonzero(np.any(marked, axis=0)).max()) + 1 if np.any(marked) else 0
    count = int(asked)
    if not 0 <= count < frames:
        raise ValueError(f"{count} dummy scans of the {frames} frames of {confounds}; expected fewer, or 'auto'")
    return count
