"""How runs are processed: every setting with its default, checked once, and recorded beside every result."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydra_diffconn.bids.motion import MotionFilter
from pydra_diffconn.bids.postprocess import KINDS, ORDERS

CONNECTOMES = (*KINDS, "tangent")
NONE = ("none", "off", 0, 0.0, "0")
"""What turns a cut-off or a threshold off."""


@dataclass(frozen=True)
class Settings:
    """Settings of the processing of a run; the defaults are XCP-D's, where it has one."""

    order: str = "xcpd"
    high_pass: float | None = 0.01
    """Hz."""
    low_pass: float | None = 0.08
    """Hz."""
    filter_order: int = 2
    dummy_scans: int | str = 0
    """Frames at the start that are left out, or "auto"."""
    fd_threshold: float | None = 0.3
    """mm; frames that moved more are censored."""
    fd_threshold_final: float | None = None
    """mm, at most `fd_threshold`; frames that moved more are left out of connectomes, though not of the denoising."""
    fd_softness: float = 0.0
    """mm; width of the threshold's soft edge, which learning needs."""
    fd_convention: str = "power"
    head_radius: float | str = 50.0
    """mm, or "auto": of a ball as large as the brain mask."""
    dvars_threshold: float | None = None
    """Of the standardised DVARS."""
    exceeds: str = "any"
    """Whether a frame is censored that exceeds any of both thresholds, or "all"."""
    before: int = 0
    after: int = 0
    min_segment: int = 1
    ends: str | None = None
    """What filters see beyond the first and last kept frame: "hold", "extrapolate" or "cut"; by default by `order`."""
    motion_filter: str | None = None
    """"lp" or "notch"."""
    band_stop_min: float | None = None
    """Breaths per minute."""
    band_stop_max: float | None = None
    motion_filter_order: int = 4
    first_row: str = "copy_second"
    custom_confounds: str | None = None
    """A folder with a table of one's own for each run, named as fMRIPrep's table of confounds is."""
    penalty: float = 0.0
    smoothing: float = 0.0
    """mm, full width at half maximum."""
    min_coverage: float = 0.5
    """Least share of a parcel's places that have data."""
    min_time: float = 240.0
    """Seconds that must be left after censoring."""
    output_type: str = "censored"
    """Whether series have the kept frames alone ("censored") or all ("interpolated")."""
    connectomes: tuple[str, ...] = ("pearson",)
    shrinkage: float | None = None
    denoised: bool = False
    """Whether the denoised image is written, too."""
    alff: bool = False
    reho: bool = False

    def __post_init__(self) -> None:
        for name in (
            "high_pass",
            "low_pass",
            "fd_threshold",
            "fd_threshold_final",
            "dvars_threshold",
            "motion_filter",
        ):
            if getattr(self, name) in NONE:
                object.__setattr__(self, name, None)
        object.__setattr__(self, "connectomes", tuple(self.connectomes))
        if self.custom_confounds is not None:  # workers have folders of their own
            folder = Path(self.custom_confounds).resolve()
            if not folder.is_dir():
                raise ValueError(f"custom_confounds = {self.custom_confounds!r} is no folder")
            object.__setattr__(self, "custom_confounds", str(folder))
        self._check_words()
        self._check_numbers()

    def _check_words(self) -> None:
        words: dict[str, tuple[Any, ...]] = {
            "order": ORDERS,
            "fd_convention": ("power", "jenkinson"),
            "motion_filter": (None, "lp", "notch"),
            "exceeds": ("any", "all"),
            "ends": (None, "hold", "extrapolate", "cut"),
            "first_row": ("copy_second", "zero"),
            "output_type": ("censored", "interpolated"),
        }
        for name, known in words.items():
            if getattr(self, name) not in known:
                told = ", ".join(repr(one) for one in known if one is not None)
                raise ValueError(f"{name} = {getattr(self, name)!r}; expected one of {told}")
        for kind in self.connectomes:
            if kind not in CONNECTOMES:
                raise ValueError(f"connectomes: there is no {kind!r}; expected some of {', '.join(CONNECTOMES)}")
        if self.dummy_scans != "auto" and not (_is_whole(self.dummy_scans) and int(self.dummy_scans) >= 0):
            raise ValueError(f"dummy_scans = {self.dummy_scans!r}; expected a number of frames, or 'auto'")

    def _check_numbers(self) -> None:
        for name in ("before", "after", "filter_order", "motion_filter_order", "min_segment"):
            least = 0 if name in ("before", "after") else 1
            if not _is_whole(getattr(self, name)) or getattr(self, name) < least:
                raise ValueError(f"{name} = {getattr(self, name)!r}; expected a whole number, {least} or more")
        numbers = ("high_pass", "low_pass", "fd_threshold", "fd_threshold_final", "fd_softness", "dvars_threshold")
        radius = () if self.head_radius == "auto" else ("head_radius",)
        for name in (
            *numbers,
            *radius,
            "min_time",
            "penalty",
            "smoothing",
            "band_stop_min",
            "band_stop_max",
            "shrinkage",
            "min_coverage",
        ):
            value = getattr(self, name)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
                raise ValueError(f"{name} = {value!r}; expected a number, 0 or more")
        for name in ("min_coverage", "shrinkage"):
            if (getattr(self, name) or 0) > 1:
                raise ValueError(f"{name} = {getattr(self, name)}; expected 0 to 1")
        if self.high_pass and self.low_pass and self.high_pass >= self.low_pass:
            raise ValueError(f"high_pass = {self.high_pass:g} Hz is not below low_pass = {self.low_pass:g} Hz")
        if self.fd_threshold_final and not self.fd_threshold_final <= (self.fd_threshold or 0):
            raise ValueError(
                f"fd_threshold_final = {self.fd_threshold_final:g} mm is not below fd_threshold = {self.fd_threshold}; "
                "the final threshold is the stricter one"
            )
        if self.exceeds == "all" and (self.fd_threshold is None or self.dvars_threshold is None):
            raise ValueError("exceeds = 'all' needs both thresholds; give fd_threshold and dvars_threshold")
        if self.motion_filter and not self.band_stop_min:
            raise ValueError(f"motion_filter = {self.motion_filter!r} needs band_stop_min, in breaths per minute")

    @property
    def filter_of_motion(self) -> MotionFilter | None:
        """What filters the realignment parameters before displacement is taken."""
        if self.motion_filter is None:
            return None
        assert self.band_stop_min is not None
        kind: Any = self.motion_filter
        return MotionFilter(kind, self.band_stop_min, self.band_stop_max, self.motion_filter_order)

    def recorded(self) -> dict[str, Any]:
        """Return every setting by name, as a side-car has them."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in dataclasses.asdict(self).items()}


def settings(given: Mapping[str, Any], where: str) -> Settings:
    """Make settings of what a file or the command line says; `where` is named in errors."""
    known = {one.name for one in dataclasses.fields(Settings)}
    for name in given:
        if name not in known:
            near = ", ".join(difflib.get_close_matches(name, known)) or ", ".join(sorted(known))
            raise ValueError(f"{where}: there is no setting {name!r} (the nearest are {near})")
    try:
        return Settings(**given)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
