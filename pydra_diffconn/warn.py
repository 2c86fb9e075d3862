"""Warnings that name the user's line, and not one of this package."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

LIBRARY = f"{Path(os.__file__).parent}{os.sep}"
_heard: list[list[str]] = []


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn of what was asked for by the nearest line outside of this package and Pydra; of none in a worker process."""
    if _heard and category is UserWarning:
        _heard[-1].append(message)
        return
    frame: FrameType | None = sys._getframe(1)
    level = 2
    while frame is not None and _is_on_the_way(frame.f_code.co_filename):
        level += not _imports(frame.f_code.co_filename)  # `warnings.warn` does not count those either
        frame = frame.f_back
    with contextlib.nullcontext() if frame is not None else naming_no_place():
        warnings.warn(message, category, stacklevel=level)


@contextlib.contextmanager
def naming_no_place() -> Iterator[None]:
    """Show a warning as what it says, where the user wrote none of the lines that it could name."""
    before = warnings.formatwarning
    warnings.formatwarning = lambda message, *_, **__: f"Warning: {' '.join(str(message).split())}\n"
    try:
        yield
    finally:
        warnings.formatwarning = before


@contextlib.contextmanager
def heard() -> Iterator[list[str]]:
    """Collect what is warned of instead of showing it, to be told elsewhere; what other packages warn of is dropped."""
    said: list[str] = []
    _heard.append(said)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield said
    finally:
        _heard.pop()


@functools.cache
def _homes() -> tuple[str, ...]:
    """Return the folders of this package, Pydra and its workers, which are not imported for it."""
    found = [importlib.util.find_spec(name) for name in ("pydra_diffconn", "pydra", "loky")]
    return tuple(f"{path}{os.sep}" for one in found if one is not None for path in one.submodule_search_locations or ())


def _is_on_the_way(path: str) -> bool:
    """Say whether code is ours, or of what runs it: Pydra, its workers, Python's own library."""
    mine = path.startswith((*_homes(), "<frozen")) or _imports(path)
    return mine or (path.startswith(LIBRARY) and "site-packages" not in path)


def _imports(path: str) -> bool:
    return "importlib" in path and "_bootstrap" in path
