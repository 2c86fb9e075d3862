"""Files for runs, each read once whatever the number of runs."""

from __future__ import annotations

from typing import Any

import numpy as np
from fileformats.generic import FileSet

from pydra_diffconn import files
from pydra_diffconn.program.spool import Loaded
from pydra_diffconn.workflow.graph import Gathered, Input, Item, Reference, Source, Spread, Step


def _load(argument: Any, given: Any, mask: Any, main: Any, cache: Loaded) -> tuple[Any, Any]:
    """Read one argument; the same file for the same purpose is read once, whatever the number of runs."""
    if isinstance(given, list | tuple) and argument.role == "data":
        loaded = [_load(argument, value, mask, main, cache)[0] for value in given]
        key = ("stack", *map(id, loaded))
        if key not in cache:
            cache[key] = (np.stack(loaded), loaded)
        return cache[key][0], None
    if not isinstance(given, FileSet):
        return files.load_argument(argument, given, mask, main)
    images = argument.role == "data" and argument.dims == "time space"
    mask_key = str(mask) if isinstance(mask, FileSet) or mask is None else mask.tobytes()
    where = (
        None
        if main is None
        else (main.source if main.template is None else main.template.affine.tobytes(), main.positions.tobytes())
    )
    key = (str(given), argument.dims, argument.name if len(argument.dims.split()) == 1 else "", mask_key, where)
    if key not in cache:
        opened: Any = files.open_series(str(given), mask) if images else None
        if opened is None:
            loaded, space = files.load_argument(argument, given, mask, main)
            opened = (cache.spool.keep(loaded) if isinstance(loaded, np.ndarray) else loaded), space
        cache[key] = opened
    return cache[key]


def _name(source: Source, step: Step, argument: str) -> str:
    if isinstance(source, Item | Gathered | Spread):
        return _name(source.source, step, argument)
    if isinstance(source, Input):
        return source.name
    return f"{source.path}.{source.field}" if isinstance(source, Reference) else f"{step.path}.{argument}"
