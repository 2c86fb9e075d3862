"""Warnings that name the user's line, and not one of this package."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from types import FrameType

import pydra.utils

HOMES = (f"{Path(__file__).parent}/", f"{Path(pydra.utils.__file__).parent.parent}/")


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn of what was asked for by the nearest line outside of this package and Pydra, if there is one."""
    frame: FrameType | None = sys._getframe(1)
    level = 2
    while frame is not None and (frame.f_code.co_filename.startswith(HOMES) or _imports(frame)):
        level += not _imports(frame)  # `warnings.warn` does not count those either
        frame = frame.f_back
    warnings.warn(message, category, stacklevel=level if frame is not None else 2)


def _imports(frame: FrameType) -> bool:
    return "importlib" in frame.f_code.co_filename and "_bootstrap" in frame.f_code.co_filename
